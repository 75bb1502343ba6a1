//! The versions that calls are replayed against. Each is loaded once and takes no calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ghanti_catalogue::FlowFiles;
use ghanti_host::{CompileIn, EngineSettings, FlowEngine, FlowVersion, Rejection};
use ghanti_model::FlowName;
use tokio::sync::Mutex;

use crate::error::ReplayError;
use crate::settings::ReplaySettings;

type Loaded = Result<Arc<FlowVersion>, Rejection>;

pub(crate) struct Flows {
    files: FlowFiles,
    folder: PathBuf,
    given: Option<PathBuf>,
    loaded: Mutex<BTreeMap<FlowName, Loaded>>,
}

impl Flows {
    pub(crate) fn new(settings: &ReplaySettings, at_once: usize) -> Result<Self, ReplayError> {
        let defaults = EngineSettings::default();
        let replays = u32::try_from(at_once).unwrap_or(u32::MAX);
        let compile_in = CompileIn::child_of_this_program()?;
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 1,
            spare_instances: defaults.spare_instances.saturating_add(replays),
            compile_in,
            ..defaults
        })?;
        let files = FlowFiles::new(
            engine,
            settings.data.join("components"),
            settings.agents.clone(),
        )
        .within(settings.allowance.clone());
        Ok(Self {
            files,
            folder: settings.flows.clone(),
            given: settings.flow.clone(),
            loaded: Mutex::default(),
        })
    }

    /// The version to replay a flow's calls against, loaded on first use. A rejection is kept too.
    pub(crate) async fn version(&self, flow: &FlowName) -> Result<Arc<FlowVersion>, ReplayError> {
        // held during the load, so that concurrent callers share it
        let mut loaded = self.loaded.lock().await;
        if let Some(known) = loaded.get(flow) {
            return Ok(known.clone()?);
        }
        let folder = self.folder.join(flow.as_str());
        let version = match &self.given {
            Some(given) => self.files.load(flow.clone(), given, Some(&folder)).await,
            None if folder.is_dir() => self.files.load(flow.clone(), &folder, None).await,
            None => {
                self.files
                    .load(
                        flow.clone(),
                        &self.folder.join(format!("{flow}.wasm")),
                        None,
                    )
                    .await
            }
        };
        Ok(loaded
            .entry(flow.clone())
            .or_insert(version.map(Arc::new))
            .clone()?)
    }

    /// The flow names under which calls of the given version are recorded; `None` if no version was
    /// given, so that all calls are replayed.
    pub(crate) async fn names(&self) -> Result<Option<Vec<String>>, ReplayError> {
        let Some(given) = &self.given else {
            return Ok(None);
        };
        let own = self.files.describe(given).await?.name;
        let folder = if given.is_dir() {
            given.as_path()
        } else {
            given.parent().unwrap_or(given)
        };
        let folder = folder.canonicalize().ok().and_then(|folder| {
            folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        });
        Ok(Some(std::iter::once(own).chain(folder).collect()))
    }
}
