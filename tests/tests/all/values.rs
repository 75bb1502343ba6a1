//! Questions that expect a value, in calls of the built program: a date that is spoken, heard by the
//! real recogniser and read back, and a number that is keyed.

use std::fs;

use crate::support::{Playing, Report, Setup, root};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, UtcOffset};

const PROMPTS: &str = "\
### $amount (money)
### $about (text)
### $value (date)

due = Your instalment of { $amount } is due.
when = On which day will you pay?
read-back = You will pay on { $value }. Is that right?
when-no-match = Sorry, on which day?
how-many = For how many months? Please key in the number.
thanks = Thank you.
";

const MANIFEST: &str = "\
[settings]
questions = 'when how-many'
amount = '1250000'

[questions.when]
expects = 'date'
earliest = 'today'
latest = 'today+30'
confirm = 'read-back'
no-match = ['when-no-match']

[questions.how-many]
expects = 'number'
min = 1
max = 60
";

/// What the caller says and presses, by the prompts that they answer.
fn played(answers: &[(&str, &str, &str)]) -> Report {
    let house = tempfile::tempdir().unwrap();
    let flow = house.path().join("flows/survey");
    fs::create_dir_all(flow.join("prompts")).unwrap();
    fs::copy(
        root().join("plugins/target/fixtures/survey.wasm"),
        flow.join("flow.wasm"),
    )
    .expect("`make flows` builds it");
    fs::write(flow.join("flow.toml"), MANIFEST).unwrap();
    fs::write(flow.join("prompts/en-IN.ftl"), PROMPTS).unwrap();
    let engine = Setup::new("").flows(house.path().join("flows")).start();
    let answers: String = answers
        .iter()
        .map(|(template, does, what)| {
            format!("[[caller]]\nafter-template = \"{template}\"\n{does} = \"{what}\"\n\n")
        })
        .collect();
    let file = house.path().join("values.toml");
    let scenario = format!(
        "title = \"answers with values\"\nexpect = \"surveyed\"\n\n[customer]\nphone = \"+919876500077\"\nflow = \"survey\"\n\n{answers}"
    );
    fs::write(&file, scenario).unwrap();
    Playing::begin(&engine, &file).report()
}

/// The replies to the questions, in their order.
fn replies(report: &Report) -> Vec<Value> {
    let entries = report.journal["entries"].as_array().unwrap();
    entries
        .iter()
        .filter(|entry| entry["function"] == "ask")
        .map(|entry| entry["answer"]["ok"]["reply"].clone())
        .collect()
}

fn in_days(days: i64) -> String {
    let india = UtcOffset::from_hms(5, 30, 0).unwrap();
    let day = OffsetDateTime::now_utc().to_offset(india) + Duration::days(days);
    day.date().to_string()
}

#[test]
fn a_date_is_spoken_and_read_back_and_a_number_is_keyed() {
    let report = played(&[
        ("when", "say", "day after tomorrow"),
        ("read-back", "say", "yes please"),
        ("how-many", "keys", "24#"),
    ]);
    assert_eq!(report.code, Some(0), "{}", report.shown);
    assert_eq!(
        replies(&report),
        [
            json!({ "kind": "value", "value": { "kind": "date", "value": in_days(2) } }),
            json!({ "kind": "value", "value": { "kind": "integer", "value": 24 } }),
        ],
        "{}",
        report.transcript
    );
    assert!(
        report.transcript.contains("You will pay on"),
        "{}",
        report.transcript
    );
}

#[test]
fn a_date_that_was_misheard_is_asked_for_again() {
    let report = played(&[
        ("when", "say", "day after tomorrow"),
        ("read-back", "keys", "2"),
        ("when-no-match", "say", "tomorrow"),
        ("read-back", "keys", "1"),
        ("how-many", "keys", "6#"),
    ]);
    assert_eq!(report.code, Some(0), "{}", report.shown);
    assert_eq!(
        replies(&report)[0],
        json!({ "kind": "value", "value": { "kind": "date", "value": in_days(1) } }),
        "{}",
        report.transcript
    );
}
