//! What a version would say, compared with the transcript.
//!
//! A journal contains the names of templates, not their text, so a changed prompt file changes no
//! entry. The text that was spoken is in the transcript. Each template of the record is rendered
//! with this version's prompt files, in the language in which it was spoken, and compared with its
//! line of the transcript.

use std::collections::BTreeSet;

use ghanti_language::speak;
use ghanti_model::{Content, DifferenceKind, Line, Speaker, Template, Value};

use crate::calls::Recorded;
use crate::difference::other_words;
use crate::turn::prompts;
use crate::verdict::{DifferenceText, Sides};
use crate::words::Words;

impl Words<'_> {
    /// Lines of the transcript, up to an entry, that this version's prompt files render
    /// differently; one per template and language.
    pub(crate) fn changed(&self, recorded: &Recorded, until_seq: u32) -> Vec<DifferenceText> {
        let said = prompts(&recorded.journal.entries);
        let (mut reported, mut seen) = (Vec::new(), BTreeSet::new());
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
                reported.push(DifferenceText {
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
        reported
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
