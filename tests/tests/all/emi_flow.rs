//! The EMI reminder as it is shipped (component, manifest, prompts), held by the real host against
//! a caller who answers by a script.

mod prompts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, RunEnd, Scripted, ScriptedCaller};
use ghanti_model::{CallError, CallId, Content, Decision, Journal, Language, Reply};
use ghanti_replay::compare;
use tokio::sync::OnceCell;

const RAVI: [(&str, &str); 5] = [
    ("name", "Ravi Kumar"),
    ("loan", "LN00478213"),
    ("amount", "12,500"),
    ("due-date", "2026-11-30"),
    ("state", "unknown"),
];

/// Its component.
const SHIPPED: &str = "flows/emi-reminder/flow.wasm";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn built(file: &str) -> Vec<u8> {
    fs::read(root().join(file))
        .unwrap_or_else(|error| panic!("cannot read `{file}`: {error}: run `make flows`"))
}

/// The prompt files of the conversation, in its eleven languages: `prompts/hi-IN.ftl`.
fn prompts() -> Vec<String> {
    let folder = fs::read_dir(root().join("flows/emi-reminder/prompts")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = names.map(|name| format!("prompts/{name}")).collect();
    files.sort();
    files
}

/// The shipped version, loaded once for all tests.
async fn emi() -> Arc<FlowVersion> {
    static LOADED: OnceCell<Arc<FlowVersion>> = OnceCell::const_new();
    LOADED
        .get_or_init(async || flow(SHIPPED, |manifest| manifest).await)
        .await
        .clone()
}

/// One call.
async fn called(caller: ScriptedCaller) -> (RunEnd, Scripted, Journal) {
    hold(&*emi().await, caller).await
}

/// The shipped flow in a folder of its own, with another component or a changed manifest where a
/// test wants one.
async fn flow(component: &str, manifest: impl Fn(String) -> String) -> Arc<FlowVersion> {
    static ENGINE: OnceLock<FlowEngine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        FlowEngine::new(&EngineSettings {
            max_calls: 20,
            ..EngineSettings::default()
        })
        .unwrap()
    });
    let original = root().join("flows/emi-reminder");
    let house = tempfile::tempdir().unwrap();
    let folder = house.path().join("flows/emi-reminder");
    fs::create_dir_all(folder.join("prompts")).unwrap();
    fs::write(folder.join("flow.wasm"), built(component)).unwrap();
    fs::write(
        folder.join("flow.toml"),
        manifest(fs::read_to_string(original.join("flow.toml")).unwrap()),
    )
    .unwrap();
    for prompts in prompts() {
        fs::write(
            folder.join(&prompts),
            built(&format!("flows/emi-reminder/{prompts}")),
        )
        .unwrap();
    }
    let components = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
    let settings = CatalogueSettings {
        components,
        ..CatalogueSettings::default()
    };
    let (catalogue, rejections) =
        Catalogue::open(engine.clone(), &house.path().join("flows"), settings)
            .await
            .unwrap();
    assert_eq!(rejections, []);
    catalogue.versions().into_values().next().unwrap()
}

async fn hold(version: &FlowVersion, caller: ScriptedCaller) -> (RunEnd, Scripted, Journal) {
    let scripted = caller.scripted();
    let journal = version.journal(CallId::generate());
    let end = version.run(Box::new(caller), journal.clone()).await;
    let scripted = scripted.lock().unwrap().clone();
    (end, scripted, journal.snapshot())
}

fn ravi() -> ScriptedCaller {
    ScriptedCaller::new(RAVI)
}

fn says(id: &str) -> Reply {
    Reply::Choice(id.to_owned())
}

fn transferred(scripted: &Scripted) -> bool {
    let numbers = |decision: &Decision| match decision {
        Decision::Transfer { numbers, .. } => numbers
            .iter()
            .map(|number| number.expose().to_owned())
            .collect(),
        Decision::HangUp => Vec::new(),
    };
    scripted.decision.as_ref().map(numbers) == Some(vec!["+918000000001".to_owned()])
}

#[tokio::test]
async fn a_customer_who_agrees_hears_everything_in_its_order_and_reaches_an_agent() {
    let (end, scripted, _) = called(
        ravi()
            .answer("identity", says("yes"))
            .answer("transfer", says("yes")),
    )
    .await;
    assert_eq!(end, RunEnd::Returned);
    assert_eq!(
        scripted.templates(),
        [
            "greeting",
            "emi-details",
            "disclosure",
            "transfer-question",
            "please-wait"
        ]
    );
    assert_eq!(scripted.outcome.as_deref(), Some("transferred"));
    assert!(scripted.established.contains("identity") && transferred(&scripted));
    let fixed: Vec<_> = scripted
        .said
        .iter()
        .filter(|prompt| prompt.interruptible == Some(false))
        .map(|prompt| prompt.template())
        .collect();
    assert_eq!(fixed, ["disclosure", "please-wait"]);
}

#[tokio::test]
async fn each_answer_leads_to_its_end() {
    let nothing: &[&str] = &[];
    let after_emi = ["greeting", "emi-details", "disclosure", "transfer-question"];
    for (identity, transfer, outcome, last) in [
        ("no", nothing, "wrong-person", "apology-wrong-person"),
        (
            "wrong-person",
            nothing,
            "wrong-person",
            "apology-wrong-person",
        ),
        ("later", nothing, "call-later", "goodbye-call-later"),
        ("yes", &["no"], "declined", "goodbye-declined"),
        ("yes", &["agent"], "transferred", "please-wait"),
    ] {
        let caller = transfer
            .iter()
            .fold(ravi().answer("identity", says(identity)), |caller, id| {
                caller.answer("transfer", says(id))
            });
        let (end, scripted, _) = called(caller).await;
        assert_eq!(end, RunEnd::Returned, "{identity} {transfer:?}");
        assert_eq!(
            scripted.outcome.as_deref(),
            Some(outcome),
            "{identity} {transfer:?}"
        );
        assert_eq!(
            scripted.decision.is_some(),
            outcome == "transferred",
            "{identity} {transfer:?}"
        );
        let before: &[&str] = if transfer.is_empty() {
            &["greeting"]
        } else {
            &after_emi
        };
        assert_eq!(
            scripted.templates(),
            [before, &[last]].concat(),
            "{identity} {transfer:?}"
        );
    }
}

#[tokio::test]
async fn silence_is_asked_again_twice_and_then_left_in_peace() {
    let (_, scripted, _) = called(ravi()).await;
    assert_eq!(
        scripted.templates(),
        [
            "greeting",
            "identity-no-input",
            "identity-no-input",
            "goodbye-no-answer"
        ]
    );
    assert_eq!(scripted.outcome.as_deref(), Some("no-answer"));

    let (_, scripted, _) = called(ravi().answer("identity", says("yes"))).await;
    assert_eq!(scripted.templates().last(), Some(&"goodbye-no-answer"));
    assert_eq!(
        (scripted.outcome.as_deref(), scripted.decision),
        (Some("no-answer"), None)
    );
}

#[tokio::test]
async fn who_asks_who_is_calling_is_told_and_asked_again_but_not_for_ever() {
    let (_, scripted, _) = called(
        ravi()
            .answer("identity", says("who"))
            .answer("identity", says("yes"))
            .answer("transfer", says("no")),
    )
    .await;
    assert_eq!(
        scripted.templates()[..4],
        [
            "greeting",
            "who-is-calling",
            "identity-again",
            "emi-details"
        ]
    );

    let (_, scripted, _) =
        called((0..9).fold(ravi(), |caller, _| caller.answer("identity", says("who")))).await;
    assert_eq!(
        (scripted.asked.len(), scripted.outcome.as_deref()),
        (4, Some("unclear"))
    );
    assert!(!scripted.templates().contains(&"emi-details"));
}

#[tokio::test]
async fn the_instalment_is_repeated_for_who_asks_but_not_for_ever() {
    let known = || ravi().answer("identity", says("yes"));
    let (_, scripted, _) = called(
        known()
            .answer("transfer", says("repeat"))
            .answer("transfer", says("no")),
    )
    .await;
    assert_eq!(
        scripted
            .templates()
            .iter()
            .filter(|name| **name == "emi-details")
            .count(),
        2
    );
    assert_eq!(scripted.outcome.as_deref(), Some("declined"));

    let (_, scripted, _) = called((0..9).fold(known(), |caller, _| {
        caller.answer("transfer", says("repeat"))
    }))
    .await;
    assert!(transferred(&scripted));
    assert_eq!(
        scripted
            .asked
            .iter()
            .filter(|asked| *asked == "transfer")
            .count(),
        4
    );
}

#[tokio::test]
async fn who_is_not_understood_reaches_an_agent_unless_the_lender_wants_a_goodbye() {
    let unclear = || {
        ravi()
            .answer("identity", says("yes"))
            .answer("transfer", Reply::NoMatch)
    };
    let (_, scripted, _) = called(unclear()).await;
    assert!(transferred(&scripted));

    let polite =
        |manifest: String| manifest.replace("unclear = \"transfer\"", "unclear = \"goodbye\"");
    let version = flow(SHIPPED, polite).await;
    let (_, scripted, _) = hold(&version, unclear()).await;
    assert_eq!(
        (scripted.outcome.as_deref(), scripted.decision.as_ref()),
        (Some("unclear"), None)
    );
    assert_eq!(scripted.templates().last(), Some(&"goodbye-unclear"));
}

#[tokio::test]
async fn the_call_goes_on_in_the_language_of_the_answer_and_says_so() {
    let hindi = || Language::parse("hi-IN").unwrap();
    let caller = ravi()
        .answer_in("identity", says("yes"), hindi())
        .answer("transfer", says("no"));
    let (_, scripted, _) = called(caller).await;
    assert_eq!(
        scripted.templates()[..3],
        ["greeting", "language-changed", "emi-details"]
    );
    assert_eq!(scripted.language, Some(hindi()));
}

#[tokio::test]
async fn the_language_is_the_records_else_the_states_as_far_as_there_are_prompts() {
    for (field, value, language) in [
        ("language", "hi", "hi-IN"),
        ("state", "Bihar", "hi-IN"),
        ("state", "Tamil Nadu", "ta-IN"),
        ("state", "Odisha", "or-IN"),
        ("state", "abroad", "en-IN"),
    ] {
        let mut fields: BTreeMap<&str, &str> = RAVI.into();
        fields.insert(field, value);
        let (_, scripted, _) = called(ScriptedCaller::new(fields)).await;
        assert_eq!(
            scripted.language.unwrap_or_else(Language::english).as_str(),
            language,
            "{field} {value}"
        );
    }
}

#[tokio::test]
async fn an_incomplete_record_ends_neutrally_with_an_error_that_names_the_fields() {
    let (end, scripted, journal) = called(ScriptedCaller::new([
        ("name", "Ravi Kumar"),
        ("amount", "many"),
        ("due-date", "2026-11-30"),
    ]))
    .await;
    assert_eq!(end, RunEnd::Returned);
    assert_eq!(scripted.templates(), ["apology-incomplete-data"]);
    assert_eq!(scripted.outcome.as_deref(), Some("incomplete-data"));
    let reported = serde_json::to_string(&journal.entries).unwrap();
    assert_eq!(
        reported
            .matches("missing or unreadable: loan, amount")
            .count(),
        2,
        "in the log and in the outcome's detail: {reported}"
    );
}

/// What `emi-details` said of the loan, where the record was read.
fn reported(scripted: &Scripted) -> Option<Vec<String>> {
    let emi = scripted
        .said
        .iter()
        .find(|prompt| prompt.template() == "emi-details")?;
    let Content::Template(template) = &emi.content else {
        return None;
    };
    Some(
        template
            .arguments
            .iter()
            .map(|argument| format!("{:?}", argument.value))
            .collect(),
    )
}

/// The outcome of a call with one field changed, the language it began in, and what `emi-details`
/// was told.
async fn with_field(
    field: &str,
    value: &str,
) -> (Option<String>, Option<Language>, Option<Vec<String>>) {
    let mut fields: BTreeMap<&str, &str> = RAVI.into();
    fields.insert(field, value);
    let (_, scripted, _) =
        called(ScriptedCaller::new(fields).answer("identity", says("yes"))).await;
    (
        scripted.outcome.clone(),
        scripted.language.clone(),
        reported(&scripted),
    )
}

#[tokio::test]
async fn records_are_read_as_lenders_write_them() {
    for (field, value, argument) in [
        ("amount", "₹ 1,25,000.5", "minor: 12500050"),
        ("amount", "Rs. 12,450/-", "minor: 1245000"),
        ("amount", "INR 12450", "minor: 1245000"),
        ("due-date", "5-Dec-26", "2026-12-05"),
        ("due-date", "25/12/2026", "2026-12-25"),
        ("due-date", "2028-02-29", "2028-02-29"),
        ("loan", "00 47-82/13", "‹4 characters›"),
    ] {
        let (outcome, _, reported) = with_field(field, value).await;
        assert!(
            reported
                .as_ref()
                .is_some_and(|reported| reported.concat().contains(argument)),
            "{field} `{value}`: {outcome:?} {reported:?}"
        );
    }
    for (field, value, language) in [
        ("language", "Hindi", "hi-IN"),
        ("language", "klingon", "en-IN"),
        ("state", "Uttar Pradesh", "hi-IN"),
        ("state", "n/a", "en-IN"),
    ] {
        let (_, chosen, _) = with_field(field, value).await;
        let chosen = chosen.unwrap_or_else(Language::english);
        assert_eq!(chosen.as_str(), language, "{field} `{value}`");
    }
}

/// Whoever has stored the record: one value that becomes another ends the call before anything is
/// said of it.
#[tokio::test]
async fn what_cannot_be_read_for_certain_is_not_spoken() {
    let refused = [
        (
            "amount",
            &[
                "12500,00",
                "12450 00",
                "12,5",
                "1,2,3",
                "12.450,00",
                "0",
                "-5",
                "1.234",
                "1e5",
                "NaN",
                "9876543210",
            ][..],
        ),
        (
            "due-date",
            &[
                "05/12/2026",
                "2026-02-29",
                "1999-12-31",
                "2062-12-05",
                "46361",
                "2026-12-04T18:30:00Z",
            ][..],
        ),
        ("loan", &["478213.0", "4.78E+05", "123", "LN"][..]),
        (
            "name",
            &["NULL", "NA", ".", "-", "12345", "{name}", " "][..],
        ),
    ];
    for (field, values) in refused {
        for value in values {
            let (outcome, _, reported) = with_field(field, value).await;
            assert_eq!(
                (outcome.as_deref(), reported),
                (Some("incomplete-data"), None),
                "{field} `{value}`"
            );
        }
    }
}

#[tokio::test]
async fn an_instalment_whose_day_has_passed_was_due() {
    // 23:59 and midnight in India, between 4 and 5 January 2026
    let (before, after) = (1_767_551_340_000, 1_767_551_400_000);
    for (due, began_ms, template) in [
        ("2026-01-04", before, "emi-details"),
        ("2026-01-04", after, "emi-details-overdue"),
        ("2026-01-05", after, "emi-details"),
        ("2025-12-31", after, "emi-details-overdue"),
    ] {
        let mut fields: BTreeMap<&str, &str> = RAVI.into();
        fields.insert("due-date", due);
        let caller = ScriptedCaller::new(fields)
            .with_beginning(began_ms)
            .answer("identity", says("yes"));
        let caller = caller
            .answer("transfer", says("repeat"))
            .answer("transfer", says("no"));
        let (_, scripted, _) = called(caller).await;
        let details = scripted
            .templates()
            .into_iter()
            .filter(|name| name.starts_with("emi-details"))
            .collect::<Vec<_>>();
        assert_eq!(details, [template; 2], "due {due}, said and repeated");
    }
    for (file, due, was_due) in [
        ("prompts/en-IN.ftl", " is due on ", " was due on "),
        ("prompts/hi-IN.ftl", "{ $due-date } है", "{ $due-date } थी"),
    ] {
        let text = built(&format!("flows/emi-reminder/{file}"));
        let text = String::from_utf8(text).unwrap();
        let line = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(&format!("{name} = ")))
                .unwrap()
        };
        assert!(
            line("emi-details").contains(due) && line("emi-details-overdue").contains(was_due),
            "{file}"
        );
    }
    for file in prompts() {
        let text = built(&format!("flows/emi-reminder/{file}"));
        let text = String::from_utf8(text).unwrap();
        let said = |name: &str| {
            let mut lines = text.lines();
            lines
                .find_map(|line| line.strip_prefix(&format!("{name} = ")))
                .unwrap()
        };
        let (due, overdue) = (said("emi-details"), said("emi-details-overdue"));
        assert_ne!(due, overdue, "{file}");
        for variable in [
            "{ $lender }",
            "{ $loan-digits }",
            "{ $amount }",
            "{ $due-date }",
        ] {
            assert!(
                due.contains(variable) && overdue.contains(variable),
                "{file}: {variable}"
            );
        }
    }
}

#[tokio::test]
async fn hanging_up_ends_the_script_cleanly() {
    for caller in [
        ravi().hang_up_at("identity"),
        ravi()
            .answer("identity", says("yes"))
            .hang_up_at("transfer"),
    ] {
        let (end, scripted, _) = called(caller).await;
        assert_eq!(
            (end, scripted.outcome, scripted.decision),
            (RunEnd::CallEnded, None, None)
        );
    }
}

#[tokio::test]
async fn a_script_that_speaks_of_the_loan_to_a_stranger_is_refused_by_the_host() {
    let version = flow(
        "plugins/target/fixtures/emi-before-identity.wasm",
        |manifest| manifest,
    )
    .await;
    let (end, scripted, _) = hold(&version, ravi()).await;
    let RunEnd::Failed(CallError::Refused(refusal)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(
        (refusal.subject.as_str(), refusal.missing),
        ("emi-details", vec!["identity".to_owned()])
    );
    assert_eq!(scripted.said, []);
}

#[tokio::test]
async fn digits_and_money_are_passed_as_such_so_that_they_are_spoken_rightly() {
    let (_, scripted, _) = called(ravi().answer("identity", says("yes"))).await;
    let emi = scripted
        .said
        .iter()
        .find(|prompt| prompt.template() == "emi-details")
        .unwrap();
    let Content::Template(template) = &emi.content else {
        panic!("{emi:?}")
    };
    let kinds: Vec<_> = template
        .arguments
        .iter()
        .map(|argument| (argument.name.as_str(), argument.value.kind()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("amount", "money"),
            ("due-date", "date"),
            ("lender", "text"),
            ("loan-digits", "digits")
        ]
    );
}

#[tokio::test]
async fn a_recorded_call_is_repeated_call_by_call() {
    let hindi = Language::parse("hi-IN").unwrap();
    for caller in [
        ravi()
            .answer("identity", says("who"))
            .answer("identity", says("yes"))
            .answer("transfer", says("repeat")),
        ravi()
            .answer_in("identity", says("yes"), hindi)
            .answer("transfer", Reply::NoMatch),
        ravi().hang_up_at("identity"),
        ScriptedCaller::new([("name", "Ravi Kumar")]),
    ] {
        let (end, _, journal) = called(caller).await;
        let version = emi().await;
        let again = compare(&version, journal.clone(), &BTreeSet::new())
            .await
            .unwrap();
        assert_eq!((again.end, again.differences), (end, Vec::new()));
        assert_eq!(again.entries, journal.entries);
    }
}
