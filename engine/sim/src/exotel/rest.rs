//! The account's API, and `GET /sim/calls`, which is not Exotel's.
//!
//! Checks come in this order: key and token, account, limit of requests, the documents of the
//! account's owner, parameters. Exotel's own order is not documented.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ghanti_exotel::Parameters;
use ghanti_model::{CallId, CallSid, CallStatus, PhoneNumber};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::call::{self, Call};
use super::calls::CallLog;
use super::exchange::Exchange;
use super::faults::ReplyFault;
use super::reply::{Format, Refusal, active_streams};
use super::request::{ConnectRequest, Target, sent};
use super::server::CutOff;
use super::sms;
use crate::facts::{Facts, indian_time, spelt};
use crate::scenario::Direction;

/// Maximum size of a request body in bytes; real ones have less than 4 KiB.
const BODY_BYTES: usize = 64 * 1024;

/// An HTML page, as a gateway answers.
const PAGE: &str = "<html><head><title>504 Gateway Time-out</title></head><body><center><h1>504 Gateway Time-out</h1></center></body></html>";

type Shared = State<Arc<Exchange>>;

/// All routes.
pub fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/v1/Accounts/{sid}/Calls/connect", post(connect))
        .route("/v1/Accounts/{sid}/Calls/connect.json", post(connect))
        .route("/v1/Accounts/{sid}/Calls", get(list))
        .route("/v1/Accounts/{sid}/Calls.json", get(list))
        .route("/v1/Accounts/{sid}/Calls/{call}", get(details))
        .route("/v1/Accounts/{sid}/Sms/send", post(send_sms))
        .route("/v1/Accounts/{sid}/Sms/send.json", post(send_sms))
        .route("/v1/Accounts/{sid}/ActiveStreams", get(streams))
        .route("/v1/Accounts/{sid}/IncomingPhoneNumbers.json", get(numbers))
        .route("/v2_beta/Accounts/{sid}/IncomingPhoneNumbers", get(numbers))
        .route("/sim/calls", get(all_calls))
        .route("/sim/calls/{call}", get(one_call))
        .fallback(|uri: Uri| async move { refuse(&Refusal::not_found(), form(&uri), None) })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(exchange)
}

/// The form that a path asks for.
fn form(uri: &Uri) -> Format {
    if uri.path().ends_with(".json") {
        Format::Json
    } else {
        Format::Xml
    }
}

/// `POST …/Calls/connect`: makes a call.
async fn connect(
    State(exchange): Shared,
    Path(sid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let format = form(&uri);
    let response = match admit(&exchange, &sid, &headers) {
        Ok(()) => connect_admitted(&exchange, &headers, &body, format).await,
        Err((refusal, retry_after)) => {
            exchange.calls.refuse(BTreeMap::new(), refusal.clone());
            refuse(&refusal, format, retry_after)
        }
    };
    exchange.calls.replied(response.status().as_u16());
    response
}

async fn connect_admitted(
    exchange: &Arc<Exchange>,
    headers: &HeaderMap,
    body: &Bytes,
    format: Format,
) -> Response {
    let setup = &exchange.setup;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    // the API reads only forms
    let parameters = Parameters::from_body(content_type, body)
        .ok()
        .filter(|_| !content_type.is_some_and(|kind| kind.contains("json")))
        .unwrap_or_default();
    let nth = exchange.calls.next_request();
    let faults = setup.faults.draw(nth);
    let refused = |refusal: Refusal, retry_after| {
        let response = refuse(&refusal, format, retry_after);
        exchange.calls.refuse(sent(&parameters), refusal);
        response
    };
    tokio::time::sleep(Duration::from_millis(setup.reply_ms)).await;
    if exchange.stop.is_cancelled() {
        return refused(Refusal::unavailable(), None);
    }
    match faults.reply {
        Some(ReplyFault::Error500) => return refused(Refusal::internal(), None),
        Some(ReplyFault::Error503) => return refused(Refusal::unavailable(), None),
        Some(ReplyFault::Error429) => {
            return refused(Refusal::too_many(), Some(setup.faults.retry_after_s));
        }
        _ => {}
    }
    if !setup.account.kyc {
        return refused(Refusal::kyc(), None);
    }
    let request = match ConnectRequest::read(&parameters, &setup.account) {
        Ok(request) => request,
        Err(refusal) => return refused(refusal, None),
    };
    let facts = match facts(exchange, &request) {
        Ok(facts) => facts,
        Err(refusal) => return refused(refusal, None),
    };
    let log = CallLog {
        nth,
        call_sid: facts.call_sid.clone(),
        request: sent(&parameters),
        reply_fault: faults.reply,
        // real replies say so from the start
        status: CallStatus::InProgress,
        created: facts.created,
        answered: None,
        over: None,
        ended: None,
        applets: Vec::new(),
        callbacks: Vec::new(),
    };
    let reply = format.write("Call", &call_object(exchange, &log));
    let nth_call = match exchange.calls.add(log, &request.customer) {
        Ok(nth_call) => nth_call,
        Err(refusal) => return refused(refusal, None),
    };
    let call = Arc::new(Call {
        caller: exchange.caller(&request.customer, nth_call),
        request,
        facts,
        faults,
    });
    exchange.tasks.spawn(call::run(Arc::clone(exchange), call));
    match faults.reply {
        Some(ReplyFault::LostReply) => {
            let mut response = StatusCode::OK.into_response();
            response.extensions_mut().insert(CutOff);
            response
        }
        Some(ReplyFault::GatewayTimeout) => page(StatusCode::GATEWAY_TIMEOUT),
        Some(ReplyFault::NonsenseReply) => page(StatusCode::OK),
        Some(ReplyFault::SlowReply) => {
            // in real time, like the timeout of the client
            tokio::time::sleep(Duration::from_secs(setup.faults.slow_reply_s)).await;
            written(StatusCode::OK, format, reply)
        }
        _ => written(StatusCode::OK, format, reply),
    }
}

/// The facts about a new call.
fn facts(exchange: &Exchange, request: &ConnectRequest) -> Result<Facts, Refusal> {
    let customer = request.customer.clone();
    let facts = Facts::new(CallId::generate(), customer, Direction::Outbound)
        .map_err(|_| Refusal::internal())?;
    Ok(Facts {
        account_sid: exchange.setup.account.sid.clone(),
        line: spelt(&request.caller_id),
        flow_id: match &request.target {
            Target::Flow(app_id) => app_id.clone(),
            Target::Stream(_) => facts.flow_id,
        },
        custom_field: request.custom_field.clone(),
        ..facts
    })
}

/// `GET …/Calls/<CallSid>.json`: the details of a call.
async fn details(
    State(exchange): Shared,
    Path((sid, call)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let format = form(&uri);
    if let Err((refusal, retry_after)) = admit(&exchange, &sid, &headers) {
        return refuse(&refusal, format, retry_after);
    }
    let call = CallSid::parse(call.trim_end_matches(".json")).ok();
    match call.and_then(|call| exchange.calls.get(&call)) {
        Some(log) => {
            let body = format.write("Call", &call_object(&exchange, &log));
            written(StatusCode::OK, format, body)
        }
        None => refuse(&Refusal::not_found(), format, None),
    }
}

/// The parameters of a list of calls.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    from: Option<String>,
    page_size: Option<usize>,
}

/// `GET …/Calls.json`: calls that have ended, newest first; one page, of 50 calls or `PageSize`, at
/// most 100, to the number `From` if it is given (developer.exotel.com/api/call-details, bulk).
async fn list(
    State(exchange): Shared,
    Path(sid): Path<String>,
    Query(asked): Query<Listed>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let format = form(&uri);
    if let Err((refusal, retry_after)) = admit(&exchange, &sid, &headers) {
        return refuse(&refusal, format, retry_after);
    }
    let from = match asked.from.as_deref().map(PhoneNumber::parse) {
        Some(Err(_)) => {
            let refusal = Refusal::bad_parameter("`From` is not a number".to_owned());
            return refuse(&refusal, format, None);
        }
        Some(Ok(from)) => Some(from),
        None => None,
    };
    let is_listed = |log: &CallLog| {
        let to = log
            .request
            .get("From")
            .and_then(|to| PhoneNumber::parse(to).ok());
        log.over.is_some() && (from.is_none() || from == to)
    };
    let size = asked.page_size.unwrap_or(50).clamp(1, 100);
    let calls: Vec<Json> = exchange
        .calls
        .newest(size, is_listed)
        .iter()
        .map(|log| call_object(&exchange, log))
        .collect();
    written(StatusCode::OK, format, format.list(&calls))
}

/// `POST …/Sms/send`: accepts an SMS, which is not sent.
async fn send_sms(
    State(exchange): Shared,
    Path(sid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let format = form(&uri);
    if let Err((refusal, retry_after)) = admit(&exchange, &sid, &headers) {
        return refuse(&refusal, format, retry_after);
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let parameters = Parameters::from_body(content_type, &body).unwrap_or_default();
    match sms::accepted(&parameters, &sid, &CallId::generate().to_string()) {
        Ok(message) => written(StatusCode::OK, format, format.write("SMSMessage", &message)),
        Err(refusal) => refuse(&refusal, format, None),
    }
}

/// `GET …/ActiveStreams`: XML at any path.
async fn streams(State(exchange): Shared, Path(sid): Path<String>, headers: HeaderMap) -> Response {
    match admit(&exchange, &sid, &headers) {
        Ok(()) => {
            let limit = exchange.setup.account.streams;
            let body = active_streams(exchange.active_streams(), limit);
            written(StatusCode::OK, Format::Xml, body)
        }
        Err((refusal, retry_after)) => refuse(&refusal, Format::Xml, retry_after),
    }
}

/// `GET …/IncomingPhoneNumbers`: the account's ExoPhones (developer.exotel.com/api/exophone-details);
/// always JSON, and one page.
async fn numbers(
    State(exchange): Shared,
    Path(sid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Err((refusal, retry_after)) = admit(&exchange, &sid, &headers) {
        return refuse(&refusal, Format::Json, retry_after);
    }
    let numbers: Vec<Json> = exchange
        .setup
        .account
        .numbers
        .iter()
        .map(|number| {
            json!({
                "sid": spelt(number),
                "phone_number": number.expose(),
                "friendly_name": spelt(number),
                "number_type": "Landline",
                "country": "IN",
                "capabilities": { "voice": true, "sms": false },
                "voice_url": null,
                "sms_url": null,
            })
        })
        .collect();
    let body = json!({
        "page": 0,
        "page_size": 50,
        "uri": uri.path(),
        "first_page_uri": uri.path(),
        "next_page_uri": null,
        "previous_page_uri": null,
        "incoming_phone_numbers": numbers,
    });
    written(StatusCode::OK, Format::Json, body.to_string())
}

/// `GET /sim/calls`: the log of all calls.
async fn all_calls(State(exchange): Shared) -> Response {
    match exchange.calls.report() {
        Ok(report) => written(StatusCode::OK, Format::Json, report),
        Err(_) => refuse(&Refusal::internal(), Format::Json, None),
    }
}

/// `GET /sim/calls/<CallSid>`: the log of one call.
async fn one_call(State(exchange): Shared, Path(call): Path<String>) -> Response {
    let call = CallSid::parse(call).ok();
    match call.and_then(|call| exchange.calls.get(&call)) {
        Some(log) => axum::Json(log).into_response(),
        None => refuse(&Refusal::not_found(), Format::Json, None),
    }
}

/// Checks the credentials, the account and the rate limit; a refusal comes with `Retry-After` in
/// seconds.
fn admit(
    exchange: &Exchange,
    sid: &str,
    headers: &HeaderMap,
) -> Result<(), (Refusal, Option<u64>)> {
    let account = &exchange.setup.account;
    let expected = format!("{}:{}", account.key.expose(), account.token.expose());
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    if given.as_deref() != Some(expected.as_bytes()) {
        return Err((Refusal::not_authorized(), None));
    }
    if sid != account.sid.as_str() {
        return Err((Refusal::not_found(), None));
    }
    exchange.take_request().map_err(|wait| {
        // rounded up, so that a client who waits so long is not refused again
        (Refusal::too_many(), Some(wait.as_secs() + 1))
    })
}

/// The `Call` of replies and details. Duration, price and end are known some time after the end.
fn call_object(exchange: &Exchange, log: &CallLog) -> Json {
    let setup = &exchange.setup;
    let known_after = setup.scaled(Duration::from_secs(setup.details_after_s));
    let over = log
        .over
        .filter(|over| OffsetDateTime::now_utc() >= *over + known_after);
    let lasted_s = over.map(|over| {
        let from = log.answered.unwrap_or(over);
        (over - from).whole_seconds().to_string()
    });
    let number = |name: &str| log.request.get(name).cloned();
    let account = &setup.account.sid;
    json!({
        "Sid": log.call_sid,
        "ParentCallSid": null,
        "DateCreated": indian_time(log.created),
        "DateUpdated": indian_time(log.over.unwrap_or(log.created)),
        "AccountSid": account,
        "To": null,
        "From": number("From"),
        "PhoneNumberSid": number("CallerId"),
        "Status": log.status.as_str(),
        "StartTime": indian_time(log.created),
        "EndTime": over.map(indian_time),
        "Duration": lasted_s,
        "Price": over.map(|_| "0.000000"),
        "Direction": "outbound-api",
        "AnsweredBy": null,
        "ForwardedFrom": null,
        "CallerName": null,
        "Uri": format!("/v1/Accounts/{account}/Calls/{}.json", log.call_sid),
        "RecordingUrl": null,
    })
}

fn refuse(refusal: &Refusal, format: Format, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = written(status, format, refusal.body(format));
    let headers = response.headers_mut();
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"Exotel API\""),
        );
    }
    response
}

fn written(status: StatusCode, format: Format, body: String) -> Response {
    (status, [(CONTENT_TYPE, format.content_type())], body).into_response()
}

fn page(status: StatusCode) -> Response {
    (status, [(CONTENT_TYPE, "text/html")], PAGE).into_response()
}
