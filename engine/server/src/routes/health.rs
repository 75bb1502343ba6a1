//! `GET /healthz` (the process answers) and `GET /readyz` (what it needs answers too).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

/// The process answers.
pub async fn healthz() -> &'static str {
    "OK"
}

/// 200 when calls can be held as they should be, 503 with what is missing otherwise, or while the engine is stopping. Calls are taken in the
/// first two cases.
pub async fn readyz(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let services = &app.services;
    let (sessions, records) = tokio::join!(services.sessions.ping(), services.ledger.archive().ping());
    let told = |result: Result<(), _>| result.map_or_else(|error: samvaad_store::StoreError| error.to_string(), |()| "ok".to_owned());
    let versions = services.catalogue.versions();
    let flows: Vec<&str> = versions.keys().map(|name| name.as_str()).collect();
    let problems = services.catalogue.problems();
    let draining = app.draining.is_cancelled();
    let ready = sessions.is_ok() && records.is_ok() && !flows.is_empty() && problems.is_empty() && !draining;
    let recognizer = services.recognizer.as_ref().map_or("none: callers answer by keys", |recognizer| recognizer.name());
    let body = json!({
        "sessions": told(sessions),
        "records": told(records),
        "flows": if flows.is_empty() { json!("none: put one into the flows folder") } else { json!(flows) },
        "problems": problems,
        "recognizer": recognizer,
        "draining": draining,
        "live-calls": services.ledger.live().len(),
        "max-calls": app.permits.places(),
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}
