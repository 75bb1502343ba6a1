//! Settings of a replay.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ghanti_manifest::Allowance;
use ghanti_model::{DifferenceKind, Masked, PhoneNumber, Zone};

/// Where records and flows are, and how they are replayed.
#[derive(Debug, Clone)]
pub struct ReplaySettings {
    /// The URL of the database of records; SQLite in the data folder when absent.
    pub database: Option<Masked>,
    /// A PEM file of certificates to trust for the database besides the system's.
    pub database_ca_file: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// The flows folder.
    pub flows: PathBuf,
    /// The target of flows whose manifest grants no transfer.
    pub agents: Vec<PhoneNumber>,
    /// What manifests may ask for.
    pub allowance: Allowance,
    /// Where local time is that of.
    pub zone: Zone,
    /// The version to run against: a flow's folder, or a component. When absent, the flow that is
    /// now in the flows folder.
    pub flow: Option<PathBuf>,
    /// Kinds of differences that are shown but do not count as a failure.
    pub tolerated: BTreeSet<DifferenceKind>,
}
