//! Saves the active versions of flows so that they survive a restart, and restores them.

use std::sync::Arc;
use std::time::Duration;

use ghanti_host::{Fault, FlowVersion, Rejection};
use ghanti_model::{FlowName, VersionId};

use super::Catalogue;
use crate::kept::{Last, Share, Withdrawn};
use crate::published::{Published, Taken};
use crate::source::{Parts, Source};

/// How long publication waits for a slow disk while a version is saved.
const KEEPING: Duration = Duration::from_secs(2);

impl Catalogue {
    /// Saves a version that is about to take calls, and how it came, so that both are on disk by the
    /// time anyone sees it take calls.
    pub(super) async fn keep(
        &self,
        version: &Arc<FlowVersion>,
        parts: Parts,
        published: &Published,
        look: u64,
    ) {
        let (kept, name, id, published) = (
            Arc::clone(&self.kept),
            version.name.clone(),
            version.id.clone(),
            published.clone(),
        );
        let note = {
            let flows = self.flows();
            let set = flows.get(&name).filter(|set| !set.is_overtaken(look));
            set.map(|set| {
                let last = || last(version, parts.manifest.is_some(), None, None);
                (set.becomes_active(version).then(last), set.ids())
            })
        };
        let keeping = self.loader.engine().loader_pool().run_light(move || {
            kept.store(&name, &id, &parts);
            let taken = Taken {
                version: &id,
                published: &published,
            };
            if let Some((last, loaded)) = note
                && kept.note(&name, last, &loaded, Some(taken))
            {
                kept.write(&name);
            }
        });
        if tokio::time::timeout(KEEPING, keeping).await.is_err() {
            tracing::warn!(flow = %version.name, version = %version.id, within_s = KEEPING.as_secs(), "flow version is not kept yet: the disk is slow");
        }
    }

    /// Records the version that takes calls after a change, and the one that was just taken, if any.
    pub(super) fn remember(&self, name: &FlowName, taken: Option<Taken<'_>>) {
        let is_new = {
            let flows = self.flows();
            let Some((active, set)) = flows.get(name).and_then(|set| Some((set.active()?, set)))
            else {
                return;
            };
            let last = last(active, false, set.withdrawn(), set.share());
            self.kept.note(name, Some(last), &set.ids(), taken)
        };
        if is_new {
            let (kept, name) = (Arc::clone(&self.kept), name.clone());
            self.loader
                .engine()
                .loader_pool()
                .spawn_light(move || kept.write(&name));
        }
    }

    /// Restores the last active version of each flow whose files are in the folder but were
    /// rejected.
    pub(super) async fn restore(&self) {
        let without: Vec<_> = self
            .flows()
            .iter()
            .filter(|(_, set)| set.active().is_none())
            .map(|(name, _)| name.clone())
            .collect();
        for name in without {
            match self.restore_last(&name).await {
                Some(Ok(version)) => {
                    tracing::warn!(flow = %name, %version, "flow goes on with the version that took calls last: the files in the folder were rejected")
                }
                Some(Err(reason)) => {
                    tracing::error!(flow = %name, reason, "the version that took calls last cannot be brought back: the flow takes no calls")
                }
                None => {}
            }
        }
    }

    /// Brings the version back that took calls before the restart, where a version from the folder is not
    /// to take them, or only a share of them. Returns why and when that one was taken back, if it was and
    /// there is another one now.
    pub(super) async fn go_on_with_last(
        &self,
        name: &FlowName,
        version: &FlowVersion,
    ) -> Option<Withdrawn> {
        let last = self.kept.last(name)?;
        let withdrawn = last.withdrawn.filter(|gone| gone.version == version.id);
        let is_other = last.version != version.id;
        let is_share = version.manifest().update.weight < 100;
        let is_fresh = {
            let flows = self.flows();
            flows.get(name).is_none_or(|set| set.ids().is_empty())
        };
        if !(is_fresh && is_other && (is_share || withdrawn.is_some())) {
            return None;
        }
        match self.restore_last(name).await? {
            Ok(last) => {
                tracing::info!(flow = %name, version = %last, folder = %version.id, "flow goes on with the version that took calls last");
                withdrawn
            }
            Err(reason) => {
                tracing::error!(flow = %name, version = %version.id, reason, "the version that took calls last cannot be brought back: the one in the folder takes all calls");
                None
            }
        }
    }

    /// Activates the version that took calls last. An error says in one sentence why that cannot be;
    /// `None` if none is kept.
    async fn restore_last(&self, name: &FlowName) -> Option<Result<VersionId, String>> {
        let (kept, flow) = (Arc::clone(&self.kept), name.clone());
        let restored = self
            .loader
            .engine()
            .loader_pool()
            .run_light(move || kept.restore(&flow))
            .await;
        let restored = restored.ok()??;
        let version = async {
            let (id, parts) = restored?;
            let source = Source::of(parts);
            if source.id != id {
                return Err(format!("the files kept are not those of version {id}"));
            }
            let reported = |fault: Fault| Rejection::new(name.as_str(), fault).to_string();
            let version = self.loader.load(name.clone(), source, None).await;
            let version = version.map_err(reported)?;
            self.change()
                .entry(name.clone())
                .or_default()
                .restore(Arc::new(version));
            Ok(id)
        };
        Some(version.await)
    }
}

fn last(
    version: &FlowVersion,
    has_manifest: bool,
    withdrawn: Option<Withdrawn>,
    share: Option<Share>,
) -> Last {
    Last {
        version: version.id.clone(),
        has_manifest,
        rules: version.manifest().rules(),
        withdrawn,
        share,
    }
}
