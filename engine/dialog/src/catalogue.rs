//! The flows that calls can have, each in its active version.
//!
//! New versions are published at once by replacing the whole map; a call keeps the version that it was given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::join_all;
use samvaad_model::{CallFacts, FlowName, PhoneNumber};

use crate::choose::{NoFlow, choose};
use crate::compile::Compiler;
use crate::engine::FlowEngine;
use crate::load::{Fault, Loader, Rejection};
use crate::source::{Place, places};
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

type Versions<P> = BTreeMap<FlowName, Arc<FlowVersion<P>>>;

/// The loaded flows.
#[derive(Debug)]
pub struct Catalogue<P> {
    folder: PathBuf,
    loader: Loader,
    default_flow: Option<FlowName>,
    active: RwLock<Arc<Versions<P>>>,
}

impl<P: PromptLibrary> Catalogue<P> {
    /// Loads all flows of a folder. What cannot be loaded is told beside, and hinders no other.
    pub async fn open(engine: FlowEngine, folder: &Path, settings: CatalogueSettings) -> Result<(Self, Vec<Rejection>), CatalogueError> {
        let compiler = Compiler::new(engine.clone(), settings.components);
        let loader = Loader::new(engine, compiler, settings.default_transfer);
        let active = RwLock::new(Arc::new(Versions::new()));
        let catalogue = Self { folder: folder.to_owned(), loader, default_flow: settings.default_flow, active };
        let rejections = catalogue.reload().await?;
        Ok((catalogue, rejections))
    }

    /// Looks through the folder again and publishes what has changed, all at once. A flow that cannot be loaded keeps the version it has; one
    /// whose files are gone takes no further calls.
    pub async fn reload(&self) -> Result<Vec<Rejection>, CatalogueError> {
        let folder = self.folder.clone();
        let found = tokio::task::spawn_blocking(move || places(&folder)).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (places, mut rejections) = found.map_err(|reason| CatalogueError { folder: self.folder.clone(), reason })?;
        let before = self.versions();
        let loads = places.into_iter().map(|(name, place)| {
            let active = before.get(&name).cloned();
            async move { (name.clone(), active.clone(), self.load(name, place, active).await) }
        });
        let mut versions = Versions::new();
        for (name, active, loaded) in join_all(loads).await {
            let version = loaded.map_err(|fault| rejections.push(Rejection::new(name.as_str(), fault))).ok().or(active);
            versions.extend(version.map(|version| (name, version)));
        }
        for rejection in &rejections {
            tracing::warn!(flow = rejection.flow, step = %rejection.step, reason = rejection.reason, mend = rejection.mend, "flow rejected");
        }
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(versions);
        Ok(rejections)
    }

    async fn load(&self, name: FlowName, place: Place, active: Option<Arc<FlowVersion<P>>>) -> Result<Arc<FlowVersion<P>>, Fault> {
        let source = self.loader.read(place).await?;
        match active.filter(|active| active.id == source.id()) {
            Some(unchanged) => Ok(unchanged),
            None => Ok(Arc::new(self.loader.load(name, source).await?)),
        }
    }

    /// The active versions, by the flows' names.
    pub fn versions(&self) -> Arc<BTreeMap<FlowName, Arc<FlowVersion<P>>>> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version for a call: of the flow that is wanted, else the best match of the manifests, else the default or only one.
    pub fn choose(&self, facts: &CallFacts, wanted: Option<&FlowName>) -> Result<Arc<FlowVersion<P>>, NoFlow> {
        let versions = self.versions();
        let flows: Vec<_> = versions.iter().map(|(name, version)| (name, &version.manifest().takes)).collect();
        let chosen = choose(&flows, facts, wanted, self.default_flow.as_ref())?;
        versions.get(chosen).cloned().ok_or_else(|| NoFlow::Unmatched { there: versions.keys().cloned().collect() })
    }
}
