//! An earlier call with a customer, as a flow sees it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::sha256;
use crate::{CallRecord, Masked, Zone};

/// What a flow learns of an earlier call with the same customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierCall {
    /// When it began, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// Minutes to add for local time.
    pub offset_minutes: i16,
    /// The flow that held it.
    pub flow: String,
    /// The flow's disposition, or the engine's outcome of a call without one.
    pub outcome: String,
    /// What was established.
    pub established: Vec<String>,
    /// What was noted, by name.
    pub notes: BTreeMap<String, Masked>,
}

impl EarlierCall {
    /// Reads the record of a call that has ended; `None` of one that no flow held.
    pub fn of(record: CallRecord, zone: &Zone) -> Option<Self> {
        let unix_ms = record.started_ms?;
        Some(Self {
            unix_ms,
            offset_minutes: zone.offset_minutes(unix_ms),
            flow: record.flow?.to_string(),
            outcome: record.disposition.or(record.outcome)?,
            established: record.established,
            notes: record.notes,
        })
    }
}

/// A digest of the values that identify the customer, by the names of their fields: two calls with
/// the same digest are about the same person. 32 hexadecimal digits; `None` without a value.
pub fn customer_digest<'v>(
    identifying: impl IntoIterator<Item = (&'v str, &'v Masked)>,
) -> Option<String> {
    let values: BTreeMap<&str, &str> = identifying
        .into_iter()
        .map(|(name, value)| (name, value.expose().trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if values.is_empty() {
        return None;
    }
    // JSON, so that no two sets of values are spelt alike
    let spelt = serde_json::to_string(&values).unwrap_or_default();
    let mut digest = sha256(spelt.as_bytes());
    digest.truncate(32);
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_value_or_another_field_is_another_customer_and_none_is_nobody() {
        let digest = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (*name, Masked::from(*value)))
                .collect();
            customer_digest(fields.iter().map(|(name, value)| (*name, value)))
        };
        let ravi = digest(&[("loan", "LN-1"), ("second", "2")]);
        assert_eq!(ravi, digest(&[("second", " 2 "), ("loan", "LN-1")]));
        assert_ne!(ravi, digest(&[("loan", "LN-12"), ("second", "")]));
        assert_ne!(digest(&[("a", "x")]), digest(&[("b", "x")]));
        assert_eq!(digest(&[("loan", "  ")]), None);
    }
}
