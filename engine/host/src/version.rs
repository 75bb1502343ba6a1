//! A loaded version of a flow: everything that a call pins when it starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ghanti_journal::SharedJournal;
use ghanti_language::PromptBook;
use ghanti_manifest::{Limits, Manifest};
use ghanti_model::journal::FORMAT;
use ghanti_model::{CallId, Description, FlowName, JournalHeader, Language, VersionId, unix_ms};
use tracing::Instrument;

use crate::conversation::Conversation;
use crate::failures::RecentFailures;
use crate::gate::Rules;
use crate::run::{Program, RunEnd};

/// A version of a flow. Calls hold it by `Arc`; it is dropped with the last of them.
pub struct FlowVersion {
    /// The flow's name: that of its folder or file.
    pub name: FlowName,
    /// The digest of component, manifest, prompts and audio.
    pub id: VersionId,
    /// What `describe` returned.
    pub description: Description,
    /// The languages it has prompts in, the default first. Never empty.
    pub languages: Vec<Language>,
    /// Its prompt templates.
    pub prompts: PromptBook,
    /// Its audio files (WAV), by name without the extension.
    pub audio: BTreeMap<String, Arc<[u8]>>,
    /// What is odd about its files, a sentence each.
    pub warnings: Vec<String>,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_ms: u64,
    /// The digest of the component alone.
    pub component_digest: String,
    program: Program,
    rules: Arc<Rules>,
    calls: AtomicU32,
    failures: RecentFailures,
}

impl std::fmt::Debug for FlowVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowVersion")
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The parts of a version.
pub struct FlowParts {
    /// The flow's name.
    pub name: FlowName,
    /// The digest of component, manifest, prompts and audio.
    pub id: VersionId,
    /// The digest of the component alone.
    pub component_digest: String,
    /// The linked component.
    pub program: Program,
    /// What `describe` returned.
    pub description: Description,
    /// The manifest, with the operator's overrides and defaults applied.
    pub manifest: Manifest,
    /// The languages it has prompts in, the default first. Never empty.
    pub languages: Vec<Language>,
    /// Its prompt templates.
    pub prompts: PromptBook,
    /// Its audio files (WAV), by name without the extension.
    pub audio: BTreeMap<String, Arc<[u8]>>,
    /// What is odd about its files, a sentence each.
    pub warnings: Vec<String>,
}

impl FlowVersion {
    /// Makes a version of its parts, loaded now.
    pub fn new(parts: FlowParts) -> Self {
        let FlowParts {
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
        } = parts;
        let names = audio.keys().cloned().collect();
        let rules = Arc::new(Rules::new(manifest, &description, languages.clone(), names));
        Self {
            name,
            id,
            description,
            languages,
            prompts,
            audio,
            warnings,
            loaded_ms: unix_ms(),
            component_digest,
            program,
            rules,
            calls: AtomicU32::new(0),
            failures: RecentFailures::default(),
        }
    }

    /// The linked component, for another version that differs in its other files only.
    pub fn program(&self) -> &Program {
        &self.program
    }

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

    /// Counts one more call that has it pinned.
    pub fn pin(&self) {
        self.calls.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts one call less that has it pinned.
    pub fn unpin(&self) {
        self.calls.fetch_sub(1, Ordering::AcqRel);
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
        let rules = Arc::clone(&self.rules);
        self.program
            .run(conversation, journal, rules, &self.manifest().limits)
            .instrument(span)
            .await
    }

    /// Like [`run`](Self::run), with other limits than the manifest's: for replays and tests, which
    /// run a call's minutes within milliseconds. It waits until one of the engine's
    /// [spare instances](crate::EngineSettings::spare_instances) is free.
    pub async fn run_within(
        &self,
        conversation: Box<dyn Conversation>,
        journal: SharedJournal,
        limits: &Limits,
    ) -> RunEnd {
        self.program
            .run_beside_calls(conversation, journal, Arc::clone(&self.rules), limits)
            .await
    }

    /// Like [`run_within`](Self::run_within), for a test: some settings have other values, and there is
    /// no limit of host calls by the second.
    pub async fn run_test(
        &self,
        conversation: Box<dyn Conversation>,
        journal: SharedJournal,
        settings: &BTreeMap<String, String>,
    ) -> RunEnd {
        let mut rules = Arc::clone(&self.rules);
        if !settings.is_empty() {
            let settings = settings
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()));
            Arc::make_mut(&mut rules).manifest.settings.extend(settings);
        }
        let limits = Limits {
            host_calls_per_second: u32::MAX,
            ..rules.manifest.limits.clone()
        };
        self.program
            .run_beside_calls(conversation, journal, rules, &limits)
            .await
    }
}
