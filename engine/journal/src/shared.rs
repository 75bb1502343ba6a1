//! The journal of a running call, which every host call goes through.
//!
//! [`SharedJournal::call`] is the only place that knows whether an answer is live or comes from an
//! [`AnswerSource`]. It has no clock: time comes from a [`Clock`]. The handle
//! outlives the flow's store, so the journal of a flow that trapped is still available, and it can
//! be read while the call goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use ghanti_model::journal::FORMAT;
use ghanti_model::{CallId, Function, Journal, JournalEntry, JournalHeader, VersionId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::answer::{Closed, Divergence, Side, Waiting};
use crate::source::{AnswerSource, Next, SharedSource, lock};
use crate::trace::Trace;

/// The most entries of a journal. A call of 15 minutes makes a few hundred; more means a runaway
/// flow.
pub const ENTRIES_MAX: usize = 10_000;
/// The most bytes that a call's arguments and answers may take as JSON unless the manifest sets
/// another limit, so that a thousand calls cannot exhaust the memory.
pub const BYTES_MAX: usize = 4 << 20;

/// A clock in milliseconds since 1970-01-01T00:00:00Z.
pub trait Clock {
    /// The time now.
    fn unix_ms(&mut self) -> u64;
}

#[derive(Debug)]
struct State {
    journal: Journal,
    bytes: usize,
    bytes_max: usize,
    /// `None` if answers come from the running call.
    source: Option<SharedSource<dyn AnswerSource>>,
    waiting: Option<Arc<Waiting>>,
    trace: Trace,
    observer: Option<Observer>,
}

/// Called with each entry of a live journal, and with when the first function was called.
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
    /// Creates an empty journal with live answers.
    pub fn live(header: JournalHeader) -> Self {
        Self::new(header, None)
    }

    /// Creates an empty journal whose answers come from a source.
    pub fn from_source(header: JournalHeader, source: SharedSource<dyn AnswerSource>) -> Self {
        Self::new(header, Some(source))
    }

    /// Continues a journal in another process. Answers come from a source, which repeats the
    /// journal's entries, until it says that the next one is live.
    pub fn resumed(journal: Journal, source: SharedSource<dyn AnswerSource>) -> Self {
        let weights = journal
            .entries
            .iter()
            .map(|entry| weight(&entry.arguments) + weight(&entry.answer));
        Self(Arc::new(Mutex::new(State {
            bytes: weights.sum(),
            bytes_max: BYTES_MAX,
            journal,
            source: Some(source),
            waiting: None,
            trace: Trace::default(),
            observer: None,
        })))
    }

    fn new(header: JournalHeader, source: Option<SharedSource<dyn AnswerSource>>) -> Self {
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
            source,
            waiting: None,
            trace: Trace::default(),
            observer: None,
        })))
    }

    /// Creates a copy of this live journal for another version of the flow. Its answers come from
    /// `source`, made of the entries so far and the function in which the flow waits now, which is
    /// returned too. Returns `None` if the journal is not live, or its flow is not waiting.
    pub fn copy_from_source<S: AnswerSource + 'static>(
        &self,
        version: VersionId,
        source: impl FnOnce(Vec<JournalEntry>, Arc<Waiting>) -> S,
    ) -> Option<(Self, SharedSource<S>)> {
        let state = self.state();
        let (None, Some(waiting)) = (&state.source, &state.waiting) else {
            return None;
        };
        let source = source(state.journal.entries.clone(), Arc::clone(waiting));
        let source = Arc::new(Mutex::new(source));
        let mut journal = state.journal.clone();
        journal.header.version = version;
        let copy = Self(Arc::new(Mutex::new(State {
            journal,
            bytes: state.bytes,
            bytes_max: state.bytes_max,
            source: Some(Arc::clone(&source) as _),
            waiting: None,
            trace: Trace::default(),
            observer: state.observer.clone(),
        })));
        Some((copy, source))
    }

    /// A copy of this live journal with the function in which its flow waits now. Returns `None` if it
    /// is not live, its arguments and answers take more than `bytes_max`, or its flow is not waiting.
    pub fn waiting(&self, bytes_max: usize) -> Option<(Journal, Arc<Waiting>)> {
        let state = self.state();
        let (None, Some(waiting)) = (&state.source, &state.waiting) else {
            return None;
        };
        (state.bytes <= bytes_max).then(|| (state.journal.clone(), Arc::clone(waiting)))
    }

    /// Makes this journal live in the place of `predecessor`, of which it is a copy. Returns false,
    /// and does nothing, if the predecessor has moved on since.
    pub fn go_live(&self, predecessor: &Self) -> bool {
        let (entries, waits) = {
            let other = predecessor.state();
            (other.journal.entries.len(), other.waiting.is_some())
        };
        let mut state = self.state();
        let is_there = waits && state.journal.entries.len() == entries;
        if is_there {
            state.source = None;
        }
        is_there
    }

    /// Whether a version is still repeating entries that are in the journal already.
    pub fn is_repeating(&self) -> bool {
        let state = self.state();
        state
            .source
            .as_ref()
            .is_some_and(|source| lock(source).is_ahead())
    }

    /// Calls an observer with each entry from now on, as soon as it is made, as long as answers are
    /// live; also with those of a version that takes this call over. Its first argument is when the
    /// first function was called, in milliseconds since 1970.
    pub fn observe(&self, observer: impl Fn(Option<u64>, &JournalEntry) + Send + Sync + 'static) {
        self.state().observer = Some(Observer(Arc::new(observer)));
    }

    /// Lets arguments and answers take so much from now on.
    pub fn bound(&self, kib: u64) {
        self.state().bytes_max = usize::try_from(kib.saturating_mul(1 << 10)).unwrap_or(usize::MAX);
    }

    /// The journal so far. A function that is still waiting is not included.
    pub fn snapshot(&self) -> Journal {
        self.state().journal.clone()
    }

    /// Which call, flow and version it belongs to.
    pub fn header(&self) -> JournalHeader {
        self.state().journal.header.clone()
    }

    /// The run's diagnostics for its author.
    pub fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    /// Changes the diagnostics.
    pub fn change_trace(&self, change: impl FnOnce(&mut Trace)) {
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
        lock(self.state().source.as_ref()?).divergence()
    }

    /// When the last answer arrived, in milliseconds since 1970: the same in every replay. Before
    /// the first answer, the beginning of the journal.
    pub fn now_ms(&self, clock: &mut impl Clock) -> u64 {
        let mut state = self.state();
        let of_source = state
            .source
            .as_ref()
            .and_then(|source| lock(source).answered_ms());
        let last = state.journal.entries.last();
        let answered_ms = of_source
            .unwrap_or_else(|| last.map_or(0, |entry| entry.at_ms.saturating_add(entry.took_ms)));
        let began_ms = *state
            .journal
            .header
            .began_ms
            .get_or_insert_with(|| clock.unix_ms());
        began_ms.saturating_add(answered_ms)
    }

    /// Whether answers come from a record.
    pub fn is_replay(&self) -> bool {
        self.state().source.is_some()
    }

    /// The call it belongs to.
    pub fn call_id(&self) -> CallId {
        self.state().journal.header.call_id
    }

    /// What the call's randomness is seeded with.
    pub fn seed(&self) -> u64 {
        self.state().journal.header.seed
    }

    /// Runs a host function: `live` produces the answer, and is not called if the answer comes from
    /// a record.
    pub async fn call<H, T, L>(
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
                let answer =
                    T::deserialize(&entry.answer).map_err(|_| Closed::Unreadable(entry.seq))?;
                self.append(entry)?;
                return Ok(answer);
            }
            Next::Version(entry) => {
                // `live` applies the version's settings and rules; the conversation that they run
                // on gives the recorded answer
                let recorded =
                    T::deserialize(&entry.answer).map_err(|_| Closed::Unreadable(entry.seq))?;
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

    /// Records the answer of the function that the flow waited in. Fails if a source says that it
    /// comes too early.
    fn waited(&self, waiting: Arc<Waiting>, now_ms: u64, answer: Json) -> Result<(), Closed> {
        let at_ms = {
            let mut state = self.state();
            state.waiting = None;
            if let Some(source) = &state.source {
                lock(source).answered(&answer)?;
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
        let Some(source) = &state.source else {
            return Ok(Next::Live);
        };
        let next = lock(source).next(seq, function, arguments)?;
        if matches!(next, Next::Live) {
            state.source = None;
        }
        Ok(next)
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
        if let Some(source) = &self.state().source {
            lock(source).judge(&entry, &json(recorded), &answer)?;
        }
        self.append(JournalEntry { answer, ..entry })
    }

    fn append(&self, entry: JournalEntry) -> Result<(), Closed> {
        let bytes = weight(&entry.arguments) + weight(&entry.answer);
        let mut state = self.state();
        let is_ahead = state
            .source
            .as_ref()
            .is_some_and(|source| lock(source).is_ahead());
        if is_ahead {
            return Ok(());
        }
        if state.journal.entries.len() >= ENTRIES_MAX || state.bytes + bytes > state.bytes_max {
            return Err(Closed::Full);
        }
        state.bytes += bytes;
        let seq = next_seq(&state.journal);
        let entry = JournalEntry { seq, ..entry };
        let observer = state.observer.clone().filter(|_| state.source.is_none());
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

/// Approximate size of a value as JSON in bytes, without serializing it.
pub fn weight(value: &Json) -> usize {
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
