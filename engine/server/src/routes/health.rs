//! `GET /healthz` (liveness) and `GET /readyz` (readiness).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ghanti_host::FlowVersion;
use ghanti_model::FlowName;
use ghanti_store::Lease;
use serde_json::{Value, json};

use crate::app::App;

/// Answers `OK` while the process runs.
pub async fn healthz() -> &'static str {
    "OK"
}

/// What does not work while Redis is down. Calls are still handled.
const WITHOUT_SESSIONS: &str = "calls are taken, and those whose order or earlier requests this engine has had are held as always; the record of \
    a customer whom only another engine knows, or who is known by the number alone, is not found, and their call goes on without it; flows \
    cannot look keys up, and Exotel is asked by a share of the limit";
/// The same of the database.
const WITHOUT_RECORDS: &str = "calls are taken and held, and their events are kept in the spool until the database is back; new orders are \
    refused, campaigns dial nobody, nothing older is shown, and a call of another engine that is gone begins anew";
/// The same if the spool fails, too.
const WITHOUT_SPOOL: &str =
    "events of calls are only in memory: neither the database nor the spool can be written";

/// Answers 200 if calls can be handled without restrictions: a flow is loaded, nothing is wrong with the
/// flows, their languages can be spoken, and the events of calls are stored. Otherwise, or while the
/// engine is stopping, answers 503 and says what is missing. What does not work while a store is down is in `degraded`. Calls are
/// admitted even with 503, unless the engine is stopping.
pub async fn readyz(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let services = &app.services;
    let (sessions, records) =
        tokio::join!(services.sessions.ping(), services.registry.archive().ping());
    let lease = services.lease.as_ref();
    let records = records.and_then(|()| lease.map_or(Ok(()), Lease::renewed));
    let state = |result: Result<(), _>| {
        result.map_or_else(
            |error: ghanti_store::StoreError| error.to_string(),
            |()| "ok".to_owned(),
        )
    };
    let versions = services.catalogue.versions();
    let flows: Vec<&str> = versions.keys().map(|name| name.as_str()).collect();
    let problems = services.catalogue.problems();
    let draining = app.draining.is_cancelled();
    let writer = services.registry.writer();
    let keeps = records.is_ok() || (writer.keeps() && writer.try_spool().await.is_ok());
    let mute = app.mute.reasons();
    let ready = keeps && mute.is_empty() && !flows.is_empty() && problems.is_empty() && !draining;
    let mut degraded = BTreeMap::new();
    if sessions.is_err() {
        degraded.insert("sessions", WITHOUT_SESSIONS);
    }
    if records.is_err() {
        let what = if keeps {
            WITHOUT_RECORDS
        } else {
            WITHOUT_SPOOL
        };
        degraded.insert("records", what);
    }
    let recognizer = services
        .recognizer
        .as_ref()
        .map_or("none: callers answer by keys", |recognizer| {
            recognizer.name()
        });
    let body = json!({
        "sessions": state(sessions),
        "records": state(records),
        "degraded": degraded,
        "flows": if flows.is_empty() { json!("none: put one into the flows folder") } else { json!(flows) },
        "problems": problems,
        "voices": if mute.is_empty() { json!("ok") } else { json!(mute) },
        "recognizer": recognizer,
        "draining": draining,
        "live_calls": services.registry.live().len(),
        "max_calls": app.admission.slots(),
        "limited_by": app.limited_by,
        "max_connections": app.connections.most(),
        "samples": samples(&versions),
    });
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(body),
    )
}

/// The sample values that flows still use, by flow: a flow that takes calls with them names a lender who
/// does not exist.
fn samples(versions: &BTreeMap<FlowName, Arc<FlowVersion>>) -> BTreeMap<String, Vec<String>> {
    let each = versions
        .iter()
        .map(|(name, version)| (name.to_string(), version.samples()));
    each.filter(|(_, samples)| !samples.is_empty()).collect()
}
