//! Campaigns through the built program and `ghanti sim exotel`: lists, rules, retries, and an engine
//! that is killed while it calls.

use std::collections::BTreeMap;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dialling::{account, calls, free_address, presses_keys};
use crate::outbound::Exotel;
use crate::support::{Engine, PATIENCE, Setup, program, root};

/// No rule that the clock on the wall would make a difference to.
pub const AT_ANY_TIME: &str =
    "[hours]\nfrom = '00:00'\nto = '24:00'\n[limits]\nspacing = '0s'\ncalls-per-minute = 200\n";
pub const ASKS_NOT_TO_BE_CALLED: &str = "title = 'asks not to be called again'\nexpect = 'do-not-call'\n\
[customer]\nphone = '+919876500018'\nflow = 'emi-reminder'\n[customer.fields]\nname = 'Priya Sharma'\nlanguage = 'en-IN'\n\
loan = 'LN-00000002'\namount = '12,500'\ndue-date = '2030-12-05'\n[[caller]]\nafter-template = 'greeting'\nsay = 'do not call me again'\n";
/// Between two looks at a campaign.
const LOOK: Duration = Duration::from_millis(100);

/// An engine with an account and an address that stays the same, and the address of its Exotel.
pub fn engine() -> (Engine, String) {
    start_engine(|config| config)
}

pub fn start_engine(change: impl FnOnce(String) -> String) -> (Engine, String) {
    let (listen, exotel) = (free_address(), free_address());
    let config = account(
        &exotel,
        &format!(
            "ring-s = 30\nrequests-per-minute = 1000\n[server]\npublic-url = 'http://{listen}'\n"
        ),
    );
    (Setup::new(change(config)).listen_on(listen).start(), exotel)
}

pub fn customer(line: u32, phone: &str) -> Value {
    json!({ "line": line, "phone": phone, "fields": {
        "name": "Priya Sharma", "language": "en-IN", "loan": format!("LN-{line:08}"), "amount": "Rs. 12,500/-", "due-date": "2030-12-05"
    } })
}

pub fn number(at: u32, last: u32) -> String {
    format!("+91987650{at:03}{last}")
}

pub async fn import(engine: &Engine, list: &str, customers: &[Value]) -> Value {
    let body =
        json!({ "list": list, "flow": "emi-reminder", "import": "test", "customers": customers });
    let post = engine.http().post(engine.url("/api/customers")).json(&body);
    let response = post.send().await.unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{answer:#}");
    answer
}

/// Runs `ghanti campaign` against an engine.
async fn campaign(engine: &Engine, arguments: &[&str]) -> Output {
    let mut command = program();
    command.arg("campaign").args(arguments);
    command.args(["--url", &engine.url("")]);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

pub async fn succeeds(engine: &Engine, arguments: &[&str]) -> String {
    let output = campaign(engine, arguments).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{output:?}");
    text
}

/// Makes and starts a campaign with these rules.
async fn start(engine: &Engine, name: &str, list: &str, rules: &str) {
    let plan = engine.house().join(format!("{name}.toml"));
    std::fs::write(&plan, rules).unwrap();
    let plan = plan.to_str().unwrap();
    succeeds(engine, &["new", name, "--list", list, "--plan", plan]).await;
    succeeds(engine, &["start", name]).await;
}

async fn shown(engine: &Engine, name: &str) -> Option<Value> {
    let get = engine
        .http()
        .get(engine.url(&format!("/api/campaigns/{name}")));
    get.send().await.ok()?.json().await.ok()
}

pub async fn state_when(
    engine: &Engine,
    name: &str,
    within: Duration,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let given_up = Instant::now() + within;
    loop {
        let campaign = shown(engine, name).await;
        if let Some(campaign) = campaign.as_ref().filter(|campaign| is_so(campaign)) {
            return campaign.clone();
        }
        assert!(
            Instant::now() < given_up,
            "{campaign:#?}\n{}",
            engine.logs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

async fn report(engine: &Engine, name: &str) -> Vec<Value> {
    let (mut lines, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("numbers=true&limit=7{cursor}");
        let url = engine.url(&format!("/api/campaigns/{name}/customers?{query}"));
        let page = engine.http().get(url).send().await.unwrap();
        let page: Value = page.json().await.unwrap();
        lines.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return lines,
        }
    }
}

/// How often each number was called.
async fn dialled(engine: &Engine, exotel: &str) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for call in calls(engine, exotel).await {
        let from = call["request"]["From"].as_str().unwrap().to_owned();
        *numbers.entry(from).or_default() += 1;
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_calls_a_list_by_its_rules_and_reports_what_came_of_it() {
    let (engine, address) = engine();
    let callers = format!(
        "[[callers]]\nnumbers = ['*1']\ndoes = 'busy'\nnth-call = 1\n[[callers]]\nnumbers = ['*2']\ndoes = 'no-answer'\n{}",
        presses_keys()
    );
    let exotel = Exotel::start_at(&engine, &address, &callers);
    // one is busy at first, two do not answer, one asked not to be called, one is called twice over
    let customers = [
        customer(2, &number(1, 1)),
        customer(3, &number(2, 2)),
        customer(4, &number(3, 2)),
        customer(5, &number(4, 8)),
        customer(6, "not a number"),
        customer(2, &number(1, 1)),
    ];
    let answer = import(&engine, "december", &customers).await;
    assert_eq!(
        (&answer["stored"], &answer["unchanged"]),
        (&json!(4), &json!(1)),
        "{answer:#}"
    );
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(
        (rejected.len(), &rejected[0]["line"]),
        (1, &json!(6)),
        "{answer:#}"
    );
    assert!(!answer.to_string().contains("not a number"), "{answer}");

    let rules = format!("{AT_ANY_TIME}[retry]\nattempts = 2\nbusy = '1s'\nno-answer = '1s'\n");
    start(&engine, "c", "december", &rules).await;
    let watched = succeeds(&engine, &["watch", "c"]).await;
    assert!(
        watched
            .trim_end()
            .ends_with("4 of 4 done: 2 not-answered, 2 transferred"),
        "{watched}"
    );

    let times = dialled(&engine, &address).await;
    let expected = [
        (number(1, 1), 2),
        (number(2, 2), 2),
        (number(3, 2), 2),
        (number(4, 8), 1),
    ];
    assert_eq!(times, BTreeMap::from(expected), "{}", engine.logs());
    let lines = report(&engine, "c").await;
    let of = |phone: &str| lines.iter().find(|line| line["phone"] == phone).unwrap();
    assert_eq!(
        of(&number(2, 2))["reason"],
        "called 2 times in this campaign"
    );
    let call = of(&number(1, 1))["call_id"].as_str().unwrap();
    assert_eq!(engine.record(call).await.unwrap()["outcome"], "transferred");

    let summary = succeeds(&engine, &["report", "c"]).await;
    assert!(summary.contains("| done | transferred | 2 |"), "{summary}");
    let csv = succeeds(&engine, &["report", "c", "--csv", "-"]).await;
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(!csv.contains("987650"), "numbers are masked: {csv}");
    let again = campaign(&engine, &["start", "c"]).await;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("finished"));
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_asked_not_to_be_called_is_left_in_peace_and_the_report_says_why() {
    let (engine, address) =
        start_engine(|config| config.replace("recognizer = 'none'", "recognizer = 'vosk'"));
    let scenario = engine.house().join("asks.toml");
    std::fs::write(&scenario, ASKS_NOT_TO_BE_CALLED).unwrap();
    let callers = format!("[[callers]]\nscenario = '{}'\n", scenario.display());
    let exotel = Exotel::start_at(&engine, &address, &callers);
    import(&engine, "december", &[customer(2, &number(1, 8))]).await;
    let rules =
        format!("{AT_ANY_TIME}[retry]\nattempts = 3\n[retry.outcomes]\ndo-not-call = '0s'\n");
    start(&engine, "c", "december", &rules).await;
    let is_finished = |campaign: &Value| campaign["state"] == "finished";
    state_when(&engine, "c", PATIENCE, is_finished).await;
    let lines = report(&engine, "c").await;
    let reason = lines[0]["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("asked not to be called any more"),
        "{lines:#?}"
    );
    assert_eq!(calls(&engine, &address).await.len(), 1);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_hours_and_while_it_is_paused_nobody_is_dialled() {
    let (engine, address) = engine();
    let exotel = Exotel::start_at(&engine, &address, "[[callers]]\ndoes = 'busy'\n");
    import(&engine, "december", &[customer(2, &number(1, 8))]).await;
    // a day on which nobody is called
    let tomorrow = "first-day = '2999-01-01'\n";
    start(
        &engine,
        "later",
        "december",
        &format!("{tomorrow}{AT_ANY_TIME}"),
    )
    .await;
    let waits = |campaign: &Value| campaign["customers"][0]["state"] == "waiting";
    state_when(&engine, "later", PATIENCE, waits).await;
    let given_up = Instant::now() + PATIENCE;
    loop {
        let lines = report(&engine, "later").await;
        if lines[0]["reason"].is_string() || lines[0]["state"] == "done" {
            let reported = lines[0]["reason"].as_str().unwrap_or_default();
            assert!(
                reported.contains("no more days") || reported.contains("begins later"),
                "{lines:#?}"
            );
            break;
        }
        assert!(Instant::now() < given_up, "{lines:#?}\n{}", engine.logs());
        tokio::time::sleep(LOOK).await;
    }
    import(&engine, "january", &[customer(2, &number(2, 8))]).await;
    let plan = engine.house().join("p.toml");
    std::fs::write(&plan, AT_ANY_TIME).unwrap();
    succeeds(
        &engine,
        &[
            "new",
            "p",
            "--list",
            "january",
            "--plan",
            plan.to_str().unwrap(),
        ],
    )
    .await;
    let paused = campaign(&engine, &["pause", "p"]).await;
    assert!(
        String::from_utf8_lossy(&paused.stderr).contains("draft"),
        "{paused:?}"
    );
    assert_eq!(calls(&engine, &address).await.len(), 0);
    succeeds(&engine, &["start", "p"]).await;
    let was_called = |campaign: &Value| campaign["customers"][0]["outcome"] == "busy";
    state_when(&engine, "p", PATIENCE, was_called).await;
    succeeds(&engine, &["pause", "p"]).await;
    succeeds(&engine, &["resume", "p"]).await;
    let cancelled = succeeds(&engine, &["cancel", "p"]).await;
    assert!(cancelled.contains("cancelled"), "{cancelled}");
    let refused = campaign(&engine, &["resume", "p"]).await;
    assert!(!refused.status.success());
    assert_eq!(calls(&engine, &address).await.len(), 1);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_calls_fail_stops_by_itself_and_says_why() {
    let (engine, address) = engine();
    let exotel = Exotel::start_at(&engine, &address, "[[callers]]\ndoes = 'failed'\n");
    let customers: Vec<Value> = (0..20).map(|at| customer(at + 2, &number(at, 8))).collect();
    import(&engine, "december", &customers).await;
    let rules =
        format!("{AT_ANY_TIME}calls-at-once = 1\n[stop]\nfailed-percent = 50\nof-calls = 4\n");
    start(&engine, "c", "december", &rules).await;
    let is_stopped = |campaign: &Value| campaign["state"] == "stopped";
    let stopped = state_when(&engine, "c", PATIENCE, is_stopped).await;
    assert_eq!(
        stopped["reason"], "of the last 4 calls 4 failed: 4 `call-failed`",
        "{stopped:#}"
    );
    let made = calls(&engine, &address).await.len();
    assert!((4..8).contains(&made), "{made}");
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_while_it_calls_dials_nobody_twice_and_loses_nobody() {
    const CUSTOMERS: u32 = 60;
    let (mut engine, address) = engine();
    let callers = "[[callers]]\nnumbers = ['*2']\ndoes = 'no-answer'\n[[callers]]\ndoes = 'busy'\n";
    let exotel = Exotel::start_at(&engine, &address, callers);
    let customers: Vec<Value> = (0..CUSTOMERS)
        .map(|at| customer(at + 2, &number(at, if at % 2 == 0 { 2 } else { 8 })))
        .collect();
    import(&engine, "december", &customers).await;
    let rules = format!("{AT_ANY_TIME}[retry]\nattempts = 1\n[stop]\nfailed-percent = 0\n");
    start(&engine, "c", "december", &rules).await;
    // killed again and again, each time after some more calls and at another moment of an attempt
    for kill in 1..=6 {
        let given_up = Instant::now() + PATIENCE;
        while calls(&engine, &address).await.len() < kill * 7 {
            assert!(Instant::now() < given_up, "{}", engine.logs());
            tokio::time::sleep(Duration::from_millis(3 + 5 * u64::try_from(kill).unwrap())).await;
        }
        engine.start_again();
    }
    let is_finished = |campaign: &Value| campaign["state"] == "finished";
    state_when(&engine, "c", 3 * PATIENCE, is_finished).await;
    let lines = report(&engine, "c").await;
    assert_eq!(lines.len(), usize::try_from(CUSTOMERS).unwrap());
    let mut never_dialled = 0;
    let times = dialled(&engine, &address).await;
    for line in &lines {
        let phone = line["phone"].as_str().unwrap();
        let outcome = line["outcome"].as_str().unwrap_or_default();
        assert_eq!(
            (&line["state"], &line["attempts"]),
            (&json!("done"), &json!(1)),
            "{line:#}"
        );
        match times.get(phone) {
            Some(1) => {}
            // nobody was dialled, and the report does not say that they were
            None => {
                never_dialled += 1;
                assert!(
                    ["unknown", "never-connected", "not-dialled"].contains(&outcome),
                    "{line:#}"
                );
            }
            Some(more) => panic!("{phone} was dialled {more} times: {line:#}"),
        }
    }
    // a kill leaves no more than the calls that were about to be dialled
    assert!(never_dialled < 30, "{never_dialled}");
    exotel.stop();
}

/// Imports a sample of `tests/customers/`, copied into the engine's folder.
async fn import_file(engine: &Engine, name: &str, more: &[&str]) -> Output {
    let file = engine.house().join(name);
    std::fs::copy(root().join("tests/customers").join(name), &file).unwrap();
    let mut command = program();
    command.args(["customers", "import"]).arg(&file);
    command
        .args(["--flow", "emi-reminder", "--url", &engine.url("")])
        .args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// The numbers of the summary of an import, without the spaces that align them.
fn counts(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let names = ["rows ", "stored ", "updated ", "unchanged ", "rejected "];
    text.lines()
        .map(plain)
        .filter(|line| names.iter().any(|name| line.starts_with(name)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_into_the_engine_by_the_fields_of_its_flow() {
    let engine =
        Setup::new("[speech]\nrecognizer = 'none'\n[customers]\ndate-order = 'day-first'\n")
            .start();
    let list = ["--list", "december"];
    let checked = import_file(&engine, "december.csv", &["--list", "december", "--check"]).await;
    let lists: Value = engine
        .http()
        .get(engine.url("/api/customers"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (checked.status.code(), &lists),
        (Some(1), &json!({ "items": [], "next": null })),
        "{checked:?}"
    );
    let first = import_file(&engine, "december.csv", &list).await;
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    let expected = [
        "rows 7",
        "stored 3",
        "updated 0",
        "unchanged 0",
        "rejected 4, of which duplicates 1",
    ];
    assert_eq!(counts(&first), expected, "{first:?}");
    let rejects = std::fs::read_to_string(engine.house().join("december.csv.rejects.csv")).unwrap();
    assert!(
        !rejects.contains("due-date"),
        "the order of dates is set: {rejects}"
    );
    let again = import_file(&engine, "december.csv", &list).await;
    let expected = [
        "rows 7",
        "stored 0",
        "updated 0",
        "unchanged 3",
        "rejected 4, of which duplicates 1",
    ];
    assert_eq!(counts(&again), expected, "{again:?}");
    let others = import_file(&engine, "day-first.txt", &list).await;
    assert_eq!(others.status.code(), Some(0), "{others:?}");
    let unknown = import_file(&engine, "december.csv", &["--list", "December"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("lower-case letters"),
        "{unknown:?}"
    );
    let logs = engine.logs();
    assert!(
        !logs.contains("98765432") && !logs.contains("Kumar"),
        "{logs}"
    );
}
