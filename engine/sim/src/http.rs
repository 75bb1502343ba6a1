//! The HTTP client of the simulated Exotel and of tests. It speaks plain HTTP: the engine leaves TLS
//! to a proxy.

use std::sync::Arc;

use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The provider of cryptography has no version of TLS.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// The system has no resolver.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// The beginning of a client. In this workspace reqwest has TLS without a provider of cryptography,
/// for which the engine's own client has its reasons (`engine/campaign/src/api/tls.rs`), and
/// `Client::new` panics; so every client begins here. This one trusts no certificate.
///
/// # Errors
/// The provider has no version of TLS, which cannot happen.
pub fn client() -> Result<ClientBuilder, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(Client::builder().tls_backend_preconfigured(tls))
}
