//! `GET /api/now`: what goes on at this engine: its live calls with what was said last, and how it is.
//! The console's first page is made of the same values.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use ghanti_console::Live;
use ghanti_model::{CallId, Direction, Language, Line, PhoneNumber};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::list::{BY_DEFAULT, MOST};
use crate::problem::Problem;
use crate::query::Query;
use crate::routes::console::now_of;

/// What goes on at this engine now.
#[derive(Serialize, ToSchema)]
#[schema(as = Now)]
pub struct Shown {
    /// How many calls are live.
    live: usize,
    /// How many streams are awaited: their applet was answered that the call goes on.
    awaited: usize,
    /// How many calls may be live at once.
    max_calls: usize,
    /// Whether the engine is stopping and takes no further calls.
    draining: bool,
    /// Why fewer calls than `max-calls` of `[server]` may be live.
    limited_by: Option<String>,
    /// Calls that were not taken since the start, by where they asked and why.
    refused: Vec<Refused>,
    /// The stores.
    stores: Vec<StoreState>,
    /// The languages of the loaded flows that nobody speaks, with the reason.
    mute: Vec<MuteLanguage>,
    /// How far recognition is behind the callers, in milliseconds of their audio.
    recognition_backlog_ms: u64,
    /// The newest live calls.
    calls: Vec<LiveCall>,
}

/// Calls that were not taken.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusedCalls)]
struct Refused {
    /// The entry point.
    at: &'static str,
    reason: &'static str,
    calls: u64,
}

/// Whether a store answers.
#[derive(Serialize, ToSchema)]
struct StoreState {
    /// `sessions` or `records`.
    name: &'static str,
    /// Why it does not answer; null if it does.
    reason: Option<String>,
}

/// A language that nobody speaks.
#[derive(Serialize, ToSchema)]
struct MuteLanguage {
    language: Language,
    reason: String,
}

/// A live call.
#[derive(Serialize, ToSchema)]
struct LiveCall {
    call_id: CallId,
    direction: Option<Direction>,
    customer_number: Option<PhoneNumber>,
    flow: Option<String>,
    version: Option<String>,
    language: Option<String>,
    /// The last of the steps that it has reached.
    step: Option<String>,
    /// When its stream started, in milliseconds since 1970-01-01T00:00:00Z.
    started_ms: u64,
    /// How many problems its record has.
    problems: usize,
    /// The last lines of its transcript.
    last: Vec<Line>,
}

impl From<Live> for LiveCall {
    fn from(call: Live) -> Self {
        Self {
            call_id: call.call_id,
            direction: call.direction,
            customer_number: call.number,
            flow: call.flow,
            version: call.version,
            language: call.language,
            step: call.step,
            started_ms: call.started_ms,
            problems: call.problems,
            last: call.last,
        }
    }
}

/// Returns what goes on at this engine now: how many calls there are and may be, refusals since the
/// start, the stores, languages that nobody speaks, and the newest live calls with their last lines.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read.
#[utoipa::path(
    get,
    path = "/api/now",
    tag = "calls",
    operation_id = "calls_now",
    params(
        ("limit" = Option<u32>, Query, description = "how many live calls, 1 to 200; 50 without it"),
    ),
    responses(
        (status = 200, description = "the present state", body = Shown),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
    )
)]
pub async fn now(
    api: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["limit"])?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let now = now_of(&app, limit).await;
    let refused = now.refusals.into_iter();
    let mute = app.mute.reasons().into_iter();
    let recognizer = app.services.recognizer.as_ref();
    let backlog = recognizer.map(|recognizer| recognizer.backlog());
    let shown = Shown {
        live: now.live,
        awaited: now.awaited,
        max_calls: now.most,
        draining: now.is_draining,
        limited_by: now.limited_by,
        refused: refused
            .map(|(at, reason, calls)| Refused { at, reason, calls })
            .collect(),
        stores: now
            .stores
            .into_iter()
            .map(|store| StoreState {
                name: store.name,
                reason: store.away,
            })
            .collect(),
        mute: mute
            .map(|(language, reason)| MuteLanguage { language, reason })
            .collect(),
        recognition_backlog_ms: backlog.map_or(0, |backlog| {
            u64::try_from(backlog.as_millis()).unwrap_or(u64::MAX)
        }),
        calls: now.calls.into_iter().map(LiveCall::from).collect(),
    };
    Ok(Answer(shown).masked(api.is_masked()).into_response())
}
