//! The host's state for one running flow: its conversation, journal, rules and meters.
//!
//! It lives in the flow's store and is dropped with it. Only the journal outlives the call.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ghanti_manifest::Limits;
use ghanti_model::{CallError, Function, Language, Masked};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use wasmtime::UpdateDeadline;

use crate::Conversation;
use crate::bindings::runtime::Level;
use crate::functions::{level_name, write_log};
use crate::gate::Rules;
use crate::journal::{Clock, Closed, Divergence, ENTRIES_MAX, Outcome, SharedJournal};
use crate::meters::compute::{ARRIVAL, BUSY, BUSY_WINDOW, ComputeMeter};
use crate::meters::{MemoryMeter, RateMeter};
use crate::wasi::{Stream, Wasi};

/// The most bytes a flow may pass in one host call, texts and lists together. wasmtime
/// enforces it while copying the arguments: otherwise, a list that names one text a thousand times
/// would fill the memory. Four times the maximum of `[limits] text-bytes`, since list items count
/// as well.
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
    /// What a version may compute while it replays a running call that it is to take over.
    Arrival,
    /// `[limits] host-calls-per-second`.
    HostCalls,
    /// The journal's size, by `[limits] journal-kib`, or its number of entries.
    Journal,
    /// The bytes passed in one host call; not set by the manifest.
    HandedOver,
    /// `[limits] call-minutes`, or the operator's maximum call length. Reported by the owner of the
    /// call.
    CallLength,
    /// The flow's own stack.
    Stack,
    /// The engine's number of concurrent calls.
    Calls,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Memory => f.write_str("the flow needs more memory than `[limits] memory` grants: raise it, or keep less"),
            Limit::Compute => f.write_str("the flow computed for longer than `[limits] compute-ms` without calling a host function"),
            Limit::Busy => {
                write!(f, "the flow computed for {} s of {} s: let it wait for the caller", BUSY.as_secs(), BUSY_WINDOW.as_secs())
            }
            Limit::Arrival => {
                write!(f, "the flow did not come to where the call waits within {} ms of processor time", ARRIVAL.as_millis())
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

/// Why the host terminated the flow; it travels through the guest as a trap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("{0}")]
    Limit(Limit),
    #[error("the replay left the record at entry {}", .0.seq)]
    Diverged(Divergence),
    #[error("entry {0} of the record holds no answer of this contract")]
    Unreadable(u32),
    #[error(
        "`describe` called `{0:?}`: it runs before any call, so it can only return what the flow is"
    )]
    NoCall(Function),
    #[error(
        "the flow called `{0}`, which is closed to flows: take files and connections out of the script"
    )]
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
pub(crate) struct CallContext {
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

/// The data of a store. The meters are always there, the host only during a call: `describe` runs
/// without one.
pub(crate) struct StoreData {
    host: Option<CallContext>,
    pub(crate) memory: MemoryMeter,
    pub(crate) wasi: Wasi,
    pub(crate) text_bytes: u64,
    pub(crate) log_lines: u32,
    pub(crate) compute: ComputeMeter,
    calls: RateMeter,
}

impl StoreData {
    pub(crate) fn new(host: Option<CallContext>, limits: &Limits) -> Self {
        let seed = host.as_ref().map_or(0, |host| host.journal.seed());
        Self {
            host,
            wasi: Wasi::new(seed),
            text_bytes: limits.text_bytes,
            log_lines: limits.log_lines,
            memory: MemoryMeter::new(limits.memory_bytes),
            compute: ComputeMeter::new(limits.compute_ms),
            calls: RateMeter::new(limits.host_calls_per_second),
        }
    }

    /// Called at each epoch tick while the flow computes: makes it yield, or fails once it has used
    /// up its time.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.compute.tick().map_err(Ended::Limit)?;
        // the arrival limit only applies while the version can still decline to take the call over
        if self.compute.is_late()
            && self
                .host
                .as_ref()
                .is_some_and(|host| host.journal.is_repeating())
        {
            return Err(Ended::Limit(Limit::Arrival).into());
        }
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    }

    /// Runs a host function: first the meters, then the journal. `live` produces the answer outside
    /// a replay.
    pub(crate) async fn call<T, L>(
        &mut self,
        function: Function,
        arguments: Json,
        live: L,
    ) -> wasmtime::Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        L: for<'a> FnOnce(&'a mut CallContext) -> BoxFuture<'a, T> + Send,
    {
        let host = self.host.as_mut().ok_or(Ended::NoCall(function))?;
        let journal = host.journal.clone();
        // in a replay, fifteen recorded minutes run within milliseconds
        if !journal.is_replay() {
            self.calls.count().map_err(Ended::Limit)?;
        }
        self.compute.host_begins();
        let answer = journal
            .call(host, function, arguments, live)
            .await
            .map_err(Ended::from)?;
        self.compute.host_ends();
        Ok(answer)
    }

    /// [`StoreData::call`] for a function that can fail.
    pub(crate) async fn attempt<T, L>(
        &mut self,
        function: Function,
        arguments: Json,
        live: L,
    ) -> wasmtime::Result<Result<T, CallError>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        L: for<'a> FnOnce(&'a mut CallContext) -> BoxFuture<'a, Result<T, CallError>>
            + Send
            + 'static,
    {
        let outcome: Outcome<T> = self
            .call(function, arguments, |host| {
                Box::pin(async move { Outcome::from(live(host).await) })
            })
            .await?;
        Ok(outcome.into())
    }

    /// Counts a host call that leaves no journal entry.
    pub(crate) fn pass_over(&mut self) -> wasmtime::Result<()> {
        let is_replay = self
            .host
            .as_ref()
            .is_some_and(|host| host.journal.is_replay());
        if !is_replay {
            self.calls.count().map_err(Ended::Limit)?;
        }
        Ok(())
    }

    /// The time of the journal's last answer, in milliseconds since 1970; before the first answer,
    /// the beginning of the journal. 0 during `describe`.
    pub(crate) fn journal_ms(&mut self) -> u64 {
        let Some(host) = self.host.as_mut() else {
            return 0;
        };
        let journal = host.journal.clone();
        journal.now_ms(host)
    }

    /// Writes what the flow printed to the call's log, line by line. Lines are limited and counted
    /// together with those of `runtime.log`. A replay writes none, since its lines have already
    /// been logged.
    pub(crate) fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let lines = self.wasi.printed.take(stream, bytes);
        self.show(stream, lines);
    }

    /// Logs what the flow printed last, without a newline.
    pub(crate) fn print_rest(&mut self) {
        for stream in [Stream::Out, Stream::Err] {
            let rest = self.wasi.printed.rest(stream);
            self.show(stream, rest);
        }
    }

    fn show(&mut self, stream: Stream, lines: impl IntoIterator<Item = String>) {
        let Some(host) = self.host.as_mut() else {
            return;
        };
        for line in lines {
            host.leave_line(stream.level(), &line);
            if host.log_lines < self.log_lines && !host.journal.is_replay() {
                write_log(
                    stream.level(),
                    line.len(),
                    if host.show_logs { &line } else { "" },
                );
            }
            host.log_lines = host.log_lines.saturating_add(1);
        }
    }

    pub(crate) fn host(&self) -> Option<&CallContext> {
        self.host.as_ref()
    }

    pub(crate) fn host_mut(&mut self) -> Option<&mut CallContext> {
        self.host.as_mut()
    }
}

impl CallContext {
    pub(crate) fn new(
        conversation: Box<dyn Conversation>,
        journal: SharedJournal,
        rules: Arc<Rules>,
        show_logs: bool,
    ) -> Self {
        let random = SplitMix64(journal.seed());
        let (established, notes) = (BTreeSet::new(), BTreeSet::new());
        Self {
            conversation,
            rules,
            established,
            notes,
            language: None,
            random,
            log_lines: 0,
            show_logs,
            journal,
        }
    }
}

impl CallContext {
    /// Keeps a line of the flow's log for the report if it fails.
    pub(crate) fn leave_line(&self, level: Level, message: &str) {
        self.journal
            .change_trace(|trace| trace.line(level_name(level), message));
    }

    /// Keeps the flow's stack at the point where it was terminated.
    pub(crate) fn leave_stack(&self, traceback: Vec<String>, stack: Vec<String>) {
        self.journal.change_trace(|trace| {
            (trace.traceback, trace.stack) =
                (traceback.into_iter().map(Masked::new).collect(), stack)
        });
    }
}

impl Clock for CallContext {
    fn unix_ms(&mut self) -> u64 {
        self.conversation.now().unix_ms
    }
}

/// Sebastiano Vigna's generator (<https://prng.di.unimi.it/splitmix64.c>): the call's randomness.
/// The same seed gives the same numbers on every machine.
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
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
