//! The state shared by all request handlers, and the router.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use ghanti_session::Services;
use ghanti_store::SqlRecords;
use ghanti_trace::Exporter;
use ghanti_webhook::Counts;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::audit;
use crate::config::Config;
use crate::connections::Connections;
use crate::descriptors::{self, Budget};
use crate::dialler::{DialContext, Dialler};
use crate::doctor::Observations;
use crate::explored::Explored;
use crate::fallback;
use crate::history::History;
use crate::mute::Mute;
use crate::open::Opened;
use crate::refusal::Refusals;
use crate::routes::{
    after, agents, audit as audit_route, calls, campaign_progress, campaigns, console, customers,
    deploy, description, do_not_call, doctor, erasure, events, flows, health, list_of_calls,
    metrics, now, passthru, proof, recording, recording_checks, replays, setup, status, stream,
    voicebot, webhooks,
};
use crate::same_site;
use crate::unserved::{self, Unserved};

/// Maximum size of a request body: records and callbacks are small.
const BODY_BYTES: usize = 256 << 10;
/// Maximum number of background tasks for applet requests that have already been answered. Above it
/// a request is still answered, and its call is looked up when the stream's `start` arrives.
pub const BACKGROUND: usize = 512;

/// State shared by all request handlers.
#[derive(Clone)]
pub struct App {
    /// The configuration.
    pub config: Arc<Config>,
    /// The services that all calls share.
    pub services: Arc<Services>,
    /// Admission of calls: taken and reserved slots.
    pub admission: Admission,
    /// Why fewer calls than `max-calls` are admitted, and how to raise the limit.
    pub limited_by: Option<String>,
    /// HTTP connections that do not carry a call.
    pub connections: Connections,
    /// Counts of refused calls.
    pub refusals: Arc<Refusals>,
    /// The languages that nobody speaks.
    pub mute: Arc<Mute>,
    /// Requests that could not be served because the set-up is wrong.
    pub unserved: Arc<Unserved>,
    /// Lists of customers, campaigns, and webhook messages.
    pub records: Arc<SqlRecords>,
    /// What the doctor has observed in Exotel's requests.
    pub observations: Arc<Observations>,
    /// The data folder.
    pub data: Arc<Path>,
    /// Permits for running diagnoses, [`doctor::DIAGNOSES`] in all.
    pub looks: Arc<Semaphore>,
    /// Permits for deployments in progress, [`deploy::DEPLOYS`] in all.
    pub deploys: Arc<Semaphore>,
    /// Dials customers; `None` without an account.
    pub dialler: Option<Arc<Dialler>>,
    /// How many webhook messages were delivered.
    pub webhooks: Arc<Counts>,
    /// How many calls' traces were sent; `None` without a collector.
    pub traces: Option<Arc<ghanti_trace::Counts>>,
    /// Permits for background tasks of answered requests, [`BACKGROUND`] in all.
    pub background: Arc<Semaphore>,
    /// Permits for clients that follow events, [`events::FOLLOWERS`] in all.
    pub followers: Arc<Semaphore>,
    /// Permits for waveforms being drawn, [`console::WAVEFORMS`] in all.
    pub drawn: Arc<Semaphore>,
    /// Permits for prompts being spoken for the console, [`console::HEARD`] in all.
    pub heard: Arc<Semaphore>,
    /// Maps of flows, and example values of their prompts.
    pub explored: Explored,
    /// Permits for calls being replayed, [`replays::REPLAYS`] in all.
    pub replays: Arc<Semaphore>,
    /// Permits for people who listen in on calls, [`console::LISTENERS`] in all.
    pub listeners: Arc<Semaphore>,
    /// How much there was to do in the last minutes.
    pub history: Arc<History>,
    /// How far campaigns have come, as it was counted last.
    pub funnels: Arc<console::Funnels>,
    /// Lists that were uploaded in the console and are not stored yet.
    pub uploads: Arc<console::Uploads>,
    /// Live calls and background tasks.
    pub tasks: TaskTracker,
    /// Cancelled when the engine stops admitting new calls.
    pub draining: CancellationToken,
    /// Cancelled when live calls must end.
    pub stop: CancellationToken,
}

impl App {
    /// Creates the state from a configuration, opened services and the front's connections.
    pub fn new(config: Arc<Config>, opened: Opened, open: Connections) -> Self {
        let Opened {
            services,
            unended: _,
            records,
            dialler,
            webhooks,
            traces,
            data,
        } = opened;
        let Capacity {
            calls,
            connections,
            limited_by,
        } = capacity(&config, &services);
        open.set_most(connections);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let counts = webhooks.counts();
        webhooks.start(&tasks, &stop);
        let trace_counts = traces.as_ref().map(Exporter::counts);
        if let Some(traces) = traces {
            tasks.spawn(traces.run(services.registry.events().follow(), stop.clone()));
        }
        Self {
            admission: Admission::new(calls),
            limited_by,
            connections: open,
            refusals: Arc::default(),
            mute: Arc::default(),
            unserved: Arc::default(),
            observations: Arc::default(),
            data: data.into(),
            looks: Arc::new(Semaphore::new(doctor::DIAGNOSES)),
            deploys: Arc::new(Semaphore::new(deploy::DEPLOYS)),
            config,
            services: Arc::new(services),
            records,
            dialler: dialler.map(Arc::new),
            background: Arc::new(Semaphore::new(BACKGROUND)),
            followers: Arc::new(Semaphore::new(events::FOLLOWERS)),
            drawn: Arc::new(Semaphore::new(console::WAVEFORMS)),
            heard: Arc::new(Semaphore::new(console::HEARD)),
            explored: Explored::default(),
            replays: Arc::new(Semaphore::new(replays::REPLAYS)),
            listeners: Arc::new(Semaphore::new(console::LISTENERS)),
            history: Arc::default(),
            funnels: Arc::default(),
            uploads: Arc::default(),
            webhooks: counts,
            traces: trace_counts,
            tasks,
            draining: CancellationToken::new(),
            stop,
        }
    }
}

impl App {
    /// The parts of the engine that a dial needs.
    pub fn dial_context(&self) -> DialContext {
        DialContext {
            services: Arc::clone(&self.services),
            tasks: self.tasks.clone(),
            draining: self.draining.clone(),
            stop: self.stop.clone(),
        }
    }
}

struct Capacity {
    calls: u32,
    connections: u32,
    limited_by: Option<String>,
}

/// How many calls, and how many connections without a call, the machine and the limits of this
/// process allow.
fn capacity(config: &Config, services: &Services) -> Capacity {
    let server = &config.server;
    let fitting = server.max_calls.min(services.catalogue.max_calls());
    let (limit, open) = (descriptors::limit(), descriptors::open());
    let Budget { calls, connections } =
        descriptors::share(limit, open, fitting, server.connections);
    let limited_by = if calls < fitting {
        Some(format!(
            "the limit of {limit} open files: raise it by `ulimit -n`, or LimitNOFILE= of the systemd unit"
        ))
    } else if fitting < server.max_calls {
        Some(
            "the machine's memory mappings or the process' address space: see the log of the start"
                .to_owned(),
        )
    } else {
        None
    };
    if calls < fitting || connections < server.connections {
        tracing::warn!(
            limit,
            wanted_calls = server.max_calls,
            calls,
            wanted_connections = server.connections,
            connections,
            "the limit of open files is low: fewer calls and connections than configured are admitted; raise it by `ulimit -n`, or LimitNOFILE= \
             of the systemd unit"
        );
    }
    Capacity {
        calls,
        connections,
        limited_by,
    }
}

/// All routes, nested under the configured path.
pub fn router(app: App) -> Router {
    let (path, watched) = (app.config.server.path.clone(), app.clone());
    let routes = Router::new()
        .route("/passthru", get(passthru::passthru))
        .route("/passthru/after", get(after::after))
        .route(
            "/voicebot-url",
            get(voicebot::voicebot_url).post(voicebot::voicebot_url),
        )
        .route("/websocket-url", get(voicebot::websocket_url))
        .route("/ws/voicebot/{session}", get(stream::open))
        .route("/ws/voicebot/{token}/{session}", get(stream::with_token))
        .route("/connect", get(agents::connect))
        .route("/connect/event", get(agents::event))
        .route("/status", post(status::status))
        .route("/api/calls", post(calls::create).get(list_of_calls::list))
        .route("/api/calls/{id}", get(calls::show).delete(calls::withdraw))
        .route("/api/calls/{id}/events", get(events::of_call))
        .route("/api/calls/{id}/hang-up", post(calls::hang_up))
        .route("/api/calls/{id}/version", post(calls::move_to))
        .route("/api/calls/{id}/replay", get(replays::replay))
        .route("/api/calls/{id}/otherwise", post(replays::otherwise))
        .route("/api/calls/{id}/chain", get(proof::chain))
        .route("/api/calls/{id}/recording", get(recording::recording))
        .route("/api/chains", get(proof::verify))
        .route("/api/recordings/checks", get(recording_checks::verify))
        .route("/api/events", get(events::of_all))
        .route("/api/now", get(now::now))
        .route(
            "/api/do-not-call/{phone}",
            get(do_not_call::show).delete(do_not_call::lift),
        )
        .route(
            "/api/customers",
            get(customers::lists)
                .post(customers::put)
                .layer(DefaultBodyLimit::max(customers::BODY_BYTES)),
        )
        .route("/api/customers/schema", get(customers::schema))
        .route("/api/customers/erase", post(erasure::erase))
        .route("/api/customers/{list}", delete(customers::remove))
        .route(
            "/api/campaigns",
            get(campaigns::list).post(campaigns::create),
        )
        .route("/api/campaigns/{name}", get(campaigns::show))
        .route("/api/campaigns/{name}/{action}", post(campaigns::change))
        .route("/api/campaigns/{name}/customers", get(campaigns::report))
        .route(
            "/api/campaigns/{name}/progress",
            get(campaign_progress::show),
        )
        .route("/api/webhooks/dead", get(webhooks::dead))
        .route("/api/webhooks/dead/{id}", post(webhooks::again))
        .route("/api/flows", get(flows::list))
        .route("/api/flows/reload", post(flows::reload))
        .route(
            "/api/flows/{name}",
            put(deploy::put).layer(DefaultBodyLimit::max(deploy::BODY_BYTES)),
        )
        .route("/api/flows/{name}/rollback", post(flows::rollback))
        .route("/api/flows/{name}/promote", post(flows::promote))
        .route("/api/flows/{name}/weight", put(flows::weight))
        .route("/api/audit", get(audit_route::audit))
        .route("/api/doctor", get(doctor::doctor))
        .route("/api/openapi.json", get(description::openapi))
        .route("/api/docs", get(description::docs))
        .route("/setup", get(setup::setup))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(console::routes())
        .fallback(fallback::no_such_route)
        .method_not_allowed_fallback(fallback::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(watched.clone(), audit::keep))
        .with_state(app);
    let routes = if path.is_empty() {
        routes
    } else {
        Router::new()
            .nest(&path, routes)
            .fallback(fallback::no_such_route)
    };
    routes
        .layer(from_fn_with_state(
            Arc::clone(&watched.config),
            same_site::guard,
        ))
        .layer(from_fn(fallback::end_connection))
        .layer(from_fn_with_state(watched, unserved::watch))
}
