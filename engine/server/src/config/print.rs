//! Prints a configuration as TOML, with every setting, set or not, and its description.

use toml::{Table, Value};

use super::Config;
use super::section::Section;
use super::sentences::SECTIONS;

/// Column at which comments wrap.
const WIDTH: usize = 110;

/// Sections whose keys are names that the operator chooses.
const NAMED: [&str; 5] = ["actions", "flows", "tokens", "transfer", "webhooks"];

/// Prints all settings. Those without a value are commented out, with an example. Secrets are
/// masked.
pub fn printed(config: &Config) -> String {
    let all = Table::try_from(config).unwrap_or_default();
    let mut text = "# Every setting of Ghanti. A setting in a comment has no value: the one shown is an example.\n".to_owned();
    for section in &SECTIONS {
        heading(section, &mut text);
        let values = all.get(section.name).and_then(Value::as_table);
        let value = |key: &str| values.and_then(|values| values.get(key));
        // every flow, target and webhook has a line of its own here; the example is needed only if
        // there are none
        let is_shown = |key: &str| {
            !NAMED.contains(&section.name)
                || value(key).is_some()
                || values.is_none_or(Table::is_empty)
        };
        for setting in section
            .settings
            .iter()
            .filter(|setting| is_shown(setting.key))
        {
            comment(setting.sentence, &mut text);
            match value(setting.key) {
                Some(value) => line(setting.key, &inline(value), &mut text),
                None => unset(setting.key, setting.example, &mut text),
            }
        }
        // settings and flows with names that the operator chose
        for (key, value) in values.into_iter().flatten() {
            if section.settings.iter().all(|setting| setting.key != key) {
                line(key, &inline(value), &mut text);
            }
        }
    }
    text
}

pub(super) fn heading(section: &Section, text: &mut String) {
    text.push('\n');
    comment(section.sentence, text);
    text.push_str(&format!("[{}]\n", section.name));
}

pub(super) fn comment(sentence: &str, text: &mut String) {
    let mut width = 0;
    for word in sentence.split_whitespace() {
        if width == 0 || width + word.len() >= WIDTH {
            text.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += 1 + word.len();
    }
    text.push('\n');
}

pub(super) fn line(key: &str, value: &str, text: &mut String) {
    text.push_str(&format!("{} = {value}\n", name(key)));
}

/// A commented-out setting: the reader removes the `#` and replaces the example.
pub(super) fn unset(key: &str, example: &str, text: &mut String) {
    text.push_str(&format!("# {} = {example}\n", name(key)));
}

/// A key, quoted if TOML requires it.
fn name(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare {
        key.to_owned()
    } else {
        Value::String(key.to_owned()).to_string()
    }
}

/// A value on a single line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", name(key), inline(value)))
                .collect();
            if pairs.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{ {} }}", pairs.join(", "))
            }
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(inline).collect::<Vec<_>>().join(", ")
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;

    use super::super::{
        Calls, Customers, Exotel, GrantsAllowed, LimitsAllowed, Log, Server, Speech, Stores, read,
    };
    use super::*;
    use crate::secret::Secret;

    fn config(text: &str) -> Config {
        read(text, []).unwrap()
    }

    /// The keys of a section, taken from the error message for an unknown key.
    fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
        let unknown = Table::from_iter([("?".to_owned(), Value::Boolean(true))]);
        let reported = Value::Table(unknown)
            .try_into::<T>()
            .map(drop)
            .unwrap_err()
            .message()
            .to_owned();
        let names = reported
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| *name != "?")
            .map(str::to_owned);
        names.collect()
    }

    #[test]
    fn every_setting_has_a_sentence_and_every_sentence_a_setting() {
        let readers = [
            ("server", keys::<Server>()),
            ("calls", keys::<Calls>()),
            ("customers", keys::<Customers>()),
            ("exotel", keys::<Exotel>()),
            ("stores", keys::<Stores>()),
            ("speech", keys::<Speech>()),
            ("limits", keys::<LimitsAllowed>()),
            ("grants", keys::<GrantsAllowed>()),
            ("log", keys::<Log>()),
        ];
        for (name, keys) in readers {
            let section = SECTIONS
                .iter()
                .find(|section| section.name == name)
                .unwrap();
            assert_eq!(
                section
                    .settings
                    .iter()
                    .map(|setting| setting.key.to_owned())
                    .collect::<BTreeSet<_>>(),
                keys,
                "[{name}]"
            );
        }
        let sections: BTreeSet<_> = Table::try_from(Config::default())
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(
            SECTIONS
                .iter()
                .map(|section| section.name.to_owned())
                .collect::<BTreeSet<_>>(),
            sections
        );
        for setting in SECTIONS.iter().flat_map(|section| section.settings) {
            assert!(
                setting.sentence.len() > 15 && setting.sentence.ends_with('.'),
                "{}: {}",
                setting.key,
                setting.sentence
            );
        }
    }

    #[test]
    fn printed_settings_can_be_read_back() {
        assert_eq!(config(&printed(&Config::default())), Config::default());
        let text = "[server]\nlisten = '127.0.0.1:9'\ndrain-s = 7\n[settings]\nlender = \"A \\\"B\\\" # C\"\n'two words' = 1\n\
            [flows.kyc]\nsettings = { colour = 'red' }\ntransfer = { default = ['+918012345678'] }\n[grants]\nlookup = []\n";
        assert_eq!(config(&printed(&config(text))), config(text));
    }

    #[test]
    fn each_setting_is_printed_once_with_its_sentence_set_or_not() {
        let mut config = Config::default();
        config.server.api_token = Some(Secret::new("0123456789abcdef"));
        let text = printed(&config);
        let lines: Vec<_> = text.lines().collect();
        for section in &SECTIONS {
            let heading = format!("[{}]", section.name);
            let of_section: Vec<_> = lines
                .iter()
                .skip_while(|line| **line != heading)
                .skip(1)
                .take_while(|line| !line.starts_with('['))
                .collect();
            assert!(!of_section.is_empty(), "{heading}");
            for setting in section.settings {
                let found: Vec<_> = of_section
                    .iter()
                    .filter(|line| {
                        line.trim_start_matches("# ")
                            .starts_with(&format!("{} = ", setting.key))
                    })
                    .collect();
                assert_eq!(found.len(), 1, "{}: {found:?}", setting.key);
            }
        }
        assert!(
            lines.contains(&"# public-url = \"https://bot.example.com\"")
                && lines.contains(&"api-token = \"‹secret›\""),
            "{text}"
        );
        assert!(!text.contains("0123456789abcdef"));
    }
}
