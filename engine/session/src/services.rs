//! What every call of this process shares.

use std::sync::Arc;
use std::time::Duration;

use ghanti_dialog::{Catalogue, Running};
use ghanti_model::PhoneNumber;
use ghanti_speech::Recognizer;
use ghanti_speech::cache::PromptCache;
use ghanti_store::{Lease, SessionStore};

use crate::call_registry::CallRegistry;
use crate::files::AudioFiles;
use crate::migration::MigrationSlots;
use crate::prompts::FlowPrompts;

/// Settings of calls.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// Minutes to add to UTC for the calls' local time: 330 in India.
    pub offset_minutes: i16,
    /// The longest call, whatever a flow's manifest says.
    pub longest: Duration,
    /// Whom to dial for the transfer target `default` of a flow without grants.
    pub default_agents: Vec<PhoneNumber>,
    /// What becomes of running calls where a flow's manifest does not say.
    pub running: Running,
}

/// What every call of this process shares.
pub struct Services {
    /// The flows.
    pub catalogue: Arc<Catalogue<FlowPrompts>>,
    /// Spoken prompts.
    pub prompts: PromptCache,
    /// The recogniser; without one, callers answer by keys.
    pub recognizer: Option<Arc<dyn Recognizer>>,
    /// Sessions and customers.
    pub sessions: Arc<dyn SessionStore>,
    /// The records of calls.
    pub registry: CallRegistry,
    /// The lease on the calls of this node; without one, others may take them for abandoned.
    pub lease: Option<Lease>,
    /// Decoded audio files of flows.
    pub files: AudioFiles,
    /// Places for versions that take running calls over.
    pub migration_slots: MigrationSlots,
    /// Settings.
    pub settings: CallSettings,
}
