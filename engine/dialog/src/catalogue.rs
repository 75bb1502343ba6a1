//! The flows that calls can have, each with its versions.
//!
//! A new version is loaded beside the others and then published at one stroke; a call keeps the version that it was given. Whatever fails,
//! the active version stays.

mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::future::join_all;
use samvaad_model::{CallFacts, FlowName, PhoneNumber, VersionId};
use tokio::sync::watch;

use crate::allowance::Allowance;
use crate::choose::{NoFlow, choose, may_take};
use crate::compile::Compiler;
use crate::engine::FlowEngine;
use crate::lives::Lives;
use crate::load::{Fault, Loader, Rejection, unix_ms};
use crate::pinned::Pinned;
use crate::places::{Lying, Place, lying};
use crate::rehearsal::{self, Rehearsal};
use crate::source::{Source, Unread};
use crate::states::FlowState;
use crate::tally::{FlowCounts, Tally};
use crate::trial;
use crate::version::{FlowVersion, PromptLibrary};

pub use changes::ChangeError;

/// What the operator says of all flows.
#[derive(Debug, Clone)]
pub struct CatalogueSettings {
    /// Where compiled components are kept, such as `data/components`. Must be writable by the engine alone: its files are trusted.
    pub components: PathBuf,
    /// The flow of calls that ask for none and match none.
    pub default_flow: Option<FlowName>,
    /// The `default` transfer target of flows whose manifest grants none, and of bare components.
    pub default_transfer: Vec<PhoneNumber>,
    /// The most that a manifest may ask for.
    pub allowance: Allowance,
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

type Flows<P> = BTreeMap<FlowName, Lives<P>>;

/// The loaded flows.
pub struct Catalogue<P> {
    folder: PathBuf,
    loader: Loader,
    default_flow: Option<FlowName>,
    flows: RwLock<Flows<P>>,
    strays: Mutex<Vec<Rejection>>,
    changes: watch::Sender<u64>,
    tally: Tally,
    rehearsal: Option<Arc<dyn Rehearsal<P>>>,
}

impl<P> std::fmt::Debug for Catalogue<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<P: PromptLibrary> Catalogue<P> {
    /// Loads all flows of a folder. What cannot be loaded is told beside, and hinders no other. There are no recorded calls, so that every
    /// replay gate is open.
    pub async fn open(engine: FlowEngine, folder: &Path, settings: CatalogueSettings) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        Self::open_gated(engine, folder, settings, None).await
    }

    /// The same, where there may be recorded calls.
    pub async fn open_gated(
        engine: FlowEngine,
        folder: &Path,
        settings: CatalogueSettings,
        rehearsal: Option<Arc<dyn Rehearsal<P>>>,
    ) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        let compiler = Compiler::new(engine.clone(), settings.components);
        let catalogue = Self {
            folder: folder.to_owned(),
            loader: Loader::new(engine, compiler, settings.default_transfer, settings.allowance),
            default_flow: settings.default_flow,
            flows: RwLock::default(),
            strays: Mutex::default(),
            changes: watch::Sender::new(0),
            tally: Tally::default(),
            rehearsal,
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
            for stray in strays.iter().filter(|stray| !known.contains(stray)) {
                told(stray);
                self.tally.rejected(&stray.flow, stray.step);
            }
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
        let (id, tests) = (source.id.clone(), source.tests_digest.clone());
        let (loaded, alike, is_taken) = {
            let flows = self.flows();
            let lives = flows.get(name);
            if lives.is_some_and(|lives| lives.knows(&id, &tests)) {
                return Verdict::Known;
            }
            let alike = lives.and_then(|lives| lives.with_component(&source.component_digest));
            (lives.and_then(|lives| lives.with_id(&id)), alike, lives.is_some_and(|lives| lives.has_taken(&id)))
        };
        if is_taken {
            return self.test_again(name, loaded, id, tests, &source.parts.tests).await;
        }
        let version = match self.candidate(name, source, loaded, alike).await {
            Ok(version) => version,
            Err(fault) => return self.reject(name, Some((id, tests)), fault),
        };
        let stage = self.change().entry(name.clone()).or_default().publish(version, tests);
        tracing::info!(flow = %name, version = %id, %stage, "flow version takes calls");
        self.tally.published(name.as_str());
        self.changed();
        Verdict::Published
    }

    /// A version that may take calls: loaded, and through its gates. One that is loaded has been through the gate of recorded calls.
    async fn candidate(
        &self,
        name: &FlowName,
        mut source: Source,
        loaded: Option<Arc<FlowVersion<P>>>,
        alike: Option<Arc<FlowVersion<P>>>,
    ) -> Result<Arc<FlowVersion<P>>, Fault> {
        let tests = std::mem::take(&mut source.parts.tests);
        let is_loaded = loaded.is_some();
        let version = match loaded {
            Some(loaded) => loaded,
            None => Arc::new(self.loader.load(name.clone(), source, alike).await?),
        };
        trial::pass(&version, &tests).await?;
        if !is_loaded {
            rehearsal::pass(self.rehearsal.as_deref(), &version).await?;
        }
        Ok(version)
    }

    /// Judges a version that was taken by its changed tests. Whatever they say, it stays what it is: one that takes calls goes on, one that
    /// was withdrawn does not come back by itself.
    async fn test_again(
        &self,
        name: &FlowName,
        version: Option<Arc<FlowVersion<P>>>,
        id: VersionId,
        digest: String,
        tests: &BTreeMap<String, String>,
    ) -> Verdict {
        let held = match &version {
            Some(version) => trial::pass(version, tests).await,
            None => Ok(()),
        };
        let mut flows = self.change();
        let lives = flows.entry(name.clone()).or_default();
        let Err(fault) = held else {
            lives.tested(digest);
            return Verdict::Known;
        };
        let rejection = Rejection::new(name.as_str(), fault);
        told(&rejection);
        self.tally.rejected(name.as_str(), rejection.step);
        lives.fail_tests(id, digest, rejection.clone(), unix_ms());
        drop(flows);
        self.changed();
        Verdict::Rejected(rejection)
    }

    fn reject(&self, name: &FlowName, judged: Option<(VersionId, String)>, fault: Fault) -> Verdict {
        let rejection = Rejection::new(name.as_str(), fault);
        told(&rejection);
        self.tally.rejected(name.as_str(), rejection.step);
        self.change().entry(name.clone()).or_default().reject(judged, rejection.clone(), unix_ms());
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

    /// The flows that an order which names none may come to.
    pub(crate) fn may_take_orders(&self) -> Vec<FlowName> {
        let flows = self.flows();
        let taking: Vec<_> = flows.iter().filter_map(|(name, lives)| Some((name, &lives.active()?.manifest().takes))).collect();
        may_take(&taking, self.default_flow.as_ref()).into_iter().cloned().collect()
    }

    /// The version with which calls of this one may go on: the active one of its flow, where this one takes no new calls any more.
    pub fn successor(&self, version: &FlowVersion<P>) -> Option<Arc<FlowVersion<P>>> {
        let flows = self.flows();
        let lives = flows.get(&version.name).filter(|lives| !lives.takes_calls(&version.id))?;
        lives.active().cloned()
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

    /// What has happened to each flow since the start, by name; beyond 256 flows the rest under `others`.
    pub fn counts(&self) -> BTreeMap<String, FlowCounts> {
        self.tally.all()
    }

    /// How many calls can run at once on this machine.
    pub fn max_calls(&self) -> u32 {
        self.loader.engine().max_calls()
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
