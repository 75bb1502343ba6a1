//! A running call moves to a newer version of its flow, where the flow lets it and the newer
//! version comes to the same point; its caller notices nothing. Otherwise it stays where it is, and
//! its record says why.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Engine, Setup, Stream, root};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// No step takes a hundredth of it on an idle machine.
const BOUND: Duration = Duration::from_secs(180);

const PROMPTS: &str = "### $amount (money)\n### $about (text)\n\ndue = Your instalment of { $amount } is due.\nquestion = Are you content with the { $about }?\nthanks = Thank you.\n";

/// The conversation whose settings spell out what it asks, in a folder of the test's own.
struct House {
    folder: TempDir,
    engine: Engine,
}

/// What a manifest of the conversation says.
struct Survey {
    running: &'static str,
    questions: &'static str,
    amount: u64,
    more: &'static str,
}

const FIRST: Survey = Survey {
    running: "move",
    questions: "bank agent",
    amount: 1_250_000,
    more: "",
};

impl Survey {
    fn manifest(&self) -> String {
        let Self {
            running,
            questions,
            amount,
            more,
        } = self;
        let asked: String = questions
            .split_whitespace()
            .map(|name| format!("[questions.{name}]\nprompt = 'question'\nwait = '20s'\nchoices = {{ yes = {{ key = '1' }}, no = {{ key = '2' }} }}\n"))
            .collect();
        format!(
            "[settings]\nquestions = '{questions}'\namount = '{amount}'\n{more}\n[grants]\ntransfer = {{ default = ['+919876500000'] }}\n\
             [prompts]\nthanks = {{ requires = ['asked'] }}\n[update]\nrunning = '{running}'\n{asked}"
        )
    }
}

impl House {
    fn new(survey: &Survey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("flows/survey");
        fs::create_dir_all(flow.join("prompts")).unwrap();
        fs::copy(
            root().join("plugins/target/fixtures/survey.wasm"),
            flow.join("flow.wasm"),
        )
        .expect("`make flows` builds it");
        fs::write(flow.join("flow.toml"), survey.manifest()).unwrap();
        fs::write(flow.join("prompts/en-IN.ftl"), PROMPTS).unwrap();
        let engine = Setup::new("[speech]\nrecognizer = 'none'")
            .flows(folder.path().join("flows"))
            .start();
        Self { folder, engine }
    }

    fn flow(&self, file: &str) -> PathBuf {
        self.folder.path().join("flows/survey").join(file)
    }

    fn edit(&self, survey: &Survey) {
        fs::write(self.flow("flow.toml"), survey.manifest()).unwrap();
    }

    async fn active(&self) -> String {
        let flows: Value = self
            .engine
            .http()
            .get(self.engine.url("/api/flows"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let versions = flows["items"][0]["versions"].as_array().unwrap();
        versions
            .iter()
            .find(|version| version["state"] == "active")
            .unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn until_other(&self, than: &str) -> String {
        tokio::time::timeout(BOUND, async {
            loop {
                let active = self.active().await;
                if active != than {
                    return active;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the edit was never taken")
    }
}

/// A caller who listens to everything, and presses keys when told.
struct Caller {
    sid: String,
    keys: mpsc::Sender<char>,
    heard: JoinHandle<Vec<Value>>,
}

impl Caller {
    async fn call(engine: &Engine, sid: &str) -> Self {
        let mut stream = Stream::begin(engine, sid, "09876540001").await;
        let (keys, mut pressed) = mpsc::channel::<char>(1);
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            loop {
                tokio::select! {
                    Some(key) = pressed.recv() => stream.say(&json!({ "event": "dtmf", "dtmf": { "digit": key.to_string(), "duration": "100" } })).await,
                    message = stream.hear() => {
                        let Some(message) = message else { return heard };
                        if message["event"] == "mark" {
                            stream.say(&message).await;
                        }
                        heard.push(message);
                    }
                }
            }
        });
        Self {
            sid: sid.to_owned(),
            keys,
            heard,
        }
    }

    /// Waits until a question is put.
    async fn asked(&self, engine: &Engine, questions: usize) {
        let put = |record: &Value| {
            let lines = record["transcript"].as_array().unwrap();
            lines
                .iter()
                .filter(|line| line["name"] == "question")
                .count()
                >= questions
        };
        engine.record_when(&self.sid, BOUND, put).await;
    }

    /// Hears a question out and presses a key.
    async fn answer(&self, engine: &Engine, questions: usize, key: char) {
        let heard = |record: &Value| {
            let lines = record["transcript"].as_array().unwrap();
            lines
                .iter()
                .filter(|line| line["name"] == "question" && line["heard"] == "whole")
                .count()
                >= questions
        };
        engine.record_when(&self.sid, BOUND, heard).await;
        self.keys.send(key).await.unwrap();
    }

    /// Waits until so many newer versions were tried, and gives the last.
    async fn tried(&self, engine: &Engine, versions: usize) -> Value {
        let tried = |record: &Value| record["moves"].as_array().unwrap().len() >= versions;
        engine.record_when(&self.sid, BOUND, tried).await["moves"][versions - 1].clone()
    }
}

fn said(record: &Value) -> Vec<&str> {
    let lines = record["transcript"].as_array().unwrap().iter();
    lines
        .filter(|line| line["speaker"] == "bot")
        .map(|line| line["name"].as_str().unwrap())
        .collect()
}

fn words(record: &Value, at: usize) -> String {
    let bot = record["transcript"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["speaker"] == "bot");
    bot.map(|line| line["text"].as_str().unwrap().to_owned())
        .nth(at)
        .unwrap()
}

fn functions(record: &Value) -> Vec<&str> {
    record["journal"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["function"].as_str().unwrap())
        .collect()
}

fn noted<'a>(record: &'a Value, note: &str) -> &'a str {
    record["notes"][note]
        .as_str()
        .unwrap_or_else(|| panic!("no note `{note}`: {record:#}"))
}

/// Every question was put once, and nothing was cut off.
fn assert_unnoticed(record: &Value, heard: &[Value], questions: usize) {
    assert_eq!(
        said(record)
            .iter()
            .filter(|name| **name == "question")
            .count(),
        questions,
        "{record:#}"
    );
    assert!(
        heard.iter().all(|message| message["event"] != "clear"),
        "what was being said went on"
    );
    // this line brings no audio of the caller's
    let problems = record["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["name"] != "no-media")
        .count();
    assert_eq!(
        (problems, &record["disposition"]),
        (0, &json!("surveyed")),
        "{record:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_prompt_is_spoken_by_a_call_that_runs() {
    let house = House::new(&FIRST);
    let engine = &house.engine;
    let first = house.active().await;
    let caller = Caller::call(engine, "m-prompt").await;
    caller.asked(engine, 1).await;
    fs::write(
        house.flow("prompts/en-IN.ftl"),
        PROMPTS
            .replace("Are you content", "Are you happy")
            .replace("instalment", "E M I"),
    )
    .unwrap();
    let moved = caller.tried(engine, 1).await;
    let second = house.active().await;
    assert_eq!(
        (&moved["from"], &moved["to"], &moved["refused"]),
        (&json!(first), &json!(second), &Value::Null)
    );
    caller.answer(engine, 1, '1').await;
    caller.asked(engine, 2).await;
    caller.answer(engine, 2, '2').await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-prompt").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(
        (&record["version"], &record["journal"]["header"]["version"]),
        (&json!(second), &json!(second))
    );
    assert!(
        words(&record, 0).contains("instalment"),
        "what was spoken stays"
    );
    assert!(
        words(&record, 1).contains("content") && words(&record, 2).contains("happy"),
        "what follows is the newer version's"
    );
    assert_eq!(
        (noted(&record, "bank"), noted(&record, "agent")),
        ("yes", "other"),
        "the same wait had its answer"
    );
    assert_ne!(
        noted(&record, "first-lot"),
        noted(&record, "second-lot"),
        "chance goes on where it was"
    );
    let functions = functions(&record);
    assert_eq!(
        functions.iter().filter(|name| **name == "ask").count(),
        2,
        "{functions:?}"
    );
    assert_eq!(
        functions.iter().filter(|name| **name == "random").count(),
        2,
        "{functions:?}"
    );
    let sequence: Vec<u64> = record["journal"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(
        sequence,
        (1..=u64::try_from(sequence.len()).unwrap()).collect::<Vec<_>>()
    );
    // the journal is that of one call: the version at its end repeats it
    let kept = house.folder.path().join("m-prompt.json");
    fs::write(&kept, record.to_string()).unwrap();
    let reported = crate::support::program()
        .arg("replay")
        .arg(&kept)
        .args(["--tolerate", "wording", "--flows"])
        .arg(house.folder.path().join("flows"))
        .output();
    let reported = reported.unwrap();
    assert!(
        reported.status.success(),
        "{}{}",
        String::from_utf8_lossy(&reported.stdout),
        String::from_utf8_lossy(&reported.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_added_ahead_is_asked_and_one_taken_out_behind_is_refused_with_the_reason() {
    let house = House::new(&FIRST);
    let engine = &house.engine;
    let caller = Caller::call(engine, "m-questions").await;
    caller.asked(engine, 1).await;
    caller.answer(engine, 1, '1').await;
    caller.asked(engine, 2).await;
    house.edit(&Survey {
        questions: "bank agent branch",
        ..FIRST
    });
    let moved = caller.tried(engine, 1).await;
    assert_eq!(moved["refused"], Value::Null);
    let second = house.active().await;

    house.edit(&Survey {
        questions: "agent branch",
        ..FIRST
    });
    let stayed = caller.tried(engine, 2).await;
    assert_eq!(stayed["from"], second);
    let reason = stayed["refused"].as_str().unwrap();
    for part in [
        "entry",
        "(structure)",
        "expected ask bank:",
        "got ask agent:",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    let third = house.active().await;
    // the pair is not tried again, whatever else changes
    let response = engine
        .http()
        .post(engine.url("/api/flows/reload"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);

    caller.answer(engine, 2, '2').await;
    caller.asked(engine, 3).await;
    caller.answer(engine, 3, '1').await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-questions").await;
    assert_unnoticed(&record, &heard, 3);
    assert_eq!(
        (
            noted(&record, "bank"),
            noted(&record, "agent"),
            noted(&record, "branch")
        ),
        ("yes", "other", "yes")
    );
    assert_eq!(record["version"], second);
    let moves = record["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 2, "{moves:#?}");
    assert_ne!(second, third);
    let logs = engine.logs();
    assert!(
        logs.contains("call moved to another version") && logs.contains("expected ask bank:"),
        "{logs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_is_refused_and_a_flow_that_lets_calls_finish_is_left_alone() {
    let house = House::new(&FIRST);
    let engine = &house.engine;
    let first = house.active().await;
    let caller = Caller::call(engine, "m-amount").await;
    caller.asked(engine, 1).await;
    house.edit(&Survey {
        amount: 1_300_000,
        ..FIRST
    });
    let stayed = caller.tried(engine, 1).await;
    assert!(
        stayed["refused"]
            .as_str()
            .unwrap()
            .contains("(amounts): expected say due (amount)"),
        "{stayed:#}"
    );
    let second = house.until_other(&first).await;
    house.edit(&Survey {
        running: "finish",
        ..FIRST
    });
    house.until_other(&second).await;
    caller.answer(engine, 1, '1').await;
    caller.asked(engine, 2).await;
    caller.answer(engine, 2, '1').await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-amount").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(
        (
            &record["version"],
            record["moves"].as_array().unwrap().len()
        ),
        (&json!(first), 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_its_way_to_an_agent_does_not_move() {
    let transfers = Survey {
        more: "then = 'transfer'",
        ..FIRST
    };
    let house = House::new(&transfers);
    fs::write(
        house.flow("prompts/en-IN.ftl"),
        PROMPTS.replace("Thank you.", &"Thank you for your patience. ".repeat(8)),
    )
    .unwrap();
    let engine = &house.engine;
    let caller = Caller::call(engine, "m-transfer").await;
    for (at, key) in ['1', '1'].into_iter().enumerate() {
        caller.asked(engine, at + 1).await;
        caller.answer(engine, at + 1, key).await;
    }
    let decided = |record: &Value| {
        said(record).contains(&"thanks") && record["decision"]["kind"] == "transfer"
    };
    let before = engine.record_when("m-transfer", BOUND, decided).await;
    let active = house.active().await;
    house.edit(&Survey {
        questions: "bank agent branch",
        ..transfers
    });
    house.until_other(&active).await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-transfer").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(
        (&record["version"], &record["moves"]),
        (&before["version"], &before["moves"])
    );
    assert_eq!(
        (&record["decision"]["kind"], &record["outcome"]),
        (&"transfer".into(), &"transfer-decided".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_come_there_in_time_is_dropped() {
    let house = House::new(&FIRST);
    let engine = &house.engine;
    let caller = Caller::call(engine, "m-late").await;
    caller.asked(engine, 1).await;
    house.edit(&Survey {
        more: "think = 'forever'\n[limits]\nhost-calls-per-second = 5000",
        ..FIRST
    });
    let stayed = caller.tried(engine, 1).await;
    let reason = stayed["refused"].as_str().unwrap();
    assert!(
        reason.starts_with("it did not come to entry ")
            && reason.ends_with(" within 100 ms of processor time"),
        "{reason}"
    );
    for question in [1, 2] {
        caller.asked(engine, question).await;
        caller.answer(engine, question, '1').await;
    }
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-late").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(record["version"], stayed["from"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_calls_move_at_once() {
    let house = House::new(&FIRST);
    let engine = &house.engine;
    let first = house.active().await;
    let callers = join_all(
        (0..40).map(|at| async move { Caller::call(engine, &format!("m-many-{at}")).await }),
    )
    .await;
    join_all(callers.iter().map(|caller| caller.asked(engine, 1))).await;
    fs::write(
        house.flow("prompts/en-IN.ftl"),
        PROMPTS.replace("content", "happy"),
    )
    .unwrap();
    let second = house.until_other(&first).await;
    for moved in join_all(callers.iter().map(|caller| caller.tried(engine, 1))).await {
        assert_eq!(
            (&moved["to"], &moved["refused"]),
            (&json!(second), &Value::Null)
        );
    }
    join_all(callers.iter().map(|caller| caller.answer(engine, 1, '1'))).await;
    join_all(callers.iter().map(|caller| caller.asked(engine, 2))).await;
    join_all(callers.iter().map(|caller| caller.answer(engine, 2, '1'))).await;
    for Caller { sid, heard, .. } in callers {
        let heard = heard.await.unwrap();
        let record = engine.ended(&sid).await;
        assert_unnoticed(&record, &heard, 2);
        assert_eq!(record["version"], second);
    }
}

impl House {
    /// Has an operator move a call, and gives the status and the kind of a problem.
    async fn move_call(&self, call: &str, version: &str) -> (u16, String) {
        let path = format!("/api/calls/{call}/version");
        let request = self.engine.http().post(self.engine.url(&path));
        let request = request.json(&json!({ "version": version }));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        let kind = body["type"].as_str().unwrap_or_default();
        (status, kind.rsplit('/').next().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_moves_a_call_that_would_have_stayed_and_moves_it_back() {
    let house = House::new(&Survey {
        running: "finish",
        ..FIRST
    });
    let engine = &house.engine;
    let first = house.active().await;
    let caller = Caller::call(engine, "m-by-hand").await;
    caller.asked(engine, 1).await;
    let happy = PROMPTS.replace("Are you content", "Are you happy");
    fs::write(house.flow("prompts/en-IN.ftl"), happy).unwrap();
    let second = house.until_other(&first).await;
    assert_eq!(house.move_call("m-by-hand", &second).await.0, 202);
    let moved = caller.tried(engine, 1).await;
    assert_eq!(
        (&moved["from"], &moved["to"], &moved["refused"]),
        (&json!(first), &json!(second), &Value::Null)
    );
    caller.answer(engine, 1, '1').await;
    caller.asked(engine, 2).await;
    let record = engine.record("m-by-hand").await.unwrap();
    assert!(words(&record, 2).contains("happy"), "{record:#}");
    // back to the previous one, which takes no new calls
    assert_eq!(house.move_call("m-by-hand", &first).await.0, 202);
    let back = caller.tried(engine, 2).await;
    assert_eq!(
        (&back["from"], &back["to"], &back["refused"]),
        (&json!(second), &json!(first), &Value::Null)
    );
    caller.answer(engine, 2, '2').await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-by-hand").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(record["version"], json!(first));
    assert_eq!(record["moves"].as_array().unwrap().len(), 2, "{record:#}");
    assert_eq!(
        house.move_call("m-by-hand", &second).await,
        (409, "not-live-here".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_an_operator_moves_to_what_does_something_else_stays_and_goes_on() {
    let house = House::new(&Survey {
        running: "finish",
        ..FIRST
    });
    let engine = &house.engine;
    let first = house.active().await;
    let caller = Caller::call(engine, "m-refused").await;
    caller.asked(engine, 1).await;
    house.edit(&Survey {
        running: "finish",
        amount: 2_500_000,
        ..FIRST
    });
    let second = house.until_other(&first).await;
    let unknown = format!("{}0", &second[..second.len() - 1]);
    assert_eq!(
        house.move_call("m-refused", &unknown).await,
        (404, "unknown-version".to_owned())
    );
    assert_eq!(house.move_call("m-refused", &second).await.0, 202);
    let moved = caller.tried(engine, 1).await;
    assert!(moved["refused"].is_string(), "{moved}");
    caller.answer(engine, 1, '1').await;
    caller.asked(engine, 2).await;
    caller.answer(engine, 2, '2').await;
    let heard = caller.heard.await.unwrap();
    let record = engine.ended("m-refused").await;
    assert_unnoticed(&record, &heard, 2);
    assert_eq!(record["version"], json!(first));
}
