//! Flows that come over the API or by copying: `ghanti flow deploy`, `list`, `rollback`, and what
//! no engine lets in.

use std::fs;
use std::io::{Cursor, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{
    API_TOKEN, Engine, PATIENCE, Playing, Setup, parts_of_emi_reminder, program, root, scenario,
};

const FLOW: &str = "emi-reminder";
/// Of another admin than `api-token`.
const PIPELINE: &str = "pipeline-0123456789";
const OPERATOR: &str = "operator-0123456789";

/// A folder of flows that an engine watches, and beside it the author's own folder.
struct House {
    folder: TempDir,
    engine: Engine,
}

impl House {
    fn start(server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        let mine = folder.path().join(FLOW);
        for part in ["prompts", "tests"] {
            fs::create_dir_all(mine.join(part)).unwrap();
        }
        let original = root().join("flows").join(FLOW);
        for part in ["", "prompts", "tests"] {
            for entry in fs::read_dir(original.join(part)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    fs::copy(&path, mine.join(part).join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        let config = format!("[speech]\nrecognizer = 'none'\n[server]\ninsecure = true\n{server}");
        // what lies there from the start, so that an engine without deployments begins too
        copy_flow(&mine, &folder.path().join("flows/other"));
        let engine = Setup::new(config)
            .flows(folder.path().join("flows"))
            .start();
        Self { folder, engine }
    }

    /// An engine that takes flows.
    fn open() -> Self {
        Self::start(&format!("api-token = '{API_TOKEN}'\n"))
    }

    /// The author's folder.
    fn mine(&self) -> PathBuf {
        self.folder.path().join(FLOW)
    }

    fn flows(&self) -> PathBuf {
        self.folder.path().join("flows")
    }

    /// Changes a file of the author's folder.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.mine().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Runs `ghanti flow` against the engine.
    fn flow(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let token = self.folder.path().join("token");
        fs::write(&token, format!("{API_TOKEN}\n")).unwrap();
        let output: Output = program()
            .arg("flow")
            .args(arguments)
            .args(["--url", &self.engine.url("")])
            .arg("--token-file")
            .arg(token)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let reported = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(reported).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, reported) = self.flow(&[arguments, &["--json"]].concat());
        (
            code,
            serde_json::from_str(&reported).unwrap_or_else(|_| panic!("{reported}")),
        )
    }

    fn deploy(&self) -> (Option<i32>, Value) {
        self.json(&["deploy", FLOW])
    }

    /// The flow, as the engine shows it.
    fn listed(&self) -> Value {
        let (code, reported) = self.json(&["list"]);
        assert_eq!(code, Some(0), "{reported}");
        let items = reported["items"].as_array().unwrap();
        let found = items.iter().find(|flow| flow["name"] == FLOW);
        found.cloned().unwrap_or_default()
    }

    /// The version in a state.
    fn version(&self, state: &str) -> Value {
        let listed = self.listed();
        let versions = listed["versions"].as_array().cloned().unwrap_or_default();
        let found = versions
            .into_iter()
            .find(|version| version["state"] == state);
        found.unwrap_or_default()
    }

    /// The names in the folder of flows that are there to stay.
    fn names(&self) -> Vec<String> {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let mut names: Vec<_> = fs::read_dir(self.flows())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            // what was there before is removed when the answer is on its way
            if names.iter().all(|name| !name.starts_with('.')) || Instant::now() > given_up {
                return names;
            }
            std::thread::yield_now();
        }
    }

    async fn put(&self, body: Vec<u8>) -> (u16, Value) {
        self.put_with(API_TOKEN, body).await
    }

    /// Sets the candidate's share with a token.
    async fn weigh(&self, token: &str, body: &Value) -> (u16, Value) {
        let url = self.engine.url(&format!("/api/flows/{FLOW}/weight"));
        let request = self.engine.http().put(url).bearer_auth(token).json(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn put_with(&self, token: &str, body: Vec<u8>) -> (u16, Value) {
        let url = self.engine.url(&format!("/api/flows/{FLOW}"));
        let request = self.engine.http().put(url).bearer_auth(token);
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

fn copy_flow(from: &Path, to: &Path) {
    for part in ["", "prompts"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for entry in fs::read_dir(from.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, to.join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

/// The files below a folder, with their contents. What goes while it is looked at is not left behind.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.unwrap(),
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                bytes => found.push((path, bytes.unwrap())),
            }
        }
    }
    found.sort();
    found
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        writer
            .start_file(*path, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_version_is_deployed_listed_and_rolled_back() {
    let house = House::open();
    let (code, first) = house.deploy();
    assert_eq!(
        (code, &first["state"]),
        (Some(0), &"active".into()),
        "{first}"
    );
    assert_eq!(first["was_there"], false);
    assert_eq!(house.deploy().1["was_there"], true);
    assert_eq!(house.version("active")["id"], first["id"]);

    house.edit("prompts/en-IN.ftl", "greeting =", "greeting = Namaste.");
    let (code, reported) = house.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(0), "{reported}");
    assert!(reported.contains("live as version"), "{reported}");
    let second = house.version("active");
    assert_ne!(second["id"], first["id"]);
    assert_eq!(house.version("previous")["id"], first["id"]);
    let deployed = fs::read_to_string(house.flows().join(FLOW).join("prompts/en-IN.ftl")).unwrap();
    assert!(deployed.contains("Namaste."));
    assert_eq!(house.names(), [FLOW, "other"]);

    let (code, reported) = house.flow(&["list"]);
    assert_eq!(code, Some(0));
    for words in ["active", "previous", "calls that no flow claims"] {
        assert!(reported.contains(words), "{reported}");
    }
    let (code, reported) = house.flow(&["rollback", FLOW]);
    assert_eq!(code, Some(0), "{reported}");
    let by_whom = "it was rolled back through the API by `api-token`";
    assert!(reported.contains(by_whom), "{reported}");
    assert_eq!(house.version("active")["id"], first["id"]);
    assert_eq!(house.version("rolled-back")["id"], second["id"]);
    // what was rolled back does not come back by being deployed again
    assert_eq!(house.deploy().1["state"], "rolled-back");
    let id = second["id"].as_str().unwrap();
    let (code, reported) = house.flow(&["rollback", FLOW, "--to", &id[..10]]);
    assert_eq!(code, Some(0), "{reported}");
    assert_eq!(house.version("active")["id"], second["id"]);
    let (code, reported) = house.flow(&["rollback", FLOW, "--to", "9.9.9"]);
    assert_eq!(code, Some(1), "{reported}");
    assert!(reported.contains("is not loaded, only"), "{reported}");
    let (code, reported) = house.flow(&["rollback", "nobody"]);
    assert_eq!(code, Some(1), "{reported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_published_a_version_is_known_after_a_restart_and_a_copy_is_called_one() {
    let tokens = format!(
        "api-token = '{API_TOKEN}'\n[tokens.pipeline]\nrole = 'admin'\ntoken = '{PIPELINE}'\n"
    );
    let mut house = House::start(&tokens);
    let came = |version: &Value| {
        let published = &version["published"];
        let at_ms = published["published_ms"].as_u64().unwrap_or_default();
        assert!(at_ms > 1_700_000_000_000, "{version}");
        assert!(published["published_at"].is_string(), "{version}");
        let text = |key: &str| published[key].as_str().unwrap_or("nobody").to_owned();
        (text("how"), text("by"), at_ms)
    };
    let sent = |by: &str| ("api".to_owned(), by.to_owned());
    let copied = || ("folder".to_owned(), "nobody".to_owned());
    house.deploy();
    let (how, by, at_ms) = came(&house.version("active"));
    assert_eq!((how, by), sent("api-token"));
    let (_, reported) = house.flow(&["list"]);
    assert!(
        reported.contains("sent over the API by api-token, ")
            && reported.contains("copied into the folder, "),
        "{reported}"
    );
    // what is there already is published by nobody again
    let first = {
        let (within, files) = (house.mine(), contents(&house.mine()));
        let each: Vec<_> = files
            .iter()
            .map(|(path, bytes)| {
                let path = path.strip_prefix(&within).unwrap();
                (path.to_str().unwrap(), bytes.as_slice())
            })
            .collect();
        archive(&each)
    };
    let (status, again) = house.put_with(PIPELINE, first.clone()).await;
    assert_eq!((status, &again["was_there"]), (200, &true.into()));
    house.engine.start_again();
    let active = house.version("active");
    assert_eq!(came(&active), ("api".into(), "api-token".into(), at_ms));

    // an engine that shares the folder finds the files, and did not take the request
    let beside = Setup::new(format!(
        "[speech]\nrecognizer = 'none'\n[server]\ninsecure = true\n{tokens}"
    ))
    .flows(house.flows())
    .start();
    let request = beside.http().get(beside.url("/api/flows"));
    let listed: Value = request
        .bearer_auth(API_TOKEN)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let flows = listed["items"].as_array().unwrap();
    let found = flows.iter().find(|flow| flow["name"] == FLOW).unwrap();
    let (how, by, _) = came(&found["versions"][0]);
    assert_eq!((how, by), copied());
    drop(beside);

    house.edit("prompts/en-IN.ftl", "greeting =", "greeting = Namaste.");
    let flows = house.flows();
    let (code, reported) = house.json(&["deploy", FLOW, "--flows", flows.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{reported}");
    let (how, by, _) = came(&house.version("active"));
    assert_eq!((how, by), copied());
    assert_eq!(came(&house.version("previous")), {
        let (how, by) = sent("api-token");
        (how, by, at_ms)
    });
    // whoever publishes it again is who published it last
    let (status, again) = house.put_with(PIPELINE, first).await;
    assert_eq!((status, &again["was_there"]), (200, &false.into()));
    let (how, by, later_ms) = came(&house.version("active"));
    assert_eq!((how, by), sent("pipeline"));
    assert!(later_ms > at_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidates_share_is_set_by_admins_and_says_by_whom_until_it_is_none_any_more() {
    let mut house = House::start(&format!(
        "api-token = '{API_TOKEN}'\n[tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\n"
    ));
    house.deploy();
    let (code, reported) = house.flow(&["weight", FLOW, "25"]);
    assert_eq!(code, Some(1), "{reported}");
    assert!(reported.contains("has no candidate"), "{reported}");
    let manifest = house.mine().join("flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let share = |percent: u8| {
        let text = format!("{text}\n[update]\nweight = {percent}\n");
        fs::write(&manifest, text).unwrap();
    };
    share(10);
    assert_eq!(house.deploy().1["state"], "candidate");
    let candidate = house.version("candidate");
    assert_eq!(candidate["weight"], 10, "{candidate}");
    assert!(candidate["weight_set"].is_null(), "{candidate}");

    let (code, reported) = house.flow(&["weight", FLOW, "25"]);
    assert_eq!(code, Some(0), "{reported}");
    let shown = "25 % of new calls (set by api-token; its manifest says 10 %)";
    assert!(reported.contains(shown), "{reported}");
    let (_, reported) = house.flow(&["list"]);
    assert!(reported.contains(shown), "{reported}");
    let id = candidate["id"].as_str().unwrap();
    for (token, body, status, kind) in [
        (OPERATOR, json!({ "weight": 50 }), 403, "forbidden"),
        (
            API_TOKEN,
            json!({ "weight": 101 }),
            400,
            "body-not-expected",
        ),
        (API_TOKEN, json!({ "weight": -1 }), 400, "body-not-expected"),
        (
            API_TOKEN,
            json!({ "weight": 5, "flow": 1 }),
            400,
            "body-not-expected",
        ),
        (
            API_TOKEN,
            json!({ "weight": 5, "version": "x y" }),
            404,
            "unknown-version",
        ),
        (
            API_TOKEN,
            json!({ "weight": 5, "version": "ab12" }),
            409,
            "flow-changed-meanwhile",
        ),
    ] {
        let (reported, answer) = house.weigh(token, &body).await;
        assert_eq!(reported, status, "{body}: {answer}");
        assert_eq!(answer["type"], format!("/problems/{kind}"), "{answer}");
    }
    assert_eq!(house.flow(&["weight", FLOW, "101"]).0, Some(2));
    let now = house.version("candidate");
    assert_eq!(
        (&now["weight"], &now["manifest_weight"]),
        (&json!(25), &json!(10))
    );
    assert_eq!(now["weight_set"]["by"], "api-token");
    assert!(now["weight_set"]["set_at"].is_string(), "{now}");

    // the audit log has the flow's name as it is, the version and the share
    let detail = format!("version {id}: 25 % of new calls");
    let given_up = Instant::now() + PATIENCE;
    loop {
        let request = house.engine.http().get(house.engine.url("/api/audit"));
        let log = request.bearer_auth(API_TOKEN).send().await.unwrap();
        let log: Value = log.json().await.unwrap();
        let is_it = |entry: &Value| {
            entry["path"] == format!("/api/flows/{FLOW}/weight")
                && entry["status"] == 200
                && entry["token"] == "api-token"
                && entry["detail"] == detail
        };
        if log["items"].as_array().unwrap().iter().any(is_it) {
            break;
        }
        assert!(Instant::now() < given_up, "{log:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    // the same files again change nothing of it; other files are another candidate
    assert_eq!(house.deploy().1["was_there"], true);
    assert_eq!(house.version("candidate")["weight"], 25);
    share(20);
    assert_eq!(house.deploy().1["state"], "candidate");
    let next = house.version("candidate");
    assert_eq!(
        (&next["weight"], &next["weight_set"]),
        (&json!(20), &Value::Null)
    );
    let (status, _) = house
        .weigh(API_TOKEN, &json!({ "weight": 0, "version": id }))
        .await;
    assert_eq!(status, 409, "who saw the one before does not mean this one");
    let own = json!({ "weight": 0, "version": next["id"] });
    assert_eq!(house.weigh(API_TOKEN, &own).await.0, 200);

    // a restart remembers the candidate, with the share of its manifest
    house.engine.start_again();
    let again = house.version("candidate");
    assert_eq!(
        (&again["id"], &again["weight"], &again["weight_set"]),
        (&next["id"], &json!(20), &Value::Null)
    );
    assert_eq!(house.weigh(API_TOKEN, &own).await.0, 200);
}

#[test]
fn a_version_that_is_rejected_changes_neither_files_nor_versions() {
    let house = House::open();
    let (_, first) = house.deploy();
    let before = contents(&house.flows().join(FLOW));

    let bad: [(&str, &str, &str, &str, &str); 3] = [
        (
            "flow.toml",
            "[flow]",
            "[flow]\nlanguage = \"en-IN\"",
            "manifest",
            "language",
        ),
        (
            "prompts/en-IN.ftl",
            "greeting =",
            "greeting = { $nobody }",
            "prompts",
            "$nobody",
        ),
        (
            "tests/declines.toml",
            "[expect]",
            "[expect]\nlanguage = \"ta-IN\"",
            "tests",
            "declines.toml",
        ),
    ];
    for (file, from, to, step, words) in bad {
        house.edit(file, from, to);
        let (code, reported) = house.deploy();
        assert_eq!(
            (code, &reported["step"]),
            (Some(1), &step.into()),
            "{reported}"
        );
        assert!(
            reported["reason"].as_str().unwrap().contains(words),
            "{reported}"
        );
        assert!(!reported["hint"].as_str().unwrap().is_empty());
        assert_eq!(house.version("active")["id"], first["id"], "{step}");
        assert_eq!(house.listed()["rejected"][0]["step"], step);
        assert!(contents(&house.flows().join(FLOW)) == before, "{step}");
        house.edit(file, to, from);
    }
    house.edit("flow.toml", "[flow]", "[flow]\nlanguage = \"en-IN\"");
    let (code, reported) = house.flow(&["deploy", FLOW, "--name", "first"]);
    assert!(
        code == Some(1)
            && reported.contains("nothing was changed: no version of the flow takes calls"),
        "{reported}"
    );
    house.edit("flow.toml", "language = \"en-IN\"", "");
    let (code, reported) = house.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(0), "{reported}");
    house.edit("flow.toml", "[flow]", "[flow]\nlanguage = \"en-IN\"");
    let (code, reported) = house.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(1), "{reported}");
    for words in [
        "rejected",
        "step manifest",
        "known here are",
        "nothing was changed: version ",
        " stays active",
    ] {
        assert!(reported.contains(words), "{reported}");
    }
    // a text in the component's place
    house.edit("flow.toml", "language = \"en-IN\"", "");
    fs::write(house.mine().join("flow.wasm"), "fn main() {}\n").unwrap();
    let (code, reported) = house.deploy();
    assert_eq!(
        (code, &reported["step"]),
        (Some(1), &"contract".into()),
        "{reported}"
    );
    assert!(
        reported["reason"]
            .as_str()
            .unwrap()
            .contains("fn main() {}"),
        "{reported}"
    );
    assert_eq!(house.names(), [FLOW, "other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_call_keeps_the_version_it_began_with() {
    let house = House::open();
    let (_, first) = house.deploy();
    let playing = Playing::begin(&house.engine, &scenario("keys-english"));
    let given_up = Instant::now() + PATIENCE;
    while house.version("active")["calls"] != 1 {
        assert!(Instant::now() < given_up, "{}", house.engine.logs());
    }
    house.edit("prompts/en-IN.ftl", "greeting =", "greeting = Namaste.");
    let (code, second) = house.deploy();
    assert_eq!(code, Some(0), "{second}");
    assert_eq!(house.version("previous")["calls"], 1);
    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(report.code, Some(0), "{}", report.shown);
    let url = house.engine.url("/api/calls?limit=1");
    let request = house.engine.http().get(url).bearer_auth(API_TOKEN);
    let calls: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(calls["items"][0]["version"], first["id"], "{calls}");
    assert_eq!(house.version("active")["id"], second["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_archive_leaves_nothing_behind() {
    let house = House::open();
    house.deploy();
    let before = contents(&house.flows());
    let component = fs::read(house.mine().join("flow.wasm")).unwrap();
    let manifest = fs::read(house.mine().join("flow.toml")).unwrap();
    let zeros = vec![0; 33 << 20];
    let beside = |path, bytes: &[u8]| {
        archive(&[
            ("flow.wasm", &component),
            ("flow.toml", &manifest),
            (path, bytes),
        ])
    };
    let mut linked = ZipWriter::new(Cursor::new(Vec::new()));
    linked
        .add_symlink("flow.toml", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let whole = beside("prompts/en-IN.ftl", b"greeting = Hello");
    for (body, words) in [
        (beside("../../escaped.toml", b"x"), "no file of a flow"),
        (beside("/tmp/escaped.toml", b"x"), "no file of a flow"),
        (
            beside("prompts/../../../escaped.ftl", b"x"),
            "no file of a flow",
        ),
        (beside("run.sh", b"#!/bin/sh"), "no file of a flow"),
        (archive(&[("flow.wasm", &zeros)]), "larger than 32 MiB"),
        (linked.finish().unwrap().into_inner(), "a link"),
        (whole[..whole.len() / 2].to_vec(), "no ZIP archive"),
        (b"flow".to_vec(), "no ZIP archive"),
        (Vec::new(), "no ZIP archive"),
    ] {
        let (status, reported) = house.put(body).await;
        assert_eq!(
            (status, &reported["type"]),
            (400, &"/problems/unusable-archive".into()),
            "{reported}"
        );
        let detail = reported["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{words}: {detail}");
    }
    let (status, reported) = house.put(vec![0; 49 << 20]).await;
    assert_eq!(
        (status, &reported["type"]),
        (413, &"/problems/body-too-large".into()),
        "{reported}"
    );
    // an archive that lacks something is a flow that lacks it
    let (status, reported) = house.put(archive(&[("flow.toml", &manifest)])).await;
    assert_eq!(
        (status, &reported["step"]),
        (422, &"read".into()),
        "{reported}"
    );
    let (status, reported) = house.put(archive(&[("flow.wasm", &component)])).await;
    assert_eq!(
        (status, &reported["step"]),
        (422, &"manifest".into()),
        "{reported}"
    );
    house.names();
    assert!(contents(&house.flows()) == before);
    assert!(!house.folder.path().join("escaped.toml").exists());
    assert!(!Path::new("/tmp/escaped.toml").exists());
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_at_once_are_both_whole() {
    let house = House::open();
    let packed = |greeting: &str| {
        let mut parts: Vec<_> = parts_of_emi_reminder()
            .into_iter()
            .map(|path| {
                let bytes = fs::read(house.mine().join(&path)).unwrap();
                (path, bytes)
            })
            .collect();
        for (path, bytes) in &mut parts {
            if path == "prompts/en-IN.ftl" {
                let english = String::from_utf8(bytes.clone()).unwrap();
                let english = english.replacen("greeting =", &format!("greeting = {greeting}"), 1);
                *bytes = english.into_bytes();
            }
        }
        let parts: Vec<_> = parts
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .collect();
        archive(&parts)
    };
    let bodies: Vec<_> = (0..8)
        .map(|number| packed(&format!("Number {number}.")))
        .collect();
    let answers = futures_util::future::join_all(bodies.into_iter().map(|body| house.put(body)));
    let (mut taken, mut busy) = (0, 0);
    for (status, reported) in answers.await {
        match status {
            200 => taken += 1,
            409 => {
                assert_eq!(reported["type"], "/problems/another-deployment");
                busy += 1;
            }
            _ => panic!("{status} {reported}"),
        }
    }
    assert!(taken > 0 && taken + busy == 8, "{taken} {busy}");
    // what lies in the folder is what takes calls
    let active = house.version("active")["id"].clone();
    let mine = house.mine();
    fs::remove_dir_all(&mine).unwrap();
    copy_flow(&house.flows().join(FLOW), &mine);
    let (_, again) = house.deploy();
    assert_eq!((&again["id"], &again["was_there"]), (&active, &true.into()));
}

#[test]
fn an_engine_takes_flows_only_where_it_is_meant_to() {
    // without a token whoever reaches the engine could decide what it says
    let house = House::start("");
    let (code, reported) = house.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(1), "{reported}");
    assert!(reported.contains("deploy-flows"), "{reported}");
    assert_eq!(house.names(), ["other"]);

    let off = House::start(&format!(
        "api-token = '{API_TOKEN}'\ndeploy-flows = false\n"
    ));
    let (code, reported) = off.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(1), "{reported}");
    assert_eq!(off.names(), ["other"]);

    let open = House::open();
    let token = open.folder.path().join("wrong");
    fs::write(&token, "another-token-0123456789").unwrap();
    let output = program()
        .args(["flow", "deploy"])
        .arg(open.mine())
        .args(["--url", &open.engine.url("")])
        .arg("--token-file")
        .arg(token)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(open.names(), ["other"]);
}

#[test]
fn what_is_no_part_of_a_flow_is_not_overwritten() {
    let house = House::open();
    let place = house.flows().join(FLOW);
    fs::create_dir_all(place.join("src")).unwrap();
    fs::write(place.join("src/lib.rs"), "// mine\n").unwrap();
    let (code, reported) = house.flow(&["deploy", FLOW]);
    assert_eq!(code, Some(1), "{reported}");
    assert!(reported.contains("`src`"), "{reported}");
    assert_eq!(
        fs::read_to_string(place.join("src/lib.rs")).unwrap(),
        "// mine\n"
    );
    assert_eq!(house.names(), [FLOW, "other"]);
}

#[test]
fn a_flow_may_be_copied_into_the_folder_and_a_rejected_one_is_taken_back() {
    // an engine that takes nothing over the API still judges what it finds
    let house = House::start(&format!(
        "api-token = '{API_TOKEN}'\ndeploy-flows = false\n"
    ));
    let copied = |house: &House| {
        let flows = house.flows();
        house.json(&["deploy", FLOW, "--flows", flows.to_str().unwrap()])
    };
    let (code, first) = copied(&house);
    assert_eq!(
        (code, &first["state"]),
        (Some(0), &"active".into()),
        "{first}"
    );
    let before = contents(&house.flows().join(FLOW));
    house.edit("prompts/en-IN.ftl", "greeting =", "greeting = { $nobody }");
    let (code, reported) = copied(&house);
    assert_eq!(
        (code, &reported["step"]),
        (Some(1), &"prompts".into()),
        "{reported}"
    );
    assert!(contents(&house.flows().join(FLOW)) == before);
    assert_eq!(house.version("active")["id"], first["id"]);
    assert_eq!(house.names(), [FLOW, "other"]);
    house.edit(
        "prompts/en-IN.ftl",
        "greeting = { $nobody }",
        "greeting = Namaste.",
    );
    let (code, reported) = copied(&house);
    assert_eq!(
        (code, &reported["state"]),
        (Some(0), &"active".into()),
        "{reported}"
    );
}

#[test]
fn wrong_use_is_reported_with_a_code_of_its_own() {
    let house = House::open();
    let (code, reported) = house.flow(&["deploy", "no-such-folder"]);
    assert_eq!(code, Some(2), "{reported}");
    fs::create_dir(house.folder.path().join("empty")).unwrap();
    let (code, reported) = house.flow(&["deploy", "empty"]);
    assert_eq!(code, Some(2), "{reported}");
    assert!(reported.contains("no component `flow.wasm`"), "{reported}");
    let output = program()
        .args(["flow", "list", "--url", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(reported.contains("does not answer"), "{reported}");
}
