//! What a call gives its flow without asking anybody: the fields of the customer's record, and whom a
//! transfer reaches now. Pure.

use ghanti_host::Instant;
use ghanti_model::{CallError, CustomerRecord, Decision, Masked, PhoneNumber, Refusal};

use crate::targets::TransferTargets;

/// Returns whom to dial for a target at a time, or refuses one that is closed.
pub(crate) fn open_target(
    targets: &TransferTargets,
    target: String,
    numbers: Vec<PhoneNumber>,
    now: Instant,
) -> Result<Decision, CallError> {
    let opened = targets.open(target, numbers, now.unix_ms, now.offset_minutes);
    opened.map_err(|closed| {
        CallError::Refused(Refusal {
            reason: closed.to_string(),
            subject: closed.target,
            missing: Vec::new(),
        })
    })
}

/// The fields of a customer's record that have a value.
pub(crate) fn given_fields(customer: Option<&CustomerRecord>) -> Vec<(String, Masked)> {
    let fields = customer.into_iter().flat_map(|customer| &customer.fields);
    fields
        .filter(|(_, value)| !value.expose().trim().is_empty())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
