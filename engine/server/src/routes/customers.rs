//! `/api/customers`: lists of customers who are to be called.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use ghanti_host::FlowVersion;
use ghanti_manifest::{CustomerField, CustomerSchema, FieldProblem};
use ghanti_model::values::Kind;
use ghanti_model::{FlowName, Masked, unix_ms};
use ghanti_store::{CustomerKey, CustomerList, ListedCustomer, Put, Removed};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::access::Api;
use crate::app::App;
use crate::order::Row;
use crate::problem::Problem;

/// The most customers in one request.
const CUSTOMERS: usize = 500;
/// The largest body of a request with customers, in bytes.
pub const BODY_BYTES: usize = 4 << 20;
/// The longest name of an import, in characters.
const IMPORT_CHARS: usize = 64;

const FIX: &str = r#"send {"list": "december", "flow": "emi-reminder", "import": "<a UUID for each file>", "customers": [{"line": 2, "phone": "+91…", "fields": {"name": "…"}}]}"#;

/// The body of `POST /api/customers`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    list: String,
    flow: String,
    import: String,
    /// Whether the customers are checked only, and not stored.
    #[serde(default)]
    check: bool,
    customers: Vec<Row>,
}

/// What came of the customers of a request.
#[derive(Serialize)]
pub struct Stored {
    list: String,
    stored: u32,
    updated: u32,
    unchanged: u32,
    rejected: Vec<Rejected>,
}

/// A customer who was not stored.
#[derive(Serialize)]
struct Rejected {
    line: u32,
    /// The line that the same import has them in already.
    duplicate_of: Option<u32>,
    problems: Vec<FieldReason>,
}

/// What is wrong with a field.
#[derive(Serialize)]
struct FieldReason {
    field: String,
    reason: String,
}

/// Puts customers into a list of a flow, which is made if it does not exist. Each row stands for
/// itself: the good ones are stored, the others are returned with their reasons. The same import
/// and line sent again changes nothing; a customer whom another import had is updated.
///
/// # Errors
///
/// 400 for a body that is not the expected JSON, 404 for a flow that is not loaded, 409 if the list
/// has customers of another flow, 503 if the database does not answer.
pub async fn put(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Stored>, Problem> {
    let body = body?;
    let body: Body = serde_json::from_slice(&body).map_err(|error| {
        // position and kind of error only: the value may be a phone number or a name
        let what = if error.is_data() {
            "a field is unknown, missing or of the wrong type"
        } else {
            "the body is no JSON"
        };
        Problem::bad_request(
            format!("{what} (line {}, column {})", error.line(), error.column()),
            FIX,
        )
    })?;
    let list = name("list", &body.list)?;
    if body.import.is_empty() || body.import.chars().count() > IMPORT_CHARS {
        return Err(Problem::bad_request(
            "`import` has not 1 to 64 characters",
            FIX,
        ));
    }
    if body.customers.len() > CUSTOMERS {
        return Err(Problem::bad_request(
            format!("{} customers are too many", body.customers.len()),
            "send at most 500 customers in a request",
        ));
    }
    let version = version(&app, &body.flow)?;
    let schema = &version.manifest().customer;
    let now_ms = unix_ms();
    let dates = app.services.settings.date_rules(now_ms);
    let mut rejected = Vec::new();
    let mut customers = Vec::new();
    for row in body.customers {
        let line = row.line;
        match row.read(|fields| schema.read(fields, dates)) {
            Ok((phone, fields)) => customers.push(ListedCustomer {
                key: CustomerKey::of(&phone, accounts(schema, &fields)),
                phone,
                fields,
                line,
            }),
            Err(problems) => rejected.push(Rejected {
                line,
                duplicate_of: None,
                problems: problems.into_iter().map(reason).collect(),
            }),
        }
    }
    let lines: Vec<u32> = customers.iter().map(|customer| customer.line).collect();
    let target = (list, body.flow.as_str());
    let puts = app
        .records
        .put_customers(target, &body.import, customers, body.check, now_ms)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    let Some(puts) = puts else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("the list `{list}` has customers of another flow"),
            "name another list, or the flow that it was begun with: see GET /api/customers",
        ));
    };
    let mut stored = Stored {
        list: list.to_owned(),
        stored: 0,
        updated: 0,
        unchanged: 0,
        rejected,
    };
    for (line, put) in lines.into_iter().zip(puts) {
        stored.count(line, put);
    }
    stored.rejected.sort_by_key(|rejected| rejected.line);
    Ok(Json(stored))
}

impl Stored {
    fn count(&mut self, line: u32, put: Put) {
        let (earlier, what) = match put {
            Put::New => return self.stored += 1,
            Put::Updated => return self.updated += 1,
            Put::Unchanged => return self.unchanged += 1,
            Put::Repeats { line } => (line, "the same customer, with the same values"),
            Put::Contradicts { line } => (
                line,
                "the same customer, with other values: keep the right line",
            ),
        };
        let reason = format!("and account stand in line {earlier} already: {what}");
        self.rejected.push(Rejected {
            line,
            duplicate_of: Some(earlier),
            problems: vec![FieldReason {
                field: "phone".to_owned(),
                reason,
            }],
        });
    }
}

fn reason(problem: FieldProblem) -> FieldReason {
    FieldReason {
        field: problem.field,
        reason: problem.reason,
    }
}

/// The accounts of a record, in the order of their fields' names.
fn accounts<'a>(
    schema: &'a CustomerSchema,
    fields: &'a std::collections::BTreeMap<String, Masked>,
) -> impl Iterator<Item = &'a str> {
    schema
        .fields
        .iter()
        .filter(|(_, field)| field.kind == Kind::Account)
        .filter_map(|(name, _)| fields.get(name).map(Masked::expose))
}

/// The query of `GET /api/customers/schema`.
#[derive(Deserialize)]
pub struct Wanted {
    flow: String,
}

/// Returns the fields that a flow's customers have, as its manifest declares them.
///
/// # Errors
///
/// 404 for a flow that is not loaded.
pub async fn schema(
    _: Api,
    State(app): State<App>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Wanted { flow }) = wanted.map_err(|error| {
        Problem::bad_request(error.body_text(), "name a flow: `?flow=emi-reminder`")
    })?;
    let version = version(&app, &flow)?;
    let field = |(name, field): (&String, &CustomerField)| {
        let mut shown = json!({ "type": field.kind.to_string(), "required": field.required });
        if let (Some(state), Some(shown)) = (&field.from_state, shown.as_object_mut()) {
            shown.insert("from-state".to_owned(), json!(state));
        }
        (name.clone(), shown)
    };
    let fields: Map<String, Value> = version
        .manifest()
        .customer
        .fields
        .iter()
        .map(field)
        .collect();
    Ok(Json(json!({ "flow": flow, "fields": fields })))
}

/// A list, as it is shown.
#[derive(Serialize)]
pub struct Shown {
    name: String,
    flow: String,
    customers: u64,
    created_ms: u64,
    changed_ms: u64,
}

/// Returns the lists, by name.
pub async fn lists(_: Api, State(app): State<App>) -> Result<Json<Vec<Shown>>, Problem> {
    let lists = app
        .records
        .lists()
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    let shown = |list: CustomerList| Shown {
        name: list.name,
        flow: list.flow,
        customers: list.customers,
        created_ms: list.created_ms,
        changed_ms: list.changed_ms,
    };
    Ok(Json(lists.into_iter().map(shown).collect()))
}

/// Removes a list with its customers.
///
/// # Errors
///
/// 404 if there is no such list, 409 if a campaign uses it.
pub async fn remove(
    _: Api,
    State(app): State<App>,
    list: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(list) = list?;
    let removed = app
        .records
        .remove_list(&list)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    match removed {
        Removed::Yes(customers) => Ok(Json(json!({ "removed": customers }))),
        Removed::Unknown => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no such list",
            "GET /api/customers names the lists there are",
        )),
        Removed::InUse(campaign) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!("the campaign `{campaign}` uses this list"),
            "cancel the campaign first",
        )),
    }
}

/// A loaded flow.
pub fn version(app: &App, flow: &str) -> Result<Arc<FlowVersion>, Problem> {
    let versions = app.services.catalogue.versions();
    let named = FlowName::parse(flow).ok();
    if let Some(version) = named.and_then(|name| versions.get(&name)) {
        return Ok(Arc::clone(version));
    }
    let there: Vec<_> = versions.keys().map(|name| format!("`{name}`")).collect();
    let shown: String = flow.chars().take(64).collect();
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        format!(
            "no flow `{}` is loaded; there {} {}",
            shown.escape_default(),
            if there.len() == 1 { "is" } else { "are" },
            if there.is_empty() {
                "none".to_owned()
            } else {
                there.join(", ")
            }
        ),
        "correct the name, or see GET /api/flows why it was rejected",
    ))
}

/// A name of a list or campaign: 1 to 64 lower-case letters, digits, `-`, `_` and `.`.
pub fn name<'t>(what: &str, text: &'t str) -> Result<&'t str, Problem> {
    let usable = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(usable) {
        return Ok(text);
    }
    Err(Problem::bad_request(
        format!("`{what}` is no name"),
        "use 1 to 64 lower-case letters, digits, `-`, `_` and `.`, such as `december-2026`",
    ))
}
