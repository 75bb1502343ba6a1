//! `GET /api/calls/{id}/recording`: the engine's own recording of a call.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, IF_RANGE, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ghanti_model::{CallId, Recording, RecordingState};
use ghanti_store::RecordingName;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::access::Api;
use crate::answer::{has_tag, private_cache};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::routes::calls::find;
use crate::routes::recording_elsewhere::fetched;
use crate::segments::{BadPath, Segments};

/// Maximum number of streams of a call, and so of recordings: more than a call can be resumed.
const NUMBERS: u32 = 8;

/// Answers with a recording of a call, or the part of it that `Range` asks for. The tag is the SHA-256
/// that the record has. One in the data folder of another engine is fetched from there, if its address is
/// in `engines` of `[recording]`; else the problem names that engine.
///
/// # Errors
///
/// 400 for an unusable query, 404 for an unknown call and one without that recording, 503 if the
/// database does not answer.
#[utoipa::path(
    get,
    path = "/api/calls/{id}/recording",
    tag = "calls",
    operation_id = "calls_recording",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
        ("number" = Option<u32>, Query, description = "which of the record's `recordings`, from 1; 1 without it. A call that another engine went on with has several"),
        ("range" = Option<String>, Header, description = "which bytes (RFC 9110, 14.2)"),
    ),
    responses(
        (status = 200, description = "WAV, 16-bit PCM at 8 kHz: the caller left, what was played to them right", content_type = "audio/wav", body = String),
        (status = 206, description = "a part of it", content_type = "audio/wav", body = String),
        (status = 304, description = "the client has it: `If-None-Match` has its `ETag`"),
        (status = 400, description = "`unusable-parameter`, `unusable-call-id`, `unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`, `no-recording`"),
        (status = 416, description = "`unusable-range`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn recording(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
    asked: Request,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let (asked, _) = asked.into_parts();
    sent(&app, &id, query.as_deref(), asked).await
}

/// A recording of a call that there is a file of.
pub(super) struct Named {
    pub(super) call: CallId,
    /// Its place in the record, from 1.
    pub(super) number: u32,
    pub(super) recording: Recording,
    /// The SHA-256 of its file.
    pub(super) digest: String,
}

/// A recording of a call that there is a file of, as its record names it.
///
/// # Errors
///
/// As [`recording`].
pub(super) async fn named(app: &App, id: &str, query: Option<&str>) -> Result<Named, Problem> {
    let query = Query::read(query, &["number"])?;
    let number = query.number("number", NUMBERS)?.unwrap_or(1);
    let record = find(app, id).await?;
    let at = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let recording = record.recordings.get(at).ok_or_else(|| {
        let had = record.recordings.len();
        none(
            format!("the call has {had} recordings, and not number {number}"),
            "set `enabled` of `[recording]` to record later calls",
        )
    })?;
    let digest = recording.kept().ok_or_else(|| not_there(recording))?;
    Ok(Named {
        call: record.call_id,
        number,
        recording: recording.clone(),
        digest: digest.to_owned(),
    })
}

/// The answer of [`recording`].
///
/// # Errors
///
/// As [`recording`].
pub(super) async fn sent(
    app: &App,
    id: &str,
    query: Option<&str>,
    mut asked: Parts,
) -> Result<Response, Problem> {
    let Named {
        call,
        number,
        recording,
        digest,
    } = named(app, id, query).await?;
    let name = RecordingName::parse(&recording.file);
    let tag = format!("\"{digest}\"");
    let headers = private_cache(&tag);
    if has_tag(&asked.headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let is_of_other = |range: &HeaderValue| range.as_bytes() != tag.as_bytes();
    if asked.headers.get(IF_RANGE).is_some_and(is_of_other) {
        // only if the client has the same version of the file (RFC 9110, 13.1.5)
        asked.headers.remove(RANGE);
    }
    tracing::info!(call = %call, "a recording is sent");
    let mut response = match path_when_renamed(app, name).await {
        Some(path) => served(&path, &asked).await,
        None => fetched(app, (call, number), &recording, &asked).await?,
    };
    if response.status() == StatusCode::NOT_FOUND
        && let Some(path) = path(app, name).await
    {
        // it gets its last name once its digest is stored, which may be just now
        response = served(&path, &asked).await;
    }
    if response.status() == StatusCode::NOT_FOUND {
        return Err(none(
            "the recording was deleted just now",
            "ask for the record",
        ));
    }
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Err(Problem::new(
            Kind::UnusableRange,
            format!("the recording has {} bytes", recording.bytes),
            "ask for bytes before its end",
        ));
    }
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    let shown = format!("attachment; filename=\"{}\"", recording.file);
    if let Ok(shown) = HeaderValue::from_str(&shown) {
        response.headers_mut().insert(CONTENT_DISPOSITION, shown);
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    Ok(response)
}

/// The file, or the part of it that is asked for; 404 if it has gone since it was found.
async fn served(path: &Path, asked: &Parts) -> Response {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = asked.method.clone();
    *request.uri_mut() = asked.uri.clone();
    *request.headers_mut() = asked.headers.clone();
    // its error type has no values
    let Ok(served) = ServeFile::new(path).oneshot(request).await;
    served.map(Body::new)
}

/// Whether a recording's file belongs into this engine's data folder. A restarted engine has another id
/// and the same name.
pub(super) fn is_own(app: &App, recording: &Recording) -> bool {
    recording.node == Some(app.services.registry.events().node())
        || recording.engine.as_ref() == Some(&app.services.settings.engine)
}

/// The file of a recording; `None` if it is not in this engine's data folder.
pub(super) async fn path(app: &App, name: Option<RecordingName>) -> Option<PathBuf> {
    let recordings = app.services.recordings.clone();
    let path = tokio::task::spawn_blocking(move || recordings.path(name?)).await;
    path.ok().flatten()
}

/// The file of a recording, which may get its last name just now.
async fn path_when_renamed(app: &App, name: Option<RecordingName>) -> Option<PathBuf> {
    match path(app, name).await {
        Some(path) => Some(path),
        None => path(app, name).await,
    }
}

fn none(detail: impl Into<String>, hint: &'static str) -> Problem {
    Problem::new(Kind::NoRecording, detail.into(), hint)
}

fn not_there(recording: &Recording) -> Problem {
    match recording.state {
        RecordingState::Begun => none(
            "the recording has not ended, or its engine died",
            "ask again after the call, and once its engine has been started again",
        ),
        RecordingState::Deleted => none(
            "the recording was deleted",
            "see `deleted_at` and `deleted_for` of the record",
        ),
        _ => none(
            "the call was not recorded",
            "see the record's problem `recording-incomplete` for the reason",
        ),
    }
}
