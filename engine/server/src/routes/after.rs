//! `GET /passthru/after`: Exotel's Passthru applet after the bot. Answers whether to connect an
//! agent, in the form that the Exotel flow expects. Placed after Connect, the same applet reports
//! how the agent's leg ended.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ghanti_exotel::applet::{PassthruRequest, StreamOutcome, StreamStatus, SwitchCase};
use ghanti_model::event::Cause;
use ghanti_model::{CallId, CallSid, Decision, unix_ms};
use ghanti_session::resumption::{Resumable, has_stopped, resumable};
use ghanti_session::{network, transfer};
use ghanti_store::StoreError;

use crate::access::Applet;
use crate::app::App;
use crate::config;
use crate::unserved::explain;

/// Number of attempts to find a call that is not known yet.
const TRIES: u32 = 8;
/// The pause between them. Together they take a little longer than the lookup of a Passthru's call may
/// (`BEHIND_ANSWER` of the session).
const PAUSE: Duration = Duration::from_millis(500);

/// Answers 302 for the flow's second branch or 200 for its first (Exotel: Passthru applet, support
/// article 48283), or a SwitchCase's `select`.
pub async fn after(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let at_ms = unix_ms();
    // Exotel may repeat the stream's URL, with its token
    let query = app.config.server.without_tokens(query.unwrap_or_default());
    let request = PassthruRequest::parse(&query);
    let decided = match &request.call_sid {
        Some(sid) => decision(&app, sid).await.ok().flatten(),
        None => None,
    };
    let resumes = app.config.calls.after == config::After::Select
        && decided.is_none()
        && request.dial_call_status.is_none()
        && match &request.call_sid {
            Some(sid) => is_interrupted(&app, sid).await,
            None => false,
        };
    let transfer = matches!(decided, Some(Decision::Transfer { .. }))
        && !is_after_connect(&app, &request).await;
    if let Some(sid) = request.call_sid.clone() {
        let app = app.clone();
        app.tasks
            .clone()
            .spawn(async move { note(&app, &sid, request, at_ms).await });
    }
    match app.config.calls.after {
        config::After::Status if transfer => StatusCode::FOUND.into_response(),
        config::After::Status => StatusCode::OK.into_response(),
        config::After::Select => {
            let select = match (transfer, resumes) {
                (true, _) => "transfer",
                (false, true) => "resume",
                (false, false) => "hang-up",
            };
            let select = select.to_owned();
            (
                [(CONTENT_TYPE, SwitchCase::CONTENT_TYPE)],
                SwitchCase { select }.body(),
            )
                .into_response()
        }
    }
}

/// Returns whether the call may continue at this engine because its own engine has died.
async fn is_interrupted(app: &App, sid: &CallSid) -> bool {
    let registry = &app.services.registry;
    let here = registry.events().node();
    let mut gone = None;
    loop {
        let Ok(Some(record)) = registry.by_sid(sid).await else {
            return false;
        };
        match resumable(&record, here, gone, unix_ms()) {
            Resumable::Yes => return true,
            Resumable::No => return false,
            Resumable::Perhaps(node) if gone == Some(node) => return false,
            Resumable::Perhaps(node) => {
                if !has_stopped(&app.services, node).await {
                    return false;
                }
                gone = Some(node);
            }
        }
    }
}

/// Returns whether the request comes from a Passthru after Connect. The same URL may be used there,
/// and must not cause a second transfer.
async fn is_after_connect(app: &App, request: &PassthruRequest) -> bool {
    let (Some(sid), Some(_)) = (&request.call_sid, &request.dial_call_status) else {
        return false;
    };
    matches!(app.services.registry.by_sid(sid).await, Ok(Some(record)) if transfer::is_after_connect(&record, request))
}

/// Returns the decision for a call, if there is one. An error means that no store could be read.
pub async fn decision(app: &App, sid: &CallSid) -> Result<Option<Decision>, ()> {
    let recorded = app.services.registry.by_sid(sid).await;
    if let Ok(Some(record)) = &recorded
        && record.decision.is_some()
    {
        return Ok(record.decision.clone());
    }
    match (app.services.sessions.decision(sid).await, recorded) {
        (Ok(decision), _) => Ok(decision),
        (Err(_), Ok(_)) => Ok(None),
        (Err(error), Err(_)) => {
            tracing::error!(%sid, %error, "the decision of a call could not be read from any store");
            Err(())
        }
    }
}

/// Whether a report of Exotel's is about a call that `[retention]` has deleted. Such a report is
/// counted, logged and otherwise ignored.
pub async fn is_late(app: &App, what: &str, sid: Option<&CallSid>, order: Option<CallId>) -> bool {
    // if this cannot be determined, the report is processed
    if !matches!(app.records.was_deleted(order, sid).await, Ok(true)) {
        return false;
    }
    app.records.note_late();
    tracing::info!(
        sid = sid.map(tracing::field::display),
        what,
        "a late report was ignored: the call was deleted by `[retention]`"
    );
    true
}

/// Returns the call of a CallSid, from the registry or from the session store. Fails if neither
/// knows the call and one of them does not answer.
pub async fn call_of(app: &App, sid: &CallSid) -> Result<Option<CallId>, StoreError> {
    let recorded = app.services.registry.by_sid(sid).await;
    if let Ok(Some(record)) = &recorded {
        return Ok(Some(record.call_id));
    }
    match app.services.sessions.bound(sid).await? {
        Some(bound) => Ok(Some(bound.call_id)),
        None => recorded.map(|_| None),
    }
}

/// Returns the call of a request, with retries while the Passthru before the bot may still be binding
/// it: that request is answered before its call is looked up.
async fn call_with_retries(app: &App, sid: &CallSid) -> Option<CallId> {
    let mut call = explain(app, sid).await.ok().flatten();
    let Ok(_permit) = app.background.clone().try_acquire_owned() else {
        return call;
    };
    for _ in 0..TRIES {
        if call.is_some() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stop.cancelled() => break,
        }
        call = explain(app, sid).await.ok().flatten();
    }
    call
}

/// Records what the request, which came at `at_ms`, reports as an event of the call.
async fn note(app: &App, sid: &CallSid, request: PassthruRequest, at_ms: u64) {
    if is_late(app, "passthru after the bot", Some(sid), None).await {
        return;
    }
    let Some(call) = call_with_retries(app, sid).await else {
        tracing::warn!(%sid, "a passthru after the bot names an unknown call");
        return;
    };
    let problem = request.stream.as_ref().and_then(stream_problem);
    if let Some((problem, detail)) = &problem {
        tracing::error!(%call, %sid, problem, detail, "Exotel could not stream this call");
    }
    let problem = problem.map(|(name, detail)| Cause::new(name, detail));
    let asked = network::passthru_after(&request, problem, Some(at_ms));
    app.services.registry.append(call, asked).await;
}

/// Returns the problem that Exotel reports for a stream, as a name and a detail.
fn stream_problem(stream: &StreamOutcome) -> Option<(&'static str, String)> {
    if stream.is_throttled() {
        let detail = "Exotel has throttled the stream: the account has too many concurrent streams; ask Exotel for a higher limit";
        return Some(("stream-throttled", detail.to_owned()));
    }
    let error = stream.error.as_deref().or_else(|| {
        (stream.status == Some(StreamStatus::Failed)).then_some("no reason was given")
    })?;
    let error: String = error.chars().take(200).collect();
    let hint = "check that the stream's URL can be reached from outside, with wss:// and a valid certificate";
    Some((
        "stream-failed",
        format!("Exotel could not stream this call (`{error}`): {hint}"),
    ))
}
