//! Changes to versions whose files stay the same: by hand, or because of failures.

use ghanti_host::{FlowVersion, RunEnd};
use ghanti_model::{FlowName, VersionId, unix_ms};

use super::Catalogue;
use crate::states::SetWeight;

/// A version cannot be changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    Unknown(FlowName),
    /// There is nothing to roll back to.
    #[error("flow `{0}` has neither a candidate to withdraw nor a version before to bring back")]
    NothingBefore(FlowName),
    /// There is nothing to promote.
    #[error("flow `{0}` has neither a candidate nor a rolled back version to promote")]
    NothingToPromote(FlowName),
    /// No version is a candidate.
    #[error("flow `{0}` has no candidate that takes a share of its calls")]
    NoCandidate(FlowName),
    /// Another version is the candidate.
    #[error("version {version} of flow `{flow}` is not its candidate any more")]
    OtherCandidate {
        /// The flow.
        flow: FlowName,
        /// The version that was meant.
        version: VersionId,
    },
}

impl Catalogue {
    /// Activates a flow's candidate or, if there is none, the version that was rolled back. Returns
    /// the version that is now active.
    pub fn promote(&self, name: &FlowName) -> Result<VersionId, ChangeError> {
        let version = {
            let mut flows = self.change();
            let set = flows
                .get_mut(name)
                .ok_or_else(|| ChangeError::Unknown(name.clone()))?;
            set.promote()
                .ok_or_else(|| ChangeError::NothingToPromote(name.clone()))?
        };
        tracing::info!(flow = %name, version = %version.id, "flow version was promoted");
        self.remember(name, None);
        self.changed();
        Ok(version.id.clone())
    }

    /// Withdraws a flow's candidate or, if there is none, its active version in favour of the
    /// previous one. Returns the version that is now active. A version that was rolled back returns
    /// only by promotion; the same files are not loaded again until they change.
    pub fn rollback(&self, name: &FlowName, reason: &str) -> Result<VersionId, ChangeError> {
        let version = {
            let mut flows = self.change();
            let set = flows
                .get_mut(name)
                .ok_or_else(|| ChangeError::Unknown(name.clone()))?;
            set.roll_back(reason.to_owned(), unix_ms())
                .ok_or_else(|| ChangeError::NothingBefore(name.clone()))?
        };
        tracing::warn!(flow = %name, version = %version.id, reason, "flow was rolled back");
        self.metrics.rolled_back(name.as_str());
        self.remember(name, None);
        self.changed();
        Ok(version.id.clone())
    }

    /// Gives a flow's candidate another share of the new calls than its manifest's. It has it until it
    /// is promoted, rolled back or replaced, also after a restart. `meant` is the version that has to be
    /// the candidate, if one is meant. Calls that run keep their version. Returns the candidate.
    pub fn set_weight(
        &self,
        name: &FlowName,
        meant: Option<&VersionId>,
        weight: SetWeight,
    ) -> Result<VersionId, ChangeError> {
        let (percent, by) = (weight.weight, weight.by.clone());
        let id = {
            let mut flows = self.change();
            let set = flows
                .get_mut(name)
                .ok_or_else(|| ChangeError::Unknown(name.clone()))?;
            let candidate = set.candidate().map(|candidate| candidate.id.clone());
            let id = candidate.ok_or_else(|| ChangeError::NoCandidate(name.clone()))?;
            if let Some(meant) = meant.filter(|meant| **meant != id) {
                return Err(ChangeError::OtherCandidate {
                    flow: name.clone(),
                    version: meant.clone(),
                });
            }
            set.set_weight(weight);
            id
        };
        tracing::info!(flow = %name, version = %id, percent, by, "the candidate takes another share of the calls");
        self.remember(name, None);
        self.changed();
        Ok(id)
    }

    /// Records how a run ended. If a version fails more often than its `[on-failure] budget`
    /// allows, it is rolled back to the previous version, or withdrawn if it is the candidate.
    /// `now_ms` is in milliseconds since 1970.
    pub fn report(&self, version: &FlowVersion, end: &RunEnd, now_ms: u64) {
        let (name, id) = (&version.name, &version.id);
        self.metrics.ended(name.as_str(), end);
        let (true, Some(budget)) = (end.is_flows_fault(), version.manifest().on_failure.budget)
        else {
            return;
        };
        let Some(failures) = version.failed(now_ms) else {
            return;
        };
        let reason = format!(
            "it failed {failures} times, more than `[on-failure] budget` = `{budget}` bears"
        );
        let back = {
            let mut flows = self.change();
            let Some(set) = flows.get_mut(name).filter(|set| set.takes_calls(id)) else {
                return;
            };
            set.withdraw(id, reason.clone(), now_ms)
        };
        match back {
            Some(back) => {
                tracing::error!(flow = %name, failing = %id, version = %back.id, reason, "flow was rolled back by itself: fix it");
                self.metrics.rolled_back(name.as_str());
                self.remember(name, None);
                self.changed();
            }
            None => {
                tracing::error!(flow = %name, version = %id, reason, "flow keeps failing, and no version before is loaded: fix it")
            }
        }
    }
}
