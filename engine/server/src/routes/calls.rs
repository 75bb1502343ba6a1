//! `/api/calls`: stores a customer's record for a coming call, and shows calls.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use samvaad_model::{CallId, CallRecord, CallSid, CustomerRecord, FlowName, Masked, PhoneNumber, Step};
use samvaad_session::run::unix_ms;
use serde::{Deserialize, Serialize};

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::do_not_call::refuse_unwanted;

/// A record may have so many fields,
const FIELDS: usize = 64;
/// and each so many bytes.
const FIELD_BYTES: usize = 1_024;
/// `GET /api/calls` shows so many.
const NEWEST: u32 = 50;

/// A record for a coming call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    phone: PhoneNumber,
    #[serde(default)]
    flow: Option<FlowName>,
    #[serde(default)]
    fields: BTreeMap<String, Masked>,
}

/// A stored record.
#[derive(Serialize)]
pub struct Created {
    /// Our id of the call: to be given to Exotel as `CustomField`.
    call_id: CallId,
}

/// Stores a record. 201 with the call's id; 400 for an unusable body, 409 for a customer who asked not to be called, 503 where the session store does not answer.
pub async fn create(_: Api, State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<(StatusCode, Json<Created>), Problem> {
    const MEND: &str = r#"send {"phone": "+91…", "flow": "emi-reminder", "fields": {"name": "…"}}"#;
    let new: NewCall = serde_json::from_slice(&body?).map_err(|error| {
        // The place and the kind of error, without the value, which may be a number or a name.
        let what = if error.is_data() { "a field is missing, unknown or of the wrong type" } else { "the body is no JSON" };
        Problem::bad_request(format!("{what} (line {}, column {})", error.line(), error.column()), MEND)
    })?;
    if new.fields.len() > FIELDS {
        return Err(Problem::bad_request(format!("{} fields are too many", new.fields.len()), "send at most 64 fields"));
    }
    if let Some((name, _)) = new.fields.iter().find(|(name, value)| name.len() > FIELD_BYTES || value.expose().len() > FIELD_BYTES) {
        let name: String = name.chars().take(64).collect();
        return Err(Problem::bad_request(format!("the field `{name}` is too long"), "send at most 1,024 bytes a field"));
    }
    refuse_unwanted(&app, &new.phone).await?;
    let call_id = CallId::generate();
    let customer = CustomerRecord { call_id, phone: new.phone, flow: new.flow, fields: new.fields };
    app.services.sessions.put_customer(&customer).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    let now_ms = unix_ms();
    app.services
        .ledger
        .update(call_id, |record| {
            record.customer_number = Some(customer.phone.clone());
            record.flow.clone_from(&customer.flow);
            record.reach(Step::Triggered, now_ms);
        })
        .await;
    tracing::info!(target: "samvaad::step", call = %call_id, step = ?Step::Triggered, number = %customer.phone, "step");
    Ok((StatusCode::CREATED, Json(Created { call_id })))
}

/// One call: its record with steps, transcript and journal. The id is ours, or Exotel's CallSid.
pub async fn show(_: Api, State(app): State<App>, id: Result<Path<String>, PathRejection>) -> Result<Json<CallRecord>, Problem> {
    let Path(id) = id?;
    let ledger = &app.services.ledger;
    let found = match (CallId::parse(&id), CallSid::parse(id)) {
        // a CallSid of 32 hexadecimal digits reads like an id of ours
        (Some(call), Ok(sid)) => match ledger.get(call).await {
            Ok(None) => ledger.by_sid(&sid).await,
            found => found,
        },
        (Some(call), Err(_)) => ledger.get(call).await,
        (None, Ok(sid)) => ledger.by_sid(&sid).await,
        (None, Err(error)) => {
            return Err(Problem::bad_request(error.to_string(), "ask by the id that POST /api/calls answered, or by CallSid"));
        }
    };
    match found {
        Ok(Some(record)) => Ok(Json(record)),
        Ok(None) => Err(Problem::new(StatusCode::NOT_FOUND, "no such call", "ask by the id that POST /api/calls answered, or by CallSid")),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// The newest calls, newest first, without their journals.
pub async fn newest(_: Api, State(app): State<App>) -> Result<Json<Vec<CallRecord>>, Problem> {
    let mut records = app.services.ledger.archive().newest(NEWEST).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    for record in &mut records {
        record.journal = None;
    }
    Ok(Json(records))
}
