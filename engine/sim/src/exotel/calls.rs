//! The log of all calls: the request, what each applet did, and how the call ended. Tests read it
//! as `GET /sim/calls`.
//!
//! It contains unmasked phone numbers, so it is only returned over HTTP and never written to a log
//! file.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ghanti_model::{CallSid, CallStatus, PhoneNumber};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::faults::{CallbackFault, ReplyFault};
use super::reply::Refusal;
use crate::agent::AgentAnswer;
use crate::facts::EndedBy;
use crate::fault::WireFault;

/// Maximum number of calls. Further ones are refused, since an incomplete log would be misleading.
const CALLS_MAX: usize = 100_000;
/// Maximum number of stored refused requests; older ones are only counted.
const REFUSED_MAX: usize = 1_000;
/// Maximum length of a stored answer to an applet's request, in characters.
const ANSWER_MAX: usize = 400;

/// One call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallLog {
    /// The number of the request, counted from 1. Faults are drawn by it.
    pub nth: u64,
    /// Exotel's id of the call.
    pub call_sid: CallSid,
    /// The request's parameters.
    pub request: BTreeMap<String, String>,
    /// What went wrong with the reply.
    pub reply_fault: Option<ReplyFault>,
    /// The current status.
    #[serde(serialize_with = "as_word")]
    pub status: CallStatus,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When somebody answered.
    #[serde(with = "time::serde::rfc3339::option")]
    pub answered: Option<OffsetDateTime>,
    /// When it ended. Callbacks follow.
    #[serde(with = "time::serde::rfc3339::option")]
    pub over: Option<OffsetDateTime>,
    /// How it ended, as text.
    pub ended: Option<String>,
    /// The applets that ran.
    pub applets: Vec<AppletLog>,
    /// The status callbacks.
    pub callbacks: Vec<CallbackLog>,
}

/// What one applet did.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppletLog {
    /// Its kind.
    pub applet: &'static str,
    /// Its name in the flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The requested URL, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why Exotel could not use the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamLog>,
    /// The agents who were dialled, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentLog>,
    /// Which branch was taken.
    pub branch: String,
}

/// One stream.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StreamLog {
    /// Who ended it; `nobody` if its connection was lost.
    pub ended_by: EndedBy,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// When the bot was first heard.
    pub first_audio_ms: Option<u64>,
    /// How often the bot's speech ran dry.
    pub gaps: u32,
    /// How many of the caller's steps never became due.
    pub steps_left: usize,
    /// Violations of Exotel's rules.
    pub faults: Vec<WireFault>,
}

/// One agent who was dialled.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentLog {
    /// The agent's number.
    pub number: PhoneNumber,
    /// How they responded.
    pub answer: AgentAnswer,
    /// What was wrong with the answers to their events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<WireFault>,
}

/// One status callback.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallbackLog {
    /// The event, or `null` for the callback of a request without events.
    pub event: Option<&'static str>,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
    /// The simulated fault.
    pub fault: Option<CallbackFault>,
    /// The status of the answer; `null` if it was not sent, or there was none.
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A request for a call that was refused.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedLog {
    /// The request's parameters, if they were parsed.
    pub request: BTreeMap<String, String>,
    /// The refusal.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl AppletLog {
    /// A log for an applet that starts.
    pub fn new(applet: &'static str, name: Option<&str>) -> Self {
        Self {
            applet,
            name: name.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Adds the answer to its request.
    pub fn answered(&mut self, status: u16, body: &str) {
        self.status = Some(status);
        self.answer = Some(body.trim().chars().take(ANSWER_MAX).collect());
    }
}

fn as_word<S: Serializer>(status: &CallStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

/// All calls.
#[derive(Debug, Default)]
pub struct Calls(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    /// In the order of their requests.
    calls: Vec<CallLog>,
    by_sid: HashMap<CallSid, usize>,
    /// How often each number was called.
    to: HashMap<PhoneNumber, u32>,
    refused: VecDeque<RefusedLog>,
    /// How many requests for a call had a reply with this status, also one that was then lost.
    replies: BTreeMap<u16, u64>,
    requests: u64,
}

/// What `GET /sim/calls` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report<'a> {
    /// The calls, in the order of their requests.
    calls: &'a [CallLog],
    /// The newest refused requests.
    refused: &'a VecDeque<RefusedLog>,
    /// How many requests for a call had a reply with this status, also one that was then lost.
    replies: &'a BTreeMap<u16, u64>,
    /// Number of calls in progress.
    live: usize,
}

impl Calls {
    /// The number of the next request for a call, from 1.
    pub fn next_request(&self) -> u64 {
        let mut all = self.all();
        all.requests += 1;
        all.requests
    }

    /// Adds an accepted call. Returns how often its number was called, this time included.
    ///
    /// # Errors
    /// There are too many calls already.
    pub fn add(&self, call: CallLog, customer: &PhoneNumber) -> Result<u32, Refusal> {
        let mut all = self.all();
        if all.calls.len() >= CALLS_MAX {
            return Err(Refusal::unavailable());
        }
        let at = all.calls.len();
        all.by_sid.insert(call.call_sid.clone(), at);
        all.calls.push(call);
        let nth_call = all.to.entry(customer.clone()).or_default();
        *nth_call += 1;
        Ok(*nth_call)
    }

    /// Adds a refused request.
    pub fn refuse(&self, request: BTreeMap<String, String>, refusal: Refusal) {
        let mut all = self.all();
        if all.refused.len() >= REFUSED_MAX {
            all.refused.pop_front();
        }
        all.refused.push_back(RefusedLog { request, refusal });
    }

    /// Counts a reply to a request for a call.
    pub fn replied(&self, status: u16) {
        *self.all().replies.entry(status).or_default() += 1;
    }

    /// Changes the log of a call.
    pub fn update(&self, call_sid: &CallSid, change: impl FnOnce(&mut CallLog)) {
        let mut all = self.all();
        let at = all.by_sid.get(call_sid).copied();
        if let Some(call) = at.and_then(|at| all.calls.get_mut(at)) {
            change(call);
        }
    }

    /// The log of a call.
    pub fn get(&self, call_sid: &CallSid) -> Option<CallLog> {
        let all = self.all();
        all.calls.get(*all.by_sid.get(call_sid)?).cloned()
    }

    /// The newest calls that satisfy a condition, newest first, at most `at_most`.
    pub fn newest(&self, at_most: usize, is_wanted: impl Fn(&CallLog) -> bool) -> Vec<CallLog> {
        let all = self.all();
        let wanted = all.calls.iter().rev().filter(|call| is_wanted(call));
        wanted.take(at_most).cloned().collect()
    }

    /// All of it, as JSON.
    ///
    /// # Errors
    /// The log cannot be written as JSON.
    pub fn report(&self) -> Result<String, serde_json::Error> {
        let all = self.all();
        serde_json::to_string(&Report {
            calls: &all.calls,
            refused: &all.refused,
            replies: &all.replies,
            live: all.calls.iter().filter(|call| call.over.is_none()).count(),
        })
    }

    fn all(&self) -> MutexGuard<'_, All> {
        // a panic elsewhere leaves a log that is still readable
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
