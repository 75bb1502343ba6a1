//! One leg of a call, as applets and callbacks tell of it: `Legs[0][Status]` and so on.

use ghanti_model::PhoneNumber;

use crate::{CallStatus, Parameters};

/// More legs than any call has.
const MAX_LEGS: usize = 16;

/// One leg; what was not told is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leg {
    /// Who was dialled.
    pub number: Option<PhoneNumber>,
    /// `single`, or how else it was dialled.
    pub kind: Option<String>,
    /// The number shown to him.
    pub caller_id: Option<PhoneNumber>,
    /// Seconds he talked.
    pub on_call_duration_s: Option<u32>,
    /// Its state; none when it was not attempted.
    pub status: Option<CallStatus>,
    /// Exotel's number of the cause, such as `16`.
    pub cause: Option<String>,
    /// Its name, such as `NORMAL_CLEARING`.
    pub cause_code: Option<String>,
    /// Who ended it.
    pub disconnected_by: Option<String>,
}

impl Leg {
    /// All legs that are told of, the first first.
    pub(crate) fn all(parameters: &Parameters) -> Vec<Leg> {
        let told = |at: &usize| parameters.has_prefix(&format!("Legs[{at}]["));
        (0..MAX_LEGS)
            .take_while(told)
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
