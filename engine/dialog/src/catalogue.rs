//! The flows that calls can have, each with its versions.
//!
//! A new version is loaded beside the others and then published at one stroke; a call keeps the
//! version that it was given. Whatever fails, the active version stays.

mod changes;
mod lasting;
mod notices;
mod taking;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::future::join_all;
use ghanti_model::{CallFacts, FlowName, PhoneNumber};
use tokio::sync::watch;

use crate::allowance::Allowance;
use crate::choose::{NoFlow, choose, may_take};
use crate::compile::Compiler;
use crate::engine::FlowEngine;
use crate::kept::Kept;
use crate::load::{Fault, Loader, Rejection};
use crate::loading::Loading;
use crate::manifest::Takes;
use crate::metrics::{FlowCounts, Metrics};
use crate::pinned::Pinned;
use crate::replay_gate::ReplayCheck;
use crate::scan::{Place, Scan, scan};
use crate::states::FlowState;
use crate::version::{FlowVersion, PromptLibrary};
use crate::version_set::VersionSet;

pub use changes::ChangeError;
use notices::Notices;

/// What the operator says of all flows.
#[derive(Debug, Clone, Default)]
pub struct CatalogueSettings {
    /// Where compiled components are kept, such as `data/components`. Must be writable by the
    /// engine alone: its files are trusted.
    pub components: PathBuf,
    /// Where the version of each flow that took calls last is kept over a restart, such as
    /// `data/flows`; none keeps nothing.
    pub kept: Option<PathBuf>,
    /// The flow of calls that ask for none and match none.
    pub default_flow: Option<FlowName>,
    /// The `default` transfer target of flows whose manifest grants none, and of bare components.
    pub default_transfer: Vec<PhoneNumber>,
    /// The most that a manifest may ask for.
    pub allowance: Allowance,
    /// Shows which flows are being loaded, to whoever keeps a clone.
    pub loading: Loading,
}

/// The folder of flows cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the flows in `{}`: {reason}: make the folder, and put a flow into it (`make flows`)", .folder.display())]
pub struct CatalogueError {
    /// Which folder.
    pub folder: PathBuf,
    /// Why.
    pub reason: std::io::Error,
}

/// What became of a flow's files.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// They are a version that was judged before.
    Known,
    Published,
    Rejected(Rejection),
    /// They changed while they were read.
    Moving,
}

type Flows<P> = BTreeMap<FlowName, VersionSet<P>>;

/// The loaded flows.
pub struct Catalogue<P> {
    folder: PathBuf,
    loader: Loader,
    default_flow: Option<FlowName>,
    flows: RwLock<Flows<P>>,
    invalid: Mutex<Vec<Rejection>>,
    changes: watch::Sender<u64>,
    metrics: Metrics,
    kept: Arc<Kept>,
    notices: Notices,
    loading: Loading,
    replay_check: Option<Arc<dyn ReplayCheck<P>>>,
}

impl<P> std::fmt::Debug for Catalogue<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl<P: PromptLibrary> Catalogue<P> {
    /// Loads all flows of a folder. What cannot be loaded is told beside, and hinders no other.
    /// There are no recorded calls, so that every replay gate is open.
    pub async fn open(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
    ) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        Self::open_gated(engine, folder, settings, None).await
    }

    /// The same, where there may be recorded calls.
    pub async fn open_gated(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
        replay_check: Option<Arc<dyn ReplayCheck<P>>>,
    ) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        let compiler = Compiler::new(engine.clone(), settings.components);
        let kept = engine
            .loader_pool()
            .run_light(move || Kept::open(settings.kept))
            .await;
        let catalogue = Self {
            folder: folder.to_owned(),
            loader: Loader::new(
                engine,
                compiler,
                settings.default_transfer,
                settings.allowance,
            ),
            default_flow: settings.default_flow,
            flows: RwLock::default(),
            invalid: Mutex::default(),
            changes: watch::Sender::new(0),
            metrics: Metrics::default(),
            kept: Arc::new(kept.unwrap_or_else(|_| Kept::open(None))),
            notices: Notices::default(),
            loading: settings.loading,
            replay_check,
        };
        let rejections = {
            let _quiet = catalogue.notices.quiet();
            let rejections = catalogue.reload().await?;
            catalogue.restore().await;
            rejections
        };
        catalogue.look_over();
        Ok((catalogue, rejections))
    }

    /// Looks through the folder again and publishes what has changed; what was rejected is tried
    /// again. A flow that cannot be loaded keeps the version it has; one whose files are gone takes
    /// no further calls. A version that was rolled back stays so.
    pub async fn reload(&self) -> Result<Vec<Rejection>, CatalogueError> {
        let places = self.look().await?;
        let gone: Vec<_> = self
            .present()
            .into_iter()
            .filter(|name| !places.contains_key(name))
            .collect();
        gone.iter().for_each(|name| self.retire(name));
        self.change().values_mut().for_each(VersionSet::pardon);
        let mut rejections = self.invalid();
        // several come at once: which of them is loaded first decides nothing
        let quiet = self.notices.quiet();
        let loads = places.into_iter().map(|(name, place)| async move {
            let verdict = self.take(&name, place).await;
            (name, verdict)
        });
        for (name, verdict) in join_all(loads).await {
            match verdict {
                Verdict::Rejected(rejection) => rejections.push(rejection),
                Verdict::Moving => rejections.push(self.moving(&name)),
                Verdict::Known | Verdict::Published => {}
            }
        }
        drop(quiet);
        self.look_over();
        Ok(rejections)
    }

    /// What lies in the folder. What is no flow is kept, and told once.
    pub(crate) async fn look(&self) -> Result<BTreeMap<FlowName, Place>, CatalogueError> {
        let folder = self.folder.clone();
        let found = tokio::task::spawn_blocking(move || scan(&folder))
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let Scan { places, invalid } = found.map_err(|reason| CatalogueError {
            folder: self.folder.clone(),
            reason,
        })?;
        let mut known = self.invalid.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != invalid {
            for entry in invalid.iter().filter(|entry| !known.contains(entry)) {
                told(entry);
                self.metrics.rejected(&entry.flow, entry.step);
            }
            *known = invalid;
            self.changes.send_modify(|change| *change += 1);
        }
        Ok(places)
    }

    fn moving(&self, name: &FlowName) -> Rejection {
        let reason = "its files changed while they were read".to_owned();
        Rejection::new(
            name.as_str(),
            Fault::new(
                crate::load::Step::Read,
                reason,
                "nothing: they are taken when they stand still",
            ),
        )
    }

    /// A flow's files are gone.
    pub(crate) fn retire(&self, name: &FlowName) {
        tracing::info!(flow = %name, "flow takes no further calls: its files are gone");
        let mut flows = self.change();
        if !flows.get_mut(name).is_some_and(VersionSet::retire) {
            flows.remove(name);
        }
        drop(flows);
        self.changed();
    }

    /// The flows whose files lay in the folder when it was last looked at.
    pub(crate) fn present(&self) -> BTreeSet<FlowName> {
        self.flows()
            .iter()
            .filter(|(_, set)| set.is_present())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The first flows are loaded: from now on calls go first.
    pub(crate) fn step_back(&self) {
        self.loader.step_back();
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The active versions, by the flows' names.
    pub fn versions(&self) -> BTreeMap<FlowName, Arc<FlowVersion<P>>> {
        self.flows()
            .iter()
            .filter_map(|(name, set)| Some((name.clone(), Arc::clone(set.active()?))))
            .collect()
    }

    /// A flow's active version.
    pub fn active(&self, name: &FlowName) -> Option<Arc<FlowVersion<P>>> {
        self.flows().get(name)?.active().cloned()
    }

    /// The version for a call, pinned: of the flow that is wanted, else the best match of the
    /// manifests, else the default or only one; and of that flow the active version or its
    /// candidate.
    pub fn choose(
        &self,
        facts: &CallFacts,
        wanted: Option<&FlowName>,
    ) -> Result<Pinned<P>, NoFlow> {
        let flows = self.flows();
        let taking = taking(&flows);
        let chosen = choose(
            &taking,
            facts,
            wanted,
            self.default_flow.as_ref(),
            self.kept.home().as_ref(),
        )?;
        let version = flows
            .get(chosen)
            .and_then(|set| set.pick(facts.call_id))
            .cloned();
        version.map(Pinned::new).ok_or_else(|| NoFlow::Unmatched {
            there: taking.into_iter().map(|(name, _)| name.clone()).collect(),
        })
    }

    /// The flows that an order which names none may come to.
    pub(crate) fn may_take_orders(&self) -> Vec<FlowName> {
        let flows = self.flows();
        let taking: Vec<_> = flows
            .iter()
            .filter_map(|(name, set)| Some((name, &set.active()?.manifest().takes)))
            .collect();
        may_take(&taking, self.default_flow.as_ref())
            .into_iter()
            .cloned()
            .collect()
    }

    /// The version with which calls of this one may go on: the active one of its flow, where this
    /// one takes no new calls any more.
    pub fn successor(&self, version: &FlowVersion<P>) -> Option<Arc<FlowVersion<P>>> {
        let flows = self.flows();
        let set = flows
            .get(&version.name)
            .filter(|set| !set.takes_calls(&version.id))?;
        set.active().cloned()
    }

    /// All flows with their versions, what was rejected, and what is odd.
    pub fn states(&self) -> Vec<FlowState> {
        let flows = self.flows();
        let mut warnings = self.warnings(&flows);
        let states = flows.iter().map(|(name, set)| FlowState {
            warnings: warnings.remove(name).unwrap_or_default(),
            ..set.state(name)
        });
        states
            .filter(|state| !state.versions.is_empty() || !state.rejected.is_empty())
            .collect()
    }

    /// What lies in the folder and is no flow.
    pub fn invalid(&self) -> Vec<Rejection> {
        self.invalid
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What has happened to each flow since the start, by name; beyond 256 flows the rest under
    /// `others`.
    pub fn counts(&self) -> BTreeMap<String, FlowCounts> {
        self.metrics.all()
    }

    /// How many calls can run at once on this machine.
    pub fn max_calls(&self) -> u32 {
        self.loader.engine().max_calls()
    }

    /// Counts up whenever something in [`Catalogue::states`] or [`Catalogue::invalid`] has changed,
    /// but for the numbers of calls.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.look_over();
        self.changes.send_modify(|change| *change += 1);
    }

    fn flows(&self) -> RwLockReadGuard<'_, Flows<P>> {
        self.flows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Flows<P>> {
        self.flows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The flows that take calls, with what each claims.
fn taking<P>(flows: &Flows<P>) -> Vec<(&FlowName, &Takes)> {
    flows
        .iter()
        .filter_map(|(name, set)| Some((name, &set.active()?.manifest().takes)))
        .collect()
}

fn told(rejection: &Rejection) {
    let Rejection {
        flow,
        step,
        reason,
        hint,
        line,
    } = rejection;
    tracing::warn!(flow, %step, line, reason, hint, "flow rejected");
}
