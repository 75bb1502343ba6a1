//! The client's settings: account, address and timeouts.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_exotel::rest::Region;
use ghanti_model::host::is_this_machine;
use reqwest::Url;

/// Timeout for a connection, with TLS: the round trip to Exotel takes a tenth of a second from
/// anywhere.
pub const CONNECT: Duration = Duration::from_secs(5);

/// Timeout for a whole request. Exotel answers a dial only once the number has been dialled;
/// replies after up to 30 s are reported.
pub const WHOLE: Duration = Duration::from_secs(30);

/// How long a read may wait for its turn.
pub const TURN: Duration = Duration::from_secs(10);

/// How long a dial may wait for its turn: after all other dials of an engine, at Exotel's limit, and a
/// pause of a minute.
pub const DIAL_TURN: Duration = Duration::from_secs(120);

/// The credentials of an account. `Debug` shows only the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account's SID, a short name such as `acme1`.
    pub account_sid: String,
    /// The API key: the user name of HTTP Basic.
    pub api_key: String,
    /// The API token: the password.
    pub api_token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("account_sid", &self.account_sid)
            .finish_non_exhaustive()
    }
}

/// The address of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Exotel's own address for a region.
    Region(Region),
    /// A base URL: `https://…`, or `http://…` of this machine for a simulated Exotel.
    Url(String),
}

impl Endpoint {
    /// Checks that the credentials may be sent there.
    ///
    /// # Errors
    /// The URL cannot be used, or would send the credentials unencrypted.
    pub fn check(&self) -> Result<(), SetupError> {
        base_url(self).map(drop)
    }
}

/// Settings of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// The account.
    pub credentials: Credentials,
    /// The address of the API.
    pub endpoint: Endpoint,
    /// A PEM file of certificates to trust besides those of the system, such as a proxy's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take; [`CONNECT`].
    pub connect: Duration,
    /// How long a request may take in all; [`WHOLE`].
    pub whole: Duration,
    /// How long a read may wait for its turn; [`TURN`].
    pub turn: Duration,
    /// How long a dial may wait for its turn; [`DIAL_TURN`].
    pub dial_turn: Duration,
}

impl ApiSettings {
    /// Settings with the time-outs of this module.
    pub fn new(credentials: Credentials, endpoint: Endpoint) -> Self {
        Self {
            credentials,
            endpoint,
            ca_file: None,
            connect: CONNECT,
            whole: WHOLE,
            turn: TURN,
            dial_turn: DIAL_TURN,
        }
    }
}

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL cannot be used.
    #[error("cannot use the address of Exotel's API: {reason}")]
    Url {
        /// What is wrong, without the URL, which may contain a password.
        reason: &'static str,
    },
    /// A part of the credentials is empty or has characters that cannot be sent.
    #[error(
        "cannot use `{name}` for Exotel's API: it is empty or has spaces or other characters that Exotel's keys never have; copy it again"
    )]
    Credentials {
        /// The setting.
        name: &'static str,
    },
    /// The file of further certificates cannot be used.
    #[error("cannot use the certificates of `{}`: {reason}; give a PEM file", .file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// This system has no certificates to trust.
    #[error(
        "this system has no CA certificates, so Exotel's certificate cannot be checked: install them (Debian: `apt-get install ca-certificates`)"
    )]
    NoCertificates,
    /// The HTTP client cannot be made.
    #[error("cannot create the client of Exotel's API: {reason}")]
    Client {
        /// The library's error.
        reason: String,
    },
}

/// The base URL, checked: the credentials go there with every request.
pub(super) fn base_url(endpoint: &Endpoint) -> Result<Url, SetupError> {
    let wrong = |reason| Err(SetupError::Url { reason });
    let text = match endpoint {
        Endpoint::Region(region) => region.base_url(),
        Endpoint::Url(url) => url,
    };
    let Ok(url) = Url::parse(text) else {
        return wrong("it is not a URL; write it as `https://api.in.exotel.com`");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            "it contains a user name or password; give these as `api-key` and `api-token`",
        );
    }
    if url.query().is_some() || url.fragment().is_some() || url.cannot_be_a_base() {
        return wrong("give only scheme, host and path");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(url.host_str().unwrap_or_default()) => Ok(url),
        "http" => wrong(
            "it begins with `http://`, which would send the credentials unencrypted; it is only allowed for this machine",
        ),
        _ => wrong("it has to begin with `https://`"),
    }
}

impl Credentials {
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let parts = [
            ("account-sid", &self.account_sid),
            ("api-key", &self.api_key),
            ("api-token", &self.api_token),
        ];
        for (name, value) in parts {
            // a colon would end the user name
            let is_sent = |character: char| character.is_ascii_graphic() && character != ':';
            if value.is_empty() || !value.chars().all(is_sent) {
                return Err(SetupError::Credentials { name });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_sent_only_to_https_or_this_machine() {
        for (url, is_right) in [
            ("https://api.in.exotel.com", true),
            ("https://proxy.example.com:8443/exotel/", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000/", true),
            ("http://localhost:9000", true),
            ("http://api.exotel.com", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("https://key:hunter2@api.exotel.com", false),
            ("https://api.exotel.com?x=hunter2", false),
            ("ftp://api.exotel.com", false),
            ("api.exotel.com", false),
            ("", false),
        ] {
            let base = base_url(&Endpoint::Url(url.to_owned()));
            assert_eq!(base.is_ok(), is_right, "{url}: {base:?}");
            assert!(!format!("{base:?}").contains("hunter2") || is_right);
        }
        for region in [Region::Mumbai, Region::Singapore] {
            assert!(base_url(&Endpoint::Region(region)).is_ok());
        }
    }

    #[test]
    fn credentials_that_do_not_fit_into_a_header_are_refused_and_never_shown() {
        let good = Credentials {
            account_sid: "acme1".to_owned(),
            api_key: "0123456789abcdef".to_owned(),
            api_token: "hunter2hunter2".to_owned(),
        };
        assert!(good.check().is_ok());
        for (key, token) in [
            ("", "t"),
            ("k", ""),
            ("a:b", "t"),
            ("k", "t\n"),
            ("k ", "t"),
        ] {
            let wrong = Credentials {
                api_key: key.to_owned(),
                api_token: token.to_owned(),
                ..good.clone()
            };
            assert!(wrong.check().is_err(), "{key:?} {token:?}");
        }
        let shown = format!(
            "{:?}",
            ApiSettings::new(good, Endpoint::Region(Region::Mumbai))
        );
        assert!(shown.contains("acme1"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("0123"),
            "{shown}"
        );
    }
}
