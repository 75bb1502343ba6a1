//! The set-up of the simulated Exotel, one TOML file; unknown keys are errors, and all other
//! mistakes are reported together.
//!
//! Reading it does no I/O other than reading the file and the scenarios that it names.

mod caller;
mod flow;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ghanti_model::{AccountSid, Masked, PhoneNumber};
use reqwest::Url;
use serde::Deserialize;

pub use self::caller::{Behaviour, Caller, Pattern, VOICEMAIL_GREETING};
pub use self::flow::{
    Applet, Connect, Flow, Go, Hangup, Passthru, Sends, Stream, SwitchCase, Voicebot,
};
use super::faults::Faults;
use crate::proxy::Proxy;

/// Exotel's limit of requests to the voice API, in a minute (developer.exotel.com/api/rate-limits).
const REQUESTS_PER_MINUTE: usize = 200;
/// Streams that a new account may have at once; the example in the description of `ActiveStreams`.
const STREAMS: usize = 100;
/// How long a phone rings if the request has no `TimeOut`, in seconds. Exotel's default is not
/// documented; networks in India give up after 30 to 60 s.
const RINGS_AT_MOST_S: u64 = 30;
/// When end, duration and price of a call are in its details, in seconds after its end.
const DETAILS_AFTER_S: u64 = 120;

/// The largest factor for `speed`.
const SPEED_MAX: f64 = 10_000.0;

/// What the simulated Exotel does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setup {
    /// By what factor ringing, agents' conversations, late callbacks and the delay of details are
    /// shortened. The stream runs in real time, and so does the minute of the rate limit.
    #[serde(default = "one")]
    pub speed: f64,
    /// How long each reply of the API takes, in milliseconds. Real ones are reported to take 700
    /// on average.
    #[serde(default)]
    pub reply_ms: u64,
    /// How long a phone rings if the request has no `TimeOut`, in seconds.
    #[serde(default = "rings_at_most_s")]
    pub rings_at_most_s: u64,
    /// How long after a call's end its duration, price and end are in the details, in seconds.
    #[serde(default = "details_after_s")]
    pub details_after_s: u64,
    /// The account.
    pub account: Account,
    /// The flows, by app id.
    #[serde(default)]
    pub flows: BTreeMap<String, Flow>,
    /// How customers respond. The first entry that matches a call counts; a call that none matches
    /// is answered by a caller who is silent.
    #[serde(default)]
    pub callers: Vec<Caller>,
    /// Simulated faults, and how often they occur.
    #[serde(default)]
    pub faults: Faults,
    /// The proxy in front of the engine.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// The engine's API, for scenarios with `after-template`.
    #[serde(default)]
    pub engine: Option<EngineApi>,
}

/// An account at Exotel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// Its SID, the tenant's short name.
    pub sid: AccountSid,
    /// The API key, the user of Basic authentication.
    pub key: Masked,
    /// The API token, its password.
    pub token: Masked,
    /// The ExoPhones.
    pub numbers: Vec<PhoneNumber>,
    /// Whether the documents of the account's owner were accepted; without that, no outbound calls.
    #[serde(default = "yes")]
    pub kyc: bool,
    /// The most requests in a minute.
    #[serde(default = "requests_per_minute")]
    pub requests_per_minute: usize,
    /// The most concurrent streams.
    #[serde(default = "streams")]
    pub streams: usize,
}

/// Where the record of a call can be read while it runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EngineApi {
    /// The engine's base URL, with the API token as its password if there is one:
    /// `http://:TOKEN@127.0.0.1:8000`.
    pub url: Masked,
}

/// A URL that may hold a token; it is shown without user, password and query.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub Url);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        // refused only for URLs that cannot have them
        let _ = shown
            .set_username("")
            .and_then(|()| shown.set_password(None));
        shown.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Exotel silently rejects URLs with leading spaces
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "ws" | "wss") => Ok(Self(url)),
            _ => Err(format!(
                "`{text}` is not a URL with `http`, `https`, `ws` or `wss`"
            )),
        }
    }
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn rings_at_most_s() -> u64 {
    RINGS_AT_MOST_S
}

fn details_after_s() -> u64 {
    DETAILS_AFTER_S
}

fn requests_per_minute() -> usize {
    REQUESTS_PER_MINUTE
}

fn streams() -> usize {
    STREAMS
}

/// The set-up cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file cannot be read.
    #[error("cannot read the set-up `{path}`: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The file is not a valid set-up.
    #[error("the set-up is wrong (`{name}`): {reason}")]
    Invalid {
        /// The file's path.
        name: String,
        /// All errors, with a line if TOML reports one.
        reason: String,
    },
}

impl Setup {
    /// Loads a set-up from a file. Scenarios are named relative to its folder.
    pub fn load(path: &Path) -> Result<Self, SetupError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|reason| SetupError::Unreadable {
            path: name.clone(),
            reason,
        })?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self::parse(&text, &name, &folder)
    }

    /// Parses a set-up. `name` is used in errors; scenarios are named relative to `folder`.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Self, SetupError> {
        let invalid = |reason: String| SetupError::Invalid {
            name: name.to_owned(),
            reason,
        };
        let mut setup: Self = toml::from_str(text)
            .map_err(|error| invalid(ghanti_manifest::toml_error(text, &error)))?;
        let mut errors = setup.errors();
        for caller in &mut setup.callers {
            errors.extend(caller.apply_scenario(folder).err());
        }
        if setup.engine.is_none() && setup.callers.iter().any(Caller::needs_record) {
            errors.push(
                "a caller waits for `after-template`, which is in the call's record: add `[engine] url`".to_owned(),
            );
        }
        match errors[..] {
            [] => Ok(setup),
            _ => Err(invalid(errors.join("; "))),
        }
    }

    /// Replaces the factor for time.
    ///
    /// # Errors
    /// It is not above 0, or far too large.
    pub fn with_speed(self, speed: f64) -> Result<Self, SetupError> {
        let setup = Self { speed, ..self };
        match setup.errors()[..] {
            [] => Ok(setup),
            ref errors => Err(SetupError::Invalid {
                name: "--speed".to_owned(),
                reason: errors.join("; "),
            }),
        }
    }

    /// A simulated time, shortened by `speed`.
    pub fn scaled(&self, time: Duration) -> Duration {
        time.div_f64(self.speed)
    }

    fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if !(self.speed > 0.0 && self.speed <= SPEED_MAX) {
            errors.push(format!(
                "`speed = {}`: give a factor above 0, up to {SPEED_MAX}",
                self.speed
            ));
        }
        if self.account.numbers.is_empty() {
            errors.push("`numbers` of `[account]` is empty: nobody can be called".to_owned());
        }
        if self.account.requests_per_minute == 0 {
            errors.push("`requests-per-minute` of `[account]` is 0: give at least 1".to_owned());
        }
        for (app_id, flow) in &self.flows {
            errors.extend(
                flow.errors()
                    .into_iter()
                    .map(|error| format!("flow `{app_id}`: {error}")),
            );
        }
        errors.extend(self.callers.iter().flat_map(Caller::errors));
        errors.extend(self.faults.errors());
        errors
    }
}

#[cfg(test)]
mod tests;
