//! Certificates for servers of tests: a CA's, whose key was thrown away, and one that it signed for
//! 127.0.0.1, with its key. All are valid for a hundred years.

use std::path::{Path, PathBuf};

/// The certificate of the CA, in PEM.
pub fn ca() -> PathBuf {
    file("ca.pem")
}

/// The certificate of a server at 127.0.0.1, in PEM.
pub fn server() -> PathBuf {
    file("server.pem")
}

/// The key of that certificate, in PEM.
pub fn server_key() -> PathBuf {
    file("server.key.pem")
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("certificates")
        .join(name)
}
