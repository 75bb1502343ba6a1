//! `GET /passthru`: Exotel's Passthru applet before the bot. Answers `OK` at once, whatever the
//! request contains and whether or not the stores respond; the call is bound to its record in the
//! background. Only a call that the engine cannot admit is sent to the other branch.

use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::event::{AppletAsked, Cause};
use ghanti_model::{CallId, CallRecord, CallSid, EventKind, Step, unix_ms};
use ghanti_session::Change;
use ghanti_session::find::{BEHIND_ANSWER, Sought, find, named_orders};
use ghanti_session::log_lines::{CALL, STEP};
use ghanti_store::{Ends, Sighting};

use crate::access::Applet;
use crate::app::App;
use crate::awaited::await_stream;
use crate::refusal::{EntryPoint, Refusal, admit, refused};

/// Reserves a slot for the call, answers, and binds the call in the background. A 302 takes the
/// Exotel flow to its second branch (Exotel: Passthru applet, support article 48283); it has no
/// `Location` that a client could follow.
pub async fn passthru(_: Applet, State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    if let Err(refusal) = admit(&app, &request).await {
        refused(&app, EntryPoint::Passthru, refusal, request);
        return (StatusCode::FOUND, refusal.to_string()).into_response();
    }
    remember_locally(&app, &request);
    let (since, at_ms) = (Instant::now(), unix_ms());
    match app.background.clone().try_acquire_owned() {
        Ok(permit) => {
            let (arrivals, tasks) = (app.services.arrivals.clone(), app.tasks.clone());
            let arrival = request.call_sid.as_ref().map(|sid| arrivals.arrive(sid));
            tasks.spawn(async move {
                let bound = bind(&app, request, Some(at_ms)).await;
                drop((arrival, permit));
                if let Some(call) = bound {
                    await_stream(&app, call, since).await;
                }
            });
        }
        Err(_) => tracing::warn!(
            sid = request.call_sid.as_ref().map(tracing::field::display),
            "a passthru was answered and not recorded, since too many are in progress; `start` will find the call"
        ),
    }
    "OK".into_response()
}

/// The same for the console's telephone, which opens the stream once this returns: the call is bound then.
///
/// # Errors
///
/// The call cannot be admitted.
pub(super) async fn passed(app: &App, request: PassthruRequest) -> Result<(), Refusal> {
    if let Err(refusal) = admit(app, &request).await {
        refused(app, EntryPoint::Passthru, refusal, request);
        return Err(refusal);
    }
    remember_locally(app, &request);
    let since = Instant::now();
    if let Some(call) = bind(app, request, Some(unix_ms())).await {
        // as many as there are places: the call has one
        let (app, tasks) = (app.clone(), app.tasks.clone());
        tasks.spawn(async move { await_stream(&app, call, since).await });
    }
    Ok(())
}

/// Binds the CallSid to its call, and records the step if the request is the Passthru's, which came at
/// `passthru_ms`. Returns `None` for a request without a CallSid, which belongs to no call.
pub async fn bind(app: &App, request: PassthruRequest, passthru_ms: Option<u64>) -> Option<CallId> {
    let Some(sid) = request.call_sid.clone() else {
        tracing::warn!(
            "an applet's request came without a CallSid: check that Exotel requests the applet's URL, not a browser"
        );
        return None;
    };
    let sighting = sighting_of(&request);
    remember(app, &sid, &sighting).await;
    let sought = Sought {
        sid: Some(&sid),
        session: "",
        stream: None,
        sighting,
        within: BEHIND_ANSWER,
    };
    let found = find(&app.services, sought).await;
    let call = found.call_id;
    let customer_found = found.customer.is_some();
    if let Some(order) = found.order.filter(|_| customer_found) {
        app.admission.vouch(&sid, order, Instant::now());
    }
    let causes = |problems: Vec<(&'static str, String)>| {
        let causes = problems.into_iter();
        causes
            .map(|(name, detail)| Cause::new(name, detail))
            .collect()
    };
    let asked = EventKind::AppletAsked(Box::new(AppletAsked {
        is_passthru: passthru_ms.is_some(),
        at_ms: passthru_ms,
        call_sid: sid,
        order: found.order,
        direction: request.direction,
        customer_number: found.number.clone(),
        line_number: found.line.clone(),
        problems: causes(found.failures()),
        late_problems: causes(found.late_problems()),
        customer_found,
    }));
    let Change { before, after } = app.services.registry.append(call, asked).await;
    let sid = after.call_sid.as_ref().map(tracing::field::display);
    for problem in after.problems.iter().skip(before.problems.len()) {
        tracing::warn!(target: CALL, %call, sid, problem = problem.name, detail = problem.detail, "problem in a call");
    }
    let step = Step::PassthruReceived;
    let has = |record: &CallRecord| record.steps.iter().any(|entry| entry.step == step);
    if has(&after) && !has(&before) {
        tracing::info!(target: STEP, %call, sid, ?step, customer_found, "step");
    }
    Some(call)
}

/// Stores the data of an applet's request in this process, without waiting: the stream may start
/// before the stores have answered.
fn remember_locally(app: &App, request: &PassthruRequest) {
    let sighting = sighting_of(request);
    if let Some(sid) = &request.call_sid
        && sighting != Sighting::default()
    {
        app.services.sessions.see_here(sid, &sighting);
    }
}

/// Stores the data of an applet's request in this process, and in the background in the session
/// store for other engines.
pub fn share(app: &App, request: &PassthruRequest) {
    remember_locally(app, request);
    let (Some(sid), Ok(permit)) = (
        request.call_sid.clone(),
        app.background.clone().try_acquire_owned(),
    ) else {
        return;
    };
    let (app, sighting) = (app.clone(), sighting_of(request));
    app.tasks.clone().spawn(async move {
        remember(&app, &sid, &sighting).await;
        drop(permit);
    });
}

async fn remember(app: &App, sid: &CallSid, sighting: &Sighting) {
    if *sighting != Sighting::default()
        && let Err(error) = app.services.sessions.see(sid, sighting).await
    {
        tracing::error!(%sid, %error, "the data of an applet's request was not stored");
    }
}

/// What an applet's request reports about its call.
pub fn sighting_of(request: &PassthruRequest) -> Sighting {
    let field = request
        .custom_field
        .as_ref()
        .map(|field| ("CustomField", field.expose()));
    let ends = [
        (&request.call_from, &request.call_to),
        (&request.from, &request.to),
    ];
    let ends = ends
        .into_iter()
        .filter(|(from, to)| from.is_some() || to.is_some());
    let ends = ends
        .map(|(from, to)| Ends {
            from: from.clone(),
            to: to.clone(),
            direction: request.direction,
        })
        .collect();
    Sighting {
        orders: named_orders(field),
        ends,
    }
}
