//! `[exotel]`: the account from which customers are dialled, all of it or nothing.

use std::path::PathBuf;

use ghanti_campaign::rate::REQUESTS_PER_MINUTE;
use ghanti_campaign::{ApiSettings, Credentials, Endpoint};
use ghanti_exotel::rest::flow_url;
use ghanti_model::PhoneNumber;
use serde::{Deserialize, Deserializer, Serialize};

use crate::secret::Secret;

/// The longest ringing, in seconds: networks give up after about a minute.
const RING_MAX_S: u32 = 120;

/// `[exotel]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exotel {
    /// The account's SID. When absent, the engine does not dial.
    pub account_sid: Option<String>,
    /// The API key.
    pub api_key: Option<Secret>,
    /// The API token.
    pub api_token: Option<Secret>,
    /// The account's region.
    pub region: Region,
    /// The base URL of the API; overrides the region.
    pub api_url: Option<String>,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The ExoPhone to call from.
    pub caller_id: Option<PhoneNumber>,
    /// The id of the Exotel flow that calls are connected to.
    #[serde(deserialize_with = "text_or_number")]
    pub flow_id: Option<String>,
    /// How long a customer's phone rings, in seconds.
    pub ring_s: u32,
    /// Whether Exotel records the calls.
    pub record: bool,
    /// Requests to Exotel in a minute.
    pub requests_per_minute: u32,
}

/// The region of an account, which decides its API's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    /// `api.in.exotel.com`
    Mumbai,
    /// `api.exotel.com`
    Singapore,
}

impl Default for Exotel {
    fn default() -> Self {
        Self {
            account_sid: None,
            api_key: None,
            api_token: None,
            region: Region::Mumbai,
            api_url: None,
            ca_file: None,
            caller_id: None,
            flow_id: None,
            ring_s: 30,
            record: false,
            requests_per_minute: REQUESTS_PER_MINUTE,
        }
    }
}

impl Exotel {
    /// The settings of the API's client; `None` where no account is set, so that the engine does
    /// not dial.
    pub fn account(&self) -> Option<ApiSettings> {
        let credentials = Credentials {
            account_sid: self.account_sid.clone()?,
            api_key: self.api_key.as_ref()?.expose().to_owned(),
            api_token: self.api_token.as_ref()?.expose().to_owned(),
        };
        let region = match self.region {
            Region::Mumbai => ghanti_exotel::rest::Region::Mumbai,
            Region::Singapore => ghanti_exotel::rest::Region::Singapore,
        };
        let endpoint = match &self.api_url {
            Some(url) => Endpoint::Url(url.clone()),
            None => Endpoint::Region(region),
        };
        Some(ApiSettings {
            ca_file: self.ca_file.clone(),
            ..ApiSettings::new(credentials, endpoint)
        })
    }

    /// The URL of the flow that calls are connected to.
    pub fn flow_url(&self) -> Option<String> {
        Some(flow_url(
            self.account_sid.as_deref()?,
            self.flow_id.as_deref()?,
        ))
    }
}

/// Checks the section. An account needs its credentials and a number to call from: half of that is a
/// mistake that would not be noticed until the first dial. A flow is not needed to connect a call to
/// the bot directly.
pub(super) fn check(exotel: &Exotel, errors: &mut Vec<String>) {
    let parts = [
        ("account-sid", exotel.account_sid.is_some()),
        ("api-key", exotel.api_key.is_some()),
        ("api-token", exotel.api_token.is_some()),
        ("caller-id", exotel.caller_id.is_some()),
    ];
    let missing: Vec<_> = parts
        .iter()
        .filter(|(_, is_set)| !is_set)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let is_begun = missing.len() < parts.len() || exotel.flow_id.is_some();
    if is_begun && !missing.is_empty() {
        errors.push(format!(
            "`[exotel]` lacks {}: set them to dial, from API settings of Exotel's dashboard, or remove the account",
            missing.join(" and ")
        ));
    }
    let id = |name: &str, value: &Option<String>, errors: &mut Vec<String>| {
        let is_id = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        if value.as_deref().is_some_and(|text| !is_id(text)) {
            errors.push(format!(
                "`{name}` of `[exotel]` is `{}`: it may have letters, digits, `-`, `_` and `.` only; copy it again",
                value.as_deref().unwrap_or_default().escape_default()
            ));
        }
    };
    id("account-sid", &exotel.account_sid, errors);
    id("flow-id", &exotel.flow_id, errors);
    for (name, secret) in [
        ("api-key", &exotel.api_key),
        ("api-token", &exotel.api_token),
    ] {
        let is_usable = |text: &str| {
            let is_sent = |character: char| character.is_ascii_graphic() && character != ':';
            !text.is_empty() && text.chars().all(is_sent)
        };
        if secret
            .as_ref()
            .is_some_and(|secret| !is_usable(secret.expose()))
        {
            errors.push(format!(
                "`{name}` of `[exotel]` is empty or has spaces or other characters that Exotel's keys never have: copy it again"
            ));
        }
    }
    if let Some(url) = &exotel.api_url
        && let Err(error) = Endpoint::Url(url.clone()).check()
    {
        // not quoted: it may hold a password
        errors.push(format!("`api-url` of `[exotel]`: {error}"));
    }
    if exotel
        .ca_file
        .as_ref()
        .is_some_and(|file| file.as_os_str().is_empty())
    {
        errors.push("`ca-file` of `[exotel]` is empty: name a PEM file, or remove it".to_owned());
    }
    if !(1..=RING_MAX_S).contains(&exotel.ring_s) {
        errors.push(format!(
            "`ring-s` of `[exotel]` is `{}`: choose 1 to {RING_MAX_S} seconds",
            exotel.ring_s
        ));
    }
    if !(1..=10_000).contains(&exotel.requests_per_minute) {
        errors.push(format!(
            "`requests-per-minute` of `[exotel]` is `{}`: choose 1 to 10000; Exotel allows an account 200",
            exotel.requests_per_minute
        ));
    }
}

/// A text, or the number that a flow's id looks like.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "it takes a text in quotes or a number")]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(Some(match Id::deserialize(deserializer)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError, printed, read};
    use super::*;

    const ACCOUNT: &str = "[exotel]\naccount-sid = 'acme1'\napi-key = 'key-0123456789'\napi-token = 'token-0123456789'\n\
        caller-id = '08047112233'\nflow-id = 123456\n";

    fn with(text: &str) -> Result<Config, ConfigError> {
        read(text, [])
    }

    fn error(text: &str) -> String {
        with(text).unwrap_err().0.join("\n")
    }

    #[test]
    fn without_an_account_the_engine_does_not_dial() {
        let config = with("").unwrap();
        assert_eq!(config.exotel.account(), None);
        assert_eq!(config.exotel.flow_url(), None);
    }

    #[test]
    fn an_account_is_whole_and_its_secrets_are_masked() {
        let config = with(ACCOUNT).unwrap();
        let account = config.exotel.account().unwrap();
        assert_eq!(account.credentials.api_token, "token-0123456789");
        assert_eq!(
            account.endpoint,
            Endpoint::Region(ghanti_exotel::rest::Region::Mumbai)
        );
        assert_eq!(
            config.exotel.flow_url().unwrap(),
            "http://my.exotel.com/acme1/exoml/start_voice/123456"
        );
        let shown = format!("{} {config:?} {account:?}", printed(&config));
        assert!(!shown.contains("0123456789"), "{shown}");
        assert!(shown.contains("api-key = \"‹secret›\""), "{shown}");

        let elsewhere = with(&format!(
            "{ACCOUNT}region = 'singapore'\napi-url = 'http://127.0.0.1:9000'\n"
        ))
        .unwrap();
        assert_eq!(
            elsewhere.exotel.account().unwrap().endpoint,
            Endpoint::Url("http://127.0.0.1:9000".to_owned())
        );
    }

    #[test]
    fn variables_can_hold_the_secrets() {
        let text = ACCOUNT.replace("api-token = 'token-0123456789'\n", "");
        let variables = [
            ("GHANTI_EXOTEL_API_TOKEN", "from-the-environment"),
            ("GHANTI_EXOTEL_FLOW_ID", "77"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let exotel = read(&text, variables).unwrap().exotel;
        assert!(exotel.api_token.unwrap().is("from-the-environment"));
        assert_eq!(exotel.flow_id.as_deref(), Some("77"));
    }

    #[test]
    fn an_incomplete_account_is_an_error_that_names_what_is_missing() {
        for name in ["account-sid", "api-key", "api-token", "caller-id"] {
            let lines = ACCOUNT.lines().filter(|line| !line.starts_with(name));
            let error = error(&lines.collect::<Vec<_>>().join("\n"));
            assert!(
                error.contains(&format!(": `[exotel]` lacks `{name}`: ")),
                "{error}"
            );
        }
        assert!(error("[exotel]\nflow-id = 1\n").contains("`api-key` and `api-token`"));
        assert!(with(&ACCOUNT.replace("flow-id = 123456\n", "")).is_ok());
    }

    #[test]
    fn errors_name_the_setting_and_never_contain_a_secret() {
        for (from, to, part) in [
            (
                "'acme1'",
                "'acme 1'",
                "`account-sid` of `[exotel]` is `acme 1`",
            ),
            ("'key-0123456789'", "''", "`api-key` of `[exotel]` is empty"),
            (
                "'token-0123456789'",
                "'token-0123456789 '",
                "`api-token` of `[exotel]`",
            ),
            (
                "'token-0123456789'",
                "42",
                "`api-token` of `[exotel]`: it takes a text",
            ),
            (
                "'key-0123456789'",
                "true",
                "`api-key` of `[exotel]`: it takes a text",
            ),
            ("'08047112233'", "'my number'", "`caller-id` of `[exotel]`"),
            (
                "flow-id = 123456",
                "flow-id = 'http://my.exotel.com/x'",
                "`flow-id` of `[exotel]`",
            ),
            (
                "flow-id = 123456",
                "flow-id = [1]",
                "`flow-id` of `[exotel]`: it takes a text in quotes or a number",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\nring-s = 0",
                "`ring-s` of `[exotel]`",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\nrequests-per-minute = 0",
                "`requests-per-minute`",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\nregion = 'delhi'",
                "`region` of `[exotel]`",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\nca-file = ''",
                "`ca-file` of `[exotel]`",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\napi-url = 'http://api.exotel.com'",
                "unencrypted",
            ),
            (
                "flow-id = 123456",
                "flow-id = 1\napi-url = 'https://a:0123456789@b'",
                "`api-url` of `[exotel]`",
            ),
        ] {
            let error = error(&ACCOUNT.replace(from, to));
            assert!(error.contains(part), "{to}: {error}");
            assert!(!error.contains("0123456789"), "{error}");
        }
    }
}
