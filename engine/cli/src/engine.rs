//! A client of a running engine's API, for the commands.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use ghanti_server::config::Server;
use ghanti_sim::http::client;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::Source;

/// Default timeout of a response.
const REPLY: Duration = Duration::from_secs(30);

/// Timeout of a download: a recording of an hour has 110 MiB.
const BYTES: Duration = Duration::from_secs(300);

/// The engine's address, and the configuration with its token.
#[derive(Args)]
pub struct Address {
    #[command(flatten)]
    source: Source,
    /// The engine's URL, with `path`; by default `listen` and `path` of `[server]`
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

impl Address {
    /// An address that does not come from the command line.
    pub fn new(source: Source, url: Option<String>) -> Self {
        Self { source, url }
    }
}

/// The base URL: the given one or, without it, the listening address in the configuration.
pub fn base(given: Option<&str>, server: &Server) -> String {
    let base = given.map_or_else(
        || format!("http://{}{}", reached_at(server.listen), server.path),
        str::to_owned,
    );
    base.trim_end_matches('/').to_owned()
}

/// Says what an engine's URL looks like where the given one cannot be one.
fn check(given: &str) -> anyhow::Result<()> {
    let parsed = Url::parse(given).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.query().is_none()
            && url.fragment().is_none()
    });
    ensure!(
        parsed.is_some(),
        "`{given}` is no URL of an engine: write one as http://127.0.0.1:8000 or https://bot.example.com, with `path` of `[server]` behind it if that is set"
    );
    Ok(())
}

/// What is encoded in a segment of a path: all that is not unreserved (RFC 3986, 2.3), so that the audit
/// log has names as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A client of the engine's API.
pub struct Engine {
    http: Client,
    base: String,
    token: Option<String>,
}

impl Engine {
    /// A client for an address, with the token of the configuration.
    pub fn new(address: &Address) -> anyhow::Result<Self> {
        Self::with_timeout(address, REPLY)
    }

    /// Like [`new`](Self::new); the engine may take this long to answer.
    pub fn with_timeout(address: &Address, reply: Duration) -> anyhow::Result<Self> {
        let server = address.source.read()?.server;
        let base = base(address.url.as_deref(), &server);
        if let Some(given) = &address.url {
            check(given)?;
        }
        Ok(Self {
            http: client()?
                .timeout(reply)
                .build()
                .context("cannot create an HTTP client")?,
            base,
            token: server.api_token.map(|token| token.expose().to_owned()),
        })
    }

    /// The same with another token.
    pub fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// A request for a path, such as `/api/calls`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request, and reads the answer.
    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, NoAnswer> {
        let body = self.exchange(request).await?;
        serde_json::from_slice(&body).map_err(NoAnswer::OfAnotherVersion)
    }

    /// Gets the bytes at a path.
    ///
    /// # Errors
    /// As [`send`](Self::send), and if they do not arrive within [`BYTES`].
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>, NoAnswer> {
        self.exchange(self.request(Method::GET, path).timeout(BYTES))
            .await
    }

    /// Gets a path.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, NoAnswer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// The engine's URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request. Returns the body of a successful response.
    async fn exchange(&self, request: RequestBuilder) -> Result<Vec<u8>, NoAnswer> {
        let body = self.open(request).await?.bytes().await;
        Ok(body.map_err(|source| self.silent(source))?.into())
    }

    fn silent(&self, source: reqwest::Error) -> NoAnswer {
        if self.base.starts_with("https:") && is_no_tls(&source) {
            return NoAnswer::NoTls {
                base: self.base.clone(),
            };
        }
        NoAnswer::Silent {
            base: self.base.clone(),
            source,
        }
    }

    /// Sends a request. Returns a successful response, whose body is still to be read.
    ///
    /// # Errors
    /// The engine does not answer, or refuses the request.
    pub async fn open(&self, request: RequestBuilder) -> Result<Response, NoAnswer> {
        let silent = |source| self.silent(source);
        let response = request.send().await.map_err(silent)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = response.bytes().await.map_err(silent)?;
        let Refusal {
            detail,
            hint,
            step,
            line,
        } = serde_json::from_slice(&body).unwrap_or_else(|_| Refusal {
            detail: format!("the engine answers {status}"),
            hint: "see its log".to_owned(),
            step: None,
            line: None,
        });
        Err(NoAnswer::Refused {
            status,
            detail,
            hint,
            after,
            step,
            line,
        })
    }
}

/// A list of the engine's, or a page of one.
#[derive(Deserialize)]
pub struct List<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Whether something answers, and not in TLS.
fn is_no_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        // rustls' own error is behind two others, of io and hyper
        if error.to_string().contains("InvalidContentType") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing answers.
    #[error(
        "the engine at `{base}` does not answer: start it with `ghanti serve`, or name it with --url"
    )]
    Silent {
        /// The engine's URL.
        base: String,
        /// The transport's error.
        source: reqwest::Error,
    },
    /// What answers does not speak TLS.
    #[error(
        "what listens at `{base}` answers, and not by https: an engine itself speaks http, so write http:// there, or name the proxy that has its certificate"
    )]
    NoTls {
        /// The URL.
        base: String,
    },
    /// The engine refuses the request.
    #[error("{detail}: {hint}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// What is wrong.
        detail: String,
        /// What to do about it.
        hint: String,
        /// How long to wait before a retry (`Retry-After`).
        after: Option<Duration>,
        /// For a version of a flow: the stage of loading at which it was rejected.
        step: Option<String>,
        /// The line of the file that the detail names first.
        line: Option<usize>,
    },
    /// The engine has another version than this program.
    #[error("the answer cannot be read: use the same version of `ghanti` as the running engine")]
    OfAnotherVersion(#[source] serde_json::Error),
}

impl NoAnswer {
    /// Whether a retry may succeed: the engine is not reachable, or is overloaded.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Refused { status, .. } => matches!(
                *status,
                StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            Self::NoTls { .. } | Self::OfAnotherVersion(_) => false,
        }
    }

    /// How long to wait before a retry, if the engine says so.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Self::Refused { after, .. } => *after,
            Self::Silent { .. } | Self::NoTls { .. } | Self::OfAnotherVersion(_) => None,
        }
    }
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    detail: String,
    hint: String,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    line: Option<usize>,
}

/// The address at which an engine with this listening address is reached from its own machine.
pub fn reached_at(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_temporary_by_its_status_and_another_version_never() {
        let refused = |status, after| NoAnswer::Refused {
            status,
            detail: String::new(),
            hint: String::new(),
            after,
            step: None,
            line: None,
        };
        let soon = Some(Duration::from_secs(3));
        for status in [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ] {
            let refused = refused(status, soon);
            assert!(
                refused.is_temporary() && refused.after() == soon,
                "{status}"
            );
        }
        for status in [
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::NOT_FOUND,
            StatusCode::INTERNAL_SERVER_ERROR,
        ] {
            assert!(!refused(status, None).is_temporary(), "{status}");
        }
        let unread = serde_json::from_slice::<u8>(b"").unwrap_err();
        assert!(!NoAnswer::OfAnotherVersion(unread).is_temporary());
    }

    #[test]
    fn an_engine_that_listens_on_all_addresses_is_reached_on_this_machine() {
        for (listen, reached) in [
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "[::1]:8000"),
            ("10.1.2.3:81", "10.1.2.3:81"),
        ] {
            assert_eq!(reached_at(listen.parse().unwrap()).to_string(), reached);
        }
    }
}
