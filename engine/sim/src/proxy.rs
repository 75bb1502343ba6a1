//! DNS and a TLS proxy in front of the engine, as an operator sets them up, correctly or not.
//!
//! A request to a URL with a host name is sent to the engine unencrypted, with the name as `Host` and
//! the URL's scheme as `X-Forwarded-Proto`. URLs with an IP address are unchanged.

use std::net::SocketAddr;

use reqwest::Url;
use serde::Deserialize;

/// The header with the scheme of the request to the proxy.
pub const SCHEME_HEADER: &str = "x-forwarded-proto";

/// A proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proxy {
    /// The engine's address.
    pub engine: SocketAddr,
    /// The certificate that it shows.
    #[serde(default)]
    pub certificate: Certificate,
    /// Whether it forwards WebSocket upgrades.
    #[serde(default = "yes")]
    pub upgrade: bool,
}

/// A proxy's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// From a trusted authority.
    #[default]
    Valid,
    /// From an authority that Exotel does not trust.
    SelfSigned,
}

/// The route to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The engine's address.
    pub engine: SocketAddr,
    /// The host of the URL, with its port.
    pub host: String,
    /// The scheme of the URL, as an HTTP one.
    pub scheme: &'static str,
}

fn yes() -> bool {
    true
}

impl Proxy {
    /// The route to a URL; `None` if its host is an IP address.
    ///
    /// # Errors
    /// Exotel does not accept the certificate; the error is that of its TLS library.
    pub fn route(&self, url: &Url) -> Result<Option<Route>, String> {
        let Some(host) = url.domain().filter(|host| *host != "localhost") else {
            return Ok(None);
        };
        let is_tls = matches!(url.scheme(), "https" | "wss");
        if is_tls && self.certificate == Certificate::SelfSigned {
            return Err(
                "tls: failed to verify certificate: x509: certificate signed by unknown authority"
                    .to_owned(),
            );
        }
        let host = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Some(Route {
            engine: self.engine,
            host,
            scheme: if is_tls { "https" } else { "http" },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_routed_to_the_engine_and_addresses_are_not() {
        let mut proxy = Proxy {
            engine: "127.0.0.1:8000".parse().unwrap(),
            certificate: Certificate::Valid,
            upgrade: true,
        };
        let route = |proxy: &Proxy, url: &str| proxy.route(&Url::parse(url).unwrap());
        let found = route(&proxy, "wss://bot.example.com:8443/ws")
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.host.as_str(), found.scheme),
            ("bot.example.com:8443", "https")
        );
        assert_eq!(route(&proxy, "http://127.0.0.1:8000/ws"), Ok(None));
        proxy.certificate = Certificate::SelfSigned;
        assert!(route(&proxy, "https://bot.example.com").is_err());
        assert!(
            route(&proxy, "ws://bot.example.com").is_ok(),
            "nothing is shown"
        );
    }
}
