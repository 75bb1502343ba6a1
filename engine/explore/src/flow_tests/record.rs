//! The customer of a test, compared with the manifest's `[customer]`: names that it does not have
//! are errors of the test, and where a test fails, what the flow cannot read of the record is
//! reported with it.

use std::collections::BTreeMap;

use ghanti_host::Away;
use ghanti_manifest::CustomerSchema;
use ghanti_model::Masked;
use ghanti_model::values::DateRules;

use super::expect::Expect;
use super::read::FlowTest;

/// A line of the test, and what is wrong there.
type Problem = (Option<usize>, String);

impl FlowTest {
    /// Fields that the schema does not have.
    pub(super) fn unknown_fields(&self, schema: &CustomerSchema) -> Vec<Problem> {
        let fields = self.known.customer.iter();
        fields
            .filter_map(|(name, _)| {
                let problem = schema.unknown(name)?;
                Some((self.customer_lines.of(name), problem.to_string()))
            })
            .collect()
    }

    /// Whether it would pass whatever the flow does.
    pub fn expects_nothing(&self) -> bool {
        self.answers.is_empty() && self.expect == Expect::default()
    }

    /// What is missing or unreadable of the record.
    pub(super) fn unreadable_fields(&self, schema: &CustomerSchema) -> Vec<Problem> {
        if self.known.away.contains(&Away::Customer) {
            return Vec::new();
        }
        let record: BTreeMap<_, _> = self
            .known
            .customer
            .iter()
            .map(|(name, value)| (name.clone(), Masked::new(value.clone())))
            .collect();
        let reading = schema.read(&record, DateRules::unordered(self.known.today()));
        reading
            .problems
            .iter()
            .map(|problem| {
                let line = self.customer_lines.of(&problem.field);
                (
                    line,
                    format!("the customer's record is incomplete: {problem}"),
                )
            })
            .collect()
    }
}
