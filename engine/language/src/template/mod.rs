//! Templates: a flow's Fluent files, `prompts/<language>.ftl`, checked when the flow is loaded and
//! rendered during calls.
//!
//! The files are untrusted: their size, the depth of their placeables and the length of their
//! reference chains are limited before anything recurses, cycles and unknown names are found when
//! they are parsed, and the length of a rendered prompt is limited too. There are no Fluent
//! functions: a value's type decides how it is spoken.
//!
//! This module reads no files and no clock. A rendered prompt may be personal and is never logged
//! here.

mod bounds;
mod check;
mod declared;
mod graph;
mod length;
pub mod markup;
mod problem;
mod render;
pub mod written;

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;
use fluent_syntax::parser::ErrorKind;
use ghanti_model::description::Kind;
use ghanti_model::{Language, Template, TemplateUse};
use unic_langid::LanguageIdentifier;

pub use problem::{Severity, TemplateProblem};
pub use render::{MAX_PROMPT_BYTES, RenderError};

use declared::Declared;
use graph::Needs;
use length::Length;
use problem::{Report, line_of};

/// The prompts of one language.
struct Pages {
    file: String,
    /// The file as it was given.
    text: String,
    bundle: FluentBundle<FluentResource>,
    /// For every message with a text: the variables it needs, including those of its references,
    /// with the line of a use.
    messages: BTreeMap<String, Needs>,
    /// The messages that others refer to: other languages may do without them.
    parts: BTreeSet<String>,
    /// The minimum length of each message.
    lengths: BTreeMap<String, Length>,
    /// The variables that its comments declare.
    declared: Declared,
}

/// All prompt files of a flow, parsed. Created once and shared by all calls (`Arc`); immutable.
pub struct PromptBook {
    pages: BTreeMap<Language, Pages>,
    /// The type of each declared variable.
    kinds: BTreeMap<String, Kind>,
}

impl std::fmt::Debug for PromptBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(
                self.pages
                    .iter()
                    .map(|(language, pages)| (language, pages.messages.len())),
            )
            .finish()
    }
}

impl PromptBook {
    /// Parses the Fluent files, given by language, and returns every problem in any of them: size,
    /// syntax, duplicate names, references to unknown names or back to themselves, functions.
    pub fn parse(files: &BTreeMap<Language, String>) -> Result<Self, Vec<TemplateProblem>> {
        let mut pages = BTreeMap::new();
        let mut problems = Vec::new();
        for (language, text) in files {
            match Pages::parse(language, text) {
                Ok(read) => {
                    pages.insert(language.clone(), read);
                }
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let kinds = declared::together(&pages)?;
        Ok(Self { pages, kinds })
    }

    /// The templates that all these languages have, by name, each with all variables that its
    /// message has in any language.
    pub fn templates(&self, languages: &[Language]) -> Vec<TemplateUse> {
        check::templates(&self.pages, &self.kinds, languages)
    }

    /// The templates that any of these languages has, to check other files against where one lacks some.
    pub fn templates_of_any(&self, languages: &[Language]) -> Vec<TemplateUse> {
        let of_each = languages
            .iter()
            .flat_map(|language| self.templates(std::slice::from_ref(language)));
        let by_name: BTreeMap<_, _> = of_each.map(|used| (used.name.clone(), used)).collect();
        by_name.into_values().collect()
    }

    /// Checks the files against each other: these languages must have every template, within the
    /// maximum prompt length, and every variable has to be declared. A declared variable that no
    /// message uses is a warning. The list is empty if there are no problems.
    pub fn check(&self, languages: &[Language]) -> Vec<TemplateProblem> {
        check::check(&self.pages, &self.kinds, languages)
    }

    /// Renders a template in a language, as one line of at most [`MAX_PROMPT_BYTES`]. If the
    /// language's region is missing (`hi-FJ`), another region of the language is used. Unused
    /// arguments are ignored.
    pub fn render(
        &self,
        template: &Template,
        language: &Language,
        today: time::Date,
    ) -> Result<String, RenderError> {
        render::render(&self.pages, template, language, today)
    }

    /// Renders a template without arguments; `None` if that is not possible, such as when it does
    /// not exist.
    pub fn render_plain(&self, name: &str, language: &Language) -> Option<String> {
        let template = Template {
            name: name.to_owned(),
            arguments: Vec::new(),
        };
        self.render(&template, language, time::Date::MIN).ok()
    }

    /// The file of a language, as it was given.
    pub fn source(&self, language: &Language) -> Option<&str> {
        self.pages.get(language).map(|pages| pages.text.as_str())
    }

    /// The variables that a message of this name needs in any language, each with its type if it is
    /// declared.
    pub fn variables(&self, name: &str) -> BTreeMap<&str, Option<Kind>> {
        let needs = self
            .pages
            .values()
            .filter_map(|page| page.messages.get(name));
        needs
            .flat_map(BTreeMap::keys)
            .map(|variable| (variable.as_str(), self.kinds.get(variable).copied()))
            .collect()
    }

    /// The languages with prompts.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.pages.keys()
    }

    /// Whether a language has a message with that name.
    pub fn has(&self, language: &Language, name: &str) -> bool {
        self.pages
            .get(language)
            .is_some_and(|pages| pages.messages.contains_key(name))
    }

    /// Whether other messages refer to the message of that name, in any language.
    pub fn is_part(&self, name: &str) -> bool {
        self.pages.values().any(|pages| pages.parts.contains(name))
    }
}

impl Pages {
    fn parse(language: &Language, text: &str) -> Result<Self, Vec<TemplateProblem>> {
        let file = format!("prompts/{language}.ftl");
        let given = text;
        let text = given.trim_start_matches('\u{feff}');
        let mut report = Report::new(&file, text);
        if !bounds::within(text, &mut report) {
            return Err(report.into_problems());
        }
        let resource = match FluentResource::try_new(text.to_owned()) {
            Ok(resource) => resource,
            Err((_, errors)) => {
                for error in errors {
                    let (message, hint) = match &error.kind {
                        ErrorKind::ExpectedMessageField { entry_id } => (
                            format!("message `{entry_id}` has no words"),
                            format!("write them: `{entry_id} = …`"),
                        ),
                        kind => (
                            lower_case_first(&kind.to_string()),
                            "correct the line; projectfluent.org/play shows how it is read"
                                .to_owned(),
                        ),
                    };
                    report.error(line_of(text, error.pos.start), message, hint);
                }
                return Err(report.into_problems());
            }
        };
        let messages = graph::messages(&resource, &mut report);
        let declared = declared::read(text, &mut report);
        markup::check(text, &mut report);
        let lengths = if report.is_empty() {
            length::lengths(&resource)
        } else {
            BTreeMap::new()
        };
        let identifier: LanguageIdentifier = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // isolation marks are for mixed writing directions on a screen; a synthesizer would stumble
        // over them
        bundle.set_use_isolating(false);
        bundle.set_formatter(render::number_formatter(language));
        // duplicate names were reported by the graph, with their lines
        let _ = bundle.add_resource(resource);
        let problems = report.into_problems();
        if problems.is_empty() {
            Ok(Self {
                file,
                text: given.to_owned(),
                bundle,
                messages: messages.needs,
                parts: messages.parts,
                lengths,
                declared,
            })
        } else {
            Err(problems)
        }
    }
}

fn lower_case_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
