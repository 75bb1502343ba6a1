//! `[actions.NAME]`: what flows may do beyond their calls. The definitions are
//! [`ghanti_action`]'s; their secrets are read here, as other settings' are.

use std::collections::BTreeMap;
use std::path::Path;

use ghanti_action::{Actions, Definition, Does, SecretText, Setup, SmsAccount};
use ghanti_campaign::Endpoint;
use ghanti_campaign::api::tls_config;
use ghanti_manifest::ActionRule;

use super::Config;
use super::secret_files::secret;

/// Maximum number of actions.
const ACTIONS: usize = 100;

/// Replaces `${file:PATH}` and `${env:NAME}` by the secrets. No error contains a secret.
pub(super) fn resolve(
    actions: &mut BTreeMap<String, Definition>,
    environment: &[(String, String)],
    errors: &mut Vec<String>,
) {
    for (action, definition) in actions {
        for (name, kept) in &mut definition.secrets {
            match resolved(kept.expose(), environment) {
                Ok(Some(text)) => *kept = SecretText::new(text),
                Ok(None) => {}
                Err(reason) => errors.push(format!(
                    "`{}` of `[actions.{}.secrets]` {reason}",
                    name.escape_default(),
                    action.escape_default()
                )),
            }
        }
    }
}

/// The value that a reference names; `None` if the text is not a reference.
pub(super) fn resolved(
    text: &str,
    environment: &[(String, String)],
) -> Result<Option<String>, String> {
    let Some(inner) = text.strip_prefix("${") else {
        return Ok(None);
    };
    let reference = inner
        .strip_suffix('}')
        .and_then(|inner| inner.split_once(':'));
    match reference {
        Some(("file", path)) => secret(Path::new(path))
            .map(Some)
            .map_err(|reason| format!("names `{}`: {reason}", path.escape_default())),
        Some(("env", variable)) => environment
            .iter()
            .find(|(name, value)| name == variable && !value.is_empty())
            .map(|(_, value)| Some(value.clone()))
            .ok_or_else(|| {
                let variable = variable.escape_default();
                format!("names the environment variable `{variable}`, which is not set: set it")
            }),
        _ => Err(
            "begins with `${` and is neither `${file:PATH}` nor `${env:NAME}`: write one of them"
                .to_owned(),
        ),
    }
}

pub(super) fn check(config: &Config, errors: &mut Vec<String>) {
    if config.actions.len() > ACTIONS {
        errors.push(format!(
            "`[actions]` has {}: there may be {ACTIONS}",
            config.actions.len()
        ));
    }
    for (name, definition) in &config.actions {
        errors.extend(definition.errors(name));
        if definition.kind == ghanti_action::Kind::Sms && config.exotel.account().is_none() {
            errors.push(format!(
                "`[actions.{}]` sends SMS, which needs the account of `[exotel]`: set it, or remove the action",
                name.escape_default()
            ));
        }
    }
}

impl Config {
    /// The properties of the actions that manifests' rules are checked against.
    pub(super) fn action_rules(&self) -> BTreeMap<String, ActionRule> {
        let rule = |definition: &Definition| ActionRule {
            acts: definition.does() == Does::Act,
            input_bytes: definition.input_bytes,
            calls: definition.calls,
            redact: definition.redact.clone(),
        };
        let actions = self.actions.iter();
        actions
            .map(|(name, definition)| (name.clone(), rule(definition)))
            .collect()
    }

    /// Opens the actions. Nothing is connected to yet.
    ///
    /// # Errors
    /// Why actions cannot be used, such as a missing certificate file.
    pub fn open_actions(&self) -> Result<Actions, Vec<String>> {
        for (name, definition) in &self.actions {
            for doubt in definition.doubts(name) {
                tracing::warn!("{doubt}");
            }
        }
        let sms = self.exotel.account().map(|account| SmsAccount {
            base_url: match account.endpoint {
                Endpoint::Region(region) => region.base_url().to_owned(),
                Endpoint::Url(url) => url,
            },
            account_sid: account.credentials.account_sid,
            api_key: SecretText::new(account.credentials.api_key),
            api_token: SecretText::new(account.credentials.api_token),
            ca_file: account.ca_file,
        });
        let tls = |is_tls, ca_file: Option<&Path>| {
            tls_config(is_tls, ca_file).map_err(|error| error.to_string())
        };
        Actions::open(
            &self.actions,
            &Setup {
                tls: &tls,
                sms,
                traces: self.traces.url.is_some(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};

    const CRM: &str = "[actions.crm]\nkind = 'http'\nurl = 'https://crm.example.com/{id}'\nheaders = { authorization = 'Bearer {secret:token}' }\n\
        redact = ['pan']\ncalls = 3\ndoes = 'read'\n[actions.crm.input]\ntype = 'object'\n[actions.crm.secrets]\ntoken = ";

    fn environment() -> Vec<(String, String)> {
        vec![("CRM_TOKEN".to_owned(), "hunter2-hunter2".to_owned())]
    }

    fn errors(text: &str) -> String {
        let ConfigError(errors) = read(text, environment()).unwrap_err();
        errors.join("\n")
    }

    #[test]
    fn secrets_come_from_files_and_the_environment_and_are_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hunter2-hunter2\n").unwrap();
        for given in [
            format!("'${{file:{}}}'", file.display()),
            "'${env:CRM_TOKEN}'".to_owned(),
            "'hunter2-hunter2'".to_owned(),
        ] {
            let config = read(&format!("{CRM}{given}\n"), environment()).unwrap();
            assert_eq!(
                config.actions["crm"].secrets["token"].expose(),
                "hunter2-hunter2"
            );
            let shown = format!("{} {config:?}", printed(&config));
            assert!(
                !shown.contains("hunter2") && shown.contains("crm = {"),
                "{shown}"
            );
            assert!(config.open_actions().is_ok());
            let rule = &config.action_rules()["crm"];
            assert_eq!(
                (rule.acts, rule.calls, rule.redact.as_slice()),
                (false, 3, &["pan".to_owned()][..])
            );
        }
    }

    #[test]
    fn errors_name_the_setting_and_never_contain_the_secret() {
        for (given, part) in [
            (
                "'${file:/nowhere}'",
                "`token` of `[actions.crm.secrets]` names `/nowhere`",
            ),
            ("'${env:NOT_SET}'", "`NOT_SET`, which is not set"),
            (
                "'${vault:hunter2}'",
                "neither `${file:PATH}` nor `${env:NAME}`",
            ),
            ("918273645546372", "takes a text in quotes"),
            ("'x'\nother = 'hunter2'", "`other`, which is used nowhere"),
            (
                "'x'\n[actions.sms]\nkind = 'sms'\nfrom = 'A'\ndlt-entity = '1'\ndlt-template = '2'\ntext = 'x'",
                "needs the account of `[exotel]`",
            ),
            (
                "'x'\n[actions.Two]\nkind = 'http'\nurl = 'https://a/'",
                "`[actions.Two]` has to be named",
            ),
            ("'x'\n[actions.a]\nkind = 'ftp'", "`a` of `[actions]`"),
        ] {
            let errors = errors(&format!("{CRM}{given}\n"));
            assert!(errors.contains(part), "{given}: {errors}");
            assert!(
                !errors.contains("hunter2") && !errors.contains("918273645546372"),
                "{errors}"
            );
        }
    }
}
