//! Whether connections to stores are encrypted, and whose certificates are trusted.
//!
//! Off this machine nothing falls back to plain text unseen: a URL that allows that is refused, and
//! one that asks for plain text is used with a warning.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::OpenError;

/// Characters in a line of a PEM file (RFC 7468, 2).
const PEM_LINE: usize = 64;

/// Whether a host is this machine: a loopback address, `localhost`, or the folder of a socket.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.is_empty()
        || host.starts_with('/')
        || bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Reads a file of certificates in PEM, to be trusted besides the system's.
///
/// # Errors
/// The file cannot be read or has no certificate.
pub(crate) fn certificates(file: &Path) -> Result<Vec<u8>, OpenError> {
    let unusable = |reason: String| OpenError::CaFile {
        path: file.to_owned(),
        reason,
    };
    let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let has_any = pem
        .windows(BEGIN.len())
        .any(|window| window == BEGIN.as_bytes());
    if !has_any {
        return Err(unusable("it has no certificate in PEM".to_owned()));
    }
    Ok(pem)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The system's certificates and those of a file, in PEM: Redis' client trusts either its own choice
/// or what it is given.
///
/// # Errors
/// See [`certificates`].
pub(crate) fn trusted(file: &Path) -> Result<Vec<u8>, OpenError> {
    let mut all = certificates(file)?;
    // one that cannot be read must not keep the others from being used
    for certificate in rustls_native_certs::load_native_certs().certs {
        all.extend_from_slice(format!("\n{BEGIN}\n").as_bytes());
        for line in STANDARD.encode(&certificate).as_bytes().chunks(PEM_LINE) {
            all.extend_from_slice(line);
            all.push(b'\n');
        }
        all.extend_from_slice(END.as_bytes());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_and_sockets_are_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "[::1]",
            "/run/postgresql",
            "",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example.com", "db", "::2", "0.0.0.0"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let missing = certificates(&file).unwrap_err().to_string();
        assert!(missing.contains("ca.pem"), "{missing}");
        std::fs::write(&file, "-----BEGIN PRIVATE KEY-----").unwrap();
        let none = certificates(&file).unwrap_err().to_string();
        assert!(none.contains("no certificate"), "{none}");
    }
}
