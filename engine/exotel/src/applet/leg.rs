//! A leg of a call as reported by applets and callbacks: `Legs[0][Status]` and so on.

use ghanti_model::PhoneNumber;

use crate::{CallStatus, Parameters};

/// The most legs read; no call has as many.
const MAX_LEGS: usize = 16;

/// One leg; absent values are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leg {
    /// The number dialled.
    pub number: Option<PhoneNumber>,
    /// How it was dialled, such as `single`.
    pub kind: Option<String>,
    /// The caller id shown to that number.
    pub caller_id: Option<PhoneNumber>,
    /// Seconds on the call.
    pub on_call_duration_s: Option<u32>,
    /// Its status; `None` if it was not attempted.
    pub status: Option<CallStatus>,
    /// Exotel's numeric cause, such as `16`.
    pub cause: Option<String>,
    /// The name of the cause, such as `NORMAL_CLEARING`.
    pub cause_code: Option<String>,
    /// Who ended it.
    pub disconnected_by: Option<String>,
}

impl Leg {
    /// All reported legs, in order.
    pub(crate) fn all(parameters: &Parameters) -> Vec<Leg> {
        let is_reported = |at: &usize| parameters.has_prefix(&format!("Legs[{at}]["));
        (0..MAX_LEGS)
            .take_while(is_reported)
            .map(|at| Leg::read(parameters, at))
            .collect()
    }

    fn read(parameters: &Parameters, at: usize) -> Self {
        let name = |field: &str| format!("Legs[{at}][{field}]");
        Self {
            number: parameters.phone_number(&name("Number")),
            kind: parameters.text(&name("Type")),
            caller_id: parameters.phone_number(&name("CallerId")),
            on_call_duration_s: parameters.count(&name("OnCallDuration")),
            status: parameters.get(&name("Status")).map(CallStatus::parse),
            cause: parameters.text(&name("Cause")),
            cause_code: parameters.text(&name("CauseCode")),
            disconnected_by: parameters.text(&name("DisconnectedBy")),
        }
    }
}
