//! `[webhooks.NAME]`: receivers of webhooks about calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_model::FlowName;
use ghanti_webhook::delivery::{ENDPOINTS, LONGEST_ATTEMPT};
use ghanti_webhook::{Backoff, Endpoint, SigningKey, Target};
use serde::{Deserialize, Deserializer, Serialize};

use super::Config;
use crate::secret::Secret;

/// `[webhooks.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// Where messages are sent: `https://`, or `http://` of this machine. It may contain a secret.
    #[serde(deserialize_with = "secret")]
    pub url: Secret,
    /// The key that signs messages.
    #[serde(deserialize_with = "secret")]
    pub secret: Secret,
    /// The previous key, while it is being changed: messages are signed with both.
    #[serde(default, deserialize_with = "some_secret")]
    pub previous_secret: Option<Secret>,
    /// Kinds of events, as patterns.
    #[serde(default = "all")]
    pub events: Vec<String>,
    /// Flows whose calls are reported; empty for all.
    #[serde(default)]
    pub flows: Vec<FlowName>,
    /// Whether messages contain the customer's full number.
    #[serde(default)]
    pub include_number: bool,
    /// Whether messages contain the values that the flow noted.
    #[serde(default)]
    pub include_notes: bool,
    /// A PEM file of certificates to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long an attempt may take, in seconds.
    #[serde(default = "timeout_s")]
    pub timeout_s: u64,
    /// Number of attempts before a message is given up.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// The pause after the first failed attempt, in seconds. Each further one is four times as
    /// long, up to six hours.
    #[serde(default = "first_retry_s")]
    pub first_retry_s: u64,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn timeout_s() -> u64 {
    10
}

/// Twelve attempts end after two days.
fn attempts() -> u32 {
    12
}

fn first_retry_s() -> u64 {
    5
}

/// Reads a text. The error does not repeat a value of another type.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "it takes a text in quotes")]
    enum Text {
        Text(String),
    }
    let Text::Text(text) = Text::deserialize(deserializer)?;
    Ok(Secret::new(text))
}

pub(super) fn some_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret>, D::Error> {
    secret(deserializer).map(Some)
}

impl Webhook {
    /// The receiver, or what is wrong with its settings.
    fn endpoint(&self, name: &str) -> Result<Endpoint, Vec<String>> {
        let mut errors = Vec::new();
        let target = Target::parse(self.url.expose());
        let keys = [
            ("secret", Some(&self.secret)),
            ("previous-secret", self.previous_secret.as_ref()),
        ];
        let keys: Vec<_> = keys
            .into_iter()
            .filter_map(|(setting, secret)| {
                let key = SigningKey::parse(secret?.expose());
                key.map_err(|error| {
                    errors.push(format!("`{setting}` of `[webhooks.{name}]`: {error}"))
                })
                .ok()
            })
            .collect();
        let mut range = |setting: &str, value: u64, most: u64, unit: &str| {
            if !(1..=most).contains(&value) {
                errors.push(format!(
                    "`{setting}` of `[webhooks.{name}]` is `{value}`: choose 1 to {most} {unit}"
                ));
            }
        };
        range(
            "timeout-s",
            self.timeout_s,
            LONGEST_ATTEMPT.as_secs(),
            "seconds",
        );
        range("attempts", self.attempts.into(), 100, "attempts");
        range("first-retry-s", self.first_retry_s, 3_600, "seconds");
        if self
            .ca_file
            .as_ref()
            .is_some_and(|file| file.as_os_str().is_empty())
        {
            errors.push(format!(
                "`ca-file` of `[webhooks.{name}]` is empty: name a PEM file, or remove it"
            ));
        }
        if let Err(error) = Endpoint::check(name, &self.events) {
            errors.push(format!("`[webhooks.{}]`: {error}", name.escape_default()));
        }
        match target {
            Ok(target) if errors.is_empty() => Ok(Endpoint {
                name: name.to_owned(),
                target,
                keys,
                events: self.events.clone(),
                flows: self.flows.clone(),
                include_number: self.include_number,
                include_notes: self.include_notes,
                ca_file: self.ca_file.clone(),
                timeout: Duration::from_secs(self.timeout_s),
                backoff: Backoff {
                    attempts: self.attempts,
                    first_ms: self.first_retry_s.saturating_mul(1_000),
                },
            }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(format!("`[webhooks.{name}]`: {error}"));
                Err(errors)
            }
        }
    }
}

impl Config {
    /// The receivers of webhooks. Those with errors are left out; a configuration that was read has
    /// none.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let endpoints = self.webhooks.iter();
        endpoints
            .filter_map(|(name, webhook)| webhook.endpoint(name).ok())
            .collect()
    }
}

pub(super) fn check(webhooks: &BTreeMap<String, Webhook>, errors: &mut Vec<String>) {
    if webhooks.len() > ENDPOINTS {
        errors.push(format!(
            "`[webhooks]` has {} receivers: there may be {ENDPOINTS}",
            webhooks.len()
        ));
    }
    for (name, webhook) in webhooks {
        if let Err(wrong) = webhook.endpoint(name) {
            errors.extend(wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const CRM: &str = "[webhooks.crm]\nurl = 'https://crm.example.com/hook?key=hunter2'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n";

    fn errors(text: &str) -> String {
        let ConfigError(errors) = read(text, []).unwrap_err();
        errors.join("\n")
    }

    #[test]
    fn a_receiver_needs_a_url_and_a_key() {
        let config = read(CRM, []).unwrap();
        let [endpoint] = &config.endpoints()[..] else {
            panic!("one endpoint");
        };
        assert!(endpoint.wants("call.ended", None) && !endpoint.include_number);
        let shown = format!("{} {config:?} {endpoint:?}", printed(&config));
        assert!(!shown.contains("MfKQ9r8G"), "{shown}");
        assert!(!printed(&config).contains("hunter2"));
        assert!(errors("[webhooks.crm]\nurl = 'https://crm.example.com/'\n").contains("`secret`"));
        let variable = format!("{{ url = 'https://crm.example.com/', secret = '{SECRET}' }}");
        let of_variable = read("", [("GHANTI_WEBHOOKS_CRM".to_owned(), variable)]).unwrap();
        assert_eq!(of_variable.endpoints().len(), 1);
    }

    #[test]
    fn errors_name_the_setting_and_never_contain_a_secret() {
        for (text, part) in [
            ("secret = 'hunter2'", "`secret` of `[webhooks.crm]`"),
            ("secret = 918273645546372", "`crm` of `[webhooks]`"),
            (
                "url = 'http://crm.example.com/hunter2'",
                "neither https:// nor",
            ),
            (
                "url = 'https://a:hunter2@crm.example.com/'",
                "contains a user or password",
            ),
            (
                "previous-secret = 'hunter2'",
                "`previous-secret` of `[webhooks.crm]`",
            ),
            ("events = []", "`events` is empty"),
            (
                "events = ['call.endet']",
                "`call.endet`, which is not a kind of event",
            ),
            ("timeout-s = 21", "`timeout-s` of `[webhooks.crm]` is `21`"),
            ("attempts = 0", "`attempts` of `[webhooks.crm]`"),
            ("first-retry-s = 0", "`first-retry-s` of `[webhooks.crm]`"),
            ("ca-file = ''", "`ca-file` of `[webhooks.crm]`"),
            ("flows = ['Two words']", "`crm` of `[webhooks]`"),
        ] {
            let key = text.split(' ').next().unwrap();
            let lines = CRM
                .lines()
                .filter(|line| !line.starts_with(&format!("{key} =")));
            let errors = errors(&format!(
                "{}\n{text}\n",
                lines.collect::<Vec<_>>().join("\n")
            ));
            assert!(errors.contains(part), "{text}: {errors}");
            assert!(
                !errors.contains("hunter2") && !errors.contains("918273645546372"),
                "{errors}"
            );
        }
        let many: String = (0..=ENDPOINTS)
            .map(|at| CRM.replace("crm]", &format!("crm{at}]")))
            .collect();
        assert!(errors(&many).contains("there may be 16"));
    }
}
