//! What a version would say, as on the day of a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_host::FlowVersion;
use ghanti_model::{Content, Language, Speaker, Template, Zone};
use time::{Date, PrimitiveDateTime};

use crate::calls::Recorded;

/// Renders a version's prompts as on the day of a call.
pub(crate) struct Words<'a> {
    pub(crate) version: &'a Arc<FlowVersion>,
    /// The language until the flow sets one.
    pub(crate) language: Language,
    pub(crate) today: Date,
    /// What the bot said by the transcript, each different text once, by template and language.
    said: BTreeMap<(String, Language), Vec<String>>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(recorded: &Recorded, version: &'a Arc<FlowVersion>, zone: &Zone) -> Self {
        let spoken = recorded
            .record
            .iter()
            .flat_map(|record| &record.transcript)
            .find(|line| line.speaker == Speaker::Bot);
        let first = spoken
            .map(|line| &line.language)
            .or(version.languages.first());
        let language = first.cloned().unwrap_or_else(Language::english);
        let header = &recorded.journal.header;
        let began_ms = header
            .began_ms
            .or(recorded
                .record
                .as_ref()
                .and_then(|record| record.started_ms))
            .unwrap_or(0);
        let today = zone
            .local(began_ms)
            .map_or(Date::MIN, PrimitiveDateTime::date);
        let mut said: BTreeMap<(String, Language), Vec<String>> = BTreeMap::new();
        let lines = recorded.record.iter().flat_map(|record| &record.transcript);
        for line in lines.filter(|line| line.speaker == Speaker::Bot && !line.name.is_empty()) {
            let texts = said
                .entry((line.name.clone(), line.language.clone()))
                .or_default();
            let text = line.text.expose();
            if texts.iter().all(|other| other != text) {
                texts.push(text.to_owned());
            }
        }
        Self {
            version,
            language,
            today,
            said,
        }
    }

    /// The words that were spoken of a template, if the transcript has them: a recorded prompt in the
    /// words of this version may be one that was never spoken.
    pub(crate) fn spoken(&self, content: &Content, language: Option<&Language>) -> Option<&str> {
        let Content::Template(template) = content else {
            return None;
        };
        let language = language.unwrap_or(&self.language).clone();
        let texts = self.said.get(&(template.name.clone(), language));
        match texts.map(Vec::as_slice) {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    /// The text of a prompt, or a placeholder in brackets if it has none.
    pub(crate) fn of(&self, content: &Content, language: Option<&Language>) -> String {
        match content {
            Content::Text(text) => text.expose().to_owned(),
            Content::Audio(name) => format!("[audio {name}]"),
            Content::Template(template) => {
                let language = language.unwrap_or(&self.language);
                self.render(template, language)
                    .unwrap_or_else(|| format!("[`{}` has no words in {language}]", template.name))
            }
        }
    }

    pub(crate) fn language(&self) -> &Language {
        &self.language
    }

    pub(crate) fn render(&self, template: &Template, language: &Language) -> Option<String> {
        self.version
            .prompts
            .render(template, language, self.today)
            .ok()
    }
}
