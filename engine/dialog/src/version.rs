//! One loaded version of a flow: everything that a call pins when it starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ghanti_model::journal::FORMAT;
use ghanti_model::{CallId, FlowName, Journal, JournalHeader, Language, VersionId};
use tracing::Instrument;

use crate::Conversation;
use crate::description::{Description, TemplateUse};
use crate::failures::RecentFailures;
use crate::gate::Rules;
use crate::journal::SharedJournal;
use crate::manifest::Manifest;
use crate::run::{Program, RunEnd};
use crate::scripted::ScriptedCaller;

/// What turns templates into words. Implemented outside, since the host knows nothing of speech.
pub trait PromptLibrary: Sized + Send + Sync + 'static {
    /// Takes the flow's prompt files, by language, and checks that each has every template the flow
    /// uses with no other arguments than it gives. The error lists all that is wrong.
    fn build(
        prompts: &BTreeMap<Language, String>,
        uses: &[TemplateUse],
    ) -> Result<Self, Vec<PromptProblem>>;

    /// Looks at the flow's audio files (WAV), by name without the ending, and lists those that
    /// could not be played.
    fn check_audio(_audio: &BTreeMap<String, Arc<[u8]>>) -> Vec<PromptProblem> {
        Vec::new()
    }
}

/// What is wrong with a prompt file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptProblem {
    /// Its line, from 1, where there is one.
    pub line: Option<usize>,
    /// One sentence with the file, what is wrong and the hint.
    pub reason: String,
}

/// For tests and tools that speak nothing: takes any prompt file.
impl PromptLibrary for () {
    fn build(
        _prompts: &BTreeMap<Language, String>,
        _uses: &[TemplateUse],
    ) -> Result<Self, Vec<PromptProblem>> {
        Ok(())
    }
}

/// A version of a flow. Calls hold it by `Arc`; it goes with the last of them.
pub struct FlowVersion<P> {
    /// The flow's name: its folder's or file's.
    pub name: FlowName,
    /// The digest of component, manifest, prompts and audio.
    pub id: VersionId,
    /// What the flow says of itself.
    pub description: Description,
    /// The languages it has prompts in, the default first. At least one.
    pub languages: Vec<Language>,
    /// Its templates.
    pub prompts: P,
    /// Its audio files (WAV), by name without the ending.
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
    /// Its manifest, with the operator's defaults filled in.
    pub fn manifest(&self) -> &Manifest {
        &self.rules.manifest
    }

    /// The sample values that calls of it use, by the names of settings and as `transfer.TARGET`.
    pub fn samples(&self) -> Vec<String> {
        self.rules.manifest.samples.names()
    }

    /// Whether what the flow logs may be shown in the engine's log in full.
    pub fn shows_logs(&self) -> bool {
        self.program.shows_logs()
    }

    /// How many calls have it pinned now.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Acquire)
    }

    /// Counts a failure of this version at `now_ms`, in milliseconds since 1970. Tells how many
    /// there were within the budget's time, this one included, if they are more than `[on-failure]
    /// budget` bears.
    pub fn failed(&self, now_ms: u64) -> Option<usize> {
        self.failures
            .count(self.manifest().on_failure.budget?, now_ms)
    }

    /// An empty journal for a call of this version; the call's id is the seed of its randomness.
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

    /// Holds the conversation of one call, in an instance and store of its own. The manifest's
    /// limits hold, except the call's length, which is the conversation's to end. Cancel-safe:
    /// dropping the future drops instance and conversation; the journal stays with its handle.
    pub async fn run(&self, conversation: Box<dyn Conversation>, journal: SharedJournal) -> RunEnd {
        // what the flow logs is told with its call
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

    /// Runs a recorded call of any version against this one. Nothing is spoken, asked or changed.
    /// Gives how the run ended, and the journal, whose [`SharedJournal::divergence`] is the first
    /// difference.
    pub async fn replay(&self, recorded: Journal) -> (RunEnd, SharedJournal) {
        let journal = SharedJournal::replay(recorded);
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
