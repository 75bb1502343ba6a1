//! Loads single flows from files without a catalogue: for replays and other uses of a version that
//! takes no calls.

use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use ghanti_host::{Compiler, Fault, FlowEngine, FlowVersion, Rejection, Step};
use ghanti_manifest::Allowance;
use ghanti_model::{Described, FlowName, PhoneNumber};

use crate::loader::Loader;
use crate::scan::{Place, unreadable};
use crate::source::{Parts, Source, Unread};

/// Loads flows one at a time and publishes none.
#[derive(Debug)]
pub struct FlowFiles {
    pub(crate) loader: Loader,
}

impl FlowFiles {
    /// `components` is where compiled components are cached; `default_transfer` is the target of
    /// flows whose manifest grants none. Manifests may ask for anything unless restricted by
    /// [`FlowFiles::within`].
    pub fn new(
        engine: FlowEngine,
        components: PathBuf,
        default_transfer: Vec<PhoneNumber>,
    ) -> Self {
        let compiler = Compiler::new(engine.clone(), components);
        Self {
            loader: Loader::new(engine, compiler, default_transfer, Allowance::everything()),
        }
    }

    /// For flows that are tried out without an engine: every transfer target has a number, which
    /// nobody calls.
    pub fn offline(mut self) -> Self {
        self.loader.offline();
        self
    }

    /// Restricts manifests to what the operator allows.
    pub fn within(mut self, allowance: Allowance) -> Self {
        self.loader.allow(allowance);
        self
    }

    /// Loads the flow at `path`: its folder, its `flow.wasm`, or a bare component. A bare component
    /// takes manifest, prompts and audio from the folder `beside`, if given, so that a new build
    /// can be tried without copying.
    pub fn load<'a>(
        &'a self,
        name: FlowName,
        path: &'a Path,
        beside: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<FlowVersion, Rejection>> {
        let flow = name.clone();
        self.try_load(name, path, beside)
            .map_err(move |fault| Rejection::new(flow.as_str(), fault))
            .boxed()
    }

    /// Returns the description of the component at `path`, whatever its manifest and prompts.
    pub async fn describe(&self, path: &Path) -> Result<Described, Rejection> {
        let described = async {
            let source = self.read(place(path)).await?;
            self.loader
                .compiler
                .build(source.parts.component, &source.component_digest)
                .await
        };
        let shown = path.display().to_string();
        described
            .await
            .map(|(_, described, _)| described)
            .map_err(|fault| Rejection::new(&shown, fault))
    }

    async fn try_load(
        &self,
        name: FlowName,
        path: &Path,
        beside: Option<&Path>,
    ) -> Result<FlowVersion, Fault> {
        let path = place(path);
        let mut source = self.read(path).await?;
        if let Some(beside) = beside.filter(|beside| beside.is_dir() && !path.is_dir()) {
            let rest = self.read(beside).await?.parts;
            source = Source::of(Parts {
                component: source.parts.component,
                ..rest
            });
        }
        self.loader.load(name, source, None).await
    }

    async fn read(&self, path: &Path) -> Result<Source, Fault> {
        let place = Place::alone(path).map_err(|error| unreadable(path, &error))?;
        self.loader
            .read(place)
            .await
            .map_err(|unread| match unread {
                Unread::Fault(fault) => fault,
                Unread::Moving => Fault::new(
                    Step::Read,
                    format!(
                        "the files in `{}` changed while they were read",
                        path.display()
                    ),
                    "try again",
                ),
            })
    }
}

/// The flow's folder, if the path is that of the component in it.
pub(crate) fn place(path: &Path) -> &Path {
    match path.parent().filter(|_| path.ends_with("flow.wasm")) {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}
