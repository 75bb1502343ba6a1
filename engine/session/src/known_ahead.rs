//! The prompts of a flow whose words are the same in every call, so that they can be spoken before any.

use std::collections::BTreeMap;

use ghanti_host::FlowVersion;
use ghanti_model::description::Kind;
use ghanti_model::{Argument, Language, Template, Value};
use ghanti_speech::Utterance;
use time::Date;

use crate::fallback_prompt::{Why, by_keys, fallback_prompt, one_moment, resumed};
use crate::rendered_prompt::{RenderedPrompt, Source};

/// What is known of a flow's prompts before its calls.
#[derive(Debug, Default)]
pub struct KnownAhead {
    /// The words of each prompt that is the same in every call, with its template's name or the
    /// engine's own.
    pub prompts: Vec<(String, Utterance)>,
    /// The templates with a variable whose value is only known in a call, with those variables.
    pub unknown: Vec<(String, Vec<String>)>,
}

/// Whether what a template says may be a customer's: it has an argument that is not a setting of the
/// flow, by name and value. Prompts that are not personal are kept on disk, for all calls.
pub(crate) fn is_personal(template: &Template, settings: &BTreeMap<String, String>) -> bool {
    let is_setting = |argument: &Argument| match &argument.value {
        Value::Text(text) => settings
            .get(&argument.name)
            .is_some_and(|setting| setting == text.expose()),
        _ => false,
    };
    !template.arguments.iter().all(is_setting)
}

/// The prompts of a version in all its languages and in their default voices, and the engine's own.
/// Audio files are not spoken, and texts that the flow writes itself are not known.
pub fn known_ahead(version: &FlowVersion) -> KnownAhead {
    let settings = &version.manifest().settings;
    let mut known = KnownAhead::default();
    for template in version.prompts.templates(&version.languages) {
        let is_unknown =
            |(name, kind): &&(String, Kind)| *kind != Kind::Text || !settings.contains_key(name);
        let unknown: Vec<String> = template
            .arguments
            .iter()
            .filter(is_unknown)
            .map(|(name, _)| name.clone())
            .collect();
        if !unknown.is_empty() {
            known.unknown.push((template.name, unknown));
            continue;
        }
        let arguments = template.arguments.iter().filter_map(|(name, _)| {
            Some(Argument {
                name: name.clone(),
                value: Value::Text(settings.get(name)?.as_str().into()),
            })
        });
        let filled = Template {
            name: template.name.clone(),
            arguments: arguments.collect(),
        };
        for language in &version.languages {
            // without dates the day does not matter
            if let Ok(text) = version.prompts.render(&filled, language, Date::MIN) {
                let utterance = Utterance {
                    text: text.into(),
                    language: language.clone(),
                    voice: None,
                };
                known.prompts.push((template.name.clone(), utterance));
            }
        }
    }
    for language in &version.languages {
        known.prompts.extend(own(language).filter_map(words));
    }
    known
}

/// What the engine itself may say in a language.
fn own(language: &Language) -> impl Iterator<Item = RenderedPrompt> {
    let ends = [Why::Failed, Why::TooLong]
        .into_iter()
        .flat_map(|why| [true, false].map(|transfer| fallback_prompt(language, why, transfer)));
    [one_moment(language), by_keys(language), resumed(language)]
        .into_iter()
        .chain(ends)
}

fn words(prompt: RenderedPrompt) -> Option<(String, Utterance)> {
    match prompt.source {
        Source::Words { utterance, .. } => Some((prompt.template, utterance)),
        Source::File { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_setting_of_the_flow_is_not_personal_and_all_else_is() {
        let settings = BTreeMap::from([("lender".to_owned(), "Sahyog".to_owned())]);
        let template = |arguments: &[(&str, Value)]| Template {
            name: "who-we-are".to_owned(),
            arguments: arguments
                .iter()
                .map(|(name, value)| Argument {
                    name: (*name).to_owned(),
                    value: value.clone(),
                })
                .collect(),
        };
        let text = |text: &str| Value::Text(text.into());
        let lender = ("lender", text("Sahyog"));
        for (arguments, personal) in [
            (vec![], false),
            (vec![lender.clone()], false),
            (vec![("lender", text("Priya"))], true),
            (vec![("name", text("Sahyog"))], true),
            (vec![("lender", Value::Digits("Sahyog".into()))], true),
            (vec![lender, ("name", text("Priya"))], true),
        ] {
            assert_eq!(
                is_personal(&template(&arguments), &settings),
                personal,
                "{arguments:?}"
            );
        }
    }
}
