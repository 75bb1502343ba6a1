//! The HTTP client of the simulated Exotel, of commands that call an engine, and of tests. It trusts the
//! system's certificates or, if the variable `SSL_CERT_FILE` is set, those of a PEM file.

use std::sync::LazyLock;

use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The provider of cryptography has no version of TLS.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// The system has no resolver.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A client builder. In this workspace reqwest is built without a cryptography provider (see
/// `engine/campaign/src/api/tls.rs`), so `Client::new` panics and every client is built here.
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
        // one that cannot be read must not prevent the use of the others
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    });
    TLS.clone()
}
