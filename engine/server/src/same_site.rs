//! Protects an engine without tokens from web pages: one that its operator has open in a browser on
//! the same machine must not be able to use it.
//!
//! - A request that a browser makes for another site's page carries `Origin` or `Sec-Fetch-Site`
//!   (Fetch standard, 3.2; Fetch Metadata, 2.4) and is refused.
//! - A site whose name is made to resolve to this machine (DNS rebinding) is the same origin to the
//!   browser, but appears in `Host`: the API answers only to addresses, `localhost`, the host of
//!   `public-url` and `hosts`.
//! - A form of another site is not JSON.
//!
//! An engine with tokens needs none of this: browsers do not add a bearer token by themselves.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::applet_error::AppletError;
use crate::cause::Cause;
use crate::config::{Config, Server};
use crate::fallback::is_of_api;
use crate::problem::{Kind, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The content types that a browser sends for a form of any site without asking first (Fetch
/// standard, CORS-safelisted request headers).
const OF_FORMS: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
];

/// Middleware that refuses what a web page of another site makes a browser ask for, if the engine
/// has no API token.
pub async fn guard(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let server = &config.server;
    if server.api_token.is_some() {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let path = path.strip_prefix(server.path.as_str()).unwrap_or(path);
    let is_for_people = is_of_api(path)
        || path.starts_with("/console")
        || matches!(path, "/setup" | "/metrics" | "/websocket-url");
    let refused = if is_foreign(request.headers()) {
        Some(Refused::Site)
    } else if is_for_people && !is_own_host(server, request.uri(), request.headers()) {
        Some(Refused::Host)
    } else if is_of_api(path) && is_form(request.method(), request.headers()) {
        Some(Refused::Form)
    } else {
        None
    };
    match refused {
        None => next.run(request).await,
        Some(refused) if is_of_api(path) => {
            Problem::new(refused.kind(), refused.detail(), refused.hint())
                .because(Cause::Site)
                .into_response()
        }
        Some(refused) => {
            AppletError::new(refused.kind().status(), refused.detail(), refused.hint())
                .because(Cause::Site)
                .into_response()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Site,
    Host,
    Form,
}

impl Refused {
    fn kind(self) -> Kind {
        match self {
            Self::Site => Kind::AnotherSite,
            Self::Host => Kind::AnotherHost,
            Self::Form => Kind::BodyIsForm,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Site => "this request comes from a web page of another site",
            Self::Host => "the `Host` of this request is not a name of this engine",
            Self::Form => "the content type is that of a form",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Site => {
                "an engine without tokens does not serve pages of other sites: set the three tokens of `[server]` (`ghanti init` makes random ones)"
            }
            Self::Host => {
                "use an address or `localhost`, set `public-url`, add the name to `hosts` of `[server]`, or set its three tokens"
            }
            Self::Form => "send `Content-Type: application/json`",
        }
    }
}

/// Whether a browser made this request for a page of another site.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(&SEC_FETCH_SITE).is_some_and(|site| matches!(site, "cross-site" | "same-site")) {
        return true;
    }
    match headers.get(ORIGIN) {
        None => false,
        // the same origin has the same host and port; the scheme differs behind a proxy
        Some(origin) => {
            let of_origin = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.split_once("://"))
                .map(|(_, host)| host);
            of_origin.is_none() || of_origin != text(&HOST)
        }
    }
}

/// Whether a request names this engine.
fn is_own_host(server: &Server, uri: &Uri, headers: &HeaderMap) -> bool {
    // HTTP/2 has the host in the URI
    let named = match headers.get(HOST) {
        Some(host) => host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok()),
        None => uri.authority().cloned(),
    };
    let Some(named) = named else {
        // only programs that are not browsers leave it out
        return headers.get(HOST).is_none();
    };
    let host = named.host().trim_end_matches('.');
    let of_public_url = || {
        let url = server.public_url.as_deref()?.parse::<Uri>().ok()?;
        url.host().map(str::to_owned)
    };
    is_address(host)
        || host.eq_ignore_ascii_case("localhost")
        || server
            .hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
        || of_public_url().is_some_and(|name| name.eq_ignore_ascii_case(host))
}

/// Whether a host is an IP address, which no other site can have.
fn is_address(host: &str) -> bool {
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    host.parse::<IpAddr>().is_ok()
}

/// Whether the body is a form's.
fn is_form(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    *method == Method::POST && content_type.is_some_and(|kind| OF_FORMS.contains(&kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn requests_for_another_sites_page_are_recognised() {
        for (foreign, lines) in [
            (false, &[("host", "127.0.0.1:8000")][..]),
            (
                false,
                &[
                    ("host", "localhost:8000"),
                    ("origin", "http://localhost:8000"),
                ],
            ),
            (
                false,
                &[
                    ("host", "bot.example.com"),
                    ("origin", "https://bot.example.com"),
                ],
            ),
            (
                false,
                &[
                    ("host", "localhost:8000"),
                    ("sec-fetch-site", "same-origin"),
                ],
            ),
            (
                false,
                &[("host", "localhost:8000"), ("sec-fetch-site", "none")],
            ),
            (
                true,
                &[("host", "localhost:8000"), ("sec-fetch-site", "cross-site")],
            ),
            // another port of the same machine is another program
            (
                true,
                &[("host", "localhost:8000"), ("sec-fetch-site", "same-site")],
            ),
            (
                true,
                &[
                    ("host", "localhost:8000"),
                    ("origin", "http://localhost:3000"),
                ],
            ),
            (
                true,
                &[
                    ("host", "127.0.0.1:8000"),
                    ("origin", "https://evil.example"),
                ],
            ),
            (true, &[("host", "127.0.0.1:8000"), ("origin", "null")]),
        ] {
            assert_eq!(is_foreign(&headers(lines)), foreign, "{lines:?}");
        }
    }

    #[test]
    fn only_names_of_the_engine_are_accepted() {
        let server = Server {
            public_url: Some("https://Bot.example.com/x".to_owned()),
            hosts: vec!["engine".to_owned()],
            ..crate::config::Config::default().server
        };
        for (own, host) in [
            (true, "127.0.0.1:8000"),
            (true, "192.168.1.4"),
            (true, "[::1]:8000"),
            (true, "localhost"),
            (true, "LOCALHOST:1"),
            (true, "bot.example.com"),
            (true, "engine:8000"),
            (false, "evil.example"),
            (false, "127.0.0.1.evil.example:8000"),
            (false, "localhost.evil.example"),
            (false, ""),
            (false, "a b"),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(
                is_own_host(&server, &Uri::from_static("/api/calls"), &headers),
                own,
                "{host}"
            );
        }
    }

    #[test]
    fn a_form_is_not_json() {
        for (form, content_type) in [
            (true, "text/plain"),
            (true, "Text/Plain; charset=utf-8"),
            (true, "application/x-www-form-urlencoded"),
            (true, "multipart/form-data; boundary=x"),
            (false, "application/json"),
            (false, "application/x-ndjson"),
        ] {
            let headers = headers(&[("content-type", content_type)]);
            assert_eq!(is_form(&Method::POST, &headers), form, "{content_type}");
            assert!(!is_form(&Method::GET, &headers));
        }
    }
}
