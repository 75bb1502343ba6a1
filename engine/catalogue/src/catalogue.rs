//! The flows that can take calls, each with its versions.
//!
//! A new version is loaded alongside the others and then published atomically; a call keeps the
//! version it was given. If anything fails, the active version stays.

mod changes;
mod deploying;
mod files;
mod lasting;
mod notices;
mod taking;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use ghanti_host::{Compiler, Fault, FlowEngine, FlowVersion, Rejection};
use ghanti_manifest::choose::{choose, may_take};
use ghanti_manifest::{Allowance, NoFlow, Takes};
use ghanti_model::{CallFacts, FlowName, PhoneNumber, VersionId};
use tokio::sync::watch;

use crate::kept::Kept;
use crate::loader::Loader;
use crate::loading::Loading;
use crate::metrics::{FlowCounts, Metrics};
use crate::pinned::Pinned;
use crate::replay_gate::ReplayCheck;
use crate::scan::{Place, Scan, scan};
use crate::speakable::Speakable;
use crate::states::FlowState;
use crate::version_set::VersionSet;

pub use changes::ChangeError;
pub use deploying::{DeployError, Deployed};
pub use files::Files;
use notices::Notices;

/// The operator's settings for all flows.
#[derive(Debug, Clone, Default)]
pub struct CatalogueSettings {
    /// Where compiled components are cached, such as `data/components`. Must be writable by the
    /// engine alone, since the cached code is trusted.
    pub components: PathBuf,
    /// Where the last active version of each flow is saved so that it survives a restart, such as
    /// `data/flows`; `None` disables this.
    pub kept: Option<PathBuf>,
    /// The flow of calls that name no flow and match none.
    pub default_flow: Option<FlowName>,
    /// The `default` transfer target of flows whose manifest grants none, and of bare components.
    pub default_transfer: Vec<PhoneNumber>,
    /// The most that a manifest may ask for.
    pub allowance: Allowance,
    /// The languages that can be spoken; a flow in another one is rejected.
    pub speakable: Speakable,
    /// Whether nobody is called: transfer targets without a number have one that does not exist.
    pub offline: bool,
    /// Shows which flows are being loaded, to whoever keeps a clone.
    pub loading: Loading,
}

/// The flows folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the flows in `{}`: {reason}: make the folder, and put a flow into it (`ghanti flow new` makes one), or name another with --flows", .folder.display())]
pub struct CatalogueError {
    /// The folder.
    pub folder: PathBuf,
    /// The I/O error.
    pub reason: std::io::Error,
}

/// The result of loading a flow's files.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// They are a version that has been checked before.
    Known,
    Published,
    Rejected(Rejection),
    /// They changed while they were being read.
    Moving,
}

type Flows = BTreeMap<FlowName, VersionSet>;

/// The loaded flows.
pub struct Catalogue {
    folder: PathBuf,
    loader: Loader,
    default_flow: Option<FlowName>,
    flows: RwLock<Flows>,
    invalid: Mutex<Vec<Rejection>>,
    changes: watch::Sender<u64>,
    metrics: Metrics,
    kept: Arc<Kept>,
    notices: Notices,
    loading: Loading,
    replay_check: Option<Arc<dyn ReplayCheck>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Catalogue {
    /// Loads all flows in a folder. Flows that fail to load are returned as rejections; the rest
    /// still load. There are no recorded calls, so every replay gate passes.
    pub async fn open(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
    ) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        Self::open_gated(engine, folder, settings, None).await
    }

    /// Like [`Catalogue::open`], with recorded calls for the replay gate if `replay_check` is
    /// given.
    pub fn open_gated(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
        replay_check: Option<Arc<dyn ReplayCheck>>,
    ) -> BoxFuture<'_, Result<(Self, Vec<Rejection>), CatalogueError>> {
        Self::open_all(engine, folder, settings, replay_check).boxed()
    }

    async fn open_all(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
        replay_check: Option<Arc<dyn ReplayCheck>>,
    ) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        let compiler = Compiler::new(engine.clone(), settings.components);
        let kept = engine
            .loader_pool()
            .run_light(move || Kept::open(settings.kept))
            .await;
        let mut loader = Loader::new(
            engine,
            compiler,
            settings.default_transfer,
            settings.allowance,
        );
        if settings.offline {
            loader.offline();
        }
        let catalogue = Self {
            folder: folder.to_owned(),
            loader: loader.speaking(settings.speakable),
            default_flow: settings.default_flow,
            flows: RwLock::default(),
            invalid: Mutex::default(),
            changes: watch::Sender::new(0),
            metrics: Metrics::default(),
            // reading the saved state panicked: go on without it
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

    /// Rescans the folder, publishes what has changed, and retries what was rejected. A flow that
    /// cannot be loaded keeps the version it has; one whose files are gone takes no more calls. A
    /// version that was rolled back stays rolled back.
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
        // flows load concurrently; unclaimed calls and warnings are decided once all are loaded,
        // so that the order does not matter
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

    /// Scans the folder. Invalid entries are kept for [`Catalogue::invalid`], each logged once.
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
                log_rejection(entry);
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
                ghanti_host::Step::Read,
                reason,
                "nothing: they are taken when they stand still",
            ),
        )
    }

    /// Stops new calls to a flow whose files are gone.
    pub(crate) fn retire(&self, name: &FlowName) {
        tracing::info!(flow = %name, "flow takes no further calls: its files are gone");
        let mut flows = self.change();
        if !flows.get_mut(name).is_some_and(VersionSet::retire) {
            flows.remove(name);
        }
        drop(flows);
        self.changed();
    }

    /// The flows whose files were in the folder when it was last scanned.
    pub(crate) fn present(&self) -> BTreeSet<FlowName> {
        self.flows()
            .iter()
            .filter(|(_, set)| set.is_present())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Lowers the priority of loading: from now on calls come first.
    pub(crate) fn step_back(&self) {
        self.loader.step_back();
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The active versions, by flow name.
    pub fn versions(&self) -> BTreeMap<FlowName, Arc<FlowVersion>> {
        self.flows()
            .iter()
            .filter_map(|(name, set)| Some((name.clone(), Arc::clone(set.active()?))))
            .collect()
    }

    /// A flow's active version.
    pub fn active(&self, name: &FlowName) -> Option<Arc<FlowVersion>> {
        self.flows().get(name)?.active().cloned()
    }

    /// Chooses and pins the version for a call: of the wanted flow, else of the best match of the
    /// manifests, else of the flow that takes unclaimed calls. Within that flow it is the active
    /// version or its candidate.
    pub fn choose(&self, facts: &CallFacts, wanted: Option<&FlowName>) -> Result<Pinned, NoFlow> {
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

    /// Pins a version that is loaded, whether or not it takes new calls; for a call that it has held
    /// on another node.
    pub fn pin(&self, flow: &FlowName, version: &VersionId) -> Option<Pinned> {
        self.flows().get(flow)?.with_id(version).map(Pinned::new)
    }

    /// A version that is loaded, whether or not it takes new calls; for a replay, which does not count
    /// as one of its calls.
    pub fn loaded(&self, flow: &FlowName, version: &VersionId) -> Option<Arc<FlowVersion>> {
        self.flows().get(flow)?.with_id(version)
    }

    /// The flows that may get the call of an order that names no flow.
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

    /// The version that calls of `version` may migrate to: the active one of its flow, if `version`
    /// itself takes no new calls any more.
    pub fn successor(&self, version: &FlowVersion) -> Option<Arc<FlowVersion>> {
        let flows = self.flows();
        let set = flows
            .get(&version.name)
            .filter(|set| !set.takes_calls(&version.id))?;
        set.active().cloned()
    }

    /// All flows with their versions, rejections and warnings.
    pub fn states(&self) -> Vec<FlowState> {
        let flows = self.flows();
        let mut warnings = self.warnings(&flows);
        let states = flows.iter().map(|(name, set)| {
            let mut state = set.state(name);
            state.warnings = warnings.remove(name).unwrap_or_default();
            for version in &mut state.versions {
                version.published = self.kept.published(name, &version.id);
            }
            state
        });
        states
            .filter(|state| !state.versions.is_empty() || !state.rejected.is_empty())
            .collect()
    }

    /// Entries in the folder that are not valid flows.
    pub fn invalid(&self) -> Vec<Rejection> {
        self.invalid
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counters of each flow since the start, by name; flows beyond the first 256 are counted
    /// together as `others`.
    pub fn counts(&self) -> BTreeMap<String, FlowCounts> {
        self.metrics.all()
    }

    /// How many calls can run at once on this machine.
    pub fn max_calls(&self) -> u32 {
        self.loader.engine().max_calls()
    }

    /// A counter that is incremented whenever [`Catalogue::states`] or [`Catalogue::invalid`]
    /// changes, except for the numbers of calls.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.look_over();
        self.changes.send_modify(|change| *change += 1);
    }

    fn flows(&self) -> RwLockReadGuard<'_, Flows> {
        self.flows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Flows> {
        self.flows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The flows that take calls, with their match conditions.
fn taking(flows: &Flows) -> Vec<(&FlowName, &Takes)> {
    flows
        .iter()
        .filter_map(|(name, set)| Some((name, &set.active()?.manifest().takes)))
        .collect()
}

fn log_rejection(rejection: &Rejection) {
    let Rejection {
        flow,
        step,
        reason,
        hint,
        line,
    } = rejection;
    tracing::warn!(flow, %step, line, reason, hint, "flow rejected");
}
