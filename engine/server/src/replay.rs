//! The settings of `ghanti replay`, from the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ghanti_model::{DifferenceKind, Masked};
use ghanti_replay::ReplaySettings;

use crate::config::Config;
use crate::open::Folders;
use crate::secret::Secret;

/// The settings of a replay of the records of an engine with this configuration. `flow` is the
/// version to run against, a flow's folder or a component; when absent, the flow that is now in the
/// flows folder.
pub fn settings(
    config: &Config,
    folders: &Folders,
    flow: Option<PathBuf>,
    tolerated: BTreeSet<DifferenceKind>,
) -> ReplaySettings {
    let database = config.stores.database_url.as_ref();
    ReplaySettings {
        database: database.map(Secret::expose).map(Masked::from),
        database_ca_file: config.stores.ca_file.clone(),
        data: folders.data.clone(),
        flows: folders.flows.clone(),
        agents: config.calls.agents.clone(),
        allowance: config.allowance(),
        zone: config.calls.zone(),
        flow,
        tolerated,
    }
}
