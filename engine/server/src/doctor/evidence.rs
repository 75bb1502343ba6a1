//! Everything that the doctor evaluates.

use std::collections::BTreeMap;

use ghanti_model::CallRecord;

use super::{ObservationsView, Urls};

/// The observed state of this engine.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The time of the diagnosis, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// The URLs to paste into Exotel.
    pub urls: Urls,
    /// How others can reach the engine, according to its configuration.
    pub reach: Reach,
    /// The engine's own state.
    pub engine: EngineState,
    /// What was observed in Exotel's requests since the start.
    pub observations: ObservationsView,
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

/// The engine's own state.
#[derive(Debug, Clone, Default)]
pub struct EngineState {
    /// Whether it is stopping.
    pub is_draining: bool,
    /// Why it takes fewer calls than `max-calls`.
    pub limited_by: Option<String>,
    /// Stores that do not answer, with their errors.
    pub stores_down: Vec<String>,
    /// The data folder's disk.
    pub disk: Option<Disk>,
    /// What is wrong with flows, one sentence each.
    pub flow_problems: Vec<String>,
    /// Sample values in use, by flow.
    pub samples: BTreeMap<String, Vec<String>>,
    /// Languages of flows that the recogniser does not support, by flow.
    pub unrecognized_languages: BTreeMap<String, Vec<String>>,
    /// The folder of the English voice, if it is missing.
    pub missing_voice: Option<String>,
    /// The error of speech synthesis, if it was tried and failed.
    pub speech_failure: Option<String>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Space that the engine can still use.
    pub free_bytes: u64,
    /// Its size.
    pub all_bytes: u64,
}
