//! Runs a child process that compiles one component, and interprets how it ended.
//!
//! Component, code and error output are passed in anonymous files, as the child's standard input,
//! output and error. Its environment contains only the loader's path, so that the engine's secrets
//! are out of its reach.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::bounds::{Bounds, Order, Remembered};
use super::inside::{REJECTED, Rejected};
use crate::engine::FlowEngine;
use crate::rejection::{Fault, Step};

/// The longest that one compilation may take in real time. An honest one takes far less, unless
/// other processes keep it off the processors.
const WALL: Duration = Duration::from_secs(15 * 60);

/// How much of the child's error output is read.
const COMPLAINTS_BYTES: u64 = 16 << 10;

const HINT_BUILD: &str =
    "build the component again with the SDK of its language; this file is not tried again";

/// Why no code was produced.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may succeed, or finds the same error cheaply.
    Passing(Fault),
    /// The component crashed its compiler, and would again.
    Lasting(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Passing(fault)
    }
}

/// A child's three files.
struct Files {
    component: File,
    code: File,
    complaints: File,
}

/// Compiles and checks a component in a child process, and returns its code.
pub(super) async fn compile(
    engine: &FlowEngine,
    program: &Path,
    component: Vec<u8>,
    bounds: &Bounds,
) -> Result<Vec<u8>, Failure> {
    let remembered = engine.remembered();
    let mut order = Order {
        bounds: bounds.clone(),
        parent: std::process::id(),
        remembered: None,
    };
    let fresh = match remembered.map(|remembered| {
        (
            remembered,
            NamedTempFile::with_prefix("flow-functions-fresh-"),
        )
    }) {
        Some((remembered, Ok(fresh))) => {
            order.remembered = Some(Remembered {
                known: remembered.path(),
                fresh: fresh.path().to_owned(),
            });
            order.bounds.memory_bytes = bounds.memory_bytes.saturating_add(remembered.max_bytes());
            order.bounds.address_bytes =
                bounds.address_bytes.saturating_add(remembered.max_bytes());
            Some((Arc::clone(remembered), fresh))
        }
        Some((_, Err(error))) => {
            tracing::warn!(%error, "compiled functions cannot be remembered");
            None
        }
        None => None,
    };

    let (program, runtime) = (program.to_owned(), Handle::current());
    // a child inherits the priority of the thread that starts it, and is killed when that thread
    // ends
    let started = engine.loader_pool().run(move || {
        let _runtime = runtime.enter();
        start(&program, &component, &order)
    });
    let (mut child, files) = started
        .await
        .map_err(cannot_start)?
        .map_err(|error| cannot_start(&error.to_string()))?;
    let Ok(ended) = timeout(WALL, child.wait()).await else {
        let reason = format!("compiling it took more than {} min", WALL.as_secs() / 60);
        return Err(Failure::Passing(Fault::new(
            Step::Compile,
            reason,
            "try again when the machine has less to do, or make it smaller",
        )));
    };
    let status = ended.map_err(|error| cannot_start(&error.to_string()))?;
    let bounds = bounds.clone();
    let read = move || {
        let code = files.read(status, &bounds)?;
        if let Some((remembered, fresh)) = fresh
            && let Err(error) = remembered.add(fresh.path())
        {
            tracing::warn!(%error, "compiled functions cannot be remembered");
        }
        Ok(code)
    };
    engine.loader_pool().run(read).await.map_err(cannot_start)?
}

fn cannot_start(error: &str) -> Failure {
    let reason = format!("its compiler, a process of its own, cannot be run: {error}");
    Failure::Passing(Fault::new(
        Step::Compile,
        reason,
        "check the engine's limits of processes and memory, and the space in its folder of temporary files",
    ))
}

fn start(
    program: &Path,
    component: &[u8],
    order: &Order,
) -> io::Result<(tokio::process::Child, Files)> {
    let mut files = Files {
        component: tempfile::tempfile()?,
        code: tempfile::tempfile()?,
        complaints: tempfile::tempfile()?,
    };
    files.component.write_all(component)?;
    files.component.rewind()?;
    let mut command = Command::new(program);
    command
        .arg("compile-component")
        .arg(serde_json::to_string(order)?);
    command
        .env_clear()
        .envs(std::env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)));
    let handed = |file: &File| file.try_clone().map(Stdio::from);
    command
        .stdin(handed(&files.component)?)
        .stdout(handed(&files.code)?)
        .stderr(handed(&files.complaints)?);
    Ok((command.kill_on_drop(true).spawn()?, files))
}

impl Files {
    /// Reads the result of a child that has ended.
    fn read(mut self, status: ExitStatus, bounds: &Bounds) -> Result<Vec<u8>, Failure> {
        let unread = |error: io::Error| cannot_start(&error.to_string());
        let mut left = Vec::new();
        self.code.rewind().map_err(unread)?;
        self.code
            .take(bounds.code_bytes)
            .read_to_end(&mut left)
            .map_err(unread)?;
        match status.code() {
            Some(0) => Ok(left),
            Some(REJECTED) => match serde_json::from_slice::<Rejected>(&left) {
                Ok(rejected) => Err(Failure::Passing(rejected.into())),
                Err(error) => Err(cannot_start(&format!("its answer cannot be read: {error}"))),
            },
            _ => {
                let mut complaints = Vec::new();
                self.complaints.rewind().map_err(unread)?;
                self.complaints
                    .take(COMPLAINTS_BYTES)
                    .read_to_end(&mut complaints)
                    .map_err(unread)?;
                Err(ended(status, &String::from_utf8_lossy(&complaints), bounds))
            }
        }
    }
}

/// Interprets the end of a child that produced neither code nor a rejection.
fn ended(status: ExitStatus, complaints: &str, bounds: &Bounds) -> Failure {
    tracing::debug!(%status, complaints, "the child that compiled a component came to grief");
    let lasting = |reason: String| Failure::Lasting(Fault::new(Step::Compile, reason, HINT_BUILD));
    let mib = |bytes: u64| bytes >> 20;
    if complaints.contains("has overflowed its stack") {
        return lasting(format!(
            "it nests so deeply that reading it overflows a stack of {} MiB",
            mib(bounds.stack_bytes)
        ));
    }
    if complaints.contains("memory allocation of") || complaints.contains("out of memory") {
        return lasting(format!(
            "reading and compiling it takes more than {} MiB of memory",
            mib(bounds.memory_bytes)
        ));
    }
    match status.signal() {
        Some(libc::SIGXCPU) => lasting(format!(
            "reading and compiling it takes more than {} s of processor time",
            bounds.cpu_s
        )),
        Some(libc::SIGXFSZ) => lasting(format!(
            "compiled it has more than {} MiB",
            mib(bounds.code_bytes)
        )),
        Some(
            signal @ (libc::SIGSEGV
            | libc::SIGBUS
            | libc::SIGILL
            | libc::SIGFPE
            | libc::SIGTRAP
            | libc::SIGABRT),
        ) => lasting(format!(
            "reading and compiling it ended the compiler (signal {signal})"
        )),
        // sent from outside: by the system when memory is short, or by whoever stops the engine
        Some(signal) => cannot_start(&format!("it was ended from outside by signal {signal}")),
        None if status.code() == Some(PANICKED) => {
            let words = complaints
                .lines()
                .skip_while(|line| !line.contains("panicked at"))
                .nth(1)
                .unwrap_or_default();
            lasting(format!(
                "reading and compiling it ended the compiler: {}",
                words.chars().take(200).collect::<String>()
            ))
        }
        None => cannot_start(&format!(
            "it ended with {status}: {}",
            complaints.lines().last().unwrap_or_default()
        )),
    }
}

/// Exit code of a Rust program that panicked.
const PANICKED: i32 = 101;

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(status: i32, complaints: &str) -> (bool, String) {
        match ended(
            ExitStatus::from_raw(status),
            complaints,
            &Bounds::of(1 << 20),
        ) {
            Failure::Lasting(fault) => (true, fault.reason),
            Failure::Passing(fault) => (false, fault.reason),
        }
    }

    #[test]
    fn what_ended_a_child_is_reported_by_its_cause_and_only_the_components_own_doing_lasts() {
        let exit = |code: i32| code << 8;
        let panicked = "\nthread 'main' panicked at /of/a/crate.rs:7:9:\nindex out of bounds\nnote: run with\n";
        for (status, complaints, lasts, words) in [
            (
                libc::SIGABRT,
                "thread 'a' has overflowed its stack\nfatal runtime error",
                true,
                "overflows a stack of 1 MiB",
            ),
            (
                libc::SIGABRT,
                "memory allocation of 402653184 bytes failed",
                true,
                "more than 320 MiB of memory",
            ),
            (libc::SIGXCPU, "", true, "more than 20 s of processor time"),
            (libc::SIGXFSZ, "", true, "compiled it has more than 80 MiB"),
            (libc::SIGSEGV, "", true, "ended the compiler (signal 11)"),
            (
                exit(PANICKED),
                panicked,
                true,
                "ended the compiler: index out of bounds",
            ),
            (libc::SIGKILL, "", false, "ended from outside by signal 9"),
            (libc::SIGTERM, "", false, "ended from outside by signal 15"),
            (
                exit(1),
                "cannot compile the component: no threads",
                false,
                "cannot compile the component: no threads",
            ),
        ] {
            let (does_last, reason) = reported(status, complaints);
            assert_eq!(does_last, lasts, "{reason}");
            assert!(
                reason.contains(words) && !reason.contains("crate.rs"),
                "{reason}"
            );
        }
    }
}
