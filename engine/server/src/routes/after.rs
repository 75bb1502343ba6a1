//! `GET /passthru/after`: Exotel's Passthru applet after the bot. Tells whether to connect an agent, as its flow wants to hear it.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use samvaad_exotel::applet::{PassthruRequest, SwitchCase};
use samvaad_model::{CallId, CallSid, Decision};

use crate::access::Applet;
use crate::app::App;
use crate::config;

/// 302 leads to the flow's second branch, 200 to its first (Exotel: Passthru applet, support article 48283); or a SwitchCase's select.
pub async fn after(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    let decided = match &request.call_sid {
        Some(sid) => decision(&app, sid).await.ok().flatten(),
        None => None,
    };
    let transfer = matches!(decided, Some(Decision::Transfer { .. }));
    if let Some(sid) = request.call_sid.clone() {
        let app = app.clone();
        app.tasks.clone().spawn(async move { note(&app, &sid, request).await });
    }
    match app.config.calls.after {
        config::After::Status if transfer => StatusCode::FOUND.into_response(),
        config::After::Status => StatusCode::OK.into_response(),
        config::After::Select => {
            let select = if transfer { "transfer" } else { "hang-up" }.to_owned();
            ([(CONTENT_TYPE, SwitchCase::CONTENT_TYPE)], SwitchCase { select }.body()).into_response()
        }
    }
}

/// What was decided for a call; an error where no store could tell.
pub async fn decision(app: &App, sid: &CallSid) -> Result<Option<Decision>, ()> {
    let recorded = app.services.ledger.by_sid(sid).await;
    if let Ok(Some(record)) = &recorded
        && record.decision.is_some()
    {
        return Ok(record.decision.clone());
    }
    match (app.services.sessions.decision(sid).await, recorded) {
        (Ok(decision), _) => Ok(decision),
        (Err(_), Ok(_)) => Ok(None),
        (Err(error), Err(_)) => {
            tracing::error!(%sid, %error, "no store could tell what was decided for a call");
            Err(())
        }
    }
}

/// The call of a CallSid, wherever it is known.
pub async fn call_of(app: &App, sid: &CallSid) -> Option<CallId> {
    match app.services.ledger.by_sid(sid).await {
        Ok(Some(record)) => Some(record.call_id),
        _ => app.services.sessions.bound(sid).await.ok().flatten().map(|bound| bound.call_id),
    }
}

async fn note(app: &App, sid: &CallSid, request: PassthruRequest) {
    let Some(call) = call_of(app, sid).await else {
        tracing::warn!(%sid, "a passthru after the bot tells of a call that is not known here");
        return;
    };
    if let Some(error) = request.stream.as_ref().and_then(|stream| stream.error.as_ref()) {
        tracing::error!(%call, error, "Exotel could not stream this call: see whether the socket's URL can be reached from outside");
    }
    app.services.ledger.update(call, |record| record.exotel.extend(request.told)).await;
}
