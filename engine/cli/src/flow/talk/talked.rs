//! The flow of a conversation, loaded from its files or taken from an engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use ghanti_catalogue::Catalogue;
use ghanti_host::{FlowVersion, Rejection, Step};
use ghanti_model::FlowName;
use tokio::sync::watch;

use super::stamp::{Stamp, stamp};
use crate::flow::loading::Loading;

/// The interval between two checks of the flow's files.
const POLL: Duration = Duration::from_millis(250);

/// The flow.
pub struct Talked {
    name: FlowName,
    version: Option<Arc<FlowVersion>>,
    from: From,
}

/// The source of versions.
enum From {
    Files {
        loading: Box<Loading>,
        folder: PathBuf,
        /// The files as they were when the flow was loaded.
        stamp: Stamp,
        /// The files' present state, if they have changed since and may still be changing.
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
    /// It cannot be loaded; with reason and hint.
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
        // read before the flow is loaded, so that no edit is missed
        let stamp = stamp(&folder);
        let version = loading
            .files
            .load(name.clone(), &folder, None)
            .await
            .map_err(|rejection| match rejection.step {
                Step::Manifest => anyhow!("{}: {rejection}", folder.join("flow.toml").display()),
                _ => anyhow!("{rejection}"),
            })?;
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

    /// A flow of an engine, in its active version.
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

    /// The version of the conversation, if there is one yet.
    pub fn version(&self) -> Option<&Arc<FlowVersion>> {
        self.version.as_ref()
    }

    /// Waits for another version, which replaces this one. Cancel-safe.
    ///
    /// # Errors
    /// The edited files cannot be loaded. For an engine's flow there is no error: the engine reports it.
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
                    tokio::time::sleep(POLL).await;
                    let now = stamp(folder);
                    if now == *loaded {
                        *changed = None;
                        continue;
                    }
                    if changed.as_ref() != Some(&now) {
                        *changed = Some(now);
                        continue;
                    }
                    // the files have stopped changing
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
                        // the engine has ended, and so does the conversation
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}
