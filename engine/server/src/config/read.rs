//! Reads a configuration and reports all errors in it at once.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::places::{self, Places};
use super::{Config, actions, checks, exposure, providers, section, sentences, tokens, traces};

/// All errors in a configuration, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {}:\n  {}", counted(.0.len()), .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

fn counted(errors: usize) -> String {
    let plural = if errors == 1 { "" } else { "s" };
    format!("{errors} error{plural}")
}

/// Command-line settings, which take precedence over the file and the environment.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// The address to listen on.
    pub listen: Option<SocketAddr>,
    /// Serves even if tokens are missing.
    pub insecure: bool,
    /// Whether the command serves; only then are the address and the tokens checked.
    pub serves: bool,
}

/// The prefix of environment variables that override settings.
pub(super) const PREFIX: &str = "GHANTI_";
/// All sections.
const SECTIONS: [&str; 18] = [
    "server",
    "tokens",
    "calls",
    "customers",
    "transfer",
    "webhooks",
    "actions",
    "exotel",
    "limits",
    "grants",
    "settings",
    "flows",
    "stores",
    "recording",
    "retention",
    "speech",
    "log",
    "traces",
];
/// Variables with that prefix that are not settings.
pub(super) const NOT_SETTINGS: [&str; 3] =
    ["GHANTI_TOOLS", "GHANTI_TOOLCHAINS", "GHANTI_SPEECH_FROM"];
/// Settings whose values never appear in an error, not even if they have the wrong type.
pub(super) const SECRETS: [&str; 9] = [
    "stream-token",
    "applet-token",
    "api-token",
    "previous-stream-token",
    "previous-applet-token",
    "previous-api-token",
    "api-key",
    "redis-url",
    "database-url",
];

/// Reads the text of a configuration file and the environment that overrides it, for a command that
/// does not serve.
pub fn read(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    read_with(text, environment, &CommandLine::default())
}

/// Reads the text of a configuration file, the environment that overrides it, and the command line
/// that overrides both.
pub fn read_with(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    line: &CommandLine,
) -> Result<Config, ConfigError> {
    read_from(text, environment.into_iter().collect(), line)
}

fn read_from(
    text: &str,
    environment: Vec<(String, String)>,
    line: &CommandLine,
) -> Result<Config, ConfigError> {
    let mut errors = Vec::new();
    let mut sections = text
        .parse::<Table>()
        .map_err(|error| ConfigError(vec![toml_error(text, &error)]))?;
    let (mut overrides, mut ignored) = (Vec::new(), Vec::new());
    let environment: Vec<_> = environment.into_iter().collect();
    for (name, value) in environment.clone() {
        let upper = name.to_ascii_uppercase();
        let Some(path) = upper.strip_prefix(PREFIX) else {
            continue;
        };
        if NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let (section, key) = path.split_once('_').unwrap_or((path, ""));
        let section = section.to_ascii_lowercase();
        if !SECTIONS.contains(&section.as_str()) || is_of_service(path, &value) {
            ignored.push(name);
        } else if name == upper {
            let key = key.to_ascii_lowercase().replace('_', "-");
            overrides.push((name, section, key, value));
        } else {
            errors.push(format!(
                "environment variable `{name}` overrides no setting: write it as `{upper}`"
            ));
        }
    }
    ignored.sort();
    let overridden = overrides
        .iter()
        .map(|(_, section, key, _): &(String, String, String, String)| {
            (section.clone(), key.clone())
        })
        .collect();
    let places = Places::of(text, overridden);
    let mut take = |name: &str| Section {
        name: name.to_owned(),
        table: sections
            .remove(name)
            .unwrap_or_else(|| Value::Table(Table::new())),
        overrides: overrides
            .iter()
            .filter(|(_, section, ..)| section == name)
            .cloned()
            .collect(),
    };
    let mut config = Config {
        server: take("server").read(&mut errors),
        tokens: take("tokens").read(&mut errors),
        calls: take("calls").read(&mut errors),
        customers: take("customers").read(&mut errors),
        transfer: take("transfer").read(&mut errors),
        webhooks: take("webhooks").read(&mut errors),
        actions: take("actions").read(&mut errors),
        exotel: take("exotel").read(&mut errors),
        limits: take("limits").read(&mut errors),
        grants: take("grants").read(&mut errors),
        settings: take("settings").read(&mut errors),
        flows: take("flows").read(&mut errors),
        stores: take("stores").read(&mut errors),
        recording: take("recording").read(&mut errors),
        retention: take("retention").read(&mut errors),
        speech: take("speech").read(&mut errors),
        log: take("log").read(&mut errors),
        traces: take("traces").read(&mut errors),
        ignored,
    };
    let unknown = sections.iter().map(|(name, value)| match value.is_table() {
        true => unknown_section(name),
        false => without_section(name),
    });
    errors.extend(unknown);
    config.server.listen = line.listen.unwrap_or(config.server.listen);
    config.server.insecure |= line.insecure;
    tokens::resolve(&mut config, &mut errors);
    actions::resolve(&mut config.actions, &environment, &mut errors);
    traces::resolve(&mut config.traces, &environment, &mut errors);
    providers::resolve(&mut config.speech, &environment, &mut errors);
    checks::check(&config, &mut errors);
    if line.serves {
        exposure::check(&config.server, &mut errors);
    }
    if errors.is_empty() {
        Ok(config)
    } else {
        let placed = errors.iter().map(|error| places.placed(error));
        Err(ConfigError(placed.collect()))
    }
}

fn unknown_section(name: &str) -> String {
    match ghanti_manifest::near(name, SECTIONS.into_iter()) {
        Some(meant) => format!("unknown section `[{name}]`; did you mean `[{meant}]`?"),
        None => format!(
            "unknown section `[{name}]`: there are {}",
            SECTIONS.join(", ")
        ),
    }
}

/// What is wrong with a setting above all sections, with the sections that have one of that name.
fn without_section(key: &str) -> String {
    let said = format!("`{key}`{}", places::NO_SECTION);
    let of = |key: &str| -> Vec<_> {
        let has = |section: &&section::Section| section.settings.iter().any(|it| it.key == key);
        let sections = sentences::SECTIONS.iter().filter(has);
        sections
            .map(|section| format!("`[{}]`", section.name))
            .collect()
    };
    let sections = of(key);
    if !sections.is_empty() {
        return format!("{said}: write it under {}", sections.join(" or "));
    }
    let keys = sentences::SECTIONS
        .iter()
        .flat_map(|section| section.settings);
    match ghanti_manifest::near(key, keys.map(|setting| setting.key)) {
        Some(meant) => format!(
            "{said}: did you mean `{meant}` of {}?",
            of(meant).join(" or ")
        ),
        None => format!(
            "{said}, and no section has it: there are {}",
            SECTIONS.join(", ")
        ),
    }
}

/// Whether a variable's name has the prefix of settings, in any case.
pub fn is_like_setting(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with(PREFIX)
}

/// Whether a variable is one that Kubernetes sets in each container for a service of its namespace
/// (kubernetes.io: Service, environment variables). A service may have the name of a section.
fn is_of_service(path: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_port = ["_TCP", "_UDP", "_SCTP"]
        .iter()
        .any(|protocol| path.contains("_PORT_") && path.contains(protocol));
    is_address || is_port || path.contains("SERVICE_HOST") || path.contains("SERVICE_PORT")
}

/// The error and its position, without the line itself, which may contain a password.
fn toml_error(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let (line, column) = (
        1 + before.matches('\n').count(),
        1 + before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count(),
    );
    format!(
        "it is not valid TOML (line {line}, column {column}): {}",
        error.message()
    )
}

struct Section {
    name: String,
    table: Value,
    overrides: Vec<(String, String, String, String)>,
}

impl Section {
    /// Reads a section key by key, so that every wrong key is reported.
    fn read<T: DeserializeOwned + Default>(self, errors: &mut Vec<String>) -> T {
        let Value::Table(table) = self.table else {
            errors.push(format!(
                "`{}`{}: write `[{}]`",
                self.name,
                places::NEEDS_SECTION,
                self.name
            ));
            return T::default();
        };
        let mut good = Table::new();
        for (key, value) in table {
            match reads::<T>(&key, &value) {
                Ok(()) => {
                    good.insert(key, value);
                }
                Err(error) => errors.push(format!("`{key}` of `[{}]`: {error}", self.name)),
            }
        }
        for (variable, _, key, text) in self.overrides {
            // a variable is text; if the key needs a number or a list, it is parsed as TOML
            let as_text = Value::String(text.clone());
            let as_toml = format!("value = {text}")
                .parse::<Table>()
                .ok()
                .and_then(|mut table| table.remove("value"));
            let fitting = [Some(as_text.clone()), as_toml]
                .into_iter()
                .flatten()
                .find(|value| reads::<T>(&key, value).is_ok());
            match (fitting, reads::<T>(&key, &as_text)) {
                (Some(value), _) => {
                    good.insert(key, value);
                }
                (None, Err(error)) => {
                    errors.push(format!("environment variable `{variable}`: {error}"))
                }
                // cannot happen: if the key accepts the text as it is, `fitting` is set
                (None, Ok(())) => {}
            }
        }
        Value::Table(good)
            .try_into()
            .unwrap_or_else(|error: toml::de::Error| {
                errors.push(format!("`[{}]`: {}", self.name, error.message()));
                T::default()
            })
    }
}

/// Reads one key by itself. The error never contains a secret.
fn reads<T: DeserializeOwned>(key: &str, value: &Value) -> Result<(), String> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    let is_secret = SECRETS.contains(&key) && !value.is_str();
    let errors = |error: toml::de::Error| {
        if is_secret {
            "it takes a text in quotes".to_owned()
        } else {
            places::words(error.message())
        }
    };
    Value::Table(alone)
        .try_into::<T>()
        .map(drop)
        .map_err(errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::After;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        read(
            text,
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert_eq!(with("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn variables_override_the_file() {
        let config = with(
            "[server]\nmax-calls = 5\n[calls]\nafter = 'select'",
            &[
                ("GHANTI_SERVER_MAX_CALLS", "7"),
                ("GHANTI_STORES_REDIS_URL", "redis://localhost"),
                ("GHANTI_CALLS_AGENTS", "['+918000000001']"),
                ("GHANTI_TOOLS", "elsewhere"),
                ("HOME", "/"),
            ],
        )
        .unwrap();
        assert_eq!(
            (config.server.max_calls, config.calls.after),
            (7, After::Select)
        );
        assert!(config.stores.redis_url.unwrap().is("redis://localhost"));
        assert_eq!(config.calls.agents[0].expose(), "+918000000001");
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let ConfigError(errors) = with(
            "[server]\nlisten = 'nowhere'\ncolour = 'red'\n[calls]\nsample-rate-hz = 44100\nagents = ['x']\n[extra]\n",
            &[("GHANTI_SPEECH_WORDS_PER_MINUTE", "fast"), ("GHANTI_SPEECH_NOTHING", "1")],
        )
        .unwrap_err();
        for part in [
            "`listen` of `[server]`",
            "`colour`",
            "`sample-rate-hz`",
            "`agents`",
            "`[extra]`",
            "WORDS_PER_MINUTE",
            "GHANTI_SPEECH_NOTHING",
        ] {
            assert!(
                errors.iter().any(|error| error.contains(part)),
                "{part} is missing in {errors:#?}"
            );
        }
        assert_eq!(errors.len(), 7, "{errors:#?}");
    }

    #[test]
    fn variables_that_are_not_settings_are_ignored_and_listed() {
        // as Kubernetes sets them for services named `ghanti`, `ghanti-server` and `ghanti-log`
        let foreign = [
            ("GHANTI_LOG_SERVICE_PORT_HTTP", "80"),
            ("GHANTI_PORT", "tcp://10.96.0.12:8000"),
            ("GHANTI_PORT_8000_TCP_ADDR", "10.96.0.12"),
            ("GHANTI_SERVER_PORT", "tcp://10.96.0.13:8000"),
            ("GHANTI_SERVER_PORT_8000_TCP_PROTO", "tcp"),
            ("GHANTI_SERVER_SERVICE_HOST", "10.96.0.13"),
            ("GHANTI_SERVICE_HOST", "10.96.0.12"),
            ("GHANTI_SERVR_PORT", "1"),
        ];
        let config = with("", &foreign).unwrap();
        assert_eq!(config.ignored, foreign.map(|(name, _)| name));
        let ignored = Vec::new();
        assert_eq!(Config { ignored, ..config }, Config::default());
    }

    #[test]
    fn an_error_names_a_misspelt_or_empty_variable() {
        for (variable, value) in [
            ("GHANTI_SERVER_PORT", "1"),
            ("GHANTI_SERVER", "1"),
            ("ghanti_server_max_calls", "1"),
            ("GHANTI_CALLS_FLOW", ""),
            ("GHANTI_FLOWS_EMI", "1"),
        ] {
            let ConfigError(errors) = with("", &[(variable, value)]).unwrap_err();
            assert!(
                errors.len() == 1 && errors[0].contains(&format!("`{variable}`")),
                "{variable}: {errors:#?}"
            );
        }
        assert_eq!(
            with("", &[("GHANTI_SETTINGS_BOT_NAME", "Ravi")])
                .unwrap()
                .settings["bot-name"],
            "Ravi".into()
        );
    }

    #[test]
    fn one_pass_names_every_setting_and_no_secret() {
        let text = "[server]\npublic-url = 'bot.example.com'\napi-token = 918273645546372\n[stores]\ndatabase-url = ''\n\
            redis-url = 'redis://:hunt@er2@host'\nttl-hours = 0\n[log]\nlevel = 'warning'\nfolder = ''\n\
            [settings]\nlender = ['x']\n[flows.emi.transfer]\ndefault = []\n[flows.survey]\ncolour = 1\n";
        let ConfigError(errors) = with(
            text,
            &[
                ("GHANTI_SERVER_STREAM_TOKEN", "true"),
                ("GHANTI_STORES_TTL_HOURS", "soon"),
            ],
        )
        .unwrap_err();
        let errors = errors.join("\n");
        for part in [
            "`public-url`",
            "`api-token` of `[server]`: it takes a text",
            "`database-url`",
            "`redis-url`",
            "`GHANTI_STORES_TTL_HOURS`",
            "`level` of `[log]` is `warning`",
            "`folder` of `[log]`",
            "`lender` of `[settings]`: it takes a text",
            "`default` of `[flows.emi.transfer]`",
            "`survey` of `[flows]`",
        ] {
            assert!(errors.contains(part), "{part} is missing in {errors}");
        }
        for secret in ["918273645546372", "hunt", "er2@"] {
            assert!(!errors.contains(secret), "{secret} is in {errors}");
        }
    }

    #[test]
    fn the_line_of_broken_toml_is_not_repeated() {
        let error = with(
            "[stores]\ndatabase-url = \"postgres://u:hunter2@host\n",
            &[],
        )
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("line 2") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn invalid_toml_is_reported_with_its_line() {
        let error = with("[server\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
