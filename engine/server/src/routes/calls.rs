//! `/api/calls`: stores a customer's record for a coming call, and returns calls.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ghanti_host::Instant;
use ghanti_model::event::Requested;
use ghanti_model::{CallId, CallRecord, CallSid, CustomerRecord, EventKind, Step, unix_ms};
use ghanti_session::log_lines::STEP;
use serde::Serialize;

use crate::access::Api;
use crate::app::App;
use crate::order::Order;
use crate::problem::Problem;
use crate::routes::do_not_call::refuse_unwanted;

/// Number of calls that `GET /api/calls` returns.
const NEWEST: u32 = 50;

/// The response for a stored record.
#[derive(Serialize)]
pub struct Created {
    /// Our id of the call, to be passed to Exotel as `CustomField`.
    call_id: CallId,
}

/// Stores a customer's record. Answers 201 with the call's id.
///
/// # Errors
///
/// 400 for a field that the call's flow does not declare or that cannot be read for certain, 409
/// for a customer who asked not to be called, 503 if a store does not answer.
pub async fn create(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let services = &app.services;
    let today = Instant {
        unix_ms: unix_ms(),
        offset_minutes: services.settings.offset_minutes,
    }
    .date();
    let Order {
        phone,
        flow,
        fields,
    } = Order::read(&body?, |flow, fields| {
        services.catalogue.read_order(flow, fields, today)
    })?;
    refuse_unwanted(&app, &phone).await?;
    let call_id = CallId::generate();
    let customer = CustomerRecord {
        call_id,
        phone,
        flow,
        fields,
    };
    app.services
        .sessions
        .put_customer(&customer)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    let requested = EventKind::Requested(Requested {
        customer_number: customer.phone.clone(),
        flow: customer.flow.clone(),
    });
    services.registry.append(call_id, requested).await;
    tracing::info!(target: STEP, call = %call_id, step = ?Step::Triggered, number = %customer.phone, "step");
    Ok((StatusCode::CREATED, Json(Created { call_id })))
}

/// Returns a call's record with its steps, transcript and journal. The id is ours or Exotel's
/// CallSid.
pub async fn show(
    _: Api,
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<CallRecord>, Problem> {
    let Path(id) = id?;
    find(&app, id).await.map(Json)
}

/// Returns a call's record by an id, ours or Exotel's CallSid.
///
/// # Errors
///
/// 400 if the text is neither, 404 for an unknown call, 503 if the database does not answer.
pub async fn find(app: &App, id: String) -> Result<CallRecord, Problem> {
    let registry = &app.services.registry;
    let by_sid = async |sid: &CallSid| match registry.by_sid(sid).await {
        Ok(Some(record)) => registry.read(record.call_id).await,
        found => found,
    };
    let found = match (CallId::parse(&id), CallSid::parse(id)) {
        // a CallSid of 32 hexadecimal digits also parses as our id
        (Some(call), Ok(sid)) => match registry.read(call).await {
            Ok(None) => by_sid(&sid).await,
            found => found,
        },
        (Some(call), Err(_)) => registry.read(call).await,
        (None, Ok(sid)) => by_sid(&sid).await,
        (None, Err(error)) => {
            return Err(Problem::bad_request(
                error.to_string(),
                "ask by the id that POST /api/calls answered, or by CallSid",
            ));
        }
    };
    match found {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no such call",
            "ask by the id that POST /api/calls answered, or by CallSid",
        )),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// Returns the newest calls, newest first, without their journals.
pub async fn newest(_: Api, State(app): State<App>) -> Result<Json<Vec<CallRecord>>, Problem> {
    let mut records = app
        .services
        .registry
        .newest(NEWEST)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    for record in &mut records {
        record.journal = None;
    }
    Ok(Json(records))
}
