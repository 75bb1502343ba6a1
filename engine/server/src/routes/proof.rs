//! `/api/calls/{id}/chain` and `/api/chains`: the stored events of a call with their hashes, and
//! a check that no call was changed after it was recorded.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use ghanti_model::{CallId, ChainHead, ChainedEvent};
use ghanti_store::ChainChecks;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::query::Query;
use crate::routes::calls::find;
use crate::segments::{BadPath, Segments};

/// Maximum number of events in one answer.
const EVENTS: u32 = 500;
/// Number of calls that one request checks: each has about a hundred events to hash.
const CALLS: u32 = 50;
/// How long to wait for the events of a call that are not stored yet.
const SAVED: Duration = Duration::from_secs(2);

/// A page of a call's chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainPage {
    /// The call.
    call_id: CallId,
    /// The head of its chain.
    head: ChainHead,
    /// The events, in the order of their positions.
    items: Vec<ChainedEvent>,
    /// `cursor` of the next page.
    #[schema(required)]
    next: Option<String>,
}

/// Answers with the events of a call as they are stored, in the order of their positions, and the
/// head of their chain.
///
/// # Errors
///
/// 400 for an unusable query, 404 for an unknown call, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/calls/{id}/chain",
    tag = "calls",
    operation_id = "calls_chain",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
        ("limit" = Option<u32>, Query, description = "how many events, 1 to 500; 500 without it"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before; a position, after which the page begins"),
    ),
    responses(
        (status = 200, description = "a page", body = ChainPage),
        (status = 400, description = "`unusable-parameter`, `unusable-call-id`, `unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn chain(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Result<Answer<ChainPage>, Problem> {
    let Segments(id) = id?;
    let query = Query::read(query.as_deref(), &["limit", "cursor"])?;
    let limit = query.number("limit", EVENTS)?.unwrap_or(EVENTS);
    let after = query.parsed("cursor", "`next` of the page before", position)?;
    let call_id = find(&app, &id).await?.call_id;
    app.services.registry.writer().stored(call_id, SAVED).await;
    let stored = app
        .records
        .chain(call_id, after.unwrap_or(-1), limit)
        .await
        .map_err(Problem::unavailable)?;
    let Some((head, items)) = stored else {
        return Err(Problem::unavailable(
            "the events of the call are not stored yet",
        ));
    };
    let is_full = u32::try_from(items.len()).is_ok_and(|length| length == limit);
    let last = items.last().filter(|_| is_full);
    let next = last.map(|last| last.position.to_string());
    Ok(Answer(ChainPage {
        call_id,
        head,
        items,
        next,
    }))
}

fn position(cursor: &str) -> Option<i64> {
    cursor.parse().ok().filter(|position| *position >= 0)
}

/// Checks the next 50 calls by id: their chains, and whether each call's row matches its events.
///
/// # Errors
///
/// 400 for an unusable query, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/chains",
    tag = "calls",
    operation_id = "calls_verify",
    params(
        ("cursor" = Option<String>, Query, description = "`next` of the answer before"),
    ),
    responses(
        (status = 200, description = "what was found", body = ChainChecks),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn verify(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<ChainChecks>, Problem> {
    let query = Query::read(query.as_deref(), &["cursor"])?;
    let after = query.text("cursor").unwrap_or_default();
    let checks = app.records.verify_chains(after, CALLS).await;
    checks.map(Answer).map_err(Problem::unavailable)
}
