//! The API of a running engine, as the commands use it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ghanti_server::config::Server;
use ghanti_sim::http::client;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::Source;

/// How long the engine may take to answer.
const REPLY: Duration = Duration::from_secs(30);

/// Where the engine is, and what it wants to be asked with.
#[derive(Args)]
pub struct Address {
    #[command(flatten)]
    source: Source,
    /// The engine's URL, with `path`; by default `listen` and `path` of `[server]`
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

impl Address {
    /// An address that was given otherwise.
    pub fn new(source: Source, url: Option<String>) -> Self {
        Self { source, url }
    }
}

/// Where an engine is asked: at the given URL or, without one, where it listens by its configuration.
pub fn base(given: Option<&str>, server: &Server) -> String {
    let base = given.map_or_else(
        || format!("http://{}{}", reached_at(server.listen), server.path),
        str::to_owned,
    );
    base.trim_end_matches('/').to_owned()
}

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
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
        let server = address.source.read()?.server;
        let base = base(address.url.as_deref(), &server);
        Ok(Self {
            http: client()?.timeout(REPLY).build()?,
            base,
            token: server.api_token.map(|token| token.expose().to_owned()),
        })
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
    ///
    /// # Errors
    /// The engine does not answer, or refuses: its own words with their hint.
    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let response = request.send().await.with_context(|| {
            format!("the engine at `{}` does not answer: start it with `ghanti serve`, or name it with --url", self.base)
        })?;
        let status = response.status();
        if !status.is_success() {
            let refusal = response.json().await.unwrap_or(Refusal {
                detail: format!("the engine answers {status}"),
                hint: "see its log".to_owned(),
            });
            return Err(Refused { status, refusal }.into());
        }
        response
            .json()
            .await
            .context("the answer is not of this engine's version")
    }

    /// Gets a path.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.send(self.request(Method::GET, path)).await
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

/// The engine does not serve a request.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .refusal.detail, .refusal.hint)]
pub struct Refused {
    /// Its status.
    pub status: StatusCode,
    refusal: Refusal,
}

/// The engine's answer to a request that it does not serve.
#[derive(Debug, Deserialize)]
struct Refusal {
    detail: String,
    hint: String,
}

/// The address at which an engine that listens here is reached from its own machine.
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
    fn an_engine_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, reached) in [
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "[::1]:8000"),
            ("10.1.2.3:81", "10.1.2.3:81"),
        ] {
            assert_eq!(reached_at(listen.parse().unwrap()).to_string(), reached);
        }
    }
}
