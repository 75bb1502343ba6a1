//! `/api/calls`: stores a customer's record for a call to be made, and returns calls.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_LOCATION, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ghanti_model::{
    CallId, CallRecord, CallSid, CallState, CustomerRecord, DialState, TRACEPARENT, TraceContext,
    VersionId, unix_ms,
};
use ghanti_store::DialRequestKey;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::base::Base;
use crate::dialler::{self, CallFrom, DIALS, Dialler};
use crate::doctor::Finding;
use crate::order::{Order, OrderBody};
use crate::outbound;
use crate::problem::{Kind, Problem};
use crate::routes::do_not_call::refuse_unwanted;
use crate::routes::doctor::{findings_of, urls};
use crate::segments::{BadPath, Segments};

/// Maximum length of an `Idempotency-Key` in characters.
const KEY_CHARS: usize = 200;
/// The header that makes retries of a request idempotent (IETF draft
/// `draft-ietf-httpapi-idempotency-key-header`).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The response for a stored record.
#[derive(Serialize, ToSchema)]
#[schema(as = Ordered)]
pub struct Created {
    /// Our id of the call, to be passed to Exotel as `CustomField`.
    call_id: CallId,
    /// Whether the engine dials the customer. The result is in the call's events.
    dials: bool,
}

/// Stores a customer's record, and dials them if the engine has an account and the body does not
/// say `"dial": false`. Answers 201 with the call's id; 200 for a request whose `Idempotency-Key`
/// was used within a day, which neither stores nor dials anything.
///
/// # Errors
///
/// 400 for a field that the call's flow does not declare or that cannot be read for certain, 409
/// for a customer who asked not to be called, for a call that is to be dialled without an account,
/// and for a key that another request has used, 503 if a store does not answer or too many calls are
/// dialled.
#[utoipa::path(
    post,
    path = "/api/calls",
    tag = "calls",
    operation_id = "calls_create",
    request_body = OrderBody,
    params(
        ("traceparent" = Option<String>, Header, description = "the trace that the request is part of (W3C Trace Context); the call's own has a link to it"),
        ("idempotency-key" = Option<String>, Header, description = "a key of the sender's, 1 to 200 ASCII characters: for a day the same request with it does nothing again"),
    ),
    responses(
        (status = 201, description = "the call", body = Created),
        (status = 200, description = "the call of an earlier request with this key", body = Created),
        (status = 400, description = "`body-not-read`, `body-not-json`, `body-not-expected`, `unusable-fields`, `too-many-fields`, `unusable-idempotency-key`"),
        (status = 401, description = "`unauthorized`"),
        (status = 409, description = "`no-account`, `asked-not-to-be-called`, `idempotency-key-in-use`, `idempotency-key-without-call`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`store-unavailable`, `stopping`, `too-many-dials`"),
    )
)]
pub async fn create(
    _: Api,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let services = &app.services;
    let body = body?;
    let Order {
        phone,
        flow,
        fields,
        dial,
    } = read(&app, &body)?;
    let dialler = permitted_dialler(&app, dial)?;
    refuse_unwanted(&app, &phone).await?;
    let call_id = CallId::generate();
    let dials = dialler.is_some();
    if let Some(earlier) = earlier(&app, &headers, &body, call_id).await? {
        let created = Created {
            call_id: earlier,
            dials,
        };
        return Ok(Answer(created).into_response());
    }
    let customer = CustomerRecord {
        call_id,
        phone,
        flow,
        fields,
    };
    outbound::request(services, &customer, dials, traced_from(&headers))
        .await
        .map_err(Problem::unavailable)?;
    if let Some((dialler, permit)) = dialler {
        let from = CallFrom {
            caller_id: None,
            urls: outbound::urls(&app.config, &Base::new(&app.config, &headers), &customer),
        };
        dialler::dial(app.dial_context(), dialler, permit, customer, from);
    }
    let location = [(LOCATION, path_of(&app, call_id))];
    Ok((
        StatusCode::CREATED,
        location,
        Answer(Created { call_id, dials }),
    )
        .into_response())
}

/// The trace that a request is part of. A header that cannot be read counts as none (W3C Trace Context,
/// section 3.2.2).
fn traced_from(headers: &HeaderMap) -> Option<TraceContext> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    TraceContext::parse(text).ok()
}

/// Reads an order; its fields are checked against the loaded flows.
fn read(app: &App, body: &[u8]) -> Result<Order, Problem> {
    let services = &app.services;
    let dates = services.settings.date_rules(unix_ms());
    Order::read(body, |flow, fields| {
        services.catalogue.read_order(flow, fields, dates)
    })
}

/// Stores the record of a customer whom the engine does not dial.
///
/// # Errors
///
/// As [`create`].
pub(super) async fn undialled(app: &App, body: &[u8]) -> Result<CustomerRecord, Problem> {
    let Order {
        phone,
        flow,
        fields,
        dial: _,
    } = read(app, body)?;
    refuse_unwanted(app, &phone).await?;
    let customer = CustomerRecord {
        call_id: CallId::generate(),
        phone,
        flow,
        fields,
    };
    outbound::request(&app.services, &customer, false, None)
        .await
        .map_err(Problem::unavailable)?;
    Ok(customer)
}

/// The path of a call.
fn path_of(app: &App, call: CallId) -> String {
    format!("{}/api/calls/{call}", app.config.server.path)
}

/// The dialler of a call, with a permit; `None` if it is not to be dialled.
fn permitted_dialler(
    app: &App,
    dial: Option<bool>,
) -> Result<Option<(Arc<Dialler>, OwnedSemaphorePermit)>, Problem> {
    let dialler = match (&app.dialler, dial) {
        (_, Some(false)) | (None, None) => return Ok(None),
        (None, Some(true)) => {
            return Err(Problem::new(
                Kind::NoAccount,
                "cannot dial: the engine has no account at Exotel",
                "set `[exotel]` in ghanti.toml, or send `\"dial\": false` and dial the call yourself",
            ));
        }
        (Some(dialler), _) => Arc::clone(dialler),
    };
    if app.draining.is_cancelled() {
        return Err(Problem::new(
            Kind::Stopping,
            "the engine is stopping",
            "send it to another engine, or again when this one has restarted",
        ));
    }
    let permit = dialler.permit().ok_or_else(|| {
        let detail = format!("{DIALS} calls are being dialled already");
        Problem::new(Kind::TooManyDials, detail, "send it again in a second")
    })?;
    Ok(Some((dialler, permit)))
}

/// The call of an earlier request with the same key; `None` without a key, or if this is the first
/// with it.
async fn earlier(
    app: &App,
    headers: &HeaderMap,
    body: &[u8],
    call_id: CallId,
) -> Result<Option<CallId>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_CHARS {
        return Err(Problem::new(
            Kind::UnusableKey,
            format!("`Idempotency-Key` has {} characters", key.len()),
            "send 1 to 200 ASCII characters that are unique to the call, such as a UUID",
        ));
    }
    let registry = &app.services.registry;
    let request = DialRequestKey::new(key, body, call_id);
    let known = registry
        .claim_request(&request)
        .await
        .map_err(Problem::unavailable)?;
    if known.call_id == call_id {
        return Ok(None);
    }
    if known.body_hash != request.body_hash {
        return Err(Problem::new(
            Kind::KeyInUse,
            "another request has this `Idempotency-Key`",
            "send a different key with each call",
        ));
    }
    match registry.read(known.call_id).await {
        Ok(Some(_)) => Ok(Some(known.call_id)),
        // that request is in progress, or the engine died before it had stored the record
        Ok(None) => Err(Problem::new(
            Kind::KeyWithoutCall,
            "a request with this `Idempotency-Key` has begun, but its call is not recorded yet",
            "send it again in a few seconds; if this error persists, nobody was dialled, and the call needs another key",
        )),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// A call's record, with its findings about the set-up.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub struct Shown {
    #[serde(flatten)]
    record: CallRecord,
    /// Set-up mistakes found in this record. Tokens are replaced by placeholders: records are passed on.
    findings: Vec<Finding>,
}

/// Returns a call's record with its steps, transcript, journal and findings. The id is ours or
/// Exotel's CallSid; `Content-Location` is the path by our id. The record of a call that has ended
/// has an `ETag`.
///
/// # Errors
///
/// As [`find`].
#[utoipa::path(
    get,
    path = "/api/calls/{id}",
    tag = "calls",
    operation_id = "calls_show",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
    ),
    responses(
        (status = 200, description = "the record", body = Shown),
        (status = 304, description = "the client has it: `If-None-Match` has its `ETag`"),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn show(
    api: Api,
    State(app): State<App>,
    headers: HeaderMap,
    id: Result<Segments<String>, BadPath>,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    answered(&app, &headers, &id, api.is_masked()).await
}

/// The answer of [`show`].
///
/// # Errors
///
/// As [`find`].
pub(super) async fn answered(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    is_masked: bool,
) -> Result<Response, Problem> {
    let record = find(app, id).await?;
    let urls = urls(app, &Base::new(&app.config, headers), false);
    let findings = findings_of(&record, &urls);
    let (call_id, has_ended) = (record.call_id, record.state == CallState::Ended);
    let shown = Answer(Shown { record, findings }).masked(is_masked);
    let answer = if has_ended {
        shown.tagged(headers)
    } else {
        shown.into_response()
    };
    let own = [(CONTENT_LOCATION, path_of(app, call_id))];
    let is_by_sid = CallId::parse(id) != Some(call_id);
    Ok(if is_by_sid {
        (own, answer).into_response()
    } else {
        answer
    })
}

/// Withdraws a call that waits to be dialled. Its outcome is `not-dialled`.
///
/// # Errors
///
/// 409 for a call that is dialled already, is dialled by another engine, or is not dialled by the
/// engine; else as [`show`].
#[utoipa::path(
    delete,
    path = "/api/calls/{id}",
    tag = "calls",
    operation_id = "calls_withdraw",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
    ),
    responses(
        (status = 204, description = "it will not be dialled"),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 409, description = "`not-withdrawable`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn withdraw(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
) -> Result<StatusCode, Problem> {
    let Segments(id) = id?;
    let record = find(&app, &id).await?;
    let is_withdrawn = app
        .dialler
        .as_ref()
        .is_some_and(|dialler| dialler.withdraw(record.call_id));
    if is_withdrawn {
        tracing::info!(call = %record.call_id, "a call was withdrawn before it was dialled");
        return Ok(StatusCode::NO_CONTENT);
    }
    let (error, hint) = match (record.dial, record.state) {
        (None, _) => (
            "the engine does not dial this call".to_owned(),
            "do not dial it: its record expires by itself",
        ),
        (Some(DialState::Waiting), CallState::Pending) => (
            "another engine dials this call".to_owned(),
            "send the request to the engine that took the order",
        ),
        (Some(DialState::Refused), _) => (
            "the call was not dialled".to_owned(),
            "see the record for the reason",
        ),
        (Some(_), _) => (
            "the call was dialled already".to_owned(),
            "wait for its end; Exotel's API cannot hang up a call",
        ),
    };
    Err(Problem::new(Kind::NotWithdrawable, error, hint))
}

/// A call is being ended.
#[derive(Serialize, ToSchema)]
pub struct Ending {
    call_id: CallId,
}

/// Ends a live call: the bot falls silent, the stream is closed, and Exotel's flow goes on as after a
/// conversation that hangs up. The outcome is `ended-by-operator`.
///
/// # Errors
///
/// 409 for a call that is not live at this engine; else as [`show`].
#[utoipa::path(
    post,
    path = "/api/calls/{id}/hang-up",
    tag = "calls",
    operation_id = "calls_hang_up",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
    ),
    responses(
        (status = 202, description = "it is being ended", body = Ending),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 409, description = "`not-live-here`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn hang_up(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let call_id = hung_up(&app, &id).await?;
    Ok((StatusCode::ACCEPTED, Answer(Ending { call_id })).into_response())
}

/// Ends a live call; returns its id.
///
/// # Errors
///
/// As [`hang_up`].
pub(super) async fn hung_up(app: &App, id: &str) -> Result<CallId, Problem> {
    let record = find(app, id).await?;
    if let Some(live) = app.services.registry.live().by_id(record.call_id) {
        tracing::info!(call = %record.call_id, "an operator ends this call");
        live.hang_up();
        return Ok(record.call_id);
    }
    Err(not_live(
        record.state,
        "see its record for how",
        "withdraw it (DELETE), or wait until it is live",
    ))
}

/// The call has no stream at this engine. What to do instead is said where it has ended, and where it
/// has not begun.
pub(super) fn not_live(
    state: CallState,
    if_ended: &'static str,
    if_pending: &'static str,
) -> Problem {
    let (detail, hint) = match state {
        CallState::Ended => ("the call has ended", if_ended),
        CallState::Pending => ("the call has no stream yet", if_pending),
        CallState::Live => (
            "the call is live at another engine",
            "send the request to that engine: `node` of the record names it",
        ),
    };
    Problem::new(Kind::NotLiveHere, detail, hint)
}

/// What a call is moved to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MoveCall)]
pub struct Move {
    /// The id of a version of its flow, as `GET /api/flows` has them.
    version: String,
}

/// A call is being moved.
#[derive(Serialize, ToSchema)]
pub struct Moving {
    call_id: CallId,
    /// The version.
    version: VersionId,
}

/// Moves a live call to another version of its flow that the engine holds, as soon as it waits for its
/// caller, who notices nothing. It stays on its own where the other one does not come to the same point of the
/// conversation; `moves` of its record says so, and why. A call that was moved stays on that version, whatever is newer.
///
/// # Errors
///
/// 404 for a version that the engine does not hold, 409 for a call that is not live at this engine; else as
/// [`show`].
#[utoipa::path(
    post,
    path = "/api/calls/{id}/version",
    tag = "calls",
    operation_id = "calls_move",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
    ),
    request_body = Move,
    responses(
        (status = 202, description = "it is being moved", body = Moving),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`, `body-not-read`, `body-not-json`, `body-not-expected`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`, `unknown-version`"),
        (status = 409, description = "`not-live-here`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn move_to(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let Move { version } = serde_json::from_slice(&body?)
        .map_err(|error| Problem::json(&error, "send `{\"version\": \"…\"}`"))?;
    let (call_id, version) = moved(&app, &id, &version).await?;
    Ok((StatusCode::ACCEPTED, Answer(Moving { call_id, version })).into_response())
}

/// Moves a live call to a version; returns the ids of both.
///
/// # Errors
///
/// As [`move_to`].
pub(super) async fn moved(
    app: &App,
    id: &str,
    version: &str,
) -> Result<(CallId, VersionId), Problem> {
    let record = find(app, id).await?;
    let Some(live) = app.services.registry.live().by_id(record.call_id) else {
        return Err(not_live(
            record.state,
            "replay it against that version instead",
            "wait until it is live",
        ));
    };
    let wanted = record.flow.as_ref().zip(VersionId::parse(version).ok());
    let found = wanted.and_then(|(flow, id)| app.services.catalogue.loaded(flow, &id));
    let Some(found) = found else {
        return Err(Problem::new(
            Kind::UnknownVersion,
            "the engine holds no version of the call's flow with this id",
            "GET /api/flows lists those that it holds",
        ));
    };
    tracing::info!(call = %record.call_id, version = %found.id, "an operator moves this call to another version");
    live.move_to(found.id.clone());
    Ok((record.call_id, found.id.clone()))
}

/// Returns a call's record by an id, ours or Exotel's CallSid.
///
/// # Errors
///
/// 400 if the text is neither, 404 for an unknown call, 503 if the database does not answer.
pub async fn find(app: &App, id: &str) -> Result<CallRecord, Problem> {
    let registry = &app.services.registry;
    let by_sid = async |sid: &CallSid| match registry.by_sid(sid).await {
        Ok(Some(record)) => registry.read(record.call_id).await,
        found => found,
    };
    let found = match (CallId::parse(id), CallSid::parse(id)) {
        // a CallSid of 32 hexadecimal digits also parses as our id
        (Some(call), Ok(sid)) => match registry.read(call).await {
            Ok(None) => by_sid(&sid).await,
            found => found,
        },
        (Some(call), Err(_)) => registry.read(call).await,
        (None, Ok(sid)) => by_sid(&sid).await,
        (None, Err(error)) => {
            return Err(Problem::new(
                Kind::UnusableCallId,
                error.to_string(),
                "use the id that POST /api/calls returned, or the CallSid",
            ));
        }
    };
    match found {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err(Problem::new(
            Kind::UnknownCall,
            "no such call",
            "use the id that POST /api/calls returned, or the CallSid",
        )),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}
