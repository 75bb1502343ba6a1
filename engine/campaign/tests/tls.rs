//! The client against a server with TLS: whom it trusts. The certificates in `certificates/` are a
//! CA's, whose key was thrown away, and a server's at 127.0.0.1, both valid for a hundred years.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{client_with, dial_request, reply, serve, settings};
use ghanti_campaign::{ApiError, Dialled, ExotelApi, LocalBudget, SetupError};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/certificates")
        .join(name)
}

/// A server with TLS that accepts every dial. Returns its URL and the requests it has read.
async fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let chain = CertificateDer::pem_file_iter(certificate("server.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate("server.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            if let Ok(socket) = acceptor.accept(socket).await {
                let does = vec![reply(200, "", r#"{"Call":{"Sid":"c1"}}"#)];
                serve(socket, does, Arc::clone(&kept), Arc::new(Semaphore::new(0))).await;
            }
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_certificate_of_the_given_file_is_trusted() {
    let (url, requests) = server().await;
    let mut settings = settings(&url);
    settings.ca_file = Some(certificate("ca.pem"));
    let (api, _) = client_with(settings);
    let dialled = api.dial(&dial_request()).await;
    assert!(matches!(dialled, Dialled::Accepted(_)), "{dialled:?}");
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_strangers_certificate_is_no_connection_and_gets_no_credentials() {
    let (url, requests) = server().await;
    let (api, _) = client_with(settings(&url));
    let dialled = api.dial(&dial_request()).await;
    assert!(
        matches!(&dialled, Dialled::Refused(ApiError::NotConnected { reason, .. }) if reason.contains("certificate")),
        "{dialled:?}"
    );
    assert_eq!(requests.lock().unwrap().len(), 0);
}

#[test]
fn a_file_without_certificates_is_told_by_its_name() {
    for file in ["server.key.pem", "nothing.pem"] {
        let mut settings = settings("https://127.0.0.1:1");
        settings.ca_file = Some(certificate(file));
        let error = ExotelApi::new(settings, Arc::new(LocalBudget::new(1))).unwrap_err();
        assert!(matches!(error, SetupError::CaFile { .. }), "{error:?}");
        assert!(error.to_string().contains(file), "{error}");
    }
}
