//! The customer's record for one call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CallId, FlowName, Masked, PhoneNumber};

/// What a lender stored for a coming call, or what was found for an incoming one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The call it was stored for.
    pub call_id: CallId,
    /// The customer's number.
    pub phone: PhoneNumber,
    /// The flow this call is to run; the engine chooses when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// All else, by name: `name`, `language`, `state`, `loan`, `amount`, `due-date` and what else a
    /// flow asks for.
    pub fields: BTreeMap<String, Masked>,
}
