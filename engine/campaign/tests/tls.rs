//! The client against a server with TLS: whom it trusts. The certificates are those of
//! the test servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::sync::{Arc, Mutex};

use common::{client_with, dial_request, reply, serve, settings};
use ghanti_campaign::{ApiError, Dialled, ExotelApi, LocalBudget, SetupError};
use ghanti_test_servers::certificates;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// A server with TLS that accepts every dial. Returns its URL and the requests it has read.
async fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let chain = CertificateDer::pem_file_iter(certificates::server())
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates::server_key()).unwrap();
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
    settings.ca_file = Some(certificates::ca());
    let (api, _) = client_with(settings);
    let dialled = api.dial(&dial_request()).await;
    assert!(matches!(dialled, Dialled::Accepted(_)), "{dialled:?}");
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_untrusted_certificate_gets_no_connection_and_no_credentials() {
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
fn an_error_names_a_file_without_certificates() {
    let key = certificates::server_key();
    for file in [key.clone(), key.with_file_name("nothing.pem")] {
        let mut settings = settings("https://127.0.0.1:1");
        settings.ca_file = Some(file.clone());
        let error = ExotelApi::new(settings, Arc::new(LocalBudget::new(1))).unwrap_err();
        assert!(matches!(error, SetupError::CaFile { .. }), "{error:?}");
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}
