//! The HTTP client of one action: addresses are checked before they are connected to, redirects are
//! not followed, nothing is sent twice, proxies of the environment are not used, and an answer is
//! read up to its limit.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Url, redirect, retry};
use rustls::ClientConfig;

use crate::address::{Network, Reach};
use crate::fault::Fault;
use crate::resolve::{Guarded, ResolveError};

/// How long a connection may take, with TLS.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// Maximum number of idle connections of an action.
pub(crate) const KEPT_CONNECTIONS: usize = 8;
/// How long a connection may be idle.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// What came back.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What may be reached at a URL: `http` is for addresses that are named alone.
pub(crate) fn reach(url: &Url, private: &[Network]) -> Result<Reach, String> {
    let reach = if url.scheme() == "https" {
        Reach::Public(private.to_vec())
    } else if private.is_empty() {
        return Err(
            "begins with http://, and others could read what is sent: use https://, or name the addresses of your own network in `private`"
                .to_owned(),
        );
    } else {
        Reach::Named(private.to_vec())
    };
    // the library resolves names by our resolver, and no addresses
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        reach.check(address).map_err(|forbidden| {
            format!(
                "leads to {}, which is not a public address: add it to `private` if it is meant",
                forbidden.0
            )
        })?;
    }
    Ok(reach)
}

/// A client of one action.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    http: Client,
}

impl HttpClient {
    pub(crate) fn new(tls: ClientConfig, reach: Reach) -> Result<Self, String> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Guarded::new(reach)))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .pool_max_idle_per_host(KEPT_CONNECTIONS)
            .pool_idle_timeout(IDLE)
            .connect_timeout(CONNECT)
            .user_agent(concat!("ghanti/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| innermost(&error))?;
        Ok(Self { http })
    }

    pub(crate) fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and reads the answer. The time-out is the caller's.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        most: usize,
    ) -> Result<Received, Fault> {
        let mut response = request.send().await.map_err(|error| unsent(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        if response.status().is_success() {
            while let Some(chunk) = response.chunk().await.map_err(|error| unsent(&error))? {
                if body.len() + chunk.len() > most {
                    return Err(Fault::answer(format!(
                        "its answer is longer than {most} bytes: see `output-bytes`"
                    )));
                }
                body.extend_from_slice(&chunk);
            }
        }
        Ok(Received { status, body })
    }
}

impl Received {
    /// Fails unless the status is a success. The body of another answer is ignored.
    pub(crate) fn succeeded(self) -> Result<Vec<u8>, Fault> {
        let Self { status, body } = self;
        let hint = match status {
            200..=299 => return Ok(body),
            300..=399 => "redirects are not followed, so set `url` to where it leads",
            400 | 422 => "it does not take what was sent",
            401 | 403 => "see whether the secrets are right",
            404 | 405 => "there is nothing of that name, or `url` and `method` are wrong",
            408 | 504 => "it was too slow",
            429 => "it takes no more requests for now",
            _ => "check the server",
        };
        let is_fault = matches!(status, 408 | 429 | 500..=599);
        Err(Fault::Unavailable {
            reason: format!("it answered {status}: {hint}"),
            is_fault,
        })
    }
}

/// Why there was no response, without the URL, which may contain a secret.
fn unsent(error: &reqwest::Error) -> Fault {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(resolve @ ResolveError::Forbidden(_)) = inner.downcast_ref::<ResolveError>() {
            return Fault::unavailable(resolve.to_string());
        }
        cause = inner.source();
    }
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    Fault::unavailable(format!("{kind} ({})", innermost(error)))
}

/// The innermost cause is the system's or the TLS library's.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = error.source();
    let mut reason = String::new();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    reason
}
