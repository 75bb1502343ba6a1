//! Everything that the doctor looks at.

use std::collections::BTreeMap;

use ghanti_model::CallRecord;

use super::{TallyView, Urls};

/// What was seen of this engine.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The time of the look, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// What is to be pasted into Exotel.
    pub urls: Urls,
    /// How others reach the engine, by its configuration.
    pub reach: Reach,
    /// What the engine says of itself.
    pub engine: EngineState,
    /// What Exotel's requests showed since the start.
    pub tally: TallyView,
    /// The calls of the last day, newest first.
    pub calls: Vec<CallRecord>,
}

/// How others reach the engine.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// `public-url`.
    pub public_url: Option<String>,
    /// Whether the engine listens on other addresses than this machine's.
    pub listens_to_others: bool,
    /// The tokens that are not set.
    pub missing_tokens: Vec<&'static str>,
    /// `account-sid` of `[exotel]`.
    pub account_sid: Option<String>,
    /// Stores on other machines, by name, that are reached without TLS.
    pub stores_without_tls: Vec<&'static str>,
}

/// What the engine says of itself.
#[derive(Debug, Clone, Default)]
pub struct EngineState {
    /// Whether it is stopping.
    pub is_draining: bool,
    /// Why it takes fewer calls than `max-calls`.
    pub limited_by: Option<String>,
    /// Stores that do not answer, and what they say.
    pub stores_away: Vec<String>,
    /// The data folder's disk.
    pub disk: Option<Disk>,
    /// What is wrong with flows, one sentence each.
    pub flow_problems: Vec<String>,
    /// Sample values in use, by flow.
    pub samples: BTreeMap<String, Vec<String>>,
    /// Languages that flows speak and the recogniser does not know, by flow.
    pub unheard: BTreeMap<String, Vec<String>>,
    /// The folder of the English voice, if it is not there.
    pub missing_voice: Option<String>,
    /// Why no speech can be made, if that was tried.
    pub speech_failure: Option<String>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free for the engine.
    pub free_bytes: u64,
    /// Its size.
    pub all_bytes: u64,
}
