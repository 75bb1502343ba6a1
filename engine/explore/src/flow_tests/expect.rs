//! `[expect]`: what a test wants to have happened.

use ghanti_manifest::reader::{Item, Reader};
use ghanti_model::{Description, Language};
use toml::de::DeValue;

use super::read::{flag, language, moment, templates, texts};

/// `[expect]`; each expectation with its line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expect {
    /// Whether what is said is compared with a snapshot.
    pub(super) snapshot: Option<usize>,
    pub(super) outcome: Option<(usize, Option<String>)>,
    pub(super) transfer: Option<(usize, Transfer)>,
    pub(super) said: Option<(usize, Vec<String>)>,
    pub(super) only_said: Option<(usize, Vec<String>)>,
    pub(super) never_said: Option<(usize, Vec<String>)>,
    pub(super) asked: Option<(usize, Vec<String>)>,
    pub(super) established: Option<(usize, Vec<String>)>,
    pub(super) language: Option<(usize, Language)>,
    pub(super) notes: Vec<(usize, String, String)>,
    pub(super) invoked: Option<(usize, Vec<String>)>,
    pub(super) milestones: Option<(usize, Vec<String>)>,
    /// A time, or `None` for no other call.
    pub(super) call_again: Option<(usize, Option<u64>)>,
    /// Words that a template is said with, by template.
    pub(super) wording: Vec<(usize, String, String)>,
    /// Words that no prompt has.
    pub(super) never_wording: Option<(usize, Vec<String>)>,
    /// Template, argument and value.
    pub(super) values: Vec<(usize, String, String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transfer {
    None,
    Any,
    To(String),
}

impl Expect {
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        item: &Item<'_>,
        description: &Description,
    ) {
        let known = [
            "snapshot",
            "outcome",
            "transfer",
            "said",
            "only-said",
            "never-said",
            "asked",
            "established",
            "invoked",
            "milestones",
            "call-again",
            "language",
            "notes",
            "wording",
            "never-wording",
            "values",
        ];
        reader.section("expect", item, &known, |reader, name, item| {
            let line = reader.line(item.span());
            let of_templates =
                |reader: &mut Reader<'_>| Some((line, templates(reader, name, item, description)));
            let of_names = |reader: &mut Reader<'_>| {
                Some((line, reader.each(name, item, |text| Ok(text.to_owned()))))
            };
            match name {
                "snapshot" => self.snapshot = flag(reader, name, item).then_some(line),
                "outcome" => self.outcome = outcome(reader, item).map(|outcome| (line, outcome)),
                "transfer" => self.transfer = transfer(reader, item).map(|wanted| (line, wanted)),
                "said" => self.said = of_templates(reader),
                "only-said" => self.only_said = of_templates(reader),
                "never-said" => self.never_said = of_templates(reader),
                "asked" => self.asked = of_names(reader),
                "established" => self.established = of_names(reader),
                "invoked" => self.invoked = of_names(reader),
                "milestones" => self.milestones = of_names(reader),
                "call-again" => {
                    self.call_again = match item.get_ref() {
                        DeValue::Boolean(false) => Some((line, None)),
                        _ => moment(reader, name, item).map(|at_ms| (line, Some(at_ms))),
                    }
                }
                "never-wording" => self.never_wording = of_names(reader),
                "language" => {
                    self.language = language(reader, name, item).map(|language| (line, language))
                }
                "notes" => reader.entries(name, item, |reader, key, item| {
                    if let Some(value) = reader.string(key, item) {
                        self.notes
                            .push((reader.line(item.span()), key.to_owned(), value));
                    }
                }),
                "wording" => reader.entries(name, item, |reader, template, item| {
                    let line = reader.line(item.span());
                    known_template(reader, template, item, description);
                    for words in reader.each(template, item, |text| Ok(text.to_owned())) {
                        self.wording.push((line, template.to_owned(), words));
                    }
                }),
                "values" => reader.entries(name, item, |reader, template, item| {
                    let line = reader.line(item.span());
                    known_template(reader, template, item, description);
                    for (argument, value) in texts(reader, template, item) {
                        self.values
                            .push((line, template.to_owned(), argument, value));
                    }
                }),
                _ => return false,
            }
            true
        });
    }
}

fn known_template(
    reader: &mut Reader<'_>,
    template: &str,
    item: &Item<'_>,
    description: &Description,
) {
    if !description.uses(template) {
        let message = "a template of the flow as its key: the flow uses none of this name";
        reader.expect(template, item, message);
    }
}

fn outcome(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Option<String>> {
    match item.get_ref() {
        DeValue::Boolean(false) => Some(None),
        DeValue::String(outcome) => Some(Some(outcome.to_string())),
        _ => {
            reader.expect("outcome", item, "an outcome in quotes, or `false` for none");
            None
        }
    }
}

fn transfer(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Transfer> {
    match item.get_ref() {
        DeValue::Boolean(false) => Some(Transfer::None),
        DeValue::Boolean(true) => Some(Transfer::Any),
        DeValue::String(target) => Some(Transfer::To(target.to_string())),
        _ => {
            reader.expect("transfer", item, "`true`, `false` or the target's name");
            None
        }
    }
}
