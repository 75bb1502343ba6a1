//! Comparing replays: fixture journals, and each kind of difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ghanti_catalogue::FlowFiles;
use ghanti_host::{FlowVersion, RunEnd, ScriptedCaller};
use ghanti_model::{
    DifferenceKind, Function, Journal, JournalEntry, JournalError, Reply, VersionId,
};
use ghanti_replay::{Comparison, What, compare, turns};
use serde_json::{Value as Json, json};

use crate::common::{acting, facts};

fn caller() -> ScriptedCaller {
    ScriptedCaller::new([("name", "Asha"), ("language", "en-IN")])
        .with_facts(facts())
        .with_value("loan:42", "12")
}

fn says(id: &str) -> Reply {
    Reply::Choice(id.to_owned())
}

/// The paths through the fixture flow's conversation, and the acts that the host refuses.
fn paths() -> Vec<(&'static str, &'static str, ScriptedCaller)> {
    let known = || caller().answer("identity", says("yes"));
    vec![
        (
            "agrees",
            "converse",
            known().answer("transfer", says("yes")),
        ),
        (
            "declines",
            "converse",
            known().answer("transfer", says("no")),
        ),
        (
            "not-understood",
            "converse",
            known().answer("transfer", Reply::NoMatch),
        ),
        (
            "interrupts",
            "converse",
            known().interrupt("emi").answer("transfer", says("no")),
        ),
        (
            "wrong-person",
            "converse",
            caller().answer("identity", says("no")),
        ),
        ("stays-silent", "converse", caller()),
        ("silent-at-transfer", "converse", known()),
        (
            "hangs-up-at-once",
            "converse",
            caller().hang_up_at("identity"),
        ),
        (
            "hangs-up-at-transfer",
            "converse",
            known().hang_up_at("transfer"),
        ),
        ("refused-before-identity", "emi-first", caller()),
        ("refused-text", "text", caller()),
        ("refused-lookup", "lookup", caller()),
        ("refused-transfer", "transfer-anywhere", caller()),
        ("unusable-claim", "claim", caller()),
        ("traps", "trap", caller()),
    ]
}

async fn record(version: &FlowVersion, caller: ScriptedCaller) -> Journal {
    let journal = version.journal(facts().call_id);
    version.run(Box::new(caller), journal.clone()).await;
    Journal {
        header: ghanti_model::JournalHeader {
            version: VersionId::parse("golden").unwrap(),
            ..journal.snapshot().header
        },
        ..journal.snapshot()
    }
}

async fn agreed() -> Journal {
    let (_house, version) = acting("converse", "").await;
    record(
        &version,
        caller()
            .answer("identity", says("yes"))
            .answer("transfer", says("yes")),
    )
    .await
}

fn tolerating(kinds: &[DifferenceKind]) -> BTreeSet<DifferenceKind> {
    kinds.iter().copied().collect()
}

fn all() -> BTreeSet<DifferenceKind> {
    tolerating(&DifferenceKind::ALL)
}

/// Replays a changed record against the unchanged flow: equivalent to the original record against a
/// changed flow, with the sides swapped.
async fn against_changed(
    change: impl FnOnce(&mut Vec<JournalEntry>),
    tolerated: &BTreeSet<DifferenceKind>,
) -> Comparison {
    let (_house, version) = acting("converse", "").await;
    let mut recorded = agreed().await;
    change(&mut recorded.entries);
    compare(&version, recorded, tolerated).await.unwrap()
}

fn kinds(comparison: &Comparison) -> Vec<DifferenceKind> {
    comparison
        .differences
        .iter()
        .map(|difference| difference.kind)
        .collect()
}

fn nth(entries: &mut [JournalEntry], function: Function, n: usize) -> &mut JournalEntry {
    entries
        .iter_mut()
        .filter(|entry| entry.function == function)
        .nth(n)
        .unwrap()
}

/// The first money argument of the first `say`.
fn amount(entries: &mut [JournalEntry]) -> &mut Json {
    &mut nth(entries, Function::Say, 0).arguments["content"]["value"]["arguments"][0]["value"]["value"]
        ["minor"]
}

/// The first text argument of the first question.
fn name(entries: &mut [JournalEntry]) -> &mut Json {
    &mut nth(entries, Function::Ask, 0).arguments["prompt"]["content"]["value"]["arguments"][0]["value"]
        ["value"]
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"))
}

#[tokio::test]
async fn every_kept_journal_still_replays_without_a_difference() {
    for (name, act, caller) in paths() {
        let (_house, version) = acting(act, "").await;
        // a fixture journal is never rewritten: it is what an engine of that time wrote
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !golden(name).exists() {
            let text = serde_json::to_string_pretty(&record(&version, caller).await).unwrap();
            fs::write(golden(name), format!("{text}\n")).unwrap();
        }
        let text = fs::read_to_string(golden(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: UPDATE_GOLDEN=1 writes it"));
        let kept = Journal::read(serde_json::from_str(&text).unwrap()).unwrap();
        let compared = compare(&version, kept.clone(), &all()).await.unwrap();
        assert_eq!(
            (compared.differences, compared.entries),
            (Vec::new(), kept.entries),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_is_recorded_now_replays_to_the_same_journal_and_the_same_end() {
    for (name, act, caller) in paths() {
        let (_house, version) = acting(act, "").await;
        let journal = version.journal(facts().call_id);
        let end = version.run(Box::new(caller), journal.clone()).await;
        let compared = compare(&version, journal.snapshot(), &tolerating(&[]))
            .await
            .unwrap();
        assert_eq!(
            (compared.differences, compared.entries),
            (Vec::new(), journal.snapshot().entries),
            "{name}"
        );
        assert_eq!(
            std::mem::discriminant(&compared.end),
            std::mem::discriminant(&end),
            "{name}: {:?}",
            compared.end
        );
    }
}

#[tokio::test]
async fn another_amount_is_reported_as_such_and_ends_the_replay_unless_it_is_tolerated() {
    let change = |entries: &mut Vec<JournalEntry>| *amount(entries) = json!(99);
    let ended = against_changed(change, &tolerating(&[DifferenceKind::Wording])).await;
    assert_eq!(kinds(&ended), [DifferenceKind::Amounts]);
    assert_eq!(
        ended.end,
        RunEnd::Diverged(ended.differences[0].divergence())
    );
    let got = ended.differences[0].got.as_ref().unwrap();
    assert_eq!(
        got.arguments["content"]["value"]["arguments"][0]["value"]["value"]["minor"],
        1_250_000
    );

    let passed = against_changed(change, &tolerating(&[DifferenceKind::Amounts])).await;
    assert_eq!(
        (kinds(&passed), passed.end),
        (vec![DifferenceKind::Amounts], RunEnd::Returned)
    );
}

#[tokio::test]
async fn wording_is_passed_over_to_the_amount_behind_it() {
    let change = |entries: &mut Vec<JournalEntry>| {
        *name(entries) = json!("Ravi");
        *amount(entries) = json!(99);
    };
    let compared = against_changed(change, &tolerating(&[DifferenceKind::Wording])).await;
    assert_eq!(
        kinds(&compared),
        [DifferenceKind::Wording, DifferenceKind::Amounts]
    );
}

#[tokio::test]
async fn a_question_more_or_less_is_another_structure_however_much_is_tolerated() {
    let without = |entries: &mut Vec<JournalEntry>| {
        let at = entries
            .iter()
            .rposition(|entry| entry.function == Function::Ask)
            .unwrap();
        entries.remove(at);
    };
    let decided = against_changed(without, &all()).await;
    // the record goes straight from the previous question to the decision, so the decision is what
    // is missing
    assert_eq!(kinds(&decided), [DifferenceKind::Decisions]);

    let without = |entries: &mut Vec<JournalEntry>| {
        let at = entries
            .iter()
            .position(|entry| entry.function == Function::Ask)
            .unwrap();
        entries.remove(at);
    };
    let compared = against_changed(without, &all()).await;
    assert_eq!(kinds(&compared), [DifferenceKind::Structure]);
    let (expected, got) = (
        compared.differences[0].expected.as_ref().unwrap(),
        compared.differences[0].got.as_ref().unwrap(),
    );
    assert_eq!(
        (expected.function, got.function),
        (Function::Establish, Function::Ask)
    );
    assert!(!compared.is_whole());
}

#[tokio::test]
async fn another_decision_is_reported_and_so_is_one_that_is_not_made_any_more() {
    let other = |entries: &mut Vec<JournalEntry>| {
        nth(entries, Function::Outcome, 0).arguments[0] = json!("declined")
    };
    assert_eq!(
        kinds(&against_changed(other, &tolerating(&[])).await),
        [DifferenceKind::Decisions]
    );

    let more = |entries: &mut Vec<JournalEntry>| {
        let mut last = entries.last().unwrap().clone();
        entries.push(JournalEntry {
            function: Function::Drain,
            arguments: Json::Null,
            answer: json!({ "ok": [] }),
            ..last.clone()
        });
        last.arguments = json!(["promised", null]);
        entries.push(last);
    };
    let compared = against_changed(more, &all()).await;
    assert_eq!(kinds(&compared), [DifferenceKind::Decisions]);
    assert_eq!(compared.differences[0].got, None);
}

#[tokio::test]
async fn a_caller_who_answered_otherwise_takes_the_flow_another_way_than_the_record() {
    let other = |entries: &mut Vec<JournalEntry>| {
        nth(entries, Function::Ask, 0).answer["ok"]["reply"]["value"] = json!("no")
    };
    let compared = against_changed(other, &all()).await;
    assert_eq!(kinds(&compared), [DifferenceKind::Decisions]);
    assert_eq!(
        compared.differences[0].got.as_ref().unwrap().function,
        Function::Outcome
    );
}

#[tokio::test]
async fn a_rule_of_the_new_manifest_is_reported_although_both_sides_say_the_same() {
    let recorded = agreed().await;
    for (rules, words) in [
        (
            "goodbye = { requires = [\"consent\"] }\ngreeting = { requires = [\"consent\"] }\n",
            "only after consent",
        ),
        (
            "greeting = { requires = [\"heard:disclosure\"] }\n",
            "only after heard:disclosure",
        ),
    ] {
        let (_house, version) = acting("converse", "").await;
        assert_eq!(
            compare(&version, recorded.clone(), &all())
                .await
                .unwrap()
                .differences,
            []
        );
        let (_house, version) = ruled(rules).await;
        let compared = compare(&version, recorded.clone(), &all()).await.unwrap();
        assert_eq!(kinds(&compared), [DifferenceKind::Decisions], "{rules}");
        let rule = compared.differences[0].rule.as_ref().unwrap();
        assert!(rule.contains("refuses") && rule.contains(words), "{rule}");
    }
}

#[tokio::test]
async fn what_was_refused_and_is_allowed_now_is_reported() {
    let (_house, strict) = acting("text", "").await;
    let recorded = record(&strict, caller()).await;
    let (_house, lax) = house("text", "[prompts]\ntexts = true\n").await;
    let compared = compare(&lax, recorded, &all()).await.unwrap();
    assert_eq!(kinds(&compared), [DifferenceKind::Decisions]);
    assert!(
        compared.differences[0]
            .rule
            .as_ref()
            .unwrap()
            .contains("allows what was refused")
    );
}

#[tokio::test]
async fn a_version_reads_its_own_settings_and_may_log_more_or_less() {
    let recorded = agreed().await;
    let mut quiet = recorded.clone();
    quiet
        .entries
        .retain(|entry| entry.function != Function::Log);
    let (_house, version) = acting("converse", "").await;
    assert_eq!(
        compare(&version, quiet, &all()).await.unwrap().differences,
        []
    );

    let (_house, other) = acting("emi-first", "").await;
    let compared = compare(&other, recorded, &all()).await.unwrap();
    assert_eq!(
        compared.differences[0].got.as_ref().unwrap().function,
        Function::Say,
        "its own act, not the recorded one"
    );
}

#[tokio::test]
async fn a_version_that_fails_where_the_other_went_on_reports_how() {
    let recorded = agreed().await;
    let (_house, version) = acting("trap", "").await;
    let compared = compare(&version, recorded, &all()).await.unwrap();
    assert!(
        matches!(compared.end, RunEnd::Trapped { .. }),
        "{:?}",
        compared.end
    );
    assert_eq!(
        kinds(&compared),
        [DifferenceKind::Decisions],
        "the transfer that it does not come to"
    );
}

#[tokio::test]
async fn a_journal_of_a_later_format_is_refused() {
    let (_house, version) = acting("converse", "").await;
    let mut recorded = agreed().await;
    recorded.header.format = 2;
    let error = compare(&version, recorded, &all()).await.unwrap_err();
    assert_eq!(error, JournalError::Newer(2));
    assert!(
        error.to_string().contains("format 2") && error.to_string().contains("reads format 1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_journal_reads_as_a_conversation() {
    let text = fs::read_to_string(golden("stays-silent")).unwrap();
    let journal = Journal::read(serde_json::from_str(&text).unwrap()).unwrap();
    let reported = turns(&journal.entries)
        .into_iter()
        .map(|turn| match turn.what {
            What::Said {
                content: ghanti_model::Content::Template(template),
                ..
            } => template.name,
            What::Answered { question, answer } => format!("{question}: {:?}", answer.reply),
            What::Decided { words, .. } => words.into_exposed(),
            other => format!("{other:?}"),
        });
    assert_eq!(
        reported.collect::<Vec<_>>(),
        ["greeting", "goodbye", "identity: NoInput", "wrong-person"]
    );
}

#[tokio::test]
async fn a_flow_is_loaded_by_itself_and_a_component_alone_takes_the_rest_of_the_folder_beside() {
    let (house, version) = acting("converse", "").await;
    let files = FlowFiles::new(house.engine.clone(), house.components(), Vec::new());
    let folder = house.flows().join("acts");
    let built = house.folder.path().join("new-build.wasm");
    fs::copy(folder.join("flow.wasm"), &built).unwrap();
    for (path, beside) in [
        (&folder, None),
        (&folder.join("flow.wasm"), None),
        (&built, Some(folder.as_path())),
    ] {
        let loaded: FlowVersion = files
            .load(version.name.clone(), path, beside)
            .await
            .unwrap();
        assert_eq!(loaded.id, version.id, "{path:?}");
    }
    let alone = files
        .load(version.name.clone(), &built, None)
        .await
        .unwrap();
    assert_ne!(alone.id, version.id, "it has neither manifest nor prompts");
    let nowhere = files
        .load(version.name.clone(), &house.flows().join("nothing"), None)
        .await
        .unwrap_err();
    assert!(nowhere.reason.contains("nothing"), "{nowhere}");
}

/// The flow with these rules only.
async fn house(act: &str, manifest: &str) -> (crate::common::House, std::sync::Arc<FlowVersion>) {
    let house = crate::common::House::new();
    house.add(
        "acts",
        crate::common::ACTS,
        &format!("[settings]\nact = \"{act}\"\n{manifest}"),
    );
    let files = FlowFiles::new(house.engine.clone(), house.components(), Vec::new());
    let version = files
        .load(
            ghanti_model::FlowName::parse("acts").unwrap(),
            &house.flows().join("acts"),
            None,
        )
        .await
        .unwrap();
    (house, std::sync::Arc::new(version))
}

/// The rules of the conversation, and further ones for its prompts.
async fn ruled(prompts: &str) -> (crate::common::House, std::sync::Arc<FlowVersion>) {
    let manifest =
        crate::common::RULES.replace("texts = false\n", &format!("texts = false\n{prompts}"));
    house("converse", &manifest).await
}
