//! Parses `flow.toml`, section by section.

mod customer;
mod limits;
mod properties;
mod questions;
mod update;

use std::collections::BTreeMap;

use ghanti_model::{Direction, Language, Milestone, PhoneNumber};
use toml::de::{DeTable, DeValue};

use crate::action;
use crate::patterns::is_engines_own;
use crate::reader::{Item, Reader};
use crate::samples::Samples;
use crate::{FailureWords, Grants, HEARD, Manifest, OnFailure, OnFailureThen, PromptRule, Takes};

impl Reader<'_> {
    /// Reads a whole manifest.
    pub(crate) fn manifest(&mut self, document: &DeTable<'_>) -> Manifest {
        let mut manifest = Manifest::default();
        let known = [
            "flow",
            "match",
            "customer",
            "settings",
            "samples",
            "grants",
            "limits",
            "on-failure",
            "update",
            "replay",
            "prompts",
            "questions",
            "properties",
        ];
        self.table(document, &known, |reader, name, item| {
            match name {
                "flow" => reader.flow(item, &mut manifest),
                "match" => manifest.takes = reader.takes(item),
                "customer" => manifest.customer = reader.customer(item),
                "settings" => manifest.settings = reader.settings(item),
                "samples" => manifest.samples = reader.samples(item),
                "grants" => manifest.grants = reader.grants(item),
                "limits" => {
                    manifest.limits = reader.limits(item);
                    manifest.limits_given = limits::given(item);
                }
                "on-failure" => manifest.on_failure = reader.on_failure(item),
                "update" => manifest.update = reader.update(item),
                "replay" => manifest.replay_gate = reader.replay(item),
                "prompts" => reader.prompts(item, &mut manifest),
                "questions" => manifest.questions = reader.questions(item),
                "properties" => manifest.properties = reader.properties(item),
                _ => return false,
            }
            true
        });
        manifest
    }

    fn flow(&mut self, item: &Item<'_>, manifest: &mut Manifest) {
        self.section(
            "flow",
            item,
            &["title", "languages", "establishes", "language-changed"],
            |reader, name, item| {
                match name {
                    "title" => manifest.title = reader.string(name, item),
                    "establishes" => {
                        manifest.establishes = Some(reader.each(name, item, established))
                    }
                    "language-changed" => manifest.language_changed = reader.string(name, item),
                    "languages" => {
                        manifest.languages = reader.each(name, item, |text| {
                            Language::parse(text).map_err(|error| error.to_string())
                        });
                    }
                    _ => return false,
                }
                true
            },
        );
    }

    fn takes(&mut self, item: &Item<'_>) -> Takes {
        let mut takes = Takes::default();
        self.section(
            "match",
            item,
            &["numbers", "direction", "parameters", "weight"],
            |reader, name, item| {
                match name {
                    "numbers" => takes.numbers = reader.numbers(name, item),
                    "direction" => {
                        let directions = [
                            ("inbound", Direction::Inbound),
                            ("outbound", Direction::Outbound),
                        ];
                        takes.direction = reader.one_of(name, item, &directions);
                    }
                    "parameters" => reader.entries(name, item, |reader, key, item| {
                        if let Some(value) = reader.string(key, item) {
                            takes.parameters.insert(key.to_owned(), value);
                        }
                    }),
                    "weight" => {
                        let weight = reader
                            .integer(name, item, 0..=10_000)
                            .and_then(|weight| u32::try_from(weight).ok());
                        takes.weight = weight.unwrap_or(takes.weight);
                    }
                    _ => return false,
                }
                true
            },
        );
        takes
    }

    fn settings(&mut self, item: &Item<'_>) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        self.entries("settings", item, |reader, key, item| {
            let value = match item.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Boolean(value) => value.to_string(),
                DeValue::Integer(number) => {
                    match i64::from_str_radix(number.as_str(), number.radix()) {
                        Ok(number) => number.to_string(),
                        Err(_) => return reader.expect(key, item, "a whole number of 64 bits"),
                    }
                }
                _ => return reader.expect(key, item, "a text, a whole number, `true` or `false`"),
            };
            settings.insert(key.to_owned(), value);
        });
        settings
    }

    fn grants(&mut self, item: &Item<'_>) -> Grants {
        let mut grants = Grants::default();
        self.section(
            "grants",
            item,
            &["lookup", "transfer", "voices", "actions"],
            |reader, name, item| {
                match name {
                    "lookup" => grants.lookup = reader.each(name, item, look_up),
                    "actions" => grants.actions = reader.each(name, item, action::grant),
                    "voices" => grants.voices = reader.each(name, item, |text| Ok(text.to_owned())),
                    "transfer" => grants.transfer = Some(reader.granted_targets(name, item)),
                    _ => return false,
                }
                true
            },
        );
        grants
    }

    fn numbers(&mut self, name: &str, item: &Item<'_>) -> Vec<PhoneNumber> {
        self.each(name, item, |text| {
            PhoneNumber::parse(text).map_err(|error| error.to_string())
        })
    }

    fn targets(&mut self, name: &str, item: &Item<'_>) -> BTreeMap<String, Vec<PhoneNumber>> {
        let mut targets = BTreeMap::new();
        self.entries(name, item, |reader, target, item| {
            let numbers = reader.numbers(target, item);
            if matches!(item.get_ref(), DeValue::Array(items) if items.is_empty()) {
                reader.expect(target, item, "at least one phone number");
            }
            targets.insert(target.to_owned(), numbers);
        });
        targets
    }

    /// Reads targets by name, whose numbers the operator gives, or with numbers.
    fn granted_targets(
        &mut self,
        name: &str,
        item: &Item<'_>,
    ) -> BTreeMap<String, Vec<PhoneNumber>> {
        if !matches!(item.get_ref(), DeValue::Array(_)) {
            return self.targets(name, item);
        }
        let names = self.each(name, item, |text| match PhoneNumber::parse(text) {
            Ok(_) => Err("give the target of a number a name: `{ default = [\"…\"] }`".to_owned()),
            Err(_) if text.trim().is_empty() => Err("name a target".to_owned()),
            Err(_) => Ok(text.to_owned()),
        });
        names.into_iter().map(|name| (name, Vec::new())).collect()
    }

    fn samples(&mut self, item: &Item<'_>) -> Samples {
        let mut samples = Samples::default();
        self.section(
            "samples",
            item,
            &["settings", "transfer"],
            |reader, name, item| {
                match name {
                    "settings" => samples.settings = reader.settings(item),
                    "transfer" => samples.transfer = reader.targets(name, item),
                    _ => return false,
                }
                true
            },
        );
        samples
    }

    fn on_failure(&mut self, item: &Item<'_>) -> OnFailure {
        let mut on_failure = OnFailure::default();
        self.section(
            "on-failure",
            item,
            &["say", "then", "budget"],
            |reader, name, item| {
                match name {
                    "say" => match item.get_ref() {
                        DeValue::Table(table) => {
                            reader.table(table, &["template"], |reader, name, item| {
                                let known = name == "template";
                                if known {
                                    on_failure.say =
                                        reader.string(name, item).map(FailureWords::Template);
                                }
                                known
                            })
                        }
                        _ => on_failure.say = reader.string(name, item).map(FailureWords::Text),
                    },
                    "budget" => on_failure.budget = reader.budget(name, item),
                    "then" => {
                        let choices = [
                            ("transfer", OnFailureThen::Transfer),
                            ("goodbye", OnFailureThen::Goodbye),
                        ];
                        on_failure.then = reader.one_of(name, item, &choices).unwrap_or_default();
                    }
                    _ => return false,
                }
                true
            },
        );
        on_failure
    }

    fn milestone(&mut self, name: &str, item: &Item<'_>) -> Option<Milestone> {
        let text = self.string(name, item)?;
        Milestone::parse(&text)
            .map_err(|error| {
                self.expect(
                    name,
                    item,
                    &format!("the name of a milestone, such as \"emi-delivered\": {error}"),
                )
            })
            .ok()
    }

    fn requires(&mut self, name: &str, item: &Item<'_>) -> Vec<String> {
        self.each(name, item, |text| {
            let identifier = |part: &str| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            };
            let usable = text
                .strip_prefix(HEARD)
                .map_or_else(|| is_slug(text), identifier);
            let hint = || {
                "give a name in lower-case letters, digits and hyphens, or `heard:` and a template"
                    .to_owned()
            };
            if usable {
                Ok(text.to_owned())
            } else {
                Err(hint())
            }
        })
    }

    fn prompts(&mut self, item: &Item<'_>, manifest: &mut Manifest) {
        self.entries("prompts", item, |reader, template, item| {
            if let ("texts", DeValue::Boolean(texts)) = (template, item.get_ref()) {
                manifest.texts = *texts;
                return;
            }
            let mut rule = PromptRule::default();
            reader.section(
                template,
                item,
                &["interruptible", "requires", "milestone"],
                |reader, name, item| {
                    match name {
                        "interruptible" => rule.interruptible = reader.boolean(name, item),
                        "requires" => rule.requires = reader.requires(name, item),
                        "milestone" => rule.milestone = reader.milestone(name, item),
                        _ => return false,
                    }
                    true
                },
            );
            manifest.prompts.insert(template.to_owned(), rule);
        });
    }

    /// A number between 0 and 1, as a percentage.
    fn percent(&mut self, name: &str, item: &Item<'_>) -> Option<u8> {
        let share: Option<f64> = match item.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        match share.filter(|share| (0.0..=1.0).contains(share)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and 100"
            )]
            Some(share) => Some((share * 100.0).round() as u8),
            None => {
                self.expect(name, item, "a number between 0 and 1, such as 0.7");
                None
            }
        }
    }
}

/// Whether `call.establish` would accept the name.
fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn established(text: &str) -> Result<String, String> {
    let hint = || {
        "give a name in lower-case letters, digits and hyphens; what is heard the engine establishes by itself".to_owned()
    };
    if is_slug(text) {
        Ok(text.to_owned())
    } else {
        Err(hint())
    }
}

fn look_up(text: &str) -> Result<String, String> {
    if is_engines_own(text) {
        Err("the engine's own records are granted to no flow".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
