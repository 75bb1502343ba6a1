//! `GET /connect`: the Connect applet's dynamic URL. Tells which agents to dial.

use axum::Json;
use axum::extract::{RawQuery, State};
use samvaad_exotel::applet::{Channels, ConnectReply, ConnectTerms, MAX_CONVERSATION_S, MusicType, PassthruRequest};
use samvaad_model::Decision;

use crate::access::Applet;
use crate::app::App;
use crate::routes::after::decision;

/// Numbers in the order of dialling; none for "we didn't dial anyone". Where no store can tell what was decided, the default agents are
/// dialled: the Exotel flow came here because somebody is to be connected.
pub async fn connect(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Json<ConnectReply> {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    let numbers = match &request.call_sid {
        None => Vec::new(),
        Some(sid) => match decision(&app, sid).await {
            Ok(Some(Decision::Transfer { numbers, .. })) => numbers,
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
