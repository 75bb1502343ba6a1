//! The console in a browser: headless Chromium, driven with Playwright by the scripts of `tests/browser/`. Engines and calls are
//! made here; what somebody does in the console, and what they have to see, is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use ghanti_sim::voice::Voice;
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::campaigns::{customer, number};
use crate::console_calls::{level_of, talkative};
use crate::dialling::{account, free_address, presses_keys};
use crate::nodes::reminder;
use crate::outbound::Exotel;
use crate::support::{
    Engine, PATIENCE, Playing, Setup, Stream, root, scenario, silence_of, start_of,
};

const ADMIN: &str = "api-0123456789-x";
const OPERATOR: &str = "operator-0123456789";
const VIEWER: &str = "viewer-0123456789";
const STREAM: &str = "stream-0123456789";
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
/// Of the call that was before.
const PHONE: &str = "+919876594001";
/// Of the call that the browser's telephone holds.
const OTHER: &str = "+919876594002";
const FLOW: &str = "emi-reminder";
/// Names another Chromium than those of [`CHROMIUMS`] in `PATH`.
const CHROMIUM: &str = "CHROMIUM";
const CHROMIUMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Names the folder for pictures.
const SCREENSHOTS: &str = "SCREENSHOTS";
/// A script gives up by itself on whatever it waits for; this is for one that hangs.
const LIMIT: Duration = Duration::from_secs(600);
/// How many browsers run at once: each is several processes, which compute more than they wait.
static BROWSERS: Semaphore = Semaphore::const_new(3);
/// How long the caller of a recorded call listens before they do something: their lines last as long.
const LISTENS: Duration = Duration::from_secs(2);
/// The caller's microphone: its rate, and the silence after each of their sentences.
const RATE_HZ: u32 = 16_000;
const PAUSE_MS: u32 = 1_300;

/// Runs a script; returns what it found.
async fn browse(script: &str, given: Value) -> Value {
    let _one = BROWSERS.acquire().await.unwrap();
    let file = root().join("tests/browser").join(script);
    let mut node = Command::new("node")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Chromium ends with it
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `node`: {error}: run `make setup`"));
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(given.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(LIMIT, node.wait_with_output())
        .await
        .unwrap_or_else(|_| panic!("`{script}` goes on for ever"))
        .unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{reported}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// The folder of what `make setup` brings for these tests.
fn tools() -> PathBuf {
    let tools = std::env::var_os("GHANTI_TOOLS").map_or_else(|| root().join(".tools"), Into::into);
    let tools = tools.join("browser");
    assert!(
        tools.join("node_modules/playwright-core").is_dir(),
        "there is no Playwright in `{}`: run `make setup`",
        tools.display()
    );
    tools
}

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = || {
        std::env::split_paths(&path)
            .flat_map(|folder| CHROMIUMS.map(|name| folder.join(name)))
            .find(|file| file.is_file())
    };
    let named = std::env::var_os(CHROMIUM).map(PathBuf::from);
    named.or_else(found).unwrap_or_else(|| {
        panic!(
            "there is no Chromium: run `make setup` as root, or `sudo apt-get install chromium`, or name one in {CHROMIUM}"
        )
    })
}

/// An engine with tokens that records its calls.
struct House {
    engine: Engine,
    prefix: &'static str,
    flows: TempDir,
}

impl House {
    fn start(speech: &str, prefix: &'static str, flows: TempDir) -> Self {
        Self::start_with(speech, "", prefix, flows)
    }

    /// The same with these lines of `[server]`.
    fn start_with(head: &str, of_server: &str, prefix: &'static str, flows: TempDir) -> Self {
        Self::listening("127.0.0.1:0".to_owned(), head, of_server, prefix, flows)
    }

    /// The same at an address.
    fn listening(
        listen: String,
        head: &str,
        of_server: &str,
        prefix: &'static str,
        flows: TempDir,
    ) -> Self {
        let path = if prefix.is_empty() {
            String::new()
        } else {
            format!("path = '{prefix}'\n")
        };
        let config = format!(
            "{head}[recording]\nenabled = true\n[server]\n{path}{of_server}stream-token = '{STREAM}'\napplet-token = 'applet-0123456789'\n\
             api-token = '{ADMIN}'\n[tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\n\
             [tokens.auditor]\nrole = 'viewer'\ntoken = '{VIEWER}'\n"
        );
        let engine = Setup::new(config)
            .flows(flows.path())
            .listen_on(listen)
            .start();
        Self {
            engine,
            prefix,
            flows,
        }
    }

    /// What a script is given.
    fn given(&self, more: &Value) -> Value {
        let mut given = json!({
            "origin": self.engine.url(""),
            "prefix": self.prefix,
            "chromium": chromium(),
            "tools": tools(),
            "token": ADMIN,
            "phone": OTHER,
        });
        let more = more.as_object().unwrap().clone();
        given.as_object_mut().unwrap().extend(more);
        given
    }

    async fn browse(&self, script: &str, more: Value) -> Value {
        let found = browse(script, self.given(&more)).await;
        let logs = self.engine.logs();
        assert!(!logs.contains("panicked at"), "{logs}");
        found
    }

    fn url(&self, path: &str) -> String {
        self.engine.url(&format!("{}{path}", self.prefix))
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.engine.http().get(self.url(path)).bearer_auth(ADMIN);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// What is at a path once it is so.
    async fn when(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let found = self.get(path).await;
            if so(&found) {
                return found;
            }
            assert!(Instant::now() < given_up, "{path}: {found:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A call that has begun: its id, and its stream.
    async fn begin(&self, sid: &str, phone: &str) -> (String, Stream) {
        let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
        let order = json!({ "phone": phone, "flow": FLOW, "fields": fields });
        let request = self.engine.http().post(self.url("/api/calls"));
        let answer = request
            .bearer_auth(ADMIN)
            .json(&order)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        let ordered: Value = answer.json().await.unwrap();
        let call = ordered["call_id"].as_str().unwrap().to_owned();
        let path = format!("{}/ws/voicebot/{STREAM}/{sid}", self.prefix);
        let mut stream = Stream::open(&self.engine, &path).await.unwrap();
        stream.say(&json!({ "event": "connected" })).await;
        stream.say(&start_of(sid, phone)).await;
        stream.say(&silence_of(sid)).await;
        stream.hear_voice().await;
        (call, stream)
    }

    /// A call that is over, in which the caller pressed a key, with its recording.
    async fn recorded(&self, sid: &str, phone: &str) -> String {
        let (call, mut stream) = self.begin(sid, phone).await;
        let path = format!("/api/calls/{call}");
        let said = |record: &Value, template: &str| {
            let lines = record["transcript"].as_array();
            lines.is_some_and(|lines| lines.iter().any(|line| line["name"] == template))
        };
        self.when(&path, |record| said(record, "greeting")).await;
        tokio::time::sleep(LISTENS).await;
        stream.say(&json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": "1", "duration": "100" } })).await;
        self.when(&path, |record| said(record, "emi-details")).await;
        tokio::time::sleep(LISTENS).await;
        stream.hang_up(sid).await;
        self.when(&path, |record| {
            record["recordings"][0]["state"] == "complete"
        })
        .await;
        call
    }
}

/// The reminder of an instalment, which waits as long for an answer as it can: a call that nobody answers lasts for
/// minutes.
fn patient() -> TempDir {
    let flows = reminder();
    let file = flows.path().join(FLOW).join("flow.toml");
    let text = fs::read_to_string(&file).unwrap();
    let patient = text
        .replacen(
            "[questions.identity]\n",
            "[questions.identity]\nwait = \"60s\"\n",
            1,
        )
        .replacen("wait = \"7s\"", "wait = \"60s\"", 1);
    assert_eq!(patient.matches("\"60s\"").count(), 2);
    fs::write(&file, patient).unwrap();
    flows
}

/// The active version of the only flow.
fn active(flows: &Value) -> String {
    let versions = flows["items"][0]["versions"].as_array().unwrap();
    let active = versions.iter().find(|version| version["state"] == "active");
    active.unwrap()["id"].as_str().unwrap().to_owned()
}

/// A file with a caller's sentences, each with a pause after it.
async fn spoken(file: &Path, sentences: &[&str]) {
    let spec = WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut wav = WavWriter::create(file, spec).unwrap();
    for sentence in sentences {
        let samples = Voice::default().speak(sentence, RATE_HZ).await.unwrap();
        let pause = (0..PAUSE_MS * RATE_HZ / 1_000).map(|_| 0);
        for sample in samples.iter().copied().chain(pause) {
            wav.write_sample(sample).unwrap();
        }
    }
    wav.finalize().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_a_microphone_is_transferred_and_theirs_is_a_call_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let microphone = folder.path().join("caller.wav");
    spoken(&microphone, &["yes, speaking", "yes please"]).await;
    let house = House::start("", "/bot", reminder());
    let found = house
        .browse("telephone.mjs", json!({ "microphone": microphone }))
        .await;
    let path = format!("/api/calls/{}", found["call"].as_str().unwrap());
    let is_recorded = |record: &Value| record["recordings"][0]["state"] == "complete";
    let record = house.when(&path, is_recorded).await;
    assert_eq!(record["outcome"], "transferred", "{record:#}");
    assert_eq!(record["customer_number"], OTHER);
    let sid = record["call_sid"].as_str().unwrap();
    assert!(sid.starts_with("browser-"), "{sid}");
    assert_eq!(record["problems"], json!([]), "{record:#}");
    assert_eq!(record["findings"], json!([]), "{record:#}");
    let lines = record["transcript"].as_array().unwrap();
    let mut templates = lines.iter().filter(|line| line["speaker"] == "bot");
    for template in [
        "greeting",
        "emi-details",
        "disclosure",
        "transfer-question",
        "please-wait",
    ] {
        assert!(
            templates.any(|line| line["name"] == template),
            "{template}: {record:#}"
        );
    }
    for question in ["identity", "transfer"] {
        let is_yes = |line: &Value| {
            let text = line["text"].as_str().unwrap();
            line["speaker"] == "caller"
                && line["name"] == question
                && ["yes", "yeah"].iter().any(|yes| text.contains(yes))
        };
        assert!(lines.iter().any(is_yes), "{question}: {record:#}");
    }
    assert_eq!(record["transfer"]["leg"]["state"], "answered", "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reaches_no_page_with_a_number_a_name_or_words() {
    let house = House::start(BY_KEYS, "", patient());
    let call = house.recorded("c-browser-viewer", PHONE).await;
    let personal = json!([PHONE, PHONE[3..].to_owned()]);
    let given =
        json!({ "call": call, "personal": personal, "viewer": VIEWER, "operator": OPERATOR });
    house.browse("viewer.mjs", given).await;
    // the operator's look at the number is in the audit log, the viewer's looks at pages that they may not see are not theirs
    let log = house.get("/api/audit?limit=200").await.to_string();
    assert!(
        log.contains("\"unmask\"") && !log.contains(&PHONE[3..]),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_found_by_its_number_in_any_spelling_by_its_ids_and_by_its_outcome() {
    let house = House::start(BY_KEYS, "", patient());
    let (one, stream) = house.begin("c-browser-one", PHONE).await;
    stream.hang_up("c-browser-one").await;
    let (other, mut stream) = house.begin("c-browser-other", OTHER).await;
    let end = house.url(&format!("/api/calls/{other}/hang-up"));
    let ended = house.engine.http().post(end).bearer_auth(ADMIN);
    assert_eq!(ended.send().await.unwrap().status(), 202);
    stream.until_closed().await;
    for call in [&one, &other] {
        house
            .when(&format!("/api/calls/{call}"), |record| {
                record["state"] == "ended"
            })
            .await;
    }
    let given = json!({
        "calls": [{ "id": one, "outcome": "hung-up" }, { "id": other, "outcome": "ended-by-operator" }],
        "spellings": ["+919876594001", "9876594001", "098765 94001", "+91 98765-94001", "c-browser-one"],
    });
    house.browse("search.mjs", given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_from_where_its_picture_or_a_line_is_pressed() {
    let house = House::start(BY_KEYS, "", patient());
    let call = house.recorded("c-browser-heard", PHONE).await;
    house.browse("recording.mjs", json!({ "call": call })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_rolled_back_and_promoted_in_the_console() {
    let house = House::start(BY_KEYS, "", reminder());
    let before = active(&house.get("/api/flows").await);
    let prompts = house.flows.path().join(FLOW).join("prompts/en-IN.ftl");
    let text = fs::read_to_string(&prompts).unwrap();
    fs::write(
        &prompts,
        text.replacen("okay = Okay.", "okay = All right.", 1),
    )
    .unwrap();
    let flows = house
        .when("/api/flows", |flows| active(flows) != before)
        .await;
    let after = active(&flows);
    house
        .browse("flows.mjs", json!({ "before": before, "after": after }))
        .await;
    assert_eq!(active(&house.get("/api/flows").await), after);
}

/// Puts a version into the folder that asks for a tenth of the calls.
async fn with_candidate(house: &House) {
    let manifest = house.flows.path().join(FLOW).join("flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}\n[update]\nweight = 10\n")).unwrap();
    house
        .when("/api/flows", |flows| {
            flows["items"][0]["versions"][0]["state"] == "candidate"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidates_share_is_raised_lowered_and_ends_with_its_promotion() {
    let house = House::start(BY_KEYS, "/bot", reminder());
    with_candidate(&house).await;
    house.browse("share.mjs", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_edited_in_the_page_is_spoken_in_the_next_call_and_a_bad_one_is_refused_with_its_line()
 {
    let house = House::start(BY_KEYS, "/bot", reminder());
    let words = "Good day to you,";
    let found = house.browse("prompts.mjs", json!({ "words": words })).await;
    let path = format!("/api/calls/{}", found["call"].as_str().unwrap());
    let record = house.when(&path, |record| record["state"] == "ended").await;
    let lines = record["transcript"].as_array().unwrap();
    let greeting = lines
        .iter()
        .find(|line| line["name"] == "greeting")
        .unwrap();
    let text = greeting["text"].as_str().unwrap();
    assert!(text.starts_with(words), "{record:#}");
    let flows = house.get("/api/flows").await;
    let versions = flows["items"][0]["versions"].as_array().unwrap();
    let active = versions.iter().find(|version| version["state"] == "active");
    assert_eq!(record["version"], active.unwrap()["id"], "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_replayed_against_a_newer_version_and_goes_on_otherwise() {
    let house = House::start(BY_KEYS, "/bot", patient());
    let call = house.recorded("c-browser-replay", PHONE).await;
    let before = active(&house.get("/api/flows").await);
    let prompts = house.flows.path().join(FLOW).join("prompts/en-IN.ftl");
    let text = fs::read_to_string(&prompts).unwrap();
    let newer = text.replacen("Thank you. I am calling from", "Thanks. I call from", 1);
    fs::write(&prompts, newer).unwrap();
    let flows = house
        .when("/api/flows", |flows| active(flows) != before)
        .await;
    let given = json!({ "call": call, "before": before, "after": active(&flows) });
    house.browse("replay.mjs", given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_listens_in_on_a_live_call_and_hears_both_sides() {
    let house = House::start(BY_KEYS, "/bot", talkative());
    let sid = "c-browser-listen";
    let (call, mut stream) = house.begin(sid, PHONE).await;
    let mut frames = tokio::time::interval(Duration::from_millis(120));
    let speaks = async {
        loop {
            tokio::select! {
                _ = frames.tick() => stream.say(&level_of(sid)).await,
                // the bot's audio is taken, or the call would end
                heard = stream.hear() => assert!(heard.is_some(), "the bot closed the stream"),
            }
        }
    };
    tokio::select! {
        _ = house.browse("listen.mjs", json!({})) => {}
        () = speaks => {}
    }
    stream.hang_up(sid).await;
    house
        .when(&format!("/api/calls/{call}"), |record| {
            record["state"] == "ended"
        })
        .await;
    let log = house.get("/api/audit?limit=200").await.to_string();
    assert!(log.contains("\"listen\""), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_imported_in_the_console_and_a_campaign_is_started_on_it() {
    // nobody answers there: the campaign is started, and comes no further
    let account = account(&free_address(), "");
    let of_server = "public-url = 'https://bot.example.com'\n";
    let house = House::start_with(&account, of_server, "/bot", reminder());
    let list = "S.No.,Mobile,Phone,Customer Name,EMI Amount,Loan No.,Due Date\n\
        1,98765 43210,+914412345678,Ravi Kumar,\"Rs. 12,450/-\",LN-00478213,2030-12-05\n\
        2,98765 43211,+914412345678,Priya Sharma,5000,LN-00478214,2030-12-05\n\
        3,98765 43212,+914412345678,Asha Rao,\"12,4500\",LN-00478215,2030-12-05\n";
    let given =
        json!({ "operator": OPERATOR, "flow": FLOW, "list": list, "number": "98765 43210" });
    house.browse("import.mjs", given).await;
    let lists = house.get("/api/customers").await;
    assert_eq!(lists["items"][0]["customers"], 3, "{lists:#}");
    let campaign = house.get("/api/campaigns/december-2026").await;
    assert_eq!(campaign["state"], "running", "{campaign:#}");
    assert_eq!(campaign["plan"]["limits"]["calls-per-minute"], 30);
    assert!(!house.engine.logs().contains("98765"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_work_on_an_engine_without_tokens() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let list = "Mobile,Customer Name,EMI Amount,Loan No.,Due Date\n9876543210,Ravi Kumar,5000,LN-00478213,2030-12-05\n";
    let given = json!({
        "origin": engine.url(""), "prefix": "", "chromium": chromium(), "tools": tools(), "list": list,
    });
    browse("open.mjs", given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_with_the_keyboard_alone() {
    let house = House::start(BY_KEYS, "", patient());
    let call = house.recorded("c-browser-keys", PHONE).await;
    let given = json!({ "call": call, "phone": PHONE });
    house.browse("keyboard.mjs", given).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_to_its_origin_and_policy_has_no_barriers_and_fits_a_telephone() {
    let house = House::start(BY_KEYS, "/bot", patient());
    let call = house.recorded("c-browser-pages", PHONE).await;
    with_candidate(&house).await;
    house.browse("pages.mjs", json!({ "call": call })).await;
}

/// A campaign that has come some way: its name.
async fn campaign_of(house: &House, exotel: &str) -> String {
    let callers = format!(
        "[[callers]]\nnumbers = ['*1']\ndoes = 'busy'\n[[callers]]\nnumbers = ['*2']\ndoes = 'no-answer'\n{}",
        presses_keys()
    );
    let query = "?token=applet-0123456789";
    let _exotel = Exotel::start_with(&house.engine, exotel, &callers, query);
    let customers: Vec<Value> = (0..24)
        .map(|nth| customer(nth + 2, &number(nth, nth % 4)))
        .collect();
    let list = json!({ "list": "december", "flow": FLOW, "import": "one", "customers": customers });
    let plan = json!({ "hours": { "from": "00:00", "to": "24:00" }, "retry": { "busy": "1d", "no-answer": "1d" } });
    let campaign = json!({ "name": "december-2026", "list": "december", "plan": plan });
    for (path, body) in [
        ("/api/customers", list),
        ("/api/campaigns", campaign),
        ("/api/campaigns/december-2026/start", json!({})),
    ] {
        let post = house.engine.http().post(house.url(path));
        let answer = post.bearer_auth(ADMIN).json(&body).send().await.unwrap();
        let status = answer.status();
        assert!(
            status.is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
    }
    let path = "/api/campaigns/december-2026/progress";
    house.when(path, |progress| progress["dialled"] == 24).await;
    let path = "/api/campaigns/december-2026";
    house
        .when(path, |campaign| campaign["in_progress"] == 0)
        .await;
    "december-2026".to_owned()
}

/// Pictures of every page, with calls of the scenarios: `make screenshots`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes pictures for docs/: `make screenshots`"]
async fn screenshots() {
    let folder = PathBuf::from(std::env::var_os(SCREENSHOTS).expect("a folder in SCREENSHOTS"));
    let flows = tempfile::tempdir().unwrap();
    let mut copy = std::process::Command::new("cp");
    copy.arg("-r").arg(root().join("flows/.")).arg(flows.path());
    assert!(copy.status().unwrap().success());
    let exotel = free_address();
    let listen = free_address();
    let of_server = format!("public-url = 'http://{listen}'\n");
    // a recogniser, as callers speak
    let config = account(&exotel, "").replace("recognizer = 'none'\n", "");
    let house = House::listening(listen, &config, &of_server, "", flows);
    let campaign = campaign_of(&house, &exotel).await;
    let play = |names: &[&str]| -> Vec<Playing> {
        let each = names.iter();
        each.map(|name| Playing::begin(&house.engine, &scenario(name)))
            .collect()
    };
    let over = play(&[
        "agrees",
        "declines",
        "wrong-person",
        "tamil-keys",
        "hangs-up-during-emi",
        "appointment-cancels",
    ]);
    for playing in over {
        let report = playing.report();
        assert_eq!(report.code, Some(0), "{report:#?}");
    }
    // of `agrees`
    let found = house.get("/api/calls?phone=9876500001").await;
    let call = found["items"][0]["call_id"].as_str().unwrap().to_owned();
    let path = format!("/api/calls/{call}");
    house
        .when(&path, |record| {
            record["recordings"][0]["state"] == "complete"
        })
        .await;
    let live = ["agrees", "unclear-twice", "hindi-keys", "survey-complains"];
    let playing = play(&live);
    let list = fs::read_to_string(root().join("tests/customers/december.csv")).unwrap();
    let list = list.replacen("PAN,", "Alternative Mobile,", 1);
    let given = json!({
        "call": call, "live": live.len(), "folder": folder, "campaign": campaign, "list": list, "column": "#2 Mobile No.",
    });
    house.browse("screenshots.mjs", given).await;
    drop(playing);
}
