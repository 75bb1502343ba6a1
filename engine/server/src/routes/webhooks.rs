//! `/api/webhooks/dead`: webhook messages that were given up, and sending one of them again.

use axum::extract::{RawQuery, State};
use ghanti_model::unix_ms;
use ghanti_store::DeadLetter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::list::{BY_DEFAULT, List, MOST};
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::segments::{BadPath, Segments};

/// Maximum length of an id in bytes.
const ID_BYTES: usize = 64;

/// A message that was given up, without its content.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadMessage)]
pub struct Dead {
    id: String,
    /// The name of the receiver.
    endpoint: String,
    /// The call that it is about.
    call_id: String,
    kind: String,
    created_ms: u64,
    /// Number of attempts.
    attempts: u32,
    dead_ms: u64,
    /// Why the last attempt failed.
    error: String,
}

impl From<DeadLetter> for Dead {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            endpoint: letter.endpoint,
            call_id: letter.call_id,
            kind: letter.kind,
            created_ms: letter.created_ms,
            attempts: letter.attempts,
            dead_ms: letter.dead_ms,
            error: letter.error,
        }
    }
}

/// The response for a message that is sent again.
#[derive(Serialize, ToSchema)]
pub struct SentAgain {
    /// Always true.
    sent_again: bool,
}

/// Lists the messages that were given up, newest first, without their content.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/webhooks/dead",
    tag = "webhooks",
    operation_id = "webhooks_dead",
    params(
        ("limit" = Option<u32>, Query, description = "how many items, 1 to 200; 50 without it"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page, newest first", body = List<Dead>),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn dead(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<List<Dead>>, Problem> {
    let query = Query::read(query.as_deref(), &["limit", "cursor"])?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let after = query.parsed("cursor", "`next` of the page before", position)?;
    let after = after.as_ref().map(|(ms, id)| (*ms, id.as_str()));
    let found = app.records.dead_letters(after, limit.saturating_add(1));
    let found = found.await.map_err(Problem::unavailable)?;
    let found = found.into_iter().map(Dead::from).collect();
    Ok(Answer(List::page(found, limit, |letter: &Dead| {
        format!("{:x}.{}", letter.dead_ms, letter.id)
    })))
}

fn position(cursor: &str) -> Option<(u64, String)> {
    let (dead_ms, id) = cursor.split_once('.')?;
    Some((u64::from_str_radix(dead_ms, 16).ok()?, id.to_owned()))
}

/// Sends a message again, as if it were new; 404 if none with this id was given up.
#[utoipa::path(
    post,
    path = "/api/webhooks/dead/{id}",
    tag = "webhooks",
    operation_id = "webhooks_again",
    params(
        ("id" = String, Path, description = "its id"),
    ),
    responses(
        (status = 200, description = "it is sent again", body = SentAgain),
        (status = 400, description = "`unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-webhook-message`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn again(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
) -> Result<Answer<SentAgain>, Problem> {
    let Segments(id) = id?;
    let shown: String = id.chars().take(ID_BYTES).collect();
    let revived = app.records.revive(&shown, unix_ms()).await;
    if revived.map_err(Problem::unavailable)? {
        tracing::info!(
            id = shown,
            "a webhook message that was given up is sent again"
        );
        return Ok(Answer(SentAgain { sent_again: true }));
    }
    Err(Problem::new(
        Kind::UnknownMessage,
        format!("no webhook message `{shown}` was given up"),
        "GET /api/webhooks/dead lists those that were",
    ))
}
