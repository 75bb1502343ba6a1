//! `/api/calls/{id}/chain` and `/api/chains`: the stored events of a call with their hashes, and
//! whether the chains of all calls are intact.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use ghanti_model::{CallId, ChainHead, ChainedEvent};
use ghanti_store::ChainChecks;
use serde::{Deserialize, Serialize};

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::calls::find;

/// Events in one answer.
const EVENTS: u32 = 500;
/// Calls that one request checks: each has some hundred events to hash.
const CALLS: u32 = 50;
/// How long to wait for the events of a call that are not stored yet.
const SAVED: Duration = Duration::from_secs(2);

/// The query of `GET /api/calls/{id}/chain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The position after which the answer begins; without it, everything.
    after: Option<i64>,
    /// The most events in it.
    limit: Option<u32>,
}

/// A page of a call's chain.
#[derive(Serialize)]
pub struct ChainPage {
    call_id: CallId,
    head: ChainHead,
    events: Vec<ChainedEvent>,
    /// The position after which the next page begins.
    next: Option<i64>,
}

/// Returns the events of a call as they are stored, in the order of their positions, and the head of
/// their chain. The id is ours or Exotel's CallSid.
///
/// # Errors
///
/// 400 for an unusable query, 404 for an unknown call, 503 if the database does not answer.
pub async fn chain(
    _: Api,
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<ChainPage>, Problem> {
    let Path(id) = id?;
    let Query(Part { after, limit }) = part.map_err(|error| {
        Problem::bad_request(error.body_text(), "ask for `?after=500&limit=500`")
    })?;
    let call_id = find(&app, id).await?.call_id;
    app.services.registry.writer().saved(call_id, SAVED).await;
    let limit = limit.unwrap_or(EVENTS).clamp(1, EVENTS);
    let stored = app
        .records
        .chain(call_id, after.unwrap_or(-1), limit)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    let Some((head, events)) = stored else {
        return Err(Problem::unavailable(
            "the events of the call are not stored yet",
        ));
    };
    let is_full = u32::try_from(events.len()).is_ok_and(|length| length == limit);
    let next = events.last().filter(|_| is_full).map(|last| last.position);
    Ok(Json(ChainPage {
        call_id,
        head,
        events,
        next: next.and_then(|next| i64::try_from(next).ok()),
    }))
}

/// The query of `GET /api/chains`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behind {
    /// The call after which to go on; empty or absent at first.
    #[serde(default)]
    after: String,
}

/// Checks the chains of the next calls, by id.
///
/// # Errors
///
/// 400 for an unusable query, 503 if the database does not answer.
pub async fn verify(
    _: Api,
    State(app): State<App>,
    behind: Result<Query<Behind>, QueryRejection>,
) -> Result<Json<ChainChecks>, Problem> {
    let Query(Behind { after }) = behind.map_err(|error| {
        Problem::bad_request(
            error.body_text(),
            "go on with `?after=` and the `next` of the answer before",
        )
    })?;
    app.records
        .verify_chains(&after, CALLS)
        .await
        .map(Json)
        .map_err(|error| Problem::unavailable(error.to_string()))
}
