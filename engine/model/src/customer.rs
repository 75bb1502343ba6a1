//! The customer record of one call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CallId, FlowName, Masked, PhoneNumber};

/// What a lender stored for an upcoming call, or what a look-up found for an inbound one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The call it was stored for.
    pub call_id: CallId,
    /// The customer's number.
    pub phone: PhoneNumber,
    /// The flow this call is to run; the engine chooses if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// All other fields by name: `name`, `language`, `state`, `loan`, `amount`, `due-date` and any
    /// others the flow uses.
    pub fields: BTreeMap<String, Masked>,
}
