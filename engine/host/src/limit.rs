//! Limits that end a flow, and why the host ended one.

use std::fmt;
use std::time::Duration;

use ghanti_journal::{Closed, Divergence, ENTRIES_MAX};
use ghanti_model::Function;

/// The most elements in a table, and the address space reserved for each: no flow needs more than a
/// Python interpreter does.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 20_000;

/// The window for [`BUSY`]. A conversation waits for the caller nearly all the time. A flow that
/// does not keeps a processor from other calls, even if it calls the host often enough for
/// `[limits] compute-ms`. The window is in the flow's own time, computing plus waiting in host
/// functions: time spent waiting for a processor says nothing about the flow.
pub(crate) const BUSY_WINDOW: Duration = Duration::from_secs(10);

/// The most that a flow may compute within [`BUSY_WINDOW`].
pub(crate) const BUSY: Duration = Duration::from_secs(2);

/// The most that a version may compute until it reaches the point where a running call waits. An
/// honest one replays its journal within some milliseconds.
pub const ARRIVAL: Duration = Duration::from_millis(100);

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
    /// What the flows of all calls together may have of the machine's memory.
    AllMemory,
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
            Limit::AllMemory => f.write_str("the flows of all calls together have all the memory that the engine gives them: lower `memory` of `[limits]` or `max-calls`, or give the machine more"),
            Limit::Compute => f.write_str("the flow computed for longer than `[limits] compute-ms` without calling a host function: look for an endless loop"),
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
