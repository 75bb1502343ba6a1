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

/// Something that the holder of a token did.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its position, which grows.
    seq: i64,
    unix_ms: u64,
    /// The token's name: of `[tokens]`, or `api-token`; `anyone` where the API is open.
    token: String,
    /// Its role.
    role: String,
    /// A method of HTTP, or what was done in the console, such as `unmask`.
    action: String,
    /// The path of the request; `NUMBER` stands for a phone number.
    path: String,
    /// The status of the answer.
    status: u16,
}

impl Entry {
    fn new((seq, entry): (i64, AuditEntry)) -> Self {
        Self {
            seq,
            unix_ms: entry.unix_ms,
            token: entry.token,
            role: entry.role,
            action: entry.action,
            path: entry.path,
            status: entry.status,
        }
    }
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
        (status = 200, description = "a page, newest first", body = List<Entry>),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn audit(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<List<Entry>>, Problem> {
    let query = Query::read(query.as_deref(), &["limit", "cursor"])?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let cursor = |text: &str| text.parse().ok().filter(|seq: &i64| *seq > 0);
    let before = query.parsed("cursor", "`next` of the page before", cursor)?;
    let page = app
        .records
        .audit_page(before, limit.saturating_add(1))
        .await;
    let entries: Vec<_> = page
        .map_err(Problem::unavailable)?
        .into_iter()
        .map(Entry::new)
        .collect();
    Ok(Answer(List::page(entries, limit, |entry| {
        entry.seq.to_string()
    })))
}
