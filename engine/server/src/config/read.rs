//! Reads a configuration, and lists everything that is wrong with it.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, Server};

/// Everything that is wrong with a configuration, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} error(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// The prefix of variables that override settings.
const PREFIX: &str = "SAMVAAD_";
/// The sections that there are.
const SECTIONS: [&str; 7] = ["server", "calls", "limits", "grants", "stores", "speech", "log"];
/// Variables of that prefix that are no settings.
const NO_SETTINGS: [&str; 1] = ["SAMVAAD_TOOLS"];

/// Reads the text of a configuration file and the environment above it.
pub fn read(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let mut errors = Vec::new();
    let mut sections = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return Err(ConfigError(vec![format!("it is no TOML: {}", error.to_string().trim())])),
    };
    let mut overrides = Vec::new();
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX).filter(|_| !NO_SETTINGS.contains(&name.as_str())) {
            let (section, key) = path.split_once('_').unwrap_or((path, ""));
            overrides.push((name.clone(), section.to_ascii_lowercase(), key.to_ascii_lowercase().replace('_', "-"), value));
        }
    }
    let mut take = |name: &str| Section {
        name: name.to_owned(),
        table: sections.remove(name).unwrap_or_else(|| Value::Table(Table::new())),
        overrides: overrides.iter().filter(|(_, section, ..)| section == name).cloned().collect(),
    };
    let config = Config {
        server: take("server").read(&mut errors),
        calls: take("calls").read(&mut errors),
        limits: take("limits").read(&mut errors),
        grants: take("grants").read(&mut errors),
        stores: take("stores").read(&mut errors),
        speech: take("speech").read(&mut errors),
        log: take("log").read(&mut errors),
    };
    for (name, section, ..) in &overrides {
        if !SECTIONS.contains(&section.as_str()) {
            errors.push(format!("environment variable `{name}` overrides no setting: it begins with no section's name"));
        }
    }
    errors.extend(sections.keys().map(|name| format!("unknown section `[{name}]`: there are {}", SECTIONS.join(", "))));
    check(&config, &mut errors);
    if errors.is_empty() { Ok(config) } else { Err(ConfigError(errors)) }
}

struct Section {
    name: String,
    table: Value,
    overrides: Vec<(String, String, String, String)>,
}

impl Section {
    /// Reads a section key by key, so that each wrong one is told.
    fn read<T: DeserializeOwned + Default>(self, errors: &mut Vec<String>) -> T {
        let Value::Table(table) = self.table else {
            errors.push(format!("`{}` has to be a section: write `[{}]`", self.name, self.name));
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
            // A variable is text; where the key wants a number or a list, it is read as TOML.
            let as_text = Value::String(text.clone());
            let as_toml = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
            let fitting = [Some(as_text.clone()), as_toml].into_iter().flatten().find(|value| reads::<T>(&key, value).is_ok());
            match (fitting, reads::<T>(&key, &as_text)) {
                (Some(value), _) => {
                    good.insert(key, value);
                }
                (None, Err(error)) => errors.push(format!("environment variable `{variable}`: {error}")),
                (None, Ok(())) => {}
            }
        }
        Value::Table(good).try_into().unwrap_or_else(|error: toml::de::Error| {
            errors.push(format!("`[{}]`: {}", self.name, error.message()));
            T::default()
        })
    }
}

fn reads<T: DeserializeOwned>(key: &str, value: &Value) -> Result<(), String> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    Value::Table(alone).try_into::<T>().map(drop).map_err(|error| error.message().to_owned())
}

fn check(config: &Config, errors: &mut Vec<String>) {
    let Server { public_url, path, max_calls, .. } = &config.server;
    if let Some(url) = public_url
        && !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))
    {
        errors.push("`public-url` of `[server]` has to begin with `https://` (or `http://` in a test)".to_owned());
    }
    if !path.is_empty() && (!path.starts_with('/') || path.ends_with('/')) {
        errors.push(format!("`path` of `[server]` is `{path}`: it has to begin with a slash and end without one, or be empty"));
    }
    if *max_calls == 0 {
        errors.push("`max-calls` of `[server]` is 0: allow at least one call".to_owned());
    }
    let calls = &config.calls;
    if ![8_000, 16_000, 24_000].contains(&calls.sample_rate_hz) {
        errors.push(format!("`sample-rate-hz` of `[calls]` is `{}`: Exotel has 8000, 16000 and 24000", calls.sample_rate_hz));
    }
    if !(1..=60).contains(&calls.ring_s) {
        errors.push(format!("`ring-s` of `[calls]` is `{}`: Exotel rings 1 to 60 seconds", calls.ring_s));
    }
    if !(1..=60).contains(&calls.longest_minutes) {
        errors.push(format!("`longest-minutes` of `[calls]` is `{}`: a stream lasts 1 to 60 minutes", calls.longest_minutes));
    }
    if !(-720..=840).contains(&calls.offset_minutes) {
        errors.push(format!("`offset-minutes` of `[calls]` is `{}`: offsets lie between -720 and 840", calls.offset_minutes));
    }
    super::allowance::check(&config.limits, errors);
    let speech = &config.speech;
    if !(80..=400).contains(&speech.words_per_minute) {
        errors.push(format!("`words-per-minute` of `[speech]` is `{}`: choose 80 to 400", speech.words_per_minute));
    }
    if !(1..=64).contains(&speech.recognizer_threads) {
        errors.push(format!("`recognizer-threads` of `[speech]` is `{}`: choose 1 to 64", speech.recognizer_threads));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::After;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        read(text, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn nothing_is_a_configuration() {
        assert_eq!(with("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn variables_stand_above_the_file() {
        let config = with(
            "[server]\nmax-calls = 5\n[calls]\nafter = 'select'",
            &[
                ("SAMVAAD_SERVER_MAX_CALLS", "7"),
                ("SAMVAAD_STORES_REDIS_URL", "redis://localhost"),
                ("SAMVAAD_CALLS_AGENTS", "['+918000000001']"),
                ("SAMVAAD_TOOLS", "elsewhere"),
                ("HOME", "/"),
            ],
        )
        .unwrap();
        assert_eq!((config.server.max_calls, config.calls.after), (7, After::Select));
        assert!(config.stores.redis_url.unwrap().is("redis://localhost"));
        assert_eq!(config.calls.agents[0].expose(), "+918000000001");
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let ConfigError(errors) = with(
            "[server]\nlisten = 'nowhere'\ncolour = 'red'\n[calls]\nsample-rate-hz = 44100\nagents = ['x']\n[extra]\n",
            &[("SAMVAAD_SPEECH_WORDS_PER_MINUTE", "fast"), ("SAMVAAD_NOTHING_AT_ALL", "1")],
        )
        .unwrap_err();
        for part in [
            "`listen` of `[server]`",
            "`colour`",
            "`sample-rate-hz`",
            "`agents`",
            "`[extra]`",
            "WORDS_PER_MINUTE",
            "SAMVAAD_NOTHING_AT_ALL",
        ] {
            assert!(errors.iter().any(|error| error.contains(part)), "{part} is missing in {errors:#?}");
        }
        assert_eq!(errors.len(), 7, "{errors:#?}");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let error = with("[server\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
