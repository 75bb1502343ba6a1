//! The engine's API of customers: its requests and their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use ghanti_import::columns::PHONE;
use ghanti_import::{Field, fields_of};
use ghanti_model::values::Kind;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::engine::{Engine, NoAnswer};

/// Timeout of a response: the engine stores several hundred rows in one transaction.
pub const REPLY: Duration = Duration::from_secs(60);

/// The fields that a flow declares.
#[derive(Debug, Deserialize)]
pub struct Schema {
    fields: BTreeMap<String, Declared>,
}

#[derive(Debug, Deserialize)]
struct Declared {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    from_state: Option<String>,
}

/// The results for the rows of a request.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// New customers.
    pub stored: u64,
    /// Customers whose record has changed.
    pub updated: u64,
    /// Customers whose record was the same.
    pub unchanged: u64,
    /// The other rows.
    pub rejected: Vec<Rejected>,
}

/// A row that was not stored.
#[derive(Debug, Deserialize)]
pub struct Rejected {
    /// Its line.
    pub line: u64,
    /// The line of the row with the same customer.
    #[serde(default)]
    pub duplicate_of: Option<u64>,
    /// What is wrong.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// What is wrong with a field.
#[derive(Debug, Deserialize)]
pub struct Problem {
    /// The field.
    pub field: String,
    /// The reason.
    pub reason: String,
}

impl Schema {
    /// The fields for which columns are needed: the number, those that the flow declares, and the states
    /// from which a language is derived.
    pub fn fields(&self) -> Vec<Field> {
        let declared = self.fields.iter().map(|(name, declared)| {
            let field = Field {
                name: name.clone(),
                kind: Kind::ALL
                    .iter()
                    .find(|(name, _)| *name == declared.kind)
                    // a type of a later engine: its column must have the field's name
                    .map_or(Kind::Text, |(_, kind)| *kind),
                required: declared.required,
            };
            (field, declared.from_state.as_deref())
        });
        fields_of(&declared.collect::<Vec<_>>())
    }

    /// Whether the flow declares the number as a field as well.
    pub fn has_phone(&self) -> bool {
        self.fields.contains_key(PHONE)
    }
}

/// Asks for the fields of a flow.
pub async fn schema(engine: &Engine, flow: &str) -> Result<Schema, NoAnswer> {
    let request = engine.request(Method::GET, "/api/customers/schema");
    engine.send(request.query(&[("flow", flow)])).await
}

/// Sends rows; `body` is the JSON of `POST /api/customers`.
pub async fn store(engine: &Engine, body: String) -> Result<Stored, NoAnswer> {
    let request = engine
        .request(Method::POST, "/api/customers")
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    engine.send(request).await
}
