//! The journal of a running call, which every host call goes through.
//!
//! [`SharedJournal::call`] is the only place that knows whether an answer is live or recorded. It
//! has no clock: time comes from the call's [`Conversation`](crate::Conversation). The handle
//! outlives the flow's store, so the journal of a flow that trapped is still available, and it can
//! be read while the call goes on.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use ghanti_model::journal::FORMAT;
use ghanti_model::{CallError, CallId, Function, Journal, JournalEntry, JournalHeader, VersionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::replay::{Comparing, Difference, DifferenceKind, Next, Succeeding};
use crate::trace::Trace;

/// The most entries of a journal. A call of 15 minutes makes a few hundred; more means a runaway
/// flow.
pub const ENTRIES_MAX: usize = 10_000;
/// The most bytes that a call's arguments and answers may take as JSON unless the manifest sets
/// another limit, so that a thousand calls cannot exhaust the memory.
pub const BYTES_MAX: usize = 4 << 20;

/// One side of a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The function.
    pub function: Function,
    /// Its arguments.
    pub arguments: Json,
}

/// A function the flow is waiting in.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) side: Side,
    /// When it was called, in milliseconds since 1970.
    pub(crate) called_ms: u64,
}

/// Where a replay diverged from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// The entry's number, from 1.
    pub seq: u32,
    /// What was recorded there; `None` if the record ended before.
    pub expected: Option<Side>,
    /// What the flow called; `None` if it ended before.
    pub got: Option<Side>,
}

/// The journal is closed, so the flow must be terminated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Closed {
    /// [`ENTRIES_MAX`] or the maximum of bytes is reached.
    Full,
    /// The replay diverged from the record.
    Diverged(Divergence),
    /// The recorded answer of this entry does not fit this contract.
    Unreadable(u32),
}

/// A clock in milliseconds since 1970-01-01T00:00:00Z.
pub(crate) trait Clock {
    fn unix_ms(&mut self) -> u64;
}

/// The answer of a fallible function, as serialized in the journal: `{"ok": …}` or `{"err": …}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome<T> {
    Ok(T),
    Err(CallError),
}

impl<T> From<Result<T, CallError>> for Outcome<T> {
    fn from(result: Result<T, CallError>) -> Self {
        match result {
            Ok(value) => Outcome::Ok(value),
            Err(error) => Outcome::Err(error),
        }
    }
}

impl<T> From<Outcome<T>> for Result<T, CallError> {
    fn from(outcome: Outcome<T>) -> Self {
        match outcome {
            Outcome::Ok(value) => Ok(value),
            Outcome::Err(error) => Err(error),
        }
    }
}

#[derive(Debug)]
enum Mode {
    Live,
    /// Answers come from these entries, in this order.
    Replay {
        recorded: VecDeque<JournalEntry>,
        divergence: Option<Divergence>,
    },
    /// Answers come from the record being compared and from the version's own rules.
    Compare(Comparing),
    /// Another version of the flow replays up to where the running call waits, to take it over.
    Succeed(Succeeding),
}

#[derive(Debug)]
struct State {
    journal: Journal,
    bytes: usize,
    bytes_max: usize,
    mode: Mode,
    waiting: Option<Arc<Waiting>>,
    trace: Trace,
    observer: Option<Observer>,
}

/// Is told of each entry of a live journal, and when the first function was called.
#[derive(Clone)]
struct Observer(Arc<Observe>);

type Observe = dyn Fn(Option<u64>, &JournalEntry) + Send + Sync;

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// A handle to one call's journal. Clones share the same journal.
#[derive(Debug, Clone)]
pub struct SharedJournal(Arc<Mutex<State>>);

impl SharedJournal {
    /// An empty journal with live answers.
    pub fn live(header: JournalHeader) -> Self {
        Self::with_mode(header, Mode::Live)
    }

    /// A journal that answers from a record, and checks each call against it.
    pub fn replay(recorded: Journal) -> Self {
        Self::with_mode(
            recorded.header,
            Mode::Replay {
                recorded: recorded.entries.into(),
                divergence: None,
            },
        )
    }

    /// A journal that takes outside answers from a record, continues past differences of the
    /// `tolerated` kinds, and keeps all differences.
    pub(crate) fn compare(recorded: Journal, tolerated: BTreeSet<DifferenceKind>) -> Self {
        Self::with_mode(
            recorded.header,
            Mode::Compare(Comparing::new(recorded.entries, tolerated)),
        )
    }

    fn with_mode(header: JournalHeader, mode: Mode) -> Self {
        let journal = Journal {
            header: JournalHeader {
                format: FORMAT,
                ..header
            },
            entries: Vec::new(),
        };
        Self(Arc::new(Mutex::new(State {
            journal,
            bytes: 0,
            bytes_max: BYTES_MAX,
            mode,
            waiting: None,
            trace: Trace::default(),
            observer: None,
        })))
    }

    /// A journal with which another version may take over this call: recorded answers come from
    /// here until that version reaches the function in which the flow waits now. Returns `None` if
    /// the flow is not waiting.
    pub fn successor(&self, version: VersionId) -> Option<Self> {
        let state = self.state();
        let (Mode::Live, Some(waiting)) = (&state.mode, &state.waiting) else {
            return None;
        };
        let mode = Mode::Succeed(Succeeding::new(
            state.journal.entries.clone(),
            Arc::clone(waiting),
        ));
        let mut journal = state.journal.clone();
        journal.header.version = version;
        Some(Self(Arc::new(Mutex::new(State {
            journal,
            bytes: state.bytes,
            bytes_max: state.bytes_max,
            mode,
            waiting: None,
            trace: Trace::default(),
            observer: state.observer.clone(),
        }))))
    }

    /// Makes a successor's journal live once it has reached the function that the flow of
    /// `predecessor` waits in. Returns false if it is not there, or if the predecessor has moved on
    /// since.
    pub fn take_over(&self, predecessor: &Self) -> bool {
        let (entries, waits) = {
            let other = predecessor.state();
            (other.journal.entries.len(), other.waiting.is_some())
        };
        let mut state = self.state();
        let arrived = matches!(&state.mode, Mode::Succeed(succeeding) if succeeding.has_arrived());
        let is_there = arrived && waits && state.journal.entries.len() == entries;
        if is_there {
            state.mode = Mode::Live;
        }
        is_there
    }

    /// Why a successor whose run has ended did not reach the point where the call waits.
    pub fn refusal(&self) -> Option<Difference> {
        match &self.state().mode {
            Mode::Succeed(succeeding) => Some(succeeding.refusal()),
            Mode::Live | Mode::Replay { .. } | Mode::Compare(_) => None,
        }
    }

    /// Tells an observer each entry from now on, as soon as it is made, where answers come from the
    /// world; also those of the version that takes this call over. It is told the milliseconds since
    /// 1970 at which the first function was called as well.
    pub fn observe(&self, observer: impl Fn(Option<u64>, &JournalEntry) + Send + Sync + 'static) {
        self.state().observer = Some(Observer(Arc::new(observer)));
    }

    /// Lets arguments and answers take so much from now on.
    pub(crate) fn bound(&self, kib: u64) {
        self.state().bytes_max = usize::try_from(kib.saturating_mul(1 << 10)).unwrap_or(usize::MAX);
    }

    /// The journal so far. A function that is still waiting is not included.
    pub fn snapshot(&self) -> Journal {
        self.state().journal.clone()
    }

    /// The run's diagnostics for its author.
    pub fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    pub(crate) fn change_trace(&self, change: impl FnOnce(&mut Trace)) {
        change(&mut self.state().trace);
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.state().journal.entries.len()
    }

    /// Whether no host function has been called yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first difference of a replay, if any; after the flow has ended this includes entries it
    /// did not reach.
    pub fn divergence(&self) -> Option<Divergence> {
        match &self.state().mode {
            Mode::Live => None,
            Mode::Succeed(succeeding) => Some(succeeding.refusal().divergence()),
            Mode::Compare(comparing) => comparing
                .differences(true)
                .first()
                .map(Difference::divergence),
            Mode::Replay {
                recorded,
                divergence,
            } => divergence.clone().or_else(|| {
                recorded.front().map(|entry| Divergence {
                    seq: entry.seq,
                    expected: Some(side(entry)),
                    got: None,
                })
            }),
        }
    }

    /// When the last answer arrived, in milliseconds since 1970: the same in every replay. Before
    /// the first answer, the beginning of the journal.
    pub(crate) fn now_ms(&self, clock: &mut impl Clock) -> u64 {
        let mut state = self.state();
        let answered_ms = match &state.mode {
            Mode::Succeed(succeeding) => succeeding.answered_ms(),
            _ => state
                .journal
                .entries
                .last()
                .map_or(0, |entry| entry.at_ms.saturating_add(entry.took_ms)),
        };
        let began_ms = *state
            .journal
            .header
            .began_ms
            .get_or_insert_with(|| clock.unix_ms());
        began_ms.saturating_add(answered_ms)
    }

    /// Whether answers come from a record.
    pub(crate) fn is_replay(&self) -> bool {
        !matches!(self.state().mode, Mode::Live)
    }

    /// The differences found by a comparison. `was_ended` means that the comparison itself
    /// terminated the run, so that the rest of the record does not count as missing.
    pub(crate) fn differences(&self, was_ended: bool) -> Vec<Difference> {
        match &self.state().mode {
            Mode::Compare(comparing) => comparing.differences(was_ended),
            _ => Vec::new(),
        }
    }

    /// Takes the recorded answer to the current function, for a conversation that stands in for the
    /// recorded one.
    pub(crate) fn take_answer(&self) -> Json {
        match &mut self.state().mode {
            Mode::Compare(comparing) => comparing.answer(),
            _ => Json::Null,
        }
    }

    /// Like [`SharedJournal::take_answer`], without consuming the answer.
    pub(crate) fn coming_answer(&self) -> Json {
        match &self.state().mode {
            Mode::Compare(comparing) => comparing.coming_answer(),
            _ => Json::Null,
        }
    }

    pub(crate) fn call_id(&self) -> CallId {
        self.state().journal.header.call_id
    }

    pub(crate) fn seed(&self) -> u64 {
        self.state().journal.header.seed
    }

    /// Runs a host function: `live` produces the answer, and is not called if the answer comes from
    /// a record.
    pub(crate) async fn call<H, T, L>(
        &self,
        host: &mut H,
        function: Function,
        arguments: Json,
        live: L,
    ) -> Result<T, Closed>
    where
        H: Clock + Send,
        T: Serialize + DeserializeOwned + Send,
        L: for<'a> FnOnce(&'a mut H) -> BoxFuture<'a, T> + Send,
    {
        let waiting = match self.next(function, &arguments)? {
            Next::Live => self.wait_in(Waiting {
                side: Side {
                    function,
                    arguments,
                },
                called_ms: host.unix_ms(),
            }),
            Next::Waiting(waiting) => self.wait_in(waiting),
            Next::Record(entry) => {
                let answer = serde_json::from_value(entry.answer.clone())
                    .map_err(|_| Closed::Unreadable(entry.seq))?;
                self.append(entry)?;
                return Ok(answer);
            }
            Next::Version(entry) => {
                // `live` applies the version's settings and rules; the conversation behind them
                // gives the recorded answer
                let recorded: T = serde_json::from_value(entry.answer.clone())
                    .map_err(|_| Closed::Unreadable(entry.seq))?;
                let answer = live(host).await;
                self.judge(entry, &recorded, &answer)?;
                return Ok(answer);
            }
        };
        let answer = live(host).await;
        // answers consist of the model's own types, whose serialization cannot fail
        let json = serde_json::to_value(&answer).unwrap_or_default();
        self.waited(waiting, host.unix_ms(), json)?;
        Ok(answer)
    }

    fn wait_in(&self, waiting: impl Into<Arc<Waiting>>) -> Arc<Waiting> {
        let waiting = waiting.into();
        self.state().waiting = Some(Arc::clone(&waiting));
        waiting
    }

    /// Records the answer of the function that the flow waited in. A successor that has not taken
    /// over by now fails: the call has moved on without it.
    fn waited(&self, waiting: Arc<Waiting>, now_ms: u64, answer: Json) -> Result<(), Closed> {
        let at_ms = {
            let mut state = self.state();
            state.waiting = None;
            if let Mode::Succeed(succeeding) = &mut state.mode {
                return Err(succeeding.refused_there(&answer).into());
            }
            waiting.called_ms.saturating_sub(
                *state
                    .journal
                    .header
                    .began_ms
                    .get_or_insert(waiting.called_ms),
            )
        };
        let Waiting {
            side: Side {
                function,
                arguments,
            },
            called_ms,
        } = Arc::unwrap_or_clone(waiting);
        self.append(JournalEntry {
            seq: 0,
            at_ms,
            took_ms: now_ms.saturating_sub(called_ms),
            function,
            arguments,
            answer,
        })
    }

    /// Decides where the answer comes from. A record that does not match closes the journal.
    fn next(&self, function: Function, arguments: &Json) -> Result<Next, Closed> {
        let mut state = self.state();
        let seq = next_seq(&state.journal);
        let (recorded, divergence) = match &mut state.mode {
            Mode::Live => return Ok(Next::Live),
            Mode::Compare(comparing) => return Ok(comparing.next(function, arguments.clone())?),
            Mode::Succeed(succeeding) => return Ok(succeeding.next(function, arguments.clone())?),
            Mode::Replay {
                recorded,
                divergence,
            } => (recorded, divergence),
        };
        match recorded.pop_front() {
            Some(entry) if entry.function == function && entry.arguments == *arguments => {
                Ok(Next::Record(entry))
            }
            entry => {
                let got = Some(Side {
                    function,
                    arguments: arguments.clone(),
                });
                let difference = Divergence {
                    seq,
                    expected: entry.as_ref().map(side),
                    got,
                };
                *divergence = Some(difference.clone());
                Err(Closed::Diverged(difference))
            }
        }
    }

    /// Compares a version's own answer with the recorded one, and appends it.
    fn judge<T: Serialize>(
        &self,
        entry: JournalEntry,
        recorded: &T,
        answer: &T,
    ) -> Result<(), Closed> {
        let json = |answer: &T| serde_json::to_value(answer).unwrap_or_default();
        let answer = json(answer);
        if let Mode::Compare(comparing) = &mut self.state().mode {
            comparing.judge(&entry, &json(recorded), &answer)?;
        }
        self.append(JournalEntry { answer, ..entry })
    }

    fn append(&self, entry: JournalEntry) -> Result<(), Closed> {
        let bytes = weight(&entry.arguments) + weight(&entry.answer);
        let mut state = self.state();
        // a successor's journal starts as a full copy, so what it replays is already there
        if matches!(state.mode, Mode::Succeed(_)) {
            return Ok(());
        }
        if state.journal.entries.len() >= ENTRIES_MAX || state.bytes + bytes > state.bytes_max {
            return Err(Closed::Full);
        }
        state.bytes += bytes;
        let seq = next_seq(&state.journal);
        let entry = JournalEntry { seq, ..entry };
        let observer = state
            .observer
            .clone()
            .filter(|_| matches!(state.mode, Mode::Live));
        let observed = observer.map(|observer| (observer, entry.clone()));
        let began_ms = state.journal.header.began_ms;
        state.journal.entries.push(entry);
        // it may look at the journal itself
        drop(state);
        if let Some((Observer(tell), entry)) = observed {
            tell(began_ms, &entry);
        }
        Ok(())
    }

    /// Ignores poisoning: no code panics while holding the lock, and the journal is useful even
    /// after a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_seq(journal: &Journal) -> u32 {
    u32::try_from(journal.entries.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

fn side(entry: &JournalEntry) -> Side {
    Side {
        function: entry.function,
        arguments: entry.arguments.clone(),
    }
}

/// Approximate size of a value as JSON in bytes, without serializing it.
fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 12,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(|item| weight(item) + 1).sum::<usize>() + 2,
        Json::Object(fields) => {
            fields
                .iter()
                .map(|(name, field)| name.len() + 4 + weight(field))
                .sum::<usize>()
                + 2
        }
    }
}
