//! An engine with a folder of flows of its own, and what `/api/flows` says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Engine, Setup, root};

/// Each step takes a second; under load and beside a compiler it may take more.
const BOUND: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(20);

/// The flow of all good calls.
pub const EMI: &str = "emi-reminder";

pub struct House {
    pub folder: TempDir,
    pub engine: Engine,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

impl House {
    /// With the shipped flow and no other.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows");
        copy(&root().join("flows").join(EMI), &flows.join(EMI));
        let config = format!(
            "[calls]\nflow = '{EMI}'\nagents = ['+918000000002']\n[speech]\nrecognizer = 'none'\n[stores]\nlook-up-ms = 2000"
        );
        let house = Self {
            engine: Setup::new(config).flows(flows).start(),
            folder,
        };
        house.active(EMI).await.expect("the flow is active");
        house
    }

    /// A flow's folder.
    pub fn flow(&self, name: &str) -> PathBuf {
        self.folder.path().join("flows").join(name)
    }

    pub async fn send(&self, method: Method, path: &str) -> (u16, Value) {
        let response = self
            .engine
            .http()
            .request(method, self.engine.url(path))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What `GET /api/flows` says of a flow; null when it is not there.
    pub async fn state(&self, flow: &str) -> Value {
        let all = self.send(Method::GET, "/api/flows").await.1;
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|state| state["name"] == flow)
            .cloned()
            .unwrap_or_default()
    }

    pub async fn active(&self, flow: &str) -> Option<String> {
        let state = self.state(flow).await;
        let active = state["versions"]
            .as_array()?
            .iter()
            .find(|version| version["state"] == "active")?;
        active["id"].as_str().map(str::to_owned)
    }

    pub async fn until(&self, flow: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let given_up = Instant::now() + BOUND;
        loop {
            let state = self.state(flow).await;
            if so(&state) {
                return state;
            }
            assert!(
                Instant::now() < given_up,
                "`{flow}` was never {what}: {state:#}\n{}",
                self.engine.logs()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a flow has another active version, and gives its id.
    pub async fn another(&self, flow: &str, than: Option<&str>) -> String {
        let given_up = Instant::now() + BOUND;
        loop {
            match self.active(flow).await {
                Some(active) if Some(active.as_str()) != than => return active,
                active => assert!(
                    Instant::now() < given_up,
                    "{active:?} stays\n{}",
                    self.engine.logs()
                ),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How many calls a flow has, on all its versions.
pub fn calls(state: &Value) -> u64 {
    state["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|version| version["calls"].as_u64())
        .sum()
}
