//! `ghanti flow test`, `check` and `map`: conversations proved without an engine or a phone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{parts_of_emi_reminder, program, root};
use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, Step};
use ghanti_model::FlowName;
use serde_json::Value as Json;
use tempfile::TempDir;

/// A copy of the shipped flow, to be changed.
pub(super) struct Author {
    pub(super) folder: TempDir,
}

impl Author {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let author = Self { folder };
        copy(&root().join("flows/emi-reminder"), &author.flow());
        author
    }

    pub(super) fn flow(&self) -> PathBuf {
        self.folder.path().join("emi-reminder")
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.flow().join(file), text).unwrap();
    }

    pub(super) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.flow().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Puts the component in that tells whoever answers about the loan.
    fn plant_amount_before_identity(&self) {
        let planted = root().join("plugins/target/fixtures/emi-before-identity.wasm");
        fs::remove_file(self.flow().join("flow.wasm")).unwrap();
        fs::copy(planted, self.flow().join("flow.wasm")).unwrap();
        fs::remove_dir_all(self.flow().join("tests")).unwrap();
    }

    pub(super) fn ghanti(&self, arguments: &[&str]) -> Output {
        program()
            .arg("flow")
            .args(arguments)
            .arg(self.flow())
            .arg("--cache")
            .arg(root().join("target/explored"))
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Exit code and standard output.
    pub(super) fn reported(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.ghanti(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().unwrap();
        (
            code,
            format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
        )
    }

    pub(super) fn json(&self, arguments: &[&str]) -> (i32, Json) {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.ghanti(&arguments);
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code().unwrap(), json)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn the_shipped_flow_passes_on_every_path() {
    let author = Author::new();
    let (code, reported) = author.json(&["test"]);
    assert_eq!(code, 0, "{reported:#}");
    let flow = &reported["flows"][0];
    assert_eq!(flow["findings"], Json::Array(Vec::new()), "{reported:#}");
    assert_eq!(flow["tests"].as_array().unwrap().len(), 6);
    let explored = &flow["explored"];
    assert_eq!(explored["whole"], true, "{explored:#}");
    let paths = |level: usize| explored["levels"][level]["paths"].as_u64().unwrap();
    assert!(paths(0) > 100 && paths(1) > paths(0), "{explored:#}");
    assert_eq!(explored["repeated"].as_u64().unwrap(), paths(0));
}

#[test]
fn a_test_that_fails_is_reported_with_its_line_and_the_conversation() {
    let author = Author::new();
    author.change(
        "tests/declines.toml",
        "outcome = \"declined\"",
        "outcome = \"sold\"\nwording = { emi-details = \"thirteen rupees\" }\nvalues = { emi-details = { amount = \"12500\" } }\nasked = [\"identity\"]",
    );
    let (code, reported) = author.reported(&["test", "--only-written", "--filter", "declines"]);
    assert_eq!(code, 1, "{reported}");
    for words in [
        "FAIL  declines",
        "expected the outcome `sold`; got `declined`",
        "expected `emi-details` to say “thirteen rupees”; got: “Thank you.",
        "expected to be asked: `identity`; got `identity`, `emi-details`",
        "bot     Hello, this is Asha",
        "caller  yes",
        "1 test, 1 failed",
    ] {
        assert!(reported.contains(words), "`{words}`: {reported}");
    }
    assert!(
        !reported.contains("with `amount`"),
        "the value is right: {reported}"
    );
    let (code, _) = author.reported(&["test", "--only-written", "--filter", "agrees"]);
    assert_eq!(code, 0, "the others pass");
}

#[test]
fn a_customer_whom_the_flow_cannot_read_is_told_with_the_line() {
    let author = Author::new();
    author.write(
        "tests/incomplete.toml",
        "[customer]\nname = \"Ravi Kumar\"\nloan = \"12\"\ndue-date = \"2026-11-30\"\n\n[[caller]]\nasked = \"identity\"\nsays = \"yes\"\n\n[expect]\noutcome = \"promised\"\n",
    );
    for command in [
        &["test", "--only-written", "--filter", "incomplete"] as &[&str],
        &["check"],
    ] {
        let (code, reported) = author.reported(command);
        assert_eq!(code, 1, "{reported}");
        for words in [
            "the customer's record is incomplete: `amount` is missing: the flow needs it, as money",
            "the customer's record is incomplete: `loan` ",
            "expected the question `identity`; got no further question",
        ] {
            assert!(reported.contains(words), "`{words}`: {reported}");
        }
        assert!(!reported.contains("\"12\""), "{reported}");
    }
    let (_, tested) = author.json(&["test", "--only-written", "--filter", "incomplete"]);
    let complaints = tested["flows"][0]["tests"][0]["complaints"].as_array();
    let line = |field: &str| {
        let mut all = complaints.unwrap().iter();
        let of_field = all.find(|complaint| {
            let reason = complaint["reason"].as_str().unwrap();
            reason.contains(&format!("incomplete: `{field}`"))
        });
        of_field.map(|complaint| complaint["line"].clone())
    };
    assert_eq!(line("amount"), Some(Json::from(1)), "{tested:#}");
    assert_eq!(line("loan"), Some(Json::from(3)), "{tested:#}");

    // what the flow says of an incomplete record may be expected
    author.write(
        "tests/incomplete.toml",
        "[customer]\nname = \"Ravi Kumar\"\n\n[expect]\noutcome = \"incomplete-data\"\nasked = []\n",
    );
    let (code, reported) = author.reported(&["test", "--only-written", "--filter", "incomplete"]);
    assert_eq!(code, 0, "{reported}");

    author.write(
        "tests/incomplete.toml",
        "[customer]\nname = \"Ravi Kumar\"\nlone = \"LN00478213\"\n\n[expect]\noutcome = \"incomplete-data\"\n",
    );
    for command in [&["test", "--only-written"] as &[&str], &["check"]] {
        let (code, reported) = author.reported(command);
        assert!(code != 0, "{reported}");
        for words in [
            "`lone` is no field of `[customer]` in flow.toml",
            "did you mean `loan`?",
        ] {
            assert!(reported.contains(words), "`{words}`: {reported}");
        }
        assert!(
            reported.contains("line 3") || reported.contains("incomplete.toml:3"),
            "{reported}"
        );
    }
}

#[test]
fn the_whole_language_of_tests_is_understood() {
    let author = Author::new();
    author.write(
        "tests/roundabout.toml",
        r#"
[customer]
name = "Ravi Kumar"
loan = "LN00478213"
amount = "12,500"
due-date = "2026-11-30"

[settings]
unclear = "goodbye"
bot-name = "Meera"

[[caller]]
asked = "identity"
first = ["no-input", "no-match"]
says = "yes speaking"
attempts = 3

[[caller]]
asked = "emi-details"
interrupts = true
does = "no-input"

[[caller]]
asked = "disclosure"
does = "no-input"

[[caller]]
asked = "transfer"
does = "no-match"

[expect]
outcome = "unclear"
transfer = false
said = ["greeting", "identity-no-input", "identity-no-match", "goodbye-unclear"]
wording = { greeting = "Meera" }
never-wording = ["Asha"]
call-again = false
milestones = []
"#,
    );
    author.write(
        "tests/no-record.toml",
        "[call]\naway = ['customer']\n[expect]\noutcome = 'incomplete-data'\n",
    );
    author.write(
        "tests/hangs-up.toml",
        "[customer]\nname = 'Ravi Kumar'\nloan = 'LN00478213'\namount = '12,500'\ndue-date = '2026-11-30'\n\
         [[caller]]\nasked = 'identity'\ndoes = 'hang-up'\n[expect]\noutcome = false\nasked = ['identity']\n",
    );
    let (code, reported) = author.reported(&["test", "--only-written"]);
    assert_eq!(code, 0, "{reported}");
    assert!(reported.contains("9 tests, 0 failed"), "{reported}");
}

#[test]
fn a_report_for_ci_has_every_test_and_what_failed() {
    let author = Author::new();
    author.change("tests/declines.toml", "\"declined\"", "\"<sold>\"");
    let report = author.folder.path().join("report.xml");
    let (code, reported) = author.reported(&[
        "test",
        "--only-written",
        "--junit",
        report.to_str().unwrap(),
    ]);
    assert_eq!(code, 1, "{reported}");
    let report = fs::read_to_string(report).unwrap();
    let document = roxmltree::Document::parse(&report).unwrap();
    let suite = document
        .descendants()
        .find(|node| node.has_tag_name("testsuite"))
        .unwrap();
    assert_eq!(
        (suite.attribute("tests"), suite.attribute("failures")),
        (Some("6"), Some("1"))
    );
    let failure = document
        .descendants()
        .find(|node| node.has_tag_name("failure"))
        .unwrap();
    assert!(failure.attribute("message").unwrap().contains("`<sold>`"));
    assert!(failure.text().unwrap().contains("goodbye-declined"));
}

#[test]
fn an_amount_before_identity_is_found_by_the_property_whether_or_not_the_engine_refuses_it() {
    let author = Author::new();
    author.plant_amount_before_identity();
    let (code, reported) = author.reported(&["test"]);
    assert_eq!(code, 1, "{reported}");
    let property =
        "the property “never `emi-details` is said before `identity` is established” does not hold";
    assert!(reported.contains(property), "{reported}");
    assert!(reported.contains("the engine refuses it"), "{reported}");
    // and where no rule holds it up
    author.change(
        "flow.toml",
        "emi-details = { requires = [\"identity\"], milestone",
        "emi-details = { milestone",
    );
    let (code, reported) = author.reported(&["test"]);
    assert_eq!(code, 1, "{reported}");
    assert!(
        reported.contains(property) && !reported.contains("the engine refuses it"),
        "{reported}"
    );
    assert!(
        reported.contains("Your EMI of"),
        "the conversation shows it: {reported}"
    );
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_with_its_place() {
    let author = Author::new();
    author.change("flow.toml", "wait = \"7s\"", "wait = \"7 hours\"");
    author.change("prompts/hi-IN.ftl", "please-wait = ", "please-wate = ");
    author.write("flow.wasm", "not a component");
    let (code, reported) = author.json(&["check"]);
    assert_eq!(code, 1, "{reported:#}");
    let findings = reported["flows"][0]["findings"].as_array().unwrap();
    let of = |file: &str| {
        let found = findings.iter().find(|found| found["file"] == file);
        found.unwrap_or_else(|| panic!("{file}: {reported:#}"))
    };
    assert!(of("flow.toml")["column"].as_u64().unwrap() > 1);
    assert!(
        of("flow.toml")["message"]
            .as_str()
            .unwrap()
            .contains("`wait`")
    );
    assert!(of("prompts/hi-IN.ftl")["hint"].is_string());
    assert!(!of("flow.wasm")["hint"].is_null());
    let (code, reported) = author.reported(&["check"]);
    assert_eq!(code, 1);
    assert!(reported.contains("emi-reminder/flow.toml:"), "{reported}");
}

#[test]
fn what_is_never_reached_is_a_warning_that_may_be_denied() {
    let author = Author::new();
    author.change(
        "flow.toml",
        "[questions.transfer]",
        "[questions.spare]\nprompt = \"please-wait\"\nchoices = [\"yes\"]\n\n[questions.transfer]",
    );
    for file in parts_of_emi_reminder()
        .iter()
        .filter(|part| part.ends_with(".ftl"))
    {
        author.change(
            file,
            "please-wait = ",
            "unused = Nobody hears this.\nplease-wait = ",
        );
    }
    let (code, reported) = author.reported(&["check"]);
    assert_eq!(code, 0, "{reported}");
    for words in [
        "never said: `unused`",
        "so that none of their choices is reached: `spare`",
    ] {
        assert!(reported.contains(words), "`{words}`: {reported}");
    }
    assert_eq!(author.reported(&["check", "--deny-warnings"]).0, 1);
}

#[test]
fn files_that_nobody_reads_and_tests_that_expect_nothing_are_warned_of() {
    let author = Author::new();
    fs::create_dir_all(author.flow().join("audio")).unwrap();
    author.write("tests/more.tml", "");
    author.write("tests/.more.toml.swp", "");
    author.write("tests/nothing.toml", "");
    author.write("audio/hello.mp3", "");
    author.change("flow.toml", ", \"te-IN\"]", "]");
    let (code, reported) = author.reported(&["check"]);
    assert_eq!(code, 0, "{reported}");
    for words in [
        "tests/more.tml: warning (read): this file is not read",
        "audio/hello.mp3: warning (read): this file is not read",
        "prompts/te-IN.ftl: warning (prompts): these prompts are never said: `[flow] languages` does not have `te-IN`",
        "tests/nothing.toml: warning (tests): the test expects nothing",
    ] {
        assert!(reported.contains(words), "`{words}`: {reported}");
    }
    assert!(!reported.contains(".swp"), "{reported}");
}

#[test]
fn a_flow_that_fails_in_a_test_is_told_with_the_line_of_the_last_answer() {
    let author = Author::new();
    author.change(
        "flow.toml",
        "emi-details = { requires = [\"identity\"]",
        "emi-details = { requires = [\"identity\", \"heard:transfer-question\"]",
    );
    let (_, tested) = author.json(&["test", "--only-written", "--filter", "declines"]);
    let complaint = &tested["flows"][0]["tests"][0]["complaints"][0];
    let reason = complaint["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("expected the flow to end by itself")
            && reason.contains("after the question `identity`"),
        "{tested:#}"
    );
    let test = fs::read_to_string(author.flow().join("tests/declines.toml")).unwrap();
    let line = test.lines().position(|line| line == "asked = \"identity\"");
    assert_eq!(
        complaint["line"],
        Json::from(line.unwrap() + 1),
        "{tested:#}"
    );
}

#[test]
fn a_recording_that_is_none_is_told_with_its_path() {
    let author = Author::new();
    fs::create_dir_all(author.flow().join("audio")).unwrap();
    author.write("audio/hello.wav", "no sound");
    let (code, reported) = author.reported(&["check"]);
    assert!(
        code == 1 && reported.contains("`audio/hello.wav` cannot be played: "),
        "{reported}"
    );
}

#[test]
fn the_page_about_tests_says_once_what_a_key_takes() {
    let author = Author::new();
    let output = program()
        .args(["flow", "explain", "tests"])
        .current_dir(author.flow())
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.contains("takes a table for each call: `[[history]]`")
            && !page.contains("takes takes"),
        "{page}"
    );
}

#[test]
fn a_manifest_that_cannot_be_read_is_not_said_to_be_missing() {
    let author = Author::new();
    fs::write(
        author.flow().join("flow.toml"),
        b"[flow]\ntitle = \"\xe9\"\n",
    )
    .unwrap();
    let (code, reported) = author.reported(&["check"]);
    assert_eq!(code, 1, "{reported}");
    assert!(
        reported.contains("is not UTF-8") && !reported.contains("has no `flow.toml`"),
        "{reported}"
    );
}

#[test]
fn an_exploration_that_is_cut_short_says_so() {
    let author = Author::new();
    let (code, reported) = author.reported(&["test", "--runs", "50"]);
    assert_eq!(code, 0, "{reported}");
    assert!(reported.contains("NOT all paths"), "{reported}");
    assert!(
        reported.contains("was cut short: of the paths with 0 disturbances"),
        "{reported}"
    );
    assert!(
        reported.contains("never said on the paths explored: "),
        "{reported}"
    );
}

#[test]
fn a_map_has_every_question_and_every_path_in_each_language() {
    let author = Author::new();
    let (code, reported) = author.reported(&["map", "--disturbances", "0"]);
    assert_eq!(code, 0, "{reported}");
    let read = |file: &str| fs::read_to_string(author.folder.path().join(file)).unwrap();
    let svg = read("map/emi-reminder.svg");
    let drawing = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<_> = drawing
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .collect();
    for question in [
        "identity",
        "emi-details",
        "emi-details-overdue",
        "disclosure",
        "transfer",
    ] {
        assert!(texts.contains(&question), "{texts:?}");
    }
    for end in [
        "wrong-person",
        "incomplete-data",
        "transferred",
        "do-not-call",
    ] {
        assert!(texts.contains(&end), "{end}: {texts:?}");
    }
    let page = read("map/emi-reminder.html");
    for words in [
        "Am I speaking with Ravi Kumar?",
        "क्या मेरी बात Ravi Kumar जी से हो रही है?",
        "class=\"holds\"",
    ] {
        assert!(page.contains(words), "`{words}`");
    }
    assert!(!page.contains("does not hold") && !page.contains("http-equiv"));
    assert!(!page.contains("src="), "nothing is loaded from elsewhere");
}

#[test]
fn a_folder_without_a_flow_is_no_verdict_on_one() {
    let author = Author::new();
    let empty = author.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for command in ["test", "check", "map"] {
        let output = program()
            .args(["flow", command])
            .arg(&empty)
            .current_dir(author.folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {output:?}");
    }
    author.write("flow.wasm", "not a component");
    assert_eq!(author.reported(&["test"]).0, 2);
}

#[tokio::test]
async fn a_version_that_speaks_the_amount_before_identity_is_refused_at_load() {
    let author = Author::new();
    author.change(
        "flow.toml",
        "every-path-ends = true",
        "gate = true\nevery-path-ends = true",
    );
    let engine = FlowEngine::new(&EngineSettings {
        max_calls: 2,
        ..EngineSettings::default()
    })
    .unwrap();
    let components = tempfile::tempdir().unwrap();
    let settings = CatalogueSettings {
        components: components.path().to_owned(),
        ..CatalogueSettings::default()
    };
    // the shipped flow holds its properties
    let (catalogue, rejections) = Catalogue::open(engine, author.folder.path(), settings)
        .await
        .unwrap();
    assert_eq!(rejections, []);
    let name = FlowName::parse("emi-reminder").unwrap();
    let shipped = catalogue.active(&name).unwrap().id.clone();

    author.plant_amount_before_identity();
    let rejections = catalogue.reload().await.unwrap();
    let [rejection] = rejections.as_slice() else {
        panic!("{rejections:?}")
    };
    assert_eq!(rejection.step, Step::Properties, "{rejection}");
    assert!(
        rejection
            .reason
            .contains("never `emi-details` is said before `identity` is established")
            && rejection.reason.contains("on the path"),
        "{rejection}"
    );
    let manifest = fs::read_to_string(author.flow().join("flow.toml")).unwrap();
    let line = rejection.line.unwrap();
    assert!(
        manifest
            .lines()
            .nth(line - 1)
            .unwrap()
            .contains("emi-details"),
        "line {line}"
    );
    assert!(rejection.hint.contains("ghanti flow test"), "{rejection}");
    assert_eq!(
        catalogue.active(&name).unwrap().id,
        shipped,
        "the other goes on"
    );
}

/// A flow of one of the fixtures' components.
pub(super) fn fixture(name: &str, files: &[(&str, &str)]) -> Author {
    let author = Author {
        folder: tempfile::tempdir().unwrap(),
    };
    let component = format!("plugins/target/fixtures/{name}.wasm");
    fs::create_dir_all(author.flow().join("prompts")).unwrap();
    fs::create_dir_all(author.flow().join("tests")).unwrap();
    fs::copy(root().join(component), author.flow().join("flow.wasm")).unwrap();
    for (file, text) in files {
        author.write(file, text);
    }
    author
}

#[test]
fn an_action_answers_as_in_the_tests_and_fails_once_each() {
    let test = "[[actions]]\nname = 'due-amount'\nanswer = { due = 12500 }\n[[actions]]\nname = 'send-link'\nanswer = { sent = true }\n\
        [[actions]]\nname = 'due-amount'\nerror = 'invalid'\n[expect]\noutcome = 'told'\ninvoked = ['due-amount', 'send-link']\n";
    let files = [
        (
            "flow.toml",
            "[grants]\nactions = ['due-amount', 'send-link']\n",
        ),
        ("tests/one.toml", test),
    ];
    let author = fixture("invokes", &files);
    let (code, reported) = author.json(&["test"]);
    assert_eq!(code, 0, "{reported:#}");
    let levels = &reported["flows"][0]["explored"]["levels"];
    assert_eq!(
        (&levels[0]["paths"], &levels[1]["paths"]),
        (&1.into(), &2.into())
    );

    fs::remove_file(author.flow().join("tests/one.toml")).unwrap();
    let (code, reported) = author.reported(&["test"]);
    assert_eq!(code, 0, "{reported}");
    assert!(
        reported.contains("not explored: the action `due-amount` has no example of an answer"),
        "{reported}"
    );
}

#[test]
fn values_are_said_and_keyed_and_all_that_a_flow_tells_can_be_expected() {
    let prompts = "### $amount (money)\n### $value (date)\ndue = Your instalment of { $amount } is due.\nwhen = On which day will you pay?\n\
        read-back = You will pay on { $value }. Is that right?\nhow-many = For how many months?\nthanks = Thank you.\n";
    let manifest = "[settings]\nquestions = 'when how-many'\namount = '1250000'\nmilestone = 'told'\npause = 2000\nagain = '2026-01-10 14:30'\nhistory = 2\n\
        [questions.when]\nexpects = 'date'\nearliest = 'today'\nlatest = 'today+30'\nconfirm = 'read-back'\n\
        [questions.how-many]\nexpects = 'number'\nmin = 1\nmax = 60\n";
    let test = "[[history]]\nat = 2026-01-02T10:00:00+05:30\nflow = 'emi'\noutcome = 'declined'\nnotes = { promise = 'x' }\n\
        [[caller]]\nasked = 'when'\nsays = 'day after tomorrow'\n[[caller]]\nasked = 'when-confirm'\nchoice = 'yes'\n[[caller]]\nasked = 'how-many'\npresses = '12'\n\
        [expect]\noutcome = 'surveyed'\nmilestones = ['told']\ncall-again = 2026-01-10T14:30:00+05:30\nwording = { read-back = 'seventh of january' }\n\
        notes = { earlier = 'emi declined promise' }\nasked = ['when', 'when-confirm', 'how-many']\n";
    let files = [
        ("flow.toml", manifest),
        ("prompts/en-IN.ftl", prompts),
        ("tests/pays.toml", test),
    ];
    let author = fixture("survey", &files);
    let (code, reported) = author.json(&["test"]);
    assert_eq!(code, 0, "{reported:#}");
    assert_eq!(
        reported["flows"][0]["findings"],
        Json::Array(Vec::new()),
        "{reported:#}"
    );
    // said with a yes, keyed, silence, unknown words; and for each of these the same at the other
    let paths = &reported["flows"][0]["explored"]["levels"][0]["paths"];
    assert_eq!(*paths, 16, "{reported:#}");

    author.change("tests/pays.toml", "14:30:00", "14:45:00");
    author.change("tests/pays.toml", "['told']", "['heard']");
    let (code, reported) = author.reported(&["test", "--only-written"]);
    assert_eq!(code, 1);
    for words in [
        "expected another call at 2026-01-10T14:45:00+05:30; got 2026-01-10T14:30:00+05:30",
        "expected the milestones `heard`; got `told`",
        "“day after tomorrow” → 2026-01-07",
    ] {
        assert!(reported.contains(words), "`{words}`: {reported}");
    }
}

#[test]
fn what_is_said_is_compared_with_a_snapshot_where_a_test_asks_for_it() {
    let author = Author::new();
    let test = |arguments: &[&str]| {
        let output = author.ghanti(&[&["test", "--only-written"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    let snapshot = author.flow().join("tests/snapshots/agrees.snap");
    let (code, _) = test(&["--update"]);
    assert!(
        code == Some(0) && !snapshot.exists(),
        "no test asks for one"
    );

    author.change(
        "tests/agrees.toml",
        "[expect]\n",
        "[expect]\nsnapshot = true\n",
    );
    let (code, said) = test(&[]);
    assert!(
        code == Some(1) && said.contains("there is no `tests/snapshots/agrees.snap`"),
        "{said}"
    );
    let (code, said) = test(&["--update"]);
    assert!(
        code == Some(0) && said.contains("wrote tests/snapshots/agrees.snap"),
        "{said}"
    );
    let kept = fs::read_to_string(&snapshot).unwrap();
    assert!(
        kept.contains("bot: ") && kept.contains("[greeting]"),
        "{kept}"
    );
    assert_eq!(test(&[]).0, Some(0), "it says the same again");

    author.change("prompts/en-IN.ftl", "greeting = ", "greeting = Namaste. ");
    let (code, said) = test(&[]);
    assert_eq!(code, Some(1), "{said}");
    for words in ["FAIL  agrees", "-bot: ", "+bot: Namaste. ", "--update"] {
        assert!(said.contains(words), "`{words}` is not in {said}");
    }
    assert_eq!(
        fs::read_to_string(&snapshot).unwrap(),
        kept,
        "nothing is written unasked"
    );
    assert_eq!(test(&["--update"]).0, Some(0));
    assert!(fs::read_to_string(&snapshot).unwrap().contains("Namaste. "));

    author.change("tests/agrees.toml", "snapshot = true\n", "");
    let (code, said) = test(&[]);
    assert!(
        code == Some(0) && said.contains("no test uses tests/snapshots/agrees.snap"),
        "{said}"
    );
    assert!(
        test(&["--update"])
            .1
            .contains("removed tests/snapshots/agrees.snap")
    );
    assert!(!snapshot.exists());
}

#[test]
fn an_end_that_only_a_hang_up_reaches_is_on_the_map() {
    let author = Author::new();
    let output = author.ghanti(&["map", "--out", "map"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let read = |ending: &str| {
        let file = author
            .folder
            .path()
            .join(format!("map/emi-reminder.{ending}"));
        fs::read_to_string(file).unwrap()
    };
    assert!(
        read("svg").contains("class=\"transfer side\""),
        "no end is dashed"
    );
    let page = read("html");
    let (_, listed) = page
        .split_once("Ends reached in a roundabout way alone")
        .unwrap();
    assert!(listed.contains("no outcome, transfer to default") && listed.contains("hangs up"));
}
