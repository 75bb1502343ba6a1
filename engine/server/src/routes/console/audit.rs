//! The audit log.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use ghanti_console::{AuditPage, audit};

use super::Form;
use super::session::Viewer;
use crate::app::App;
use crate::list::BY_DEFAULT;
use crate::problem::Problem;

/// The page. `before` of the query is a position.
pub(super) async fn page(
    viewer: Viewer,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Response {
    let before = Form::of_query(query.as_deref()).text("before").parse().ok();
    let entries = match app.records.audit_page(before, BY_DEFAULT).await {
        Ok(entries) => entries,
        Err(error) => return viewer.failed(&app, &Problem::unavailable(error.to_string())),
    };
    let is_full = u32::try_from(entries.len()).is_ok_and(|length| length == BY_DEFAULT);
    let last = entries.last().filter(|_| is_full);
    let shown = AuditPage {
        next: last.map(|(seq, _)| format!("before={seq}")),
        entries: entries.into_iter().map(|(_, entry)| entry).collect(),
    };
    viewer.page(StatusCode::OK, audit(&viewer.site(&app, false), &shown))
}
