//! A loaded version of a flow: everything that a call pins when it starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ghanti_manifest::Manifest;
use ghanti_model::journal::FORMAT;
use ghanti_model::{
    CallId, Description, FlowName, Journal, JournalHeader, Language, TemplateUse, VersionId,
};
use tracing::Instrument;

use crate::Conversation;
use crate::failures::RecentFailures;
use crate::gate::Rules;
use crate::journal::SharedJournal;
use crate::run::{Program, RunEnd};
use crate::scripted::ScriptedCaller;

/// Renders templates as text. Implemented by the caller, since this crate knows nothing of speech.
pub trait PromptLibrary: Sized + Send + Sync + 'static {
    /// Builds a library from the flow's prompt files, by language. Checks that each file has every
    /// template in `uses`, with no arguments other than those the flow passes. On failure returns
    /// all problems.
    fn build(
        prompts: &BTreeMap<Language, String>,
        uses: &[TemplateUse],
    ) -> Result<Self, Vec<PromptProblem>>;

    /// Checks the flow's audio files (WAV), by name without the extension, and returns a problem
    /// for each that could not be played.
    fn check_audio(_audio: &BTreeMap<String, Arc<[u8]>>) -> Vec<PromptProblem> {
        Vec::new()
    }
}

/// A problem with a prompt or audio file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptProblem {
    /// Line number, from 1, if known.
    pub line: Option<usize>,
    /// One sentence: the file, what is wrong and a hint.
    pub reason: String,
}

/// Accepts any prompt file; for tests and tools that do not speak.
impl PromptLibrary for () {
    fn build(
        _prompts: &BTreeMap<Language, String>,
        _uses: &[TemplateUse],
    ) -> Result<Self, Vec<PromptProblem>> {
        Ok(())
    }
}

/// A version of a flow. Calls hold it by `Arc`; it is dropped with the last of them.
pub struct FlowVersion<P> {
    /// The flow's name: that of its folder or file.
    pub name: FlowName,
    /// The digest of component, manifest, prompts and audio.
    pub id: VersionId,
    /// What `describe` returned.
    pub description: Description,
    /// The languages it has prompts in, the default first. Never empty.
    pub languages: Vec<Language>,
    /// Its prompt templates.
    pub prompts: P,
    /// Its audio files (WAV), by name without the extension.
    pub audio: BTreeMap<String, Arc<[u8]>>,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_ms: u64,
    pub(crate) component_digest: String,
    pub(crate) program: Program,
    pub(crate) rules: Arc<Rules>,
    pub(crate) calls: AtomicU32,
    pub(crate) failures: RecentFailures,
}

impl<P> std::fmt::Debug for FlowVersion<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowVersion")
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<P> FlowVersion<P> {
    /// The manifest, with the operator's overrides and defaults applied.
    pub fn manifest(&self) -> &Manifest {
        &self.rules.manifest
    }

    /// The sample values its calls use, by setting name and as `transfer.TARGET`.
    pub fn samples(&self) -> Vec<String> {
        self.rules.manifest.samples.names()
    }

    /// Whether the engine's log may show what the flow logs in full.
    pub fn shows_logs(&self) -> bool {
        self.program.shows_logs()
    }

    /// How many calls have it pinned.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Acquire)
    }

    /// Records a failure of this version at `now_ms`, in milliseconds since 1970. Returns the
    /// number of failures within the budget's period, this one included, if it exceeds
    /// `[on-failure] budget`.
    pub fn failed(&self, now_ms: u64) -> Option<usize> {
        self.failures
            .count(self.manifest().on_failure.budget?, now_ms)
    }

    /// Creates an empty journal for a call of this version, whose randomness is seeded by the
    /// call's id.
    pub fn journal(&self, call_id: CallId) -> SharedJournal {
        let (flow, version) = (self.name.clone(), self.id.clone());
        SharedJournal::live(JournalHeader {
            format: FORMAT,
            call_id,
            flow,
            version,
            seed: call_id.seed(),
            began_ms: None,
        })
    }

    /// Runs the conversation of one call, in its own instance and store. Enforces the manifest's
    /// limits except the call's length, which the conversation must enforce. Cancel-safe: dropping
    /// the future drops the instance and the conversation; the journal remains with its handle.
    pub async fn run(&self, conversation: Box<dyn Conversation>, journal: SharedJournal) -> RunEnd {
        // so that what the flow logs carries its call's id
        let span = tracing::info_span!("flow", name = %self.name, call = %journal.call_id());
        self.program
            .run(
                conversation,
                journal,
                self.rules.clone(),
                &self.manifest().limits,
            )
            .instrument(span)
            .await
    }

    /// Replays a recorded call of any version against this one. Nothing is spoken, asked or
    /// changed. Returns how the run ended, and the journal; the first difference is
    /// [`SharedJournal::divergence`].
    pub async fn replay(&self, recorded: Journal) -> (RunEnd, SharedJournal) {
        let journal = crate::replay::strict(recorded);
        let limits = self.manifest().limits.of_replay();
        let nobody = Box::new(ScriptedCaller::new([]));
        (
            self.program
                .run(nobody, journal.clone(), self.rules.clone(), &limits)
                .await,
            journal,
        )
    }
}
