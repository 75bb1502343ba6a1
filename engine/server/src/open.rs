//! Opens what calls need: flows, speech and stores. Errors say what is missing and how to fix it,
//! before the first call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::speech::warm::prompt_cache;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_campaign::SetupError;
use ghanti_campaign::api::tls_config;
use ghanti_catalogue::watch;
use ghanti_catalogue::{Catalogue, CatalogueError, CatalogueSettings, Loading, Speakable};
use ghanti_host::{CompileIn, EngineError, EngineSettings, FlowEngine, FlowVersion, Rejection};
use ghanti_manifest::{Allowance, Running};
use ghanti_model::FlowName;
use ghanti_replay::RecordedCheck;
use ghanti_session::files::AudioFiles;
use ghanti_session::migration::MigrationSlots;
use ghanti_session::{Arrivals, CallRegistry, CallSettings, Services, Speculator};
use ghanti_store::{
    CallRecords, EventWriter, LayeredSessions, Lease, MemorySessions, RecordingName, Recordings,
    RedisSessions, SessionSettings, SessionStore, SqlRecords,
};
use ghanti_trace::Exporter;
use ghanti_webhook::{CallMessages, Delivery};

use crate::config::{Config, Voicemail, is_offered};
use crate::dialler::Dialler;
use crate::private;
use crate::speech::{Providers, SpeechError};

/// Disk space in bytes for compiled functions that a recompilation can reuse while an author works on a
/// flow. A Python interpreter's functions take a third of this.
pub const REMEMBERED_BYTES: u64 = 256 << 20;

/// The folders on this machine.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Databases, caches and spooled events.
    pub data: PathBuf,
    /// The flows.
    pub flows: PathBuf,
}

/// Whom the engine serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Callers.
    Production,
    /// Authors of flows, with made-up customers. Flows' log lines are logged in full, and the engine
    /// starts even if no flow can be loaded.
    Dev,
    /// As [`Mode::Dev`], for an author without an operator: whatever a manifest asks for is granted,
    /// targets of transfers have a number that nobody calls, and where speech is not recognised
    /// callers answer by keys.
    Author,
}

impl Mode {
    fn is_dev(self) -> bool {
        match self {
            Self::Production => false,
            Self::Dev | Self::Author => true,
        }
    }
}

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A store cannot be opened.
    #[error(transparent)]
    Store(#[from] ghanti_store::OpenError),
    /// The flows folder cannot be read.
    #[error(transparent)]
    Flows(#[from] CatalogueError),
    /// No flow could be loaded.
    #[error("no flow can be loaded from `{}`: {reasons}; create one (`ghanti flow new`, `ghanti flow build`), name another folder with --flows, or set `deploy-flows = true` in `[server]` and deploy one with `ghanti flow deploy`", .folder.display())]
    NoFlow {
        /// The folder.
        folder: PathBuf,
        /// Why each flow was rejected.
        reasons: String,
    },
    /// The WebAssembly engine cannot be created.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Speech cannot be opened.
    #[error(transparent)]
    Speech(#[from] SpeechError),
    /// The data folder cannot be created.
    #[error("cannot create the data folder `{}`: {reason}; create it, or name another with --data", .folder.display())]
    Data {
        /// The folder.
        folder: PathBuf,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The folder of recordings cannot be used.
    #[error("cannot use the folder of recordings `{}`: {reason}; let this user write to it, or set `enabled = false` in `[recording]`", .folder.display())]
    Recordings {
        /// The folder.
        folder: PathBuf,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The account in `[exotel]` cannot be used.
    #[error("cannot dial with the account of `[exotel]`: {0}")]
    Account(#[from] SetupError),
    /// A receiver of webhooks cannot be used.
    #[error("cannot send to the receiver of `[webhooks.{name}]`: {reason}")]
    Webhook {
        /// Its name.
        name: String,
        /// Why, with a hint.
        reason: SetupError,
    },
    /// An action cannot be used.
    #[error("cannot open the actions: {0}")]
    Actions(String),
    /// The HTTP client for webhooks cannot be created.
    #[error("cannot send webhooks: {0}; check that the system can resolve names")]
    WebhookClient(String),
    /// Traces cannot be sent.
    #[error("cannot send traces (`[traces]`): {0}")]
    Traces(String),
    /// No thread can be started on which flows run ahead of their questions.
    #[error(
        "cannot start the thread on which flows run ahead of their questions: {0}; raise the process' thread limit, or set `speculation = \"off\"` in `[speech]`"
    )]
    Speculation(std::io::Error),
    /// A background thread panicked.
    #[error("a thread panicked while the recogniser or the voice was opened")]
    Thread,
}

/// What was opened.
pub struct Opened {
    /// What all calls share.
    pub services: Services,
    /// Recordings that an earlier engine left unfinished.
    pub unended: Vec<RecordingName>,
    /// Lists of customers, campaigns, and webhook messages.
    pub records: Arc<SqlRecords>,
    /// Dials customers; `None` without an account.
    pub dialler: Option<Dialler>,
    /// Sends webhooks.
    pub webhooks: Delivery,
    /// Sends traces; `None` without a collector.
    pub traces: Option<Exporter>,
    /// The data folder.
    pub data: PathBuf,
}

/// Creates a folder of the engine.
fn create_folder(folder: &Path) -> Result<(), OpenError> {
    private::folder(folder).map_err(|reason| OpenError::Data {
        folder: folder.to_owned(),
        reason,
    })
}

/// Opens everything. This takes about a second, most of it for the speech model, and longer if
/// flows have to be compiled. `/readyz` meanwhile shows the flows in `loading`.
///
/// Each component is compiled in a child process that runs the calling program again. The program
/// must therefore answer its command `compile-component` with
/// [`compile_component`](crate::compile_component).
pub fn open<'a>(
    config: &'a Config,
    folders: &'a Folders,
    mode: Mode,
    loading: Loading,
) -> BoxFuture<'a, Result<Opened, OpenError>> {
    open_all(config, folders, mode, loading).boxed()
}

async fn open_all(
    config: &Config,
    folders: &Folders,
    mode: Mode,
    loading: Loading,
) -> Result<Opened, OpenError> {
    create_folder(&folders.data)?;
    let actions = config.open_actions().map(Arc::new);
    let actions = actions.map_err(|errors| OpenError::Actions(errors.join("; ")))?;
    let providers = Providers::open(config).await?;
    let recognizer = async {
        match providers.recognizer().await {
            Err(error @ SpeechError::Vosk(_)) if mode == Mode::Author => {
                tracing::warn!("calls are answered by keys: {error}");
                Ok(None)
            }
            opened => opened.map_err(OpenError::from),
        }
    };
    let voices = providers.voices();
    let speakers = voices.synthesizers();
    let speakable =
        Speakable::by(move |language| speakers.iter().any(|voice| voice.speaks(language)));
    let flows = async {
        // opened first, because replay gates read recorded calls
        let stores = open_stores(config, folders).await?;
        Ok((
            open_catalogue(
                config,
                folders,
                Arc::clone(&stores.records),
                mode,
                speakable,
                loading,
            )
            .await?,
            stores,
        ))
    };
    let (
        recognizer,
        (
            catalogue,
            Stores {
                sessions,
                registry,
                lease,
                dialler,
                records,
                webhooks,
            },
        ),
    ) = tokio::try_join!(recognizer, flows)?;
    let ears = recognizer.clone();
    catalogue.hears(move |language| match ears.as_ref() {
        Some(recognizer) => recognizer.understands(language),
        // it was logged already
        None => mode == Mode::Author,
    });
    let prompts = prompt_cache(config, &folders.data, voices);
    let (recordings, unended) = open_recordings(config, folders).await?;
    let speculator =
        Speculator::start(config.speech.speculation()).map_err(OpenError::Speculation)?;
    let services = Services {
        catalogue,
        prompts,
        speculator,
        recognizer,
        sessions,
        actions,
        registry,
        recordings,
        lease: Some(lease),
        files: AudioFiles::default(),
        arrivals: Arrivals::default(),
        migration_slots: MigrationSlots::default(),
        settings: CallSettings {
            engine: config.recording.engine(),
            zone: config.calls.zone(),
            date_order: config.customers.date_order,
            ends_at_voicemail: config.calls.voicemail == Voicemail::HangUp,
            look_up: Duration::from_millis(config.stores.look_up_ms),
            longest: config.longest_call(),
            longest_recording: config.recording.longest(),
            default_agents: config.default_agents().to_vec(),
            targets: Arc::new(config.transfer_targets()),
            running: if mode.is_dev() {
                Running::Move
            } else {
                Running::Finish
            },
        },
    };
    Ok(Opened {
        services,
        unended,
        traces: open_traces(config, Arc::clone(&records))?,
        records,
        dialler,
        webhooks,
        data: folders.data.clone(),
    })
}

async fn open_recordings(
    config: &Config,
    folders: &Folders,
) -> Result<(Recordings, Vec<RecordingName>), OpenError> {
    let (folder, room) = (folders.data.join("recordings"), config.recording.room());
    let path = folder.clone();
    let opened = tokio::task::spawn_blocking(move || Recordings::open(&path, room)).await;
    let opened = opened.map_err(|_| OpenError::Thread)?;
    opened.map_err(|reason| OpenError::Recordings { folder, reason })
}

async fn open_catalogue(
    config: &Config,
    folders: &Folders,
    records: Arc<SqlRecords>,
    mode: Mode,
    speakable: Speakable,
    loading: Loading,
) -> Result<Arc<Catalogue>, OpenError> {
    let is_dev = mode.is_dev();
    let engine = FlowEngine::new(&EngineSettings {
        max_calls: config.server.max_calls,
        show_flow_logs: is_dev,
        remembered_bytes: if is_dev { REMEMBERED_BYTES } else { 0 },
        compile_in: CompileIn::child_of_this_program()?,
        ..EngineSettings::default()
    })?;
    let settings = CatalogueSettings {
        components: folders.data.join("components"),
        kept: Some(folders.data.join("flows")),
        default_flow: config.calls.flow.clone(),
        default_transfer: config.default_agents().to_vec(),
        allowance: match mode {
            Mode::Production | Mode::Dev => config.allowance(),
            Mode::Author => Allowance {
                overrides: config.allowance().overrides,
                ..Allowance::everything()
            },
        },
        speakable,
        offline: mode == Mode::Author,
        loading,
    };
    let replay_check = Arc::new(RecordedCheck::new(records, config.calls.zone()));
    let (catalogue, rejections) =
        Catalogue::open_gated(engine, &folders.flows, settings, Some(replay_check)).await?;
    let versions = catalogue.versions();
    let awaits_first = rejections.is_empty() && config.server.allows_deployment();
    if versions.is_empty() && awaits_first {
        tracing::warn!(folder = %folders.flows.display(), "there is no flow yet, so calls are refused: deploy one with `ghanti flow deploy`");
    } else if versions.is_empty() && mode == Mode::Production {
        let reported = |rejection: &Rejection| {
            format!(
                "`{}`: {} ({})",
                rejection.flow, rejection.reason, rejection.hint
            )
        };
        let reasons: Vec<String> = rejections.iter().map(reported).collect();
        let reasons = if reasons.is_empty() {
            "it is empty".to_owned()
        } else {
            reasons.join("; ")
        };
        return Err(OpenError::NoFlow {
            folder: folders.flows.clone(),
            reasons,
        });
    }
    warn_of_unused(config, &versions);
    let catalogue = Arc::new(catalogue);
    watch(&catalogue);
    Ok(catalogue)
}

/// Logs settings and flows of the configuration that no loaded flow uses: a misspelt name would
/// otherwise go unnoticed.
fn warn_of_unused(config: &Config, versions: &BTreeMap<FlowName, Arc<FlowVersion>>) {
    let is_named = |setting: &String| {
        versions
            .values()
            .any(|version| version.manifest().settings.contains_key(setting))
    };
    // `init` writes some that only certain flows have
    let is_unknown = |setting: &&String| !is_named(setting) && !is_offered(setting.as_str());
    for setting in config.settings.keys().filter(is_unknown) {
        tracing::warn!(
            setting,
            "no flow's manifest has this setting of `[settings]`: check its spelling"
        );
    }
    for flow in config
        .flows
        .keys()
        .filter(|flow| !versions.contains_key(*flow))
    {
        tracing::warn!(%flow, "`[flows]` has settings of a flow that does not exist: check the spelling of its name");
    }
}

struct Stores {
    sessions: Arc<dyn SessionStore>,
    registry: CallRegistry,
    lease: Lease,
    records: Arc<SqlRecords>,
    dialler: Option<Dialler>,
    webhooks: Delivery,
}

async fn open_stores(config: &Config, folders: &Folders) -> Result<Stores, OpenError> {
    let ca_file = config.stores.ca_file.as_deref();
    let database = config.stores.database_url.as_ref().map(|url| url.expose());
    let messages = Arc::new(CallMessages::new(config.endpoints().into()));
    let records = SqlRecords::open_trusting(database, &folders.data, ca_file).await?;
    let records = Arc::new(records.with_outbox(Arc::clone(&messages) as _));
    let settings = SessionSettings {
        ttl: Duration::from_secs(config.stores.ttl_hours * 3600),
        number_key: Some(records.number_key()),
        ..SessionSettings::default()
    };
    let near = MemorySessions::new(settings.clone());
    let redis = match &config.stores.redis_url {
        None => None,
        Some(url) => Some(RedisSessions::connect_trusting(url.expose(), ca_file, settings).await?),
    };
    let dialler = Dialler::new(config, redis.as_ref())?;
    let sessions: Arc<dyn SessionStore> = match redis {
        None => Arc::new(near),
        Some(redis) => Arc::new(LayeredSessions::new(near, redis)),
    };
    let webhooks = open_webhooks(config, messages, &records)?;
    let archive: Arc<dyn CallRecords> = Arc::clone(&records) as _;
    let lease = Lease::take(Arc::clone(&archive), &folders.data).await?;
    let writer = EventWriter::start(Arc::clone(&archive), &folders.data.join("spool")).await?;
    Ok(Stores {
        sessions,
        registry: CallRegistry::new(lease.node(), writer, archive),
        lease,
        records,
        dialler,
        webhooks,
    })
}

fn open_traces(config: &Config, records: Arc<SqlRecords>) -> Result<Option<Exporter>, OpenError> {
    let Some(collector) = config.traces.collector() else {
        return Ok(None);
    };
    let is_https = collector.url.scheme() == "https";
    let tls = tls_config(is_https, config.traces.ca_file.as_deref());
    let tls = tls.map_err(|reason| OpenError::Traces(reason.to_string()))?;
    Exporter::new(collector, tls, records)
        .map(Some)
        .map_err(|error| OpenError::Traces(error.to_string()))
}

fn open_webhooks(
    config: &Config,
    messages: Arc<CallMessages>,
    records: &Arc<SqlRecords>,
) -> Result<Delivery, OpenError> {
    let endpoints = config.endpoints();
    let tls = endpoints.iter().map(|endpoint| {
        let tls = tls_config(endpoint.target.is_https(), endpoint.ca_file.as_deref());
        tls.map_err(|reason| OpenError::Webhook {
            name: endpoint.name.clone(),
            reason,
        })
    });
    Delivery::new(
        messages,
        tls.collect::<Result<_, _>>()?,
        Arc::clone(records),
    )
    .map_err(|error| OpenError::WebhookClient(error.to_string()))
}
