//! `GET /passthru`: Exotel's Passthru applet before the bot. The answer is `OK`, at once, whatever it tells and whatever the stores do;
//! the call is bound to its record behind it. Only where the engine takes no further calls does it lead the Exotel flow another way.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use samvaad_exotel::applet::PassthruRequest;
use samvaad_model::{CallId, Problem, Step};
use samvaad_session::connect::{Clues, find};
use samvaad_session::run::unix_ms;

use crate::access::Applet;
use crate::app::App;
use crate::awaited::await_stream;
use crate::refusal::{Door, admit, refused};

/// Keeps a place for the call, answers, and binds the call behind the answer. 302 leads the Exotel flow to its second branch (Exotel: Passthru
/// applet, support article 48283), without a `Location` that anyone could follow.
pub async fn passthru(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    if let Err(refusal) = admit(&app, request.call_sid.as_ref()) {
        refused(&app, Door::Passthru, refusal, request);
        return (StatusCode::FOUND, refusal.to_string()).into_response();
    }
    match app.behind.clone().try_acquire_owned() {
        Ok(permit) => {
            let tasks = app.tasks.clone();
            tasks.spawn(async move {
                let bound = bind(&app, request, true).await;
                drop(permit);
                if let Some(call) = bound {
                    await_stream(&app, call).await;
                }
            });
        }
        Err(_) => tracing::warn!("a passthru was answered and not recorded: too many are being worked on; `start` will find the call"),
    }
    "OK".into_response()
}

/// Binds the CallSid to its call, and notes the step where it is the Passthru that asks. Nothing is returned where there is no CallSid: there is
/// no call to speak of.
pub async fn bind(app: &App, request: PassthruRequest, is_passthru: bool) -> Option<CallId> {
    let Some(sid) = request.call_sid.clone() else {
        tracing::warn!(
            "an applet's request came without a CallSid: see whether the applet's URL is called by Exotel, and not by a browser"
        );
        return None;
    };
    let field = request.custom_field.as_ref().map(|field| field.expose().to_owned());
    let mut parameters: Vec<(String, String)> = field.into_iter().map(|field| ("CustomField".to_owned(), field)).collect();
    if let Some(id) = request.custom_parameters().text("call-id") {
        parameters.push(("call-id".to_owned(), id));
    }
    let clues = Clues { sid: Some(&sid), session: "", parameters: &parameters, number: request.customer_number() };
    let mut found = find(&app.services, clues).await;
    let call = match app.services.sessions.bind(&sid, found.call_id).await {
        Ok(call) => call,
        Err(error) => {
            found.failures.push(error);
            found.call_id
        }
    };
    let now_ms = unix_ms();
    app.services
        .ledger
        .update(call, |record| {
            record.call_sid = Some(sid);
            record.direction = request.direction.or(record.direction);
            record.customer_number = request.customer_number().cloned().or(record.customer_number.take());
            record.line_number = request.line_number().cloned().or(record.line_number.take());
            for failure in &found.failures {
                let detail = format!("{failure}; the call goes on without what is stored there");
                record.problems.push(Problem { unix_ms: now_ms, name: "store-unavailable".to_owned(), detail });
            }
            if is_passthru && record.reach(Step::PassthruReceived, now_ms) {
                let sid = record.call_sid.as_ref().map(tracing::field::display);
                tracing::info!(target: "samvaad::step", %call, sid, step = ?Step::PassthruReceived, customer_found = found.customer.is_some(), "step");
            }
        })
        .await;
    for failure in &found.failures {
        tracing::error!(%call, error = %failure, "a store failed; the call goes on without what is stored there");
    }
    Some(call)
}
