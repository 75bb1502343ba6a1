//! How a recorded call would have gone on with another answer.

use std::sync::Arc;

use ghanti_host::{Conversation, Does, FlowVersion, Invocation, ScriptedCaller, Turn, Wait};
use ghanti_model::{CallError, CallRecord, CallState, Function, JournalEntry, Reply, Zone};
use ghanti_replay::{End, Local, Otherwise, ReplayError, otherwise};
use serde_json::json;

use crate::common::{House, acting, facts};

fn local() -> Local {
    Local {
        zone: Zone::fixed(330),
        date_order: None,
    }
}

fn choice(id: &str) -> Reply {
    Reply::Choice(id.to_owned())
}

fn turn(does: Does) -> Turn {
    Turn::Caller(does.into())
}

fn chooses(id: &str) -> Turn {
    turn(Does::Replies(choice(id), None))
}

/// A call of a caller who says that it is them, and declines.
async fn recorded() -> (House, Arc<FlowVersion>, CallRecord) {
    let (house, version) = acting("converse", "").await;
    let caller = ScriptedCaller::new([("name", "Asha")])
        .with_facts(facts())
        .answer("identity", choice("yes"))
        .answer("transfer", choice("no"));
    let journal = version.journal(facts().call_id);
    version.run(Box::new(caller), journal.clone()).await;
    let record = CallRecord {
        state: CallState::Ended,
        journal: Some(journal.snapshot()),
        ..CallRecord::new(facts().call_id, 0)
    };
    (house, version, record)
}

fn asked(record: &CallRecord, question: &str) -> u32 {
    let entries = &record.journal.as_ref().unwrap().entries;
    let is_it = |entry: &&JournalEntry| {
        entry.function == Function::Ask && entry.arguments["name"] == question
    };
    entries.iter().find(is_it).unwrap().seq
}

async fn goes_on(
    record: &CallRecord,
    version: &Arc<FlowVersion>,
    question: &str,
    answers: Vec<Turn>,
) -> Otherwise {
    let seq = asked(record, question);
    otherwise(record.clone(), version, seq, answers, &local())
        .await
        .unwrap()
}

fn said(found: &Otherwise) -> Vec<&str> {
    let bot = ghanti_explore::transcript::Speaker::Bot;
    let lines = found.lines.iter().filter(|line| line.speaker == bot);
    lines.map(|line| line.name.as_str()).collect()
}

#[tokio::test]
async fn the_first_question_is_asked_again_and_every_answer_leads_on() {
    let (_house, version, record) = recorded().await;
    let open = goes_on(&record, &version, "identity", Vec::new()).await;
    assert_eq!(said(&open), ["greeting"]);
    assert_eq!((open.end, open.outcome), (None, None));
    let Some(Wait::Question(asking)) = open.open else {
        panic!("it waits for an answer")
    };
    assert_eq!(asking.name, "identity");
    assert!(asking.choices.iter().any(|choice| choice.id == "no"));

    let agrees = goes_on(
        &record,
        &version,
        "identity",
        vec![chooses("yes"), chooses("yes")],
    )
    .await;
    assert_eq!(said(&agrees), ["greeting", "emi", "disclosure", "transfer"]);
    assert_eq!(agrees.end, Some(End::Returned));
    assert_eq!(agrees.outcome.as_deref(), Some("transferred"));
    assert_eq!(agrees.transfer.as_deref(), Some("default"));
    assert!(agrees.open.is_none());

    let gone = goes_on(&record, &version, "identity", vec![turn(Does::HangsUp)]).await;
    assert_eq!(gone.end, Some(End::HungUp));
}

#[tokio::test]
async fn what_was_heard_and_established_before_the_question_holds() {
    let (_house, version, record) = recorded().await;
    // the question requires that the disclosure was heard, which only the record says
    let open = goes_on(&record, &version, "transfer", Vec::new()).await;
    assert!(matches!(open.open, Some(Wait::Question(asking)) if asking.name == "transfer"));
    let before = open.before.join("\n");
    assert!(before.contains("identity"), "{before}");
    let agrees = goes_on(&record, &version, "transfer", vec![chooses("yes")]).await;
    assert_eq!(agrees.outcome.as_deref(), Some("transferred"));
    let silent = goes_on(&record, &version, "transfer", vec![turn(Does::StaysSilent)]).await;
    assert!(
        silent.end.is_some() && silent.outcome != agrees.outcome,
        "{silent:#?}"
    );
    // nothing of it is in the record
    let entries = |record: &CallRecord| record.journal.clone().unwrap().entries.len();
    assert_eq!(entries(&record), entries(&recorded().await.2));
}

#[tokio::test]
async fn what_is_no_answered_question_and_what_is_not_there_is_refused() {
    let (_house, version, record) = recorded().await;
    let local = local();
    let at = |record: &CallRecord, seq| {
        let (record, version, local) = (record.clone(), Arc::clone(&version), local.clone());
        async move { otherwise(record, &version, seq, Vec::new(), &local).await }
    };
    for seq in [0, 1, 1_000] {
        let refused = at(&record, seq).await;
        assert!(
            matches!(refused, Err(ReplayError::NoAnswer { .. })),
            "{seq}: {refused:?}"
        );
    }
    let cut = CallRecord {
        journal: record.journal.clone().map(|mut journal| {
            journal.entries.remove(1);
            journal
        }),
        ..record.clone()
    };
    let refused = at(&cut, 3).await;
    assert!(
        matches!(refused, Err(ReplayError::Incomplete { seq: 2, .. })),
        "{refused:?}"
    );
    let erased = CallRecord {
        journal: None,
        ..record
    };
    assert!(matches!(
        at(&erased, 3).await,
        Err(ReplayError::NoJournal(_))
    ));
}

#[tokio::test]
async fn a_version_that_does_not_come_to_the_question_says_where() {
    let (_house, _, record) = recorded().await;
    let (_other, version) = acting("emi-first", "").await;
    let found = goes_on(&record, &version, "transfer", vec![chooses("yes")]).await;
    let Some(End::Failed(why)) = found.end else {
        panic!("{found:#?}")
    };
    assert!(
        why.contains("does not come to that question: at entry"),
        "{why}"
    );
}

#[tokio::test]
async fn an_action_answers_as_in_the_record_or_is_waited_for() {
    let link = Ok(json!({ "sent": true }));
    let mut caller = ScriptedCaller::new([])
        .with_known_action(
            "send-link",
            json!({ "to": "‹redacted›", "n": 1 }),
            link.clone(),
        )
        .with_turns([]);
    let invoked = |name: &str, n: u32| Invocation {
        name: name.to_owned(),
        input: json!({ "to": "+919876543210", "n": n }),
        nth: 1,
        acts: true,
    };
    assert_eq!(caller.invoke(invoked("send-link", 1)).await, link);
    assert_eq!(caller.invoke(invoked("send-link", 1)).await, link);
    let other = caller.invoke(invoked("send-link", 2)).await;
    assert_eq!(other, Err(CallError::CallEnded));
    let scripted = caller.scripted().lock().unwrap().clone();
    assert_eq!(scripted.open, Some(Wait::Action("send-link".to_owned())));
}
