//! The WASI functions that are implemented, by interface and name.

use ghanti_model::prompt::TEXT_BYTES_MAX;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use super::{InputStream, IoError, Network, OutputStream, Pollable, Stream, clock};
use crate::context::StoreData;
use crate::limit::Ended;

/// The most bytes printed at once, as returned by `check-write`.
const WRITE_BYTES_MAX: usize = TEXT_BYTES_MAX;
/// The most random bytes returned at once. A seed takes 32, an interpreter's generator 2,500.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// The smallest jump of the clock for which a flow's log says that it sleeps, in milliseconds.
const SLEEP_MS: u64 = 10;
/// Both clocks have a resolution of one microsecond.
const RESOLUTION_NS: u32 = 1_000;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "the contract's, but no stream here fails")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Streamed<T> = wasmtime::Result<(Result<T, StreamError>,)>;

/// Links the function if it is implemented. Returns whether it is.
pub(super) fn give(
    instance: &mut LinkerInstance<'_, StoreData>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<bool> {
    let linked = match interface {
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => {
            clocks(instance, interface, name)
        }
        "wasi:io/poll" => poll(instance, name),
        "wasi:io/streams" => streams(instance, name),
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            random(instance, name)
        }
        _ => surroundings(instance, name),
    };
    linked.transpose().map(|linked| linked.is_some())
}

type Linked = Option<wasmtime::Result<()>>;

fn clocks(instance: &mut LinkerInstance<'_, StoreData>, interface: &str, name: &str) -> Linked {
    let wall = interface == "wasi:clocks/wall-clock";
    Some(match name {
        "now" if wall => instance.func_wrap(name, |mut store, ()| {
            let (seconds, nanoseconds) = clock::parts(store.data_mut().read_clock());
            Ok((Datetime {
                seconds,
                nanoseconds,
            },))
        }),
        "now" => instance.func_wrap(name, |mut store, ()| Ok((store.data_mut().read_clock(),))),
        "resolution" if wall => instance.func_wrap(name, |_, ()| {
            Ok((Datetime {
                seconds: 0,
                nanoseconds: RESOLUTION_NS,
            },))
        }),
        "resolution" => instance.func_wrap(name, |_, ()| Ok((u64::from(RESOLUTION_NS),))),
        "subscribe-instant" => instance.func_wrap(name, |mut store, (due_ns,): (u64,)| {
            Ok((store.data_mut().wasi.hand_out(Pollable { due_ns })?,))
        }),
        "subscribe-duration" => instance.func_wrap(name, |mut store, (wait_ns,): (u64,)| {
            let guest = store.data_mut();
            let due_ns = guest.read_clock().saturating_add(wait_ns);
            Ok((guest.wasi.hand_out(Pollable { due_ns })?,))
        }),
        _ => return None,
    })
}

fn poll(instance: &mut LinkerInstance<'_, StoreData>, name: &str) -> Linked {
    Some(match name {
        "[method]pollable.ready" => {
            instance.func_wrap(name, |mut store, (pollable,): (Resource<Pollable>,)| {
                Ok((store.data_mut().is_ready(&pollable)?,))
            })
        }
        "[method]pollable.block" => {
            instance.func_wrap(name, |mut store, (pollable,): (Resource<Pollable>,)| {
                store.data_mut().wait(&[pollable])?;
                Ok(())
            })
        }
        "poll" => instance.func_wrap(
            name,
            |mut store, (pollables,): (Vec<Resource<Pollable>>,)| {
                Ok((store.data_mut().wait(&pollables)?,))
            },
        ),
        _ => return None,
    })
}

impl StoreData {
    fn read_clock(&mut self) -> u64 {
        let journal_ms = self.journal_ms();
        self.wasi.clock.read(journal_ms)
    }

    fn is_ready(&mut self, pollable: &Resource<Pollable>) -> wasmtime::Result<bool> {
        let now_ns = self.read_clock();
        Ok(self.wasi.handles.get(pollable)?.due_ns <= now_ns)
    }

    /// The indices of the pollables that are ready. If none is, the clock jumps to the earliest.
    fn wait(&mut self, pollables: &[Resource<Pollable>]) -> wasmtime::Result<Vec<u32>> {
        let mut dues = Vec::with_capacity(pollables.len());
        for pollable in pollables {
            dues.push(self.wasi.handles.get(pollable)?.due_ns);
        }
        let first_ns = dues
            .iter()
            .copied()
            .min()
            .ok_or_else(|| Ended::Closed("wasi:io/poll.poll for nothing".to_owned()))?;
        let before_ns = self.read_clock();
        let now_ns = before_ns.max(first_ns);
        let slept_ms = now_ns.saturating_sub(before_ns) / 1_000_000;
        if slept_ms >= SLEEP_MS
            && let Some(host) = self.host()
        {
            host.slept(slept_ms);
        }
        self.wasi.clock.jump(now_ns);
        Ok((0_u32..)
            .zip(dues)
            .filter(|(_, due_ns)| *due_ns <= now_ns)
            .map(|(index, _)| index)
            .collect())
    }
}

fn streams(instance: &mut LinkerInstance<'_, StoreData>, name: &str) -> Linked {
    Some(match name {
        "[method]output-stream.check-write" => instance.func_wrap(
            name,
            |_, (_,): (Resource<OutputStream>,)| -> Streamed<u64> {
                Ok((Ok(WRITE_BYTES_MAX as u64),))
            },
        ),
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            instance.func_wrap(
                name,
                |mut store, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| -> Streamed<()> {
                    let guest = store.data_mut();
                    let OutputStream(stream) = *guest.wasi.handles.get(&stream)?;
                    if bytes.len() > WRITE_BYTES_MAX {
                        return Err(Ended::TooMuch("prints", WRITE_BYTES_MAX as u64).into());
                    }
                    guest.print(stream, &bytes);
                    Ok((Ok(()),))
                },
            )
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => instance
            .func_wrap(name, |_, (_,): (Resource<OutputStream>,)| -> Streamed<()> {
                Ok((Ok(()),))
            }),
        "[method]output-stream.subscribe" => {
            instance.func_wrap(name, |mut store, (_,): (Resource<OutputStream>,)| {
                Ok((store.data_mut().wasi.hand_out(Pollable { due_ns: 0 })?,))
            })
        }
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => instance.func_wrap(
            name,
            |_, (_, _): (Resource<InputStream>, u64)| -> Streamed<Vec<u8>> {
                Ok((Err(StreamError::Closed),))
            },
        ),
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => instance.func_wrap(
            name,
            |_, (_, _): (Resource<InputStream>, u64)| -> Streamed<u64> {
                Ok((Err(StreamError::Closed),))
            },
        ),
        "[method]input-stream.subscribe" => {
            instance.func_wrap(name, |mut store, (_,): (Resource<InputStream>,)| {
                Ok((store.data_mut().wasi.hand_out(Pollable { due_ns: 0 })?,))
            })
        }
        _ => return None,
    })
}

fn random(instance: &mut LinkerInstance<'_, StoreData>, name: &str) -> Linked {
    Some(match name {
        "get-random-u64" | "get-insecure-random-u64" => instance
            .func_wrap(name, |mut store, ()| {
                Ok((store.data_mut().wasi.random.draw(),))
            }),
        "get-random-bytes" | "get-insecure-random-bytes" => {
            instance.func_wrap(name, |mut store, (count,): (u64,)| {
                if count > RANDOM_BYTES_MAX {
                    return Err(Ended::TooMuch("takes random bytes,", RANDOM_BYTES_MAX).into());
                }
                let random = &mut store.data_mut().wasi.random;
                let count = usize::try_from(count).unwrap_or_default();
                let words =
                    std::iter::repeat_with(|| random.draw().to_le_bytes()).take(count.div_ceil(8));
                Ok((words.flatten().take(count).collect::<Vec<u8>>(),))
            })
        }
        "insecure-seed" => instance.func_wrap(name, |mut store, ()| {
            let random = &mut store.data_mut().wasi.random;
            Ok(((random.draw(), random.draw()),))
        }),
        _ => return None,
    })
}

/// A program's environment: streams, and nothing else.
fn surroundings(instance: &mut LinkerInstance<'_, StoreData>, name: &str) -> Linked {
    Some(match name {
        "get-stdin" => instance.func_wrap(name, |mut store, ()| {
            Ok((store.data_mut().wasi.hand_out(InputStream)?,))
        }),
        "get-stdout" => instance.func_wrap(name, |mut store, ()| {
            Ok((store.data_mut().wasi.hand_out(OutputStream(Stream::Out))?,))
        }),
        "get-stderr" => instance.func_wrap(name, |mut store, ()| {
            Ok((store.data_mut().wasi.hand_out(OutputStream(Stream::Err))?,))
        }),
        "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr" => {
            instance.func_wrap(name, |_, ()| Ok((None::<Resource<super::Closed>>,)))
        }
        "get-environment" => {
            instance.func_wrap(name, |_, ()| Ok((Vec::<(String, String)>::new(),)))
        }
        "get-arguments" => instance.func_wrap(name, |_, ()| Ok((Vec::<String>::new(),))),
        "initial-cwd" => instance.func_wrap(name, |_, ()| Ok((None::<String>,))),
        "get-directories" => instance.func_wrap(name, |_, ()| {
            Ok((Vec::<(Resource<super::Closed>, String)>::new(),))
        }),
        "instance-network" => instance.func_wrap(name, |mut store, ()| {
            Ok((store.data_mut().wasi.hand_out(Network)?,))
        }),
        "exit" => instance.func_wrap(name, |_, (_,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            Err(Ended::Exited.into())
        }),
        _ => return None,
    })
}
