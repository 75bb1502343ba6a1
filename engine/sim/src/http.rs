//! The HTTP client of the simulated Exotel, of commands that ask an engine, and of tests; and what it
//! trusts: the certificates of the system or, where the variable `SSL_CERT_FILE` names one, of a file
//! in PEM.

use std::sync::LazyLock;

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
/// `Client::new` panics; so every client begins here.
///
/// # Errors
/// The provider has no version of TLS, which cannot happen.
pub fn client() -> Result<ClientBuilder, rustls::Error> {
    Ok(Client::builder().tls_backend_preconfigured(tls()?))
}

/// The configuration of TLS. Certificates are read once.
///
/// # Errors
/// As [`client`].
pub fn tls() -> Result<ClientConfig, rustls::Error> {
    static TLS: LazyLock<Result<ClientConfig, rustls::Error>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        // one that cannot be read must not keep the others from being used
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    });
    TLS.clone()
}
