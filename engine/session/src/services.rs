//! What all calls of this process share.

use std::sync::Arc;
use std::time::Duration;

use ghanti_action::Actions;
use ghanti_catalogue::Catalogue;
use ghanti_host::Instant;
use ghanti_manifest::Running;
use ghanti_model::values::{DateOrder, DateRules};
use ghanti_model::{PhoneNumber, Zone};
use ghanti_speech::Recognizer;
use ghanti_speech::cache::PromptCache;
use ghanti_store::{Lease, Recordings, SessionStore};

use crate::arrivals::Arrivals;
use crate::call_registry::CallRegistry;
use crate::files::AudioFiles;
use crate::migration::MigrationSlots;
use crate::speculation::Speculator;
use crate::targets::TransferTargets;

/// Settings that apply to every call.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// The engine's name, by which its recordings are found.
    pub engine: String,
    /// Where local time is that of.
    pub zone: Zone,
    /// The order of numeric dates in customers' records; `None` if such dates are rejected.
    pub date_order: Option<DateOrder>,
    /// The longest a call may last, whatever its flow's manifest says.
    pub longest: Duration,
    /// The longest recording; the rest of a longer call is not recorded.
    pub longest_recording: Duration,
    /// Agents to dial for the transfer target `default`, if the flow's manifest does not grant it.
    pub default_agents: Vec<PhoneNumber>,
    /// When transfer targets are open, and what is dialled instead.
    pub targets: Arc<TransferTargets>,
    /// How long all look-ups together may take when a stream starts. The caller hears nothing
    /// meanwhile; what is not known by then counts as unreadable.
    pub look_up: Duration,
    /// Whether calls that were dialled end when an answering machine takes them.
    pub ends_at_voicemail: bool,
    /// Whether running calls move to a newer version of their flow, unless its manifest says.
    pub running: Running,
}

impl CallSettings {
    /// How dates in customers' records are read at a time, in milliseconds since 1970.
    pub fn date_rules(&self, unix_ms: u64) -> DateRules {
        let now = Instant {
            unix_ms,
            offset_minutes: self.zone.offset_minutes(unix_ms),
        };
        DateRules {
            today: now.date(),
            order: self.date_order,
        }
    }
}

/// What all calls of this process share.
pub struct Services {
    /// The loaded flows and their versions.
    pub catalogue: Arc<Catalogue>,
    /// Synthesises prompts and caches their audio.
    pub prompts: PromptCache,
    /// Lets flows run ahead of their questions.
    pub speculator: Speculator,
    /// The recogniser; without one, callers can answer only by keys.
    pub recognizer: Option<Arc<dyn Recognizer>>,
    /// Sessions and customers.
    pub sessions: Arc<dyn SessionStore>,
    /// What flows do beyond their calls.
    pub actions: Arc<Actions>,
    /// The call records.
    pub registry: CallRegistry,
    /// The recordings of calls, where there are any.
    pub recordings: Recordings,
    /// The lease on this node's calls; without one, other nodes end them as abandoned.
    pub lease: Option<Lease>,
    /// Decoded audio files of flows.
    pub files: AudioFiles,
    /// Requests of Passthru applets that are not recorded yet.
    pub arrivals: Arrivals,
    /// Limits how many calls try to migrate to a newer version at once.
    pub migration_slots: MigrationSlots,
    /// Settings.
    pub settings: CallSettings,
}
