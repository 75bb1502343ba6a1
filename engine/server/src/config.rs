//! The configuration: one TOML file, and environment variables that override it.
//!
//! Every key has a default, so the engine runs without a file. Unknown keys are errors, and all
//! errors are reported together. A variable `GHANTI_SECTION_KEY` overrides `key` of `[section]`:
//! `GHANTI_STORES_REDIS_URL` is `redis-url` of `[stores]`. `sentences.rs` describes each setting in
//! a sentence, which `config print` and `init` show.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ghanti_action::Definition;
use ghanti_model::values::DateOrder;
use ghanti_model::{FlowName, Language, PhoneNumber, Zone};
use ghanti_session::{Speculation, SpeculationSettings};
use serde::{Deserialize, Serialize};

use crate::secret::{Accepted, Secret};

mod actions;
mod allowance;
mod checks;
mod exotel;
mod exposure;
mod overrides;
mod places;
mod print;
mod providers;
mod read;
mod recording;
mod retention;
mod secret_files;
mod section;
mod sentences;
mod starter;
mod tokens;
mod traces;
mod transfer;
mod urls;
mod webhooks;

pub use allowance::{GrantsAllowed, LimitsAllowed};
pub use exotel::{Exotel, Region};
pub use overrides::{FlowOverrides, SettingValue};
pub use print::printed;
pub use providers::{Provider, RecognizerChoice, SynthesizerChoice};
pub use read::{CommandLine, ConfigError, is_like_setting, read, read_with};
pub use recording::Recording;
pub use retention::Retention;
pub use secret_files::with_secret_files;
pub use starter::{Starter, is_offered};
pub use tokens::{ANYONE, API_TOKEN, Token};
pub use traces::Traces;
pub use transfer::{DEFAULT as DEFAULT_TARGET, Music, Recorded, TransferTarget};
pub use webhooks::Webhook;

/// All settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Config {
    /// Where the engine listens and how it is reached.
    pub server: Server,
    /// Further tokens of the API by name.
    pub tokens: BTreeMap<String, Token>,
    /// Settings for calls.
    pub calls: Calls,
    /// Upper bounds for the limits that manifests set.
    pub limits: LimitsAllowed,
    /// Upper bounds for the grants that manifests make.
    pub grants: GrantsAllowed,
    /// Settings for all flows; they override the manifests' values.
    pub settings: BTreeMap<String, SettingValue>,
    /// Overrides for a single flow's manifest.
    pub flows: BTreeMap<FlowName, FlowOverrides>,
    /// How customers' records are read.
    pub customers: Customers,
    /// Transfer targets by name.
    pub transfer: BTreeMap<String, TransferTarget>,
    /// Receivers of webhooks by name.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Actions by name.
    pub actions: BTreeMap<String, Definition>,
    /// The account at Exotel, for dialling.
    pub exotel: Exotel,
    /// Where sessions, customers and records are kept.
    pub stores: Stores,
    /// The engine's own recordings of calls.
    pub recording: Recording,
    /// After how many days stored data is deleted.
    pub retention: Retention,
    /// Speech synthesis and recognition.
    pub speech: Speech,
    /// Log level and log folder.
    pub log: Log,
    /// Where the traces of calls are sent.
    pub traces: Traces,
    /// Names of environment variables that have the prefix of settings but are ignored, in order.
    #[serde(skip)]
    pub ignored: Vec<String>,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The base URL by which Exotel reaches this engine, such as `https://bot.example.com`. When
    /// absent, URLs are built from the `Host` of each request.
    pub public_url: Option<String>,
    /// Further names by which clients of the API reach this engine; only checked if there is no API
    /// token (`same_site.rs`).
    pub hosts: Vec<String>,
    /// A path prefix for all routes, such as `/bot`; empty for none.
    pub path: String,
    /// The token that a media stream must carry, in its path or as the password of HTTP Basic. When
    /// absent, anyone may connect.
    pub stream_token: Option<Secret>,
    /// The token that Exotel's HTTP requests must carry as `token=` in the query. When absent,
    /// anyone may ask.
    pub applet_token: Option<Secret>,
    /// The bearer token that `/api` requests must carry. When absent, anyone may ask.
    pub api_token: Option<Secret>,
    /// The previous stream token, while it is being changed: both are accepted, and URLs carry the
    /// new one.
    pub previous_stream_token: Option<Secret>,
    /// The previous applet token, likewise.
    pub previous_applet_token: Option<Secret>,
    /// The previous API token, likewise.
    pub previous_api_token: Option<Secret>,
    /// Serves even if tokens are missing; see `exposure.rs` for the check that this turns off.
    pub insecure: bool,
    /// Maximum number of live calls. Lowered at startup, with a log line, if the machine has no
    /// room for that many.
    pub max_calls: u32,
    /// How long live calls may continue after a stop signal, in seconds. With 0 they are ended at
    /// once, and no applet is waited for. When absent, as long as a call may last.
    pub drain_s: Option<u64>,
    /// Maximum number of connections that carry no call. Lowered if there are too few file
    /// descriptors.
    pub connections: u32,
    /// The same limit for the connections of one client address.
    pub connections_per_address: u32,
    /// Timeout for the head of a connection's first request, in seconds.
    pub head_s: u64,
    /// How long a connection may be idle between requests, in seconds. The head of the next request
    /// must arrive within this time as well.
    pub idle_s: u64,
    /// Timeout for a request's body, in seconds.
    pub body_s: u64,
    /// Whether flows can be deployed over the API. When absent, only if there is an API token.
    pub deploy_flows: Option<bool>,
}

impl Server {
    /// The tokens that a media stream may carry.
    pub fn stream_tokens(&self) -> Accepted<'_> {
        Accepted {
            current: self.stream_token.as_ref(),
            previous: self.previous_stream_token.as_ref(),
        }
    }

    /// The tokens that Exotel's HTTP requests may carry.
    pub fn applet_tokens(&self) -> Accepted<'_> {
        Accepted {
            current: self.applet_token.as_ref(),
            previous: self.previous_applet_token.as_ref(),
        }
    }

    /// A text with all tokens removed, both as they are and percent-encoded.
    pub fn without_tokens(&self, text: String) -> String {
        [
            self.stream_tokens(),
            self.applet_tokens(),
            self.api_tokens(),
        ]
        .into_iter()
        .flat_map(|tokens| [tokens.current, tokens.previous])
        .flatten()
        .fold(text, |text, token| {
            let text = text.replace(token.expose(), "TOKEN");
            text.replace(&token.in_url(), "TOKEN")
        })
    }

    /// Whether flows can be deployed over the API.
    pub fn allows_deployment(&self) -> bool {
        self.deploy_flows.unwrap_or(self.api_token.is_some())
    }

    /// The tokens that requests to the API may carry.
    pub fn api_tokens(&self) -> Accepted<'_> {
        Accepted {
            current: self.api_token.as_ref(),
            previous: self.previous_api_token.as_ref(),
        }
    }
}

impl Config {
    /// How long live calls may continue after a stop signal.
    pub fn drain(&self) -> Duration {
        self.server
            .drain_s
            .map_or_else(|| self.longest_call() + LAST_WORDS, Duration::from_secs)
    }

    /// The maximum duration of a call.
    pub fn longest_call(&self) -> Duration {
        Duration::from_secs(self.calls.longest_minutes.saturating_mul(60))
    }
}

/// Added to the longest call if `drain-s` is not set: a reserved call may start after the signal,
/// and a call that reaches its maximum duration still plays its last prompt.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// `[calls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calls {
    /// The flow for calls that no manifest's `[match]` claims.
    pub flow: Option<FlowName>,
    /// Agents to dial for a transfer. Overrides the `default` target of every manifest.
    pub agents: Vec<PhoneNumber>,
    /// The zone of the calls' local time, by its name in the IANA database; without it
    /// `offset_minutes` counts.
    pub time_zone: Option<String>,
    /// The offset of the calls' local time from UTC, in minutes.
    pub offset_minutes: i16,
    /// The maximum duration of a call, in minutes. A manifest may set less, and is rejected if it
    /// sets more.
    pub longest_minutes: u64,
    /// The sample rate requested from Exotel, in Hz: 8000, 16000 or 24000.
    pub sample_rate_hz: u32,
    /// How `/passthru/after` answers: `status` (302 for a transfer, else 200) or `select` (a
    /// SwitchCase's `{"select": …}`).
    pub after: After,
    /// How long an agent's phone rings, in seconds, at most 60.
    pub ring_s: u32,
    /// What happens to a call that was dialled and that an answering machine takes: `hang-up`, or
    /// `ignore` to talk to it as to anybody.
    pub voicemail: Voicemail,
}

/// What happens to a dialled call that an answering machine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voicemail {
    /// It is ended, with the outcome `voicemail`.
    HangUp,
    /// It goes on.
    Ignore,
}

/// The form of the answer to the Passthru applet after the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// 302 for a transfer, else 200.
    Status,
    /// 200 with `{"select": "transfer"}` or `{"select": "hang-up"}`.
    Select,
}

/// `[customers]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Customers {
    /// The order of numeric dates. When absent, a date that it would decide is refused.
    pub date_order: Option<DateOrder>,
}

/// `[stores]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stores {
    /// Redis for sessions and customers. When absent they are kept in process.
    pub redis_url: Option<Secret>,
    /// `postgres://…` or `sqlite://…` for call records. When absent, a SQLite file in the data
    /// folder.
    pub database_url: Option<Secret>,
    /// A PEM file of certificates to trust for both, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long sessions and customers are kept, in hours.
    pub ttl_hours: u64,
    /// How long all look-ups at the start of a call may take together, in milliseconds.
    pub look_up_ms: u64,
}

/// `[speech]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Speech {
    /// The speech synthesizer.
    pub synthesizer: SynthesizerKind,
    /// The speech recognizer.
    pub recognizer: RecognizerKind,
    /// The synthesizers, in order of failover; empty for `synthesizer` alone.
    pub synthesizers: Vec<String>,
    /// The recognizers, in order of failover; empty for `recognizer` alone.
    pub recognizers: Vec<String>,
    /// Providers over the network by name.
    pub providers: BTreeMap<String, Provider>,
    /// The folder of the natural English voice; empty: espeak-ng speaks English, too.
    pub english_voice: PathBuf,
    /// Speaking rate, in words per minute.
    pub words_per_minute: u32,
    /// Vosk's shared library.
    pub vosk_library: PathBuf,
    /// Vosk's model folders, by language.
    pub vosk_models: BTreeMap<Language, PathBuf>,
    /// Number of recognizer threads.
    pub recognizer_threads: usize,
    /// Memory for cached prompt audio, in MiB.
    pub cache_mib: u64,
    /// Disk space for cached prompt audio, in MiB.
    pub cache_disk_mib: u64,
    /// When flows run ahead of their questions: `auto`, `on` or `off`.
    pub speculation: Speculation,
    /// The most characters of one call that are spoken ahead.
    pub speculation_characters: u64,
}

impl Speech {
    /// The folder of the natural English voice, if one is set.
    pub fn natural_voice(&self) -> Option<&Path> {
        Some(self.english_voice.as_path()).filter(|folder| !folder.as_os_str().is_empty())
    }

    /// The speaking rate, as voices take it.
    pub fn words_per_minute(&self) -> u16 {
        u16::try_from(self.words_per_minute).unwrap_or(u16::MAX)
    }

    /// The library of Vosk if callers are heard by that and it does not exist; the engine then does not
    /// start.
    pub fn missing_recognizer(&self) -> Option<&Path> {
        let is_local = self.recognizer_order().contains(&RecognizerChoice::Vosk);
        (is_local && !self.vosk_library.is_file()).then_some(&self.vosk_library)
    }

    /// When flows run ahead, and how much is spoken then.
    pub fn speculation(&self) -> SpeculationSettings {
        SpeculationSettings {
            when: self.speculation,
            characters: self.speculation_characters,
        }
    }

    /// The folder of the natural English voice if it is set but does not exist; espeak-ng then speaks English.
    pub fn missing_voice(&self) -> Option<&Path> {
        self.natural_voice().filter(|folder| !folder.is_dir())
    }
}

/// The available synthesizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SynthesizerKind {
    /// The natural voice for English, and espeak-ng, as a child process, for all else.
    Espeak,
}

/// The available recognizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecognizerKind {
    /// Vosk, loaded from a shared library at run time.
    Vosk,
    /// No recognizer: callers answer with keys.
    None,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// The minimum level, in `tracing`'s filter syntax: `info`, or `info,ghanti_session=debug`.
    pub level: String,
    /// The form of the lines, on the console and in files.
    pub format: LogFormat,
    /// Whether to write files as well as to the console.
    pub files: bool,
    /// The folder for `application.log` and `websocket.log`.
    pub folder: PathBuf,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            hosts: Vec::new(),
            path: String::new(),
            stream_token: None,
            applet_token: None,
            api_token: None,
            previous_stream_token: None,
            previous_applet_token: None,
            previous_api_token: None,
            insecure: false,
            max_calls: 1_000,
            drain_s: None,
            connections: 512,
            connections_per_address: 256,
            head_s: 10,
            idle_s: 75,
            body_s: 10,
            deploy_flows: None,
        }
    }
}

impl Calls {
    /// Where local time is that of.
    pub fn zone(&self) -> Zone {
        let named = self.time_zone.as_deref().map(Zone::parse);
        match named {
            Some(Ok(zone)) => zone,
            // refused when the configuration is read
            Some(Err(_)) | None => Zone::fixed(self.offset_minutes),
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            flow: None,
            agents: Vec::new(),
            time_zone: None,
            offset_minutes: 330,
            longest_minutes: 30,
            sample_rate_hz: 8_000,
            after: After::Status,
            ring_s: 30,
            voicemail: Voicemail::HangUp,
        }
    }
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            redis_url: None,
            database_url: None,
            ca_file: None,
            ttl_hours: 24,
            look_up_ms: 300,
        }
    }
}

impl Default for Speech {
    fn default() -> Self {
        let vosk = PathBuf::from(".tools/vosk");
        Self {
            synthesizer: SynthesizerKind::Espeak,
            recognizer: RecognizerKind::Vosk,
            synthesizers: Vec::new(),
            recognizers: Vec::new(),
            providers: BTreeMap::new(),
            english_voice: PathBuf::new(),
            words_per_minute: 155,
            vosk_library: vosk.join("libvosk.so"),
            vosk_models: BTreeMap::from([(
                Language::english(),
                vosk.join("vosk-model-small-en-us-0.15"),
            )]),
            recognizer_threads: 2,
            cache_mib: 64,
            cache_disk_mib: 512,
            speculation: Speculation::Auto,
            speculation_characters: 4_000,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
            files: true,
            folder: PathBuf::from("logs"),
        }
    }
}
