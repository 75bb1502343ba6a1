//! What stands in front of the engine: DNS and a proxy with TLS, as an operator sets them up,
//! rightly or wrongly.
//!
//! Every URL whose host is a name leads to the engine, in the clear, with the name as `Host` and the
//! URL's scheme as `X-Forwarded-Proto`. URLs with an address are not touched.

use std::net::SocketAddr;

use reqwest::Url;
use serde::Deserialize;

/// The header that tells the engine by which scheme the proxy was asked.
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
    /// Whether it passes on that a request asks for a WebSocket.
    #[serde(default = "yes")]
    pub upgrade: bool,
}

/// A proxy's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// Of an authority that everybody trusts.
    #[default]
    Valid,
    /// Of nobody that Exotel knows.
    SelfSigned,
}

/// How a URL is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
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
    /// The way of a URL; `None` if its host is an address.
    ///
    /// # Errors
    /// Exotel does not accept the certificate, in the words of its library.
    pub fn way(&self, url: &Url) -> Result<Option<Way>, String> {
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
        Ok(Some(Way {
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
    fn names_lead_to_the_engine_and_addresses_to_themselves() {
        let mut proxy = Proxy {
            engine: "127.0.0.1:8000".parse().unwrap(),
            certificate: Certificate::Valid,
            upgrade: true,
        };
        let way = |proxy: &Proxy, url: &str| proxy.way(&Url::parse(url).unwrap());
        let found = way(&proxy, "wss://bot.example.com:8443/ws")
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.host.as_str(), found.scheme),
            ("bot.example.com:8443", "https")
        );
        assert_eq!(way(&proxy, "http://127.0.0.1:8000/ws"), Ok(None));
        proxy.certificate = Certificate::SelfSigned;
        assert!(way(&proxy, "https://bot.example.com").is_err());
        assert!(
            way(&proxy, "ws://bot.example.com").is_ok(),
            "nothing is shown"
        );
    }
}
