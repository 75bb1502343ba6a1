//! `GET /api/openapi.json` and `GET /api/docs`: the description of the API (OpenAPI 3.1), and a page
//! that shows it and can send requests.
//!
//! utoipa generates it from the response types and the handlers' doc comments. (aide would have to own
//! the router and the handlers' signatures, and would add a second set of derives.) What the types do
//! not contain is added here: times as ISO 8601, the engine's outcomes, the kinds of problems, and
//! the token.
//!
//! Both need the API token, so that others do not learn the version and its endpoints. A browser sends
//! it as the password of HTTP Basic, as for `/setup`.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::Outcome;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use utoipa::OpenApi;

use crate::access::{page, with_challenge};
use crate::answer::tagged;
use crate::app::App;
use crate::problem::{self, Kind, MEDIA_TYPE};
use crate::routes::{
    audit, calls, campaign_progress, campaigns, customers, deploy, do_not_call, doctor, erasure,
    events, flows, list_of_calls, now, proof, recording, recording_checks, replays, webhooks,
};
use crate::times::{PERHAPS_UNKNOWN, TIMES};
use ghanti_model::Role;

/// The page, with inline script and style.
const PAGE: &str = include_str!("description/docs.html");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ghanti",
        description = "The API of the engine. Errors are problems of RFC 9457 (docs/problems.md); lists are pages with `items` and `next`; \
                       keys are in snake_case, parameters of queries in kebab-case. docs/api.md introduces it."
    ),
    paths(
        list_of_calls::list, now::now, calls::create, calls::show, calls::withdraw, calls::hang_up, calls::move_to, replays::replay, replays::otherwise, recording::recording, proof::chain, proof::verify, recording_checks::verify, events::of_call, events::of_all,
        do_not_call::show, do_not_call::lift,
        customers::lists, customers::put, customers::schema, customers::remove, erasure::erase,
        campaigns::list, campaigns::create, campaigns::show, campaigns::change, campaigns::report, campaign_progress::show,
        webhooks::dead, webhooks::again,
        flows::list, flows::reload, deploy::put, flows::rollback, flows::promote, flows::weight,
        audit::audit, doctor::doctor, openapi, docs
    ),
    components(schemas(problem::Body)),
    tags(
        (name = "calls", description = "Orders and calls"),
        (name = "events", description = "Events of calls as they happen"),
        (name = "do-not-call", description = "Customers who asked not to be called"),
        (name = "customers", description = "Lists of customers"),
        (name = "campaigns", description = "Campaigns that call the customers of a list"),
        (name = "webhooks", description = "Webhook messages that were given up"),
        (name = "flows", description = "Flows and their versions"),
        (name = "audit", description = "Who changed what, and looked at what is masked"),
        (name = "doctor", description = "What is set up wrongly"),
        (name = "description", description = "This description")
    )
)]
struct Generated;

/// The description, without the server's prefix.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let mut described = serde_json::to_value(Generated::openapi()).unwrap_or_default();
    complete(&mut described);
    described
});

/// Answers with the description of the API.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "description",
    operation_id = "description_openapi",
    responses(
        (status = 200, description = "the description, OpenAPI 3.1", body = Object),
        (status = 304, description = "the client has it: `If-None-Match` has its `ETag`"),
        (status = 401, description = "`unauthorized`")
    )
)]
pub async fn openapi(State(app): State<App>, headers: HeaderMap) -> Result<Response, Response> {
    page(&app, &headers, Role::Viewer).map_err(with_challenge)?;
    let prefix = app.config.server.path.as_str();
    let mut described = DESCRIPTION.clone();
    if let Some(members) = described.as_object_mut() {
        let url = if prefix.is_empty() { "/" } else { prefix };
        members.insert("servers".to_owned(), json!([{ "url": url }]));
    }
    let text = described.to_string();
    Ok(tagged(text.into_bytes(), "application/json", &headers))
}

/// Answers with a page that lists the operations and can send requests. It loads only the description,
/// from this engine.
#[utoipa::path(
    get,
    path = "/api/docs",
    tag = "description",
    operation_id = "description_docs",
    responses(
        (status = 200, description = "the page", body = String, content_type = "text/html"),
        (status = 401, description = "`unauthorized`")
    )
)]
pub async fn docs(State(app): State<App>, headers: HeaderMap) -> Result<Response, Response> {
    page(&app, &headers, Role::Viewer).map_err(with_challenge)?;
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, PAGE).into_response())
}

/// Allows only the page's own script and style, and requests to this engine only.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |opening: &str, closing: &str| {
        let (_, rest) = PAGE.split_once(opening).unwrap_or_default();
        let (inside, _) = rest.split_once(closing).unwrap_or_default();
        STANDARD.encode(Sha256::digest(inside.as_bytes()))
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'",
        hash("<script>", "</script>"),
        hash("<style>", "</style>")
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Adds what the types do not contain.
fn complete(described: &mut Value) {
    add_times(described);
    let Some(members) = described.as_object_mut() else {
        return;
    };
    members.insert("security".to_owned(), json!([{ "token": [] }]));
    if let Some(paths) = members.get_mut("paths").and_then(Value::as_object_mut) {
        let operations = paths.values_mut().filter_map(Value::as_object_mut);
        let operations = operations.flat_map(Map::values_mut);
        for operation in operations.filter_map(Value::as_object_mut) {
            for text in ["summary", "description"] {
                shorten(operation, text);
            }
            if let Some(responses) = operation
                .get_mut("responses")
                .and_then(Value::as_object_mut)
            {
                add_problems(responses);
            }
        }
    }
    let Some(components) = members.get_mut("components").and_then(Value::as_object_mut) else {
        return;
    };
    let token =
        json!({ "type": "http", "scheme": "bearer", "description": "`api-token` of `[server]`" });
    components.insert("securitySchemes".to_owned(), json!({ "token": token }));
    let Some(schemas) = components.get_mut("schemas").and_then(Value::as_object_mut) else {
        return;
    };
    let outcome = json!({
        "description": "The result of a call: one of the engine's own outcomes, or the disposition that the flow has set.",
        "anyOf": [{ "type": "string", "enum": Outcome::NAMES }, { "type": "string" }]
    });
    schemas.insert("Outcome".to_owned(), outcome);
    for schema in [
        "CallRecord",
        "CallSummary",
        "CallSeen",
        "CampaignCustomer",
        "CampaignCount",
    ] {
        let outcome = schemas
            .get_mut(schema)
            .and_then(|schema| schema.pointer_mut("/properties/outcome"));
        if let Some(outcome) = outcome {
            let any = json!([{ "type": "null" }, { "$ref": "#/components/schemas/Outcome" }]);
            *outcome = json!({ "anyOf": any });
        }
    }
    let kind = schemas
        .get_mut("Problem")
        .and_then(|schema| schema.pointer_mut("/properties/type"))
        .and_then(Value::as_object_mut);
    if let Some(kind) = kind {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.reference()).collect();
        kind.insert("enum".to_owned(), json!(names));
    }
}

/// Removes the handlers' section on errors, which the statuses describe, and the brackets of links
/// within the code.
fn shorten(operation: &mut Map<String, Value>, name: &str) {
    let Some(text) = operation.get(name).and_then(Value::as_str) else {
        return;
    };
    let (text, _) = text.split_once("# Errors").unwrap_or((text, ""));
    let text = text.trim().replace("[`", "`").replace("`]", "`");
    if text.is_empty() {
        operation.remove(name);
    } else {
        operation.insert(name.to_owned(), text.into());
    }
}

/// Adds the problem body to error responses.
fn add_problems(responses: &mut Map<String, Value>) {
    let content = json!({ MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } });
    for (status, response) in responses.iter_mut() {
        let is_problem = status.starts_with('4') || status.starts_with('5');
        if let Some(response) = response.as_object_mut().filter(|_| is_problem) {
            response.insert("content".to_owned(), content.clone());
        }
    }
}

/// Adds to every schema the ISO 8601 field that responses have next to each time.
fn add_times(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(add_times),
        Value::Object(members) => {
            members.values_mut().for_each(add_times);
            for (ms, at) in TIMES {
                add_time(members, ms, at);
            }
        }
        _ => {}
    }
}

fn add_time(schema: &mut Map<String, Value>, ms: &str, at: &str) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(time) = properties.get(ms) else {
        return;
    };
    let is_optional =
        time.get("type").is_some_and(Value::is_array) || PERHAPS_UNKNOWN.contains(&ms);
    let kind = if is_optional {
        json!(["string", "null"])
    } else {
        json!("string")
    };
    let beside = json!({ "type": kind, "format": "date-time", "description": format!("`{ms}` as ISO 8601, in UTC.") });
    properties.insert(at.to_owned(), beside);
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut)
        && required.iter().any(|name| name == ms)
    {
        required.push(json!(at));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The kinds of problems that only requests outside the documented operations can cause.
    const ELSEWHERE: [Kind; 13] = [
        Kind::Forbidden,
        Kind::AnotherSite,
        Kind::AnotherHost,
        Kind::BodyIsForm,
        Kind::UnknownPath,
        Kind::WrongMethod,
        Kind::Starting,
        Kind::Internal,
        Kind::FormOutOfDate,
        Kind::ConsoleBusy,
        Kind::UnknownPrompt,
        Kind::UnusablePrompt,
        Kind::NotSpoken,
    ];

    #[test]
    fn every_kind_of_problem_is_documented_by_an_operation_with_its_status() {
        let mut said = BTreeSet::new();
        for operations in DESCRIPTION["paths"].as_object().unwrap().values() {
            for operation in operations.as_object().unwrap().values() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    if !status.starts_with(['4', '5']) {
                        continue;
                    }
                    for name in response["description"].as_str().unwrap().split(", ") {
                        let name = name.trim_matches('`');
                        let kind = Kind::ALL.iter().find(|kind| kind.name() == name);
                        let kind = kind.unwrap_or_else(|| panic!("no kind `{name}`"));
                        assert_eq!(kind.status().as_str(), status, "{name}");
                        said.insert(name.to_owned());
                    }
                }
            }
        }
        for kind in Kind::ALL {
            let is_said = said.contains(kind.name());
            assert_eq!(is_said, !ELSEWHERE.contains(kind), "{kind:?}");
        }
    }

    #[test]
    fn times_and_outcomes_are_described_as_in_responses() {
        let schemas = &DESCRIPTION["components"]["schemas"];
        let summary = &schemas["CallSummary"];
        assert_eq!(summary["properties"]["created_at"]["format"], "date-time");
        let required = summary["required"].as_array().unwrap();
        assert!(required.contains(&json!("created_at")), "{summary:#}");
        assert_eq!(
            summary["properties"]["ended_at"]["type"],
            json!(["string", "null"])
        );
        assert_eq!(
            schemas["Outcome"]["anyOf"][0]["enum"],
            json!(Outcome::NAMES)
        );
        let shown = &DESCRIPTION["paths"]["/api/calls/{id}"]["get"];
        assert!(!shown.to_string().contains("# Errors") && !shown.to_string().contains("[`"));
        assert!(schemas["CallRecord"]["properties"]["outcome"]["anyOf"].is_array());
        assert!(schemas["Problem"]["properties"]["type"]["enum"].is_array());
    }

    #[test]
    fn the_page_runs_nothing_but_its_own_script() {
        let policy = POLICY.to_str().unwrap();
        assert!(!policy.contains("unsafe") && policy.matches("'sha256-").count() == 2);
        let empty = STANDARD.encode(Sha256::digest(b""));
        assert!(!policy.contains(&empty), "script and style were found");
        assert!(PAGE.lines().count() <= 200);
        for outside in [
            "http://", "https://", " src=", "@import", "url(", "onclick=", "onload=", " style=",
        ] {
            assert!(!PAGE.contains(outside), "`{outside}`");
        }
    }
}
