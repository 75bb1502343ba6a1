//! Loads a flow: from its files to a version that calls can run, step by step. A failure reports
//! its step, reason and hint.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use ghanti_manifest::{Allowance, Manifest, ManifestError, NotAllowed};
use ghanti_model::{Description, FlowName, Language, PhoneNumber, unix_ms};

use crate::compile::{Compiler, Origin};
use crate::engine::FlowEngine;
use crate::failures::RecentFailures;
use crate::gate::Rules;
use crate::run::Program;
use crate::scan::Place;
use crate::source::{Parts, Source, Unread};
use crate::version::{FlowVersion, PromptLibrary};

/// A step of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Reading the files.
    Read,
    /// Parsing `flow.toml`, and checking it against what `describe` returned.
    Manifest,
    /// Checking `flow.toml` against what the operator allows.
    Allowance,
    /// Checking the version of the contract.
    Contract,
    /// Compiling the component.
    Compile,
    /// Linking it against the host functions.
    Link,
    /// Calling `describe`.
    Describe,
    /// Checking the prompt and audio files.
    Prompts,
    /// Running the flow's own tests.
    Tests,
    /// Replaying recorded calls, if `[replay] gate` asks for it.
    Replay,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Read => "read",
            Step::Manifest => "manifest",
            Step::Allowance => "allowance",
            Step::Contract => "contract",
            Step::Compile => "compile",
            Step::Link => "link",
            Step::Describe => "describe",
            Step::Prompts => "prompts",
            Step::Tests => "tests",
            Step::Replay => "replay",
        })
    }
}

/// A flow that failed to load, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot load flow `{flow}` ({step}): {reason}: {hint}")]
pub struct Rejection {
    /// The flow's name, or the file's if it is not a valid name.
    pub flow: String,
    /// The step that failed.
    pub step: Step,
    /// What is wrong; one line per error, each with its line in the file if known.
    pub reason: String,
    /// How to fix it.
    pub hint: String,
    /// The first line with an error, from 1, if known: in `flow.toml` or, for [`Step::Prompts`] and
    /// [`Step::Tests`], in the file that `reason` names first.
    pub line: Option<usize>,
}

impl Rejection {
    pub(crate) fn new(flow: &str, fault: Fault) -> Self {
        Self {
            flow: flow.to_owned(),
            step: fault.step,
            reason: fault.reason,
            hint: fault.hint,
            line: fault.line,
        }
    }
}

/// A [`Rejection`] without the flow's name.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) step: Step,
    pub(crate) reason: String,
    pub(crate) hint: String,
    pub(crate) line: Option<usize>,
}

impl Fault {
    pub(crate) fn new(step: Step, reason: String, hint: &str) -> Self {
        Self {
            step,
            reason,
            hint: hint.to_owned(),
            line: None,
        }
    }

    pub(crate) fn at(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }
}

impl From<NotAllowed> for Fault {
    fn from(NotAllowed { reason, hint, line }: NotAllowed) -> Self {
        Self::new(Step::Allowance, reason, &hint).at(line)
    }
}

/// Logged for a flow that runs on the sample values of a fictitious lender.
const SAMPLES: &str = "the flow runs on sample values: give yours in ghanti.toml (`ghanti init` writes one, with a place for each)";

/// Loads flows.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: FlowEngine,
    compiler: Compiler,
    default_transfer: Vec<PhoneNumber>,
    allowance: Allowance,
}

impl Loader {
    pub(crate) fn new(
        engine: FlowEngine,
        compiler: Compiler,
        default_transfer: Vec<PhoneNumber>,
        allowance: Allowance,
    ) -> Self {
        Self {
            engine,
            compiler,
            default_transfer,
            allowance,
        }
    }

    pub(crate) fn allow(&mut self, allowance: Allowance) {
        self.allowance = allowance;
    }

    pub(crate) fn engine(&self) -> &FlowEngine {
        &self.engine
    }

    /// Reads the files. Fast compared with the later steps, so an unchanged flow is recognised
    /// quickly.
    pub(crate) async fn read(&self, place: Place) -> Result<Source, Unread> {
        self.aside(Step::Read, move || Source::read(&place))
            .await
            .map_err(Unread::Fault)?
    }

    /// Builds a version. `alike` is a loaded version with the same component, whose compiled code
    /// is reused: a changed prompt is live at once.
    pub(crate) async fn load<P: PromptLibrary>(
        &self,
        name: FlowName,
        source: Source,
        alike: Option<Arc<FlowVersion<P>>>,
    ) -> Result<FlowVersion<P>, Fault> {
        let began = Instant::now();
        let Source {
            id,
            component_digest,
            parts,
            ..
        } = source;
        let Parts {
            component,
            manifest,
            prompts,
            audio,
            ..
        } = parts;
        let text = manifest.clone().unwrap_or_default();
        let manifest = self.manifest(&name, manifest.as_deref())?;
        let (program, description, code) = match alike {
            Some(alike) => (
                alike.program.clone(),
                alike.description.clone(),
                Origin::Shared,
            ),
            None => self.build(component, &component_digest).await?,
        };
        no_errors(&manifest.check(&description, &text))?;
        let languages = languages(&manifest, &description, &prompts)?;
        let templates = description.templates.clone();
        let prompts = self.aside(Step::Prompts, {
            let audio = audio.clone();
            move || match P::build(&prompts, &templates) {
                Ok(built) => Some(P::check_audio(&audio))
                    .filter(|problems| !problems.is_empty())
                    .map_or(Ok(built), Err),
                Err(problems) => Err(problems),
            }
        });
        let prompts = prompts.await?.map_err(|problems| {
            let reasons = problems
                .iter()
                .map(|problem| problem.reason.as_str())
                .collect::<Vec<_>>()
                .join("\n");
            Fault::new(Step::Prompts, reasons, "fix the prompt files")
                .at(problems.first().and_then(|problem| problem.line))
        })?;

        let samples = manifest.samples.names();
        let rules = Arc::new(Rules::new(
            manifest,
            &description,
            languages.clone(),
            audio.keys().cloned().collect(),
        ));
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(flow = %name, version = %id, ?code, took_ms, "flow loaded");
        if !samples.is_empty() {
            tracing::warn!(flow = %name, samples = samples.join(", "), "{SAMPLES}");
        }
        let (loaded_ms, calls, failures) =
            (unix_ms(), AtomicU32::new(0), RecentFailures::default());
        Ok(FlowVersion {
            name,
            id,
            description,
            languages,
            prompts,
            audio,
            loaded_ms,
            component_digest,
            program,
            rules,
            calls,
            failures,
        })
    }

    pub(crate) async fn build(
        &self,
        component: Vec<u8>,
        digest: &str,
    ) -> Result<(Program, Description, Origin), Fault> {
        let (component, origin) = self.compiler.compile(component, digest).await?;
        let engine = self.engine.clone();
        let program = self
            .aside(Step::Link, move || Program::link(&engine, &component))
            .await??;
        let unfit = |reason| {
            Fault::new(
                Step::Describe,
                reason,
                "let `describe` return constants and nothing else",
            )
        };
        let description = program.describe().await.map_err(unfit)?;
        Ok((program, description, origin))
    }

    /// Lowers the priority of loading: from now on calls come first.
    pub(crate) fn step_back(&self) {
        self.engine.loader_pool().step_back();
    }

    /// Runs short blocking work (milliseconds) on a loader thread.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        step: Step,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let failed = |error| {
            Fault::new(
                step,
                format!("it failed: {error}"),
                "report it with the flow's files",
            )
        };
        self.engine
            .loader_pool()
            .run_light(work)
            .await
            .map_err(failed)
    }

    fn manifest(&self, flow: &FlowName, text: Option<&str>) -> Result<Manifest, Fault> {
        let text = text.unwrap_or_default();
        let mut manifest = Manifest::parse(text).map_err(|errors| {
            let reasons = errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n");
            Fault::new(Step::Manifest, reasons, "fix `flow.toml`")
                .at(errors.first().map(|error| error.line))
        })?;
        let overrides = &self.allowance.overrides;
        overrides.clear(flow, &mut manifest);
        self.allowance.admit(&mut manifest, text)?;
        let unnamed = overrides.apply(flow, &mut manifest);
        if manifest.grants.transfer.is_none() && !self.default_transfer.is_empty() {
            manifest.grants.transfer = Some(BTreeMap::from([(
                "default".to_owned(),
                self.default_transfer.clone(),
            )]));
        }
        if !unnamed.is_empty() {
            tracing::warn!(%flow, settings = unnamed.join(", "), "the configuration gives settings that the flow's manifest does not name");
        }
        Ok(manifest)
    }
}

/// Rejects a manifest with errors, reporting all of them at once.
pub(crate) fn no_errors(errors: &[ManifestError]) -> Result<(), Fault> {
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let reasons = errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    Err(Fault::new(Step::Manifest, reasons, "correct `flow.toml`").at(Some(first.line)))
}

/// The flow's languages: those of the manifest, else those that `describe` names followed by those
/// that merely have a prompt file, so that a lender adds a language by adding a file. A flow with
/// templates needs a prompt file for each language.
fn languages(
    manifest: &Manifest,
    description: &Description,
    prompts: &BTreeMap<Language, String>,
) -> Result<Vec<Language>, Fault> {
    let mut languages = manifest.languages.clone();
    if languages.is_empty() {
        languages.clone_from(&description.languages);
        languages.extend(
            prompts
                .keys()
                .filter(|language| !description.languages.contains(language))
                .cloned(),
        );
    }
    let missing = languages
        .iter()
        .filter(|language| !description.templates.is_empty() && !prompts.contains_key(language));
    let missing = missing
        .map(|language| format!("`prompts/{language}.ftl` is missing"))
        .collect::<Vec<_>>();
    if missing.is_empty() {
        Ok(languages)
    } else {
        Err(Fault::new(
            Step::Prompts,
            missing.join("\n"),
            "add the file, or take the language away",
        ))
    }
}
