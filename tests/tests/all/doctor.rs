//! The doctor against wrong set-ups: each is played by `ghanti sim exotel`, in front of an engine
//! that is otherwise set up as docs/connect-to-exotel.md says, and the doctor has to name it.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::outbound::Exotel;
use crate::support::{Engine, PATIENCE, Setup, program, root};

mod looks;
mod page;
mod probing;

pub const STREAM_TOKEN: &str = "stream-0123456789";
pub const APPLET_TOKEN: &str = "applet-0123456789";
pub const API_TOKEN: &str = "api-0123456789-x";
/// Engines and simulated Exotels that run at once.
const AT_ONCE: usize = 4;
/// Between two looks of the doctor.
const LOOK: Duration = Duration::from_millis(500);
/// A minute and a half is what the slowest finding waits for after a call.
const FOUND: Duration = Duration::from_secs(240);

const SERVER: &str = "[server]\npublic-url = 'https://bot.example.com'\nstream-token = 'stream-0123456789'\n\
    applet-token = 'applet-0123456789'\napi-token = 'api-0123456789-x'\n";
const ACCOUNT: &str = "[exotel]\naccount-sid = 'acme1'\napi-key = 'key'\napi-token = 'token'\ncaller-id = '08045000000'\nflow-id = 1001\n";
const CALLS: &str = "[calls]\nagents = ['+918045111222']\nflow = 'emi-reminder'\n";
const SETTINGS: &str = "[settings]\nlender = 'Own Finance'\ncaller = 'Own'\nbot-name = 'Meera'\nclinic = 'Own'\ncompany = 'Own'\n";
const SPEECH: &str = "[speech]\nrecognizer = 'none'\n";

/// A whole, right configuration of an engine.
pub fn right_config() -> String {
    [SERVER, ACCOUNT, CALLS, SETTINGS, SPEECH].concat()
}

/// An applet's URL as GET /setup shows it.
fn url(path: &str) -> String {
    format!("https://bot.example.com{path}?token={APPLET_TOKEN}")
}

fn stream_url(scheme: &str, token: &str, session: &str) -> String {
    format!("{scheme}://bot.example.com/ws/voicebot/{token}/{session}")
}

fn applet(kind: &str, url: &str, more: &str) -> String {
    format!("[[flows.1001.applets]]\napplet = '{kind}'\nurl = '{url}'\n{more}\n")
}

fn passthru() -> String {
    applet("passthru", &url("/passthru"), "")
}

fn voicebot() -> String {
    applet("voicebot", &url("/voicebot-url"), "")
}

fn after() -> String {
    applet(
        "passthru",
        &url("/passthru/after"),
        "on-200 = 'hang-up'\non-302 = 'next'",
    )
}

fn connect() -> String {
    applet("connect", &url("/connect"), "")
}

fn behind() -> String {
    applet("passthru", &url("/passthru/after"), "on-200 = 'hang-up'")
}

/// The flow that the documentation describes.
fn right_flow() -> Vec<String> {
    vec![passthru(), voicebot(), after(), connect(), behind()]
}

/// A caller who listens for some seconds and hangs up.
fn silent(seconds: u32) -> String {
    format!("[[callers]]\nhangs-up-after-s = {seconds}\n")
}

/// A caller who wants to speak to an agent, by keys.
fn presses_keys() -> String {
    let scenario = root().join("tests/scenarios/keys-english.toml");
    format!("[[callers]]\nscenario = '{}'\n", scenario.display())
}

/// One set-up, and what the doctor has to say of it.
struct Case {
    code: &'static str,
    config: String,
    flow: Vec<String>,
    proxy: &'static str,
    exotel: &'static str,
    account_sid: &'static str,
    streams: u32,
    callers: String,
    /// Parameters of the request to dial, in place of the right ones; empty ones are left out.
    dial: Vec<(&'static str, String)>,
    calls: u32,
}

impl Case {
    /// A right set-up and a caller who soon hangs up.
    fn of(code: &'static str) -> Self {
        Self {
            code,
            config: right_config(),
            flow: right_flow(),
            proxy: "",
            exotel: "",
            account_sid: "acme1",
            streams: 100,
            callers: silent(3),
            dial: Vec::new(),
            calls: 1,
        }
    }

    fn flow(self, flow: impl IntoIterator<Item = String>) -> Self {
        Self {
            flow: flow.into_iter().collect(),
            ..self
        }
    }

    fn callers(self, callers: String) -> Self {
        Self { callers, ..self }
    }

    fn dial(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.dial.push((name, value.into()));
        self
    }

    fn setup(&self, engine: &Engine) -> String {
        let (address, account_sid, streams) = (engine.address(), self.account_sid, self.streams);
        [
            "speed = 50\n",
            &format!("[account]\nsid = '{account_sid}'\nkey = 'key'\ntoken = 'token'\nnumbers = ['08045000000']\nstreams = {streams}\n"),
            &format!("[engine]\nurl = 'http://:{API_TOKEN}@{address}'\n"),
            &format!("[proxy]\nengine = '{address}'\n{}\n", self.proxy),
            &self.flow.concat().replace("ENGINE", address),
            self.exotel,
            "\n",
            &self.callers,
        ]
        .concat()
    }

    /// Runs the calls, and waits until the doctor names the mistake.
    async fn run(self) {
        let engine = Setup::new(&self.config).start();
        let exotel = Exotel::with_setup("127.0.0.1:0", &self.setup(&engine));
        for nth in 0..self.calls {
            self.call(&engine, &exotel, nth).await;
        }
        let findings = found(&engine, self.code).await;
        let finding = findings
            .iter()
            .find(|finding| finding["code"] == self.code)
            .unwrap();
        let shown = format!("{finding:#}");
        for part in ["sentence", "fix"] {
            assert!(finding[part].as_str().unwrap().len() > 20, "{shown}");
        }
        assert!(
            !finding["evidence"][0].as_str().unwrap().is_empty(),
            "{shown}"
        );
        assert!(
            !shown.contains("98765") && !shown.contains("Priya"),
            "{shown}"
        );
        exotel.stop();
    }

    /// Stores an order, and has Exotel dial it.
    async fn call(&self, engine: &Engine, exotel: &Exotel, nth: u32) {
        let customer = format!("+91987650001{nth}");
        let order = order(engine, &customer).await;
        let mut form = vec![
            ("From", customer),
            ("CallerId", "08045000000".to_owned()),
            (
                "Url",
                format!(
                    "http://my.exotel.com/{}/exoml/start_voice/1001",
                    self.account_sid
                ),
            ),
            ("CustomField", order),
            ("StatusCallback", url("/status")),
            ("TimeLimit", String::new()),
        ];
        for (name, value) in &self.dial {
            let known = form.iter_mut().find(|(known, _)| known == name).unwrap();
            known.1.clone_from(value);
        }
        form.retain(|(_, value)| !value.is_empty());
        let mut encoded = reqwest::Url::parse("http://form").unwrap();
        encoded.query_pairs_mut().extend_pairs(form);
        let response = engine
            .http()
            .post(format!(
                "{}/v1/Accounts/{}/Calls/connect.json",
                exotel.base, self.account_sid
            ))
            .basic_auth("key", Some("token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap().to_owned())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }
}

/// Stores a customer's record; returns the order's id.
async fn order(engine: &Engine, phone: &str) -> String {
    let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
    let body = json!({ "phone": phone, "flow": "emi-reminder", "fields": fields, "dial": false });
    let given_up = Instant::now() + PATIENCE;
    loop {
        let post = engine.http().post(engine.url("/api/calls")).json(&body);
        let response = post.bearer_auth(API_TOKEN).send().await.unwrap();
        if response.status() == 503 && Instant::now() < given_up {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        let created: Value = response.json().await.unwrap();
        return created["call_id"].as_str().unwrap().to_owned();
    }
}

/// What the doctor says now.
pub async fn report(engine: &Engine, query: &str) -> Value {
    let get = engine
        .http()
        .get(engine.url(&format!("/api/doctor{query}")));
    let response = get.bearer_auth(API_TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    response.json().await.unwrap()
}

/// The findings, once one has this code.
async fn found(engine: &Engine, code: &str) -> Vec<Value> {
    let given_up = Instant::now() + FOUND;
    loop {
        let report = report(engine, "").await;
        let findings = report["findings"].as_array().unwrap();
        if findings.iter().any(|finding| finding["code"] == code) {
            return findings.clone();
        }
        assert!(
            Instant::now() < given_up,
            "no `{code}`: {report:#}\n{}",
            engine.logs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

async fn all(cases: Vec<Case>) {
    stream::iter(cases)
        .map(Case::run)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_flow_at_exotel_is_named() {
    let wrong_token = "https://bot.example.com/passthru?token=wrong";
    let bare = "https://bot.example.com";
    let speaks = "[[callers]]\nhangs-up-after-s = 20\nsteps = [{ during = 500, say = 'good morning I would like to know who is calling me now please' }, \
        { during = 7000, say = 'I have already paid the whole amount at the branch yesterday' }]\n";
    all(vec![
        Case::of("no-voicebot-applet").flow([passthru()]),
        Case::of("stream-applet")
            .flow([passthru(), applet("stream", &url("/voicebot-url"), "")])
            .callers(silent(30)),
        Case::of("ws-instead-of-wss").flow([
            passthru(),
            applet("voicebot", &stream_url("ws", STREAM_TOKEN, "call"), ""),
            after(),
        ]),
        Case::of("http-instead-of-https").flow([
            applet("passthru", &url("/passthru").replace("https", "http"), ""),
            voicebot(),
            after(),
        ]),
        Case::of("wrong-path").flow([passthru(), applet("voicebot", &url("/voicebot"), "")]),
        Case::of("applet-token").flow([applet("passthru", wrong_token, ""), voicebot(), after()]),
        Case::of("stream-token").flow([
            passthru(),
            applet("voicebot", &stream_url("wss", "wrong", "call"), ""),
        ]),
        Case::of("old-host").flow([
            applet(
                "passthru",
                &url("/passthru").replace(bare, "https://old-tunnel.example.net"),
                "",
            ),
            voicebot(),
            after(),
        ]),
        Case::of("literal-placeholder").flow([
            passthru(),
            applet(
                "voicebot",
                &stream_url("wss", STREAM_TOKEN, "{session_id}"),
                "",
            ),
            after(),
        ]),
        Case::of("literal-placeholder").flow([
            applet(
                "passthru",
                &format!("{}&id={{CallSid}}", url("/passthru")),
                "",
            ),
            voicebot(),
            after(),
        ]),
        Case::of("wrong-sample-rate")
            .flow([
                passthru(),
                applet(
                    "voicebot",
                    &url("/voicebot-url"),
                    "sample-rate-hz = 16000\nannounced-sample-rate-hz = 8000",
                ),
                after(),
            ])
            .callers(silent(15)),
        Case::of("mu-law-audio")
            .flow([
                passthru(),
                applet("voicebot", &url("/voicebot-url"), "sends = 'mu-law'"),
                after(),
            ])
            .callers(speaks.to_owned()),
        Case::of("passthru-async").flow([
            applet(
                "passthru",
                &url("/passthru"),
                "async = true\nasync-after-ms = 1000",
            ),
            voicebot(),
            after(),
        ]),
        Case::of("second-stream")
            .flow([passthru(), voicebot(), voicebot(), after()])
            .callers(presses_keys()),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_the_flow_does_not_carry_out_is_named() {
    all(vec![
        Case::of("passthru-after-missing")
            .flow([passthru(), voicebot()])
            .callers(presses_keys()),
        Case::of("transfer-never-asked")
            .flow([
                passthru(),
                voicebot(),
                applet("passthru", &url("/passthru/after"), ""),
            ])
            .callers(presses_keys()),
        Case::of("wrong-path")
            .flow([
                passthru(),
                voicebot(),
                after(),
                applet("connect", &url("/conect"), ""),
            ])
            .callers(presses_keys()),
        Case::of("passthru-async")
            .flow([
                passthru(),
                voicebot(),
                applet(
                    "passthru",
                    &url("/passthru/after"),
                    "async = true\nasync-after-ms = 200",
                ),
                applet("connect", &url("/connect"), "rings-s = 100"),
                behind(),
            ])
            .callers(presses_keys()),
        Case {
            calls: 3,
            ..Case::of("agents-never-answer")
        }
        .flow([
            passthru(),
            voicebot(),
            after(),
            applet("connect", &url("/connect"), "agents = ['no-answer']"),
            behind(),
        ])
        .callers(presses_keys()),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_proxy_or_account_is_named() {
    let direct = |path: &str| format!("http://ENGINE{path}?token={APPLET_TOKEN}");
    let in_the_clear = |path: &str| url(path).replace("https", "http");
    all(vec![
        Case {
            proxy: "upgrade = false",
            ..Case::of("proxy-without-upgrade")
        },
        Case {
            proxy: "certificate = 'self-signed'",
            ..Case::of("certificate-refused")
        }
        .flow([
            applet("passthru", &direct("/passthru"), ""),
            voicebot(),
            applet("passthru", &direct("/passthru/after"), ""),
        ]),
        Case {
            proxy: "certificate = 'self-signed'",
            ..Case::of("stream-never-opened")
        }
        .flow([
            applet("passthru", &in_the_clear("/passthru"), ""),
            applet("voicebot", &in_the_clear("/voicebot-url"), ""),
        ]),
        Case {
            streams: 0,
            ..Case::of("streams-throttled")
        },
        Case {
            account_sid: "other1",
            ..Case::of("other-account")
        },
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_to_dial_is_named() {
    let nobodys = "0190a1b2-0000-7000-8000-000000000001";
    all(vec![
        Case::of("no-status-callback").dial("StatusCallback", ""),
        Case::of("wrong-method").dial("StatusCallback", url("/connect")),
        Case {
            exotel: "[faults]\nseed = 1\ncallback-doubled = 100\n",
            ..Case::of("duplicate-webhooks")
        },
        Case::of("custom-field-missing").dial("CustomField", ""),
        Case::of("custom-field-foreign").dial("CustomField", "crm-77"),
        Case::of("custom-field-foreign").dial("CustomField", nobodys),
        Case::of("numbers-unlike").dial("From", "+919876599999"),
        Case {
            calls: 3,
            ..Case::of("time-limit")
        }
        .dial("TimeLimit", "8")
        .callers(silent(60)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_named_before_the_first_call() {
    let without = |part: &str| right_config().replace(part, "");
    let misspelt = right_config().replace("flow = 'emi-reminder'", "flow = 'emi-remindr'");
    let cases = [
        (
            "no-public-url",
            without("public-url = 'https://bot.example.com'\n"),
        ),
        (
            "no-public-url",
            right_config().replace("https://bot", "http://bot"),
        ),
        (
            "no-tokens",
            right_config().replace(SERVER, "[server]\npublic-url = 'https://bot.example.com'\n"),
        ),
        ("sample-values", without(SETTINGS)),
        ("flow-missing", misspelt),
        (
            "flow-missing",
            format!(
                "{}[flows.emi-remindr]\nsettings = {{ lender = 'Own' }}\n",
                right_config()
            ),
        ),
        ("language-not-heard", without(SPEECH)),
    ];
    for (code, config) in cases {
        let engine = Setup::new(config).start();
        found(&engine, code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_right_set_up_the_doctor_finds_nothing() {
    let case = Case::of("").callers(presses_keys());
    let engine = Setup::new(&case.config).start();
    let exotel = Exotel::with_setup("127.0.0.1:0", &case.setup(&engine));
    case.call(&engine, &exotel, 0).await;
    let given_up = Instant::now() + FOUND;
    let seen = loop {
        let report = report(&engine, "").await;
        assert_eq!(
            report["findings"],
            json!([]),
            "{report:#}\n{}",
            engine.logs()
        );
        let applets = report["applets"].as_array().unwrap();
        // every applet has asked, the status callback last
        if applets.iter().all(|applet| applet["served"]["count"] != 0) {
            break report;
        }
        assert!(Instant::now() < given_up, "{report:#}\n{}", engine.logs());
        tokio::time::sleep(LOOK).await;
    };
    assert_eq!(seen["calls"], 1, "{seen:#}");
    for applet in seen["applets"].as_array().unwrap() {
        assert_eq!(applet["refused"]["count"], 0, "{seen:#}");
    }
    let base = engine.url("");
    let config = engine.house().join("ghanti.toml");
    let shown = tokio::task::spawn_blocking(move || {
        let mut command = program();
        command
            .args(["doctor", "--url", &base, "--config"])
            .arg(config);
        command.output().unwrap()
    });
    let shown = shown.await.unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{text}{shown:?}");
    assert!(text.starts_with("0 findings, 1 calls checked"), "{text}");
    exotel.stop();
}
