//! What a version would say, as on the day of a call.

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
        Self {
            version,
            language,
            today,
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
