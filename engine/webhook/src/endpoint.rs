//! A receiver of messages: where it is, what it is told, and how it knows who tells it.

use std::path::PathBuf;
use std::time::Duration;

use ghanti_model::FlowName;
use ghanti_model::host::is_this_machine;
use reqwest::Url;

use crate::backoff::Backoff;
use crate::kind::{KINDS, covers};
use crate::signature::SigningKey;

/// The longest URL, in bytes.
const URL_BYTES: usize = 2_048;
/// The longest name, in bytes.
const NAME_BYTES: usize = 64;

/// Something of an endpoint that cannot be used. No message has the URL: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The name has other characters, or too many.
    #[error("its name has to be 1 to 64 lower-case letters, digits and `-`")]
    Name,
    /// The URL does not parse, or is too long.
    #[error(
        "its `url` is no URL of at most 2048 characters: write it as `https://crm.example.com/path`"
    )]
    Url,
    /// What is sent would be in the open.
    #[error(
        "its `url` begins with neither https:// nor, for this machine, http://: others could read what is sent"
    )]
    Open,
    /// A user or password, which would be sent beside the signature.
    #[error("its `url` holds a user or password: the signature tells the receiver who sends")]
    Password,
    /// A pattern that covers no kind.
    #[error("its `events` has `{pattern}`, which is no kind of event: there are {}", KINDS.join(", "))]
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
    /// It does not parse, or what is sent there could be read by others.
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

    /// Whether the receiver proves itself by a certificate.
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
    /// Where it is.
    pub target: Target,
    /// The keys that sign what is sent: the one in force, and while it is being changed the one
    /// before.
    pub keys: Vec<SigningKey>,
    /// The kinds of messages that it gets, as patterns whose `*` stands for any characters.
    pub events: Vec<String>,
    /// The flows whose calls it is told of; empty for all, those without a flow included.
    pub flows: Vec<FlowName>,
    /// Whether it is told customers' numbers. Else they are masked.
    pub include_number: bool,
    /// Whether it is told the values that flows note. Else it is told their names.
    pub include_notes: bool,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long an attempt may take in all.
    pub timeout: Duration,
    /// How often and when a message is sent again.
    pub backoff: Backoff,
}

impl Endpoint {
    /// Checks the name and the patterns.
    ///
    /// # Errors
    /// The name has characters that a label of metrics should not have, or a pattern covers no
    /// kind.
    pub fn check(name: &str, events: &[String]) -> Result<(), EndpointError> {
        let usable = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(usable) {
            return Err(EndpointError::Name);
        }
        if events.is_empty() {
            return Err(EndpointError::NoEvents);
        }
        let covers_none = |pattern: &&String| !KINDS.iter().any(|kind| covers(pattern, kind));
        match events.iter().find(covers_none) {
            Some(pattern) => Err(EndpointError::Pattern {
                pattern: pattern.chars().take(NAME_BYTES).collect(),
            }),
            None => Ok(()),
        }
    }

    /// Whether it gets messages of this kind about calls of this flow.
    pub fn wants(&self, kind: &str, flow: Option<&FlowName>) -> bool {
        self.events.iter().any(|pattern| covers(pattern, kind))
            && (self.flows.is_empty() || flow.is_some_and(|flow| self.flows.contains(flow)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_read_is_not_sent() {
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
            let told = Target::parse(url).unwrap_err();
            assert_eq!(told, error, "{url}");
            assert!(!told.to_string().contains("hunter2"));
        }
        assert_eq!(
            Target::parse(&format!("https://a/{}", "a".repeat(URL_BYTES))),
            Err(EndpointError::Url)
        );
    }

    #[test]
    fn a_misspelt_kind_is_told_with_those_there_are() {
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
        let told = error.to_string();
        assert!(
            told.contains("`call.endet`") && told.contains("call.ended"),
            "{told}"
        );
        assert_eq!(Endpoint::check("crm", &[]), Err(EndpointError::NoEvents));
        assert_eq!(
            Endpoint::check("My CRM", &events(&["*"])),
            Err(EndpointError::Name)
        );
    }
}
