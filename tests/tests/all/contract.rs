//! What a flow does with its call beyond saying and asking, through the built program: pauses,
//! milestones, another call, words for the agent, earlier calls; and answers that an action
//! understands.

use std::fs;
use std::sync::{Arc, Mutex};

use ghanti_test_servers::{Asked, Reply, StandIn};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Engine, PATIENCE, Playing, Setup, Stream, program, root};

const PHONE: &str = "09876577001";
const PROMPTS: &str = "\
### $amount (money)
### $about (text)

due = Your instalment of { $amount } is due.
well = Are you well?
well-no-match = Sorry, are you well?
thanks = Thank you.
";

/// A folder with the flow that its settings spell out.
fn flows(manifest: &str) -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let folder = flows.path().join("survey");
    fs::create_dir_all(folder.join("prompts")).unwrap();
    let component = root().join("plugins/target/fixtures/survey.wasm");
    fs::copy(component, folder.join("flow.wasm")).expect("`make flows` builds it");
    fs::write(folder.join("flow.toml"), manifest).unwrap();
    fs::write(folder.join("prompts/en-IN.ftl"), PROMPTS).unwrap();
    flows
}

/// A call about a loan, to its end. Returns its record.
async fn called(engine: &Engine, sid: &str, loan: &str) -> Value {
    let fields = json!({ "name": "Priya Sharma", "loan": loan });
    let call = engine
        .order(&json!({ "phone": PHONE, "flow": "survey", "fields": fields }))
        .await;
    let passthru = format!("/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={call}");
    let request = engine.http().get(engine.url(&passthru));
    assert_eq!(request.send().await.unwrap().status(), 200);
    engine
        .record_when(&call, PATIENCE, |record| record["call_sid"] == sid)
        .await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.hear_out().await;
    engine.ended(&call).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_records_milestones_asks_for_another_call_and_whispers_to_the_agent() {
    let manifest = "[settings]\nquestions = ''\namount = '1250000'\npause = '1500'\nmilestone = 'offer-made offer-taken offer-made'\n\
                    again = '2031-01-01 10:30'\nthen = 'transfer'\nwords = 'Priya, asks for another date'\n[grants]\ntransfer = ['default']\n";
    let too_far = flows(manifest);
    let config = "[speech]\nrecognizer = 'none'\n[transfer.default]\nnumbers = ['+918000000001']\nwhisper = 'A caller about a loan.'\n";
    let engine = Setup::new(config).flows(too_far.path()).start();
    let record = called(&engine, "c1", "LN-00478213").await;
    assert_eq!(record["outcome"], "flow-failed", "{record:#}");
    let why = record["failure"].to_string();
    assert!(
        why.contains("give a time after now and within a year"),
        "{why}"
    );
    drop(engine);

    // tomorrow by the flow's clock
    let tomorrow = time::OffsetDateTime::now_utc()
        .to_offset(time::UtcOffset::from_hms(5, 30, 0).unwrap())
        .date()
        .next_day()
        .unwrap();
    let again = flows(&manifest.replace("2031-01-01", &tomorrow.to_string()));
    let engine = Setup::new(config).flows(again.path()).start();
    let record = called(&engine, "c2", "LN-00478213").await;
    assert_eq!(record["outcome"], "transfer-decided", "{record:#}");
    let at = tomorrow.with_hms(10, 30, 0).unwrap();
    let at_ms = at
        .assume_offset(time::UtcOffset::from_hms(5, 30, 0).unwrap())
        .unix_timestamp()
        * 1_000;
    assert_eq!(record["call_again_ms"], at_ms);
    let steps: Vec<_> = record["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["step"].as_str())
        .filter(|step| step.starts_with("offer-"))
        .collect();
    assert_eq!(steps, ["offer-made", "offer-taken"]);
    let entries = record["journal"]["entries"].as_array().unwrap();
    let pause = entries.iter().find(|entry| entry["function"] == "pause");
    let took_ms = pause.unwrap()["took_ms"].as_u64().unwrap();
    assert!(
        took_ms >= 1_500,
        "the silence, and what was to be heard before it: {took_ms} ms"
    );

    // the agent alone hears the flow's words, and no log has them
    let reply = engine.http().get(engine.url("/connect?CallSid=c2"));
    let reply: Value = reply.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        reply["start_call_playback"],
        json!({ "playback_to": "callee", "type": "text", "value": "Priya, asks for another date" })
    );
    assert!(!engine.logs().contains("asks for another date"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_told_of_earlier_calls_with_this_customer_and_of_nobody_elses() {
    let manifest = "[settings]\nquestions = ''\namount = '1250000'\nhistory = '5'\n[customer]\nloan = { type = 'account' }\n";
    let flows = flows(manifest);
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n")
        .flows(flows.path())
        .start();
    let earlier = |record: &Value| record["notes"]["earlier"].as_str().unwrap().to_owned();
    let saved = |id: &Value| {
        let path = format!("/api/calls/{}/chain", id.as_str().unwrap());
        engine.http().get(engine.url(&path))
    };
    let first = called(&engine, "h1", "LN-00478213").await;
    assert_eq!(earlier(&first), "");
    // the record is in the database before the next call asks
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let chain = saved(&first["call_id"]).send().await.unwrap();
        let text = chain.text().await.unwrap();
        if text.contains("stream-closed") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // somebody else who is called at the same number
    let other = called(&engine, "h2", "LN-00999999").await;
    assert_eq!(earlier(&other), "", "another loan's");
    let second = called(&engine, "h3", "LN-00478213").await;
    assert_eq!(
        earlier(&second),
        "survey surveyed earlier,first-lot,second-lot",
        "{second:#}"
    );
}

/// A stand-in for a model's server, by an HTTP action, that keeps what it was asked.
fn model(understood: &'static str) -> (StandIn, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let keeps = Arc::clone(&asked);
    let server = StandIn::http(move |request: &Asked| {
        let question = serde_json::from_str(&request.body).unwrap_or_default();
        keeps.lock().unwrap().push(question);
        Reply::ok(json!({ "choice": understood }).to_string())
    });
    (server, asked)
}

const UNDERSTANDS: &str = "[settings]\nquestions = 'well'\namount = '1250000'\n[grants]\nactions = ['sort']\n\
                           [questions.well]\nchoices = { yes = { key = '1' }, no = { key = '2' } }\nno-match = ['well-no-match']\nunderstand = 'sort'\n";

fn sorted_by(server: &StandIn) -> String {
    format!(
        "[actions.sort]\nkind = 'http'\ndoes = 'read'\nmethod = 'POST'\nurl = '{}/sort'\nprivate = ['127.0.0.1']\n\
         body = {{ question = '{{question}}', words = '{{words}}', choices = '{{choices}}' }}\n",
        server.url()
    )
}

/// Plays a call in which the question is answered so, and returns the answer and the transcript.
fn answered(engine: &Engine, say: &str, again: &str) -> (Value, String) {
    let house = tempfile::tempdir().unwrap();
    let file = house.path().join("understood.toml");
    let scenario = format!(
        "title = \"an answer in other words\"\nexpect = \"surveyed\"\n\n[customer]\nphone = \"+919876500078\"\nflow = \"survey\"\n\n\
         [[caller]]\nafter-template = \"well\"\nsay = \"{say}\"\n\n{again}"
    );
    fs::write(&file, scenario).unwrap();
    let report = Playing::begin(engine, &file).report();
    assert_eq!(report.code, Some(0), "{}", report.shown);
    let entries = report.journal["entries"].as_array().unwrap();
    let asked = entries.iter().find(|entry| entry["function"] == "ask");
    (asked.unwrap()["answer"]["ok"].clone(), report.transcript)
}

#[test]
fn words_that_no_grammar_takes_are_understood_by_an_action_as_one_of_the_choices() {
    let (server, asked) = model("yes");
    let flows = flows(UNDERSTANDS);
    let engine = Setup::new(sorted_by(&server)).flows(flows.path()).start();
    let (answer, transcript) = answered(&engine, "everything is wonderful", "");
    assert_eq!(
        (&answer["reply"], &answer["understood_by"]),
        (&json!({ "kind": "choice", "value": "yes" }), &json!("sort")),
        "{transcript}"
    );
    let questions = asked.lock().unwrap().clone();
    assert_eq!(questions.len(), 1);
    assert_eq!(
        (&questions[0]["question"], &questions[0]["choices"][0]["id"]),
        (&json!("well"), &json!("no"))
    );
    assert!(
        questions[0]["words"]
            .as_str()
            .unwrap()
            .contains("wonderful"),
        "{questions:?}"
    );
    assert!(!transcript.contains("Sorry, are you well"), "{transcript}");
    drop(server);

    // it is replayed without the server
    let mut engine = engine;
    engine.ask_to_stop();
    engine.stopped(PATIENCE);
    let mut replay = program();
    replay.args(["replay", "--config"]);
    replay.arg(engine.house().join("ghanti.toml"));
    replay.arg("--data").arg(engine.house().join("data"));
    replay.arg("--flows").arg(flows.path());
    replay.arg("--all");
    let output = replay.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{shown}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_an_action_makes_up_is_no_answer_and_the_question_is_put_again() {
    let (server, asked) = model("transfer-everything");
    let flows = flows(UNDERSTANDS);
    let engine = Setup::new(sorted_by(&server)).flows(flows.path()).start();
    let (answer, transcript) = answered(
        &engine,
        "everything is wonderful",
        "[[caller]]\nafter-template = \"well-no-match\"\nkeys = \"1\"\n",
    );
    assert_eq!(
        (
            &answer["reply"],
            &answer["understood_by"],
            &answer["attempts"]
        ),
        (
            &json!({ "kind": "choice", "value": "yes" }),
            &Value::Null,
            &json!(2)
        ),
        "the second time by a key: {transcript}"
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
    assert!(transcript.contains("Sorry, are you well"), "{transcript}");
}
