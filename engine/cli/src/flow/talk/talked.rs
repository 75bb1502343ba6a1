//! The flow that is talked with: as its files are, or as an engine has loaded them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use ghanti_catalogue::Catalogue;
use ghanti_host::{FlowVersion, Rejection};
use ghanti_model::FlowName;
use tokio::sync::watch;

use super::stamp::{Stamp, stamp};
use crate::flow::loading::Loading;

/// The time between two looks at the flow's files.
const LOOK: Duration = Duration::from_millis(250);

/// The flow.
pub struct Talked {
    name: FlowName,
    version: Option<Arc<FlowVersion>>,
    from: From,
}

/// Where versions come from.
enum From {
    Files {
        loading: Box<Loading>,
        folder: PathBuf,
        /// The files as they were when the flow was loaded.
        stamp: Stamp,
        /// The files as they are, if they have changed since and may be changing still.
        changed: Option<Stamp>,
    },
    Engine {
        catalogue: Arc<Catalogue>,
        changes: watch::Receiver<u64>,
    },
}

impl Talked {
    /// The flow in a folder, loaded from its files.
    ///
    /// # Errors
    /// If it cannot be loaded, with reason and hint.
    pub async fn in_folder(folder: PathBuf) -> anyhow::Result<Self> {
        let loading = Box::new(Loading::new()?);
        let real = folder.canonicalize().ok();
        let name = real
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| FlowName::parse(name.to_str()?).ok());
        let name = match name {
            Some(name) => name,
            None => FlowName::parse("flow")?,
        };
        // looked at before it is loaded, so that no edit is missed
        let stamp = stamp(&folder);
        let version = loading
            .files
            .load(name.clone(), &folder, None)
            .await
            .map_err(|rejection| anyhow!("{rejection}"))?;
        Ok(Self {
            name,
            version: Some(Arc::new(version)),
            from: From::Files {
                loading,
                folder,
                stamp,
                changed: None,
            },
        })
    }

    /// A flow of an engine: the version of it that takes calls.
    pub fn of_engine(catalogue: Arc<Catalogue>, name: FlowName) -> Self {
        Self {
            version: catalogue.active(&name),
            name,
            from: From::Engine {
                changes: catalogue.changes(),
                catalogue,
            },
        }
    }

    /// Its name.
    pub fn name(&self) -> &FlowName {
        &self.name
    }

    /// The version that is talked with, if there is one yet.
    pub fn version(&self) -> Option<&Arc<FlowVersion>> {
        self.version.as_ref()
    }

    /// Waits until there is another version, which is talked with from then on. Cancel-safe.
    ///
    /// # Errors
    /// If the edited files cannot be loaded. Of an engine's flow nothing is said: the engine does.
    pub async fn edited(&mut self) -> Result<(), Box<Rejection>> {
        let is_new = |there: &Option<Arc<FlowVersion>>, version: &FlowVersion| {
            there.as_ref().is_none_or(|there| there.id != version.id)
        };
        loop {
            match &mut self.from {
                From::Files {
                    loading,
                    folder,
                    stamp: loaded,
                    changed,
                } => {
                    tokio::time::sleep(LOOK).await;
                    let now = stamp(folder);
                    if now == *loaded {
                        *changed = None;
                        continue;
                    }
                    if changed.as_ref() != Some(&now) {
                        *changed = Some(now);
                        continue;
                    }
                    // the files stand still
                    let load = loading.files.load(self.name.clone(), folder, None).await;
                    (*loaded, *changed) = (now, None);
                    match load {
                        Ok(version) if is_new(&self.version, &version) => {
                            self.version = Some(Arc::new(version));
                            return Ok(());
                        }
                        Ok(_) => {}
                        Err(rejection) => return Err(Box::new(rejection)),
                    }
                }
                From::Engine { catalogue, changes } => {
                    changes.mark_unchanged();
                    if let Some(version) = catalogue.active(&self.name)
                        && is_new(&self.version, &version)
                    {
                        self.version = Some(version);
                        return Ok(());
                    }
                    if changes.changed().await.is_err() {
                        // the engine is gone, and the conversation ends with it
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}
