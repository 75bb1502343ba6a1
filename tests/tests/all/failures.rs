//! A flow that traps in a call of the built program: its author finds one report in the call's
//! record and in the log.

use std::fs;

use crate::support::{ACTS_PROMPTS, ACTS_QUESTIONS, Engine, Setup, Stream, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An engine with the tests' flow, which does what its setting `act` says.
fn acting(act: &str) -> (TempDir, Engine) {
    let house = tempfile::tempdir().unwrap();
    let flow = house.path().join("flows/acts");
    fs::create_dir_all(flow.join("prompts")).unwrap();
    fs::copy(
        root().join("plugins/target/fixtures/acts.wasm"),
        flow.join("flow.wasm"),
    )
    .unwrap();
    fs::write(
        flow.join("flow.toml"),
        format!("[settings]\nact = '{act}'\n{ACTS_QUESTIONS}"),
    )
    .unwrap();
    fs::write(
        flow.join("prompts/en-IN.ftl"),
        format!("greeting = Hello {{ $name }}\n{ACTS_PROMPTS}"),
    )
    .unwrap();
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(house.path().join("flows"))
        .start();
    (house, engine)
}

fn lines(report: &Value, part: &str) -> Vec<String> {
    report[part]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_is_one_report_in_the_record_and_in_the_log() {
    let (_house, engine) = acting("trap-in-turn");
    let call = engine.customer("09876540001", None).await;
    let mut stream = Stream::begin(&engine, "trap-in-turn-1", "09876540001").await;
    stream.hear_voice().await;
    stream.say(&json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": "1", "duration": "100" } })).await;
    stream.until_closed().await;

    let record = engine.ended(&call).await;
    assert_eq!(record["outcome"], "flow-failed");
    let report = &record["failure"];
    assert_eq!(
        (&report["flow"], &report["version"], &report["call_id"]),
        (&record["flow"], &record["version"], &record["call_id"])
    );
    assert!(
        report["reason"]
            .as_str()
            .unwrap()
            .starts_with("the flow trapped: "),
        "{report:#}"
    );
    assert_eq!(
        (&report["turn"], &report["after"]),
        (&json!(1), &json!("identity"))
    );
    let stack = lines(report, "stack");
    assert_eq!(
        stack[0], "acts::fail",
        "Rust's own panicking is left out: {stack:#?}"
    );
    let entries = lines(report, "entries");
    assert_eq!(
        entries,
        [
            "1 setting act",
            "2 get name",
            "3 ask identity: greeting (name) [no, yes] → choice yes",
            "4 log warn ‹32 characters›",
        ]
    );
    assert_eq!(
        report["log"],
        json!([{ "level": "warn", "message": "it was Priya Sharma who answered" }])
    );

    let logs = engine.logs();
    for line in [
        "a flow failed call=",
        "turn 1, after identity",
        "    acts::fail\n",
        "    3 ask identity: greeting (name) [no, yes] → choice yes\n",
        "    warn ‹32 characters›\n",
    ] {
        assert!(logs.contains(line), "`{line}` is not in {logs}");
    }
    for personal in ["Priya", "9876540001", "LN-00478213", "12,500"] {
        assert!(!logs.contains(personal), "`{personal}` is in the log");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_reported_with_the_place_where_it_turned() {
    let (_house, engine) = acting("loop");
    let call = engine.customer("09876540002", None).await;
    Stream::begin(&engine, "loop-1", "09876540002")
        .await
        .until_closed()
        .await;
    let report = engine.ended(&call).await["failure"].clone();
    assert!(
        report["reason"]
            .as_str()
            .unwrap()
            .contains("[limits] compute-ms"),
        "{report:#}"
    );
    assert_eq!(
        (&report["turn"], &report["after"]),
        (&json!(0), &Value::Null)
    );
    assert!(
        lines(&report, "stack")
            .iter()
            .any(|frame| frame == "acts::spin"),
        "{report:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_goes_well_has_no_report() {
    let (_house, engine) = acting("claim");
    // what the flow claims is refused, which it returns as an error: that is a failure too
    let call = engine.customer("09876540003", None).await;
    Stream::begin(&engine, "claim-1", "09876540003")
        .await
        .until_closed()
        .await;
    let record = engine.ended(&call).await;
    assert_eq!(
        lines(&record["failure"], "entries"),
        [
            "1 setting act",
            "2 establish with an argument that cannot be used → invalid"
        ]
    );
    assert_eq!(lines(&record["failure"], "stack"), Vec::<String>::new());

    let (_house, engine) = acting("text");
    let call = engine.customer("09876540004", None).await;
    Stream::begin(&engine, "text-1", "09876540004")
        .await
        .until_closed()
        .await;
    let record = engine.ended(&call).await;
    assert_eq!(
        (&record["outcome"], record.get("failure")),
        (&json!("completed"), None)
    );
}
