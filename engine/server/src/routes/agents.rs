//! `GET /connect`: the Connect applet's dynamic URL. Tells which agents to dial.

use axum::Json;
use axum::extract::{RawQuery, State};
use samvaad_exotel::applet::{Channels, ConnectReply, ConnectTerms, MAX_CONVERSATION_S, MusicType, PassthruRequest};
use samvaad_model::{CallSid, Decision};

use crate::access::Applet;
use crate::app::App;
use crate::refusal::OUTCOME;
use crate::routes::after::decision;

/// Numbers in the order of dialling; none for "we didn't dial anyone". Where no store can tell what was decided, or the call was refused, the
/// default agents are dialled: the Exotel flow came here because somebody is to be connected.
pub async fn connect(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Json<ConnectReply> {
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
    tracing::info!(sid = ?request.call_sid, agents = numbers.len(), "connect");
    let terms = ConnectTerms {
        record: Some(Channels::Dual),
        ringing_s: app.config.calls.ring_s,
        conversation_s: MAX_CONVERSATION_S,
        music: MusicType::DefaultTone,
    };
    Json(ConnectReply::dial(numbers, terms))
}

async fn was_refused(app: &App, sid: &CallSid) -> bool {
    let record = app.services.ledger.by_sid(sid).await;
    matches!(record, Ok(Some(record)) if record.outcome.as_deref() == Some(OUTCOME))
}
