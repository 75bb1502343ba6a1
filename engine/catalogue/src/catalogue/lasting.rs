//! Saves the active versions of flows so that they survive a restart, and restores them.

use std::sync::Arc;
use std::time::Duration;

use ghanti_host::{Fault, FlowVersion, Rejection};
use ghanti_model::FlowName;

use super::Catalogue;
use crate::kept::Last;
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
                let last = || last(version, parts.manifest.is_some());
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
            let last = last(active, false);
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
            let (kept, flow) = (Arc::clone(&self.kept), name.clone());
            let restored = self
                .loader
                .engine()
                .loader_pool()
                .run_light(move || kept.restore(&flow))
                .await;
            let Ok(Some(restored)) = restored else {
                continue;
            };
            let version = async {
                let (id, parts) = restored?;
                let source = Source::of(parts);
                if source.id != id {
                    return Err(format!("the files kept are not those of version {id}"));
                }
                let reported = |fault: Fault| Rejection::new(name.as_str(), fault).to_string();
                self.loader
                    .load(name.clone(), source, None)
                    .await
                    .map_err(reported)
            };
            match version.await {
                Ok(version) => {
                    tracing::warn!(flow = %name, version = %version.id, "flow goes on with the version that took calls last: what lies in the folder was not taken");
                    self.change()
                        .entry(name.clone())
                        .or_default()
                        .restore(Arc::new(version));
                }
                Err(reason) => {
                    tracing::error!(flow = %name, reason, "the version that took calls last cannot be brought back: the flow takes no calls")
                }
            }
        }
    }
}

fn last(version: &FlowVersion, has_manifest: bool) -> Last {
    Last {
        version: version.id.clone(),
        has_manifest,
        rules: version.manifest().rules(),
    }
}
