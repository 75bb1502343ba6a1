//! The API that an import calls, as `ghanti serve` answers it: rows are read by the shipped flow's
//! `[customer]`, and the same import and line sent again changes nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ghanti_manifest::{CustomerSchema, Manifest};
use ghanti_model::Masked;
use ghanti_model::values::{DateRules, phone};
use serde_json::{Value, json};
use time::macros::date;

use crate::support::root;

/// A running API, gone with the test.
pub struct Api {
    pub url: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    schema: CustomerSchema,
    requests: Vec<Value>,
    bodies: Vec<String>,
    /// The number of a batch, what it is answered with, and whether it is stored before.
    failures: VecDeque<(usize, u16, bool)>,
    hangs_at: Option<usize>,
    token: Option<String>,
    /// Customers by number, with the import and line that had them.
    customers: HashMap<String, (String, u64, BTreeMap<String, String>)>,
    answered: HashMap<(String, u64), &'static str>,
    watched: Option<u32>,
    memory_kib: u64,
}

impl Api {
    pub async fn start() -> Self {
        let manifest =
            std::fs::read_to_string(root().join("flows/emi-reminder/flow.toml")).unwrap();
        let shared = Arc::new(Mutex::new(Shared {
            schema: Manifest::parse(&manifest).unwrap().customer,
            requests: Vec::new(),
            bodies: Vec::new(),
            failures: VecDeque::new(),
            hangs_at: None,
            token: None,
            customers: HashMap::new(),
            answered: HashMap::new(),
            watched: None,
            memory_kib: 0,
        }));
        let routes = Router::new()
            .route("/api/customers/schema", get(schema))
            .route("/api/customers", post(put))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, shared }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    /// Answers batches by their number, from 1, with these codes, each once.
    pub fn fail(&self, failures: impl IntoIterator<Item = (usize, u16, bool)>) {
        self.shared().failures.extend(failures);
    }

    /// Does not answer the batch of this number.
    pub fn hang_at(&self, batch: usize) {
        self.shared().hangs_at = Some(batch);
    }

    pub fn expect_token(&self, token: &str) {
        self.shared().token = Some(token.to_owned());
    }

    /// Looks at the memory of a process at each batch.
    pub fn watch(&self, process: u32) {
        self.shared().watched = Some(process);
    }

    /// The most memory that the process has had, in KiB.
    pub fn memory_kib(&self) -> u64 {
        self.shared().memory_kib
    }

    pub fn requests(&self) -> Vec<Value> {
        self.shared().requests.clone()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.shared().bodies.clone()
    }

    /// All customers of all requests, as they were sent.
    pub fn customers(&self) -> Vec<Value> {
        let requests = self.requests();
        let customers = requests
            .iter()
            .map(|request| request["customers"].as_array().unwrap());
        customers.flatten().cloned().collect()
    }

    pub fn stored(&self) -> usize {
        self.shared().customers.len()
    }
}

fn refusal(status: u16, error: &str, hint: &str) -> Response {
    let body = Json(json!({ "detail": error, "hint": hint }));
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

impl Shared {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get("authorization")
            .map(|value| value.to_str().unwrap());
        self.token
            .as_ref()
            .is_none_or(|token| given == Some(&format!("Bearer {token}")))
    }
}

async fn schema(
    State(shared): State<Arc<Mutex<Shared>>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let shared = shared.lock().unwrap();
    if !shared.admits(&headers) {
        return refusal(
            401,
            "the token is missing or wrong",
            "send `api-token` as a bearer token",
        );
    }
    if query["flow"] != "emi-reminder" {
        let error = format!(
            "no flow `{}` is loaded; there is `emi-reminder`",
            query["flow"]
        );
        return refusal(404, &error, "correct the name");
    }
    let fields = shared.schema.fields.iter().map(|(name, field)| {
        let mut shown = json!({ "type": field.kind.to_string(), "required": field.required });
        if let Some(state) = &field.from_state {
            shown["from_state"] = json!(state);
        }
        (name.clone(), shown)
    });
    let fields: serde_json::Map<_, _> = fields.collect();
    Json(json!({ "flow": "emi-reminder", "fields": fields })).into_response()
}

async fn put(
    State(shared): State<Arc<Mutex<Shared>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = answered(&shared, &headers, &body);
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}

fn answered(shared: &Mutex<Shared>, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
    let mut shared = shared.lock().unwrap();
    assert!(body.len() < 256 << 10, "{} bytes", body.len());
    let request: Value = serde_json::from_slice(body).unwrap();
    shared
        .bodies
        .push(String::from_utf8(body.to_vec()).unwrap());
    let import = request["import"].as_str().unwrap().to_owned();
    let is_first = |request: &Value, line: &Value| request["customers"][0]["line"] == *line;
    // batches are counted by what they begin with: one that is sent again is the same
    let mut beginnings: Vec<Value> = Vec::new();
    shared.requests.push(request.clone());
    for earlier in shared
        .requests
        .iter()
        .filter(|earlier| earlier["import"] == request["import"])
    {
        let line = earlier["customers"][0]["line"].clone();
        if !beginnings.contains(&line) {
            beginnings.push(line);
        }
    }
    let number = 1 + beginnings
        .iter()
        .position(|line| is_first(&request, line))
        .unwrap();
    if let Some(process) = shared.watched {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        shared.memory_kib = line.trim().trim_end_matches(" kB").parse().unwrap();
    }
    if !shared.admits(headers) {
        return Some(refusal(401, "the token is missing or wrong", "send it"));
    }
    if shared.hangs_at == Some(number) {
        return None;
    }
    let failure = shared
        .failures
        .front()
        .copied()
        .filter(|(batch, ..)| *batch == number);
    if failure.is_some() {
        shared.failures.pop_front();
    }
    if let Some((_, status, false)) = failure {
        return Some(refusal(status, "the test refuses", "see the test"));
    }
    let is_check = request["check"] == true;
    let customers = request["customers"].as_array().unwrap().clone();
    let (mut stored, mut unchanged, mut rejected) = (0, 0, Vec::new());
    for customer in &customers {
        match shared.take(&import, customer, is_check) {
            Ok("stored") => stored += 1,
            Ok(_) => unchanged += 1,
            Err(refused) => rejected.push(refused),
        }
    }
    if shared.watched.is_some() {
        // a list of this length is not kept
        shared.requests.clear();
        shared.bodies.clear();
        shared.answered.clear();
    }
    if let Some((_, status, true)) = failure {
        return Some(refusal(status, "the answer is lost", "ask again"));
    }
    let body = json!({ "list": request["list"], "stored": stored, "updated": 0, "unchanged": unchanged, "rejected": rejected });
    Some(Json(body).into_response())
}

impl Shared {
    fn take(
        &mut self,
        import: &str,
        customer: &Value,
        is_check: bool,
    ) -> Result<&'static str, Value> {
        let line = customer["line"].as_u64().unwrap();
        if let Some(answer) = self.answered.get(&(import.to_owned(), line)) {
            return Ok(answer);
        }
        let refused = |earlier: Option<u64>, problems: Vec<Value>| json!({ "line": line, "duplicate_of": earlier, "problems": problems });
        let mut problems = Vec::new();
        let number = phone(customer["phone"].as_str().unwrap());
        if let Err(why) = &number {
            problems.push(json!({ "field": "phone", "reason": why.to_string() }));
        }
        let fields = customer["fields"].as_object().unwrap().iter();
        let fields: BTreeMap<_, _> = fields
            .map(|(name, value)| (name.clone(), Masked::from(value.as_str().unwrap())))
            .collect();
        let read = self
            .schema
            .read(&fields, DateRules::unordered(date!(2026 - 11 - 26)));
        problems.extend(
            read.problems
                .iter()
                .map(|problem| json!({ "field": problem.field, "reason": problem.reason })),
        );
        let (Ok(number), true) = (number, problems.is_empty()) else {
            return Err(refused(None, problems));
        };
        let number = number.expose().to_owned();
        let fields: BTreeMap<_, _> = read
            .fields
            .into_iter()
            .map(|(name, value)| (name, value.into_exposed()))
            .collect();
        if let Some((by, earlier, _)) = self.customers.get(&number) {
            if by == import {
                let reason = format!("stands in line {earlier} already");
                return Err(refused(
                    Some(*earlier),
                    vec![json!({ "field": "phone", "reason": reason })],
                ));
            }
            let earlier = (import.to_owned(), line, fields);
            self.customers.insert(number, earlier);
            return Ok("unchanged");
        }
        if !is_check {
            self.answered.insert((import.to_owned(), line), "stored");
            self.customers
                .insert(number, (import.to_owned(), line, fields));
        }
        Ok("stored")
    }
}
