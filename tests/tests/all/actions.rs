//! Actions, from a flow's call through the built program to a server and back: what is done, what is
//! kept of it, and where secrets are not.

use std::fs;
use std::path::Path;
use std::process::Command;

use ghanti_manifest::Manifest;
use ghanti_test_servers::{Asked, Reply, StandIn};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Engine, PATIENCE, Setup, Stream, program, refusal, root};

const PHONE: &str = "09876574001";
const SECRET: &str = "hunter2-of-the-crm";
const TOKEN: &str = "token-of-the-account";
const PAN: &str = "ABCDE1234F";
const GRANTS: &str = "[grants]\nactions = ['due-amount', 'send-link']\n";

/// A folder with the flow that invokes, and its manifest.
pub fn flows(manifest: &str) -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let folder = flows.path().join("invokes");
    fs::create_dir_all(folder.join("tests")).unwrap();
    let component = root().join("plugins/target/fixtures/invokes.wasm");
    fs::copy(component, folder.join("flow.wasm")).unwrap();
    fs::write(folder.join("flow.toml"), manifest).unwrap();
    flows
}

/// What actions asked for. The rest is Exotel being asked to dial.
fn acted(server: &StandIn) -> Vec<Asked> {
    let mut asked = server.asked();
    asked.retain(|asked| !asked.path().starts_with("/v1/Accounts/acme1/Calls"));
    asked
}

/// A server that is both the CRM and Exotel.
pub fn server() -> StandIn {
    StandIn::http(|asked: &Asked| {
        if asked.path().starts_with("/v1/Accounts/acme1/Sms/send") {
            Reply::ok("{\"SMSMessage\":{\"Sid\":\"sms1\",\"Status\":\"queued\"}}")
        } else {
            Reply::ok(json!({ "due": 12_500, "pan": PAN }).to_string())
        }
    })
}

pub fn config(server: &StandIn) -> String {
    let url = server.url();
    format!(
        r#"
[speech]
recognizer = "none"

[exotel]
account-sid = "acme1"
api-key = "key-0123456789"
api-token = "{TOKEN}"
caller-id = "08047112233"
api-url = "{url}"

[actions.due-amount]
kind = "http"
does = "read"
url = "{url}/loans/{{loan}}?key={{secret:key}}"
private = ["127.0.0.1"]
headers = {{ authorization = "Bearer {{secret:token}}", x-customer = "{{call:number}}" }}
secrets = {{ key = "${{env:CRM_KEY}}", token = "{SECRET}" }}
input = {{ type = "object", required = ["loan"] }}
output = {{ type = "object", required = ["due"] }}
redact = ["pan"]
calls = 5

[actions.send-link]
kind = "sms"
from = "ASHAFN"
dlt-entity = "1101"
dlt-template = "1107"
text = "Pay at {{link}} - Asha"

[actions.not-granted]
kind = "http"
url = "{url}/never"
private = ["127.0.0.1"]
"#
    )
}

fn start(server: &StandIn, flows: &TempDir) -> Engine {
    Setup::new(config(server))
        .flows(flows.path())
        .variable("CRM_KEY", SECRET)
        .start()
}

/// One call of the flow, to its end. Returns its record.
async fn called(engine: &Engine, sid: &str) -> Value {
    let call = engine.customer(PHONE, Some("invokes")).await;
    let passthru = format!("/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={call}");
    let request = engine.http().get(engine.url(&passthru));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let is_known = |record: &Value| record["call_sid"] == sid;
    engine.record_when(&call, PATIENCE, is_known).await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.hear_out().await;
    engine.ended(&call).await
}

/// All files of a folder, as far as they are its own.
fn contents(folder: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            contents(&entry.path(), into);
        } else if kind.is_file() && entry.file_name() != "ghanti.toml" {
            into.extend(fs::read(entry.path()).unwrap_or_default());
        }
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_done_for_a_call_and_not_for_its_replay_and_its_secrets_are_nowhere() {
    let server = server();
    let flows = flows(GRANTS);
    let mut engine = start(&server, &flows);
    let record = called(&engine, "acts1").await;
    assert_eq!(record["outcome"], "told", "{record}");
    let notes = &record["notes"];
    assert_eq!(
        [
            &notes["due-amount"],
            &notes["send-link"],
            &notes["not-granted"],
            &notes["broken"]
        ],
        [
            &json!("{\"due\":12500}"),
            &json!("{\"sid\":\"sms1\",\"status\":\"queued\"}"),
            &json!("refused"),
            &json!("invalid")
        ],
        "{notes}"
    );

    let asked = acted(&server);
    let lines: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            &format!("GET /loans/LN-00478213?key={SECRET} HTTP/1.1"),
            "POST /v1/Accounts/acme1/Sms/send.json HTTP/1.1"
        ]
    );
    assert_eq!(
        asked[0].header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );
    assert_eq!(asked[0].header("x-customer"), Some("+919876574001"));
    assert!(
        asked[1]
            .body
            .contains("To=%2B919876574001&Body=Pay+at+x.in%2F42"),
        "{}",
        asked[1].body
    );

    // the journal has each of them, without what is redacted
    let id = record["call_id"].as_str().unwrap().to_owned();
    let invoked: Vec<_> = record["journal"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["function"] == "invoke")
        .collect();
    assert_eq!(invoked.len(), 4);
    assert_eq!(
        invoked[0]["arguments"],
        json!(["due-amount", { "loan": "LN-00478213", "pan": "‹redacted›" }])
    );
    assert_eq!(invoked[0]["answer"], json!({ "ok": { "due": 12_500 } }));
    assert_eq!(invoked[2]["arguments"], json!(["not-granted", null]));

    // nothing of it is in what is kept, logged or answered
    let mut reported = engine.logs().into_bytes();
    for path in [
        "/api/calls",
        "/api/flows",
        "/api/doctor",
        "/metrics",
        &format!("/api/calls/{id}"),
        &format!("/api/calls/{id}/chain"),
    ] {
        let response = engine.http().get(engine.url(path)).send().await.unwrap();
        reported.extend(response.bytes().await.unwrap());
    }
    engine.ask_to_stop();
    engine.stopped(PATIENCE);
    contents(&engine.house(), &mut reported);
    assert!(
        has(&reported, "due-amount"),
        "it was looked for in the right place"
    );
    for secret in [SECRET, TOKEN, PAN] {
        assert!(!has(&reported, secret), "{secret} is kept somewhere");
    }
    assert!(!has(engine.logs().as_bytes(), "LN-00478213"));
    let done = acted(&server).len();

    // a replay comes to the same and asks nobody
    let (code, shown) = replayed(&engine, &flows, &id);
    assert_eq!(code, Some(0), "{shown}");
    // a version that is granted one action less does not come to the same
    let fewer = "[grants]\nactions = ['due-amount']\n";
    fs::write(flows.path().join("invokes/flow.toml"), fewer).unwrap();
    let (code, shown) = replayed(&engine, &flows, &id);
    assert_ne!(code, Some(0), "{shown}");
    assert!(shown.contains("send-link"), "{shown}");
    assert_eq!(acted(&server).len(), done);
}

/// Replays a call of an engine that has stopped. Returns the exit code, and what was shown.
fn replayed(engine: &Engine, flows: &TempDir, call: &str) -> (Option<i32>, String) {
    let mut command = program();
    command.args(["replay", call, "--config"]);
    command.arg(engine.house().join("ghanti.toml"));
    command.arg("--data").arg(engine.house().join("data"));
    command.arg("--flows").arg(flows.path());
    let output = command.env("CRM_KEY", SECRET).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8(text).unwrap();
    (output.status.code(), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_invokes_without_end_asks_no_more_than_it_may() {
    let server = server();
    let exhausting = format!("{GRANTS}[settings]\nact = 'exhaust'\n");
    let flows_of = flows(&exhausting);
    let engine = start(&server, &flows_of);
    let record = called(&engine, "acts2").await;
    assert_eq!(
        (&record["outcome"], &record["notes"]["limit"]),
        (&json!("exhausted"), &json!("30"))
    );
    assert_eq!(acted(&server).len(), 5);
    drop(engine);

    let flooding = flows(&format!("{GRANTS}[settings]\nact = 'flood'\n"));
    let engine = start(&server, &flooding);
    let record = called(&engine, "acts3").await;
    assert_eq!(record["outcome"], "flow-failed", "{record}");
    assert_eq!(acted(&server).len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_or_lies_is_an_error_to_the_flow_and_the_call_goes_on() {
    for reply in [
        Reply::Drop,
        Reply::Answer(500, SECRET.to_owned()),
        Reply::ok(format!("{{\"due\": 1, \"echo\": \"{SECRET}\"}}")),
        Reply::ok("{\"due\": "),
        Reply::ok("{\"paid\": true}"),
        Reply::With(
            302,
            vec![("location".to_owned(), "http://169.254.169.254/".to_owned())],
            String::new(),
        ),
    ] {
        let given = reply.clone();
        let server = StandIn::http(move |_| given.clone());
        let flows = flows(GRANTS);
        let engine = start(&server, &flows);
        let record = called(&engine, "acts4").await;
        let notes = &record["notes"];
        assert_eq!(
            (&record["outcome"], &notes["due-amount"]),
            (&json!("told"), &json!("unavailable")),
            "{reply:?}"
        );
        let problems = record["problems"].as_array().unwrap();
        let detail = problems
            .iter()
            .find(|problem| problem["name"] == "action-failed")
            .and_then(|problem| problem["detail"].as_str());
        assert!(
            detail.is_some_and(|detail| detail.contains("`due-amount` is not available")),
            "{reply:?}: {problems:?}"
        );
        assert!(!record.to_string().contains(SECRET), "{reply:?}");
        let logs = engine.logs();
        assert!(
            logs.contains("an action was not done") && !logs.contains(SECRET),
            "{reply:?}"
        );
    }
}

#[test]
fn a_grant_that_nobody_defines_is_rejected_with_its_line_and_what_to_do() {
    let flows = flows("[grants]\nactions = ['due-amount']\n");
    let setup = Setup::new("[speech]\nrecognizer = 'none'\n").flows(flows.path());
    let reported = refusal(&setup).words;
    assert!(
        reported.contains("line 2: `actions` has `due-amount`, which the operator does not define"),
        "{reported}"
    );
    assert!(
        reported.contains("`[actions.NAME]` in ghanti.toml"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flows_tests_answer_its_actions_and_nothing_is_done() {
    let server = server();
    let tested = |test: &str| {
        let flows = flows(GRANTS);
        fs::write(flows.path().join("invokes/tests/link.toml"), test).unwrap();
        flows
    };
    let answers = "[[actions]]\nname = 'due-amount'\nanswer = { due = 7 }\n[[actions]]\nname = 'send-link'\nerror = 'unavailable'\n";
    let expected = "[expect]\noutcome = 'told'\ninvoked = ['due-amount', 'send-link']\nnotes = { due-amount = '{\"due\":7}', send-link = 'unavailable' }\n";
    let good = tested(&format!("{answers}{expected}"));
    let engine = start(&server, &good);
    assert!(engine.logs().contains("the flow's own tests hold"));
    drop(engine);
    for (test, part) in [
        (
            format!("[[actions]]\nname = 'due-amount'\nanswer = 1\n{expected}"),
            "the action `send-link` is invoked and has no answer",
        ),
        (
            format!("{answers}[expect]\ninvoked = ['due-amount']\n"),
            "expected to be invoked: `due-amount`; got `due-amount`, `send-link`",
        ),
        ("[[actions]]\nname = 'x'\n".to_owned(), "one of `answer`"),
    ] {
        let flows = tested(&test);
        let setup = Setup::new(config(&server))
            .flows(flows.path())
            .variable("CRM_KEY", SECRET);
        let reported = refusal(&setup).words;
        assert!(reported.contains(part), "{reported}");
    }
    assert!(acted(&server).is_empty());
}

/// The blocks of TOML in a page, each with its first line.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    text.split("```toml\n")
        .skip(1)
        .map(|rest| {
            let block = rest.split("```").next().unwrap();
            (block.lines().next().unwrap().to_owned(), block.to_owned())
        })
        .collect()
}

#[test]
fn the_examples_of_the_documentation_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let (mut checked, account) = (
        0,
        "[exotel]\naccount-sid = 'acme1'\napi-key = 'key-0123456789'\napi-token = 'token-0123456789'\ncaller-id = '08047112233'\n",
    );
    for (first, block) in blocks("docs/actions.md") {
        match first.as_str() {
            "# ghanti.toml" => {
                let at = secret.display().to_string();
                let mut text = String::from(account);
                for line in block.lines() {
                    let line = match line.split_once("${file:") {
                        Some((before, rest)) => {
                            let (_, after) = rest.split_once('}').unwrap();
                            format!("{before}${{file:{at}}}{after}")
                        }
                        None => line.to_owned(),
                    };
                    text.push_str(&line);
                    text.push('\n');
                }
                let file = folder.path().join("ghanti.toml");
                fs::write(&file, text).unwrap();
                let check = config_check(&file);
                assert!(check.status.success(), "{block}\n{check:?}");
            }
            "# flow.toml" => {
                Manifest::parse(&block).unwrap_or_else(|errors| panic!("{block}: {errors:?}"));
            }
            other => assert_eq!(other, "# tests/pays.toml", "say whose block it is"),
        }
        checked += 1;
    }
    assert!(checked >= 6, "{checked} blocks were found");
}

fn config_check(file: &Path) -> std::process::Output {
    let mut command: Command = program();
    command.args(["config", "check", "--config"]).arg(file);
    command.env("MODEL_KEY", SECRET).output().unwrap()
}

#[test]
fn the_configuration_that_is_shown_has_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ghanti.toml");
    fs::write(&file, config(&server())).unwrap();
    let mut command = program();
    command.args(["config", "print", "--config"]).arg(&file);
    let shown = command.env("CRM_KEY", SECRET).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains("due-amount = {") && text.contains("‹secret›"),
        "{text}"
    );
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
}
