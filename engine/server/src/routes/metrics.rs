//! `GET /metrics`: counters and gauges for Prometheus, in the OpenMetrics text format.
//!
//! Each value is counted where the event happens, and only read here; the stores are checked on each
//! request. Labels are names of flows, outcomes, paths and reasons, all from bounded sets; no metric is
//! about a single call.

use std::fmt;
use std::time::Instant;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ghanti_catalogue::FlowCounts;
use ghanti_session::speculation::SpeculationCounts;
use ghanti_store::CallRecords as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::access::Api;
use crate::app::App;
use crate::descriptors;
use crate::problem::{Kind, Problem};

/// OpenMetrics specification, "Protocol Negotiation".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A counter for each combination of labels.
type Counts<const LABELS: usize> = Family<[(&'static str, String); LABELS], Counter>;

/// Returns all metrics.
pub async fn metrics(_: Api, State(app): State<App>) -> Result<Response, Problem> {
    let text = encoded(&app).await.map_err(|error| {
        Problem::new(
            Kind::Internal,
            error.to_string(),
            "see the log of this time",
        )
    })?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

async fn encoded(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("ghanti");
    calls(app, &mut registry);
    flows(app, &mut registry);
    speech(app, &mut registry);
    webhooks(app, &mut registry);
    traces(app, &mut registry);
    stores(app, &mut registry).await;
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn calls(app: &App, registry: &mut Registry) {
    let (_, reserved) = app.admission.in_use(Instant::now());
    let recognizer = app.services.recognizer.as_ref();
    let gauges = [
        (
            "calls_live",
            "Calls with a stream now",
            app.services.registry.live().len(),
        ),
        (
            "calls_awaited",
            "Calls whose applet was answered and whose stream has not started",
            reserved,
        ),
        (
            "calls_max",
            "Calls that may be live at once",
            app.admission.slots(),
        ),
        (
            "connections_open",
            "Connections that hold no call",
            app.connections.open(),
        ),
        (
            "connections_max",
            "Connections without a call that there may be",
            app.connections.most(),
        ),
        (
            "tasks",
            "Tasks of the process: calls, connections and background work",
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
        ),
        (
            "descriptors_open",
            "Open files, sockets and pipes of the process",
            count(descriptors::open()),
        ),
        (
            "descriptors_max",
            "How many of them it may have",
            count(descriptors::limit()),
        ),
        (
            "recognition_backlog_milliseconds",
            "Callers' audio that the recogniser has been fed and has not recognised yet",
            recognizer.map_or(0, |recognizer| {
                usize::try_from(recognizer.backlog().as_millis()).unwrap_or(usize::MAX)
            }),
        ),
    ];
    for (name, help, value) in gauges {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let refused = Counts::<2>::default();
    for ((entry_point, refusal), count) in app.refusals.all() {
        add(
            &refused,
            [("at", entry_point.name()), ("reason", refusal.name())],
            count,
        );
    }
    registry.register(
        "calls_refused",
        "Calls that were not taken, by where they asked",
        refused,
    );
    let closed = Counts::<1>::default();
    let counts = app.connections.counts();
    for (reason, count) in [("idle", counts.replaced), ("crowded", counts.refused)] {
        add(&closed, [("reason", reason)], count);
    }
    registry.register(
        "connections_closed",
        "Connections that were closed for others: idle ones, or new ones where none was idle",
        closed,
    );
    let unserved = Counts::<2>::default();
    for ((path, cause), count) in app.unserved.all() {
        add(&unserved, [("path", path), ("cause", cause)], count);
    }
    registry.register(
        "requests_unserved",
        "Requests and streams that were not served as the set-up is wrong, by path and cause",
        unserved,
    );
    let late: Counter = Counter::default();
    late.inc_by(app.records.late_reports());
    registry.register(
        "late_reports",
        "Reports of calls that had been deleted by their age, which were ignored",
        late,
    );
    let transfers = Counts::<1>::default();
    for (outcome, count) in app.services.registry.transfers() {
        add(&transfers, [("outcome", &outcome)], count);
    }
    registry.register(
        "transfers",
        "What became of transfers, once it was known",
        transfers,
    );
    let ended = Counts::<1>::default();
    for (outcome, count) in app.services.registry.outcomes() {
        add(&ended, [("outcome", &outcome)], count);
    }
    registry.register(
        "calls_ended",
        "Calls that have ended, by outcome at their end; a transfer is `transfer-decided` then",
        ended,
    );
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn speech(app: &App, registry: &mut Registry) {
    registry.register(
        "turn_seconds",
        "How long callers waited for the bot's reply, by stage; `barge-in` is from their first sound to the end of the prompt",
        app.services.registry.events().latencies().stages(),
    );
    let failures = Counts::<3>::default();
    let recognizer = app.services.recognizer.as_ref();
    for (role, counts) in [
        ("synthesizer", app.services.prompts.failures()),
        (
            "recognizer",
            recognizer.map_or_else(Vec::new, |recognizer| recognizer.failures()),
        ),
    ] {
        for failed in counts {
            let labels = [
                ("role", role),
                ("provider", failed.provider.as_str()),
                ("fault", failed.fault),
            ];
            add(&failures, labels, failed.count);
        }
    }
    registry.register(
        "speech_failures",
        "Failures of synthesizers and recognisers that were left for the next one, by kind",
        failures,
    );
    speculation(app, registry);
}

fn speculation(app: &App, registry: &mut Registry) {
    let SpeculationCounts {
        forks,
        prompts,
        characters,
    } = app.services.speculator.counts();
    let used = ("used", app.services.prompts.used_ahead());
    let (ends, results) = (Counts::<1>::default(), Counts::<1>::default());
    for (end, count) in forks {
        add(&ends, [("end", end)], count);
    }
    for (result, count) in prompts.into_iter().chain([used]) {
        add(&results, [("result", result)], count);
    }
    registry.register(
        "speculation_forks",
        "Flows that ran ahead of a question on an answer that may come, by how that ended",
        ends,
    );
    registry.register(
        "speculation_prompts",
        "Prompts that may be said next, by what became of them; `used` were spoken ahead and then asked for",
        results,
    );
    let spent: Counter = Counter::default();
    spent.inc_by(characters);
    registry.register(
        "speculation_characters",
        "Characters that were given to a synthesizer before anybody was to hear them",
        spent,
    );
}

fn flows(app: &App, registry: &mut Registry) {
    let (published, rejected, rolled_back, failed) = (
        Counts::<1>::default(),
        Counts::<2>::default(),
        Counts::<1>::default(),
        Counts::<2>::default(),
    );
    for (flow, counts) in &app.services.catalogue.counts() {
        let FlowCounts {
            published: versions,
            rejected: candidates,
            rolled_back: back,
            trapped,
            limited,
            failed: erred,
        } = counts;
        add(&published, [("flow", flow)], *versions);
        add(&rolled_back, [("flow", flow)], *back);
        for (step, count) in candidates {
            add(
                &rejected,
                [("flow", flow), ("step", &step.to_string())],
                *count,
            );
        }
        for (kind, count) in [("trap", trapped), ("limit", limited), ("error", erred)] {
            add(&failed, [("flow", flow), ("kind", kind)], *count);
        }
    }
    registry.register(
        "flow_versions_published",
        "Versions of flows that were taken",
        published,
    );
    registry.register(
        "flow_candidates_rejected",
        "Candidates that were not taken, by the step that failed",
        rejected,
    );
    registry.register(
        "flow_rollbacks",
        "Versions that were rolled back, by people or for their failures",
        rolled_back,
    );
    registry.register(
        "flow_failures",
        "Calls in which the flow trapped, met a limit or returned an error",
        failed,
    );
}

fn webhooks(app: &App, registry: &mut Registry) {
    let attempts = Counts::<2>::default();
    for ((endpoint, result), count) in app.webhooks.attempts() {
        add(
            &attempts,
            [("endpoint", &endpoint), ("result", result)],
            count,
        );
    }
    registry.register(
        "webhook_attempts",
        "Attempts to deliver a webhook message, by result",
        attempts,
    );
    let (waiting, dead) = app.webhooks.backlog();
    for (name, help, counted) in [
        (
            "webhook_messages_waiting",
            "Webhook messages that are still to be delivered",
            waiting,
        ),
        (
            "webhook_messages_dead",
            "Webhook messages that were given up and are kept",
            dead,
        ),
    ] {
        let family = Family::<[(&'static str, String); 1], Gauge>::default();
        for (endpoint, count) in counted {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            family.get_or_create(&[("endpoint", endpoint)]).set(count);
        }
        registry.register(name, help, family);
    }
}

fn traces(app: &App, registry: &mut Registry) {
    let Some(traces) = &app.traces else {
        return;
    };
    let calls = Counts::<1>::default();
    add(&calls, [("result", "sent")], traces.sent());
    add(&calls, [("result", "dropped")], traces.dropped());
    registry.register(
        "traced_calls",
        "Calls whose trace the collector of [traces] has taken, or that have none",
        calls,
    );
}

/// Checks whether each store answers within its deadline.
async fn stores(app: &App, registry: &mut Registry) {
    let sessions = &app.services.sessions;
    let (redis, database) = tokio::join!(sessions.ping(), app.records.ping());
    let meters = [
        sessions.meter().map(|meter| (meter, redis.is_ok())),
        Some((app.records.meter(), database.is_ok())),
    ];
    let up = Family::<[(&'static str, String); 1], Gauge>::default();
    let failed = Counts::<1>::default();
    for (meter, is_up) in meters.into_iter().flatten() {
        let store = meter.store();
        up.get_or_create(&[("store", store.to_owned())])
            .set(i64::from(is_up));
        add(&failed, [("store", store)], meter.failures());
    }
    registry.register("store_up", "Whether the store answers now", up);
    registry.register(
        "store_failures",
        "Operations of the store that failed or had no answer in time",
        failed,
    );
}

fn add<const LABELS: usize>(
    family: &Counts<LABELS>,
    labels: [(&'static str, &str); LABELS],
    count: u64,
) {
    family
        .get_or_create(&labels.map(|(name, value)| (name, value.to_owned())))
        .inc_by(count);
}
