//! `[tokens.NAME]`: further tokens of the API, each with a role.

use std::path::PathBuf;

use ghanti_model::unix_ms;
use serde::{Deserialize, Serialize};

use super::webhooks::some_secret;
use super::{Config, exposure, secret_files};
use crate::query;
use crate::role::Identity;
use crate::secret::Secret;
use ghanti_model::Role;

/// The most tokens: each request compares its own with all of them.
const TOKENS: usize = 64;
/// The longest name, in characters.
const NAME: usize = 64;
/// The name of `api-token` of `[server]`.
pub const API_TOKEN: &str = "api-token";
/// The name of whoever asks where the API has no token.
pub const ANYONE: &str = "anyone";

/// `[tokens.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Token {
    /// What its holder may do.
    pub role: Role,
    /// The token.
    #[serde(
        default,
        deserialize_with = "some_secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub token: Option<Secret>,
    /// The file that has it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The token before, while it is being changed: both are accepted.
    #[serde(
        default,
        deserialize_with = "some_secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous_token: Option<Secret>,
    /// The file that has that instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_token_file: Option<PathBuf>,
    /// Until when it is accepted: a date, whose day is the first without it, or a time with its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The same in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(skip)]
    expires_ms: Option<u64>,
}

impl Token {
    fn accepted(&self) -> impl Iterator<Item = &Secret> {
        [&self.token, &self.previous_token].into_iter().flatten()
    }
}

/// Reads the tokens that are in files, and when tokens expire.
pub(super) fn resolve(config: &mut Config, errors: &mut Vec<String>) {
    let zone = config.calls.zone();
    for (name, token) in &mut config.tokens {
        if let Some(expires) = &token.expires {
            token.expires_ms = query::unix_ms(expires, &zone);
            if token.expires_ms.is_none() {
                errors.push(format!(
                    "`expires` of `[tokens.{name}]` cannot be read: give a date such as `2027-03-31`, or a time with its zone such as \
                     `2027-03-31T18:00:00+05:30`"
                ));
            }
        }
        let mut read = |key: &str, file: Option<&PathBuf>, into: &mut Option<Secret>| {
            let Some(file) = file else { return };
            if into.is_some() {
                errors.push(format!(
                    "`[tokens.{name}]` has `{key}` and `{key}-file`: remove one"
                ));
                return;
            }
            match secret_files::secret(file) {
                Ok(secret) => *into = Some(Secret::new(secret)),
                Err(reason) => errors.push(format!(
                    "`{key}-file` of `[tokens.{name}]` names `{}`: {reason}",
                    file.display()
                )),
            }
        };
        read("token", token.token_file.as_ref(), &mut token.token);
        let file = token.previous_token_file.as_ref();
        read("previous-token", file, &mut token.previous_token);
    }
}

pub(super) fn check(config: &Config, errors: &mut Vec<String>) {
    let Config { tokens, server, .. } = config;
    if tokens.is_empty() {
        return;
    }
    if server.api_token.is_none() {
        errors.push(
            "`[tokens]` has tokens and `[server]` no `api-token`: without that the API is open to everybody; set the three tokens of `[server]`"
                .to_owned(),
        );
    }
    if tokens.len() > TOKENS {
        errors.push(format!(
            "`[tokens]` has {} tokens: there may be {TOKENS}",
            tokens.len()
        ));
    }
    let mut known: Vec<(String, &Secret)> = exposure::all(server)
        .map(|(name, secret)| (format!("`{name}` of `[server]`"), secret))
        .collect();
    for (name, token) in tokens {
        let usable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME || !name.bytes().all(usable) {
            errors.push(format!(
                "`[tokens.{}]`: a token's name has 1 to {NAME} small letters, digits and hyphens",
                name.escape_default()
            ));
        }
        if [API_TOKEN, ANYONE].contains(&name.as_str()) {
            errors.push(format!(
                "`[tokens.{name}]`: the audit log uses this name for something else; choose another"
            ));
        }
        if token.token.is_none() && token.token_file.is_none() {
            errors.push(format!(
                "`[tokens.{name}]` has no token: give `token`, or `token-file` with the path of a file that has it"
            ));
        }
        for secret in token.accepted() {
            if let Some(wrong) = exposure::wrong_with(secret.expose()) {
                errors.push(format!("a token of `[tokens.{name}]` {wrong}"));
            }
            if let Some((other, _)) = known.iter().find(|(_, known)| *known == secret) {
                errors.push(format!(
                    "a token of `[tokens.{name}]` is also {other}: their uses could not be distinguished; give each its own"
                ));
            }
            known.push((format!("a token of `[tokens.{name}]`"), secret));
        }
    }
}

impl Config {
    /// All tokens of the API that are accepted now, with their names and roles. None if the API is open.
    pub fn accepted_tokens(&self) -> impl Iterator<Item = (&str, Role, &Secret)> {
        let own = self.server.api_tokens();
        let own = [own.current, own.previous].into_iter().flatten();
        let now_ms = unix_ms();
        let is_valid =
            move |token: &Token| token.expires_ms.is_none_or(|until_ms| now_ms < until_ms);
        let named = self.tokens.iter().filter(move |(_, token)| is_valid(token));
        own.map(|secret| (API_TOKEN, Role::Admin, secret))
            .chain(named.flat_map(|(name, token)| {
                let secrets = token.accepted();
                secrets.map(|secret| (name.as_str(), token.role, secret))
            }))
    }

    /// Whose token this is; an admin where the API is open. `None` if nobody's.
    pub fn identify(&self, given: Option<&str>) -> Option<Identity> {
        if self.server.api_token.is_none() {
            return Some(Identity::new(ANYONE, Role::Admin));
        }
        let given = given?;
        // all are compared, so that the time does not say which one is nearly right
        let found = self
            .accepted_tokens()
            .fold(None, |found, (name, role, secret)| {
                if secret.is(given) {
                    Some((name, role))
                } else {
                    found
                }
            });
        found.map(|(name, role)| Identity::new(name, role))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};
    use super::*;

    const SERVER: &str = "[server]\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\napi-token = 'api-0123456789-x'\n";

    fn with(text: &str) -> Result<Config, ConfigError> {
        read(&format!("{SERVER}{text}"), [])
    }

    fn who(config: &Config, token: &str) -> Option<(String, Role)> {
        let identity = config.identify(Some(token))?;
        Some((identity.name, identity.role))
    }

    #[test]
    fn a_token_is_its_holders_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auditor");
        std::fs::write(&file, "auditor-0123456789\n").unwrap();
        let config = with(&format!(
            "[tokens.crm]\nrole = 'operator'\ntoken = 'crm-0123456789-new'\nprevious-token = 'crm-0123456789-old'\nexpires = '2999-01-01'\n\
             [tokens.auditor]\nrole = 'viewer'\ntoken-file = '{}'\n\
             [tokens.gone]\nrole = 'admin'\ntoken = 'gone-0123456789-x'\nexpires = '2020-01-01T00:00:00+05:30'\n",
            file.display()
        ))
        .unwrap();
        let operator = Some(("crm".to_owned(), Role::Operator));
        assert_eq!(who(&config, "crm-0123456789-new"), operator);
        assert_eq!(who(&config, "crm-0123456789-old"), operator);
        let viewer = Some(("auditor".to_owned(), Role::Viewer));
        assert_eq!(who(&config, "auditor-0123456789"), viewer);
        let own = Some((API_TOKEN.to_owned(), Role::Admin));
        assert_eq!(who(&config, "api-0123456789-x"), own);
        for nobodys in ["gone-0123456789-x", "", "crm", "stream-0123456789"] {
            assert_eq!(who(&config, nobodys), None, "{nobodys}");
        }
        assert_eq!(config.identify(None), None);
        let shown = format!("{}{config:?}", printed(&config));
        assert!(!shown.contains("0123456789"), "{shown}");
        // an open API has no other doors
        let open = Config::default().identify(None).unwrap();
        assert_eq!((open.name.as_str(), open.role), (ANYONE, Role::Admin));
    }

    #[test]
    fn a_token_that_cannot_be_used_is_named_with_what_to_do() {
        let crm = "[tokens.crm]\nrole = 'operator'\n";
        for (text, part) in [
            (crm.to_owned(), "give `token`, or `token-file`"),
            (format!("{crm}token = 'short'"), "has 5 characters"),
            (
                format!("{crm}token = 'api-0123456789-x'"),
                "is also `api-token` of `[server]`",
            ),
            (
                format!("{crm}token = 'crm-0123456789-x'\nprevious-token = 'crm-0123456789-x'"),
                "is also a token of `[tokens.crm]`",
            ),
            (
                format!("{crm}token = 'crm-0123456789-x'\ntoken-file = '/nowhere'"),
                "has `token` and `token-file`",
            ),
            (
                format!("{crm}token-file = '/nowhere'"),
                "`token-file` of `[tokens.crm]` names `/nowhere`",
            ),
            (
                format!("{crm}token = 'crm-0123456789-x'\nexpires = 'soon'"),
                "`expires` of `[tokens.crm]` cannot be read",
            ),
            (
                "[tokens.CRM]\nrole = 'viewer'\ntoken = 'crm-0123456789-x'".to_owned(),
                "small letters",
            ),
            (
                "[tokens.api-token]\nrole = 'viewer'\ntoken = 'crm-0123456789-x'".to_owned(),
                "choose another",
            ),
            (
                "[tokens.crm]\nrole = 'owner'\ntoken = 'crm-0123456789-x'".to_owned(),
                "`crm` of `[tokens]`",
            ),
        ] {
            let ConfigError(errors) = with(&text).unwrap_err();
            let reported = errors.join("\n");
            assert!(reported.contains(part), "{text}: {reported}");
            assert!(!reported.contains("crm-0123"), "{reported}");
        }
        let open = "[tokens.crm]\nrole = 'viewer'\ntoken = 'crm-0123456789-x'";
        let ConfigError(errors) = read(open, []).unwrap_err();
        assert!(errors.concat().contains("no `api-token`"), "{errors:?}");
    }
}
