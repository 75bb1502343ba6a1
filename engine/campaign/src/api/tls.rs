//! TLS of the client: rustls with ring, which needs no other build tools than a C compiler; the
//! system's certificates, and a file's.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::settings::SetupError;

/// The configuration of a client. Without certificates nothing is trusted, which is right for a
/// client that speaks plain HTTP.
///
/// # Errors
/// A certificate that is needed cannot be read.
pub fn config(
    needs_certificates: bool,
    ca_file: Option<&Path>,
) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    if needs_certificates {
        // one that cannot be read must not prevent the use of the others
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(file) = ca_file {
        add(&mut roots, file)?;
    }
    if needs_certificates && roots.is_empty() {
        return Err(SetupError::NoCertificates);
    }
    // set here, because a library cannot know the process' default
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Client {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), SetupError> {
    let wrong = |reason: String| SetupError::CaFile {
        file: file.to_owned(),
        reason,
    };
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
        count += 1;
    }
    if count == 0 {
        return Err(wrong("it has none".to_owned()));
    }
    Ok(())
}
