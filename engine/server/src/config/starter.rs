//! The configuration file that `ghanti init` writes: the settings that a new operator has to
//! decide, with their descriptions, and random tokens.

use ghanti_model::PhoneNumber;
use toml::Value;

use super::print::{comment, heading, inline, line, unset};
use super::sentences::SECTIONS;
use crate::secret::{NoRandomness, Secret};

/// The operator's choices. Settings without a choice are written as comments, to be filled in.
#[derive(Debug, Clone, Default)]
pub struct Starter {
    /// The company in whose name the bot calls.
    pub lender: Option<String>,
    /// The caller's name as said to someone who may not be the customer: it must not reveal the
    /// purpose of the call.
    pub caller: Option<String>,
    /// The bot's name.
    pub bot_name: Option<String>,
    /// Agents to dial for a transfer.
    pub agents: Vec<PhoneNumber>,
    /// The base URL by which Exotel reaches the engine.
    pub public_url: Option<String>,
    /// The URL of Redis.
    pub redis_url: Option<Secret>,
    /// The URL of PostgreSQL or SQLite.
    pub database_url: Option<Secret>,
    /// Whether nothing here recognises speech.
    pub answers_by_keys: bool,
}

/// The settings that the file contains, by section.
const WRITTEN: [(&str, &[&str]); 7] = [
    (
        "server",
        &[
            "listen",
            "public-url",
            "stream-token",
            "applet-token",
            "api-token",
        ],
    ),
    ("calls", &["agents"]),
    ("customers", &["date-order"]),
    (
        "exotel",
        &[
            "account-sid",
            "api-key",
            "api-token",
            "region",
            "caller-id",
            "flow-id",
        ],
    ),
    ("settings", &OFFERED),
    ("speech", &["recognizer"]),
    ("stores", &["redis-url", "database-url"]),
];

/// The settings of the shipped flows that are written or offered.
const OFFERED: [&str; 5] = ["lender", "caller", "bot-name", "clinic", "company"];

/// Whether this is a setting of flows that a new operator's file has or offers, whichever flows they load.
pub fn is_offered(setting: &str) -> bool {
    OFFERED.contains(&setting)
}

impl Starter {
    /// The text of the file, with newly generated tokens.
    pub fn text(&self) -> Result<String, NoRandomness> {
        let mut text = String::new();
        comment(
            "Settings of Ghanti. `ghanti config print` shows all there are, `ghanti config check` checks this file. This file \
             holds tokens: keep it readable for the engine alone.",
            &mut text,
        );
        for (name, keys) in WRITTEN {
            let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
                continue;
            };
            heading(section, &mut text);
            for setting in section
                .settings
                .iter()
                .filter(|setting| keys.contains(&setting.key))
            {
                comment(setting.sentence, &mut text);
                match self.value(name, setting.key)? {
                    Some(value) => line(setting.key, &inline(&value), &mut text),
                    None => unset(setting.key, setting.example, &mut text),
                }
            }
        }
        Ok(text)
    }

    /// The settings that are still to be filled in. Without them the engine uses the sample values
    /// of the flows, such as a made-up lender.
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = [
            ("lender", self.lender.is_none()),
            ("caller", self.caller.is_none()),
            ("bot-name", self.bot_name.is_none()),
            ("agents", self.agents.is_empty()),
            ("public-url", self.public_url.is_none()),
        ];
        missing
            .into_iter()
            .filter(|(_, is_missing)| *is_missing)
            .map(|(name, _)| name)
            .collect()
    }

    fn value(&self, section: &str, key: &str) -> Result<Option<Value>, NoRandomness> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let secret = |secret: &Option<Secret>| {
            secret
                .as_ref()
                .map(|secret| Value::String(secret.expose().to_owned()))
        };
        if section == "exotel" {
            // a region without an account would be an error
            return Ok(None);
        }
        Ok(match key {
            "listen" => Some(Value::String(super::Server::default().listen.to_string())),
            "stream-token" | "applet-token" | "api-token" => secret(&Some(Secret::random()?)),
            "public-url" => text(&self.public_url),
            "lender" => text(&self.lender),
            "caller" => text(&self.caller),
            "bot-name" => text(&self.bot_name),
            "agents" if self.agents.is_empty() => None,
            "agents" => Some(Value::Array(
                self.agents
                    .iter()
                    .map(|agent| Value::String(agent.expose().to_owned()))
                    .collect(),
            )),
            "recognizer" if self.answers_by_keys => Some(Value::String("none".to_owned())),
            "redis-url" => secret(&self.redis_url),
            "database-url" => secret(&self.database_url),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CommandLine, RecognizerKind, read_with};
    use super::*;

    fn full() -> Starter {
        Starter {
            lender: Some("Müller \"& Sons\"".to_owned()),
            caller: Some("Müller".to_owned()),
            bot_name: Some("Ravi".to_owned()),
            agents: vec![PhoneNumber::parse("08040001111").unwrap()],
            public_url: Some("https://bot.example.com".to_owned()),
            redis_url: Some(Secret::new("redis://localhost")),
            database_url: Some(Secret::new("postgres://u:p%40w@host/calls")),
            answers_by_keys: true,
        }
    }

    #[test]
    fn what_init_writes_is_a_configuration_that_serves() {
        let line = CommandLine {
            serves: true,
            ..CommandLine::default()
        };
        for starter in [Starter::default(), full()] {
            let text = starter.text().unwrap();
            let config = read_with(&text, [], &line).unwrap();
            assert!(
                config.server.stream_token.is_some()
                    && config.server.applet_token.is_some()
                    && config.server.api_token.is_some()
            );
            assert_eq!(config.server.public_url, starter.public_url);
            assert_eq!(config.calls.agents, starter.agents);
            assert_eq!(
                config.speech.recognizer == RecognizerKind::None,
                starter.answers_by_keys
            );
            assert_eq!(
                config.settings.get("lender").cloned(),
                starter.lender.as_deref().map(Into::into)
            );
            assert_eq!(
                (config.stores.redis_url, config.stores.database_url),
                (starter.redis_url.clone(), starter.database_url.clone())
            );
        }
        assert_eq!(
            (Starter::default().missing(), full().missing()),
            (
                vec!["lender", "caller", "bot-name", "agents", "public-url"],
                vec![]
            )
        );
    }

    #[test]
    fn every_line_that_init_leaves_in_a_comment_is_a_setting() {
        let text = Starter::default()
            .text()
            .unwrap()
            .replace("+91…", "+918040001111");
        let is_setting = |line: &str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
        };
        let lines = text.lines().map(|line| {
            line.strip_prefix("# ")
                .filter(|line| is_setting(line))
                .unwrap_or(line)
        });
        let config = read_with(
            &lines.collect::<Vec<_>>().join("\n"),
            [],
            &CommandLine::default(),
        )
        .unwrap();
        assert!(
            config.server.public_url.is_some()
                && config.calls.agents.len() == 1
                && config.settings.len() == 5
        );
        assert!(config.stores.redis_url.is_some() && config.stores.database_url.is_some());
        assert!(config.customers.date_order.is_some());
        assert!(config.exotel.account().is_some() && config.exotel.flow_url().is_some());
    }

    #[test]
    fn tokens_differ_from_each_other_and_from_time_to_time() {
        let tokens = || -> Vec<String> {
            let text = Starter::default().text().unwrap();
            text.lines()
                .filter(|line| line.contains("-token = ") && !line.starts_with('#'))
                .map(str::to_owned)
                .collect()
        };
        let mut all: Vec<_> = tokens()
            .into_iter()
            .chain(tokens())
            .map(|line| line.split_once(" = ").unwrap().1.to_owned())
            .collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }
}
