//! `GET /connect`: the Connect applet's dynamic URL, which answers which agents to dial. `GET
//! /connect/event`: events of the agents' legs.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use ghanti_exotel::applet::{ConnectReply, PassthruRequest};
use ghanti_model::{CallSid, Decision, Outcome, PhoneNumber, unix_ms};
use ghanti_session::transfer;

use crate::access::Applet;
use crate::app::App;
use crate::base::Base;
use crate::config::DEFAULT_TARGET as DEFAULT;
use crate::routes::after::{call_of, decision, is_late};
use crate::secret::Secret;
use crate::unserved::explain;

/// How long the response waits for the request to be recorded. Exotel's own timeout is 5 s.
const RECORDED: Duration = Duration::from_millis(500);

/// Answers the agents' numbers in the order of dialling. An empty list means "we didn't dial
/// anyone". If no store can be read, or the call was refused, the default agents are dialled: the
/// Exotel flow comes here only when somebody is to be connected.
pub async fn connect(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Json<ConnectReply> {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    let decided = match &request.call_sid {
        None => Decision::HangUp,
        Some(sid) => match decision(&app, sid).await {
            Ok(Some(decision)) => decision,
            Ok(None) if was_refused(&app, sid).await => to_default(&app),
            Ok(None) => Decision::HangUp,
            Err(()) => to_default(&app),
        },
    };
    let (target, numbers, words) = match decided {
        Decision::Transfer {
            target,
            numbers,
            words,
        } => (target, numbers, words),
        Decision::HangUp => (DEFAULT.to_owned(), Vec::new(), None),
    };
    let mut terms = app.config.connect_terms(&target);
    if let Some(words) = words {
        terms.whisper = Some(words.into_exposed());
    }
    if let Some(sid) = request.call_sid {
        let (app, numbers) = (app.clone(), numbers.clone());
        let traced = app
            .tasks
            .clone()
            .spawn(async move { asked(&app, &sid, &numbers).await });
        // a request from after Connect is recognised by this record; the response does not wait
        // for a slow store, and the record is then updated later
        let _ = tokio::time::timeout(RECORDED, traced).await;
    }
    let events =
        Base::new(&app.config, &headers).applet(&app.config, "/connect/event", Secret::in_url);
    Json(ConnectReply::dial(numbers, terms).with_events(events))
}

/// The default agents or, outside their hours, those of the fallback.
fn to_default(app: &App) -> Decision {
    let (config, settings) = (&app.config, &app.services.settings);
    let numbers = config.default_agents().to_vec();
    let now_ms = unix_ms();
    let offset = settings.zone.offset_minutes(now_ms);
    let opened = settings
        .targets
        .open(DEFAULT.to_owned(), numbers, now_ms, offset);
    opened.unwrap_or(Decision::HangUp)
}

/// Records that Connect asked for the agents.
async fn asked(app: &App, sid: &CallSid, numbers: &[PhoneNumber]) {
    if is_late(app, "connect", Some(sid), None).await {
        return;
    }
    let call = explain(app, sid).await.ok().flatten();
    tracing::info!(call = call.map(display), %sid, agents = numbers.len(), "connect");
    if let Some(call) = call {
        app.services
            .registry
            .append(call, transfer::connect_answered(numbers))
            .await;
    }
}

/// Records an event of an agent's leg (Exotel: Connect applet, `dial_passthru_event_url`). Always
/// answers `OK`.
pub async fn event(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> &'static str {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    app.tasks.clone().spawn(async move {
        let Some(sid) = &request.call_sid else { return };
        if is_late(&app, "agent's leg", Some(sid), None).await {
            return;
        }
        let Ok(Some(call)) = call_of(&app, sid).await else {
            tracing::warn!(%sid, "an event of an agent's leg names an unknown call");
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

/// Returns whether the call was refused because the engine was full or stopping.
async fn was_refused(app: &App, sid: &CallSid) -> bool {
    let record = app.services.registry.by_sid(sid).await;
    matches!(record, Ok(Some(record)) if record.has_outcome(Outcome::RefusedBusy))
}
