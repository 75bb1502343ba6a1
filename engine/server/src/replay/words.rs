//! What a version would say, compared with the transcript.
//!
//! A journal contains the names of templates, not their text, so a changed prompt file changes no
//! entry. The text that was spoken is in the transcript. Each template of the record is rendered
//! with this version's prompt files, in the language in which it was spoken, and compared with its
//! line of the transcript.

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_dialog::replay::{other_words, prompts};
use ghanti_dialog::{DifferenceKind, FlowVersion};
use ghanti_language::speak;
use ghanti_model::{Content, Language, Line, Speaker, Template, Value};
use ghanti_session::FlowPrompts;
use time::{Date, OffsetDateTime};

use super::Recorded;
use super::verdict::{Sides, Told};

/// Renders a version's prompts as on the day of a call.
pub(super) struct Words<'a> {
    pub(super) version: &'a Arc<FlowVersion<FlowPrompts>>,
    /// The language until the flow sets one.
    language: Language,
    today: Date,
}

impl<'a> Words<'a> {
    pub(super) fn new(
        recorded: &Recorded,
        version: &'a Arc<FlowVersion<FlowPrompts>>,
        offset_minutes: i16,
    ) -> Self {
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
        let local_s = i64::try_from(began_ms / 1_000).unwrap_or(0) + i64::from(offset_minutes) * 60;
        let today =
            OffsetDateTime::from_unix_timestamp(local_s).map_or(Date::MIN, OffsetDateTime::date);
        Self {
            version,
            language,
            today,
        }
    }

    /// The text of a prompt, or a placeholder in brackets if it has none.
    pub(super) fn of(&self, content: &Content, language: Option<&Language>) -> String {
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

    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    fn render(&self, template: &Template, language: &Language) -> Option<String> {
        self.version
            .prompts
            .render(template, language, self.today)
            .ok()
    }

    /// Lines of the transcript, up to an entry, that this version's prompt files render
    /// differently; one per template and language.
    pub(super) fn changed(&self, recorded: &Recorded, until_seq: u32) -> Vec<Told> {
        let said = prompts(&recorded.journal.entries);
        let (mut told, mut seen) = (Vec::new(), BTreeSet::new());
        let lines = recorded
            .record
            .iter()
            .flat_map(|record| &record.transcript)
            .filter(|line| line.speaker == Speaker::Bot);
        for line in lines.filter(|line| !line.name.is_empty()) {
            let name = line.name.as_str();
            let render = |template| self.render(template, &line.language).unwrap_or_default();
            let candidates = || {
                said.iter().filter_map(|(seq, prompt)| {
                    named(&prompt.content, name).map(|template| (*seq, template))
                })
            };
            let is_same = candidates().any(|(_, template)| render(template) == line.text.expose());
            let Some((seq, template)) = candidates()
                .next()
                .filter(|(seq, _)| !is_same && *seq < until_seq)
            else {
                continue;
            };
            if seen.insert((name.to_owned(), line.language.clone())) {
                let got = render(template);
                let kind = self.kind(template, line, &got);
                let subject = format!("words of {name} in {}", line.language);
                let (was, is) = (words(name, line.text.expose()), words(name, &got));
                let masked = Sides {
                    expected: format!(
                        "the words of `{name}` in {} that were spoken",
                        line.language
                    ),
                    got: "other words of this version's prompt file".to_owned(),
                };
                told.push(Told {
                    kind,
                    seq,
                    subject,
                    expected: was,
                    got: is,
                    at: None,
                    breaks_off: false,
                    masked,
                });
            }
        }
        told
    }

    /// The kind of a changed prompt: amounts or dates if an argument's spoken form occurs in only
    /// one of the two texts, otherwise what [`other_words`] finds.
    fn kind(&self, template: &Template, line: &Line, got: &str) -> DifferenceKind {
        let differs = |value: &Value| {
            let spoken = speak(value, &line.language, self.today).unwrap_or_default();
            line.text.expose().contains(&spoken) != got.contains(&spoken)
        };
        let kinds = template
            .arguments
            .iter()
            .filter(|argument| differs(&argument.value))
            .map(|argument| match &argument.value {
                Value::Money(_) | Value::Integer(_) | Value::Digits(_) => DifferenceKind::Amounts,
                Value::Date(_) | Value::Time(_) => DifferenceKind::Dates,
                Value::Text(_) => DifferenceKind::Wording,
            });
        kinds
            .chain([other_words(line.text.expose(), got)])
            .min()
            .unwrap_or(DifferenceKind::Wording)
    }
}

fn named<'a>(content: &'a Content, name: &str) -> Option<&'a Template> {
    match content {
        Content::Template(template) if template.name == name => Some(template),
        _ => None,
    }
}

fn words(name: &str, text: &str) -> String {
    if text.is_empty() {
        format!("`{name}` has no words")
    } else {
        format!("“{text}”")
    }
}
