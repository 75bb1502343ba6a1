//! The list of calls, and one call: its record, its recording, its events.

use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ghanti_console::{CallPage, CallsPage, Finding, Player, Search, Turn, call, calls};
use ghanti_model::{CallEvent, CallId, CallRecord, EventKind, Outcome, PhoneNumber, Zone};
use time::format_description::well_known::Iso8601;
use time::macros::format_description;
use time::{Date, Time};

use super::live::levels;
use super::session::Viewer;
use super::{Form, redirect, replays};
use crate::app::App;
use crate::base::Base;
use crate::doctor::{Finding as Found, Weight};
use crate::problem::Problem;
use crate::routes::calls::{answered, find, hung_up, moved};
use crate::routes::doctor::{findings_of, urls};
use crate::routes::list_of_calls::found;
use crate::routes::recording::sent;
use crate::segments::{BadPath, Segments};
use crate::times;
use ghanti_model::Role;

/// Maximum number of events on a call's page.
const EVENTS: usize = 256;
/// Maximum number of events that are read for how long the caller waited: more than a call of half an
/// hour has.
const READ: u32 = 4_096;
/// The filters of the search besides `q`: parameters of `GET /api/calls`.
const PARAMETERS: [&str; 9] = [
    "state", "outcome", "flow", "version", "campaign", "problems", "since", "until", "cursor",
];

/// The list, filtered by the query.
pub(super) async fn list(
    viewer: Viewer,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Response {
    let form = Form::of_query(query.as_deref());
    let q = form.text("q").trim();
    if CallId::parse(q).is_some() {
        return redirect(&viewer.site(&app, false).path(&format!("calls/{q}")));
    }
    let has_numbers = viewer.unmasks(&app, query.as_deref(), "/console/calls");
    let asked = asked(&form, q, &app.services.settings.zone);
    let answer = found(&app, viewer.identity(), Some(&asked)).await;
    let (calls_found, next, unreadable) = match answer {
        Ok(list) => (list.items, list.next, None),
        Err(problem) if problem.text().status == StatusCode::BAD_REQUEST => {
            let text = problem.text();
            let wrong = (text.detail.to_owned(), text.hint.to_owned());
            (Vec::new(), None, Some(wrong))
        }
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let text = |name: &str| form.text(name).to_owned();
    let problems = form.text("problems");
    let shown = CallsPage {
        search: Search {
            q: q.to_owned(),
            state: text("state"),
            outcome: text("outcome"),
            flow: text("flow"),
            version: text("version"),
            campaign: text("campaign"),
            problems: text("problems"),
            since: text("since"),
            until: text("until"),
        },
        calls: calls_found,
        next: next.map(|cursor| link(&form, problems, Some(&cursor), has_numbers)),
        first: (!form.text("cursor").is_empty()).then(|| link(&form, problems, None, has_numbers)),
        other_numbers: link(&form, problems, Some(form.text("cursor")), !has_numbers),
        wrong: link(&form, "true", None, has_numbers),
        flows: flows(&app),
        outcomes: Outcome::NAMES.map(str::to_owned).into(),
        unreadable,
    };
    let status = if shown.unreadable.is_some() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    viewer.page(status, calls(&viewer.site(&app, has_numbers), &shown))
}

/// The query for the API: `q` is a number or a CallSid, and times are of the calls' zone.
fn asked(form: &Form, q: &str, zone: &Zone) -> String {
    let mut asked = form_urlencoded::Serializer::new(String::new());
    if PhoneNumber::parse(q).is_ok() {
        asked.append_pair("phone", q);
    } else if !q.is_empty() {
        asked.append_pair("call-sid", q);
    }
    for name in PARAMETERS {
        let value = form.text(name);
        if !value.is_empty() {
            let with_zone = in_zone(value, zone).filter(|_| ["since", "until"].contains(&name));
            asked.append_pair(name, with_zone.as_deref().unwrap_or(value));
        }
    }
    asked.finish()
}

/// A time of a form's field, `2026-11-27T14:30` as a clock of the zone shows it, with that zone. `None`
/// for anything else, such as a day.
fn in_zone(text: &str, zone: &Zone) -> Option<String> {
    let (date, time) = text.split_once('T')?;
    let date = Date::parse(date, &Iso8601::DATE).ok()?;
    let time = Time::parse(time, format_description!("[hour]:[minute]")).ok()?;
    let at_ms = zone.first(date, u16::from(time.hour()) * 60 + u16::from(time.minute()))?;
    times::iso(at_ms)
}

/// The names of the flows that are loaded.
fn flows(app: &App) -> Vec<String> {
    let versions = app.services.catalogue.versions();
    versions.keys().map(ToString::to_string).collect()
}

/// The query of another page of the same list.
fn link(form: &Form, problems: &str, cursor: Option<&str>, has_numbers: bool) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["q"].iter().chain(&PARAMETERS) {
        let value = form.text(name);
        if !value.is_empty() && *name != "cursor" && *name != "problems" {
            query.append_pair(name, value);
        }
    }
    if !problems.is_empty() {
        query.append_pair("problems", problems);
    }
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        query.append_pair("cursor", cursor);
    }
    if has_numbers {
        query.append_pair("numbers", "true");
    }
    query.finish()
}

/// One call.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let has_numbers = viewer.unmasks(&app, query.as_deref(), uri.path());
    let may_hear = viewer.identity().role >= Role::Operator;
    match of(&app, &headers, id, may_hear).await {
        Ok(shown) => viewer.page(
            StatusCode::OK,
            call(&viewer.site(&app, has_numbers), &shown),
        ),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

async fn of(
    app: &App,
    headers: &HeaderMap,
    id: Result<Segments<String>, BadPath>,
    may_hear: bool,
) -> Result<CallPage, Problem> {
    let Segments(id) = id?;
    let record = find(app, &id).await?;
    let urls = urls(app, &Base::new(&app.config, headers), false);
    let found = findings_of(&record, &urls);
    let (events, has_more_events, turns) = events(app, record.call_id).await;
    let (journal, has_more_entries) = replays::entries(&record);
    let live = app.services.registry.live().by_id(record.call_id);
    Ok(CallPage {
        turns,
        // it has what was said
        journal: journal.filter(|_| may_hear),
        has_more_entries,
        versions: replays::held(app, &record),
        levels: live.as_deref().and_then(levels),
        players: if may_hear {
            players(&record)
        } else {
            Vec::new()
        },
        findings: found.into_iter().map(finding).collect(),
        events,
        has_more_events,
        record,
    })
}

/// The first events, whether there are more, and how long the caller waited at each turn. Events that
/// are not stored yet come last.
async fn events(app: &App, call: CallId) -> (Vec<CallEvent>, bool, Vec<Turn>) {
    let registry = &app.services.registry;
    let unsaved = registry.writer().unsaved(call);
    let stored = registry.archive().events(call, None, READ).await;
    // the record is shown without them
    let mut events = stored.unwrap_or_default();
    for event in unsaved {
        if events.iter().all(|known| known.id != event.id) {
            events.push(CallEvent::clone(&event));
        }
    }
    let since_ms = events.first().map_or(0, |event| event.unix_ms);
    let turns = events.iter().filter_map(|event| match &event.kind {
        EventKind::Responded(latency) => {
            Some((event.unix_ms.saturating_sub(since_ms), latency.clone()))
        }
        _ => None,
    });
    let turns = turns.collect();
    let has_more = events.len() > EVENTS;
    events.truncate(EVENTS);
    (events, has_more, turns)
}

fn players(record: &CallRecord) -> Vec<Player> {
    let numbered = (1..).zip(&record.recordings);
    numbered
        .filter(|(_, recording)| recording.kept().is_some())
        .map(|(number, recording)| Player {
            number,
            at_ms: recording.at_ms,
        })
        .collect()
}

/// A finding as pages show it.
pub(super) fn finding(found: Found) -> Finding {
    Finding {
        code: found.code.name().to_owned(),
        is_error: found.weight == Weight::Error,
        sentence: found.sentence,
        evidence: found.evidence,
        fix: found.fix,
    }
}

/// Ends a live call.
pub(super) async fn hang_up(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    body: Bytes,
) -> Response {
    let order = async |id: &str, _: &Form| hung_up(&app, id).await;
    ordered(&viewer, &app, "hang-up", &uri, id, &body, order).await
}

/// Moves a live call to another version of its flow.
pub(super) async fn move_to(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    body: Bytes,
) -> Response {
    let order = async |id: &str, form: &Form| {
        let moved = moved(&app, id, form.text("version")).await?;
        Ok(moved.0)
    };
    ordered(&viewer, &app, "move", &uri, id, &body, order).await
}

/// Does what the form of a call's page orders, and leads back to that page.
async fn ordered(
    viewer: &Viewer,
    app: &App,
    action: &str,
    uri: &Uri,
    id: Result<Segments<String>, BadPath>,
    body: &[u8],
    order: impl AsyncFnOnce(&str, &Form) -> Result<CallId, Problem>,
) -> Response {
    let form = Form::read(body);
    let done = async {
        viewer.check(&form)?;
        let Segments(id) = id?;
        let call = order(&id, &form).await?;
        Ok(format!("calls/{call}"))
    };
    viewer.ordered(app, action, uri.path(), done.await)
}

/// The record as the API answers with it, as a file.
pub(super) async fn export(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
) -> Response {
    let answer = async {
        let Segments(id) = id?;
        answered(&app, &headers, &id, false).await
    };
    match answer.await {
        Ok(mut response) => {
            viewer.did(&app, "export", uri.path(), response.status());
            let shown = HeaderValue::from_static("attachment; filename=\"record.json\"");
            response.headers_mut().insert(CONTENT_DISPOSITION, shown);
            response
        }
        Err(problem) => viewer.failed(&app, &problem),
    }
}

/// A recording, or a part of it, as the API answers with it.
pub(super) async fn recording(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
    asked: Request,
) -> Response {
    let (asked, _) = asked.into_parts();
    // a player requests the following parts one after the other
    let range = asked
        .headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok());
    if range.is_none_or(|range| range.starts_with("bytes=0-")) {
        viewer.did(&app, "hear", asked.uri.path(), StatusCode::OK);
    }
    let answer = async {
        let Segments(id) = id?;
        sent(&app, &id, query.as_deref(), asked).await
    };
    answer
        .await
        .unwrap_or_else(|problem: Problem| problem.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_form_is_one_of_the_calls_zone() {
        let india = Zone::fixed(330);
        let read = |text: &str| in_zone(text, &india);
        assert_eq!(
            read("2026-11-27T14:30").as_deref(),
            Some("2026-11-27T09:00:00.000Z")
        );
        // the API reads these, or says what is wrong with them
        for text in [
            "2026-11-27",
            "2026-11-27T09:00:00Z",
            "2026-13-27T14:30",
            "T",
            "now",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let form = Form::of_query(Some(
            "problems=true&since=2026-11-27T14:30&until=2026-11-28",
        ));
        assert_eq!(
            asked(&form, "9876543210", &india),
            "phone=9876543210&problems=true&since=2026-11-27T09%3A00%3A00.000Z&until=2026-11-28"
        );
    }
}
