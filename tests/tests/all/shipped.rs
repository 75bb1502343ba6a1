//! The flows that are shipped in TypeScript and Python, as they are built: an appointment, and a
//! survey whose complaint a model sorts. Whatever the model says, nothing of it reaches a caller
//! before it is known who they are.

use std::fs;
use std::path::Path;

use ghanti_test_servers::{Reply, StandIn};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Engine, PATIENCE, Playing, Report, Setup, Stream, program, root};

const PHONE: &str = "+919876500031";
/// What a customer has paid, as it is written and as it is spoken.
const PAID: [&str; 4] = ["4,500", "4500", "four thousand", "rupees"];

/// A folder of flows with one of those that are shipped, and another component in it where one is
/// named.
fn flows(name: &str, component: Option<&str>) -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let (from, to) = (root().join("flows").join(name), flows.path().join(name));
    for part in ["prompts", "tests"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for file in fs::read_dir(from.join(part)).expect("run `make flows`") {
            let file = file.unwrap();
            // tests are of the component that is shipped
            if part == "prompts" || component.is_none() {
                fs::copy(file.path(), to.join(part).join(file.file_name())).unwrap();
            }
        }
    }
    fs::copy(from.join("flow.toml"), to.join("flow.toml")).unwrap();
    let component = component.map_or(from.join("flow.wasm"), |component| root().join(component));
    fs::copy(component, to.join("flow.wasm")).expect("run `make flows`");
    flows
}

/// Plays the flow's own scenario, by keys.
async fn by_keys(name: &str) -> Report {
    let flows = flows(name, None);
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(flows.path())
        .start();
    let scenario = root().join("plugins").join(name).join("scenario.toml");
    let report = tokio::task::spawn_blocking(move || {
        let report = Playing::begin(&engine, &scenario).report();
        drop(engine);
        report
    });
    let report = report.await.unwrap();
    assert_eq!(report.code, Some(0), "{}", report.shown);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appointment_in_typescript_is_confirmed_by_keys() {
    let report = by_keys("appointment").await;
    assert_eq!(
        report.reported["outcome"], "confirmed",
        "{:#}",
        report.reported
    );
    assert!(
        report.transcript.contains("is confirmed. Goodbye."),
        "{}",
        report.transcript
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_survey_in_python_is_answered_by_keys() {
    let report = by_keys("survey").await;
    assert_eq!(
        report.reported["outcome"], "answered",
        "{:#}",
        report.reported
    );
    assert_eq!(
        noted(&report.journal),
        [("rating", "5"), ("recommends", "yes")].map(texts)
    );
}

/// Every path through them, with a hang-up wherever they wait: each is held twice and comes to the
/// same, and nothing is left that a caller could not get out of.
#[test]
fn every_path_through_them_ends_well_and_repeats_itself() {
    for name in ["appointment", "survey"] {
        let mut test = program();
        test.args(["flow", "test", "--json", "--disturbances", "0"]);
        let output = test.arg(root().join("flows").join(name)).output().unwrap();
        let reported: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let flow = &reported["flows"][0];
        assert_eq!(output.status.code(), Some(0), "{reported:#}");
        assert_eq!(
            (&flow["failed"], &flow["explored"]["whole"]),
            (&json!(0), &json!(true)),
            "{name}: {reported:#}"
        );
        let tests = flow["tests"].as_array().map(Vec::len);
        assert!(tests > Some(3), "{name}: {reported:#}");
    }
}

fn texts((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// What a flow has noted, in its order.
fn noted(journal: &Value) -> Vec<(String, String)> {
    let entries = journal["entries"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["function"] == "note")
        .map(|entry| {
            let part = |at: usize| entry["arguments"][at].as_str().unwrap_or_default();
            texts((part(0), part(1)))
        })
        .collect()
}

/// A stand-in for a model's server that answers this, whatever it is asked.
fn model(answer: &Value) -> StandIn {
    let message = json!({ "role": "assistant", "content": answer.to_string() });
    let completion = json!({ "choices": [{ "index": 0, "message": message }] });
    StandIn::http(move |_| Reply::ok(completion.to_string()))
}

/// The action as an operator defines it: what docs/actions.md has, asked of the stand-in.
fn sorted_by(server: &StandIn) -> String {
    let page = fs::read_to_string(root().join("docs/actions.md")).unwrap();
    let of_complaints = |block: &&str| block.contains("[actions.sort-complaint]");
    let block = page.split("```toml\n").find(of_complaints).unwrap();
    let block = block.split("```").next().unwrap();
    assert_eq!(block.matches("http://127.0.0.1:8080").count(), 1, "{block}");
    block.replace("http://127.0.0.1:8080", server.url().as_str())
}

/// A call of the survey: keys for who is speaking, and then, if it is the customer, for two
/// questions, and words for the last one.
fn surveyed(engine: &Engine, is_customer: bool) -> Report {
    let house = tempfile::tempdir().unwrap();
    let file = house.path().join("surveyed.toml");
    let customer = format!(
        "[customer]\nphone = \"{PHONE}\"\nflow = \"survey\"\n[customer.fields]\nname = \"Priya Sharma\"\nservice = \"car service\"\nbill = \"4,500\"\n"
    );
    let step =
        |after: &str, does: &str| format!("[[caller]]\nafter-template = \"{after}\"\n{does}\n");
    let (expected, steps) = if is_customer {
        let steps = [
            step("greeting", "keys = \"1\""),
            step("rating", "keys = \"2#\""),
            step("recommends", "keys = \"2\""),
            step("better", "say = \"nobody called me back\""),
        ];
        ("answered", steps.concat())
    } else {
        ("wrong-person", step("greeting", "keys = \"2\""))
    };
    let scenario = format!("title = \"a survey\"\nexpect = \"{expected}\"\n\n{customer}\n{steps}");
    fs::write(&file, scenario).unwrap();
    let report = Playing::begin(engine, &file).report();
    assert_eq!(report.code, Some(0), "{}\n{}", report.shown, engine.logs());
    report
}

/// Replays all calls of an engine that has stopped.
fn replayed(engine: &Engine, flows: &Path) -> String {
    let mut replay = program();
    replay.args(["replay", "--all", "--config"]);
    replay.arg(engine.house().join("ghanti.toml"));
    replay.arg("--data").arg(engine.house().join("data"));
    let output = replay.arg("--flows").arg(flows).output().unwrap();
    let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{shown}");
    shown
}

#[test]
fn a_complaint_is_sorted_by_the_model_and_replayed_without_it() {
    let server = model(&json!({ "topic": "calls that were not returned", "callback": true }));
    let flows = flows("survey", None);
    let mut engine = Setup::new(sorted_by(&server)).flows(flows.path()).start();
    let report = surveyed(&engine, true);
    let notes = noted(&report.journal);
    assert_eq!(
        notes[..2],
        [("rating", "2"), ("recommends", "no")].map(texts)
    );
    assert_eq!(
        notes[3..],
        [
            ("topic", "calls that were not returned"),
            ("callback", "yes")
        ]
        .map(texts),
        "{notes:?}"
    );
    for words in [
        "We have noted: calls that were not returned.",
        "A colleague will call you",
    ] {
        assert!(report.transcript.contains(words), "{}", report.transcript);
    }
    // the model got what was said, and nothing of who has said it
    let [asked] = &server.asked()[..] else {
        panic!("{:?}", server.asked())
    };
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let (kind, said) = &notes[2];
    assert_eq!(kind, "better");
    assert_eq!(
        serde_json::from_str::<Value>(body["messages"][1]["content"].as_str().unwrap()).unwrap(),
        json!({ "words": said })
    );
    assert!(!asked.body.contains("Priya") && !asked.body.contains("4500"));
    drop(server);

    engine.ask_to_stop();
    engine.stopped(PATIENCE);
    let shown = replayed(&engine, flows.path());
    assert!(shown.contains("1 without a difference, 0 with"), "{shown}");
}

#[test]
fn a_model_that_answers_what_it_should_not_is_noted_nowhere() {
    let server = model(&json!({ "topic": 7, "amount": "4,500 rupees" }));
    let flows = flows("survey", None);
    let engine = Setup::new(sorted_by(&server)).flows(flows.path()).start();
    let report = surveyed(&engine, true);
    assert_eq!(server.asked().len(), 2, "it is asked once more");
    let notes = noted(&report.journal);
    assert!(
        notes.len() == 3 && notes[2].0 == "better",
        "the customer's own words are kept: {notes:?}"
    );
    assert!(
        !report.transcript.contains("We have noted"),
        "{}",
        report.transcript
    );
}

/// Whoever answers: the model's words and the amount are for the customer alone.
#[test]
fn who_is_not_the_customer_hears_no_amount_and_no_model_is_asked() {
    let server = model(&json!({ "topic": "a bill of 4,500 rupees", "callback": true }));
    let flows = flows("survey", None);
    let engine = Setup::new(sorted_by(&server)).flows(flows.path()).start();
    let report = surveyed(&engine, false);
    assert!(server.asked().is_empty(), "{:?}", server.asked());
    let heard = report.transcript.to_lowercase();
    assert!(!heard.is_empty());
    for words in PAID {
        assert!(!heard.contains(words), "`{words}`: {heard}");
    }
}

/// The same manifest and prompts, with a component that asks the model first and says what it
/// answers in every way there is.
#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_a_model_writes_is_refused_before_the_identity_is_established() {
    let server = model(&json!({ "topic": "your bill of 4,500 rupees is due", "callback": true }));
    let component = "plugins/target/fixtures/model-before-identity.wasm";
    let flows = flows("survey", Some(component));
    let config = format!("[speech]\nrecognizer = 'none'\n{}", sorted_by(&server));
    let engine = Setup::new(config).flows(flows.path()).start();
    let fields = json!({ "name": "Priya Sharma", "service": "car service", "bill": "4,500" });
    let call = engine
        .order(&json!({ "phone": PHONE, "flow": "survey", "fields": fields }))
        .await;
    let passthru = format!("/passthru?CallSid=model-1&CallFrom={PHONE}&CustomField={call}");
    let request = engine.http().get(engine.url(&passthru.replace('+', "%2B")));
    assert_eq!(request.send().await.unwrap().status(), 200);
    engine
        .record_when(&call, PATIENCE, |record| record["call_sid"] == "model-1")
        .await;
    let mut stream = Stream::begin(&engine, "model-1", PHONE).await;
    stream.hear_out().await;
    let record = engine.ended(&call).await;
    let notes = &record["notes"];
    assert_eq!(record["outcome"], "tried", "{record:#}");
    assert!(
        notes["answer"].as_str().unwrap().contains("4,500 rupees"),
        "the model has answered so: {notes:#}"
    );
    let refused = |what: &str| format!("refused: {what}");
    for (way, what) in [
        ("as-text", "text "),
        ("as-value", "noted identity"),
        ("as-amount", "rating identity"),
        ("as-question", "rating identity"),
    ] {
        assert_eq!(notes[way], refused(what), "{way}: {notes:#}");
    }
    let lines = record["transcript"].as_array().unwrap();
    let said: Vec<_> = lines.iter().map(|line| line["name"].as_str()).collect();
    assert_eq!(said, [Some("goodbye-no-answer")], "{record:#}");
    let heard = record["transcript"].to_string().to_lowercase();
    for words in PAID {
        assert!(!heard.contains(words), "`{words}`: {heard}");
    }
}
