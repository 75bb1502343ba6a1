//! The replay gate of the built program: recorded calls of the shipped flow stand in the way of a
//! candidate that would hold them otherwise.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Engine, Setup, parts_of_emi_reminder, root};
use ghanti_catalogue::FlowFiles;
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, ScriptedCaller};
use ghanti_model::{
    CallFacts, CallId, CallRecord, CallState, Content, Direction, Extent, FlowName, Language, Line,
    Reply, Speaker, VersionId,
};
use ghanti_store::{CallRecords, SqlRecords};
use ghanti_test_servers::PostgresServer;
use serde_json::Value;
use tempfile::TempDir;

const FIELDS: [(&str, &str); 4] = [
    ("name", "Ravi Kumar"),
    ("loan", "LN00478213"),
    ("amount", "12,500"),
    ("due-date", "2026-11-30"),
];
const GATE: &str = "\n[replay]\ngate = { calls = 20, kinds = ['amounts', 'decisions'] }\n";
/// Each step takes a second; under load more.
const BOUND: Duration = Duration::from_secs(180);

/// The shipped flow with a gate, in a folder beside recorded calls.
struct House {
    folder: TempDir,
    shipped: Arc<FlowVersion>,
    database: Option<String>,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("data")).unwrap();
        fs::create_dir_all(path("flows/emi-reminder/prompts")).unwrap();
        let original = root().join("flows/emi-reminder");
        for file in &parts_of_emi_reminder() {
            fs::copy(original.join(file), path("flows/emi-reminder").join(file)).unwrap();
        }
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 2,
            ..EngineSettings::default()
        })
        .unwrap();
        let files = FlowFiles::new(engine, path("data/components"), Vec::new());
        let shipped = Arc::new(
            files
                .load(FlowName::parse("emi-reminder").unwrap(), &original, None)
                .await
                .unwrap(),
        );
        let house = Self {
            folder,
            shipped,
            database: None,
        };
        house.change("flow.toml", "", GATE);
        house
    }

    fn file(&self, file: &str) -> PathBuf {
        self.folder.path().join("flows/emi-reminder").join(file)
    }

    /// Puts one text in another's place; at the end of the file where there is none to replace.
    fn change(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(
            self.file(file),
            if from.is_empty() {
                text + to
            } else {
                text.replace(from, to)
            },
        )
        .unwrap();
    }

    fn start(&self) -> Engine {
        let database = self
            .database
            .as_ref()
            .map(|url| format!("[stores]\ndatabase-url = '{url}'\n"))
            .unwrap_or_default();
        Setup::new(format!("[speech]\nrecognizer = 'none'\n{database}"))
            .flows(self.folder.path().join("flows"))
            .data(self.folder.path().join("data"))
            .start()
    }

    /// Records a call, as a live one would be; on another version where one is named.
    async fn record(&self, caller: ScriptedCaller, version: Option<&str>) -> CallId {
        let call_id = CallId::generate();
        let language = Language::english();
        let facts = CallFacts {
            call_id,
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: None,
            line_number: None,
            language: language.clone(),
            parameters: Vec::new(),
        };
        let caller = caller.with_facts(facts);
        let (scripted, journal) = (caller.scripted(), self.shipped.journal(call_id));
        self.shipped.run(Box::new(caller), journal.clone()).await;
        let scripted = scripted.lock().unwrap().clone();
        let mut journal = journal.snapshot();
        let mut record = CallRecord::new(call_id, 1);
        record.state = CallState::Ended;
        record.flow = Some(self.shipped.name.clone());
        record.version = Some(version.map_or(self.shipped.id.clone(), |version| {
            VersionId::parse(version).unwrap()
        }));
        journal.header.version = record.version.clone().unwrap();
        record.outcome = scripted.outcome.clone().or(Some("hung-up".to_owned()));
        let today = time_of(journal.header.began_ms.unwrap());
        record.transcript = scripted
            .said
            .iter()
            .filter_map(|prompt| {
                let Content::Template(template) = &prompt.content else {
                    return None;
                };
                let text = self
                    .shipped
                    .prompts
                    .render(template, &language, today)
                    .unwrap()
                    .into();
                let (language, heard, name) =
                    (language.clone(), Some(Extent::Whole), template.name.clone());
                Some(Line {
                    at_ms: 0,
                    lasted_ms: 1_000,
                    speaker: Speaker::Bot,
                    text,
                    language,
                    name,
                    heard,
                    confidence: None,
                })
            })
            .collect();
        record.journal = Some(journal);
        let records = SqlRecords::open(self.database.as_deref(), &self.folder.path().join("data"))
            .await
            .unwrap();
        records.import(&record).await.unwrap();
        records.close().await;
        call_id
    }
}

fn time_of(unix_ms: u64) -> time::Date {
    time::OffsetDateTime::from_unix_timestamp(i64::try_from(unix_ms / 1_000).unwrap() + 330 * 60)
        .unwrap()
        .date()
}

fn says(id: &str) -> Reply {
    Reply::Choice(id.to_owned())
}

fn agreeing() -> ScriptedCaller {
    ScriptedCaller::new(FIELDS)
        .answer("identity", says("yes"))
        .answer("transfer", says("yes"))
}

fn unclear() -> ScriptedCaller {
    ScriptedCaller::new(FIELDS)
        .answer("identity", says("yes"))
        .answer("transfer", Reply::NoMatch)
}

fn wrong_person() -> ScriptedCaller {
    ScriptedCaller::new(FIELDS).answer("identity", says("no"))
}

/// What `GET /api/flows` says of the flow.
async fn state(engine: &Engine) -> Value {
    let reported: Value = engine
        .http()
        .get(engine.url("/api/flows"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    reported["items"][0].clone()
}

fn active(state: &Value) -> Option<String> {
    let active = state["versions"]
        .as_array()?
        .iter()
        .find(|version| version["state"] == "active")?;
    active["id"].as_str().map(str::to_owned)
}

async fn until(engine: &Engine, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    let given_up = Instant::now() + BOUND;
    loop {
        let state = state(engine).await;
        if so(&state) {
            return state;
        }
        assert!(
            Instant::now() < given_up,
            "never {what}: {state:#}\n{}",
            engine.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The candidate is rejected by the gate; nothing of the customer is in what is reported.
async fn rejected(engine: &Engine, words: &[&str]) -> Value {
    let before = active(&state(engine).await);
    let has = |reported: &Value| {
        words.iter().all(|words| {
            reported["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains(words))
        })
    };
    let state = until(engine, words[0], |state| has(&state["rejected"][0])).await;
    let reported = &state["rejected"][0];
    assert_eq!(
        (reported["step"].as_str(), active(&state)),
        (Some("replay"), before),
        "{state:#}"
    );
    for personal in ["Ravi", "8213", "12,500", "12500", "1250000"] {
        assert!(
            !tells(&reported.to_string(), personal) && !tells(&engine.logs(), personal),
            "`{personal}` is told: {reported:#}"
        );
    }
    reported.clone()
}

/// Whether these characters stand in the text, but for ids, hashes and times, which have any digits in
/// them.
fn tells(text: &str, personal: &str) -> bool {
    let is_of_word = |char: char| char.is_alphanumeric() || "-:.".contains(char);
    let by_chance = |word: &&str| word.len() >= 30 || word.len() >= 20 && word.ends_with('Z');
    let words = text.split(|char| !is_of_word(char)).filter(by_chance);
    let told = words.fold(text.to_owned(), |told, word| told.replace(word, ""));
    told.contains(personal)
}

async fn published(engine: &Engine, before: &str) -> String {
    active(
        &until(engine, "another version", |state| {
            active(state).is_some_and(|id| id != before)
        })
        .await,
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_amounts_or_decisions_of_recorded_calls_takes_no_calls() {
    let house = House::new().await;
    for caller in [agreeing(), wrong_person()] {
        house.record(caller, None).await;
    }
    let unclear = house.record(unclear(), None).await;
    let engine = house.start();
    let first =
        active(&state(&engine).await).expect("the gate lets the unchanged conversation pass");
    assert!(
        engine.logs().contains("recorded calls come out the same"),
        "{}",
        engine.logs()
    );
    assert!(
        engine.logs().contains("calls=3 asked_for=20"),
        "{}",
        engine.logs()
    );

    // other words are not what this gate minds
    house.change(
        "prompts/en-IN.ftl",
        "Please wait while I connect you",
        "Please hold on while I connect you",
    );
    let second = published(&engine, &first).await;

    // the amount is said no more, by the prompt file alone
    house.change(
        "prompts/en-IN.ftl",
        "Your EMI of { $amount } is due",
        "Your EMI is due",
    );
    rejected(
        &engine,
        &[
            "(amounts): expected the words of `emi-details` in en-IN",
            "got other words of this version's prompt file",
        ],
    )
    .await;
    house.change(
        "prompts/en-IN.ftl",
        "Your EMI is due",
        "Your EMI of { $amount } is due",
    );

    // a caller who was put through would be bidden goodbye: the record does not say what follows
    house.change(
        "flow.toml",
        "unclear = \"transfer\"",
        "unclear = \"goodbye\"",
    );
    let reported = rejected(&engine, &[&unclear.to_string(), "its replay ends there"]).await;
    assert!(
        reported["hint"]
            .as_str()
            .unwrap()
            .contains(&format!("ghanti replay {unclear}")),
        "{reported:#}"
    );

    // the version of an author who means it asks for no gate
    house.change("flow.toml", GATE, "\n");
    published(&engine, &second).await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_held_calls_needs_no_gate_when_the_engine_starts_again() {
    let house = House::new().await;
    let mut engine = house.start();
    let version = active(&state(&engine).await).expect("without recorded calls the gate is open");
    assert!(
        engine.logs().contains("calls=0 asked_for=20"),
        "{}",
        engine.logs()
    );
    // a call of another version that this one would hold otherwise
    house.change(
        "flow.toml",
        "unclear = \"transfer\"",
        "unclear = \"goodbye\"",
    );
    let changed = published(&engine, &version).await;
    house.record(wrong_person(), Some(&changed)).await;
    house.record(unclear(), None).await;
    engine.start_again();
    assert_eq!(active(&state(&engine).await), Some(changed));
    assert!(
        engine.logs().contains("calls ran on this version before"),
        "{}",
        engine.logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_store_is_away_stays_shut_until_it_is_back() {
    let mut postgres = PostgresServer::start();
    let mut house = House::new().await;
    house.database = Some(postgres.create_database("gates"));
    house.record(agreeing(), None).await;
    let engine = house.start();
    let first = active(&state(&engine).await).unwrap();
    postgres.kill();
    house.change(
        "prompts/en-IN.ftl",
        "Please wait while I connect you",
        "Please hold on while I connect you",
    );
    let reported = rejected(
        &engine,
        &["the recorded calls cannot be replayed", "PostgreSQL"],
    )
    .await;
    assert!(
        reported["hint"]
            .as_str()
            .unwrap()
            .contains("POST /api/flows/reload"),
        "{reported:#}"
    );
    postgres.restart();
    let given_up = Instant::now() + BOUND;
    while active(&state(&engine).await).as_ref() == Some(&first) {
        assert!(Instant::now() < given_up, "{:#}", state(&engine).await);
        engine
            .http()
            .post(engine.url("/api/flows/reload"))
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_flows_hold_their_own_tests() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'").start();
    let reported: Value = engine
        .http()
        .get(engine.url("/api/flows"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let flows = reported["items"].as_array().unwrap();
    assert_eq!(flows.len(), 3, "{reported:#}");
    let logs = fs::read_to_string(engine.house().join("logs/application.log")).unwrap();
    for flow in flows {
        assert!(
            active(flow).is_some() && flow["rejected"].as_array().unwrap().is_empty(),
            "{flow:#}"
        );
        let name = flow["name"].as_str().unwrap();
        let own = fs::read_dir(root().join("plugins").join(name).join("tests"))
            .unwrap()
            .count();
        let held = |line: &&str| {
            line.contains("the flow's own tests hold")
                && line.contains(name)
                && line.ends_with(&format!("tests={own}"))
        };
        assert!(
            logs.lines().any(|line| held(&line)),
            "{name}, {own}: run `make flows`\n{logs}"
        );
    }
    assert!(
        !logs.contains("flow log"),
        "what a flow logs in its tests is in nobody's way: {logs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_speaks_of_the_loan_too_soon_does_not_hold_the_shipped_tests() {
    let house = House::new().await;
    let tests = house.file("tests");
    fs::create_dir(&tests).unwrap();
    for test in fs::read_dir(root().join("flows/emi-reminder/tests"))
        .unwrap()
        .map(Result::unwrap)
    {
        fs::copy(test.path(), tests.join(test.file_name())).unwrap();
    }
    let engine = house.start();
    let first = active(&state(&engine).await).unwrap();
    let next = house.folder.path().join("next.wasm");
    fs::copy(
        root().join("plugins/target/fixtures/emi-before-identity.wasm"),
        &next,
    )
    .unwrap();
    fs::rename(next, house.file("flow.wasm")).unwrap();
    let state = until(&engine, "rejected", |state| {
        !state["rejected"].as_array().unwrap().is_empty()
    })
    .await;
    let reported = &state["rejected"][0];
    assert_eq!(
        (reported["step"].as_str(), active(&state)),
        (Some("tests"), Some(first)),
        "{reported:#}"
    );
    let reason = reported["reason"].as_str().unwrap();
    for words in [
        "`tests/agrees.toml` line 16: expected the flow to end by itself",
        "`emi-details` may be spoken only after identity",
        "`tests/wrong-person.toml` line 10: ",
    ] {
        assert!(reason.contains(words), "{reported:#}");
    }
    assert!(
        reported["hint"].as_str().unwrap().contains("fix the flow"),
        "{reported:#}"
    );
}
