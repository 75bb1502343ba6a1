//! `ghanti dev` through the built program, with a compiler of the test's own: a plugin's source is
//! a script for `sh`, which puts a component in place as a compiler would, or says what is wrong.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Engine, Playing, Setup, Stream, parts_of_emi_reminder, root, scenario};
use serde_json::Value;
use tempfile::TempDir;

/// A step takes a second; under load and beside a compiler it may take more.
const BOUND: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(20);
const BUILD: &str = r#". "plugins/$1/flow.py""#;
/// Any component becomes another one with this behind it: a section that nobody reads.
const SECTION: &str = r"\000\002\001x";

/// A project of the shipped flow, whose source does nothing yet.
struct House {
    folder: TempDir,
    engine: Engine,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (
            root().join("flows/emi-reminder"),
            folder.path().join("flows/emi-reminder"),
        );
        fs::create_dir_all(to.join("prompts")).unwrap();
        // the component is built
        for file in parts_of_emi_reminder()
            .iter()
            .filter(|part| *part != "flow.wasm")
        {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
        let plugin = folder.path().join("plugins/emi-reminder");
        fs::create_dir_all(&plugin).unwrap();
        fs::copy(from.join("flow.toml"), plugin.join("flow.toml")).unwrap();
        let plugins = folder.path().join("plugins").to_string_lossy().into_owned();
        let setup = Setup::new("[speech]\nrecognizer = 'none'").flows(folder.path().join("flows"));
        let engine = setup.dev(["--plugins", &plugins, "--build", BUILD]).start();
        Self { folder, engine }
    }

    /// Edits the source of a plugin.
    fn edit(&self, plugin: &str, script: &str) {
        let file = self
            .folder
            .path()
            .join("plugins")
            .join(plugin)
            .join("flow.py");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, script).unwrap();
    }

    /// Waits until something is shown so many times; gives the line of the last.
    async fn shows(&self, words: &str, times: usize) -> String {
        let given_up = Instant::now() + BOUND;
        loop {
            let shown = self.engine.shown();
            let lines: Vec<_> = shown.lines().filter(|line| line.contains(words)).collect();
            assert!(
                lines.len() <= times,
                "`{words}` is shown more than {times} times:\n{shown}"
            );
            if lines.len() == times {
                return lines[times - 1].to_owned();
            }
            assert!(
                Instant::now() < given_up,
                "`{words}` is not shown {times} times:\n{shown}"
            );
            tokio::time::sleep(LOOK).await;
        }
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
            .unwrap()[..8]
            .to_owned()
    }
}

/// A source that becomes the shipped component, with this done to it on the way.
fn good(on_the_way: &str) -> String {
    let built = root().join("flows/emi-reminder/flow.wasm");
    format!(
        r#"cp '{}' "$2/$1/new.part"; {on_the_way}; mv "$2/$1/new.part" "$2/$1/flow.wasm""#,
        built.display()
    )
}

fn another() -> String {
    good(&format!(r#"printf '{SECTION}' >>"$2/$1/new.part""#))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_becomes_a_version_and_an_error_drops_nothing() {
    let house = House::new();
    house.shows("no flow takes calls yet", 1).await;
    house.edit("emi-reminder", &good("true"));
    house.shows("build  emi-reminder     ok in", 1).await;
    house.shows("is active", 1).await;
    let first = house.active().await;
    house.shows(&format!("version {first} is active"), 1).await;

    // what a compiler says of the sources is shown as it says it, and once
    house.edit(
        "emi-reminder",
        "echo '   Compiling emi v0.1.0' >&2; echo 'error[E0308]: mismatched types'; echo ' --> src/lib.rs:3:9' >&2; exit 101",
    );
    let line = house.shows("failed after", 1).await;
    assert!(
        line.contains("nothing is dropped") && line.contains(&first),
        "{line}"
    );
    house
        .shows("         error[E0308]: mismatched types", 1)
        .await;
    house.shows("          --> src/lib.rs:3:9", 1).await;
    assert!(!house.engine.shown().contains("Compiling"));
    assert_eq!(house.active().await, first);

    // what is built and is no good is the engine's to reject
    house.edit(
        "emi-reminder",
        &good(r#"truncate -s 1000 "$2/$1/new.part""#),
    );
    house.shows("rejected (contract", 1).await;
    // the first was that there was no component yet
    house.shows("         hint: ", 2).await;
    house
        .shows(&format!("         version {first} stays"), 1)
        .await;
    assert_eq!(house.active().await, first);

    house.edit("emi-reminder", &another());
    let line = house.shows(&format!("(was {first})"), 1).await;
    assert!(line.contains("after the change"), "{line}");
    let second = house.active().await;
    assert!(second != first && line.contains(&second), "{line}");

    // what is put into the folder of flows by hand is live without a build
    let prompts = house
        .folder
        .path()
        .join("flows/emi-reminder/prompts/en-IN.ftl");
    let words = fs::read_to_string(&prompts).unwrap();
    fs::write(&prompts, format!("{words}# A word more.\n")).unwrap();
    house.shows(&format!("(was {second})"), 1).await;
    fs::write(&prompts, format!("{words}who = {{ $x\n")).unwrap();
    house.shows("rejected (prompts, line ", 1).await;
    house.shows("building", 4).await;
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_during_a_build_is_built_once_more() {
    let house = House::new();
    let waits = |nth: usize| {
        format!(
            "# {nth}\necho run >>runs; until [ -e go ]; do sleep 0.02; done; {}",
            good("true")
        )
    };
    house.edit("emi-reminder", &waits(1));
    house.shows("build  emi-reminder     building", 1).await;
    let runs = house.folder.path().join("runs");
    while fs::read_to_string(&runs).unwrap_or_default().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    for nth in 2..6 {
        house.edit("emi-reminder", &waits(nth));
    }
    fs::write(house.folder.path().join("go"), "").unwrap();
    house.shows("ok in", 2).await;
    // an older change would have been built before this one
    fs::create_dir(house.folder.path().join("plugins/other")).unwrap();
    fs::write(house.folder.path().join("plugins/other/flow.toml"), "").unwrap();
    house.edit("other", "echo nothing; false");
    house.shows("build  other            failed", 1).await;
    assert_eq!(fs::read_to_string(&runs).unwrap(), "run\nrun\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_during_each_of_many_builds_is_never_lost() {
    let house = House::new();
    let step = |nth: usize| house.folder.path().join(format!("go-{nth}"));
    let waits = |nth: usize| {
        format!("echo {nth} >>runs; until [ -e go-{nth} ]; do sleep 0.02; done; exit 1")
    };
    let runs = house.folder.path().join("runs");
    house.edit("emi-reminder", &waits(1));
    for nth in 1..=4 {
        let begun = format!("{nth}\n");
        let given_up = Instant::now() + BOUND;
        while !fs::read_to_string(&runs)
            .unwrap_or_default()
            .ends_with(&begun)
        {
            assert!(Instant::now() < given_up, "{}", house.engine.shown());
            tokio::time::sleep(LOOK).await;
        }
        if nth < 4 {
            house.edit("emi-reminder", &waits(nth + 1));
        }
        fs::write(step(nth), "").unwrap();
    }
    house.shows("failed after", 4).await;
    assert_eq!(fs::read_to_string(&runs).unwrap(), "1\n2\n3\n4\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_build_that_writes_into_its_own_folder_comes_to_rest() {
    let house = House::new();
    let runs = house.folder.path().join("runs");
    house.edit(
        "emi-reminder",
        "echo run >>runs; cp runs plugins/emi-reminder/build.log; exit 1",
    );
    house
        .shows(
            "its sources changed during this build too: it is built again in 10 s, or at once with the next change",
            1,
        )
        .await;
    assert_eq!(fs::read_to_string(&runs).unwrap(), "run\nrun\nrun\n");
    house.edit("emi-reminder", "echo run >>runs; exit 1");
    house.shows("failed after", 4).await;
    assert_eq!(fs::read_to_string(&runs).unwrap(), "run\nrun\nrun\nrun\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_plugin_is_told_what_it_lacks() {
    let house = House::new();
    house.edit("kyc", "true");
    house
        .shows(
            "build  kyc              is not built: it has no manifest",
            1,
        )
        .await;
    house
        .shows("plugins/kyc/flow.toml`, empty for the defaults", 1)
        .await;
    fs::write(house.folder.path().join("plugins/kyc/flow.toml"), "").unwrap();
    house
        .shows("build  kyc              ended well after", 1)
        .await;
    house
        .shows("hint: let the command of --build move it there", 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_shown_turn_by_turn_and_nothing_personal_with_it() {
    let house = House::new();
    house.edit("emi-reminder", &good("true"));
    house.shows("is active", 1).await;
    let version = house.active().await;
    let playing = Playing::begin(&house.engine, &scenario("keys-english"));
    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(report.code, Some(0), "{}", report.shown);
    house
        .shows("call   #1 xxxxxx0008    ended: transfer-decided after", 1)
        .await;
    for words in [
        "announced, waits for Exotel".to_owned(),
        "Exotel asks, the customer is known".to_owned(),
        format!("started on emi-reminder {version}"),
        "bot: greeting ‹".to_owned(),
        "caller: keys ‹1 characters›".to_owned(),
        "answer: identity = yes".to_owned(),
        "established: identity".to_owned(),
        "bot: emi-details ‹".to_owned(),
        "milestone: emi-delivered".to_owned(),
        "answer: transfer = agent".to_owned(),
    ] {
        let line = house
            .engine
            .shown()
            .lines()
            .find(|line| line.contains(&words))
            .map(str::to_owned);
        assert!(
            line.is_some_and(|line| line.contains("call   #1 xxxxxx0008 ")),
            "`{words}` is not shown:\n{}",
            house.engine.shown()
        );
    }
    let shown = house.engine.shown();
    for personal in [
        "Priya",
        "9876500008",
        "12,500",
        "twelve thousand",
        "00478213",
        "Sahyog",
    ] {
        assert!(!shown.contains(personal), "`{personal}` is shown:\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_flow_logs_is_shown_with_its_call() {
    let house = House::new();
    house.edit("emi-reminder", &good("true"));
    house.shows("is active", 1).await;
    // who calls and is not known has no record
    let mut stream = Stream::begin(&house.engine, "sid-of-a-log", "09876500077").await;
    let line = house.shows("the customer's record cannot be used", 1).await;
    assert!(
        line.contains("log    emi-reminder     #1 error: "),
        "{line}"
    );
    stream.until_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_the_build_and_the_calls_at_once() {
    let mut house = House::new();
    house.edit("emi-reminder", &good("true"));
    house.shows("is active", 1).await;
    let call = house.engine.customer("+919876500078", None).await;
    let mut stream = Stream::begin(&house.engine, "sid-of-a-stop", "09876500078").await;
    stream.hear_voice().await;
    house.edit("emi-reminder", "sleep 600 & echo $! >id; wait");
    let id = house.folder.path().join("id");
    while fs::read_to_string(&id).unwrap_or_default().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    house.engine.ask_to_stop();
    let status = house.engine.stopped(BOUND);
    assert!(status.success(), "{status}");
    assert!(
        house.engine.shown().ends_with("dev    stopped\n"),
        "{}",
        house.engine.shown()
    );
    let process = format!("/proc/{}/cmdline", fs::read_to_string(&id).unwrap().trim());
    let given_up = Instant::now() + BOUND;
    while fs::read(&process).is_ok_and(|line| line.starts_with(b"sleep")) {
        assert!(
            Instant::now() < given_up,
            "what the build had started lives on"
        );
        tokio::time::sleep(LOOK).await;
    }
    house.edit("emi-reminder", &another());
    house.engine.start_again();
    assert_eq!(house.engine.ended(&call).await["outcome"], "engine-stopped");
}

/// Builds a plugin by the project's own script into a folder of flows.
fn own_build(flows: &Path, plugin: &str) -> std::process::Output {
    let mut build = std::process::Command::new(root().join(".setup/flows"));
    build.env("GHANTI_PROGRAM", crate::support::program().get_program());
    build.arg("--into").arg(flows).arg(plugin).output().unwrap()
}

#[test]
fn the_projects_own_build_puts_a_flow_in_place_and_leaves_alone_what_does_not_change() {
    let flows = tempfile::tempdir().unwrap();
    for plugin in ["emi-reminder", "appointment"] {
        let (made, source) = (
            flows.path().join(plugin),
            root().join("plugins").join(plugin),
        );
        let build = || {
            let built = own_build(flows.path(), plugin);
            let said = String::from_utf8_lossy(&built.stderr).into_owned();
            assert!(built.status.success(), "{said}");
            let changed = |file: &str| fs::metadata(made.join(file)).unwrap().modified().unwrap();
            ["flow.wasm", "flow.toml", "prompts/hi-IN.ftl"].map(changed)
        };
        let first = build();
        // what a plugin has no more is gone, what is the operator's own stays
        fs::write(made.join("prompts/ta-IN.ftl"), "greeting = வணக்கம்").unwrap();
        fs::write(made.join("tests/old.toml"), "[expect]").unwrap();
        fs::write(made.join("notes.txt"), "mine").unwrap();
        assert_eq!(build(), first, "{plugin}");
        for folder in ["prompts", "tests"] {
            let names = |of: &Path| {
                let files = fs::read_dir(of.join(folder)).unwrap();
                let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
                names.sort();
                names
            };
            assert_eq!(names(&made), names(&source), "{plugin}");
        }
        assert!(made.join("notes.txt").exists());
        for file in ["flow.toml", "prompts/en-IN.ftl"] {
            let text = |of: &Path| fs::read_to_string(of.join(file)).unwrap();
            assert_eq!(text(&made), text(&source), "{plugin}");
        }
    }
    assert!(!flows.path().join("survey").exists());
}

#[test]
fn the_projects_own_build_says_what_a_plugin_lacks() {
    let flows = tempfile::tempdir().unwrap();
    for (name, lacks) in [
        ("nowhere", "plugins/nowhere is no plugin"),
        ("pack", "plugins/pack has no manifest"),
    ] {
        let built = own_build(flows.path(), name);
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(!built.status.success() && said.contains(lacks), "{said}");
    }
    assert_eq!(fs::read_dir(flows.path()).unwrap().count(), 0);
}
