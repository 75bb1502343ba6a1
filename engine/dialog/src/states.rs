//! What is told of flows and their versions.

use std::fmt;

use ghanti_model::{FlowName, VersionId};

use crate::load::Rejection;
use crate::version::FlowVersion;

/// Where a version is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Takes a share of the new calls, to be tried.
    Candidate,
    /// Takes the new calls.
    Active,
    /// Was active, and stays loaded so that it can come back at once. Calls that began with it go
    /// on.
    Previous,
    /// Was rolled back, by people or for its failures. Calls that began with it go on; no new ones
    /// come unless it is promoted.
    RolledBack,
    /// Kept only by the calls that began with it.
    Draining,
}

impl Stage {
    /// Its name.
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

/// One loaded version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionState {
    /// The version.
    pub id: VersionId,
    /// How its author counts it.
    pub author_version: String,
    /// Where it is in its life. One that was active and has calls yet is draining, loaded or not:
    /// see `calls`.
    pub stage: Stage,
    /// How many calls are on it now.
    pub calls: u32,
    /// A candidate's share of the new calls, in percent.
    pub weight: u8,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_ms: u64,
    /// Why it was rolled back,
    pub reason: Option<String>,
    /// and when.
    pub rolled_back_ms: Option<u64>,
}

impl VersionState {
    pub(crate) fn of<P>(version: &FlowVersion<P>, stage: Stage) -> Self {
        Self {
            id: version.id.clone(),
            author_version: version.description.version.clone(),
            stage,
            calls: version.calls(),
            weight: version.manifest().update.weight,
            loaded_ms: version.loaded_ms,
            reason: None,
            rolled_back_ms: None,
        }
    }
}

/// A candidate that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The version; none where its files could not be read.
    pub version: Option<VersionId>,
    /// Step, reason, line and hint.
    pub rejection: Rejection,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A flow with its versions: the candidate, the active one, those before (newest first), the one
/// rolled back, those that drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowState {
    /// Its name.
    pub name: FlowName,
    /// Its versions.
    pub versions: Vec<VersionState>,
    /// Candidates that were not taken, the newest first.
    pub rejected: Vec<Rejected>,
    /// What is odd about it though it takes calls, a sentence each.
    pub warnings: Vec<String>,
}

/// What becomes of the calls that no flow claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// The flow that takes them; none where they end as `no-flow`.
    pub flow: Option<FlowName>,
    /// Why, in a few words.
    pub because: String,
    /// Whether somebody has to do something about it.
    pub is_problem: bool,
}

impl FlowState {
    /// The version in a stage; the first, where there may be several.
    pub fn version(&self, stage: Stage) -> Option<&VersionState> {
        self.versions.iter().find(|version| version.stage == stage)
    }
}
