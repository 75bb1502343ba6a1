//! Complete runs of a flow with a scripted caller: what they hear, what is journaled, and the
//! result of a replay.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ghanti_host::{RunEnd, Scripted, ScriptedCaller};
use ghanti_model::{Decision, Extent, Function, Journal, Reply, VersionId};
use ghanti_replay::compare;

use crate::common::{acting, facts};

/// A caller who confirms their identity and wants an agent.
fn agreeing() -> ScriptedCaller {
    ScriptedCaller::new([("name", "Asha")])
        .with_facts(facts())
        .answer("identity", Reply::Choice("yes".to_owned()))
        .answer("transfer", Reply::Choice("yes".to_owned()))
}

async fn run(act: &str, caller: ScriptedCaller) -> (RunEnd, Scripted, Journal) {
    let (_house, version) = acting(act, "").await;
    let (scripted, journal) = (caller.scripted(), version.journal(facts().call_id));
    let end = version.run(Box::new(caller), journal.clone()).await;
    let scripted = scripted.lock().unwrap().clone();
    (end, scripted, journal.snapshot())
}

#[tokio::test]
async fn a_caller_who_agrees_is_transferred() {
    let (end, scripted, _) = run("converse", agreeing()).await;
    assert_eq!(end, RunEnd::Returned);
    assert_eq!(
        scripted.templates(),
        ["greeting", "emi", "disclosure", "transfer"]
    );
    assert_eq!(scripted.outcome.as_deref(), Some("transferred"));
    let Some(Decision::Transfer {
        target, numbers, ..
    }) = scripted.decision
    else {
        panic!("no transfer")
    };
    assert_eq!(
        (target.as_str(), numbers[0].expose()),
        ("default", "+919876500000")
    );
    let interruptible: Vec<_> = scripted
        .said
        .iter()
        .map(|prompt| prompt.interruptible)
        .collect();
    assert_eq!(
        interruptible,
        [Some(true), Some(true), Some(false), Some(true)]
    );
}

#[tokio::test]
async fn the_journal_holds_every_call_with_arguments_and_answer() {
    let (_, _, mut journal) = run("converse", agreeing()).await;
    journal.header.version = VersionId::parse("golden").unwrap();
    golden(
        "converse.journal.json",
        &format!("{}\n", serde_json::to_string_pretty(&journal).unwrap()),
    );
}

#[tokio::test]
async fn two_runs_of_one_call_have_one_journal() {
    let (_, _, first) = run("converse", agreeing()).await;
    let (_, _, second) = run("converse", agreeing()).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_recorded_call_replays_without_a_caller() {
    let (_house, version) = acting("converse", "").await;
    let journal = version.journal(facts().call_id);
    version.run(Box::new(agreeing()), journal.clone()).await;
    let again = compare(&version, journal.snapshot(), &BTreeSet::new())
        .await
        .unwrap();
    assert_eq!(
        (again.end, again.differences),
        (RunEnd::Returned, Vec::new())
    );
    assert_eq!(again.entries, journal.snapshot().entries);
}

#[tokio::test]
async fn a_replay_shows_where_the_flow_has_changed() {
    let (_house, version) = acting("converse", "").await;
    let journal = version.journal(facts().call_id);
    version.run(Box::new(agreeing()), journal.clone()).await;
    let mut recorded = journal.snapshot();
    let emi = recorded
        .entries
        .iter_mut()
        .find(|entry| entry.function == Function::Say)
        .unwrap();
    emi.arguments["content"]["value"]["arguments"][0]["value"]["value"]["minor"] = 99.into();
    let seq = emi.seq;
    let again = compare(&version, recorded, &BTreeSet::new()).await.unwrap();
    let difference = again.differences[0].divergence();
    assert_eq!(again.end, RunEnd::Diverged(difference.clone()));
    assert_eq!(difference.seq, seq);
    assert_eq!(
        difference.got.unwrap().arguments["content"]["value"]["arguments"][0]["value"]["value"]["minor"],
        1_250_000
    );
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_the_flow_cleanly() {
    let caller = ScriptedCaller::new([])
        .answer("identity", Reply::Choice("yes".to_owned()))
        .hang_up_at("transfer");
    let (end, scripted, journal) = run("converse", caller).await;
    assert_eq!(end, RunEnd::CallEnded);
    assert_eq!(scripted.outcome, None);
    let last = journal.entries.last().unwrap();
    assert_eq!(
        (last.function, last.answer["err"]["kind"].as_str()),
        (Function::Ask, Some("call-ended"))
    );
}

#[tokio::test]
async fn silence_is_one_answer_with_all_its_attempts() {
    let (end, scripted, journal) = run("converse", ScriptedCaller::new([])).await;
    assert_eq!(
        (end, scripted.outcome.as_deref()),
        (RunEnd::Returned, Some("wrong-person"))
    );
    let asked = journal
        .entries
        .iter()
        .find(|entry| entry.function == Function::Ask)
        .unwrap();
    assert_eq!(asked.answer["ok"]["attempts"], 2);
    assert!(asked.took_ms > 10_000, "{}", asked.took_ms);
}

#[tokio::test]
async fn a_prompt_before_its_requirement_never_reaches_the_caller() {
    let (end, scripted, _) = run("emi-first", ScriptedCaller::new([])).await;
    let RunEnd::Failed(ghanti_model::CallError::Refused(refusal)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(
        (refusal.subject.as_str(), refusal.missing),
        ("emi", vec!["identity".to_owned()])
    );
    assert!(
        refusal.reason.contains("only after identity"),
        "{}",
        refusal.reason
    );
    assert_eq!(scripted.said, []);
}

#[tokio::test]
async fn a_question_waits_until_its_disclosure_was_heard() {
    let (end, scripted, _) = run("question-first", ScriptedCaller::new([])).await;
    assert!(
        matches!(end, RunEnd::Failed(ghanti_model::CallError::Refused(_))),
        "{end:?}"
    );
    assert_eq!(scripted.said, []);
    // with the disclosure before it the same conversation goes through, although nothing but the
    // question waits for the disclosure
    let (end, _, journal) = run("converse", agreeing()).await;
    assert_eq!(end, RunEnd::Returned);
    let asked = journal
        .entries
        .iter()
        .rfind(|entry| entry.function == Function::Ask)
        .unwrap();
    let heard = serde_json::to_value(Extent::Whole).unwrap();
    assert!(
        asked.answer["ok"]["playouts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|playout| playout["template"] == "disclosure" && playout["heard"] == heard)
    );
}

#[tokio::test]
async fn what_the_manifest_does_not_grant_is_refused() {
    for (act, subject) in [
        ("text", "text"),
        ("transfer-anywhere", "elsewhere"),
        ("lookup", "other:42"),
    ] {
        let (end, scripted, _) =
            run(act, ScriptedCaller::new([]).with_value("loan:42", "12")).await;
        let RunEnd::Failed(ghanti_model::CallError::Refused(refusal)) = end else {
            panic!("{act}: {end:?}")
        };
        assert_eq!(refusal.subject, subject);
        assert_eq!((scripted.said, scripted.decision), (Vec::new(), None));
        assert_eq!(
            scripted.notes.get("looked-up").map(|value| value.expose()),
            (act == "lookup").then_some("12")
        );
    }
}

#[tokio::test]
async fn unusable_arguments_are_reported_with_the_hint() {
    for (act, words) in [
        ("claim", "only the engine establishes"),
        ("strange", "is not a language tag"),
        ("tamil", "add `prompts/ta-IN.ftl`"),
    ] {
        let (end, _, journal) = run(act, ScriptedCaller::new([])).await;
        let RunEnd::Failed(ghanti_model::CallError::Invalid(sentence)) = end else {
            panic!("{act}: {end:?}")
        };
        assert!(sentence.contains(words), "{sentence}");
        assert_eq!(
            journal.entries.last().unwrap().answer["err"]["kind"],
            "invalid"
        );
    }
}

#[tokio::test]
async fn a_dropped_run_drops_its_conversation_and_leaves_its_journal() {
    let (_house, version) = acting("converse", "").await;
    let journal = version.journal(facts().call_id);
    let caller = ScriptedCaller::new([]).never_answer("identity");
    let scripted = caller.scripted();
    let running = tokio::spawn({
        let journal = journal.clone();
        async move { version.run(Box::new(caller), journal).await }
    });
    while scripted.lock().unwrap().asked.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.len(), 4, "what waits is not in it yet");
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(
        (std::sync::Arc::strong_count(&scripted), journal.len()),
        (1, 4)
    );
}

fn golden(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../host/tests/fixtures")
        .join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        text,
        "UPDATE_GOLDEN=1 writes it anew"
    );
}
