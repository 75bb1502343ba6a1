//! An engine listens before its flows are loaded, says which it is loading, and takes no call
//! until then; what the environment holds for somebody else does not keep it from starting.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Engine, PATIENCE, Setup, parts_of_emi_reminder, root};
use serde_json::Value;

async fn get(engine: &Engine, path: &str) -> (u16, String) {
    let response = engine.http().get(engine.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// With a data folder of its own nothing is compiled yet, and a Python interpreter takes seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_answers_at_once_and_takes_calls_when_all_flows_are_loaded() {
    let data = tempfile::tempdir().unwrap();
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n[server]\npath = '/bot'")
        .data(data.path())
        .listen();
    assert_eq!(get(&engine, "/bot/healthz").await, (200, "OK".to_owned()));
    assert_eq!(get(&engine, "/bot/passthru?CallSid=early").await.0, 302);
    let order = engine.http().post(engine.url("/bot/api/calls")).body("{}");
    let refused = order.send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, page) = get(&engine, "/bot/console/calls").await;
    assert!(
        status == 503 && page.contains("http-equiv=\"refresh\"") && page.contains("is starting"),
        "{status} {page}"
    );

    let given_up = Instant::now() + 4 * PATIENCE;
    let mut loading = BTreeSet::new();
    let ready = loop {
        let (status, reported) = get(&engine, "/bot/readyz").await;
        let reported: Value = serde_json::from_str(&reported).unwrap();
        if status == 200 {
            break reported;
        }
        assert!(
            reported["starting"] == true && Instant::now() < given_up,
            "{reported}"
        );
        let flows = reported["loading"].as_array().unwrap();
        loading.extend(flows.iter().map(|flow| flow.as_str().unwrap().to_owned()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(loading.contains("survey"), "{loading:?}");
    assert_eq!(ready["flows"].as_array().unwrap().len(), 3, "{ready}");
    assert_eq!(get(&engine, "/bot/passthru?CallSid=now").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_no_flow_has_is_warned_of_unless_init_writes_it() {
    // the other shipped flows have these settings
    let flows = tempfile::tempdir().unwrap();
    for part in parts_of_emi_reminder() {
        let to = flows.path().join("emi-reminder").join(&part);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join("flows/emi-reminder").join(&part), to).unwrap();
    }
    let engine =
        Setup::new("[speech]\nrecognizer = 'none'\n[settings]\nclinic = 'Mine'\nclinik = 'Mine'\ncompany = 'Mine'")
            .flows(flows.path())
            .start();
    let logs = engine.logs();
    let warned: Vec<_> = logs
        .lines()
        .filter(|line| line.contains("no flow's manifest has this setting"))
        .collect();
    assert!(
        !warned.is_empty() && warned.iter().all(|line| line.contains("clinik")),
        "{warned:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_somebody_else_are_warned_of() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .variable("GHANTI_SERVICE_HOST", "10.96.0.12")
        .variable("GHANTI_PORT", "tcp://10.96.0.12:8000")
        .start();
    engine.is_well().await;
    for name in ["GHANTI_SERVICE_HOST", "GHANTI_PORT"] {
        let warning = format!("environment variable `{name}` is ignored");
        assert!(engine.logs().contains(&warning), "{}", engine.logs());
    }
}

/// A variable's value may be any bytes but zero.
#[tokio::test(flavor = "multi_thread")]
async fn variables_that_are_no_text_are_passed_over() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let output = crate::support::program()
        .args(["config", "check"])
        .env("GHANTI_SERVER_MAX_CALLS", OsStr::from_bytes(b"\xff7"))
        .env(OsStr::from_bytes(b"OF_\xff_OTHERS"), "x")
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{reported}");
    assert!(
        reported.contains("`GHANTI_SERVER_MAX_CALLS` is ignored"),
        "{reported}"
    );
}
