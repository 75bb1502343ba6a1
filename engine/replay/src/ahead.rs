//! How a running call may go on once its caller answers: a fork of its journal, in which the question
//! that waits has an answer already.
//!
//! The version repeats what was done so far, is given that answer, and goes on with a conversation
//! of its own, which performs nothing. The running call is copied once and not looked at again: a
//! fork has a journal that nobody observes and to which nothing is added.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ghanti_journal::{AnswerSource, Closed, Divergence, Next, SharedJournal, Side, Waiting};
use ghanti_model::{
    Answer, DifferenceKind, Extent, Function, Journal, JournalEntry, Language, Playout, Prompt,
    PromptId, Reply,
};
use serde_json::{Value as Json, json};

use crate::comparing::{Comparing, is_versions_own};
use crate::difference::Difference;
use crate::otherwise::heard;

/// The largest journal that forks repeat, in bytes of its arguments and answers: that of a long
/// conversation. It is copied in the call's own task, within a fraction of a millisecond.
const REPEATED_BYTES: usize = 256 << 10;

/// A call that waits for the answer to a question: what it has done so far, and what it asks.
#[derive(Debug)]
pub struct Waits {
    done: Journal,
    asked: Arc<Waiting>,
}

/// A call that goes on ahead of its caller.
#[derive(Debug)]
pub struct Fork {
    /// The journal with which the version is to run.
    pub journal: SharedJournal,
    /// The templates that were said so far or are being said, as far as they are not known to have
    /// been cut off: when the answer comes they have been heard.
    pub heard: BTreeSet<String>,
    /// The numbers of prompts that are not in use yet begin after this one.
    pub last_prompt: PromptId,
}

impl Waits {
    /// A running call, if it waits for the answer to a question of this name. `None` also if it has
    /// done too much to repeat it.
    pub fn at(running: &SharedJournal, question: &str) -> Option<Self> {
        let (done, asked) = running.waiting(REPEATED_BYTES)?;
        let name = asked.side.arguments.get("name").and_then(Json::as_str);
        let is_there = matches!(asked.side.function, Function::Ask | Function::Collect)
            && name == Some(question);
        is_there.then_some(Self { done, asked })
    }

    /// The call as if the caller had answered this, in this language.
    pub fn answered(&self, reply: Reply, language: &Language) -> Fork {
        let Journal { header, entries } = &self.done;
        let playouts = playouts(entries, self.asked.side.arguments.get("prompt"));
        let mut heard = heard(entries);
        heard.extend(playouts.iter().map(|playout| playout.template.clone()));
        let last_prompt = last_said(entries, &playouts);
        let answer = Answer {
            confidence: match reply {
                Reply::NoInput | Reply::NoMatch => 0.0,
                _ => 1.0,
            },
            language: matches!(reply, Reply::Choice(_)).then(|| language.clone()),
            reply,
            changed_to: None,
            understood_by: None,
            transcript: None,
            attempts: 1,
            playouts,
        };
        let source = Ahead::new(entries.clone(), Arc::clone(&self.asked), &answer);
        let source = Arc::new(Mutex::new(source));
        Fork {
            journal: SharedJournal::from_source(header.clone(), source),
            heard,
            last_prompt,
        }
    }
}

/// What the caller has heard by the time they answer: what was queued since the flow last waited, and
/// the question's own prompt.
fn playouts(entries: &[JournalEntry], asked: Option<&Json>) -> Vec<Playout> {
    use ghanti_model::journal::Class;
    let since = entries
        .iter()
        .rposition(|entry| entry.function.class() == Class::Wait)
        .map_or(0, |at| at + 1);
    let queued = entries.get(since..).unwrap_or_default();
    let said = queued.iter().filter_map(|entry| {
        let id = said_as(entry)?;
        Some((id, template_of(&entry.arguments)?))
    });
    let mut played: Vec<Playout> = said
        .map(|(prompt, template)| whole(prompt, template))
        .collect();
    if let Some(template) = asked.and_then(template_of) {
        let last = last_said(entries, &[]);
        played.push(whole(PromptId(last.0.saturating_add(1)), template));
    }
    played
}

fn whole(prompt: PromptId, template: String) -> Playout {
    Playout {
        prompt,
        template,
        heard: Extent::Whole,
        heard_ms: 0,
    }
}

/// The highest number of a prompt so far.
fn last_said(entries: &[JournalEntry], playouts: &[Playout]) -> PromptId {
    let said = entries.iter().filter_map(said_as);
    let played = entries.iter().flat_map(crate::recorded::playouts_of);
    let all = said.chain(played.chain(playouts.iter().cloned()).map(|it| it.prompt));
    all.max().unwrap_or(PromptId(0))
}

fn said_as(entry: &JournalEntry) -> Option<PromptId> {
    if entry.function != Function::Say {
        return None;
    }
    serde_json::from_value(entry.answer.get("ok")?.clone()).ok()
}

fn template_of(prompt: &Json) -> Option<String> {
    let prompt: Prompt = serde_json::from_value(prompt.clone()).ok()?;
    Some(prompt.template().to_owned())
}

/// Repeats a running call, answers the question in which it waits, and leaves the rest to the fork's
/// conversation, but for what it has asked of the outside before.
#[derive(Debug)]
struct Ahead {
    past: Comparing,
    asked: Arc<Waiting>,
    /// The answer, until it was given.
    answer: Option<Json>,
    /// What was looked up so far.
    looked_up: Vec<JournalEntry>,
}

impl Ahead {
    fn new(entries: Vec<JournalEntry>, asked: Arc<Waiting>, answer: &Answer) -> Self {
        let is_look_up = |entry: &&JournalEntry| is_look_up(entry.function);
        Self {
            looked_up: entries.iter().filter(is_look_up).cloned().collect(),
            // those before a call moved to this version are in other words
            past: Comparing::past(entries, BTreeSet::from([DifferenceKind::Wording])),
            asked,
            // the model's own types, whose serialization cannot fail
            answer: Some(json!({ "ok": answer })),
        }
    }
}

fn is_look_up(function: Function) -> bool {
    matches!(function, Function::Lookup | Function::History)
}

impl AnswerSource for Ahead {
    fn next(&mut self, seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        if is_versions_own(function) || !self.past.is_over() {
            return Ok(self.past.compare(function, arguments)?);
        }
        let got = Side {
            function,
            arguments: arguments.clone(),
        };
        if let Some(answer) = self.answer.take() {
            if got != self.asked.side {
                let expected = Some(self.asked.side.clone());
                return Err(Difference::of(seq, expected, Some(got)).into());
            }
            return Ok(Next::Record(JournalEntry {
                seq,
                at_ms: self.past.answered_ms(),
                took_ms: 0,
                function,
                arguments: got.arguments,
                answer,
            }));
        }
        let is_known = |entry: &&JournalEntry| Side::of(entry) == got;
        if let Some(known) = self.looked_up.iter().rfind(is_known) {
            return Ok(Next::Record(known.clone()));
        }
        Ok(Next::Waiting(Arc::new(Waiting {
            side: got,
            called_ms: self.asked.called_ms,
        })))
    }

    /// So that nothing is added, and all of the run counts as repeating a call.
    fn is_ahead(&self) -> bool {
        true
    }

    fn answered_ms(&self) -> Option<u64> {
        Some(self.past.answered_ms())
    }

    fn divergence(&self) -> Option<Divergence> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    fn entry(seq: u32, function: Function, arguments: Json, answer: Json) -> JournalEntry {
        JournalEntry {
            seq,
            at_ms: u64::from(seq) * 100,
            took_ms: 10,
            function,
            arguments,
            answer,
        }
    }

    fn prompt(template: &str) -> Json {
        json!({ "content": { "kind": "template", "value": { "name": template, "arguments": [] } } })
    }

    fn source(entries: Vec<JournalEntry>) -> Ahead {
        let side = Side {
            function: Function::Ask,
            arguments: json!({ "name": "pay", "prompt": prompt("pay") }),
        };
        let asked = Arc::new(Waiting {
            side,
            called_ms: 5_000,
        });
        let answer = Answer {
            reply: Reply::NoInput,
            confidence: 0.0,
            language: None,
            changed_to: None,
            understood_by: None,
            transcript: None,
            attempts: 1,
            playouts: Vec::new(),
        };
        Ahead::new(entries, asked, &answer)
    }

    #[test]
    fn the_past_is_repeated_the_question_answered_and_the_rest_is_the_forks_own() {
        let looked_up = entry(
            1,
            Function::Lookup,
            json!("loan:42"),
            json!({ "ok": "due" }),
        );
        let mut source = source(vec![looked_up]);
        let asked = source.asked.side.arguments.clone();
        let mut next = |function, arguments: &Json| source.next(1, function, arguments);
        let record = |next| match next {
            Ok(Next::Record(entry)) => Some(entry.answer),
            _ => None,
        };
        let due = Some(json!({ "ok": "due" }));
        assert_eq!(record(next(Function::Lookup, &json!("loan:42"))), due);
        let answered = record(next(Function::Ask, &asked)).unwrap();
        assert_eq!(answered["ok"]["reply"]["kind"], "no-input");
        // what is known is not looked up again, what is not known is the conversation's
        assert_eq!(record(next(Function::Lookup, &json!("loan:42"))), due);
        for (function, arguments) in [
            (Function::Lookup, json!("loan:43")),
            (Function::Invoke, json!(["pay", {}])),
            (Function::Say, prompt("thanks")),
            (Function::Ask, asked.clone()),
        ] {
            assert!(
                matches!(next(function, &arguments), Ok(Next::Waiting(_))),
                "{function:?}"
            );
        }
        // and it logs nothing
        assert_eq!(record(next(Function::Log, &Json::Null)), Some(Json::Null));
    }

    #[test]
    fn a_version_that_asks_something_else_is_ended() {
        let mut source = source(Vec::new());
        let got = source.next(1, Function::Ask, &json!({ "name": "other" }));
        assert!(matches!(got, Err(Closed::Diverged(_))));
    }

    #[test]
    fn what_was_queued_has_been_heard_when_the_answer_comes() {
        let entries = [
            entry(1, Function::Say, prompt("hello"), json!({ "ok": 1 })),
            entry(2, Function::Drain, Json::Null, json!({ "ok": [] })),
            entry(3, Function::Say, prompt("notice"), json!({ "ok": 2 })),
            entry(
                4,
                Function::Say,
                prompt("amount"),
                json!({ "err": { "kind": "call-ended" } }),
            ),
        ];
        let played: Vec<_> = playouts(&entries, Some(&prompt("pay")))
            .into_iter()
            .map(|playout| (playout.prompt.0, playout.template))
            .collect();
        assert_eq!(played, [(2, "notice".to_owned()), (3, "pay".to_owned())]);
    }

    struct Watch;

    impl ghanti_journal::Clock for Watch {
        fn unix_ms(&mut self) -> u64 {
            2_000
        }
    }

    #[tokio::test]
    async fn a_running_call_is_forked_where_it_waits_for_that_question_and_stays_as_it_is() {
        let header = ghanti_model::JournalHeader {
            format: ghanti_model::journal::FORMAT,
            call_id: ghanti_model::CallId::generate(),
            flow: ghanti_model::FlowName::parse("emi").unwrap(),
            version: ghanti_model::VersionId::parse("ab").unwrap(),
            seed: 7,
            began_ms: None,
        };
        let running = SharedJournal::live(header);
        assert!(Waits::at(&running, "pay").is_none(), "it does not wait");
        let arguments = json!({ "name": "pay", "prompt": prompt("pay") });
        let mut watch = Watch;
        let asked: Pin<Box<dyn Future<Output = Result<Json, Closed>>>> = Box::pin(running.call(
            &mut watch,
            Function::Ask,
            arguments.clone(),
            |_| Box::pin(std::future::pending()),
        ));
        let mut asked = asked;
        assert!(futures_util::poll!(&mut asked).is_pending());
        // the host asks whether it has understood a value
        assert!(Waits::at(&running, "pay-confirm").is_none());
        let waits = Waits::at(&running, "pay").unwrap();
        let yes = || Reply::Choice("yes".to_owned());
        let fork = waits.answered(yes(), &Language::english());
        assert_eq!(fork.heard, BTreeSet::from(["pay".to_owned()]));
        assert_eq!(fork.last_prompt, PromptId(1));
        let answer: Json = fork
            .journal
            .call(&mut Watch, Function::Ask, arguments, |_| {
                Box::pin(std::future::pending())
            })
            .await
            .unwrap();
        assert_eq!(answer["ok"]["reply"], json!(yes()));
        assert_eq!(answer["ok"]["language"], "en-IN");
        assert!(fork.journal.is_empty() && fork.journal.is_replay());
        assert!(running.is_empty() && !running.is_replay());
        assert!(Waits::at(&running, "pay").is_some(), "it still waits");
    }
}
