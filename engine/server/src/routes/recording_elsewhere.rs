//! Recordings in the data folder of another engine, which are fetched from there: who asks need not know
//! which engine held a call.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ghanti_model::{CallId, Recording};
use reqwest::{Client, StatusCode, Url};

use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::recording::is_own;
use crate::trusting_client;

/// How long a connection to another engine may take.
const CONNECTED: Duration = Duration::from_secs(2);
/// How long an engine may be silent: it reads a disk.
const SILENT: Duration = Duration::from_secs(10);
/// Says which engine asks. It is asked for what is in its own folder, so that no two ask each other.
const FOR_ENGINE: &str = "ghanti-for-engine";

static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let client = trusting_client().map_err(|error| error.to_string())?;
    let client = client
        .connect_timeout(CONNECTED)
        .read_timeout(SILENT)
        // the engines are in one network
        .no_proxy()
        .build();
    client.map_err(|error| error.to_string())
});

/// The problem of a recording that is not in this engine's data folder; it says where it is.
pub(in crate::routes) fn not_here(app: &App, recording: &Recording) -> Problem {
    let elsewhere = recording.engine.as_ref();
    match elsewhere.filter(|_| !is_own(app, recording)) {
        Some(engine) => Problem::new(
            Kind::NoRecording,
            format!(
                "the recording is in the data folder of the engine `{engine}`, and not of this one"
            ),
            "ask that engine; with its address in `engines` of `[recording]` this one fetches it from there",
        ),
        None => Problem::new(
            Kind::NoRecording,
            "the recording is not in this engine's data folder",
            "ask the engine that held the call, or bring its file back from a backup: `ghanti calls verify --all` names what is missing",
        ),
    }
}

/// The answer of the engine that has a recording, which is not here, or why it has none. `number` is that
/// of the recording in its call's record.
///
/// # Errors
/// [`not_here`], where no other engine is known to have it; else what it answered.
pub(super) async fn fetched(
    app: &App,
    (call, number): (CallId, u32),
    recording: &Recording,
    asked: &Parts,
) -> Result<Response, Problem> {
    let engines = &app.config.recording.engines;
    let known = recording
        .engine
        .as_ref()
        .and_then(|engine| engines.get_key_value(engine));
    let Some((engine, address)) = known.filter(|_| !asked.headers.contains_key(FOR_ENGINE)) else {
        return Err(not_here(app, recording));
    };
    let failed = |what: String| {
        tracing::warn!(%call, engine, address, what, "a recording cannot be fetched from the engine that has it");
        Problem::new(
            Kind::NoRecording,
            format!(
                "the recording is in the data folder of the engine `{engine}`, and cannot be fetched from `{address}`: {what}"
            ),
            "see whether that engine runs, and whether `engines` of `[recording]` has its address and both have the same `api-token`",
        )
    };
    let client = CLIENT.as_ref().map_err(|error| failed(error.clone()))?;
    let url = format!(
        "{}/api/calls/{call}/recording?number={number}",
        address.trim_end_matches('/')
    );
    let url = Url::parse(&url).map_err(|error| failed(error.to_string()))?;
    let mut request = client
        .get(url)
        .header(FOR_ENGINE, &app.services.settings.engine);
    if let Some(token) = app.config.server.api_tokens().current {
        request = request.bearer_auth(token.expose());
    }
    if let Some(range) = asked.headers.get(RANGE) {
        request = request.header(RANGE, range);
    }
    let answer = request
        .send()
        .await
        .map_err(|error| failed(error.without_url().to_string()))?;
    let status = answer.status();
    let is_its_own = [
        StatusCode::OK,
        StatusCode::PARTIAL_CONTENT,
        StatusCode::RANGE_NOT_SATISFIABLE,
    ];
    if !is_its_own.contains(&status) {
        return Err(failed(format!("it answers {status}")));
    }
    let passed = [ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE];
    let headers: HeaderMap = passed
        .into_iter()
        .filter_map(|name| {
            answer
                .headers()
                .get(&name)
                .cloned()
                .map(|value| (name, value))
        })
        .collect();
    // what breaks off is shorter than `Content-Length` says, which the client sees
    let pieces = futures_util::stream::try_unfold(answer, async |mut answer| {
        let piece = answer.chunk().await?;
        Ok::<_, reqwest::Error>(piece.map(|piece| (piece, answer)))
    });
    Ok((status, headers, Body::from_stream(pieces)).into_response())
}
