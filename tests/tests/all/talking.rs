//! `ghanti flow talk` and `ghanti flow inspect`, as a person at a pipe uses them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, program, root};

/// The shipped flow in a folder of the test's own.
fn flow() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let original = root().join("flows/emi-reminder");
    for part in ["", "prompts", "tests"] {
        fs::create_dir_all(folder.path().join("emi").join(part)).unwrap();
        for entry in fs::read_dir(original.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = folder.path().join("emi").join(part);
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    folder
}

/// A conversation whose lines are typed as it goes on.
struct Talk {
    process: Child,
    typed: Option<ChildStdin>,
    shown: Receiver<String>,
    all: String,
}

impl Talk {
    fn begin(folder: &Path, arguments: &[&str]) -> Self {
        Self::begin_in(folder, folder, arguments)
    }

    /// Begins it with a working folder, where speech models may be.
    fn begin_in(working: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let mut process = program()
            .current_dir(working)
            .args(["flow", "talk"])
            .arg(folder.join("emi"))
            .args(arguments)
            .env("XDG_CACHE_HOME", cache())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, shown) = channel();
        let out = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            typed: process.stdin.take(),
            process,
            shown,
            all: String::new(),
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.typed.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Reads on until a line has these words, and returns it.
    fn until(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.shown.recv_timeout(PATIENCE) else {
                panic!("no line with `{words}`:\n{}", self.all);
            };
            self.all += &format!("{line}\n");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Ends the input, and returns the exit code and everything that was shown.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.typed.take());
        while let Ok(line) = self.shown.recv_timeout(PATIENCE) {
            self.all += &format!("{line}\n");
        }
        let code = self.process.wait().unwrap().code();
        (code, std::mem::take(&mut self.all))
    }
}

/// What is compiled once for all tests.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

#[test]
fn a_conversation_is_held_in_words_and_keys_and_its_end_hangs_up() {
    let folder = flow();
    let mut talk = Talk::begin(folder.path(), &["--set", "name=Asha Rao"]);
    talk.until("Am I speaking with Asha Rao?");
    assert!(talk.until("asks").contains("yes (key 1)"));
    talk.say("purple");
    talk.until("not an answer to this question");
    talk.until("asks");
    talk.say("/silence");
    talk.until("asks");
    talk.say("yes speaking");
    talk.until("established identity");
    talk.until("twelve thousand five hundred rupees");
    talk.say("/silence");
    talk.say("/silence");
    assert!(talk.until("asks    transfer").contains("agent (key 9)"));
    talk.say("/key 9");
    talk.until("will transfer the call to default");
    let (code, all) = talk.end();
    assert_eq!(code, Some(0), "{all}");
    assert!(all.contains("the call goes to default"), "{all}");
    // nothing of a terminal
    assert!(!all.contains('\u{1b}') && !all.contains("\n> "), "{all}");

    let (code, all) = Talk::begin(folder.path(), &[]).end();
    assert_eq!(code, Some(0));
    assert!(all.contains("the caller has hung up"), "{all}");
}

#[test]
fn the_opening_names_whose_call_it_is_and_on_which_day() {
    let folder = flow();
    let today = |days: i64| {
        let now = time::OffsetDateTime::now_utc() + time::Duration::days(days);
        now.to_offset(time::macros::offset!(+5:30))
            .date()
            .to_string()
    };
    let before = today(0);
    let (_, all) = Talk::begin(folder.path(), &["--set", "name=Asha Rao"]).end();
    assert!(all.contains(&before) || all.contains(&today(0)), "{all}");
    assert!(
        all.contains("with the customer of tests/agrees.toml, but name from --set in en-IN"),
        "{all}"
    );
    let (_, all) = Talk::begin(folder.path(), &["--at", "2026-12-05"]).end();
    assert!(
        all.contains("with the customer of tests/agrees.toml in en-IN, on 2026-12-05;"),
        "{all}"
    );
    let output = program()
        .args(["flow", "talk", "--at", "tomorrow"])
        .arg(folder.path().join("emi"))
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(reported.contains("such as `2026-12-05`"), "{reported}");
}

#[test]
fn a_customer_whom_the_flow_cannot_read_is_told_before_the_conversation() {
    let folder = flow();
    let (_, all) = Talk::begin(folder.path(), &["--set", "loan=1"]).end();
    assert!(all.contains("the customer's record: `loan` "), "{all}");
    let customer = folder.path().join("customer.toml");
    fs::write(&customer, "name = 'Asha Rao'\n").unwrap();
    let customer = customer.to_string_lossy().into_owned();
    let (_, all) = Talk::begin(folder.path(), &["--customer", &customer]).end();
    assert!(
        all.contains("the customer's record: `amount` is missing: the flow needs it, as money"),
        "{all}"
    );
    let (_, all) = Talk::begin(folder.path(), &["--set", "name=Asha Rao"]).end();
    assert!(!all.contains("the customer's record"), "{all}");

    let output = program()
        .args(["flow", "talk", "--set", "nme=Asha Rao"])
        .arg(folder.path().join("emi"))
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2)
            && reported.contains("--set nme: `nme` is no field of `[customer]`")
            && reported.contains("did you mean `name`?"),
        "{reported}"
    );
}

#[test]
fn a_recorded_voice_answers_until_it_has_said_all() {
    let folder = flow();
    let voice = folder.path().join("caller.wav");
    let speech = |words: &str, wav: &Path| {
        let spoken = std::process::Command::new("flite")
            .args(["-voice", "slt", "-t", words, "-o"])
            .arg(wav)
            .output()
            .expect("flite is missing: run `make setup`");
        assert!(spoken.status.success(), "{spoken:?}");
    };
    speech("yes, speaking", &voice);
    let wav = voice.to_string_lossy().into_owned();
    let mut talk = Talk::begin_in(&root(), folder.path(), &["--voice", &wav]);
    talk.until("asks    identity");
    assert!(talk.until("heard: ").contains("yes"));
    talk.until("established identity");
    talk.until("asks    emi-details");
    let (code, all) = talk.end();
    assert_eq!(code, Some(0), "{all}");
    assert!(all.contains("the caller has hung up"), "{all}");

    let refused = program()
        .args(["flow", "talk", "--voice", &wav])
        .arg(folder.path().join("emi"))
        .env("GHANTI_SPEECH_RECOGNIZER", "none")
        .env("XDG_CACHE_HOME", cache())
        .output()
        .unwrap();
    let reported = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.status.code() == Some(2) && reported.contains("--voice needs a recogniser"),
        "{reported}"
    );
}

#[test]
fn back_lets_one_answer_otherwise() {
    let folder = flow();
    let mut talk = Talk::begin(folder.path(), &[]);
    talk.until("asks    identity");
    talk.say("/back");
    talk.until("this is the first question");
    talk.say("yes");
    talk.until("asks    emi-details");
    talk.say("/back");
    talk.until("asks    identity");
    talk.say("wrong number");
    let (code, all) = talk.end();
    assert_eq!(code, Some(0));
    assert!(all.contains("outcome wrong-person"), "{all}");
    assert_eq!(all.matches("established identity").count(), 1, "{all}");
}

#[test]
fn an_edit_takes_effect_in_the_running_conversation() {
    let folder = flow();
    let prompts = folder.path().join("emi/prompts/en-IN.ftl");
    let original = fs::read_to_string(&prompts).unwrap();
    let mut talk = Talk::begin(folder.path(), &[]);
    talk.until("asks    identity");
    talk.say("yes");
    talk.until("asks    emi-details");
    let edited = original.replacen("greeting =", "greeting = Namaste.", 1);
    fs::write(&prompts, &edited).unwrap();
    talk.until("the flow was edited");
    assert!(talk.until("- ").contains("Hello"));
    assert!(talk.until("+ ").contains("Namaste. Hello"));
    // it is where it was
    talk.until("asks    emi-details");
    fs::write(&prompts, format!("{edited}\nbroken = {{ $nobody }}\n")).unwrap();
    talk.until("is rejected (step prompts), and the previous one stays");
    talk.until("$nobody");
    talk.until("hint:");
    fs::write(&prompts, format!("{edited}\n# something else\n")).unwrap();
    talk.until("nothing that was said so far has changed");
    talk.say("/hangup");
    let (code, all) = talk.end();
    assert_eq!(code, Some(0), "{all}");
}

#[test]
fn what_the_rules_refuse_is_shown_with_its_reason_and_lines_may_be_json() {
    let folder = flow();
    let manifest = folder.path().join("emi/flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    // the amount may be spoken only after something that never happens before it
    assert!(text.contains("emi-details = {"), "{text}");
    let text = text.replacen(
        "emi-details = { requires = [",
        "emi-details = { requires = [\"heard:disclosure\", ",
        1,
    );
    fs::write(&manifest, text).unwrap();
    let mut talk = Talk::begin(folder.path(), &["--json"]);
    talk.until("\"asks\"");
    talk.say("yes");
    talk.until("\"refused\"");
    let (_, all) = talk.end();
    let refused = all
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["kind"] == "refused")
        .unwrap();
    let text = refused["text"].as_str().unwrap();
    assert!(
        text.contains("emi-details") && text.contains("heard:disclosure"),
        "{text}"
    );
    assert!(refused["at_ms"].as_u64().unwrap() > 0);
}

#[test]
fn a_call_begins_in_another_language_with_the_same_answers() {
    let folder = flow();
    let mut talk = Talk::begin(folder.path(), &[]);
    talk.until("asks    identity");
    talk.say("yes");
    talk.until("asks    emi-details");
    talk.say("/language fr-FR");
    talk.until("the flow has en-IN, hi-IN");
    talk.say("/language hi-IN");
    talk.until("asks    emi-details");
    let (code, all) = talk.end();
    assert_eq!(code, Some(0));
    assert!(all.contains("+ 0:00  bot     नमस्ते"), "{all}");
    let mut talk = Talk::begin(folder.path(), &["--language", "hi-IN"]);
    talk.until("नमस्ते");
}

#[test]
fn a_mistake_in_the_manifest_is_told_with_its_file() {
    let folder = flow();
    let manifest = folder.path().join("emi/flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replacen("[flow]", "[flow]\ntitel = 'EMI'", 1),
    )
    .unwrap();
    let output = program()
        .args(["flow", "talk"])
        .arg(folder.path().join("emi"))
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(
        reported.contains("emi/flow.toml: cannot load flow `emi` (manifest): line "),
        "{reported}"
    );
}

#[test]
fn a_flow_that_cannot_be_loaded_is_reported_with_a_code_of_its_own() {
    let folder = flow();
    fs::write(folder.path().join("emi/flow.wasm"), "print('hello')\n").unwrap();
    let output = program()
        .args(["flow", "talk"])
        .arg(folder.path().join("emi"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(
        reported.contains("a text that begins with `print('hello')`"),
        "{reported}"
    );
}

#[test]
fn a_component_is_inspected_without_being_trusted() {
    let inspect = |path: &Path, json: bool| {
        let mut command = program();
        command.args(["flow", "inspect"]).arg(path);
        if json {
            command.arg("--json");
        }
        let output = command.env("XDG_CACHE_HOME", cache()).output().unwrap();
        let reported = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), reported)
    };
    let flows = root().join("flows");
    let (code, reported) = inspect(&flows.join("emi-reminder/flow.wasm"), false);
    assert_eq!(code, Some(0), "{reported}");
    for words in [
        "flow      emi-reminder",
        "contract  0.1.0",
        "made by   language Rust",
        "imports   ghanti:dialog/speech@0.1.0: of the contract",
        "exports   run",
        "an engine of this version accepts it",
    ] {
        assert!(reported.contains(words), "{reported}");
    }
    let (code, reported) = inspect(&flows.join("appointment/flow.wasm"), true);
    let reported: Value = serde_json::from_str(&reported).unwrap();
    assert_eq!(
        (code, &reported["taken"]),
        (Some(0), &true.into()),
        "{reported:#}"
    );
    let imports = reported["imports"].as_array().unwrap();
    let sealed = |import: &&Value| import["given"] == "sealed";
    assert!(imports.iter().find(sealed).is_some(), "{reported:#}");

    let fixtures = root().join("plugins/target/fixtures");
    let (code, reported) = inspect(&fixtures.join("wrong-types.wasm"), false);
    assert_eq!(code, Some(1), "{reported}");
    assert!(
        reported.contains("its export `describe` has another type"),
        "{reported}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    let whole = fs::read(flows.join("emi-reminder/flow.wasm")).unwrap();
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "cut off"),
        (b"\0asm\x01\0\0\0", "core module"),
        (
            b"#!/usr/bin/env python3\n",
            "a text that begins with `#!/usr/bin/env python3`",
        ),
        (b"", "the file is empty"),
    ] {
        fs::write(&file, bytes).unwrap();
        let (code, reported) = inspect(&file, false);
        assert_eq!(code, Some(1), "{reported}");
        assert!(
            reported.contains(words) && reported.contains("hint:"),
            "{reported}"
        );
    }
    let (code, reported) = inspect(&folder.path().join("none.wasm"), false);
    assert_eq!(code, Some(2), "{reported}");
}
