//! `GET /healthz` (the process answers) and `GET /readyz` (what it needs answers too).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ghanti_dialog::FlowVersion;
use ghanti_model::FlowName;
use ghanti_session::FlowPrompts;
use serde_json::{Value, json};

use crate::app::App;

/// The process answers.
pub async fn healthz() -> &'static str {
    "OK"
}

/// 200 when calls can be held as they should be, 503 with what is missing otherwise, or while the
/// engine is stopping. Calls are taken in the first two cases.
pub async fn readyz(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let services = &app.services;
    let (sessions, records) =
        tokio::join!(services.sessions.ping(), services.registry.archive().ping());
    let told = |result: Result<(), _>| {
        result.map_or_else(
            |error: ghanti_store::StoreError| error.to_string(),
            |()| "ok".to_owned(),
        )
    };
    let versions = services.catalogue.versions();
    let flows: Vec<&str> = versions.keys().map(|name| name.as_str()).collect();
    let problems = services.catalogue.problems();
    let draining = app.draining.is_cancelled();
    let ready = sessions.is_ok()
        && records.is_ok()
        && !flows.is_empty()
        && problems.is_empty()
        && !draining;
    let recognizer = services
        .recognizer
        .as_ref()
        .map_or("none: callers answer by keys", |recognizer| {
            recognizer.name()
        });
    let body = json!({
        "sessions": told(sessions),
        "records": told(records),
        "flows": if flows.is_empty() { json!("none: put one into the flows folder") } else { json!(flows) },
        "problems": problems,
        "recognizer": recognizer,
        "draining": draining,
        "live-calls": services.registry.live().len(),
        "max-calls": app.admission.places(),
        "limited-by": app.limited_by,
        "max-connections": app.connections.most(),
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

/// The sample values that flows run on: those that take calls speak for a lender who does not
/// exist.
fn samples(
    versions: &BTreeMap<FlowName, Arc<FlowVersion<FlowPrompts>>>,
) -> BTreeMap<String, Vec<String>> {
    let each = versions
        .iter()
        .map(|(name, version)| (name.to_string(), version.samples()));
    each.filter(|(_, samples)| !samples.is_empty()).collect()
}
