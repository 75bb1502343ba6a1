//! `/api/webhooks/dead`: webhook messages that were given up, and sending one of them again.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use ghanti_model::unix_ms;
use ghanti_store::DeadLetter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;

/// The most messages that are listed; `limit` asks for fewer.
const LISTED: u32 = 500;
/// How many are listed without `limit`.
const LISTED_BY_DEFAULT: u32 = 100;
/// The longest id that is looked for, in bytes.
const ID_BYTES: usize = 64;

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    limit: Option<u32>,
}

/// The messages that were given up last, newest first, without what they say.
#[derive(Debug, Serialize)]
pub struct Dead {
    messages: Vec<DeadLetter>,
}

/// Lists the messages that were given up.
pub async fn dead(
    _: Api,
    State(app): State<App>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Dead>, Problem> {
    let Query(Listing { limit }) = query.map_err(|error| {
        Problem::bad_request(error.body_text(), "ask for /api/webhooks/dead?limit=N")
    })?;
    let limit = limit.unwrap_or(LISTED_BY_DEFAULT).min(LISTED);
    let messages = app.records.dead_letters(limit).await;
    let messages = messages.map_err(|error| Problem::unavailable(error.to_string()))?;
    Ok(Json(Dead { messages }))
}

/// Has a message sent again, as if it were new; 404 if none with this id was given up.
pub async fn again(
    _: Api,
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    let shown: String = id.chars().take(ID_BYTES).collect();
    let revived = app.records.revive(&shown, unix_ms()).await;
    if revived.map_err(|error| Problem::unavailable(error.to_string()))? {
        tracing::info!(
            id = shown,
            "a webhook message that was given up is sent again"
        );
        return Ok(Json(json!({ "sent_again": true })));
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        format!("no webhook message `{shown}` was given up"),
        "GET /api/webhooks/dead lists those that were",
    ))
}
