//! `GET /api/calls`: the list of calls, newest first, a page at a time.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use ghanti_model::{CallId, CallSid, CallState, FlowName, Outcome, VersionId, Zone};
use ghanti_store::{CallFilter, CallPage, CallPlace, CallSummary};

use crate::access::{Api, allowed};
use crate::answer::Answer;
use crate::app::App;
use crate::list::{BY_DEFAULT, List, MOST};
use crate::problem::Problem;
use crate::query::{self, Query};
use crate::role::Identity;
use ghanti_model::Role;

/// The parameters of the list.
const PARAMETERS: [&str; 12] = [
    "limit", "cursor", "phone", "call-sid", "state", "outcome", "flow", "version", "campaign",
    "problems", "since", "until",
];

/// Returns the calls that match all filters, newest first. Calls that are added meanwhile do not affect
/// the following pages: each call of the first request's time is returned exactly once.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read, and for an outcome that no call has;
/// 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/calls",
    tag = "calls",
    operation_id = "calls_list",
    params(
        ("limit" = Option<u32>, Query, description = "how many items, 1 to 200; 50 without it"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("phone" = Option<String>, Query, description = "the customer's number, in any spelling"),
        ("call-sid" = Option<String>, Query, description = "Exotel's id"),
        ("state" = Option<CallState>, Query, description = "the state"),
        ("outcome" = Option<String>, Query, description = "the engine's or a flow's"),
        ("flow" = Option<String>, Query, description = "the flow"),
        ("version" = Option<String>, Query, description = "the flow's version"),
        ("campaign" = Option<String>, Query, description = "the campaign that dialled"),
        ("problems" = Option<bool>, Query, description = "`true`: those alone that went wrong, with a problem in the record or an outcome that is a failure; `false`: those alone that did not"),
        ("since" = Option<String>, Query, description = "created at this time or later: a date (its midnight, local time) or ISO 8601 with a zone"),
        ("until" = Option<String>, Query, description = "created before this time"),
    ),
    responses(
        (status = 200, description = "a page, newest first", body = List<CallSummary>),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn list(
    api: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let list = found(&app, &api.identity, query.as_deref()).await?;
    Ok(Answer(list).masked(api.is_masked()).into_response())
}

/// The page of the list for a query.
///
/// # Errors
///
/// As [`list`].
pub(super) async fn found(
    app: &App,
    identity: &Identity,
    query: Option<&str>,
) -> Result<List<CallSummary>, Problem> {
    let query = Query::read(query, &PARAMETERS)?;
    if query.text("phone").is_some() {
        // it would reveal whose calls they are, which is masked for viewers
        allowed(identity, Role::Operator)?;
    }
    let filter = filter(&query, &app.services.settings.zone)?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let after = query.parsed("cursor", "`next` of the page before", position)?;
    let page = listed(app, &filter, after, limit).await?;
    if page.calls.is_empty() {
        check_outcome(app, filter.outcome.as_deref()).await?;
    }
    Ok(List {
        items: page.calls,
        next: page.next.map(cursor),
    })
}

/// A page of the calls that fit, with those that are not stored yet.
///
/// # Errors
///
/// 503 if the database does not answer.
pub(super) async fn listed(
    app: &App,
    filter: &CallFilter,
    after: Option<CallPlace>,
    limit: u32,
) -> Result<CallPage, Problem> {
    let unsaved = app
        .services
        .registry
        .unsaved(|record| CallSummary::from(record));
    let page = app.records.search(filter, after, limit).await;
    let page = page.map_err(Problem::unavailable)?;
    Ok(page.with_unsaved(unsaved, filter, after, limit))
}

fn filter(query: &Query, zone: &Zone) -> Result<CallFilter, Problem> {
    const ID: &str = "1 to 128 letters, digits, `-`, `_` and `.`";
    let state = |text: &str| match text {
        "pending" => Some(CallState::Pending),
        "live" => Some(CallState::Live),
        "ended" => Some(CallState::Ended),
        _ => None,
    };
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(CallFilter {
        phone: query.phone("phone")?,
        call_sid: query.parsed("call-sid", ID, |text| CallSid::parse(text).ok())?,
        state: query.parsed("state", "`pending`, `live` or `ended`", state)?,
        outcome: query.parsed("outcome", "an outcome", text)?,
        flow: query.parsed("flow", ID, |text| FlowName::parse(text).ok())?,
        version: query.parsed("version", ID, |text| VersionId::parse(text).ok())?,
        campaign: query.parsed("campaign", "a campaign's name", text)?,
        problems: query.parsed("problems", "`true` or `false`", |text| text.parse().ok())?,
        since_ms: query.time("since", zone)?,
        until_ms: query.time("until", zone)?,
    })
}

/// Checks that an outcome is not a typing error: it is the engine's own, or some call has it.
async fn check_outcome(app: &App, outcome: Option<&str>) -> Result<(), Problem> {
    let Some(outcome) = outcome.filter(|outcome| Outcome::parse(outcome).is_none()) else {
        return Ok(());
    };
    match app.records.knows_outcome(outcome).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::parameter(
            "outcome",
            "is not the outcome of any call",
            format!(
                "use one that a flow has set, or one of {}",
                query::list(&Outcome::NAMES)
            ),
        )),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// The cursor for the page after a call.
fn cursor(position: CallPlace) -> String {
    format!("{:x}.{}", position.created_ms, position.call_id)
}

fn position(cursor: &str) -> Option<CallPlace> {
    let (created_ms, call_id) = cursor.split_once('.')?;
    Some(CallPlace {
        created_ms: u64::from_str_radix(created_ms, 16).ok()?,
        call_id: CallId::parse(call_id)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_can_be_parsed_again() {
        let made = CallPlace {
            created_ms: 1_795_770_000_123,
            call_id: CallId::generate(),
        };
        assert_eq!(position(&cursor(made)), Some(made));
        for text in [
            "",
            ".",
            "1",
            "1.x",
            "g.0190",
            "-1.0190aaaa-0000-7000-8000-000000000000",
        ] {
            assert_eq!(position(text), None, "{text}");
        }
    }

    #[test]
    fn filters_are_checked() {
        let read = |text: &str| {
            let query = Query::read(Some(text), &PARAMETERS)?;
            filter(&query, &Zone::fixed(330))
        };
        let all = "phone=9876543210&call-sid=c1&state=live&outcome=busy&flow=emi&version=ab&campaign=d&problems=true&since=2026-11-27&until=2026-11-28";
        let filter = read(all).unwrap();
        assert_eq!(
            filter.until_ms.unwrap() - filter.since_ms.unwrap(),
            86_400_000
        );
        assert_eq!(
            (filter.state, filter.campaign.as_deref(), filter.problems),
            (Some(CallState::Live), Some("d"), Some(true))
        );
        for text in [
            "phone=x",
            "call-sid=a%20b",
            "state=over",
            "outcome=",
            "flow=",
            "version=%2F",
            "problems=1",
            "since=now",
            "until=1",
        ] {
            let reported = format!("{:?}", read(text).unwrap_err());
            let (name, _) = text.split_once('=').unwrap();
            assert!(
                reported.contains(&format!("`{name}` cannot be read")),
                "{text}: {reported}"
            );
        }
    }
}
