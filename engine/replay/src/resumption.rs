//! The journal of a call whose engine has stopped, for another engine that goes on with it: what
//! was answered is repeated, and the conversation goes on live after the last answer of the caller.
//!
//! What the flow said after that answer is said again, as nobody knows how much of it the caller has
//! heard. An action that was answered is not done again: nobody gets a second SMS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ghanti_journal::{AnswerSource, Closed, Divergence, Next, Outcome, SharedJournal};
use ghanti_model::journal::Class;
use ghanti_model::{CallError, DifferenceKind, Function, Journal, JournalEntry, Masked};
use serde_json::Value as Json;

use crate::comparing::Comparing;

/// Makes the journal with which the flow is to run again. It has the entries up to the last answer of
/// the caller or of an action; their number is returned too.
pub fn resumed(journal: &Journal) -> (SharedJournal, u32) {
    repeated(journal, BTreeSet::from([DifferenceKind::Wording]))
}

/// Like [`resumed`], for a run that may differ from the record in these kinds before it goes on.
pub(crate) fn repeated(
    journal: &Journal,
    tolerated: BTreeSet<DifferenceKind>,
) -> (SharedJournal, u32) {
    let kept = kept(&journal.entries);
    let journal = Journal {
        header: journal.header.clone(),
        entries: kept.to_vec(),
    };
    let past = Comparing::past(kept.to_vec(), tolerated);
    let source = Arc::new(Mutex::new(Resuming(past)));
    let count = u32::try_from(kept.len()).unwrap_or(u32::MAX);
    (SharedJournal::resumed(journal, source), count)
}

/// The entries up to the last one in which the flow waited, or invoked an action, and was answered.
pub(crate) fn kept(entries: &[JournalEntry]) -> &[JournalEntry] {
    let is_answer = |entry: &JournalEntry| {
        (entry.function.class() == Class::Wait || entry.function == Function::Invoke)
            && !matches!(
                serde_json::from_value(entry.answer.clone()),
                Ok(Outcome::<Json>::Err(CallError::CallEnded))
            )
    };
    let count = entries.iter().rposition(is_answer).map_or(0, |at| at + 1);
    entries.get(..count).unwrap_or_default()
}

/// What the flow was given of the customer's record, by field: all of it, if it asked for all.
pub fn recorded_fields(journal: &Journal) -> BTreeMap<String, Masked> {
    let mut fields = BTreeMap::new();
    for JournalEntry {
        function,
        arguments,
        answer,
        ..
    } in &journal.entries
    {
        match function {
            Function::All => {
                if let Ok(Outcome::<Vec<(String, Masked)>>::Ok(all)) =
                    serde_json::from_value(answer.clone())
                {
                    fields.extend(all);
                }
            }
            Function::Get => {
                if let (Some(name), Ok(Outcome::<Option<Masked>>::Ok(Some(value)))) =
                    (arguments.as_str(), serde_json::from_value(answer.clone()))
                {
                    fields.insert(name.to_owned(), value);
                }
            }
            _ => {}
        }
    }
    fields
}

/// Repeats what was recorded, then goes live.
#[derive(Debug)]
struct Resuming(Comparing);

impl AnswerSource for Resuming {
    fn next(&mut self, _seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        if self.0.is_over() {
            return Ok(Next::Live);
        }
        Ok(self.0.compare(function, arguments)?)
    }

    fn is_ahead(&self) -> bool {
        true
    }

    fn answered_ms(&self) -> Option<u64> {
        Some(self.0.answered_ms())
    }

    fn divergence(&self) -> Option<Divergence> {
        self.0.divergence()
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::journal::FORMAT;
    use ghanti_model::{CallId, FlowName, JournalHeader, VersionId};
    use serde_json::json;

    use super::*;

    fn entry(seq: u32, function: Function, answer: Json) -> JournalEntry {
        JournalEntry {
            seq,
            at_ms: 0,
            took_ms: 0,
            function,
            arguments: Json::Null,
            answer,
        }
    }

    #[test]
    fn what_was_said_after_the_last_answer_is_said_again() {
        let answered = json!({ "ok": "yes" });
        let ended = json!({ "err": { "kind": "call-ended" } });
        let asks = |answer: &Json| entry(1, Function::Ask, answer.clone());
        let invokes = |answer: &Json| entry(2, Function::Invoke, answer.clone());
        let failed = json!({ "err": { "kind": "unavailable", "value": "x" } });
        let says = entry(2, Function::Say, json!({ "ok": null }));
        for (entries, expected) in [
            (vec![], 0),
            (vec![says.clone()], 0),
            (vec![says.clone(), asks(&answered)], 2),
            (vec![asks(&answered), says.clone(), says.clone()], 1),
            // the engine was stopped, and had ended the flow's call
            (vec![asks(&answered), says.clone(), asks(&ended)], 1),
            (vec![says.clone(), asks(&ended)], 0),
            // what was done is not done again
            (vec![asks(&answered), invokes(&answered), says.clone()], 2),
            (vec![asks(&answered), invokes(&failed), says.clone()], 2),
            (vec![asks(&answered), invokes(&ended)], 1),
        ] {
            assert_eq!(kept(&entries).len(), expected, "{entries:?}");
        }
    }

    #[test]
    fn what_a_flow_was_given_of_the_customer_is_in_its_journal() {
        let journal = |entries| Journal {
            header: JournalHeader {
                format: FORMAT,
                call_id: CallId::generate(),
                flow: FlowName::parse("emi-reminder").unwrap(),
                version: VersionId::parse("ab12").unwrap(),
                seed: 1,
                began_ms: None,
            },
            entries,
        };
        let field = |name: &str, answer| JournalEntry {
            arguments: json!(name),
            ..entry(1, Function::Get, answer)
        };
        let given = recorded_fields(&journal(vec![
            entry(
                1,
                Function::All,
                json!({ "ok": [["name", "Asha"], ["amount", "12500"]] }),
            ),
            field("due-date", json!({ "ok": "2026-12-05" })),
            field("state", json!({ "ok": null })),
            field("loan", json!({ "err": { "kind": "call-ended" } })),
            entry(1, Function::Say, json!({ "ok": 1 })),
        ]));
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        let expected = [
            ("amount", "12500"),
            ("due-date", "2026-12-05"),
            ("name", "Asha"),
        ];
        assert_eq!(given, expected);
    }

    #[test]
    fn the_record_is_repeated_and_then_the_call_is_live() {
        let mut source = Resuming(Comparing::past(
            vec![
                entry(1, Function::Log, Json::Null),
                entry(2, Function::Ask, json!({ "ok": "yes" })),
            ],
            BTreeSet::new(),
        ));
        let next = |source: &mut Resuming, function| source.next(1, function, &Json::Null);
        assert!(matches!(
            next(&mut source, Function::Log),
            Ok(Next::Record(_))
        ));
        assert!(
            matches!(next(&mut source, Function::Ask), Ok(Next::Record(entry)) if entry.seq == 2)
        );
        assert!(matches!(next(&mut source, Function::Say), Ok(Next::Live)));
    }

    #[test]
    fn a_flow_that_does_something_else_is_ended() {
        let recorded = vec![entry(1, Function::Ask, json!({ "ok": "yes" }))];
        let mut source = Resuming(Comparing::past(recorded, BTreeSet::new()));
        let got = source.next(1, Function::Transfer, &Json::Null);
        assert!(matches!(got, Err(Closed::Diverged(_))));
    }
}
