//! What is told to an author of what is odd about a flow's files or tests: where it is, one sentence for one thing, and
//! the same by each command.

use std::fs;

use serde_json::Value;

use crate::exploring::Author;
use crate::support::{Engine, Setup, program};

/// The findings of `ghanti flow check`, without those of the exploration.
fn findings(author: &Author) -> Vec<Value> {
    let (_, reported) = author.json(&["check"]);
    let all = reported["flows"][0]["findings"].as_array().unwrap().clone();
    let of_paths = |finding: &Value| finding["step"] == "paths";
    all.into_iter()
        .filter(|finding| !of_paths(finding))
        .collect()
}

/// The one thing that is found: its severity, its file, its line and all that is said.
#[track_caller]
fn only(author: &Author) -> (String, String, Option<u64>, String) {
    let found = findings(author);
    assert_eq!(found.len(), 1, "{found:#?}");
    let text = |key: &str| found[0][key].as_str().unwrap_or_default().to_owned();
    let said = format!("{}; {}", text("message"), text("hint"));
    (
        text("severity"),
        text("file"),
        found[0]["line"].as_u64(),
        said,
    )
}

#[test]
fn a_manifest_that_cannot_be_read_is_one_thing_and_by_the_right_name() {
    let utf_16: Vec<u8> = "\u{feff}[flow]\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (content, reason, hint) in [
        (Some(utf_16), "flow.toml` is UTF-16", "save it as UTF-8"),
        (
            Some(b"# caf\xe9\n".to_vec()),
            "flow.toml` is not UTF-8",
            "save it as UTF-8",
        ),
        (
            Some(vec![b'#'; (1 << 20) + 1]),
            "flow.toml` is larger than 1 MiB",
            "a text that people write",
        ),
        (None, "flow.toml` is a folder", "put a file there"),
    ] {
        let author = Author::new();
        let manifest = author.flow().join("flow.toml");
        fs::remove_file(&manifest).unwrap();
        match content {
            Some(content) => fs::write(&manifest, content).unwrap(),
            None => fs::create_dir(&manifest).unwrap(),
        }
        let (severity, _, _, said) = only(&author);
        assert!(
            severity == "error" && said.contains(reason) && said.contains(hint),
            "{said}"
        );
        // the builder reads it, too
        fs::write(author.flow().join("flow.py"), "").unwrap();
        let built = program()
            .args(["flow", "build"])
            .arg(author.flow())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&built.stderr).into_owned();
        let reason = reason.trim_start_matches("flow.toml` ");
        assert!(told.contains(reason) && told.contains(hint), "{told}");
    }
}

#[test]
fn a_language_without_a_message_is_one_thing() {
    let author = Author::new();
    author.write("prompts/hi-IN.ftl", "");
    let (severity, file, _, said) = only(&author);
    assert_eq!((&*severity, &*file), ("error", "prompts/hi-IN.ftl"));
    assert!(
        said.contains("the file has no message")
            && said.contains("take `hi-IN` out of `[flow] languages`"),
        "{said}"
    );
}

/// A question whose choice is to be said in one of the two languages alone, and agents that are not granted.
const ODD: &str = "\n[questions.again]\nprompt = \"greeting\"\nno-input = []\nchoices = { often = { key = \"1\", phrases = { en-IN = [\"often\"] } }, no = { key = \"2\" } }\n";

#[test]
fn what_is_odd_is_a_warning_of_every_command() {
    let author = Author::new();
    let manifest = fs::read_to_string(author.flow().join("flow.toml")).unwrap();
    author.write("flow.toml", &(manifest + ODD));
    author.write("prompts/as-IN.ftl", "greeting = নমস্কাৰ\n");
    fs::create_dir_all(author.flow().join("audio")).unwrap();
    author.write("audio/hello.mp3", "");
    let warnings = [
        (
            "flow.toml",
            "the choice `often` of the question `again` has no phrases in `hi-IN`, `bn-IN`",
        ),
        (
            "prompts/as-IN.ftl",
            "these prompts are never said: `[flow] languages` does not have `as-IN`",
        ),
    ];
    let found = findings(&author);
    for (file, words) in warnings {
        let is_there = found.iter().any(|finding| {
            finding["severity"] == "warning"
                && finding["file"] == file
                && finding["message"].as_str().unwrap().contains(words)
        });
        assert!(is_there, "{words}: {found:#?}");
    }
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n[server]\ndeploy-flows = true")
        .flows(author.folder.path())
        .start();
    let logs = engine.logs();
    for (_, words) in warnings {
        assert!(logs.contains(words), "{words} is not in {logs}");
    }
    let told = deployed(&engine, &author);
    for words in warnings
        .map(|(_, words)| words)
        .into_iter()
        .chain(["audio/hello.mp3: warning (read): this file is not read"])
    {
        assert!(told.contains(words), "{words} is not in {told}");
    }
}

fn deployed(engine: &Engine, author: &Author) -> String {
    let output = program()
        .args(["flow", "deploy"])
        .arg(author.flow())
        .args(["--url", &engine.url("")])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn agents_after_a_failure_that_nothing_grants_are_a_warning_with_its_line() {
    let author = Author::new();
    let path = author.flow().join("flow.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let without: String = manifest
        .lines()
        .filter(|line| !line.starts_with("default = [") && !line.starts_with("[samples.transfer]"))
        .map(|line| format!("{line}\n"))
        .collect();
    author.write("flow.toml", &without);
    let told = findings(&author);
    let found = told.iter().find(|finding| {
        finding["message"]
            .as_str()
            .unwrap()
            .contains("no transfer is granted")
    });
    let found = found.unwrap_or_else(|| panic!("{told:#?}"));
    let line = usize::try_from(found["line"].as_u64().unwrap()).unwrap();
    assert_eq!(found["severity"], "warning");
    assert!(
        without
            .lines()
            .nth(line - 1)
            .unwrap()
            .starts_with("then = \"transfer\""),
        "{line}: {without}"
    );
}

/// A test of the shipped flow with one mistake, and where it is reported with what.
#[test]
fn what_is_wrong_in_a_test_is_told_at_its_own_line() {
    let test = |change: &dyn Fn(&str) -> String| {
        let author = Author::new();
        let file = author.flow().join("tests/agrees.toml");
        let text = change(&fs::read_to_string(&file).unwrap());
        fs::write(&file, &text).unwrap();
        let (code, reported) = author.json(&["test", "--only-written", "--filter", "agrees"]);
        assert_eq!(code, 1, "{reported:#}");
        let complaint = &reported["flows"][0]["tests"][0]["complaints"][0];
        let line = usize::try_from(
            complaint["line"]
                .as_u64()
                .unwrap_or_else(|| panic!("{reported:#}")),
        )
        .unwrap();
        let text = text.lines().nth(line - 1).unwrap().to_owned();
        (text, complaint["reason"].as_str().unwrap().to_owned())
    };
    let first = |from: &'static str, to: &'static str| {
        move |text: &str| {
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1)
        }
    };
    let answered = fs::read_to_string(Author::new().flow().join("tests/agrees.toml")).unwrap();
    let answer = answered
        .lines()
        .find(|line| line.starts_with("choice = ") || line.starts_with("says = "))
        .unwrap()
        .to_owned();
    let other = |by: &'static str| {
        let answer = answer.clone();
        move |text: &str| text.replacen(&answer, by, 1)
    };
    for (at, reported, (line, reason)) in [
        (
            "says = \"bank\"",
            "does not understand `says = \"bank\"`, and ends as no-match",
            test(&other("says = \"bank\"")),
        ),
        (
            "presses = \"9\"",
            "does not understand `presses = \"9\"`",
            test(&other("presses = \"9\"")),
        ),
        (
            "presses = \"two\"",
            "`presses` takes keys, `0` to `9`, `*` and `#`, and `two` is none",
            test(&other("presses = \"two\"")),
        ),
        (
            "name = \"due-amont\"",
            "`due-amont` is no action that `[grants] actions` of flow.toml has: correct the name, or add it there",
            test(&first(
                "[expect]",
                "[[actions]]\nname = \"due-amont\"\nanswer = 1\n[expect]",
            )),
        ),
        (
            "at = \"2026-11-31T10:00:00+05:30\"",
            "there is no 31 November 2026: write one of its 30 days",
            test(&first(
                "at = 2026-11-20T11:00:00+05:30",
                "at = \"2026-11-31T10:00:00+05:30\"",
            )),
        ),
        (
            "at = 2026-11-31T10:00:00+05:30",
            "there is no 31 November 2026: write one of its 30 days",
            test(&first(
                "at = 2026-11-20T11:00:00+05:30",
                "at = 2026-11-31T10:00:00+05:30",
            )),
        ),
    ] {
        assert!(
            line.starts_with(at) && reason.contains(reported),
            "{line}: {reason}"
        );
    }
}

#[test]
fn an_action_without_an_answer_is_told_with_a_line_and_not_as_a_failure() {
    let test = "# invokes two\n[[actions]]\nname = 'due-amount'\nanswer = { due = 12500 }\n[expect]\noutcome = 'told'\n";
    let files = [
        (
            "flow.toml",
            "[grants]\nactions = ['due-amount', 'send-link']\n",
        ),
        ("tests/one.toml", test),
    ];
    let author = crate::exploring::fixture("invokes", &files);
    let (code, reported) = author.json(&["test", "--only-written"]);
    assert_eq!(code, 1, "{reported:#}");
    let complaints = reported["flows"][0]["tests"][0]["complaints"]
        .as_array()
        .unwrap();
    // at the last of those that there are
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert_eq!(
        (
            &complaints[0]["line"],
            complaints[0]["reason"].as_str().unwrap()
        ),
        (
            &3.into(),
            "the action `send-link` is invoked and has no answer: add it to `[[actions]]`"
        )
    );
}

#[test]
fn of_a_test_that_cannot_be_read_the_test_is_to_be_corrected() {
    let author = Author::new();
    author.write("tests/wrong.toml", "[expct]\n");
    let (severity, file, line, said) = only(&author);
    assert_eq!(
        (&*severity, &*file, line),
        ("error", "tests/wrong.toml", Some(1))
    );
    assert!(
        said.contains("did you mean `expect`?; correct the test"),
        "{said}"
    );
}

#[test]
fn a_test_that_expects_nothing_is_told_by_flow_test_too() {
    let author = Author::new();
    author.write("tests/empty.toml", "");
    let (code, reported) = author.reported(&["test", "--only-written"]);
    assert!(
        code == 0
            && reported.contains("tests/empty.toml: warning (tests): the test expects nothing"),
        "{reported}"
    );
}

#[test]
fn a_url_that_is_none_is_told_with_what_one_looks_like() {
    let author = Author::new();
    for url in ["foo", "http://", "ftp://bot.example.com", "127.0.0.1:8000"] {
        for command in [&["flow", "list"][..], &["flow", "deploy", "emi-reminder"]] {
            let output = program()
                .args(command)
                .args(["--url", url])
                .current_dir(author.folder.path())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !output.status.success()
                    && told.contains(&format!("`{url}` is no URL of an engine: write one as http://127.0.0.1:8000 or https://")),
                "{url}: {told}"
            );
        }
    }
}

#[test]
fn https_where_an_engine_speaks_http_is_told_as_such() {
    let author = Author::new();
    let engine = Setup::new("[speech]\nrecognizer = 'none'").start();
    let url = engine.url("").replace("http://", "https://");
    let output = program()
        .args(["flow", "list", "--url", &url])
        .current_dir(author.folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(
            "answers, and not by https: an engine itself speaks http, so write http:// there"
        ),
        "{told}"
    );
}

#[test]
fn a_configurations_errors_have_file_and_line_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("ours.toml"),
        "# ours\n[server]\nmax-cals = 5\nlisten = \"here\"\n",
    )
    .unwrap();
    let output = program()
        .args(["config", "check", "--config", "ours.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in [
        "`ours.toml`: the configuration has 2 errors:",
        "line 3: `max-cals` of `[server]`: unknown setting `max-cals`; did you mean `max-calls`?",
        "line 4: `listen` of `[server]`: it takes an address and a port, such as \"127.0.0.1:8000\"",
    ] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_the_only_one_only_where_it_is() {
    let author = Author::new();
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(author.folder.path())
        .start();
    let because = async |engine: &Engine| {
        let asked = engine
            .http()
            .get(engine.url("/api/flows"))
            .send()
            .await
            .unwrap();
        let flows: Value = asked.json().await.unwrap();
        flows["unclaimed"]["because"].as_str().unwrap().to_owned()
    };
    assert_eq!(because(&engine).await, "it is the only flow");
    drop(engine);

    let other = author.folder.path().join("other");
    for part in ["", "prompts"] {
        fs::create_dir_all(other.join(part)).unwrap();
        for entry in fs::read_dir(author.flow().join(part)).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                fs::copy(&file, other.join(part).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    let manifest = fs::read_to_string(other.join("flow.toml")).unwrap();
    fs::write(
        other.join("flow.toml"),
        manifest.replace("[match]", "[match]\nweight = 0"),
    )
    .unwrap();
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(author.folder.path())
        .start();
    assert_eq!(
        because(&engine).await,
        "it is the only flow that takes calls which do not name it: the others have `weight = 0` in `[match]`"
    );
}

#[test]
fn an_action_with_a_place_that_its_input_does_not_name_is_warned_of() {
    let action = "[actions.due]\nkind = 'http'\ndoes = 'read'\nurl = 'https://crm.example.com/{laon}'\n[actions.due.input]\ntype = 'object'\nproperties.loan = { type = 'string' }\n";
    let engine = Setup::new(format!("[speech]\nrecognizer = 'none'\n{action}")).start();
    let logs = engine.logs();
    assert!(logs.contains("`url` of `[actions.due]` has a place for `laon`, which `properties` of its `input` does not name"), "{logs}");

    let folder = tempfile::tempdir().unwrap();
    let refused = action.replace(
        "type = 'object'",
        "type = 'object'\nadditionalProperties = false",
    );
    fs::write(folder.path().join("ghanti.toml"), refused).unwrap();
    let output = program()
        .args(["config", "check"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("line 4: `url` of `[actions.due]` has a place for `laon`, which `input` refuses: no invocation could fill it; it names loan"),
        "{told}"
    );
}
