//! Groups the rows of a list into requests to the engine's API. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::columns::{Columns, PHONE};
use crate::row::Row;

/// Maximum number of rows in a request: the API's limit.
pub const ROWS: usize = 500;
/// Maximum size of a request's customers as JSON, in bytes: the engine accepts bodies of 256 KiB.
pub const JSON_BYTES: usize = 224 << 10;
/// Maximum size of a request's rows, including the columns that are not sent, in bytes. They are in
/// memory until the response has arrived, for the file of rejected rows.
pub const HELD_BYTES: usize = 2 << 20;

/// What is wrong with a row: fields and reasons. A reason without a field is about the whole row.
pub type Problems = Vec<(String, String)>;

/// Some rows of a list.
#[derive(Debug, Default)]
pub struct Batch {
    /// The original rows of the list, in order.
    pub rows: Vec<Row>,
    /// The errors of rows that are not sent, by line.
    pub refused: BTreeMap<u64, Problems>,
    /// The customers that are sent, each as a JSON object.
    pub customers: Vec<String>,
    json_bytes: usize,
    held_bytes: usize,
}

/// The common part of all requests of an import.
#[derive(Debug, Clone)]
pub struct Request {
    /// The list's name.
    pub list: String,
    /// The flow whose schema reads the records.
    pub flow: String,
    /// The id of this run, by which the engine recognises a batch that is sent twice.
    pub import: String,
    /// Whether to only check the rows.
    pub check: bool,
}

impl Request {
    /// The body with the customers of a batch.
    pub fn body(&self, batch: &Batch) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            r#"{{"list":{},"flow":{},"import":{},"check":{},"customers":[{}]}}"#,
            text(&self.list),
            text(&self.flow),
            text(&self.import),
            self.check,
            batch.customers.join(",")
        )
    }
}

#[derive(Serialize)]
struct Customer<'r> {
    line: u64,
    phone: &'r str,
    fields: BTreeMap<&'r str, &'r str>,
}

impl Batch {
    /// The line of the last row.
    pub fn last_line(&self) -> Option<u64> {
        self.rows.last().map(|row| row.line)
    }

    /// Adds a row. Returns the rows before it if it needs a batch of its own.
    pub fn add(&mut self, row: Row, columns: &Columns, has_phone_field: bool) -> Option<Self> {
        let read = customer(&row, columns, has_phone_field);
        let json_bytes = read.as_ref().map_or(0, |json| json.len() + 1);
        let held_bytes: usize = row.cells.iter().map(String::len).sum();
        let is_full = self.rows.len() >= ROWS
            || self.json_bytes + json_bytes > JSON_BYTES
            || self.held_bytes + held_bytes > HELD_BYTES;
        let full = (is_full && !self.rows.is_empty()).then(|| std::mem::take(self));
        match read {
            Ok(json) => self.customers.push(json),
            Err(problems) => {
                self.refused.insert(row.line, problems);
            }
        }
        self.json_bytes += json_bytes;
        self.held_bytes += held_bytes;
        self.rows.push(row);
        full
    }
}

/// A row as JSON for the API: the columns that are used, without empty cells.
fn customer(row: &Row, columns: &Columns, has_phone_field: bool) -> Result<String, Problems> {
    let field_of = |column: usize| {
        let mut used = columns.used.iter();
        used.find(|(_, used)| *used == column)
            .map(|(field, _)| field.clone())
    };
    let problems: Problems = row
        .faults
        .iter()
        .filter_map(|fault| match fault.column {
            None => Some((String::new(), fault.reason.clone())),
            Some(column) => field_of(column).map(|field| (field, fault.reason.clone())),
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut customer = Customer {
        line: row.line,
        phone: "",
        fields: BTreeMap::new(),
    };
    for (field, column) in &columns.used {
        let value = row.cells.get(*column).map_or("", String::as_str);
        let is_phone = field == PHONE;
        if is_phone {
            customer.phone = value;
        }
        if !value.trim().is_empty() && (!is_phone || has_phone_field) {
            customer.fields.insert(field, value);
        }
    }
    let too_long = || vec![(String::new(), "is too long to send".to_owned())];
    serde_json::to_string(&customer)
        .ok()
        .filter(|json| json.len() < JSON_BYTES)
        .ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Fault;

    fn columns() -> Columns {
        Columns {
            used: vec![("phone".to_owned(), 0), ("amount".to_owned(), 2)],
            unused: vec![1],
            absent: Vec::new(),
        }
    }

    fn row(line: u64, cells: &[&str]) -> Row {
        Row {
            line,
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn only_what_the_flow_uses_is_sent() {
        let mut batch = Batch::default();
        assert!(
            batch
                .add(
                    row(2, &["98765 43210", "ABCPA1234F", "500"]),
                    &columns(),
                    false
                )
                .is_none()
        );
        assert!(
            batch
                .add(row(3, &["", "x", " "]), &columns(), false)
                .is_none()
        );
        assert!(
            batch
                .add(row(4, &["98765 43210", "x", "500"]), &columns(), true)
                .is_none()
        );
        assert_eq!(
            batch.customers,
            [
                r#"{"line":2,"phone":"98765 43210","fields":{"amount":"500"}}"#,
                r#"{"line":3,"phone":"","fields":{}}"#,
                r#"{"line":4,"phone":"98765 43210","fields":{"amount":"500","phone":"98765 43210"}}"#,
            ]
        );
    }

    #[test]
    fn a_fault_matters_only_if_its_column_is_used() {
        let fault = |column| Fault {
            column,
            reason: "is rounded".to_owned(),
        };
        let mut batch = Batch::default();
        for (line, column) in [(2, Some(1)), (3, Some(2)), (4, None)] {
            let faulty = Row {
                faults: vec![fault(column)],
                ..row(line, &["1", "2", "3"])
            };
            assert!(batch.add(faulty, &columns(), false).is_none());
        }
        assert_eq!(batch.customers.len(), 1);
        let refused: Vec<_> = batch
            .refused
            .into_iter()
            .map(|(line, problems)| (line, problems[0].0.clone()))
            .collect();
        assert_eq!(refused, [(3, "amount".to_owned()), (4, String::new())]);
    }

    #[test]
    fn a_batch_is_bounded_by_rows_json_and_memory() {
        let sizes = |cell: &str, column: usize| {
            let mut batch = Batch::default();
            let mut cells = ["1", "", "5"];
            cells[column] = cell;
            let full = (2..).find_map(|line| batch.add(row(line, &cells), &columns(), false));
            assert_eq!(batch.rows.len(), 1, "the next one has begun");
            full.unwrap()
        };
        assert_eq!(sizes("x", 1).rows.len(), ROWS);
        let by_json = sizes(&"5".repeat(5_000), 2);
        let bytes: usize = by_json.customers.iter().map(|json| json.len() + 1).sum();
        assert!(bytes <= JSON_BYTES && bytes > JSON_BYTES - 6_000 && by_json.rows.len() < ROWS);
        let by_memory = sizes(&"x".repeat(50_000), 1);
        assert_eq!(by_memory.rows.len(), HELD_BYTES / 50_002);
        let mut batch = Batch::default();
        batch.add(
            row(2, &["1", "", &"\u{1}".repeat(60_000)]),
            &columns(),
            false,
        );
        assert_eq!(batch.refused[&2][0].1, "is too long to send");
    }
}
