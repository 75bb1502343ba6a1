//! `ghanti replay` as it is built: recorded calls of the shipped flow against it and against
//! changed copies, and the exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{parts_of_emi_reminder, program, root};
use ghanti_catalogue::FlowFiles;
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, ScriptedCaller};
use ghanti_model::{
    CallFacts, CallId, CallRecord, CallSid, CallState, Direction, Extent, FlowName, Function,
    Language, Line, Masked, Reply, Speaker,
};
use ghanti_store::{CallRecords, SqlRecords};
use serde_json::json;
use tempfile::TempDir;

const FIELDS: [(&str, &str); 5] = [
    ("name", "Ravi Kumar"),
    ("loan", "LN00478213"),
    ("amount", "12,500"),
    ("due-date", "2026-11-30"),
    ("state", "unknown"),
];
const DISCLOSURE: &str = "disclosure = Please note:";
/// 2026-11-20 in the morning, in milliseconds since 1970.
const BEGAN_MS: u64 = 1_795_145_400_000;

/// What a run of the program showed.
#[derive(Debug)]
struct Shown {
    code: Option<i32>,
    out: String,
    error: String,
}

/// A folder with recorded calls.
struct House {
    folder: TempDir,
    version: FlowVersion,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 2,
            ..EngineSettings::default()
        })
        .unwrap();
        let files = FlowFiles::new(engine, folder.path().join("data/components"), Vec::new());
        let version = files
            .load(
                FlowName::parse("emi-reminder").unwrap(),
                &root().join("flows/emi-reminder"),
                None,
            )
            .await
            .unwrap();
        Self { folder, version }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn records(&self) -> SqlRecords {
        SqlRecords::open(None, &self.path("data")).await.unwrap()
    }

    async fn save(&self, records: &[CallRecord]) {
        let store = self.records().await;
        for record in records {
            store.import(record).await.unwrap();
        }
        store.close().await;
    }

    /// The record of a call with this caller, as a live call leaves it.
    async fn call(&self, made: u64, caller: ScriptedCaller) -> CallRecord {
        let call_id = CallId::generate();
        let facts = CallFacts {
            call_id,
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: None,
            line_number: None,
            language: Language::english(),
            parameters: Vec::new(),
        };
        let caller = caller.with_facts(facts);
        let (scripted, journal) = (caller.scripted(), self.version.journal(call_id));
        self.version.run(Box::new(caller), journal.clone()).await;
        let scripted = scripted.lock().unwrap();
        let mut record = CallRecord::new(call_id, made);
        record.state = CallState::Ended;
        record.call_sid = CallSid::parse(format!("sid-{call_id}")).ok();
        record.flow = Some(self.version.name.clone());
        record.version = Some(self.version.id.clone());
        record.outcome = scripted.outcome.clone().or(Some("hung-up".to_owned()));
        record.started_ms = Some(made);
        record.journal = Some(journal.snapshot());
        record.transcript = said(&scripted.templates());
        record
    }

    fn replay(&self, arguments: &[&str]) -> Shown {
        let mut command = program();
        command
            .arg("replay")
            .args(arguments)
            .arg("--data")
            .arg(self.path("data"));
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Shown {
            code: output.status.code(),
            out: text(output.stdout),
            error: text(output.stderr),
        }
    }

    /// A copy of the shipped flow with one file changed.
    fn changed(&self, name: &str, file: &str, from: &str, to: &str) -> String {
        let (shipped, copy) = (
            root().join("flows/emi-reminder"),
            self.path(name).join("emi-reminder"),
        );
        fs::create_dir_all(copy.join("prompts")).unwrap();
        for part in &parts_of_emi_reminder() {
            fs::copy(shipped.join(part), copy.join(part)).unwrap();
        }
        let text = fs::read_to_string(copy.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(copy.join(file), text.replace(from, to)).unwrap();
        copy.display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }
}

/// The transcript's lines of the prompts without arguments, whose words stand in the prompt file as
/// they are spoken.
fn said(templates: &[&str]) -> Vec<Line> {
    let file = fs::read_to_string(root().join("flows/emi-reminder/prompts/en-IN.ftl")).unwrap();
    let words = |name: &str| {
        file.lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = ")))
            .filter(|words| !words.contains('{'))
    };
    let line = |name: &&str| {
        let text = words(name)?.into();
        let (language, heard) = (Language::english(), Some(Extent::Whole));
        Some(Line {
            at_ms: 0,
            lasted_ms: 1_000,
            speaker: Speaker::Bot,
            text,
            language,
            name: (*name).to_owned(),
            heard,
            confidence: None,
        })
    };
    templates.iter().filter_map(line).collect()
}

fn ravi() -> ScriptedCaller {
    ScriptedCaller::new(FIELDS)
}

fn says(id: &str) -> Reply {
    Reply::Choice(id.to_owned())
}

fn agreeing() -> ScriptedCaller {
    ravi()
        .answer("identity", says("yes"))
        .answer("transfer", says("yes"))
}

fn unclear() -> ScriptedCaller {
    ravi()
        .answer("identity", says("yes"))
        .answer("transfer", Reply::NoMatch)
}

/// Every way through the shipped script.
fn paths() -> Vec<ScriptedCaller> {
    let known = || ravi().answer("identity", says("yes"));
    vec![
        agreeing(),
        known().answer("transfer", says("no")),
        known().answer("transfer", says("agent")),
        known()
            .answer("transfer", says("repeat"))
            .answer("transfer", says("no")),
        unclear(),
        known(),
        known().hang_up_at("transfer"),
        ravi().answer("identity", says("no")),
        ravi().answer("identity", says("wrong-person")),
        ravi().answer("identity", says("later")),
        ravi()
            .answer("identity", says("who"))
            .answer("identity", says("yes"))
            .answer("transfer", says("no")),
        ravi().answer("identity", Reply::NoMatch),
        ravi().hang_up_at("identity"),
        ravi(),
        ScriptedCaller::new([("name", "Ravi Kumar")]),
    ]
}

#[tokio::test]
async fn every_path_replays_without_a_difference_and_leaves_everything_as_it_was() {
    let house = House::new().await;
    let mut calls = Vec::new();
    for (made, caller) in (BEGAN_MS..).zip(paths()) {
        calls.push(house.call(made, caller).await);
    }
    house.save(&calls).await;
    let shown = house.replay(&["--all"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.out.starts_with("15 calls replayed in ")
            && shown.out.contains(": 15 without a difference, 0 with"),
        "{shown:?}"
    );
    for call in &calls {
        let shown = house.replay(&[&call.call_id.to_string()]);
        assert_eq!(
            (shown.code, shown.out.contains("against the same version")),
            (Some(0), true),
            "{shown:?}"
        );
        assert!(shown.out.ends_with("no difference\n"), "{shown:?}");
    }
    calls.reverse();
    // the newest records come without their journals, which may be large
    for call in &mut calls {
        call.journal = None;
    }
    assert_eq!(house.records().await.newest(100).await.unwrap(), calls);
    let mut left: Vec<_> = fs::read_dir(house.path("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.retain(|name| !name.to_string_lossy().starts_with("ghanti.db"));
    assert_eq!(left, ["components"]);
}

#[tokio::test]
async fn a_replay_shows_what_would_be_said_and_decided() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    house.save(std::slice::from_ref(&call)).await;
    let shown = house
        .replay(&[call.call_sid.as_ref().unwrap().as_str()])
        .out;
    let expected = [
        "Am I speaking with Ravi Kumar?  [greeting en-IN]",
        "caller   yes  [identity]",
        "decides  establish identity",
        "ending in eight, two, one, three. Your EMI of twelve thousand five hundred rupees is due on thirtieth of November",
        "decides  transfer default",
        "decides  outcome transferred",
    ];
    let places: Vec<_> = expected
        .iter()
        .map(|words| {
            shown
                .find(words)
                .unwrap_or_else(|| panic!("no `{words}` in:\n{shown}"))
        })
        .collect();
    assert!(places.is_sorted(), "{shown}");
}

#[tokio::test]
async fn a_changed_prompt_is_wording_and_with_another_figure_an_amount() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    house.save(std::slice::from_ref(&call)).await;
    let id = call.call_id.to_string();
    let wording = house.changed(
        "wording",
        "prompts/en-IN.ftl",
        DISCLOSURE,
        "disclosure = Please mind:",
    );
    let shown = house.replay(&[&id, "--flow", &wording]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(
        shown.out.contains("wording at entry")
            && shown.out.contains("recorded  “Please note: ")
            && shown.out.contains("now       “Please mind: ")
    );
    let tolerated = house.replay(&[&id, "--flow", &wording, "--tolerate", "wording"]);
    assert_eq!(
        (
            tolerated.code,
            tolerated.out.contains("disclosure in en-IN, tolerated")
        ),
        (Some(0), true),
        "{tolerated:?}"
    );

    let fee = house.changed(
        "fee",
        "prompts/en-IN.ftl",
        DISCLOSURE,
        "disclosure = A fee of 500 rupees applies. Please note:",
    );
    let shown = house.replay(&[&id, "--flow", &fee, "--tolerate", "wording"]);
    assert_eq!(
        (shown.code, shown.out.contains("amounts at entry")),
        (Some(1), true),
        "{shown:?}"
    );
}

#[tokio::test]
async fn another_amount_is_reported_first_with_both_sides_and_where_it_stands() {
    let house = House::new().await;
    let mut call = house.call(BEGAN_MS, agreeing()).await;
    let entries = &mut call.journal.as_mut().unwrap().entries;
    let emi = entries
        .iter_mut()
        .find(|entry| entry.function == Function::Ask && entry.arguments["name"] == "emi-details")
        .unwrap();
    for argument in emi.arguments["prompt"]["content"]["value"]["arguments"]
        .as_array_mut()
        .unwrap()
    {
        match argument["name"].as_str().unwrap() {
            "amount" => argument["value"]["value"]["minor"] = json!(990_000),
            "due-date" => argument["value"]["value"] = json!("2026-12-05"),
            _ => {}
        }
    }
    // as an earlier version said it
    call.transcript.push(Line {
        at_ms: 0,
        lasted_ms: 1_000,
        speaker: Speaker::Bot,
        text: Masked::new("Your kist of nine thousand nine hundred rupees is due."),
        language: Language::english(),
        name: "emi-details".to_owned(),
        heard: Some(Extent::Whole),
        confidence: None,
    });
    house.save(std::slice::from_ref(&call)).await;
    let wording = house.changed(
        "wording",
        "prompts/en-IN.ftl",
        DISCLOSURE,
        "disclosure = Please mind:",
    );
    let shown = house.replay(&[&call.call_id.to_string(), "--flow", &wording]);
    assert_eq!(shown.code, Some(1));
    let (amounts, wording) = (
        shown.out.find("amounts at entry").unwrap(),
        shown.out.find("wording at entry").unwrap(),
    );
    assert!(amounts < wording, "{}", shown.out);
    for words in [
        "Your kist of nine thousand nine hundred rupees is due.",
        "EMI of twelve thousand five hundred rupees",
        "990000, now 1250000",
    ] {
        assert!(shown.out.contains(words), "no `{words}` in:\n{}", shown.out);
    }
}

#[tokio::test]
async fn a_changed_setting_is_a_changed_decision() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, unclear()).await;
    house.save(std::slice::from_ref(&call)).await;
    let polite = house.changed(
        "polite",
        "flow.toml",
        "unclear = \"transfer\"",
        "unclear = \"goodbye\"",
    );
    let shown = house.replay(&[&call.call_id.to_string(), "--flow", &polite]);
    assert_eq!(
        (shown.code, shown.out.contains("decisions at entry")),
        (Some(1), true),
        "{shown:?}"
    );
    assert!(shown.out.contains("unclear"), "{shown:?}");
}

#[tokio::test]
async fn a_rule_that_forbids_what_was_said_is_a_decision_reported_with_its_reason() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    house.save(std::slice::from_ref(&call)).await;
    let strict = house.changed(
        "strict",
        "flow.toml",
        "emi-details = { requires = [\"identity\"]",
        "emi-details = { requires = [\"heard:disclosure\"]",
    );
    let shown = house.replay(&[&call.call_id.to_string(), "--flow", &strict]);
    assert_eq!(
        (shown.code, shown.out.contains("decisions at entry")),
        (Some(1), true),
        "{shown:?}"
    );
    assert!(shown.out.contains("this version refuses it: refused: `emi-details` may be spoken only after heard:disclosure"), "{shown:?}");
}

#[tokio::test]
async fn another_component_is_tried_with_the_files_of_the_flow_it_replaces() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    house.save(std::slice::from_ref(&call)).await;
    let hasty = root().join("plugins/target/fixtures/emi-before-identity.wasm");
    let shown = house.replay(&[
        &call.call_id.to_string(),
        "--flow",
        &hasty.display().to_string(),
    ]);
    assert_eq!(
        (shown.code, shown.out.contains("structure at entry")),
        (Some(1), true),
        "{shown:?}"
    );
    assert!(
        shown.out.contains("recorded  now") && shown.out.contains("now       say emi-details"),
        "{shown:?}"
    );
    // the record goes no further, so that no tolerance makes it the same call
    let tolerated = house.replay(&[
        &call.call_id.to_string(),
        "--flow",
        &hasty.display().to_string(),
        "--tolerate",
        "wording,amounts",
    ]);
    assert_eq!(tolerated.code, Some(1));
}

#[tokio::test]
async fn a_sweep_sums_up_the_differences_by_kind_the_gravest_first() {
    let house = House::new().await;
    let mut calls = Vec::new();
    for made in 0..40 {
        calls.push(
            house
                .call(
                    BEGAN_MS + made,
                    if made % 4 == 0 { unclear() } else { agreeing() },
                )
                .await,
        );
    }
    let mut other = house.call(BEGAN_MS + 50, agreeing()).await;
    other.journal.as_mut().unwrap().header.flow = FlowName::parse("another").unwrap();
    calls.extend([
        other,
        CallRecord::new(CallId::generate(), BEGAN_MS + 51),
        house.call(BEGAN_MS - 86_400_000 * 3, agreeing()).await,
    ]);
    house.save(&calls).await;

    let copy = house.changed(
        "both",
        "flow.toml",
        "unclear = \"transfer\"",
        "unclear = \"goodbye\"",
    );
    let prompts = Path::new(&copy).join("prompts/en-IN.ftl");
    fs::write(
        &prompts,
        fs::read_to_string(&prompts)
            .unwrap()
            .replace(DISCLOSURE, "disclosure = Please mind:"),
    )
    .unwrap();
    let shown = house.replay(&["--all", "--since", "2026-11-20", "--flow", &copy]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.out.starts_with("40 calls replayed in "), "{shown:?}");
    let at = |words: &str| {
        shown
            .out
            .find(words)
            .unwrap_or_else(|| panic!("no `{words}` in:\n{}", shown.out))
    };
    assert!(
        at("decisions: the gravest difference of 10 calls")
            < at("wording: the gravest difference of 30 calls")
    );
    at("40  words of disclosure in en-IN");
    at("without a journal or of other flows: 2");

    let tolerated = house.replay(&[
        "--all",
        "--since",
        "2026-11-20",
        "--flow",
        &copy,
        "--tolerate",
        "wording",
        "--tolerate",
        "decisions",
    ]);
    assert_eq!(tolerated.code, Some(0), "{tolerated:?}");
    let own = house.replay(&["--all"]);
    assert_eq!(
        own.code,
        Some(2),
        "a call of a flow that is not there: {own:?}"
    );
    assert!(
        own.out.contains("1 call could not be replayed") && own.out.contains("another"),
        "{own:?}"
    );
}

#[tokio::test]
async fn a_record_that_was_cut_off_with_its_call_is_compared_as_far_as_it_goes() {
    let house = House::new().await;
    let mut call = house.call(BEGAN_MS, agreeing()).await;
    let entries = &mut call.journal.as_mut().unwrap().entries;
    let asked = entries
        .iter()
        .rposition(|entry| entry.function == Function::Ask)
        .unwrap();
    entries.truncate(asked);
    for (outcome, code) in [("engine-stopped", 0), ("transferred", 1)] {
        call.outcome = Some(outcome.to_owned());
        let record = house.file("record.json", &serde_json::to_string(&call).unwrap());
        let shown = house.replay(&[&record]);
        assert_eq!(shown.code, Some(code), "{outcome} {shown:?}");
        assert_eq!(
            shown.out.contains("recorded  the record ends here"),
            code == 1,
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn a_file_holds_a_journal_or_a_whole_record() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    let journal = house.file(
        "journal.json",
        &serde_json::to_string_pretty(call.journal.as_ref().unwrap()).unwrap(),
    );
    let record = house.file("record.json", &serde_json::to_string_pretty(&call).unwrap());
    for file in [&journal, &record] {
        let shown = house.replay(&[file]);
        assert_eq!(
            (shown.code, shown.out.contains("no difference")),
            (Some(0), true),
            "{shown:?}"
        );
    }
    let wording = house.changed(
        "wording",
        "prompts/en-IN.ftl",
        DISCLOSURE,
        "disclosure = Please mind:",
    );
    assert_eq!(house.replay(&[&record, "--flow", &wording]).code, Some(1));
    let blind = house.replay(&[&journal, "--flow", &wording]);
    assert_eq!(
        (
            blind.code,
            blind
                .out
                .contains("whether the prompt files changed was not looked at")
        ),
        (Some(0), true),
        "{blind:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_replayed_is_reported_with_code_2() {
    let house = House::new().await;
    let call = house.call(BEGAN_MS, agreeing()).await;
    let mut later = serde_json::to_value(call.journal.as_ref().unwrap()).unwrap();
    later["header"]["format"] = json!(2);
    later["entries"][0]["function"] = json!("sing");
    let later = house.file("later.json", &later.to_string());
    let null = house.file("null.json", "null\n");
    let text = house.file("text.json", "Ravi Kumar");
    let other = house.file("other.json", "{\"ravi\": 1}");
    let missing = house.path("nowhere").display().to_string();
    let journal = house.file(
        "journal.json",
        &serde_json::to_string(call.journal.as_ref().unwrap()).unwrap(),
    );
    for (arguments, words) in [
        (
            vec![later.as_str()],
            "the journal has format 2 and this engine reads format 1",
        ),
        (vec![&null], "has no journal"),
        (vec![&text], "it is no JSON"),
        (vec![&other], "it is no journal"),
        (vec!["no/such/file.json"], "neither a file nor an id"),
        (
            vec!["01a2051d-c86e-761f-b4cc-970c222ac416"],
            "there are no call records in",
        ),
        (vec![&journal, "--flow", &missing], "nowhere"),
        (vec!["--all"], "there are no call records in"),
        (
            vec!["--all", "--since", "yesterday"],
            "`yesterday` is no time",
        ),
        (
            vec![&journal, "--tolerate", "everything"],
            "`everything` is no kind of difference",
        ),
        (vec![], "<CALL>"),
    ] {
        let shown = house.replay(&arguments);
        assert_eq!(
            (shown.code, shown.out.as_str()),
            (Some(2), ""),
            "{arguments:?} {shown:?}"
        );
        assert!(shown.error.contains(words), "{arguments:?} {shown:?}");
        assert!(!shown.error.contains("Ravi"), "{shown:?}");
    }
    house.save(&[]).await;
    let unknown = house.replay(&["01a2051d-c86e-761f-b4cc-970c222ac416"]);
    assert!(
        unknown
            .error
            .contains("there is no call `01a2051d-c86e-761f-b4cc-970c222ac416`"),
        "{unknown:?}"
    );
    assert_eq!(
        house.replay(&["--all"]).code,
        Some(0),
        "no call, no difference"
    );
}
