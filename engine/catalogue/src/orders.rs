//! Reads a customer's record for a coming call by the manifest of the flow the call will have.

use std::collections::BTreeMap;

use ghanti_manifest::choose::shown;
use ghanti_manifest::{CustomerReading, CustomerSchema, FieldProblem};
use ghanti_model::values::DateRules;
use ghanti_model::{FlowName, Masked};

use crate::catalogue::Catalogue;

/// Why a record cannot be stored; all problems at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotAnOrder {
    /// The named flow, if it takes no calls.
    pub flow: Option<UnknownFlow>,
    /// The fields that are missing or invalid.
    pub fields: Vec<FieldProblem>,
}

/// A record names a flow that takes no calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names `{}`, which takes no calls, only {} {}: correct the name, or see why it was rejected", .wanted.chars().take(64).collect::<String>(), shown(.there), if .there.len() == 1 { "does" } else { "do" })]
pub struct UnknownFlow {
    /// The name as given in the record.
    pub wanted: String,
    /// The flows that take calls.
    pub there: Vec<FlowName>,
}

impl Catalogue {
    /// Reads a record for a coming call by the schema of the flow that it names. If it names none,
    /// one of the flows that may get the call must accept it. Returns the record to be stored, in
    /// canonical spellings.
    ///
    /// While no flow is loaded, for instance while the folder is being replaced, there is no
    /// schema: the record is stored as it is, and read before its call.
    pub fn read_order(
        &self,
        wanted: Option<&str>,
        record: &BTreeMap<String, Masked>,
        dates: DateRules,
    ) -> Result<BTreeMap<String, Masked>, NotAnOrder> {
        let versions = self.versions();
        if versions.is_empty() {
            return Ok(record.clone());
        }
        let schema = |name: &FlowName| {
            versions
                .get(name)
                .map(|version| &version.manifest().customer)
        };
        let Some(wanted) = wanted else {
            let schemas: Vec<_> = self.may_take_orders().iter().filter_map(schema).collect();
            return CustomerSchema::read_by_one(&schemas, record, dates)
                .map_err(|fields| NotAnOrder { flow: None, fields });
        };
        let there = versions.keys().find(|name| name.as_str() == wanted);
        let meant = there.or_else(|| {
            versions
                .keys()
                .find(|name| plain(name.as_str()) == plain(wanted))
        });
        let meant = meant.or(if versions.len() == 1 {
            versions.keys().next()
        } else {
            None
        });
        let reading = meant
            .and_then(schema)
            .map(|schema| schema.read(record, dates));
        let CustomerReading { fields, problems } = reading.unwrap_or_else(|| CustomerReading {
            fields: record.clone(),
            problems: Vec::new(),
        });
        let flow = there.is_none().then(|| UnknownFlow {
            wanted: wanted.to_owned(),
            there: versions.keys().cloned().collect(),
        });
        if flow.is_none() && problems.is_empty() {
            Ok(fields)
        } else {
            Err(NotAnOrder {
                flow,
                fields: problems,
            })
        }
    }
}

/// A name without differences in case and punctuation.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
