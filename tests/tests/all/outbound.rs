//! Outbound calls through `ghanti sim exotel`, with both programs: the engine's own applets, stream
//! and status callback in a flow at the simulated Exotel.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Engine, PATIENCE, Setup, program, root};

const CONFIG: &str = "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['+918045111222']\n";
const CUSTOMER: &str = "+919876500008";

/// Between two looks at the log of calls.
const LOOK: Duration = Duration::from_millis(50);

/// A simulated Exotel on a free port.
pub struct Exotel {
    process: Child,
    pub base: String,
    _folder: TempDir,
}

impl Exotel {
    /// Starts one whose flow `1001` is at the engine, with these callers.
    fn start(engine: &Engine, callers: &str) -> Self {
        Self::start_at(engine, "127.0.0.1:0", callers)
    }

    /// Starts one at an address.
    pub fn start_at(engine: &Engine, listen: &str, callers: &str) -> Self {
        Self::start_with(engine, listen, callers, "")
    }

    /// The same with a query in each applet's URL.
    pub fn start_with(engine: &Engine, listen: &str, callers: &str, query: &str) -> Self {
        let applet = |applet: &str, path: &str, more: &str| {
            let url = format!("{}{query}", engine.url(path));
            format!("[[flows.1001.applets]]\napplet = '{applet}'\nurl = '{url}'\n{more}\n")
        };
        let setup = [
            "speed = 50\n[account]\nsid = 'acme1'\nkey = 'key'\ntoken = 'token'\nnumbers = ['08045000000']\n",
            &format!("[engine]\nurl = '{}'\n", engine.url("")),
            &applet("passthru", "/passthru", ""),
            &applet("voicebot", "/voicebot-url", ""),
            &applet("passthru", "/passthru/after", "on-200 = 'hang-up'\non-302 = 'next'"),
            &applet("connect", "/connect", ""),
            &applet("passthru", "/passthru/after", "on-200 = 'hang-up'"),
            callers,
        ]
        .concat();
        Self::with_setup(listen, &setup)
    }

    /// Starts one at an address with this whole set-up.
    pub fn with_setup(listen: &str, setup: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exotel.toml");
        std::fs::write(&file, setup).unwrap();
        let mut process = program()
            .args(["sim", "exotel", "--listen", listen, "--setup"])
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{line}");
        Self {
            process,
            base,
            _folder: folder,
        }
    }

    /// Asks for a call with the engine's id of it as `CustomField`.
    async fn dial(&self, engine: &Engine, call_id: &str) {
        let mut form = reqwest::Url::parse("http://form").unwrap();
        form.query_pairs_mut().extend_pairs([
            ("From", CUSTOMER),
            ("CallerId", "08045000000"),
            ("Url", "http://my.exotel.com/acme1/exoml/start_voice/1001"),
            ("CustomField", call_id),
            ("StatusCallback", &engine.url("/status")),
        ]);
        let response = engine
            .http()
            .post(format!(
                "{}/v1/Accounts/acme1/Calls/connect.json",
                self.base
            ))
            .basic_auth("key", Some("token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap().to_owned())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }

    /// The log of the only call, once its callback was sent.
    async fn call(&self, engine: &Engine) -> Value {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let get = engine.http().get(format!("{}/sim/calls", self.base));
            let report: Value = get.send().await.unwrap().json().await.unwrap();
            let call = &report["calls"][0];
            if call["callbacks"][0]["status"] == 200 {
                return call.clone();
            }
            assert!(Instant::now() < given_up, "{report:#}\n{}", engine.logs());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends it by SIGTERM.
    pub fn stop(mut self) {
        let id = self.process.id().to_string();
        let reported = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(reported.success());
        assert!(self.process.wait().unwrap().success());
    }
}

/// A test that fails leaves no process, which would hold its output open.
impl Drop for Exotel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn setup() -> Setup {
    Setup::new(CONFIG)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbound_call_runs_from_the_request_to_the_agent_and_the_status_callback() {
    let engine = setup().start();
    let scenario = root().join("tests/scenarios/keys-english.toml");
    let exotel = Exotel::start(
        &engine,
        &format!("[[callers]]\nscenario = '{}'\n", scenario.display()),
    );
    let call_id = engine.customer(CUSTOMER, Some("emi-reminder")).await;
    exotel.dial(&engine, &call_id).await;
    let call = exotel.call(&engine).await;
    assert_eq!(call["status"], "completed", "{call:#}");
    let stream = &call["applets"][1]["stream"];
    assert_eq!(stream["ended-by"], "bot", "{call:#}");
    assert_eq!(stream["steps-left"], 0, "{call:#}");
    assert_eq!(stream["faults"], Value::Array(Vec::new()), "{call:#}");
    assert_eq!(
        call["applets"][3]["agents"][0]["number"], "+918045111222",
        "{call:#}"
    );
    let record = engine.ended(&call_id).await;
    assert_eq!(record["outcome"], "transferred", "{record:#}");
    assert_eq!(record["call_sid"], call["call-sid"]);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_busy_is_reported_by_the_status_callback_alone() {
    let engine = setup().start();
    let exotel = Exotel::start(&engine, "[[callers]]\ndoes = 'busy'\n");
    let call_id = engine.customer(CUSTOMER, Some("emi-reminder")).await;
    exotel.dial(&engine, &call_id).await;
    let call = exotel.call(&engine).await;
    assert_eq!(call["status"], "busy", "{call:#}");
    assert_eq!(call["applets"], Value::Array(Vec::new()));
    exotel.stop();
}

/// Dials a customer whose answering machine takes the call. Returns the call at Exotel and its record.
async fn at_voicemail(config: &str, of_caller: &str) -> (Value, Value) {
    let engine = Setup::new(config).start();
    let caller = format!("[[callers]]\ndoes = 'voicemail'\n{of_caller}");
    let exotel = Exotel::start(&engine, &caller);
    let call_id = engine.customer(CUSTOMER, Some("emi-reminder")).await;
    exotel.dial(&engine, &call_id).await;
    let call = exotel.call(&engine).await;
    let record = engine.ended(&call_id).await;
    exotel.stop();
    (call, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answering_machine_is_known_by_its_sound_and_nothing_is_left_on_it() {
    let (call, record) = at_voicemail(CONFIG, "").await;
    assert_eq!(record["outcome"], "voicemail", "{record:#}");
    assert_eq!(call["applets"][1]["stream"]["ended-by"], "bot", "{call:#}");
    // neither asked again nor transferred
    let names = record["transcript"].as_array().unwrap().iter();
    let said: Vec<_> = names
        .filter(|line| line["speaker"] == "bot")
        .map(|line| line["name"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["greeting"], "{record:#}");
    assert_eq!(record["decision"]["kind"], "hang-up", "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answering_machine_is_known_by_its_words() {
    let config = CONFIG.replace("'none'", "'vosk'");
    // too short to be known by its sound
    let greeting = "greeting = 'Please leave a message after the tone.'\n";
    let (_, record) = at_voicemail(&config, greeting).await;
    assert_eq!(record["outcome"], "voicemail", "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answering_machine_is_talked_to_where_the_operator_wants_it() {
    let config = format!("{CONFIG}voicemail = 'ignore'\n");
    let (_, record) = at_voicemail(&config, "hangs-up-after-s = 14.0\n").await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
}
