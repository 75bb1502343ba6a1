//! What one running flow has on the host's side of the wall: its conversation, journal, rules and meters.
//!
//! It lives in the flow's store and is dropped with it. Nothing here outlives the call but the journal.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use samvaad_model::{CallError, Function, Language, Masked};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use wasmtime::{ResourceLimiter, UpdateDeadline};

use crate::Conversation;
use crate::bindings::runtime::Level;
use crate::engine::{TABLE_ELEMENTS_MAX, TICK_MS};
use crate::functions::{level_name, write_log};
use crate::gate::Rules;
use crate::journal::{Clock, Closed, Divergence, ENTRIES_MAX, Outcome, SharedJournal};
use crate::manifest::Limits;
use crate::wasi::{Stream, Wasi};

/// What a flow may hand over in one host call, texts and lists together, before any of it is looked at: lists that name one text a
/// thousand times would fill the memory otherwise. Four times what `[limits] text-bytes` may be, since items of lists count as well.
pub(crate) const HANDED_OVER_BYTES: usize = 1 << 20;

/// A limit that ends a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `[limits] memory`.
    Memory,
    /// `[limits] compute-ms`.
    Compute,
    /// Computing for most of the time, a little before each host call.
    Busy,
    /// `[limits] host-calls-per-second`.
    HostCalls,
    /// `[limits] journal-kib`, or the journal's number of entries.
    Journal,
    /// What is handed over in one host call, whatever the manifest says.
    HandedOver,
    /// `[limits] call-minutes`, or the operator's longest call. Told by whoever holds the call.
    CallLength,
    /// The flow's own stack.
    Stack,
    /// The engine's number of calls.
    Calls,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Memory => f.write_str("the flow needs more memory than `[limits] memory` grants: raise it, or keep less"),
            Limit::Compute => f.write_str("the flow computed for longer than `[limits] compute-ms` without calling a host function"),
            Limit::Busy => {
                write!(
                    f,
                    "the flow computed for {} s of {} s: let it wait for the caller",
                    BUSY_TICKS * TICK_MS / 1_000,
                    BUSY_WINDOW.as_secs()
                )
            }
            Limit::HostCalls => f.write_str("the flow called more host functions in a second than `[limits] host-calls-per-second` grants"),
            Limit::Journal => {
                write!(f, "the call's journal is full, at `[limits] journal-kib` or {ENTRIES_MAX} entries: say and ask less in one call")
            }
            Limit::HandedOver => {
                write!(f, "the flow handed over more than {} KiB in one host call: say less at once", HANDED_OVER_BYTES >> 10)
            }
            Limit::CallLength => f.write_str("the call lasted longer than `[limits] call-minutes` and the operator grant"),
            Limit::Stack => f.write_str("the flow's functions call each other too deeply: look for an endless recursion"),
            Limit::Calls => f.write_str("the engine runs as many flows as it has room for: raise its number of calls"),
        }
    }
}

/// Why the host ended the flow; travels through the guest as a trap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("{0}")]
    Limit(Limit),
    #[error("the replay left the record at entry {}", .0.seq)]
    Diverged(Divergence),
    #[error("entry {0} of the record holds no answer of this contract")]
    Unreadable(u32),
    #[error("`describe` called `{0:?}`: it runs before any call, so it can only return what the flow is")]
    NoCall(Function),
    #[error("the flow called `{0}`, which is closed to flows: take files and connections out of the script")]
    Closed(String),
    #[error("the flow called `exit`: let it return from `run`, or raise an error")]
    Exited,
    #[error("the flow holds more than {0} streams and timers: drop them, or make one and keep it")]
    Handles(usize),
    #[error("the flow {0} more than {1} bytes at once: take less at a time")]
    TooMuch(&'static str, u64),
}

impl From<Closed> for Ended {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Full => Ended::Limit(Limit::Journal),
            Closed::Diverged(divergence) => Ended::Diverged(divergence),
            Closed::Unreadable(seq) => Ended::Unreadable(seq),
        }
    }
}

/// The state of one running flow.
pub(crate) struct Host {
    pub(crate) conversation: Box<dyn Conversation>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) established: BTreeSet<String>,
    pub(crate) notes: BTreeSet<String>,
    /// The language that the flow has set.
    pub(crate) language: Option<Language>,
    pub(crate) random: SplitMix64,
    pub(crate) log_lines: u32,
    pub(crate) show_logs: bool,
    journal: SharedJournal,
}

/// What a store holds: meters always, a host only where there is a call. `describe` runs without one.
pub(crate) struct Guest {
    host: Option<Host>,
    pub(crate) memory: MemoryMeter,
    pub(crate) wasi: Wasi,
    pub(crate) text_bytes: u64,
    pub(crate) log_lines: u32,
    compute: ComputeMeter,
    calls: RateMeter,
}

impl Guest {
    pub(crate) fn new(host: Option<Host>, limits: &Limits) -> Self {
        let seed = host.as_ref().map_or(0, |host| host.journal.seed());
        Self {
            host,
            wasi: Wasi::new(seed),
            text_bytes: limits.text_bytes,
            log_lines: limits.log_lines,
            memory: MemoryMeter { bytes: 0, max_bytes: limits.memory_bytes, refused: false },
            compute: ComputeMeter { ticks: 0, max_ticks: limits.compute_ms.div_ceil(TICK_MS) + 1, since: Instant::now(), busy: 0 },
            calls: RateMeter { since: Instant::now(), calls: 0, max_calls: limits.host_calls_per_second },
        }
    }

    /// Called at each tick of the epoch that finds the flow computing: it yields, until its time is up. Ticks and not milliseconds are
    /// counted, so that a flow does not pay for the time it was made to wait.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.compute.ticks += 1;
        if self.compute.ticks >= self.compute.max_ticks {
            return Err(Ended::Limit(Limit::Compute).into());
        }
        if self.compute.is_busy() {
            return Err(Ended::Limit(Limit::Busy).into());
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    }

    /// The way of every host function: the meters, then the journal. `live` asks the world.
    pub(crate) async fn call<T, L>(&mut self, function: Function, arguments: Json, live: L) -> wasmtime::Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        L: for<'a> FnOnce(&'a mut Host) -> BoxFuture<'a, T> + Send,
    {
        let host = self.host.as_mut().ok_or(Ended::NoCall(function))?;
        let journal = host.journal.clone();
        // a recorded quarter of an hour runs within milliseconds
        if !journal.is_replay() {
            self.calls.count()?;
        }
        let answer = journal.call(host, function, arguments, live).await.map_err(Ended::from)?;
        self.compute.ticks = 0;
        Ok(answer)
    }

    /// [`Guest::call`] for a function that can fail.
    pub(crate) async fn attempt<T, L>(&mut self, function: Function, arguments: Json, live: L) -> wasmtime::Result<Result<T, CallError>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        L: for<'a> FnOnce(&'a mut Host) -> BoxFuture<'a, Result<T, CallError>> + Send + 'static,
    {
        let outcome: Outcome<T> = self.call(function, arguments, |host| Box::pin(async move { Outcome::from(live(host).await) })).await?;
        Ok(outcome.into())
    }

    /// Counts a call that leaves no journal entry.
    pub(crate) fn pass_over(&mut self) -> wasmtime::Result<()> {
        let is_replay = self.host.as_ref().is_some_and(|host| host.journal.is_replay());
        if !is_replay {
            self.calls.count()?;
        }
        Ok(())
    }

    /// The time of the journal's last answer, since 1970; at first when the call's first function is called. `describe` has none.
    pub(crate) fn journal_ms(&mut self) -> u64 {
        let Some(host) = self.host.as_mut() else { return 0 };
        let journal = host.journal.clone();
        journal.now_ms(host)
    }

    /// Prints to the call's log, a line at a time. Lines are dropped and counted as those of `runtime.log` are. A replay, whose lines have
    /// been in the log before, shows none.
    pub(crate) fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let lines = self.wasi.printed.take(stream, bytes);
        self.show(stream, lines);
    }

    /// Prints what the flow left without a newline.
    pub(crate) fn print_rest(&mut self) {
        for stream in [Stream::Out, Stream::Err] {
            let rest = self.wasi.printed.rest(stream);
            self.show(stream, rest);
        }
    }

    fn show(&mut self, stream: Stream, lines: impl IntoIterator<Item = String>) {
        let Some(host) = self.host.as_mut() else { return };
        for line in lines {
            host.leave_line(stream.level(), &line);
            if host.log_lines < self.log_lines && !host.journal.is_replay() {
                write_log(stream.level(), line.len(), if host.show_logs { &line } else { "" });
            }
            host.log_lines = host.log_lines.saturating_add(1);
        }
    }

    pub(crate) fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    pub(crate) fn host_mut(&mut self) -> Option<&mut Host> {
        self.host.as_mut()
    }
}

impl Host {
    pub(crate) fn new(conversation: Box<dyn Conversation>, journal: SharedJournal, rules: Arc<Rules>, show_logs: bool) -> Self {
        let random = SplitMix64(journal.seed());
        let (established, notes) = (BTreeSet::new(), BTreeSet::new());
        Self { conversation, rules, established, notes, language: None, random, log_lines: 0, show_logs, journal }
    }
}

impl Host {
    /// Keeps a line of the flow for the report of its failure.
    pub(crate) fn leave_line(&self, level: Level, message: &str) {
        self.journal.change_trace(|trace| trace.line(level_name(level), message));
    }

    /// Keeps where the flow stood when it was ended.
    pub(crate) fn leave_stack(&self, traceback: Vec<String>, stack: Vec<String>) {
        self.journal.change_trace(|trace| (trace.traceback, trace.stack) = (traceback.into_iter().map(Masked::new).collect(), stack));
    }
}

impl Clock for Host {
    fn unix_ms(&mut self) -> u64 {
        self.conversation.now().unix_ms
    }
}

/// Counts linear memory, all memories of a component together.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    bytes: u64,
    max_bytes: u64,
    /// Whether growing was ever refused: the trap that follows in most languages is then told as a limit.
    pub(crate) refused: bool,
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current) as u64);
        if bytes > self.max_bytes {
            self.refused = true;
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// Ticks since the last host call. The first tick comes at any time within its 10 ms, so one more than the limit holds is allowed.
#[derive(Debug)]
struct ComputeMeter {
    ticks: u64,
    max_ticks: u64,
    /// When the running window of [`BUSY_WINDOW`] began, and the ticks in it.
    since: Instant,
    busy: u64,
}

/// A conversation waits for the caller nearly all the time. A flow that does not keeps a processor from others, even if it calls the host
/// often enough for `[limits] compute-ms`.
const BUSY_WINDOW: Duration = Duration::from_secs(10);
/// The most ticks in that time: two seconds.
const BUSY_TICKS: u64 = 200;

impl ComputeMeter {
    /// Counts a tick of the running window. Tells whether there are too many.
    fn is_busy(&mut self) -> bool {
        if self.since.elapsed() >= BUSY_WINDOW {
            (self.since, self.busy) = (Instant::now(), 0);
        }
        self.busy += 1;
        self.busy > BUSY_TICKS
    }
}

/// Host calls within the running second of real time.
#[derive(Debug)]
struct RateMeter {
    since: Instant,
    calls: u32,
    max_calls: u32,
}

impl RateMeter {
    fn count(&mut self) -> Result<(), Ended> {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.calls) = (Instant::now(), 0);
        }
        self.calls += 1;
        if self.calls > self.max_calls { Err(Ended::Limit(Limit::HostCalls)) } else { Ok(()) }
    }
}

/// Sebastiano Vigna's generator (<https://prng.di.unimi.it/splitmix64.c>): the call's randomness, the same for the same seed on every machine.
#[derive(Debug)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_is_that_of_the_reference_implementation() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn memories_are_counted_together() {
        let mut meter = MemoryMeter { bytes: 0, max_bytes: 100, refused: false };
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert!(meter.refused);
    }

    #[test]
    fn a_computing_flow_yields_and_is_ended_after_its_time() {
        let mut guest = Guest::new(None, &Limits::default());
        for _ in 0..5 {
            assert!(matches!(guest.tick(), Ok(UpdateDeadline::YieldCustom(1, _))));
        }
        assert!(guest.tick().is_err());
    }

    #[test]
    fn a_flow_that_computes_between_all_its_host_calls_is_ended_as_well() {
        let mut guest = Guest::new(None, &Limits::default());
        for _ in 0..BUSY_TICKS {
            assert!(guest.tick().is_ok());
            // as a host call does
            guest.compute.ticks = 0;
        }
        let ended = guest.tick().err().and_then(|error| error.downcast::<Ended>().ok());
        assert!(matches!(ended, Some(Ended::Limit(Limit::Busy))), "{ended:?}");
    }
}
