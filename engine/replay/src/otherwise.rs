//! How a recorded call would have gone on, had the caller answered a question otherwise.
//!
//! The version repeats the record up to the answer before that question, as a call does that goes on
//! at another engine; from there a scripted caller answers in its place, in virtual time. Nothing
//! is performed: what the flow looks up, asks of the customer's record and invokes is answered from
//! the record where that has the answer, and what else an action would answer is waited for, as the
//! caller's answers are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ghanti_explore::transcript::{Line, lines};
use ghanti_host::{Event, FlowVersion, RunEnd, Scripted, ScriptedCaller, Turn, Wait};
use ghanti_journal::redact::called;
use ghanti_journal::{Outcome, Side};
use ghanti_manifest::Limits;
use ghanti_model::values::DateOrder;
use ghanti_model::{
    Answer, CallFacts, CallRecord, Content, Decision, DifferenceKind, Direction, EarlierCall,
    Extent, Function, Journal, JournalEntry, Language, Masked, Zone,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::calls::Recorded;
use crate::error::ReplayError;
use crate::of_record::{lacks_room, whole};
use crate::report::line;
use crate::resumption::{kept, recorded_fields, repeated};
use crate::turn::{What, turns};
use crate::words::Words;

/// How a call would have gone on.
#[derive(Debug, Clone)]
pub struct Otherwise {
    /// What was said and decided before, as it is recorded, one line each.
    pub before: Vec<String>,
    /// How it goes on from there.
    pub lines: Vec<Line>,
    /// What the flow waits for where the answers end; `None` if it has ended.
    pub open: Option<Wait>,
    /// How it ended, if it has.
    pub end: Option<End>,
    /// The disposition that the flow has set.
    pub outcome: Option<String>,
    /// The target that it transfers to.
    pub transfer: Option<String>,
}

/// How times and dates of this engine's calls are read.
#[derive(Debug, Clone)]
pub struct Local {
    /// Where local time is that of.
    pub zone: Zone,
    /// The order of numeric dates in customers' records, if there is one.
    pub date_order: Option<DateOrder>,
}

/// How a conversation ended that went on otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The flow came to its end.
    Returned,
    /// The caller hung up.
    HungUp,
    /// The version does something else before it comes to the question, or fails: why, in one
    /// sentence.
    Failed(String),
}

/// Lets a call go on otherwise from the question that entry `seq` of its journal asks. `answers` are
/// what the caller does there and at each later question, and what actions answer, in order.
///
/// # Errors
///
/// The record has no journal, or it cannot be read, or not all of it is there; the entry is no
/// question that was answered; or the engine has no room.
pub async fn otherwise(
    record: CallRecord,
    version: &Arc<FlowVersion>,
    seq: u32,
    answers: Vec<Turn>,
    local: &Local,
) -> Result<Otherwise, ReplayError> {
    let recorded = whole(record)?;
    let journal = &recorded.journal;
    let at = journal.entries.iter().position(|entry| {
        entry.seq == seq
            && matches!(entry.function, Function::Ask | Function::Collect)
            && entry.answer.get("ok").is_some()
    });
    let at = at.ok_or_else(|| ReplayError::NoAnswer {
        call: journal.header.call_id.to_string(),
        seq,
    })?;
    let past = Journal {
        header: journal.header.clone(),
        entries: journal.entries.iter().take(at).cloned().collect(),
    };
    let (running, _) = repeated(&past, DifferenceKind::ALL.into_iter().collect());
    let words = Words::new(&recorded, version, &local.zone);
    let before = kept(&past.entries);
    let caller = caller(&recorded, before, local)
        .with_languages(&version.languages)
        .with_turns(answers);
    let scripted = caller.scripted();
    // minutes of a call pass within milliseconds
    let limits = Limits {
        host_calls_per_second: u32::MAX,
        ..version.manifest().limits.of_replay()
    };
    let run = version.run_within(Box::new(caller), running, &limits);
    let end = run.with_subscriber(NoSubscriber::default()).await;
    if lacks_room(&end) {
        return Err(ReplayError::NoRoom);
    }
    let before = turns(before)
        .iter()
        .map(|turn| line(turn, &words))
        .collect();
    Ok(result_of(version, &words, before, &scripted, &end))
}

fn result_of(
    version: &FlowVersion,
    words: &Words<'_>,
    before: Vec<String>,
    scripted: &Mutex<Scripted>,
    end: &RunEnd,
) -> Otherwise {
    let Scripted {
        mut events,
        open,
        outcome,
        decision,
        acknowledged,
        ..
    } = scripted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if open.is_some()
        && let Some(at) = events.iter().rposition(|event| *event == Event::HungUp)
    {
        // the call ends there since there is no further answer yet: nobody has hung up
        events.truncate(at);
    }
    answers_first(&mut events, &acknowledged);
    let has_hung_up = events.contains(&Event::HungUp);
    let failure = match end {
        RunEnd::Diverged(divergence) => {
            let side = |side: &Option<Side>| match side {
                Some(side) => format!("`{}`", called(side.function, &side.arguments)),
                None => "its end".to_owned(),
            };
            Some(format!(
                "this version does not come to that question: at entry {} the record has {}, and the version comes to {}",
                divergence.seq,
                side(&divergence.expected),
                side(&divergence.got)
            ))
        }
        RunEnd::Failed(error) => Some(format!("`run` returned an error: {error}")),
        RunEnd::Trapped { reason, .. } => Some(format!("the flow trapped: {reason}")),
        RunEnd::LimitExceeded { what } => Some(what.to_string()),
        RunEnd::Returned | RunEnd::CallEnded => None,
    };
    let end = match (failure, &open) {
        (_, Some(_)) => None,
        (Some(failure), None) => Some(End::Failed(failure)),
        (None, None) if has_hung_up => Some(End::HungUp),
        (None, None) => Some(End::Returned),
    };
    Otherwise {
        before,
        lines: lines(version, &events, words.today, None),
        open,
        end,
        outcome,
        transfer: match decision {
            Some(Decision::Transfer { target, .. }) => Some(target),
            Some(Decision::HangUp) | None => None,
        },
    }
}

/// Puts each answer before what acknowledged it: a scripted caller reports it once it is complete.
fn answers_first(events: &mut [Event], acknowledged: &BTreeSet<String>) {
    let is_acknowledgement = |event: &Event| match event {
        Event::Said { prompt, .. } => acknowledged.contains(prompt.template()),
        _ => false,
    };
    for at in 0..events.len() {
        let (before, rest) = events.split_at_mut(at);
        let Some(Event::Answered { .. }) = rest.first() else {
            continue;
        };
        // between them it is played
        let said = before.iter().rposition(is_acknowledgement);
        if let Some(said) = said
            && let Some([_, between @ ..]) = before.get(said..)
            && between
                .iter()
                .all(|event| matches!(event, Event::Played { .. }))
            && let Some(both) = events.get_mut(said..=at)
        {
            both.rotate_right(1);
        }
    }
}

/// A caller who is where the one of the record was after these entries, and knows what the record
/// knows.
fn caller(recorded: &Recorded, past: &[JournalEntry], local: &Local) -> ScriptedCaller {
    let Recorded { journal, record } = recorded;
    let began_ms = journal
        .header
        .began_ms
        .or(record.as_ref().and_then(|record| record.started_ms))
        .unwrap_or_default();
    let last = past.last();
    let passed_ms = last.map_or(0, |entry| entry.at_ms.saturating_add(entry.took_ms));
    let now_ms = began_ms.saturating_add(passed_ms);
    let fields = recorded_fields(journal);
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()));
    let mut caller = ScriptedCaller::new(fields)
        .with_beginning(now_ms)
        .with_offset(local.zone.offset_minutes(now_ms))
        .with_date_order(local.date_order)
        .with_facts(facts(recorded, past));
    for template in heard(past) {
        caller = caller.with_heard(&template);
    }
    for entry in &journal.entries {
        caller = knowing(caller, entry);
    }
    caller
}

/// Adds what an entry has of the world outside the call.
fn knowing(mut caller: ScriptedCaller, entry: &JournalEntry) -> ScriptedCaller {
    match entry.function {
        Function::Lookup => {
            let found = ok::<Option<Masked>>(entry).flatten();
            match (entry.arguments.as_str(), found) {
                (Some(key), Some(value)) => caller.with_value(key, value.expose()),
                _ => caller,
            }
        }
        Function::History => {
            for call in ok::<Vec<EarlierCall>>(entry).unwrap_or_default() {
                caller = caller.with_earlier_call(call);
            }
            caller
        }
        Function::Invoke => {
            let name = entry.arguments.get(0).and_then(Json::as_str);
            let input = entry.arguments.get(1).filter(|input| !input.is_null());
            let answer = serde_json::from_value::<Outcome<Json>>(entry.answer.clone()).ok();
            match (name, input, answer) {
                (Some(name), Some(input), Some(answer)) => {
                    caller.with_known_action(name, input.clone(), answer.into())
                }
                _ => caller,
            }
        }
        _ => caller,
    }
}

/// The facts of the call, as far as the record has them.
fn facts(recorded: &Recorded, past: &[JournalEntry]) -> CallFacts {
    let Recorded { journal, record } = recorded;
    let record = record.as_ref();
    CallFacts {
        call_id: journal.header.call_id,
        call_sid: record.and_then(|record| record.call_sid.clone()),
        direction: record
            .and_then(|record| record.direction)
            .unwrap_or(Direction::Outbound),
        customer_number: record.and_then(|record| record.customer_number.clone()),
        line_number: record.and_then(|record| record.line_number.clone()),
        language: language(recorded, past),
        parameters: Vec::new(),
    }
}

/// The language of the call after these entries.
fn language(recorded: &Recorded, past: &[JournalEntry]) -> Language {
    let changed = past.iter().rev().find_map(|entry| match entry.function {
        Function::SetLanguage if entry.answer.get("ok").is_some() => {
            serde_json::from_value(entry.arguments.clone()).ok()
        }
        Function::Ask => ok::<Answer>(entry).and_then(|answer| answer.changed_to),
        Function::Facts => {
            serde_json::from_value(entry.answer.get("language").cloned().unwrap_or_default()).ok()
        }
        _ => None,
    });
    let spoken = || {
        let record = recorded.record.as_ref()?;
        let line = record.transcript.first().map(|line| line.language.clone());
        line.or(record.language.clone())
    };
    changed.or_else(spoken).unwrap_or_else(Language::english)
}

/// The templates that were said in these entries. That they were heard is taken for granted, unless
/// the record says otherwise, as a replay does.
pub(crate) fn heard(past: &[JournalEntry]) -> BTreeSet<String> {
    let (mut heard, mut cut) = (BTreeSet::new(), BTreeSet::new());
    for turn in turns(past) {
        if let What::Said {
            content: Content::Template(template),
            ..
        } = turn.what
        {
            heard.insert(template.name);
        }
    }
    for playout in past.iter().flat_map(crate::recorded::playouts_of) {
        if playout.heard == Extent::Whole {
            cut.remove(&playout.template);
        } else {
            cut.insert(playout.template);
        }
    }
    heard.retain(|template| !cut.contains(template));
    heard
}

/// The answer of an entry, if the function succeeded.
fn ok<T: DeserializeOwned>(entry: &JournalEntry) -> Option<T> {
    T::deserialize(entry.answer.get("ok")?).ok()
}

#[cfg(test)]
mod tests {
    use ghanti_model::{Prompt, Reply, Template};

    use super::*;

    #[test]
    fn who_agrees_is_acknowledged_after_their_answer() {
        let said = |name: &str| Event::Said {
            prompt: Prompt {
                content: Content::Template(Template {
                    name: name.to_owned(),
                    arguments: Vec::new(),
                }),
                language: None,
                voice: None,
                interruptible: None,
            },
            language: Language::english(),
        };
        let played = |said| Event::Played {
            said,
            heard: Extent::Whole,
        };
        let answered = || Event::Answered {
            question: "identity".to_owned(),
            act: ghanti_host::Does::StaysSilent.into(),
            reply: Reply::NoInput,
            language: None,
            attempts: 1,
            waited_ms: 0,
        };
        let acknowledged = BTreeSet::from(["okay".to_owned()]);
        let mut events = vec![
            said("greeting"),
            played(0),
            answered(),
            said("greeting"),
            played(1),
            said("okay"),
            played(2),
            answered(),
        ];
        let first = events.clone();
        answers_first(&mut events, &BTreeSet::new());
        assert_eq!(events, first);
        answers_first(&mut events, &acknowledged);
        let expected = [
            said("greeting"),
            played(0),
            answered(),
            said("greeting"),
            played(1),
            answered(),
            said("okay"),
            played(2),
        ];
        assert_eq!(events, expected);
    }
}
