//! `ghanti flow rollback`: returns to an earlier version.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::engine::{Flow, Target, Version, flows};
use super::list::print_flow;
use super::outcome;
use crate::engine::{Engine, segment};
use crate::runtime::one_thread;

/// Timeout of a response.
const REPLY: Duration = Duration::from_secs(30);
/// Maximum number of changes until a version is active: a candidate, and the earlier versions that stay
/// loaded.
const STEPS: usize = 4;

/// Withdraw a flow's candidate or, without one, return to the previous version
///
/// Running calls keep their version. Exits with 0 if it is done, with 1 if the engine refuses, and with 2 if the engine cannot be reached.
#[derive(Args)]
pub struct Rollback {
    #[command(flatten)]
    target: Target,
    /// The flow
    name: String,
    /// The version to make active, among those that `ghanti flow list` shows: its author's number, or the beginning of its digest
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Print the engine's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// A change that brings a version closer to being active.
enum Change {
    Done,
    Promote,
    RollBack,
}

impl Rollback {
    /// Asks the engine for it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            let engine = self.target.engine(REPLY)?;
            let reported = match &self.to {
                None => change(&engine, &self.name, "rollback").await?,
                Some(version) => match self.go_to(&engine, version).await? {
                    Ok(reported) => reported,
                    Err(refusal) => {
                        outcome::code(Err(anyhow!(refusal)), self.json);
                        return Ok(ExitCode::from(outcome::REFUSED));
                    }
                },
            };
            print_flow(&reported, self.json)?;
            Ok(ExitCode::SUCCESS)
        })
    }

    /// Makes a version active, change by change. The inner error is why it cannot become active.
    async fn go_to(&self, engine: &Engine, wanted: &str) -> anyhow::Result<Result<Value, String>> {
        let (all, reported) = flows(engine).await?;
        let at = all.items.iter().position(|flow| flow.name == self.name);
        let Some(at) = at else {
            return Ok(Err(format!(
                "there is no flow `{}`: see `ghanti flow list`",
                self.name
            )));
        };
        let mut reported = reported
            .pointer(&format!("/items/{at}"))
            .cloned()
            .unwrap_or_default();
        let id = match named(&Flow::deserialize(&reported)?, wanted) {
            Ok(id) => id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for _ in 0..=STEPS {
            match next(&Flow::deserialize(&reported)?.versions, &id) {
                Some(Change::Done) => return Ok(Ok(reported)),
                Some(Change::Promote) => reported = change(engine, &self.name, "promote").await?,
                Some(Change::RollBack) => reported = change(engine, &self.name, "rollback").await?,
                None => break,
            }
        }
        bail!(
            "version {wanted} is not loaded any more: put its files into the flows folder, or deploy them"
        )
    }
}

/// The digest of the version that a text names.
fn named(flow: &Flow, wanted: &str) -> Result<String, String> {
    let fitting: Vec<_> = flow
        .versions
        .iter()
        .filter(|version| version.is_named_by(wanted))
        .collect();
    match &fitting[..] {
        [version] => Ok(version.id.clone()),
        [] => {
            let there: Vec<_> = flow.versions.iter().map(Version::shown).collect();
            Err(format!(
                "version `{wanted}` of `{}` is not loaded, only {}: deploy its files",
                flow.name,
                there.join(", ")
            ))
        }
        several => {
            let several: Vec<_> = several.iter().map(|version| version.shown()).collect();
            Err(format!(
                "`{wanted}` may be {}: give the beginning of its digest",
                several.join(" or ")
            ))
        }
    }
}

/// The next change towards an active version. `None` if the version is only draining.
fn next(versions: &[Version], id: &str) -> Option<Change> {
    let wanted = versions.iter().find(|version| version.id == id)?;
    let has_candidate = versions.iter().any(|version| version.state == "candidate");
    match wanted.state.as_str() {
        "active" if has_candidate => Some(Change::RollBack),
        "active" => Some(Change::Done),
        "candidate" => Some(Change::Promote),
        "rolled-back" if !has_candidate => Some(Change::Promote),
        "previous" | "rolled-back" => Some(Change::RollBack),
        _ => None,
    }
}

async fn change(engine: &Engine, name: &str, change: &str) -> anyhow::Result<Value> {
    let path = format!("/api/flows/{}/{change}", segment(name));
    Ok(engine.send(engine.request(Method::POST, &path)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str, state: &str) -> Version {
        Version {
            id: id.to_owned(),
            version: "1.0".to_owned(),
            state: state.to_owned(),
            calls: 0,
            weight: None,
            manifest_weight: None,
            weight_set: None,
            published: None,
            reason: None,
        }
    }

    #[test]
    fn a_version_is_named_by_its_number_or_the_beginning_of_its_digest() {
        let mut flow = Flow {
            name: "emi".to_owned(),
            versions: vec![version("abcd11", "active"), version("abcd22", "previous")],
            rejected: Vec::new(),
            warnings: Vec::new(),
        };
        assert_eq!(named(&flow, "abcd2").unwrap(), "abcd22");
        assert!(named(&flow, "abcd").unwrap_err().contains("may be"));
        assert!(named(&flow, "1.0").unwrap_err().contains("may be"));
        assert!(named(&flow, "abc").unwrap_err().contains("not loaded"));
        flow.versions.pop();
        assert_eq!(named(&flow, "1.0").unwrap(), "abcd11");
    }

    #[test]
    fn an_older_version_is_reached_change_by_change() {
        let versions = [
            version("c", "candidate"),
            version("a", "active"),
            version("b", "previous"),
            version("r", "rolled-back"),
            version("d", "draining"),
        ];
        let reported = |versions: &[Version], id| {
            next(versions, id).map(|step| match step {
                Change::Done => "done",
                Change::Promote => "promote",
                Change::RollBack => "rollback",
            })
        };
        assert_eq!(reported(&versions, "c"), Some("promote"));
        assert_eq!(reported(&versions, "a"), Some("rollback"));
        assert_eq!(reported(&versions, "b"), Some("rollback"));
        assert_eq!(reported(&versions, "d"), None);
        assert_eq!(reported(&versions, "x"), None);
        assert_eq!(reported(&versions[1..], "a"), Some("done"));
        assert_eq!(reported(&versions[1..], "r"), Some("promote"));
    }
}
