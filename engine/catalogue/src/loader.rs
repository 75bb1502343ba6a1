//! Loads a flow: from its files to a version that calls can run, step by step. A failure reports
//! its step, reason and hint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ghanti_host::{Compiler, Fault, FlowEngine, FlowParts, FlowVersion, Origin, Step};
use ghanti_manifest::{Allowance, Manifest, ManifestError};
use ghanti_model::{Description, FlowName, PhoneNumber};

use crate::advice;
use crate::languages::languages;
use crate::scan::Place;
use crate::source::{Parts, Source, Unread};
use crate::speakable::Speakable;
use crate::{prompts, questions};

/// Logged for a flow that runs on the sample values of a fictitious lender.
const SAMPLES: &str = "the flow runs on sample values: give yours in ghanti.toml (`ghanti init` writes one, with a place for each)";

/// The number of every transfer target where nobody is called.
const STAND_IN: &str = "+918000000001";

/// Loads flows.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: FlowEngine,
    /// Builds components.
    pub(crate) compiler: Compiler,
    default_transfer: Vec<PhoneNumber>,
    allowance: Allowance,
    speakable: Speakable,
    /// The number of targets that have none, where nobody is called.
    stand_in: Option<PhoneNumber>,
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
            speakable: Speakable::default(),
            stand_in: None,
        }
    }

    /// Takes only flows in languages that can be spoken.
    pub(crate) fn speaking(mut self, speakable: Speakable) -> Self {
        self.speakable = speakable;
        self
    }

    /// Lets targets without a number have one, as nobody is called.
    pub(crate) fn offline(&mut self) {
        self.stand_in = PhoneNumber::parse(STAND_IN).ok();
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
    pub(crate) async fn load(
        &self,
        name: FlowName,
        source: Source,
        alike: Option<Arc<FlowVersion>>,
    ) -> Result<FlowVersion, Fault> {
        let began = Instant::now();
        let Source {
            id,
            component_digest,
            mut parts,
            ..
        } = source;
        let text = parts.manifest.clone().unwrap_or_default();
        let manifest = parse(parts.manifest.as_deref())?;
        let manifest = self.completed(&name, manifest, &text)?;
        let (program, described, code) = match alike {
            Some(alike) => (
                alike.program().clone(),
                alike.description.described.clone(),
                Origin::Shared,
            ),
            None => {
                let component = std::mem::take(&mut parts.component);
                self.compiler.build(component, &component_digest).await?
            }
        };
        let languages = languages(&manifest, &parts.prompts)?;
        self.speakable.check(&languages)?;
        let of_manifest = advice::of_manifest(&manifest, &parts, &languages, &text);
        let Parts { prompts, audio, .. } = parts;
        let (prompts, odd) = self
            .aside(Step::Prompts, {
                let (languages, audio) = (languages.clone(), audio.clone());
                move || prompts::read(&prompts, &languages, &audio)
            })
            .await??;
        let description = Description {
            described,
            templates: prompts.templates(&languages),
            languages: languages.clone(),
        };
        no_errors(&errors(&manifest, &description, &text))?;
        let warnings = advice::of_prompts(&odd).chain(of_manifest);
        let warnings = warnings.map(|warning| warning.to_string()).collect();
        let samples = manifest.samples.names();
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(flow = %name, version = %id, ?code, took_ms, "flow loaded");
        if !samples.is_empty() {
            tracing::warn!(flow = %name, samples = samples.join(", "), "{SAMPLES}");
        }
        Ok(FlowVersion::new(FlowParts {
            name,
            id,
            component_digest,
            program,
            description,
            manifest,
            languages,
            prompts,
            audio,
            warnings,
        }))
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

    /// The manifest with the operator's values, within what they allow.
    pub(crate) fn completed(
        &self,
        flow: &FlowName,
        mut manifest: Manifest,
        text: &str,
    ) -> Result<Manifest, Fault> {
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
        if let Some(stand_in) = &self.stand_in {
            let targets = manifest.grants.transfer.iter_mut().flatten();
            for (_, numbers) in targets.filter(|(_, numbers)| numbers.is_empty()) {
                numbers.push(stand_in.clone());
            }
        }
        let targets = manifest.grants.transfer.iter().flatten();
        for (target, _) in targets.filter(|(_, numbers)| numbers.is_empty()) {
            tracing::warn!(%flow, target, "the flow may transfer to a target that has no number, and is refused: set `numbers` of `[transfer.NAME]`");
        }
        if !unnamed.is_empty() {
            tracing::warn!(%flow, settings = unnamed.join(", "), "the configuration gives settings that the flow's manifest does not name");
        }
        Ok(manifest)
    }
}

/// Parses a manifest; a flow without one has the defaults.
fn parse(text: Option<&str>) -> Result<Manifest, Fault> {
    Manifest::parse(text.unwrap_or_default()).map_err(|errors| {
        let reasons = ManifestError::reasons(&errors);
        Fault::new(Step::Manifest, reasons, &ManifestError::hints(&errors))
            .at(errors.first().map(|error| error.line))
    })
}

/// The errors of a manifest that show once the flow's description is known.
pub(crate) fn errors(
    manifest: &Manifest,
    description: &Description,
    text: &str,
) -> Vec<ManifestError> {
    let mut errors = manifest.check(description, text);
    errors.extend(questions::check(manifest, &description.languages, text));
    errors.sort_by_key(|error| error.line);
    errors
}

/// Rejects a manifest with errors, reporting all of them at once.
pub(crate) fn no_errors(errors: &[ManifestError]) -> Result<(), Fault> {
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let reasons = ManifestError::reasons(errors);
    let hint = ManifestError::hints(errors);
    Err(Fault::new(Step::Manifest, reasons, &hint).at(Some(first.line)))
}
