//! The status callback: a POST after the call, and on request when it is answered
//! (developer.exotel.com/api/statuscallback).
//!
//! Without events it has four fields. With `StatusCallbackEvents` it has all of them, although one
//! page says that this needs both `From` and `To` in the request, which a call into a flow has not.
//! Real ones are not signed, and not sent again if they fail.

use std::sync::Arc;

use ghanti_model::CallStatus;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;

use super::call::Call;
use super::calls::CallbackLog;
use super::exchange::Exchange;
use super::faults::CallbackFault;
use super::multipart;
use super::request::{Callback, CallbackFormat};
use crate::exotel_http::send;
use crate::facts::{indian_time, spelt};

/// A leg in a callback: its status, and its seconds on the call. `None` if it was not attempted.
type Leg = Option<(CallStatus, u64)>;

/// The state of the call that is reported.
#[derive(Debug, Clone)]
pub struct State {
    /// `answered`, `terminal`, or `None` for the callback of a request without events.
    pub event: Option<&'static str>,
    /// The call's status.
    pub status: CallStatus,
    /// When it was answered.
    pub answered: Option<OffsetDateTime>,
    /// When it ended.
    pub over: Option<OffsetDateTime>,
    /// The customer's leg, and the agent's.
    pub legs: [Leg; 2],
}

impl State {
    /// The fields but those of the legs, in Exotel's order.
    fn fields(&self, call: &Call) -> Vec<(&'static str, String)> {
        let now = OffsetDateTime::now_utc();
        let time = |at: Option<OffsetDateTime>| at.map_or_else(String::new, indian_time);
        let basic = [
            ("CallSid", call.facts.call_sid.to_string()),
            ("DateUpdated", indian_time(now)),
            ("Status", self.status.as_str().to_owned()),
            ("RecordingUrl", String::new()),
        ];
        let Some(event) = self.event else {
            return basic.to_vec();
        };
        let talked_s = self.answered.zip(self.over).map_or(0, |(from, to)| {
            u64::try_from((to - from).whole_seconds()).unwrap_or_default()
        });
        let mut fields = vec![("EventType", event.to_owned())];
        fields.extend(basic);
        fields.extend([
            ("DateCreated", indian_time(call.facts.created)),
            ("To", call.facts.line.clone()),
            ("From", call.facts.customer_number()),
            ("PhoneNumberSid", spelt(&call.request.caller_id)),
            ("StartTime", indian_time(call.facts.created)),
            ("EndTime", time(self.over)),
            ("ConversationDuration", talked_s.to_string()),
            ("Direction", "outbound-api".to_owned()),
        ]);
        if let Some(field) = &call.facts.custom_field {
            fields.push(("CustomField", field.expose().to_owned()));
        }
        fields
    }

    /// The flattened form: `Legs[1][Status]` is empty if there was no second leg.
    fn flat(&self, call: &Call) -> Vec<(String, String)> {
        let fields = self.fields(call);
        let mut flat: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if self.event.is_some() {
            for (nth, leg) in self.legs.iter().enumerate() {
                let (status, seconds) = match leg {
                    Some((status, seconds)) => (status.as_str(), seconds.to_string()),
                    None => ("", "0".to_owned()),
                };
                flat.push((format!("Legs[{nth}][Status]"), status.to_owned()));
                flat.push((format!("Legs[{nth}][OnCallDuration]"), seconds));
            }
        }
        flat
    }

    /// The JSON form: the legs are a list, with `null` for the status of one that was not
    /// attempted.
    fn json(&self, call: &Call) -> Json {
        let mut object: Map<String, Json> = self
            .fields(call)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        if self.event.is_some() {
            let legs = self.legs.iter().map(|leg| match leg {
                Some((status, seconds)) => {
                    json!({ "Status": status.as_str(), "OnCallDuration": seconds })
                }
                None => json!({ "Status": null, "OnCallDuration": 0 }),
            });
            object.insert("Legs".to_owned(), legs.collect());
        }
        Json::Object(object)
    }
}

/// Sends a callback with its fault. A late one is sent by a task of its own.
pub async fn send_with(
    exchange: &Arc<Exchange>,
    call: &Arc<Call>,
    callback: &Callback,
    state: State,
    fault: Option<CallbackFault>,
) {
    match fault {
        None => post(exchange, call, callback, &state, fault).await,
        Some(CallbackFault::Lost) => {
            log(exchange, call, &state, fault, None, None);
        }
        Some(CallbackFault::Doubled) => {
            post(exchange, call, callback, &state, fault).await;
            post(exchange, call, callback, &state, fault).await;
        }
        Some(CallbackFault::Late) => {
            let late = exchange.setup.faults.callback_late_by();
            let (of_task, call, callback) =
                (Arc::clone(exchange), Arc::clone(call), callback.clone());
            exchange.tasks.spawn(async move {
                of_task.wait(late).await;
                post(&of_task, &call, &callback, &state, fault).await;
            });
        }
    }
}

async fn post(
    exchange: &Exchange,
    call: &Call,
    callback: &Callback,
    state: &State,
    fault: Option<CallbackFault>,
) {
    let request = "the status callback";
    let post = match exchange
        .http
        .request(request, Method::POST, callback.url.0.clone())
    {
        Ok(post) => post,
        Err(problem) => {
            return log(
                exchange,
                call,
                state,
                fault,
                None,
                Some(problem.to_string()),
            );
        }
    };
    let post = match callback.format {
        CallbackFormat::Multipart => post
            .header(CONTENT_TYPE, multipart::content_type())
            .body(multipart::body(&state.flat(call))),
        CallbackFormat::Json => post.json(&state.json(call)),
    };
    match send(request, post).await {
        Ok(answer) => {
            log(
                exchange,
                call,
                state,
                fault,
                Some(answer.status.as_u16()),
                None,
            );
        }
        Err(problem) => log(
            exchange,
            call,
            state,
            fault,
            None,
            Some(problem.to_string()),
        ),
    }
}

fn log(
    exchange: &Exchange,
    call: &Call,
    state: &State,
    fault: Option<CallbackFault>,
    status: Option<u16>,
    problem: Option<String>,
) {
    let entry = CallbackLog {
        event: state.event,
        fields: state.flat(call).into_iter().collect(),
        fault,
        status,
        problem,
    };
    exchange
        .calls
        .update(&call.facts.call_sid, |call| call.callbacks.push(entry));
}
