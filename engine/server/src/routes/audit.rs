//! `GET /api/audit`: the audit log, newest first, a page at a time.

use axum::extract::{RawQuery, State};
use ghanti_store::AuditEntry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::list::{BY_DEFAULT, List, MOST};
use crate::problem::Problem;
use crate::query::Query;

/// An entry, with its position.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditItem)]
pub struct Item {
    /// It grows from entry to entry.
    seq: i64,
    #[serde(flatten)]
    entry: AuditEntry,
}

/// Lists who changed what through the API or the console, and who looked at what is masked.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "audit",
    operation_id = "audit",
    params(
        ("limit" = Option<u32>, Query, description = "how many items, 1 to 200; 50 without it"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page, newest first", body = List<Item>),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn audit(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<List<Item>>, Problem> {
    let query = Query::read(query.as_deref(), &["limit", "cursor"])?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let cursor = |text: &str| text.parse().ok().filter(|seq: &i64| *seq > 0);
    let before = query.parsed("cursor", "`next` of the page before", cursor)?;
    let page = app
        .records
        .audit_page(before, limit.saturating_add(1))
        .await;
    let page = page.map_err(Problem::unavailable)?.into_iter();
    let items = page.map(|(seq, entry)| Item { seq, entry }).collect();
    Ok(Answer(List::page(items, limit, |item: &Item| {
        item.seq.to_string()
    })))
}
