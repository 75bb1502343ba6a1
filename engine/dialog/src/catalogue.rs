//! The flows that calls can have, each with its versions.
//!
//! A new version is loaded beside the others and then published at one stroke; a call keeps the version that it was given. Whatever fails,
//! the active version stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::future::join_all;
use samvaad_model::{CallFacts, FlowName, PhoneNumber, VersionId};
use tokio::sync::watch;

use crate::choose::{NoFlow, choose};
use crate::compile::Compiler;
use crate::engine::FlowEngine;
use crate::lives::Lives;
use crate::load::{Fault, Loader, Rejection, unix_ms};
use crate::pinned::Pinned;
use crate::places::{Lying, Place, lying};
use crate::run::RunEnd;
use crate::source::Unread;
use crate::states::FlowState;
use crate::version::{FlowVersion, PromptLibrary};

/// What the operator says of all flows.
#[derive(Debug, Clone)]
pub struct CatalogueSettings {
    /// Where compiled components are kept, such as `data/components`. Must be writable by the engine alone: its files are trusted.
    pub components: PathBuf,
    /// The flow of calls that ask for none and match none.
    pub default_flow: Option<FlowName>,
    /// The `default` transfer target of flows whose manifest grants none, and of bare components.
    pub default_transfer: Vec<PhoneNumber>,
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
    #[error("flow `{0}` has neither a candidate nor a withdrawn version to promote")]
    NothingToPromote(FlowName),
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

type Flows<P> = BTreeMap<FlowName, Lives<P>>;

/// The loaded flows.
#[derive(Debug)]
pub struct Catalogue<P> {
    folder: PathBuf,
    loader: Loader,
    default_flow: Option<FlowName>,
    flows: RwLock<Flows<P>>,
    strays: Mutex<Vec<Rejection>>,
    changes: watch::Sender<u64>,
}

impl<P: PromptLibrary> Catalogue<P> {
    /// Loads all flows of a folder. What cannot be loaded is told beside, and hinders no other.
    pub async fn open(engine: FlowEngine, folder: &Path, settings: CatalogueSettings) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        let compiler = Compiler::new(engine.clone(), settings.components);
        let catalogue = Self {
            folder: folder.to_owned(),
            loader: Loader::new(engine, compiler, settings.default_transfer),
            default_flow: settings.default_flow,
            flows: RwLock::default(),
            strays: Mutex::default(),
            changes: watch::Sender::new(0),
        };
        let rejections = catalogue.reload().await?;
        Ok((catalogue, rejections))
    }

    /// Looks through the folder again and publishes what has changed; what was rejected is tried again. A flow that cannot be loaded keeps the
    /// version it has; one whose files are gone takes no further calls. A version that was withdrawn stays so.
    pub async fn reload(&self) -> Result<Vec<Rejection>, CatalogueError> {
        let places = self.look().await?;
        let gone: Vec<_> = self.lying().into_iter().filter(|name| !places.contains_key(name)).collect();
        gone.iter().for_each(|name| self.retire(name));
        self.change().values_mut().for_each(Lives::pardon);
        let mut rejections = self.strays();
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
        Ok(rejections)
    }

    /// What lies in the folder. What is no flow is kept, and told once.
    pub(crate) async fn look(&self) -> Result<BTreeMap<FlowName, Place>, CatalogueError> {
        let folder = self.folder.clone();
        let found = tokio::task::spawn_blocking(move || lying(&folder)).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let Lying { places, strays } = found.map_err(|reason| CatalogueError { folder: self.folder.clone(), reason })?;
        let mut known = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != strays {
            strays.iter().filter(|stray| !known.contains(stray)).for_each(told);
            *known = strays;
            self.changes.send_modify(|change| *change += 1);
        }
        Ok(places)
    }

    fn moving(&self, name: &FlowName) -> Rejection {
        let reason = "its files changed while they were read".to_owned();
        Rejection::new(name.as_str(), Fault::new(crate::load::Step::Read, reason, "nothing: they are taken when they stand still"))
    }

    /// Loads what lies in a place, if it is new, and publishes it. One load of a flow at a time, each with the files as they are by then.
    pub(crate) async fn take(&self, name: &FlowName, place: Place) -> Verdict {
        let turn = Arc::clone(&self.change().entry(name.clone()).or_default().turn);
        let _turn = turn.lock().await;
        let source = match self.loader.read(place).await {
            Ok(source) => source,
            Err(Unread::Moving) => return Verdict::Moving,
            Err(Unread::Fault(fault)) => return self.reject(name, None, fault),
        };
        let (id, loaded, alike) = {
            let flows = self.flows();
            let lives = flows.get(name);
            if lives.is_some_and(|lives| lives.knows(&source.id)) {
                return Verdict::Known;
            }
            let alike = lives.and_then(|lives| lives.with_component(&source.component_digest));
            (source.id.clone(), lives.and_then(|lives| lives.with_id(&source.id)), alike)
        };
        let version = match loaded {
            Some(loaded) => loaded,
            None => match self.loader.load(name.clone(), source, alike).await {
                Ok(version) => Arc::new(version),
                Err(fault) => return self.reject(name, Some(id), fault),
            },
        };
        let stage = self.change().entry(name.clone()).or_default().publish(version);
        tracing::info!(flow = %name, version = %id, %stage, "flow version takes calls");
        self.changed();
        Verdict::Published
    }

    fn reject(&self, name: &FlowName, id: Option<VersionId>, fault: Fault) -> Verdict {
        let rejection = Rejection::new(name.as_str(), fault);
        told(&rejection);
        self.change().entry(name.clone()).or_default().reject(id, rejection.clone(), unix_ms());
        self.changed();
        Verdict::Rejected(rejection)
    }

    /// A flow's files are gone.
    pub(crate) fn retire(&self, name: &FlowName) {
        tracing::info!(flow = %name, "flow takes no further calls: its files are gone");
        let mut flows = self.change();
        if !flows.get_mut(name).is_some_and(Lives::retire) {
            flows.remove(name);
        }
        drop(flows);
        self.changed();
    }

    /// The flows whose files lay in the folder when it was last looked at.
    pub(crate) fn lying(&self) -> BTreeSet<FlowName> {
        self.flows().iter().filter(|(_, lives)| lives.lies()).map(|(name, _)| name.clone()).collect()
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
        self.flows().iter().filter_map(|(name, lives)| Some((name.clone(), Arc::clone(lives.active()?)))).collect()
    }

    /// A flow's active version.
    pub fn active(&self, name: &FlowName) -> Option<Arc<FlowVersion<P>>> {
        self.flows().get(name)?.active().cloned()
    }

    /// The version for a call, pinned: of the flow that is wanted, else the best match of the manifests, else the default or only one; and of
    /// that flow the active version or its candidate.
    pub fn choose(&self, facts: &CallFacts, wanted: Option<&FlowName>) -> Result<Pinned<P>, NoFlow> {
        let flows = self.flows();
        let taking = || flows.iter().filter_map(|(name, lives)| Some((name, &lives.active()?.manifest().takes)));
        let chosen = choose(&taking().collect::<Vec<_>>(), facts, wanted, self.default_flow.as_ref())?;
        let version = flows.get(chosen).and_then(|lives| lives.pick(facts.call_id)).cloned();
        version.map(Pinned::new).ok_or_else(|| NoFlow::Unmatched { there: taking().map(|(name, _)| name.clone()).collect() })
    }

    /// Makes a flow's candidate active; without one, the version that was withdrawn. Gives the version that is now active.
    pub fn promote(&self, name: &FlowName) -> Result<VersionId, ChangeError> {
        let version = {
            let mut flows = self.change();
            let lives = flows.get_mut(name).ok_or_else(|| ChangeError::Unknown(name.clone()))?;
            lives.promote().ok_or_else(|| ChangeError::NothingToPromote(name.clone()))?
        };
        tracing::info!(flow = %name, version = %version.id, "flow version was promoted");
        self.changed();
        Ok(version.id.clone())
    }

    /// Withdraws a flow's candidate; without one, its active version, and brings the version before back. Gives the version that is now
    /// active. What was withdrawn comes back by a promotion, or not at all: the files have to change before the folder is heard again.
    pub fn rollback(&self, name: &FlowName, reason: &str) -> Result<VersionId, ChangeError> {
        let version = {
            let mut flows = self.change();
            let lives = flows.get_mut(name).ok_or_else(|| ChangeError::Unknown(name.clone()))?;
            lives.roll_back(reason.to_owned(), unix_ms()).ok_or_else(|| ChangeError::NothingBefore(name.clone()))?
        };
        tracing::warn!(flow = %name, version = %version.id, reason, "flow was rolled back");
        self.changed();
        Ok(version.id.clone())
    }

    /// Takes note of how a run ended. Failures of a version above its `[on-trap] budget` bring the version before back, or withdraw the
    /// candidate. `now_ms` is in milliseconds since 1970.
    pub fn report(&self, version: &FlowVersion<P>, end: &RunEnd, now_ms: u64) {
        let (name, id) = (&version.name, &version.id);
        let (true, Some(budget)) = (end.is_flows_fault(), version.manifest().on_trap.budget) else { return };
        let Some(traps) = version.trapped(now_ms) else { return };
        let reason = format!("it failed {traps} times, more than `[on-trap] budget` = `{budget}` bears");
        let back = {
            let mut flows = self.change();
            let Some(lives) = flows.get_mut(name).filter(|lives| lives.takes_calls(id)) else { return };
            lives.withdraw(id, reason.clone(), now_ms)
        };
        match back {
            Some(back) => {
                tracing::error!(flow = %name, failing = %id, version = %back.id, reason, "flow was rolled back by itself: mend it");
                self.changed();
            }
            None => tracing::error!(flow = %name, version = %id, reason, "flow keeps failing, and no version before is loaded: mend it"),
        }
    }

    /// All flows with their versions, and what was rejected.
    pub fn states(&self) -> Vec<FlowState> {
        let states = self.flows().iter().map(|(name, lives)| lives.state(name)).collect::<Vec<_>>();
        states.into_iter().filter(|state| !state.versions.is_empty() || !state.rejected.is_empty()).collect()
    }

    /// What lies in the folder and is no flow.
    pub fn strays(&self) -> Vec<Rejection> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts up whenever something in [`Catalogue::states`] or [`Catalogue::strays`] has changed, but for the numbers of calls.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|change| *change += 1);
    }

    fn flows(&self) -> RwLockReadGuard<'_, Flows<P>> {
        self.flows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Flows<P>> {
        self.flows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(rejection: &Rejection) {
    let Rejection { flow, step, reason, mend, line } = rejection;
    tracing::warn!(flow, %step, line, reason, mend, "flow rejected");
}
