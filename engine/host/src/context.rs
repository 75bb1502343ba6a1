//! The host's state for one running flow: its conversation, journal, rules and meters.
//!
//! It lives in the flow's store and is dropped with it. Only the journal outlives the call.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ghanti_journal::{Clock, Outcome, SharedJournal};
use ghanti_manifest::Limits;
use ghanti_model::{CallError, Function, Masked};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use wasmtime::UpdateDeadline;

use crate::bindings::runtime::Level;
use crate::conversation::Conversation;
use crate::gate::Rules;
use crate::known::{Change, Known};
use crate::limit::{Ended, Limit};
use crate::log::{level_name, write_log};
use crate::memory_budget::MemoryBudget;
use crate::meters::compute::ComputeMeter;
use crate::meters::{MemoryMeter, RateMeter};
use crate::random::SplitMix64;
use crate::wasi::{Stream, Wasi};

/// The message for an author whose flow sleeps.
const SLEEPS: &str = "the flow sleeps, and for the caller no time passes: call `speech.pause`";

/// The state of one running flow.
pub(crate) struct CallContext {
    pub(crate) conversation: Box<dyn Conversation>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) known: Known,
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
    pub(crate) fn new(
        host: Option<CallContext>,
        limits: &Limits,
        memory: Arc<MemoryBudget>,
    ) -> Self {
        let seed = host.as_ref().map_or(0, |host| host.journal.seed());
        Self {
            host,
            wasi: Wasi::new(seed),
            text_bytes: limits.text_bytes,
            log_lines: limits.log_lines,
            memory: MemoryMeter::new(limits.memory_bytes, memory),
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

    /// [`StoreData::call`] for a function that can fail. Applies what follows from its success,
    /// wherever the answer came from.
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
        let change = Change::of(function, &arguments);
        let outcome: Outcome<T> = self
            .call(function, arguments, |host| {
                Box::pin(async move { Outcome::from(live(host).await) })
            })
            .await?;
        if let (Outcome::Ok(_), Some(change), Some(host)) = (&outcome, change, self.host.as_mut()) {
            host.known.apply(change);
        }
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
        Self {
            conversation,
            rules,
            known: Known::default(),
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

    /// Tells, once, that the flow has slept by itself.
    pub(crate) fn slept(&self, ms: u64) {
        let mut is_first = false;
        self.journal.change_trace(|trace| {
            is_first = trace.slept_ms == 0;
            trace.slept_ms = trace.slept_ms.saturating_add(ms);
        });
        if is_first && !self.journal.is_replay() {
            tracing::warn!(target: "flow", ms, "{SLEEPS}");
        }
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
