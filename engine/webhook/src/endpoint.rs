//! A receiver of messages: its URL, which messages it gets, and the keys that sign them.

use std::path::PathBuf;
use std::time::Duration;

use ghanti_model::FlowName;
use ghanti_model::host::is_this_machine;
use reqwest::Url;

use crate::backoff::Backoff;
use crate::kind::{KINDS, matches};
use crate::signature::SigningKey;

/// Maximum length of a URL in bytes.
const URL_BYTES: usize = 2_048;
/// Maximum length of a name in bytes.
const NAME_BYTES: usize = 64;

/// An invalid setting of an endpoint. No error contains the URL, which may have a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The name has other characters, or too many.
    #[error("its name must have 1 to 64 lower-case letters, digits and `-`")]
    Name,
    /// The URL does not parse, or is too long.
    #[error(
        "its `url` is not a URL of at most 2048 characters: write it as `https://crm.example.com/path`"
    )]
    Url,
    /// Messages would be sent unencrypted.
    #[error(
        "its `url` begins with neither https:// nor, for this machine, http://: others could read what is sent"
    )]
    Open,
    /// The URL has a user or password, which the signature makes unnecessary.
    #[error(
        "its `url` contains a user or password: remove it, since the signature identifies the sender"
    )]
    Password,
    /// A pattern that matches no kind.
    #[error("its `events` has `{pattern}`, which is not a kind of event: use one of {}", KINDS.join(", "))]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// No pattern.
    #[error("its `events` is empty: name at least one kind, or remove it for all")]
    NoEvents,
}

/// Where messages are sent: `https://`, or `http://` of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// It does not parse, or others could read the messages.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.len() > URL_BYTES {
            return Err(EndpointError::Url);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::Url)?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(url.host_str().unwrap_or_default()) => {}
            _ => return Err(EndpointError::Open),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Password);
        }
        Ok(Self(url))
    }

    /// Whether the receiver is authenticated by a certificate.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

/// A receiver.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name in the configuration.
    pub name: String,
    /// Where messages are sent.
    pub target: Target,
    /// The keys that sign messages: the current one and, while it is being changed, the previous one.
    pub keys: Vec<SigningKey>,
    /// The kinds of messages that it gets, as patterns in which `*` matches any characters.
    pub events: Vec<String>,
    /// The flows whose calls are reported; empty for all calls, including those without a flow.
    pub flows: Vec<FlowName>,
    /// Whether messages contain customers' numbers. Otherwise they are masked.
    pub include_number: bool,
    /// Whether messages contain the values that flows note. Otherwise they contain only their names.
    pub include_notes: bool,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Timeout of an attempt.
    pub timeout: Duration,
    /// The schedule of retries.
    pub backoff: Backoff,
}

impl Endpoint {
    /// Checks the name and the patterns.
    ///
    /// # Errors
    /// The name has characters that a label of metrics should not have, or a pattern matches no
    /// kind.
    pub fn check(name: &str, events: &[String]) -> Result<(), EndpointError> {
        let usable = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(usable) {
            return Err(EndpointError::Name);
        }
        if events.is_empty() {
            return Err(EndpointError::NoEvents);
        }
        let covers_none = |pattern: &&String| !KINDS.iter().any(|kind| matches(pattern, kind));
        match events.iter().find(covers_none) {
            Some(pattern) => Err(EndpointError::Pattern {
                pattern: pattern.chars().take(NAME_BYTES).collect(),
            }),
            None => Ok(()),
        }
    }

    /// Whether it gets messages of this kind about calls of this flow.
    pub fn wants(&self, kind: &str, flow: Option<&FlowName>) -> bool {
        self.events.iter().any(|pattern| matches(pattern, kind))
            && (self.flows.is_empty() || flow.is_some_and(|flow| self.flows.contains(flow)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_not_sent_unencrypted() {
        for url in [
            "https://crm.example.com/hook?key=1",
            "http://127.0.0.1:9000/hook",
            "http://[::1]:9000/",
            "http://localhost/hook",
        ] {
            assert!(Target::parse(url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("http://crm.example.com/hook", EndpointError::Open),
            ("http://127.0.0.1.example.com/", EndpointError::Open),
            ("ftp://localhost/", EndpointError::Open),
            ("crm.example.com", EndpointError::Url),
            (
                "https://a:hunter2@crm.example.com/",
                EndpointError::Password,
            ),
        ] {
            let reported = Target::parse(url).unwrap_err();
            assert_eq!(reported, error, "{url}");
            assert!(!reported.to_string().contains("hunter2"));
        }
        assert_eq!(
            Target::parse(&format!("https://a/{}", "a".repeat(URL_BYTES))),
            Err(EndpointError::Url)
        );
    }

    #[test]
    fn a_misspelt_kind_is_an_error_with_the_known_kinds() {
        let events = |events: &[&str]| {
            events
                .iter()
                .map(|&event| event.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            Endpoint::check("crm", &events(&["call.*", "transfer.outcome"])),
            Ok(())
        );
        let error = Endpoint::check("crm", &events(&["call.*", "call.endet"])).unwrap_err();
        let reported = error.to_string();
        assert!(
            reported.contains("`call.endet`") && reported.contains("call.ended"),
            "{reported}"
        );
        assert_eq!(Endpoint::check("crm", &[]), Err(EndpointError::NoEvents));
        assert_eq!(
            Endpoint::check("My CRM", &events(&["*"])),
            Err(EndpointError::Name)
        );
    }
}
