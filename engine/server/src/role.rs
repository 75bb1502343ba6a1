//! Which requests need which role, and who makes a request.

use axum::http::Method;
use ghanti_model::Role;

/// Who makes a request: the holder of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Identity {
    /// The holder of the token with this name.
    pub fn new(name: &str, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            role,
        }
    }
}

/// The role that a request to the API needs; `path` is without the configured prefix. What is not
/// listed here is for admins to change, and for operators to read.
pub fn needed(method: &Method, path: &str) -> Role {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        match *segments.as_slice() {
            ["api" | "console", "audit"] => Role::Admin,
            // texts are masked for viewers, and what is not a text is not listed
            ["console", "" | "now" | "calls" | "flows" | "campaigns"]
            | ["console", "calls" | "campaigns" | "flows", _]
            | ["console", "calls", _, "stream" | "customer"] => Role::Viewer,
            // masked for viewers
            ["api", "calls" | "events" | "now"]
            | ["api", "calls", _]
            | ["api", "calls", _, "events"] => Role::Viewer,
            // nothing personal
            ["api", "flows" | "campaigns" | "customers"]
            | ["api", "campaigns", _]
            | ["api", "campaigns", _, "progress"]
            | ["api", "customers", "schema"]
            | ["api", "webhooks", "dead"]
            | ["metrics"] => Role::Viewer,
            _ => Role::Operator,
        }
    } else {
        match *segments.as_slice() {
            ["console", "logout" | "language"] => Role::Viewer,
            ["console", "telephone", "calls"]
            | ["console", "customers" | "import" | "new-campaign"]
            | ["console", "import", _, _]
            | ["console", "campaigns", _, _]
            | ["console", "flows", _, "hear"]
            // it changes nothing, and shows what was said
            | ["api" | "console", "calls", _, "otherwise"]
            | ["console", "calls", _, "customer", "lift"] => Role::Operator,
            ["api", "calls" | "customers" | "campaigns"]
            | ["api", "calls", _]
            | ["api" | "console", "calls", _, "hang-up" | "version"]
            | ["api", "campaigns", _, _]
            | ["api", "do-not-call", _]
            | ["api", "webhooks", "dead", _] => Role::Operator,
            // a list of customers; `erase` is a word of its own below it
            ["api", "customers", list] if list != "erase" => Role::Operator,
            _ => Role::Admin,
        }
    }
}

/// Whether a request changes anything.
pub fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_needs_the_role_of_who_is_to_make_it() {
        for (method, path, role) in [
            (Method::GET, "/api/calls", Role::Viewer),
            (Method::GET, "/api/calls/0123", Role::Viewer),
            (Method::GET, "/api/calls/0123/events", Role::Viewer),
            (Method::GET, "/api/events", Role::Viewer),
            (Method::GET, "/api/now", Role::Viewer),
            (Method::GET, "/metrics", Role::Viewer),
            (Method::GET, "/api/calls/0123/recording", Role::Operator),
            (Method::GET, "/api/calls/0123/chain", Role::Operator),
            (Method::GET, "/api/chains", Role::Operator),
            (
                Method::GET,
                "/api/campaigns/spring/customers",
                Role::Operator,
            ),
            (
                Method::GET,
                "/api/do-not-call/+919876543210",
                Role::Operator,
            ),
            // they show tokens
            (Method::GET, "/websocket-url", Role::Operator),
            (Method::GET, "/setup", Role::Operator),
            (Method::GET, "/api/doctor", Role::Operator),
            (Method::GET, "/api/audit", Role::Admin),
            (Method::POST, "/api/calls", Role::Operator),
            (Method::DELETE, "/api/calls/0123", Role::Operator),
            (Method::POST, "/api/calls/0123/hang-up", Role::Operator),
            (Method::POST, "/console/calls/0123/hang-up", Role::Operator),
            (Method::POST, "/api/calls/0123/version", Role::Operator),
            (Method::GET, "/api/calls/0123/replay", Role::Operator),
            (Method::POST, "/api/calls/0123/otherwise", Role::Operator),
            (Method::POST, "/console/calls/0123/version", Role::Operator),
            (Method::POST, "/api/campaigns/spring/start", Role::Operator),
            (Method::DELETE, "/api/customers/june", Role::Operator),
            (Method::POST, "/api/customers/erase", Role::Admin),
            (Method::PUT, "/api/flows/emi-reminder", Role::Admin),
            (
                Method::POST,
                "/api/flows/emi-reminder/rollback",
                Role::Admin,
            ),
            (Method::PUT, "/api/flows/emi-reminder/weight", Role::Admin),
            // what a later version adds is not open to everybody
            (Method::GET, "/api/something", Role::Operator),
            (Method::POST, "/api/something", Role::Admin),
            (Method::GET, "/console/", Role::Viewer),
            (Method::GET, "/console/calls/0123", Role::Viewer),
            (Method::GET, "/console/calls/0123/recording", Role::Operator),
            (
                Method::GET,
                "/console/calls/0123/record.json",
                Role::Operator,
            ),
            (Method::GET, "/console/calls/0123/listen", Role::Operator),
            (Method::GET, "/console/calls/0123/replay", Role::Operator),
            (Method::GET, "/console/calls/0123/otherwise", Role::Operator),
            (
                Method::POST,
                "/console/calls/0123/otherwise",
                Role::Operator,
            ),
            (Method::GET, "/console/calls/0123/customer", Role::Viewer),
            (
                Method::POST,
                "/console/calls/0123/customer/lift",
                Role::Operator,
            ),
            (Method::GET, "/console/customers", Role::Operator),
            (Method::POST, "/console/customers", Role::Operator),
            (Method::GET, "/console/import", Role::Operator),
            (Method::POST, "/console/import", Role::Operator),
            (Method::GET, "/console/import/0123", Role::Operator),
            (Method::POST, "/console/import/0123/store", Role::Operator),
            (
                Method::GET,
                "/console/import/0123/rejects.csv",
                Role::Operator,
            ),
            (Method::GET, "/console/new-campaign", Role::Operator),
            (Method::POST, "/console/new-campaign", Role::Operator),
            (Method::GET, "/console/campaigns", Role::Viewer),
            (Method::GET, "/console/campaigns/spring", Role::Viewer),
            (
                Method::POST,
                "/console/campaigns/spring/start",
                Role::Operator,
            ),
            (Method::GET, "/api/campaigns/spring/progress", Role::Viewer),
            (Method::GET, "/console/setup", Role::Operator),
            (Method::GET, "/console/audit", Role::Admin),
            (Method::POST, "/console/flows/emi/promote", Role::Admin),
            (Method::POST, "/console/flows/emi/weight", Role::Admin),
            (Method::POST, "/console/telephone/calls", Role::Operator),
            (Method::GET, "/console/flows/emi", Role::Viewer),
            // the examples are of the flow's tests
            (Method::GET, "/console/flows/emi/map", Role::Operator),
            (
                Method::GET,
                "/console/flows/emi/prompts/greeting",
                Role::Operator,
            ),
            (Method::POST, "/console/flows/emi/hear", Role::Operator),
            (
                Method::POST,
                "/console/flows/emi/prompts/greeting/hi-IN",
                Role::Admin,
            ),
        ] {
            assert_eq!(needed(&method, path), role, "{method} {path}");
        }
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
