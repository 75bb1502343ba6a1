//! A linked component, and its runs: each call has a store of its own, which is dropped when the
//! run ends, however it ends.

use std::sync::Arc;

use ghanti_journal::{Divergence, SharedJournal};
use ghanti_manifest::Limits;
use ghanti_model::{CallError, Described};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use crate::bindings::{Dialog, DialogPre};
use crate::context::{CallContext, StoreData};
use crate::conversation::Conversation;
use crate::convert;
use crate::description;
use crate::engine::FlowEngine;
use crate::gate::Rules;
use crate::limit::{Ended, HANDED_OVER_BYTES, Limit};
use crate::link_error;
use crate::rejection::{Fault, Step};
use crate::wasi;

/// Limits of `describe`. It returns constants; a program that needs more is doing something else.
const DESCRIBE: Limits = Limits {
    memory_bytes: Limits::MAX.memory_bytes,
    compute_ms: 500,
    host_calls_per_second: 1,
    ..Limits::MIN
};

/// The most stack frames reported. Endless recursion leaves thousands; the innermost are enough.
const FRAMES_SHOWN: usize = 32;

/// How a flow's run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEnd {
    /// `run` returned normally: the flow's decision can be carried out.
    Returned,
    /// `run` returned `call-ended`, as it should once the call is over.
    CallEnded,
    /// `run` returned another error.
    Failed(CallError),
    /// The guest trapped: a bug in the flow.
    Trapped {
        /// The reason, in one line.
        reason: String,
        /// The guest's functions, innermost first; by name if the component has names.
        stack: Vec<String>,
    },
    /// The host terminated it at a limit.
    LimitExceeded {
        /// Which limit; its `Display` is a message for the author.
        what: Limit,
    },
    /// Replay only: the flow did something other than what was recorded.
    Diverged(Divergence),
}

impl RunEnd {
    /// Whether the run ended in an error, a trap or a limit.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            RunEnd::Failed(_) | RunEnd::Trapped { .. } | RunEnd::LimitExceeded { .. }
        )
    }

    /// Whether the flow itself is at fault, as opposed to a caller who hung up, a service that was
    /// unavailable, or an engine that was full.
    pub fn is_flows_fault(&self) -> bool {
        match self {
            RunEnd::Trapped { .. } => true,
            RunEnd::LimitExceeded { what } => {
                !matches!(what, Limit::Calls | Limit::CallLength | Limit::AllMemory)
            }
            RunEnd::Failed(error) => {
                !matches!(error, CallError::CallEnded | CallError::Unavailable(_))
            }
            RunEnd::Returned | RunEnd::CallEnded | RunEnd::Diverged(_) => false,
        }
    }
}

/// A compiled and linked component, shared by all calls of one version.
#[derive(Clone)]
pub struct Program {
    engine: FlowEngine,
    pre: DialogPre<StoreData>,
}

impl Program {
    /// Links a component that calls will run.
    pub(crate) fn link(engine: &FlowEngine, component: &Component) -> Result<Self, Fault> {
        Ok(Self {
            engine: engine.clone(),
            pre: Self::linked(engine.wasmtime(), component)?,
        })
    }

    /// Links a component that may only be checked, not run.
    pub(crate) fn linked(
        engine: &Engine,
        component: &Component,
    ) -> Result<DialogPre<StoreData>, Fault> {
        let mut linker = Linker::new(engine);
        Dialog::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest: &mut StoreData| guest)
            .and_then(|()| wasi::link(&mut linker, component))
            .and_then(|()| DialogPre::new(linker.instantiate_pre(component)?))
            .map_err(|error| link_error::fault(&format!("{error:#}")))
    }

    pub(crate) fn shows_logs(&self) -> bool {
        self.engine.shows_flow_logs()
    }

    fn store(&self, host: Option<CallContext>, limits: &Limits) -> Store<StoreData> {
        let data = StoreData::new(host, limits, self.engine.memory_budget());
        let mut store = Store::new(self.engine.wasmtime(), data);
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(1);
        store.set_hostcall_fuel(HANDED_OVER_BYTES);
        store.epoch_deadline_callback(|mut store| store.data_mut().tick());
        store
    }

    /// Calls `describe`, under limits and outside any call.
    pub(crate) async fn describe(&self) -> Result<Described, Fault> {
        let Some(_slot) = self.engine.spare().await else {
            return Err(Fault::new(
                Step::Describe,
                "no instance became free for it".to_owned(),
                "load it again when fewer flows are tested and fewer calls replayed",
            ));
        };
        let mut store = self.store(None, &DESCRIBE);
        let compute = store.data().compute.clone();
        let reported = compute
            .count(async {
                self.pre
                    .instantiate_async(&mut store)
                    .await?
                    .call_describe(&mut store)
                    .await
            })
            .await;
        match reported {
            Ok(reported) => description::read(reported).map_err(|sentence| {
                let (reason, hint) = sentence
                    .split_once(": ")
                    .unwrap_or((&sentence, "correct it"));
                let reason = format!("what `describe` returns cannot be used: {reason}");
                Fault::new(Step::Describe, reason, hint)
            }),
            Err(error) => {
                let reason = match run_end(&error, store.data()) {
                    RunEnd::LimitExceeded { what } => what.to_string(),
                    RunEnd::Trapped { reason, stack } if stack.is_empty() => reason,
                    RunEnd::Trapped { reason, stack } => {
                        format!("{reason} in {}", stack.join(" < "))
                    }
                    _ => format!("{error:#}"),
                };
                Err(Fault::new(
                    Step::Describe,
                    reason,
                    "let `describe` return constants and nothing else",
                ))
            }
        }
    }

    /// Like [`run`](Self::run), for what is no call: it waits until one of the slots for that is free.
    pub(crate) async fn run_beside_calls(
        &self,
        conversation: Box<dyn Conversation>,
        journal: SharedJournal,
        rules: Arc<Rules>,
        limits: &Limits,
    ) -> RunEnd {
        match self.engine.spare().await {
            Some(_slot) => self.run(conversation, journal, rules, limits).await,
            None => RunEnd::LimitExceeded { what: Limit::Calls },
        }
    }

    /// Runs the conversation of one call. Dropping the future drops the store and the conversation
    /// with it.
    pub(crate) async fn run(
        &self,
        conversation: Box<dyn Conversation>,
        journal: SharedJournal,
        rules: Arc<Rules>,
        limits: &Limits,
    ) -> RunEnd {
        journal.bound(limits.journal_kib);
        let host = CallContext::new(conversation, journal, rules, self.engine.shows_flow_logs());
        let mut store = self.store(Some(host), limits);
        let compute = store.data().compute.clone();
        let returned = compute
            .count(async {
                self.pre
                    .instantiate_async(&mut store)
                    .await?
                    .call_run(&mut store)
                    .await
            })
            .await;
        store.data_mut().print_rest();
        let lines = store.data().host().map_or(0, |host| host.log_lines);
        if lines > limits.log_lines {
            tracing::warn!(target: "flow", dropped = lines - limits.log_lines, "flow wrote more log lines than a call may have");
        }
        match returned {
            Ok(Ok(())) => RunEnd::Returned,
            Ok(Err(error)) => match convert::error_from_wit(error) {
                CallError::CallEnded => RunEnd::CallEnded,
                error => RunEnd::Failed(error),
            },
            Err(error) => {
                let guest = store.data();
                if let Some(host) = guest.host() {
                    host.leave_stack(guest.wasi.printed.last_words(), frames(&error));
                }
                run_end(&error, guest)
            }
        }
    }
}

fn run_end(error: &wasmtime::Error, guest: &StoreData) -> RunEnd {
    match error.downcast_ref::<Ended>() {
        Some(Ended::Limit(what)) => return RunEnd::LimitExceeded { what: *what },
        Some(Ended::Diverged(divergence)) => return RunEnd::Diverged(divergence.clone()),
        Some(ended) => {
            return RunEnd::Trapped {
                reason: ended.to_string(),
                stack: stack(error, guest),
            };
        }
        None => {}
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return RunEnd::LimitExceeded { what: Limit::Stack };
    }
    // a guest that gets no more memory traps or gives up by itself, each language in its own way
    if let Some(what) = guest.memory.refused {
        return RunEnd::LimitExceeded { what };
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return RunEnd::LimitExceeded { what: Limit::Calls };
    }
    // wasmtime's type for this error is private
    if error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls")
    {
        return RunEnd::LimitExceeded {
            what: Limit::HandedOver,
        };
    }
    let reason = error
        .downcast_ref::<Trap>()
        .map_or_else(|| error.root_cause().to_string(), Trap::to_string);
    RunEnd::Trapped {
        reason,
        stack: stack(error, guest),
    }
}

/// The stack to report: what an interpreter wrote to standard error as it gave up, which is the
/// script's own stack, followed by the component's functions.
fn stack(error: &wasmtime::Error, guest: &StoreData) -> Vec<String> {
    guest
        .wasi
        .printed
        .last_words()
        .into_iter()
        .chain(frames(error))
        .collect()
}

fn frames(error: &wasmtime::Error) -> Vec<String> {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default();
    let named = |frame: &wasmtime::FrameInfo| {
        let symbol = frame
            .symbols()
            .first()
            .and_then(|symbol| symbol.name())
            .or(frame.func_name());
        match symbol {
            Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("function {}", frame.func_index()),
        }
    };
    frames
        .iter()
        .map(named)
        .skip_while(|name| is_panicking(name))
        .take(FRAMES_SHOWN)
        .collect()
}

/// Whether a frame belongs to Rust's panic machinery, between the panic and its trap. The author's
/// own functions follow.
fn is_panicking(name: &str) -> bool {
    [
        "__rustc::",
        "std::panicking::",
        "std::sys::backtrace::",
        "core::panicking::",
    ]
    .iter()
    .any(|room| name.starts_with(room))
}
