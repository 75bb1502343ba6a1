//! One attempt to deliver a message.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, redirect, retry};
use rustls::ClientConfig;

use ghanti_store::Claimed;

use crate::endpoint::Endpoint;

/// Timeout for a connection, with TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// How much of a reply is read, so that its connection can be reused. The content is ignored.
const REPLY_BYTES: usize = 16 * 1024;
/// Maximum number of idle connections.
const IDLE_CONNECTIONS: usize = 4;
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(30);

/// Why an attempt failed. It contains nothing of the receiver's reply, which may repeat the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason, as text.
    pub reason: String,
    /// The pause that the receiver asked for (`Retry-After`), in milliseconds.
    pub again_ms: Option<u64>,
    /// Whether the receiver wants no messages any more (410 Gone).
    pub is_final: bool,
}

impl Failure {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            again_ms: None,
            is_final: false,
        }
    }
}

/// Sends messages to one endpoint.
pub struct Post {
    http: Client,
}

impl Post {
    /// Creates a client.
    ///
    /// # Errors
    /// The system has no resolver.
    pub fn new(endpoint: &Endpoint, tls: ClientConfig) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE)
            .connect_timeout(CONNECT)
            .timeout(endpoint.timeout)
            .user_agent(concat!("ghanti/", env!("CARGO_PKG_VERSION")));
        if !endpoint.target.is_https() {
            // a receiver on this machine: the environment's proxy cannot reach it
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build()?,
        })
    }

    /// Sends a message, signed with the time, in seconds since 1970-01-01T00:00:00Z. It is
    /// delivered if the receiver answers 2xx within the endpoint's timeout.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        message: &Claimed,
        unix_s: u64,
    ) -> Result<(), Failure> {
        let signatures: Vec<_> = endpoint
            .keys
            .iter()
            .map(|key| key.sign(&message.id, unix_s, &message.body))
            .collect();
        let request = self
            .http
            .post(endpoint.target.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", unix_s.to_string())
            .header("webhook-signature", signatures.join(" "))
            .body(message.body.clone());
        let mut response = request.send().await.map_err(|error| unsent(&error))?;
        let status = response.status();
        let again_ms = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        let mut read = 0;
        while read < REPLY_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            read += chunk.len();
        }
        if status.is_success() {
            return Ok(());
        }
        let hint = match status.as_u16() {
            300..=399 => ": redirects are not followed, so set `url` to its target",
            401 | 403 => ": check that both sides have the same `secret`",
            404 | 405 => ": check `url`",
            410 => ": the receiver wants no more messages; remove it from the configuration",
            _ => "",
        };
        Err(Failure {
            again_ms,
            is_final: status.as_u16() == 410,
            ..Failure::new(format!("the receiver answered {}{hint}", status.as_u16()))
        })
    }
}

/// Why there was no response, without the URL, which may contain a secret.
fn unsent(error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    // the innermost cause is the system's or the TLS library's
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut words = None;
    while let Some(inner) = cause {
        words = Some(inner.to_string());
        cause = inner.source();
    }
    match words {
        Some(words) if !error.is_timeout() => Failure::new(format!("{kind}: {words}")),
        _ => Failure::new(kind),
    }
}
