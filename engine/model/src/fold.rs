//! Folds the events of a call into its record. Pure: the same events give the same record, in
//! whatever order and however often they arrive.

pub mod ending;
pub mod network;
mod recordings;
pub mod transfer;

use crate::event::{AppletAsked, DialAnswer, Repeat, StreamResumed, StreamStarted};
use crate::{
    CallEvent, CallId, CallRecord, CallState, Decision, DialState, EventId, EventKind, EventMark,
    Journal, Line, NodeId, Outcome, Problem, Step, StepEntry, VersionMove,
};

/// Maximum number of problems in a record, so that a peer that sends only invalid frames cannot
/// grow it.
pub const PROBLEMS: usize = 32;
/// Maximum number of lines in a transcript.
pub const LINES: usize = 2_000;
/// Maximum number of requests of applets and callbacks that one [`CallLog`] records. A call has
/// some dozen, but anyone who knows its id can send more. The count starts again when the log is
/// loaded from the database.
pub const REPORTS: u32 = 256;
/// Problem of a call with more than [`REPORTS`] requests.
const TOO_MANY_REPORTS: &str = "too-many-reports";
/// Problem of a call that Exotel refused to dial.
const DIAL_REFUSED: &str = "dial-refused";
/// Problem of a call of which it is not known whether it was dialled.
const DIAL_UNKNOWN: &str = "dial-unknown";
/// Detail of that problem if the engine died while it asked Exotel.
const DIED_DIALLING: &str = "the engine died while Exotel was asked to dial: look for the call in Exotel's call log before it is dialled again";
/// Detail of a call whose engine died before it asked Exotel.
const DIED_WAITING: &str = "the engine stopped before the call was dialled: order it again";
/// Maximum number of facts that a record keeps as established.
const ESTABLISHED: usize = 64;
/// Problem of a call that another node went on with.
const RESUMED: &str = "resumed";
/// Problem of a call with a second stream.
pub const SECOND_STREAM: &str = "second-stream";
/// Detail of the problem [`SECOND_STREAM`].
pub const SECOND_STREAM_DETAIL: &str = "another stream began with the CallSid of this call and was closed: lead the Exotel flow to one Voicebot applet a call";

impl CallRecord {
    /// Folds the events of a call into its record. They may come in any order and with duplicates;
    /// events of other calls are ignored.
    pub fn fold<'a>(call: CallId, events: impl IntoIterator<Item = &'a CallEvent>) -> Self {
        CallLog::of(call, events).into_record()
    }

    /// Applies one event. The events of a call must be applied in order, each once;
    /// [`CallLog::apply`] ensures that.
    pub fn apply(&mut self, event: &CallEvent) {
        let now_ms = event.unix_ms;
        // a second stream that another node took at the same time has a conversation of its own:
        // nothing of it may be in the record of the first
        if event.kind.is_of_stream() && self.node.is_some_and(|node| node != event.node) {
            return;
        }
        match &event.kind {
            EventKind::Imported(record) => self.clone_from(record),
            EventKind::Requested(requested) => {
                self.customer_number.clone_from(&requested.customer_number);
                self.flow.clone_from(&requested.flow);
                self.dial = requested.dials.then_some(DialState::Waiting);
                self.reach(Step::Triggered, now_ms);
            }
            EventKind::Attributed {
                order,
                customer_number,
                flow,
            } => {
                self.order = self.order.or(*order);
                fill(&mut self.customer_number, customer_number);
                fill(&mut self.flow, flow);
            }
            EventKind::Dialling => self.dial = Some(DialState::Asked),
            EventKind::Dialled(answer) => self.dialled(answer, now_ms),
            EventKind::Named { call_sid } => self.call_sid = Some(call_sid.clone()),
            EventKind::AppletAsked(asked) => self.asked(asked, now_ms),
            EventKind::Refused { reason, detail } => self.refused(reason, detail, now_ms),
            EventKind::StreamStarted(started) => self.started(started, event.node, now_ms),
            EventKind::StreamResumed(resumed) => self.resumed(resumed, event.node, now_ms),
            EventKind::StreamOverdue { what, unnamed } => {
                network::overdue(self, what, unnamed.as_ref(), now_ms);
            }
            EventKind::StepReached { step } => drop(self.reach(step.clone(), now_ms)),
            EventKind::ActionBegun(begun) => self.acting = Some(begun.clone()),
            EventKind::HostCalled(called) => {
                // a flow does one thing after the other: this is the answer of what was begun
                self.acting = None;
                if let Some(journal) = &mut self.journal {
                    journal.header.began_ms = journal.header.began_ms.or(called.began_ms);
                    journal.entries.push(called.entry.clone());
                }
            }
            EventKind::LanguageSet { language } => self.language = Some(language.clone()),
            EventKind::Decided(decision) => self.decision = Some(decision.clone()),
            EventKind::Disposed {
                disposition,
                detail,
            } => {
                self.disposition = Some(disposition.clone());
                self.detail.clone_from(detail);
            }
            EventKind::Noted { name, value } => {
                self.notes.insert(name.clone(), value.clone());
            }
            EventKind::CallAgain { at_ms } => self.call_again_ms = Some(*at_ms),
            EventKind::PromptStarted { line, text, .. }
            | EventKind::Utterance { line, text }
            | EventKind::TalkedOver { line, text }
            | EventKind::Keys { line, text } => self.say(*line, text),
            EventKind::PromptPlayed {
                line,
                heard,
                heard_ms,
                ..
            } => {
                if let Some(line) = self.line(*line) {
                    line.heard = Some(*heard);
                    line.lasted_ms = *heard_ms;
                }
            }
            EventKind::PromptConfirmed { line, .. } => {
                if let Some(line) = self.line(*line) {
                    line.heard = Some(crate::Extent::Whole);
                }
            }
            EventKind::Problem { problem, repeat } => drop(self.note(problem.clone(), *repeat)),
            EventKind::VersionMoved(moved) => self.moved(moved),
            EventKind::FlowFailed(report) => self.failure = Some((**report).clone()),
            EventKind::EngineEnded { outcome, hang_up } => {
                self.outcome = Some(outcome.clone());
                if *hang_up {
                    self.decision = Some(Decision::HangUp);
                }
            }
            EventKind::ConversationEnded {
                stream,
                flow,
                last_position,
                began_ms,
            } => {
                if let Some(journal) = &mut self.journal {
                    journal.header.began_ms = journal.header.began_ms.or(*began_ms);
                }
                ending::conversation_ended(self, stream, flow.as_ref(), last_position);
            }
            EventKind::StreamClosed => {
                self.state = CallState::Ended;
                self.ended_ms = Some(now_ms);
                // the applets may have asked before the stream ended
                transfer::update_outcome(self, now_ms, false);
            }
            EventKind::RecordingBegun {
                file,
                at_ms,
                engine,
            } => self.recording_begun(file, *at_ms, (event.node, engine.as_ref())),
            EventKind::Recorded(recorded) => self.recorded(recorded, now_ms),
            EventKind::RecordingDeleted { file, why } => {
                self.recording_deleted(file, *why, now_ms);
            }
            EventKind::Abandoned => ending::abandoned(self, now_ms),
            EventKind::PassthruAfter(asked) => {
                network::merge(&mut self.exotel, &asked.parameters);
                if let Some(cause) = &asked.problem {
                    network::unstreamed(self, cause, now_ms);
                }
                transfer::passthru_after(self, &asked.leg, asked.at_ms, now_ms);
            }
            EventKind::ConnectAnswered(answered) => {
                transfer::connect_answered(self, &answered.numbers, now_ms);
            }
            EventKind::AgentReported(reported) => {
                transfer::agent_reported(self, &reported.leg, now_ms);
            }
            EventKind::TransferOverdue => transfer::update_outcome(self, now_ms, true),
            EventKind::StatusReported(reported) => network::reported(self, reported, now_ms),
            EventKind::Established { name } => {
                if !self.established.contains(name) && self.established.len() < ESTABLISHED {
                    self.established.push(name.clone());
                }
            }
            EventKind::Asked { .. }
            | EventKind::Listening
            | EventKind::BargedIn { .. }
            | EventKind::PromptPaused { .. }
            | EventKind::PromptResumed { .. }
            | EventKind::Responded(_)
            | EventKind::Erased(_)
            | EventKind::Other { .. } => {}
        }
    }

    /// Adds a step, unless the record has it. Returns whether it was added.
    pub fn reach(&mut self, step: Step, unix_ms: u64) -> bool {
        let first = self.steps.iter().all(|entry| entry.step != step);
        if first {
            self.steps.push(StepEntry { step, unix_ms });
        }
        first
    }

    /// Returns whether the record would keep a problem: it has room, and `repeat` allows it.
    pub fn takes(&self, name: &str, detail: &str, repeat: Repeat) -> bool {
        let is_like = |known: &Problem| match repeat {
            Repeat::Always => false,
            Repeat::OncePerSentence => known.name == name && known.detail == detail,
            Repeat::OncePerName => known.name == name,
        };
        self.problems.len() < PROBLEMS && !self.problems.iter().any(is_like)
    }

    fn note(&mut self, problem: Problem, repeat: Repeat) -> bool {
        let takes = self.takes(&problem.name, &problem.detail, repeat);
        if takes {
            self.problems.push(problem);
        }
        takes
    }

    fn note_cause(&mut self, name: &str, detail: &str, repeat: Repeat, now_ms: u64) {
        let problem = Problem {
            unix_ms: now_ms,
            name: name.to_owned(),
            detail: detail.to_owned(),
        };
        self.note(problem, repeat);
    }

    fn asked(&mut self, asked: &AppletAsked, now_ms: u64) {
        self.call_sid.get_or_insert_with(|| asked.call_sid.clone());
        self.order = self.order.or(asked.order);
        self.direction = asked.direction.or(self.direction);
        let has_begun = self.started_ms.is_some();
        if !has_begun {
            replace(&mut self.customer_number, &asked.customer_number);
            replace(&mut self.line_number, &asked.line_number);
        }
        let problems = if has_begun {
            &asked.late_problems
        } else {
            &asked.problems
        };
        for cause in problems {
            self.note_cause(&cause.name, &cause.detail, Repeat::OncePerSentence, now_ms);
        }
        if asked.is_passthru {
            // not later than it was recorded, whatever the clock said
            let at_ms = asked.at_ms.map_or(now_ms, |at_ms| at_ms.min(now_ms));
            if self.reach(Step::PassthruReceived, at_ms) {
                self.steps.sort_by_key(|entry| entry.unix_ms);
            }
        }
    }

    fn dialled(&mut self, answer: &DialAnswer, now_ms: u64) {
        // Exotel has no call, which is known by its list alone
        let was_unknown = self.dial == Some(DialState::Unknown);
        self.dial = Some(match answer {
            DialAnswer::Accepted { .. } => DialState::Accepted,
            DialAnswer::Refused { .. } => DialState::Refused,
            DialAnswer::Unknown { .. } => DialState::Unknown,
        });
        match answer {
            DialAnswer::Accepted { call_sid } => {
                self.call_sid.get_or_insert_with(|| call_sid.clone());
            }
            DialAnswer::Refused { reason } => {
                let name = if was_unknown {
                    DIAL_UNKNOWN
                } else {
                    DIAL_REFUSED
                };
                self.note_cause(name, reason, Repeat::OncePerSentence, now_ms);
                // somebody else may have dialled the order
                if self.state == CallState::Pending && self.call_sid.is_none() {
                    self.not_dialled(reason, now_ms);
                }
            }
            DialAnswer::Unknown { reason } => {
                self.note_cause(DIAL_UNKNOWN, reason, Repeat::OncePerSentence, now_ms);
            }
        }
    }

    fn not_dialled(&mut self, reason: &str, now_ms: u64) {
        self.state = CallState::Ended;
        self.outcome = Some(Outcome::NotDialled.to_string());
        self.detail = Some(reason.to_owned());
        self.ended_ms = Some(now_ms);
    }

    fn refused(&mut self, reason: &str, detail: &str, now_ms: u64) {
        // the call may have been admitted since, at Exotel's second attempt
        if self.state != CallState::Pending {
            return;
        }
        self.state = CallState::Ended;
        self.outcome = Some(Outcome::RefusedBusy.to_string());
        self.detail = Some(reason.to_owned());
        self.ended_ms = Some(now_ms);
        self.note_cause("refused", detail, Repeat::Always, now_ms);
    }

    fn started(&mut self, started: &StreamStarted, node: NodeId, now_ms: u64) {
        if self.started_ms.is_some() {
            // one call has one stream: a second one must not overwrite what the record says of the
            // first
            let (name, detail) = (SECOND_STREAM, SECOND_STREAM_DETAIL);
            return self.note_cause(name, detail, Repeat::OncePerName, now_ms);
        }
        self.reopened |= self.state == CallState::Ended;
        self.state = CallState::Live;
        self.node = Some(node);
        // the call may have been closed as never connected before its stream arrived
        (self.outcome, self.disposition, self.detail, self.ended_ms) = (None, None, None, None);
        self.transfer = None;
        self.order = started.order.or(self.order);
        replace(&mut self.call_sid, &started.call_sid);
        self.stream_sid = Some(started.stream_sid.clone());
        // the number on the line may differ from the one that was ordered
        self.customer_number.clone_from(&started.customer_number);
        replace(&mut self.line_number, &started.line_number);
        self.started_ms = Some(now_ms);
        self.direction = self.direction.or(started.direction);
        replace(&mut self.flow, &started.flow);
        replace(&mut self.version, &started.version);
        self.language = Some(started.language.clone());
        self.customer.clone_from(&started.customer);
        self.journal = started.journal.clone().map(|header| Journal {
            header,
            entries: Vec::new(),
        });
    }

    fn resumed(&mut self, resumed: &StreamResumed, node: NodeId, now_ms: u64) {
        self.resumptions = self.resumptions.saturating_add(1);
        self.reopened |= self.state == CallState::Ended;
        self.state = CallState::Live;
        self.node = Some(node);
        self.stream_sid = Some(resumed.stream_sid.clone());
        // the call had been ended as one whose engine stopped
        (self.outcome, self.detail, self.ended_ms) = (None, None, None);
        (self.decision, self.transfer) = (None, None);
        self.steps.retain(|entry| entry.step != Step::Completed);
        if let Some(journal) = &mut self.journal {
            let kept = usize::try_from(resumed.entries).unwrap_or(usize::MAX);
            journal.entries.truncate(kept);
        }
        let detail = format!(
            "the engine that held the call had stopped; the conversation went on after entry {} of its journal, on another stream",
            resumed.entries
        );
        self.note_cause(RESUMED, &detail, Repeat::Always, now_ms);
    }

    fn moved(&mut self, moved: &VersionMove) {
        if moved.refused.is_none() {
            self.version = Some(moved.to.clone());
            if let Some(journal) = &mut self.journal {
                journal.header.version = moved.to.clone();
            }
        }
        self.moves.push(moved.clone());
    }

    fn say(&mut self, line: u32, text: &Line) {
        let is_next = usize::try_from(line).is_ok_and(|line| line >= self.transcript.len());
        if is_next && self.transcript.len() < LINES {
            self.transcript.push(text.clone());
        }
    }

    fn line(&mut self, line: u32) -> Option<&mut Line> {
        self.transcript.get_mut(usize::try_from(line).ok()?)
    }
}

/// Replaces a known value, if a new one is reported.
fn replace<T: Clone>(known: &mut Option<T>, said: &Option<T>) {
    if said.is_some() {
        known.clone_from(said);
    }
}

/// Sets a value that is not known yet.
fn fill<T: Clone>(known: &mut Option<T>, said: &Option<T>) {
    if known.is_none() {
        known.clone_from(said);
    }
}

/// Whether an event was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was applied.
    Yes,
    /// It was not, because it does not come after the last event applied; it may be a duplicate.
    /// The record has to be folded again from all events.
    Behind,
}

/// A call's record, and the position of the last event applied to it.
#[derive(Debug, Clone)]
pub struct CallLog {
    record: CallRecord,
    last: Option<EventMark>,
    is_new: bool,
    reports: u32,
}

impl CallLog {
    /// Creates the log of a call without events.
    pub fn new(call: CallId) -> Self {
        Self {
            record: CallRecord::new(call, 0),
            last: None,
            is_new: true,
            reports: 0,
        }
    }

    /// Continues from a record to which all events up to `last` have been applied. Without `last`,
    /// the record is from an engine version without events.
    pub fn resume(record: CallRecord, last: Option<EventMark>) -> Self {
        Self {
            record,
            last,
            is_new: false,
            reports: 0,
        }
    }

    /// Folds these events, which may come in any order and with duplicates. Events of other calls
    /// are ignored.
    pub fn of<'a>(call: CallId, events: impl IntoIterator<Item = &'a CallEvent>) -> Self {
        let mut events: Vec<_> = events
            .into_iter()
            .filter(|event| event.call_id == call)
            .collect();
        events.sort_by_key(|event| event.mark());
        events.dedup_by_key(|event| event.id);
        let mut log = Self::new(call);
        for event in events {
            log.apply(event);
        }
        log
    }

    /// Applies an event, if it comes after all that have been applied.
    pub fn apply(&mut self, event: &CallEvent) -> Applied {
        let mark = event.mark();
        if self.last.is_some_and(|last| mark <= last) {
            return Applied::Behind;
        }
        if self.is_new {
            self.record.created_ms = event.unix_ms;
            self.is_new = false;
        }
        self.record.apply(event);
        self.last = Some(mark);
        Applied::Yes
    }

    /// Makes an event of something that this node has just observed, and applies it. It comes after
    /// all events of the call that the node knows, whatever the clocks say. Returns `None`, and
    /// applies nothing, for a problem that the record would not keep and for a request beyond
    /// [`REPORTS`], except that the first of those becomes a problem.
    pub fn emit(&mut self, node: NodeId, now_ms: u64, kind: EventKind) -> Option<CallEvent> {
        let kind = self.admit(now_ms, kind)?;
        let id = EventId::generate();
        let unix_ms = self.last.map_or(now_ms, |last| {
            let same = now_ms.max(last.unix_ms);
            let is_behind = (EventMark { unix_ms: same, id }) <= last;
            same.saturating_add(u64::from(is_behind))
        });
        let event = CallEvent {
            id,
            call_id: self.record.call_id,
            node,
            unix_ms,
            kind,
        };
        self.apply(&event);
        Some(event)
    }

    fn admit(&mut self, now_ms: u64, kind: EventKind) -> Option<EventKind> {
        if let EventKind::Problem { problem, repeat } = &kind {
            // a problem that the record would not keep makes no event
            let takes = self.record.takes(&problem.name, &problem.detail, *repeat);
            return takes.then_some(kind);
        }
        if !kind.is_reported() {
            return Some(kind);
        }
        self.reports = self.reports.saturating_add(1);
        match self.reports {
            ..=REPORTS => Some(kind),
            count if count == REPORTS + 1 => {
                let detail = format!(
                    "more than {REPORTS} requests of applets and callbacks came for this call, and further ones were ignored: see whether \
                     anything but Exotel sends them"
                );
                Some(EventKind::problem(
                    now_ms,
                    TOO_MANY_REPORTS,
                    detail,
                    Repeat::OncePerName,
                ))
            }
            _ => None,
        }
    }

    /// Replaces the record by one with more events in it, such as the database's, and goes on from
    /// there.
    pub fn adopt(&mut self, newer: CallLog) {
        let reports = self.reports;
        *self = newer;
        self.reports = reports;
    }

    /// Returns the record.
    pub fn record(&self) -> &CallRecord {
        &self.record
    }

    /// Returns the record, consuming the log.
    pub fn into_record(self) -> CallRecord {
        self.record
    }

    /// Returns the position of the last event applied.
    pub fn last(&self) -> Option<EventMark> {
        self.last
    }
}

#[cfg(test)]
mod tests;
