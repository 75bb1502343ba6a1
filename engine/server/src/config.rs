//! The configuration: one TOML file, with environment variables above it.
//!
//! Every key has a default, so that the engine runs without a file. Unknown keys are errors, and
//! all errors are told at once. A variable `GHANTI_SECTION_KEY` overrides `key` of `[section]`:
//! `GHANTI_STORES_REDIS_URL` is `redis-url` of `[stores]`. What each setting is, in a sentence, is
//! in `sentences.rs`: `config print` and `init` show it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_model::{FlowName, Language, PhoneNumber};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

mod allowance;
mod checks;
mod exposure;
mod overrides;
mod print;
mod read;
mod sentences;
mod starter;
mod urls;

pub use allowance::{GrantsAllowed, LimitsAllowed};
pub use overrides::{FlowOverrides, SettingValue};
pub use print::printed;
pub use read::{CommandLine, ConfigError, is_like_setting, read, read_with};
pub use starter::Starter;

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
    /// Settings of all flows, above their manifests'.
    pub settings: BTreeMap<String, SettingValue>,
    /// What stands above the manifest of one flow.
    pub flows: BTreeMap<FlowName, FlowOverrides>,
    /// Stores.
    pub stores: Stores,
    /// Speech.
    pub speech: Speech,
    /// Logs.
    pub log: Log,
    /// Environment variables that begin as settings do and are none, in order.
    #[serde(skip)]
    pub ignored: Vec<String>,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// How Exotel reaches this engine, such as `https://bot.example.com`; when absent, the
    /// request's own `Host`.
    pub public_url: Option<String>,
    /// A path before all routes, such as `/bot`; empty for none.
    pub path: String,
    /// What the media stream's URL has to carry (in its path, or as the password of HTTP Basic);
    /// none lets everyone in.
    pub stream_token: Option<Secret>,
    /// What Exotel's HTTP requests have to carry as `token=` in their query; none lets everyone in.
    pub applet_token: Option<Secret>,
    /// What `/api` requests have to carry as a bearer token; none lets everyone in.
    pub api_token: Option<Secret>,
    /// Whether to serve with fewer than three tokens where others can reach the engine.
    pub insecure: bool,
    /// How many calls may be live at once; fewer where the machine has no room for so many, which
    /// is logged at the start.
    pub max_calls: u32,
    /// How long live calls may go on after a signal to stop, in seconds; with 0 they are ended at
    /// once, and no applet is waited for. Without it, as long as a call may last.
    pub drain_s: Option<u64>,
    /// Connections at once that hold no call; fewer where the descriptors do not suffice.
    pub connections: u32,
    /// The same of one address.
    pub connections_per_address: u32,
    /// How long the head of a connection's first request may take, in seconds.
    pub head_s: u64,
    /// How long a connection may be idle between requests, in seconds; the head of the next request
    /// has to come within this time as well.
    pub idle_s: u64,
    /// How long a request's body may take, in seconds.
    pub body_s: u64,
}

impl Config {
    /// How long live calls may go on after a signal to stop.
    pub fn drain(&self) -> Duration {
        self.server
            .drain_s
            .map_or_else(|| self.longest_call() + LAST_WORDS, Duration::from_secs)
    }

    /// How long a call may last.
    pub fn longest_call(&self) -> Duration {
        Duration::from_secs(self.calls.longest_minutes.saturating_mul(60))
    }
}

/// A call that was promised a place before the signal may begin after it, and has last words behind
/// its longest time.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// `[calls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calls {
    /// The flow of calls that no flow's manifest claims.
    pub flow: Option<FlowName>,
    /// Whom to dial for a transfer, above the `default` target of any flow's manifest.
    pub agents: Vec<PhoneNumber>,
    /// Minutes to add to UTC for the calls' local time.
    pub offset_minutes: i16,
    /// The longest call, in minutes; a manifest may ask for less, and is rejected where it asks for
    /// more.
    pub longest_minutes: u64,
    /// The sample rate to ask Exotel for: 8000, 16000 or 24000.
    pub sample_rate_hz: u32,
    /// What `/passthru/after` answers: `status` (302 for a transfer, else 200) or `select` (a
    /// SwitchCase's `{"select": …}`).
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
    /// `postgres://…` or `sqlite://…` for call records; a SQLite file in the data folder when
    /// absent.
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
    /// The least level, in `tracing`'s syntax: `info`, or `info,ghanti_session=debug`.
    pub level: String,
    /// The folder of `application.log` and `websocket.log`.
    pub folder: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            path: String::new(),
            stream_token: None,
            applet_token: None,
            api_token: None,
            insecure: false,
            max_calls: 1_000,
            drain_s: None,
            connections: 512,
            connections_per_address: 256,
            head_s: 10,
            idle_s: 75,
            body_s: 10,
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
        Self {
            redis_url: None,
            database_url: None,
            ttl_hours: 24,
        }
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
            vosk_models: BTreeMap::from([(
                Language::english(),
                vosk.join("vosk-model-small-en-us-0.15"),
            )]),
            recognizer_threads: 2,
            cache_mib: 64,
            cache_disk_mib: 512,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            folder: PathBuf::from("logs"),
        }
    }
}
