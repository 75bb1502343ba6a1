//! Versions that are changed while their files stay what they are: by people, or for their
//! failures.

use ghanti_model::{FlowName, VersionId};

use super::Catalogue;
use crate::run::RunEnd;
use crate::version::{FlowVersion, PromptLibrary};
use ghanti_model::unix_ms;

/// A version cannot be changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No such flow.
    #[error("there is no flow `{0}`")]
    Unknown(FlowName),
    /// Nothing to bring back.
    #[error("flow `{0}` has neither a candidate to withdraw nor a version before to bring back")]
    NothingBefore(FlowName),
    /// Nothing to promote.
    #[error("flow `{0}` has neither a candidate nor a rolled back version to promote")]
    NothingToPromote(FlowName),
}

impl<P: PromptLibrary> Catalogue<P> {
    /// Makes a flow's candidate active; without one, the version that was rolled_back. Gives the
    /// version that is now active.
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
        self.remember(name);
        self.changed();
        Ok(version.id.clone())
    }

    /// Withdraws a flow's candidate; without one, its active version, and brings the version before
    /// back. Gives the version that is now active. What was rolled back comes back by a promotion, or
    /// not at all: the files have to change before the folder is heard again.
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
        self.remember(name);
        self.changed();
        Ok(version.id.clone())
    }

    /// Takes note of how a run ended. Failures of a version above its `[on-failure] budget` bring the
    /// version before back, or withdraw the candidate. `now_ms` is in milliseconds since 1970.
    pub fn report(&self, version: &FlowVersion<P>, end: &RunEnd, now_ms: u64) {
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
                self.remember(name);
                self.changed();
            }
            None => {
                tracing::error!(flow = %name, version = %id, reason, "flow keeps failing, and no version before is loaded: fix it")
            }
        }
    }
}
