//! The configuration: one TOML file, with environment variables above it.
//!
//! Every key has a default, so that the engine runs without a file. Unknown keys are errors, and all errors are told at once. A variable
//! `SAMVAAD_SECTION_KEY` overrides `key` of `[section]`: `SAMVAAD_STORES_REDIS_URL` is `redis-url` of `[stores]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use samvaad_model::{FlowName, Language, PhoneNumber};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

mod allowance;
mod read;

pub use allowance::{GrantsAllowed, LimitsAllowed};
pub use read::{ConfigError, read};

/// All settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Config {
    /// Where the engine listens, and how it is reached.
    pub server: Server,
    /// Calls.
    pub calls: Calls,
    /// The most that manifests may ask for.
    pub limits: LimitsAllowed,
    /// The most that manifests may grant.
    pub grants: GrantsAllowed,
    /// Stores.
    pub stores: Stores,
    /// Speech.
    pub speech: Speech,
    /// Logs.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// How Exotel reaches this engine, such as `https://bot.example.com`; when absent, the request's own `Host`.
    pub public_url: Option<String>,
    /// A path before all routes, such as `/bot`; empty for none.
    pub path: String,
    /// What the media stream's URL has to carry (in its path, or as the password of HTTP Basic); none lets everyone in.
    pub stream_token: Option<Secret>,
    /// What Exotel's HTTP requests have to carry as `token=` in their query; none lets everyone in.
    pub applet_token: Option<Secret>,
    /// What `/api` requests have to carry as a bearer token; none lets everyone in.
    pub api_token: Option<Secret>,
    /// How many calls may be live at once; fewer where the machine has no room for so many, which is logged at the start.
    pub max_calls: u32,
    /// How long live calls may go on after a signal to stop, in seconds; with 0 they are ended at once, and no applet is waited for.
    pub drain_s: u64,
}

/// `[calls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calls {
    /// The flow of calls that no flow's manifest claims.
    pub flow: Option<FlowName>,
    /// Whom to dial for a transfer, where a flow's manifest names nobody.
    pub agents: Vec<PhoneNumber>,
    /// Minutes to add to UTC for the calls' local time.
    pub offset_minutes: i16,
    /// The longest call, in minutes; a manifest may ask for less, and is rejected where it asks for more.
    pub longest_minutes: u64,
    /// The sample rate to ask Exotel for: 8000, 16000 or 24000.
    pub sample_rate_hz: u32,
    /// What `/passthru/after` answers: `status` (302 for a transfer, else 200) or `select` (a SwitchCase's `{"select": …}`).
    pub after: After,
    /// How long an agent's phone rings, in seconds, at most 60.
    pub ring_s: u32,
}

/// What the Passthru applet after the bot is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// 302 for a transfer, else 200.
    Status,
    /// 200 with `{"select": "transfer"}` or `{"select": "hang-up"}`.
    Select,
}

/// `[stores]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stores {
    /// Redis for sessions and customers; in process when absent.
    pub redis_url: Option<Secret>,
    /// `postgres://…` or `sqlite://…` for call records; a SQLite file in the data folder when absent.
    pub database_url: Option<Secret>,
    /// How long sessions and customers are kept, in hours.
    pub ttl_hours: u64,
}

/// `[speech]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Speech {
    /// Who speaks.
    pub synthesizer: SynthesizerKind,
    /// Who listens.
    pub recognizer: RecognizerKind,
    /// Words a minute.
    pub words_per_minute: u32,
    /// Vosk's shared library.
    pub vosk_library: PathBuf,
    /// Vosk's model folders by language.
    pub vosk_models: BTreeMap<Language, PathBuf>,
    /// Threads that recognise.
    pub recognizer_threads: usize,
    /// Memory for spoken prompts, in MiB.
    pub cache_mib: u64,
    /// Disk for spoken prompts, in MiB.
    pub cache_disk_mib: u64,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SynthesizerKind {
    /// espeak-ng, as a process of its own.
    Espeak,
}

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecognizerKind {
    /// Vosk, opened at run time.
    Vosk,
    /// Nobody: callers answer by keys.
    None,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// The least level, in `tracing`'s syntax: `info`, or `info,samvaad_session=debug`.
    pub level: String,
    /// The folder of `application.log` and `websocket.log`.
    pub folder: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8000)),
            public_url: None,
            path: String::new(),
            stream_token: None,
            applet_token: None,
            api_token: None,
            max_calls: 1_000,
            drain_s: 30,
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            flow: None,
            agents: Vec::new(),
            offset_minutes: 330,
            longest_minutes: 30,
            sample_rate_hz: 8_000,
            after: After::Status,
            ring_s: 30,
        }
    }
}

impl Default for Stores {
    fn default() -> Self {
        Self { redis_url: None, database_url: None, ttl_hours: 24 }
    }
}

impl Default for Speech {
    fn default() -> Self {
        let vosk = PathBuf::from(".tools/vosk");
        Self {
            synthesizer: SynthesizerKind::Espeak,
            recognizer: RecognizerKind::Vosk,
            words_per_minute: 155,
            vosk_library: vosk.join("libvosk.so"),
            vosk_models: BTreeMap::from([(Language::english(), vosk.join("vosk-model-small-en-us-0.15"))]),
            recognizer_threads: 2,
            cache_mib: 64,
            cache_disk_mib: 512,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), folder: PathBuf::from("logs") }
    }
}
