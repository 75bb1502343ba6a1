//! Rules of the built program's flows do not fall off: by a deleted or half-copied manifest while
//! calls come, and by a restart.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Engine, Setup, parts_of_emi_reminder, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Each step takes a second; under load more.
const BOUND: Duration = Duration::from_secs(60);

/// The shipped flow in a folder of the test's own.
struct House {
    folder: TempDir,
    engine: Engine,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("flows/emi-reminder");
        fs::create_dir_all(flow.join("prompts")).unwrap();
        for file in &parts_of_emi_reminder() {
            fs::copy(
                root().join("flows/emi-reminder").join(file),
                flow.join(file),
            )
            .unwrap();
        }
        let engine = Setup::new("[speech]\nrecognizer = 'none'")
            .flows(folder.path().join("flows"))
            .start();
        Self { folder, engine }
    }

    fn file(&self, file: &str) -> PathBuf {
        self.folder.path().join("flows/emi-reminder").join(file)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .engine
            .http()
            .get(self.engine.url(path))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn flow(&self) -> Value {
        self.get("/api/flows").await.1["items"][0].clone()
    }

    /// Waits until the newest rejection has these words; gives the flow.
    async fn rejected(&self, words: &str) -> Value {
        let given_up = Instant::now() + BOUND;
        loop {
            let flow = self.flow().await;
            if flow["rejected"][0]["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains(words))
            {
                return flow;
            }
            assert!(
                Instant::now() < given_up,
                "never `{words}`: {flow:#}\n{}",
                self.engine.logs()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn active(flow: &Value) -> Value {
    let version = flow["versions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|version| version["state"] == "active");
    version.map_or(Value::Null, |version| version["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_gone_half_there_or_misspelt_is_rejected_and_a_restart_changes_nothing()
{
    let mut house = House::new();
    let first = active(&house.flow().await);
    let manifest = fs::read_to_string(house.file("flow.toml")).unwrap();

    fs::remove_file(house.file("flow.toml")).unwrap();
    let flow = house.rejected("the manifest is gone").await;
    assert_eq!(
        (&flow["rejected"][0]["step"], active(&flow)),
        (&json!("manifest"), first.clone())
    );

    let half = &manifest[..manifest.find("disclosure = ").unwrap()];
    fs::write(house.file("flow.toml"), half).unwrap();
    let flow = house
        .rejected("`prompts.disclosure.interruptible`, `prompts.disclosure.requires.identity`")
        .await;
    assert_eq!(active(&flow), first);

    for (from, to, words) in [
        (
            "[questions.transfer]",
            "[questions.transfr]",
            "a property names `transfer`, which is no question of the manifest; did you mean `transfr`?",
        ),
        (
            "emi-details = { requires = [\"identity\"]",
            "emi-details = { requires = [\"identitty\"]",
            "did you mean `identity`?",
        ),
    ] {
        assert!(manifest.contains(from));
        fs::write(house.file("flow.toml"), manifest.replace(from, to)).unwrap();
        let flow = house.rejected(words).await;
        assert_eq!(active(&flow), first);
    }
    // with names that are consistently wrong
    fs::write(
        house.file("flow.toml"),
        manifest.replace("\"identity\"", "\"identitty\""),
    )
    .unwrap();
    house
        .rejected("but the flow establishes nothing of this name")
        .await;

    fs::write(house.file("flow.toml"), half).unwrap();
    house.rejected("has fewer rules").await;
    house.engine.start_again();
    let flow = house.flow().await;
    assert_eq!(active(&flow), first, "{flow:#}");
    assert!(
        flow["rejected"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("has fewer rules"),
        "{flow:#}"
    );
    assert!(
        flow["warnings"][0]
            .as_str()
            .unwrap()
            .contains("the version that took calls last goes on"),
        "{flow:#}"
    );
    assert_eq!(house.get("/readyz").await.0, 200);
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_with_a_bad_prompt_the_version_before_takes_the_calls_or_the_engine_is_not_ready()
 {
    let mut house = House::new();
    let first = active(&house.flow().await);
    let prompts = fs::read_to_string(house.file("prompts/hi-IN.ftl")).unwrap();
    let long = "law ".repeat(1_100);
    fs::write(
        house.file("prompts/hi-IN.ftl"),
        prompts.replace("please-wait = ", &format!("please-wait = {long}")),
    )
    .unwrap();
    let flow = house.rejected("message `please-wait` has ").await;
    assert_eq!(
        (&flow["rejected"][0]["step"], active(&flow)),
        (&json!("prompts"), first.clone())
    );
    house.engine.start_again();
    assert_eq!(
        (active(&house.flow().await), house.get("/readyz").await.0),
        (first, 200)
    );

    // what was kept is gone as well: then somebody has to know
    let other = house.folder.path().join("flows/other.wasm");
    fs::copy(
        root().join("engine/host/tests/fixtures/bare-0.1.0.wasm"),
        other,
    )
    .unwrap();
    fs::remove_dir_all(house.engine.house().join("data/flows/objects")).unwrap();
    house.engine.start_again();
    let (status, reported) = house.get("/readyz").await;
    assert_eq!(
        (status, &reported["flows"]),
        (503, &json!(["other"])),
        "{reported:#}"
    );
    assert!(
        reported["problems"][0]
            .as_str()
            .unwrap()
            .contains("flow `emi-reminder` took calls before"),
        "{reported:#}"
    );
    let (_, flows) = house.get("/api/flows").await;
    assert_eq!(flows["unclaimed"]["flow"], Value::Null, "{flows:#}");
    house.engine.is_well().await;
}
