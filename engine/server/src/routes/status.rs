//! `POST /status`: Exotel's status callback. Completes the record with duration, recording and
//! reason, and with the outcome of an unanswered call or of a transfer.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use ghanti_exotel::status::StatusCallback;
use ghanti_exotel::{CallStatus, Parameters};
use ghanti_model::{CallId, CallSid, EventKind, Masked, unix_ms};
use ghanti_session::find::{BEHIND_ANSWER, Sought, find};
use ghanti_session::network;
use ghanti_store::{Sighting, StoreError};

use crate::access::Applet;
use crate::app::App;
use crate::applet_error::AppletError;
use crate::cause::Cause;
use crate::doctor;
use crate::routes::after::is_late;
use crate::unserved::explain;

/// Number of attempts to find a callback's call while the stores do not answer.
const TRIES: u32 = 60;
/// The pause between them.
const PAUSE: Duration = Duration::from_secs(5);

/// Accepts a callback in any of Exotel's formats. A callback for an unknown call is also answered
/// `OK`, since Exotel cannot correct it.
pub async fn status(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<&'static str, AppletError> {
    let body = body?;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let callback = StatusCallback::from_body(content_type, &body).map_err(|error| {
        AppletError::new(
            StatusCode::BAD_REQUEST,
            error.to_string(),
            "send Exotel's status callback as form, multipart or JSON",
        )
        .because(Cause::Body)
    })?;
    let packed = |field: &str| {
        Parameters::from_query(field)
            .get("call-id")
            .and_then(CallId::parse)
    };
    let order = callback
        .custom_field
        .as_ref()
        .map(Masked::expose)
        .and_then(|field| CallId::parse(field).or_else(|| packed(field)));
    if callback.call_sid.is_none() && order.is_none() {
        let missing = "`CallSid` is missing, and no `CustomField` names a call";
        return Err(AppletError::new(
            StatusCode::BAD_REQUEST,
            missing,
            "send Exotel's status callback with its CallSid",
        )
        .because(Cause::Body));
    }
    if let Some(sid) = &callback.call_sid {
        let status = callback.status.as_ref().map_or("", CallStatus::as_str);
        let kind = format!(
            "{}/{status}",
            callback.event_type.as_deref().unwrap_or_default()
        );
        app.observations
            .once(doctor::Applet::Status, sid, &kind, unix_ms());
    }
    app.tasks.clone().spawn(async move {
        let sid = callback.call_sid.as_ref();
        // an order may be dialled again after its first call is gone
        let named = if sid.is_none() { order } else { None };
        if is_late(&app, "status callback", sid, named).await {
            return;
        }
        let call = match call_with_retries(&app, sid, order).await {
            Ok(Some(call)) => call,
            Ok(None) => {
                tracing::warn!(sid = sid.map(display), "a status callback names an unknown call");
                return;
            }
            Err(error) => {
                tracing::error!(sid = sid.map(display), %error, "a status callback is lost: its call could not be read from any store");
                return;
            }
        };
        let reported = network::status_reported(&callback);
        let record = app.services.registry.append(call, reported).await.after;
        let ended = network::was_not_taken(&record).then_some(record.outcome);
        let status = callback.status.as_ref().map(CallStatus::as_str);
        tracing::info!(%call, sid = sid.map(display), status, outcome = ended.flatten(), "status callback");
    });
    Ok("OK")
}

/// Returns the call of a callback, with retries while the stores do not answer.
async fn call_with_retries(
    app: &App,
    sid: Option<&CallSid>,
    order: Option<CallId>,
) -> Result<Option<CallId>, StoreError> {
    let mut call = call_of_callback(app, sid, order).await;
    let Ok(_permit) = app.background.clone().try_acquire_owned() else {
        return call;
    };
    for _ in 0..TRIES {
        if call.is_ok() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stop.cancelled() => break,
        }
        call = call_of_callback(app, sid, order).await;
    }
    call
}

/// The call of a callback: by its CallSid, else by the order in its `CustomField`, to which the
/// CallSid is then bound. If the order was already dialled under another CallSid, this call gets a
/// record of its own.
async fn call_of_callback(
    app: &App,
    sid: Option<&CallSid>,
    order: Option<CallId>,
) -> Result<Option<CallId>, StoreError> {
    let (registry, sessions) = (&app.services.registry, &app.services.sessions);
    let known = match sid {
        Some(sid) => explain(app, sid).await,
        None => Ok(None),
    };
    let (Ok(None) | Err(_), Some(order)) = (&known, order) else {
        return known;
    };
    let recorded = registry.get(order).await;
    let is_recorded = matches!(recorded, Ok(Some(_)));
    let customer = match is_recorded {
        true => None,
        false => sessions.customer_by_call(order).await.ok().flatten(),
    };
    // an invented id must not create a record
    if !is_recorded && !registry.writer().is_behind(order) && customer.is_none() {
        return recorded.map(|_| None);
    }
    // what another engine has of the order may be on its way to the database: until it is there, the
    // record would be nobody's
    if let Some(customer) = customer {
        let attributed = EventKind::Attributed {
            order: None,
            customer_number: Some(customer.phone),
            flow: customer.flow,
        };
        registry.append(order, attributed).await;
    }
    let Some(sid) = sid else {
        return Ok(Some(order));
    };
    let sighting = Sighting {
        orders: vec![order],
        ends: Vec::new(),
    };
    let found = find(
        &app.services,
        Sought {
            sid: Some(sid),
            session: "",
            stream: None,
            sighting,
            within: BEHIND_ANSWER,
        },
    )
    .await;
    let call = found.call_id;
    if call != order {
        let attributed = EventKind::Attributed {
            order: found.order,
            customer_number: found.number,
            flow: found.flow,
        };
        registry.append(call, attributed).await;
    }
    Ok(explain(app, sid).await.ok().flatten().or(Some(call)))
}
