//! The public states of flows and their versions.

use std::fmt;

use ghanti_host::{FlowVersion, Rejection};
use ghanti_model::{FlowName, VersionId};
use serde::{Deserialize, Serialize};

use crate::published::Published;

/// A version's stage in its life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Takes a share of the new calls, to be tried.
    Candidate,
    /// Takes the new calls.
    Active,
    /// Was active, and stays loaded so that it can return at once. Its running calls continue.
    Previous,
    /// Was rolled back, by hand or because of its failures. Its running calls continue; it takes
    /// new ones only if it is promoted.
    RolledBack,
    /// Kept only by its running calls.
    Draining,
}

impl Stage {
    /// The stage's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Candidate => "candidate",
            Stage::Active => "active",
            Stage::Previous => "previous",
            Stage::RolledBack => "rolled-back",
            Stage::Draining => "draining",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A share of the calls that somebody has set for a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetWeight {
    /// The share of the new calls, in percent.
    pub weight: u8,
    /// The name of the token with which it was set.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// One loaded version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionState {
    /// The version.
    pub id: VersionId,
    /// The author's version number.
    pub author_version: String,
    /// Its stage. A previous version may still have running calls: see `calls`.
    pub stage: Stage,
    /// How many calls it has now.
    pub calls: u32,
    /// Its share of the new calls as a candidate, in percent, as its manifest says.
    pub weight: u8,
    /// The share that it has in place of that; only of a candidate.
    pub set: Option<SetWeight>,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_ms: u64,
    /// How it came, and when; `None` if an earlier engine took it, which did not note it.
    pub published: Option<Published>,
    /// Why it was rolled back.
    pub reason: Option<String>,
    /// When it was rolled back, in milliseconds since 1970.
    pub rolled_back_ms: Option<u64>,
}

impl VersionState {
    /// The share of the new calls that it takes, in percent, if it is a candidate.
    pub fn share(&self) -> Option<u8> {
        let set = self.set.as_ref().map(|set| set.weight);
        (self.stage == Stage::Candidate).then(|| set.unwrap_or(self.weight))
    }

    pub(crate) fn of(version: &FlowVersion, stage: Stage) -> Self {
        Self {
            id: version.id.clone(),
            author_version: version.description.described.version.clone(),
            stage,
            calls: version.calls(),
            weight: version.manifest().update.weight,
            set: None,
            loaded_ms: version.loaded_ms,
            published: None,
            reason: None,
            rolled_back_ms: None,
        }
    }
}

/// A rejected candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The version, or `None` if its files could not be read.
    pub version: Option<VersionId>,
    /// Step, reason, line and hint.
    pub rejection: Rejection,
    /// When it was rejected, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A flow with its versions: the candidate, the active one, previous ones (newest first), the one
/// rolled back, and draining ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowState {
    /// Its name.
    pub name: FlowName,
    /// Its versions.
    pub versions: Vec<VersionState>,
    /// Rejected candidates, newest first.
    pub rejected: Vec<Rejected>,
    /// Warnings about a flow, one sentence each.
    pub warnings: Vec<String>,
}

/// Where the calls that no flow claims go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// The flow that takes them, or `None` if they end as `no-flow`.
    pub flow: Option<FlowName>,
    /// Why, in a few words.
    pub because: String,
    /// Whether someone has to act on it.
    pub is_problem: bool,
}

impl FlowState {
    /// The version in a stage; the first if there are several.
    pub fn version(&self, stage: Stage) -> Option<&VersionState> {
        self.versions.iter().find(|version| version.stage == stage)
    }
}
