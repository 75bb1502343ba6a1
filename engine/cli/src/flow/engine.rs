//! The flows of a running engine, as its API shows them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::engine::{Address, Engine};

/// Number of characters of a version's digest that are shown.
const SHOWN: usize = 12;

/// An engine, and the token for it.
#[derive(Args)]
pub struct Target {
    #[command(flatten)]
    address: Address,
    /// A file with the engine's API token; by default `api-token` of `[server]`
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Target {
    /// A client with this timeout.
    pub fn engine(&self, reply: Duration) -> anyhow::Result<Engine> {
        let engine = Engine::with_timeout(&self.address, reply)?;
        let Some(file) = &self.token_file else {
            return Ok(engine);
        };
        let shown = file.display();
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the token in `{shown}`"))?;
        let token = token.trim();
        ensure!(
            !token.is_empty() && token.chars().all(|letter| letter.is_ascii_graphic()),
            "`{shown}` contains no token: put only `api-token` of the engine's `[server]` into it"
        );
        Ok(engine.with_token(token))
    }
}

/// `GET /api/flows`
#[derive(Deserialize)]
pub struct Flows {
    pub items: Vec<Flow>,
    #[serde(default)]
    pub invalid: Vec<Fault>,
    pub unclaimed: Unclaimed,
}

#[derive(Deserialize)]
pub struct Unclaimed {
    pub flow: Option<String>,
    pub because: String,
}

/// A flow.
#[derive(Deserialize)]
pub struct Flow {
    pub name: String,
    #[serde(default)]
    pub versions: Vec<Version>,
    #[serde(default)]
    pub rejected: Vec<Fault>,
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A loaded version.
#[derive(Deserialize)]
pub struct Version {
    pub id: String,
    pub version: String,
    pub state: String,
    pub calls: u32,
    #[serde(default)]
    pub weight: Option<u8>,
    #[serde(default)]
    pub manifest_weight: Option<u8>,
    #[serde(default)]
    pub weight_set: Option<WeightSet>,
    #[serde(default)]
    pub published: Option<Published>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// By whom a candidate's share was set.
#[derive(Deserialize)]
pub struct WeightSet {
    pub by: String,
}

/// How a version came to the engine, and when.
#[derive(Deserialize)]
pub struct Published {
    pub how: String,
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub prompt: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
    pub published_ms: u64,
}

impl Version {
    /// Its number and the beginning of its digest.
    pub fn shown(&self) -> String {
        format!("{} ({})", self.version, short(&self.id))
    }

    /// Whether a text names this version: by its author's number, or by the beginning of its digest.
    pub fn is_named_by(&self, text: &str) -> bool {
        self.version == text || (text.len() >= 4 && self.id.starts_with(text))
    }
}

/// Why a version, or an entry of the folder, was rejected.
#[derive(Deserialize, PartialEq, Eq, Clone)]
pub struct Fault {
    pub flow: String,
    #[serde(default)]
    pub id: Option<String>,
    pub step: String,
    pub reason: String,
    #[serde(default)]
    pub line: Option<usize>,
    pub hint: String,
    #[serde(default)]
    pub rejected_ms: Option<u64>,
}

/// The beginning of a version's digest.
pub fn short(id: &str) -> &str {
    id.get(..SHOWN).unwrap_or(id)
}

/// The flows, and the engine's response as it is.
pub async fn flows(engine: &Engine) -> anyhow::Result<(Flows, Value)> {
    let reported: Value = engine.get("/api/flows").await?;
    let flows = Flows::deserialize(&reported).context(
        "the answer cannot be read: use the same version of `ghanti` as the running engine",
    )?;
    Ok((flows, reported))
}
