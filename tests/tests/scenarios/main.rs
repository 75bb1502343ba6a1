//! Every scenario of `tests/scenarios` through the real program: real speech on both sides, a real
//! Redis, Exotel's wire. All calls are played once, against one engine; each test looks at one
//! thing that has to come of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod determinism;
mod evening;
mod logs;
#[path = "../support/mod.rs"]
mod support;

use evening::{PLANTED, evening, texts};
use serde_json::Value;

const AGENT: &str = "+918000000001";
/// A channel without this much is silent; speech has ten times as much.
const AUDIBLE: u16 = 500;
/// What a stranger must not hear, also in the spelling of the recogniser, which hears the bot's
/// "loan" as "load".
const OF_THE_LOAN: [&str; 18] = [
    "loan",
    "loans",
    "load",
    "account",
    "accounts",
    "emi",
    "instalment",
    "instalments",
    "installment",
    "installments",
    "amount",
    "payment",
    "payments",
    "credit",
    "debt",
    "rupee",
    "rupees",
    "finance",
];

#[test]
fn every_scenario_comes_out_as_expected() {
    let mut wrong = Vec::new();
    for call in &evening().calls {
        let (reported, expected) = (
            &call.report.reported,
            call.scenario["expect"].as_str().unwrap(),
        );
        let faults = reported["wire_faults"]
            .as_array()
            .map_or(usize::MAX, Vec::len);
        let right = call.report.code == Some(0)
            && reported["outcome"] == expected
            && call.record["outcome"] == expected
            && faults == 0;
        if !right {
            let problems = &call.record["problems"];
            wrong.push(format!(
                "{} (exit {:?}, problems {problems}):\n{}",
                call.report.name, call.report.code, call.report.shown
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} came out wrong\n{}",
        wrong.len(),
        evening().calls.len(),
        wrong.join("\n")
    );
}

#[test]
fn exactly_the_transferred_reach_the_agent() {
    for call in &evening().calls {
        let agent = if call.scenario["expect"].as_str() == Some("transferred") {
            Value::from(AGENT)
        } else {
            Value::Null
        };
        assert_eq!(call.report.reported["agent"], agent, "{}", call.report.name);
    }
}

#[test]
fn who_expects_what_does_not_come_is_reported_by_the_exit_status() {
    let report = &evening().planted;
    assert_eq!(report.code, Some(1), "{PLANTED}: {}", report.shown);
    let complaints = texts(&report.reported["complaints"]);
    for part in [
        "the outcome is `transferred`, not `declined`",
        "said “loan”, by the transcript",
        "”, by the recogniser",
    ] {
        let heard = &report.reported["bot_words"];
        assert!(
            complaints.iter().any(|complaint| complaint.contains(part)),
            "`{part}` is missing: {complaints:#?}\n{heard:#}"
        );
    }
}

#[test]
fn both_sides_are_on_the_recording() {
    for call in &evening().calls {
        let [caller, bot] = call
            .report
            .peaks
            .unwrap_or_else(|| panic!("{}: there is no recording", call.report.name));
        let says = |steps: &Vec<toml::Value>| steps.iter().any(|step| step.get("say").is_some());
        let speaks = call
            .scenario
            .get("caller")
            .and_then(toml::Value::as_array)
            .is_some_and(says)
            || call.scenario.contains_key("line");
        assert_eq!(
            (caller > AUDIBLE, bot > AUDIBLE),
            (speaks, true),
            "{}: caller {caller}, bot {bot}",
            call.report.name
        );
    }
}

#[test]
fn transcript_and_journal_are_kept_in_plain_words() {
    for call in &evening().calls {
        let name = &call.report.name;
        assert!(
            !call.report.transcript.is_empty() && !call.report.transcript.contains('‹'),
            "{name}: {}",
            call.report.transcript
        );
        let lines = call.record["transcript"].as_array().unwrap();
        // What was not understood among the answers of a question has no words; the bot's lines
        // always have.
        let mut of_the_bot = lines
            .iter()
            .filter(|line| line["speaker"] == "bot")
            .peekable();
        assert!(
            of_the_bot.peek().is_some()
                && of_the_bot.all(|line| !line["text"].as_str().unwrap().is_empty()),
            "{name}: {lines:?}"
        );
        let entries = |journal: &Value| journal["entries"].as_array().map_or(0, Vec::len);
        assert!(
            entries(&call.report.journal) > 0,
            "{name}: the journal is empty"
        );
        assert_eq!(
            entries(&call.record["journal"]),
            entries(&call.report.journal),
            "{name}"
        );
    }
}

#[test]
fn a_stranger_hears_not_one_word_about_the_loan() {
    let call = evening().call("wrong-person");
    let by_recogniser = texts(&call.report.reported["bot_words"]);
    assert!(
        !by_recogniser.is_empty(),
        "the recogniser has listened to the bot"
    );
    let lines = call.record["transcript"].as_array().unwrap();
    let by_transcript: Vec<String> = lines
        .iter()
        .filter(|line| line["speaker"] == "bot")
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect();
    for (witness, reported) in [
        ("recogniser", &by_recogniser),
        ("transcript", &by_transcript),
    ] {
        let reported = reported.join(" ").to_lowercase();
        let said: Vec<_> = reported
            .split(|character: char| !character.is_alphanumeric())
            .filter(|word| OF_THE_LOAN.contains(word))
            .collect();
        assert!(said.is_empty(), "by the {witness}: {said:?}: {reported}");
    }
}

#[test]
fn who_has_been_called_by_mistake_says_so_and_hears_no_more() {
    let lines = evening().call("stops-at-once").record["transcript"]
        .as_array()
        .unwrap()
        .clone();
    let details = lines
        .iter()
        .find(|line| line["name"] == "emi-details" && line["speaker"] == "bot")
        .unwrap();
    assert_eq!(details["heard"], "partial", "{lines:#?}");
}

#[test]
fn the_nine_steps_are_reached_in_their_order() {
    let record = &evening().call("agrees").record;
    let steps = record["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "triggered",
            "passthru-received",
            "stream-connected",
            "customer-loaded",
            "greeting",
            "listening",
            "emi-delivered",
            "transfer-asked",
            "completed"
        ]
    );
    let times: Vec<_> = steps
        .iter()
        .map(|step| step["unix_ms"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_record_names_flow_version_ids_and_what_exotel_told_afterwards() {
    let record = &evening().call("agrees").record;
    assert_eq!(
        (&record["state"], &record["flow"], &record["direction"]),
        (&"ended".into(), &"emi-reminder".into(), &"outbound".into())
    );
    assert_eq!(
        record["version"].as_str().map(str::len),
        Some(64),
        "a SHA-256: {}",
        record["version"]
    );
    assert_eq!(record["decision"]["numbers"][0], AGENT);
    assert!(record["call_sid"].is_string() && record["stream_sid"].is_string());
    assert_eq!(record["problems"], Value::Array(Vec::new()));
    for key in ["Status", "Stream[Status]"] {
        assert_eq!(record["exotel"][key], "completed", "{:#}", record["exotel"]);
    }
}
