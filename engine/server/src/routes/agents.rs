//! `GET /connect`: the Connect applet's dynamic URL. Tells which agents to dial. `GET
//! /connect/event`: what becomes of their legs.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use ghanti_exotel::applet::{
    Channels, ConnectReply, ConnectTerms, MAX_CONVERSATION_S, MusicType, PassthruRequest,
};
use ghanti_model::{CallSid, Decision, PhoneNumber};
use ghanti_session::transfer;

use crate::access::Applet;
use crate::app::App;
use crate::refusal::OUTCOME;
use crate::routes::after::{call_of, decision};
use crate::routes::voicebot::Base;
use crate::secret::Secret;
use crate::unserved::explain;

/// How long the answer waits for its trace in the call's record. Exotel waits for 5 s.
const TRACE: Duration = Duration::from_millis(500);

/// Numbers in the order of dialling; none for "we didn't dial anyone". Where no store can tell what
/// was decided, or the call was refused, the default agents are dialled: the Exotel flow came here
/// because somebody is to be connected.
pub async fn connect(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Json<ConnectReply> {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    let numbers = match &request.call_sid {
        None => Vec::new(),
        Some(sid) => match decision(&app, sid).await {
            Ok(Some(Decision::Transfer { numbers, .. })) => numbers,
            Ok(None) if was_refused(&app, sid).await => app.config.calls.agents.clone(),
            Ok(Some(Decision::HangUp) | None) => Vec::new(),
            Err(()) => app.config.calls.agents.clone(),
        },
    };
    let terms = ConnectTerms {
        record: Some(Channels::Dual),
        ringing_s: app.config.calls.ring_s,
        conversation_s: MAX_CONVERSATION_S,
        music: MusicType::DefaultTone,
    };
    if let Some(sid) = request.call_sid {
        let (app, numbers) = (app.clone(), numbers.clone());
        let traced = app
            .tasks
            .clone()
            .spawn(async move { asked(&app, &sid, &numbers).await });
        // What is asked behind Connect follows from it; a store that is slow is not waited for, and
        // the trace comes later.
        let _ = tokio::time::timeout(TRACE, traced).await;
    }
    let events = Base::new(&app, &headers).applet(&app, "/connect/event", Secret::in_url);
    Json(ConnectReply::dial(numbers, terms).with_events(events))
}

/// Leaves a trace of the question in the call's record.
async fn asked(app: &App, sid: &CallSid, numbers: &[PhoneNumber]) {
    let call = explain(app, sid).await;
    tracing::info!(call = call.map(display), %sid, agents = numbers.len(), "connect");
    if let Some(call) = call {
        app.services
            .registry
            .append(call, transfer::connect_answered(numbers))
            .await;
    }
}

/// One thing that happened to an agent's leg (Exotel: Connect applet, `dial_passthru_event_url`).
/// Always answered `OK`.
pub async fn event(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> &'static str {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    app.tasks.clone().spawn(async move {
        let Some(sid) = &request.call_sid else { return };
        let Some(call) = call_of(&app, sid).await else {
            tracing::warn!(%sid, "an agent's leg is told of, of a call that is not known here");
            return;
        };
        tracing::info!(%call, %sid, event = request.event_type.as_deref(), "agent's leg");
        app.services
            .registry
            .append(call, transfer::agent_reported(&request))
            .await;
    });
    "OK"
}

async fn was_refused(app: &App, sid: &CallSid) -> bool {
    let record = app.services.registry.by_sid(sid).await;
    matches!(record, Ok(Some(record)) if record.outcome.as_deref() == Some(OUTCOME))
}
