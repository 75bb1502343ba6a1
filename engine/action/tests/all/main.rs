//! Actions against servers that answer as tests say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod definitions;
mod faults;
mod protocols;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ghanti_action::{ActionError, Actions, Definition, SecretText, Setup, SmsAccount};
use ghanti_model::{CallFacts, CallId, Direction, Language, PhoneNumber};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value as Json;

/// A secret that must be nowhere but in requests.
pub const SECRET: &str = "hunter2-hunter2";

/// An outbound call to a customer.
fn call() -> CallFacts {
    CallFacts {
        call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
        call_sid: None,
        direction: Direction::Outbound,
        customer_number: PhoneNumber::parse("9876543210").ok(),
        line_number: PhoneNumber::parse("08040001234").ok(),
        language: Language::english(),
        parameters: Vec::new(),
    }
}

/// The definitions in a configuration.
fn definitions(text: &str) -> BTreeMap<String, Definition> {
    #[derive(serde::Deserialize)]
    struct File {
        actions: BTreeMap<String, Definition>,
    }
    toml::from_str::<File>(text).unwrap().actions
}

fn tls(_: bool, ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        let pem = std::fs::read(file).map_err(|error| error.to_string())?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.unwrap()).unwrap();
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The actions of a configuration, with an account at an Exotel.
fn opened(text: &str, exotel: Option<String>) -> Result<Actions, Vec<String>> {
    let setup = Setup {
        tls: &tls,
        sms: exotel.map(|base_url| SmsAccount {
            base_url,
            account_sid: "acme1".to_owned(),
            api_key: SecretText::new("key-0123456789"),
            api_token: SecretText::new(SECRET),
            ca_file: None,
        }),
        traces: true,
    };
    Actions::open(&definitions(text), &setup)
}

/// The actions of a configuration.
pub fn actions(text: &str) -> Actions {
    opened(text, None).unwrap()
}

/// Invokes the action `a`.
pub async fn invoke(actions: &Actions, input: Json) -> Result<Json, ActionError> {
    actions.invoke("a", &input, &call(), 1).await
}

/// The sentence of an error, which has no secret.
pub fn reported(result: Result<Json, ActionError>) -> String {
    let reported = format!("{}", result.unwrap_err());
    assert!(
        !reported.contains(SECRET) && !reported.contains("98765"),
        "{reported}"
    );
    reported
}
