//! `/api/customers`: lists of customers to be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use ghanti_host::FlowVersion;
use ghanti_manifest::{CustomerField, CustomerSchema, FieldProblem};
use ghanti_model::{FlowName, Masked, unix_ms, values};
use ghanti_store::{CustomerKey, CustomerList, ListedCustomer, Put, Removed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::list::List;
use crate::order::Row;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::segments::{BadPath, Segments};

/// Maximum number of customers in one request.
const CUSTOMERS: usize = 500;
/// Maximum size of a request body with customers, in bytes.
pub const BODY_BYTES: usize = 4 << 20;
/// Maximum length of an import's name in characters.
const IMPORT_CHARS: usize = 64;

const FIX: &str = r#"send {"list": "december", "flow": "emi-reminder", "import": "<a UUID for each file>", "customers": [{"line": 2, "phone": "+91…", "fields": {"name": "…"}}]}"#;

/// The body of `POST /api/customers`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Customers)]
pub struct Body {
    list: String,
    flow: String,
    import: String,
    /// Whether the customers are only checked, and not stored.
    #[serde(default)]
    check: bool,
    customers: Vec<Row>,
}

/// The result for the customers of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredCustomers)]
pub struct Stored {
    list: String,
    pub(super) stored: u32,
    pub(super) updated: u32,
    pub(super) unchanged: u32,
    pub(super) rejected: Vec<Rejected>,
}

/// A customer who was not stored.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedCustomer)]
pub(super) struct Rejected {
    pub(super) line: u32,
    /// The earlier line of the same import with this customer.
    duplicate_of: Option<u32>,
    pub(super) problems: Vec<FieldReason>,
}

/// What is wrong with a field.
#[derive(Serialize, ToSchema)]
pub(super) struct FieldReason {
    pub(super) field: String,
    pub(super) reason: String,
}

/// Puts customers into a list of a flow, which is created if it does not exist. Rows are independent:
/// valid ones are stored, the others are returned with their errors. Sending a line of an import again
/// changes nothing; a customer of another import is updated.
///
/// # Errors
///
/// 400 for a body that is not the expected JSON, 404 for a flow that is not loaded, 409 if the list
/// has customers of another flow, 503 if the database does not answer.
#[utoipa::path(
    post,
    path = "/api/customers",
    tag = "customers",
    operation_id = "customers_put",
    request_body = Body,
    responses(
        (status = 200, description = "what came of the rows", body = Stored),
        (status = 400, description = "`body-not-read`, `body-not-json`, `body-not-expected`, `unusable-name`, `too-many-customers`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-flow`"),
        (status = 409, description = "`list-of-another-flow`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn put(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer<Stored>, Problem> {
    stored(&app, &body?).await.map(Answer)
}

/// Stores or checks the customers of a body.
///
/// # Errors
///
/// As [`put`].
pub(super) async fn stored(app: &App, body: &[u8]) -> Result<Stored, Problem> {
    let body: Body = serde_json::from_slice(body).map_err(|error| Problem::json(&error, FIX))?;
    let list = name("list", &body.list)?;
    if body.import.is_empty() || body.import.chars().count() > IMPORT_CHARS {
        return Err(Problem::new(
            Kind::UnusableName,
            "`import` does not have 1 to 64 characters",
            FIX,
        ));
    }
    if body.customers.len() > CUSTOMERS {
        return Err(Problem::new(
            Kind::TooManyCustomers,
            format!("{} customers are too many", body.customers.len()),
            "send at most 500 customers per request",
        ));
    }
    let version = version(app, &body.flow)?;
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
        .map_err(Problem::unavailable)?;
    let Some(puts) = puts else {
        return Err(Problem::new(
            Kind::ListOfAnotherFlow,
            format!("the list `{list}` has customers of another flow"),
            "name another list, or the list's own flow: see GET /api/customers",
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
    Ok(stored)
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
                "the same customer with different values: keep the right line",
            ),
        };
        let reason = format!("and account are already in line {earlier}: {what}");
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

/// The account values of a record, in the order of their fields' names.
fn accounts<'a>(
    schema: &'a CustomerSchema,
    fields: &'a BTreeMap<String, Masked>,
) -> impl Iterator<Item = &'a str> {
    schema
        .fields
        .iter()
        .filter(|(_, field)| field.kind == values::Kind::Account)
        .filter_map(|(name, _)| fields.get(name).map(Masked::expose))
}

/// The fields that a flow's customers have.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerSchema)]
pub struct Declared {
    flow: String,
    fields: BTreeMap<String, DeclaredField>,
}

/// A field, as the manifest declares it.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerField)]
struct DeclaredField {
    /// The type of its values, such as `amount` or `date`.
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    /// The field with the state from which the language is derived.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_state: Option<String>,
}

/// Returns the fields that a flow's customers have, as its manifest declares them.
///
/// # Errors
///
/// 400 without a flow, 404 for one that is not loaded.
#[utoipa::path(
    get,
    path = "/api/customers/schema",
    tag = "customers",
    operation_id = "customers_schema",
    params(
        ("flow" = String, Query, description = "a loaded flow"),
    ),
    responses(
        (status = 200, description = "the fields", body = Declared),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-flow`"),
    )
)]
pub async fn schema(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<Declared>, Problem> {
    let query = Query::read(query.as_deref(), &["flow"])?;
    let flow = query.text("flow").ok_or_else(|| {
        let accepts = "name a flow, such as `?flow=emi-reminder`".to_owned();
        Problem::parameter("flow", "is missing", accepts)
    })?;
    let version = version(&app, flow)?;
    let field = |(name, field): (&String, &CustomerField)| {
        let declared = DeclaredField {
            kind: field.kind.to_string(),
            required: field.required,
            from_state: field.from_state.clone(),
        };
        (name.clone(), declared)
    };
    let fields = version.manifest().customer.fields.iter();
    Ok(Answer(Declared {
        flow: flow.to_owned(),
        fields: fields.map(field).collect(),
    }))
}

/// A list, as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerList)]
pub struct Shown {
    name: String,
    flow: String,
    customers: u64,
    created_ms: u64,
    changed_ms: u64,
}

/// Returns the lists, by name.
#[utoipa::path(
    get,
    path = "/api/customers",
    tag = "customers",
    operation_id = "customers_lists",
    responses(
        (status = 200, description = "all lists, by name", body = List<Shown>),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn lists(_: Api, State(app): State<App>) -> Result<Answer<List<Shown>>, Problem> {
    let lists = app.records.lists().await.map_err(Problem::unavailable)?;
    let shown = |list: CustomerList| Shown {
        name: list.name,
        flow: list.flow,
        customers: list.customers,
        created_ms: list.created_ms,
        changed_ms: list.changed_ms,
    };
    Ok(Answer(List::whole(lists.into_iter().map(shown).collect())))
}

/// The response for a removed list.
#[derive(Serialize, ToSchema)]
pub struct RemovedCustomers {
    /// How many customers it had.
    removed: u64,
}

/// Removes a list with its customers.
///
/// # Errors
///
/// 404 if there is no such list, 409 if a campaign uses it.
#[utoipa::path(
    delete,
    path = "/api/customers/{list}",
    tag = "customers",
    operation_id = "customers_remove",
    params(
        ("list" = String, Path, description = "its name"),
    ),
    responses(
        (status = 200, description = "it is removed", body = RemovedCustomers),
        (status = 400, description = "`unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-list`"),
        (status = 409, description = "`list-in-use`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn remove(
    _: Api,
    State(app): State<App>,
    list: Result<Segments<String>, BadPath>,
) -> Result<Answer<RemovedCustomers>, Problem> {
    let Segments(list) = list?;
    let removed = app
        .records
        .remove_list(&list)
        .await
        .map_err(Problem::unavailable)?;
    match removed {
        Removed::Yes(customers) => Ok(Answer(RemovedCustomers { removed: customers })),
        Removed::Unknown => Err(Problem::new(
            Kind::UnknownList,
            "no such list",
            "GET /api/customers has all lists",
        )),
        Removed::InUse(campaign) => Err(Problem::new(
            Kind::ListInUse,
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
        Kind::UnknownFlow,
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
        "correct the name, or see GET /api/flows for why it was rejected",
    ))
}

/// A name of a list or campaign: 1 to 64 lower-case letters, digits, `-`, `_` and `.`.
pub fn name<'t>(what: &str, text: &'t str) -> Result<&'t str, Problem> {
    let usable = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(usable) {
        return Ok(text);
    }
    Err(Problem::new(
        Kind::UnusableName,
        format!("`{what}` is not a valid name"),
        "use 1 to 64 lower-case letters, digits, `-`, `_` and `.`, such as `december-2026`",
    ))
}
