//! The minimum length of each message in bytes, whatever its arguments are. Of a selector's
//! variants the longest counts, since some call will speak it.

use std::collections::BTreeMap;

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::problem::line_of;

/// The length of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    /// The line it starts on, from 1.
    pub(super) line: usize,
    pub(super) bytes: usize,
    /// How many of its characters are spoken, not counting the words of its variables.
    pub(super) spoken: usize,
}

/// A text by its identifier and attribute. Messages and terms cannot share an identifier.
type Name<'r> = (&'r str, Option<&'r str>);

/// The texts of a resource, and the lengths known so far.
struct Texts<'r> {
    patterns: BTreeMap<Name<'r>, &'r Pattern<&'r str>>,
    lengths: BTreeMap<Name<'r>, usize>,
    /// How a text is measured.
    measure: fn(&str) -> usize,
}

/// The length of each message. The graph has already ruled out cycles and overlong chains.
pub(super) fn lengths(resource: &FluentResource) -> BTreeMap<String, Length> {
    let source = resource.source();
    let mut texts = Texts {
        patterns: BTreeMap::new(),
        lengths: BTreeMap::new(),
        measure: str::len,
    };
    let mut messages = Vec::new();
    for entry in resource.entries() {
        let (id, value, attributes) = match entry {
            Entry::Message(message) => {
                let offset =
                    (message.id.name.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
                messages.push((message.id.name, line_of(source, offset)));
                (message.id.name, message.value.as_ref(), &message.attributes)
            }
            Entry::Term(term) => (term.id.name, Some(&term.value), &term.attributes),
            Entry::Comment(_)
            | Entry::GroupComment(_)
            | Entry::ResourceComment(_)
            | Entry::Junk { .. } => continue,
        };
        texts
            .patterns
            .extend(value.map(|value| ((id, None), value)));
        texts.patterns.extend(
            attributes
                .iter()
                .map(|attribute| ((id, Some(attribute.id.name)), &attribute.value)),
        );
    }
    let mut spoken = Texts {
        patterns: texts.patterns.clone(),
        lengths: BTreeMap::new(),
        measure: spoken,
    };
    messages
        .into_iter()
        .map(|(id, line)| {
            (
                id.to_owned(),
                Length {
                    line,
                    bytes: texts.text((id, None)),
                    spoken: spoken.text((id, None)),
                },
            )
        })
        .collect()
}

/// How many characters of a text voices speak: neither punctuation nor emoji are.
fn spoken(text: &str) -> usize {
    let is_spoken = |letter: &char| letter.is_alphanumeric() || "%₹$€£&@#+=°".contains(*letter);
    text.chars().filter(is_spoken).count()
}

impl<'r> Texts<'r> {
    fn text(&mut self, name: Name<'r>) -> usize {
        if let Some(known) = self.lengths.get(&name) {
            return *known;
        }
        let length = self
            .patterns
            .get(&name)
            .copied()
            .map_or(0, |pattern| self.pattern(pattern));
        self.lengths.insert(name, length);
        length
    }

    fn pattern(&mut self, pattern: &'r Pattern<&'r str>) -> usize {
        pattern.elements.iter().fold(0_usize, |bytes, element| {
            bytes.saturating_add(match element {
                PatternElement::TextElement { value } => (self.measure)(value),
                PatternElement::Placeable { expression } => self.expression(expression),
            })
        })
    }

    fn expression(&mut self, expression: &'r Expression<&'r str>) -> usize {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { variants, .. } => variants
                .iter()
                .map(|variant| self.pattern(&variant.value))
                .max()
                .unwrap_or(0),
        }
    }

    fn inline(&mut self, inline: &'r InlineExpression<&'r str>) -> usize {
        match inline {
            InlineExpression::StringLiteral { value }
            | InlineExpression::NumberLiteral { value } => (self.measure)(value),
            // the length of an argument is only known during a call
            InlineExpression::VariableReference { .. }
            | InlineExpression::FunctionReference { .. } => 0,
            InlineExpression::MessageReference { id, attribute }
            | InlineExpression::TermReference { id, attribute, .. } => {
                self.text((id.name, attribute.as_ref().map(|attribute| attribute.name)))
            }
            InlineExpression::Placeable { expression } => self.expression(expression),
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::Language;

    use crate::template::{MAX_PROMPT_BYTES, PromptBook};

    /// The problems of a message `emi` in two languages that concern its length.
    fn wrong(hindi: &str) -> Vec<String> {
        let files = [
            (
                "en-IN",
                "# $amount (money)\nemi = Please pay { $amount }.\n",
            ),
            ("hi-IN", hindi),
        ];
        let files = files
            .map(|(language, text)| (Language::parse(language).unwrap(), text.to_owned()))
            .into();
        let languages: Vec<Language> = std::collections::BTreeMap::keys(&files).cloned().collect();
        PromptBook::parse(&files)
            .unwrap()
            .check(&languages)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_message_of_which_nothing_is_spoken_has_no_words() {
        for silent in ["...", "… !", "\u{1f600}", "{ \"-\" }", "—"] {
            let reported = wrong(&format!("emi = {silent}\n"));
            assert_eq!(
                reported,
                [
                    "`prompts/hi-IN.ftl` line 1: of message `emi` nothing is spoken: it has neither words nor numbers; write some: `emi = …`"
                ],
                "{silent}"
            );
        }
        for spoken in ["100%", "₹ { $amount }", "{ $amount }", "हाँ", "5"] {
            assert_eq!(
                wrong(&format!("emi = {spoken}\n")),
                Vec::<String>::new(),
                "{spoken}"
            );
        }
    }

    #[test]
    fn a_message_that_no_call_could_speak_is_reported_with_its_line_in_whatever_language() {
        let long = "क".repeat(MAX_PROMPT_BYTES / 3);
        assert_eq!(
            wrong(&format!("emi = {long}\n")),
            Vec::<String>::new(),
            "it just fits"
        );
        for text in [
            format!("emi = {long} {{ $amount }} {long}\n"),
            format!("emi = {{ $amount ->\n    [one] {long}\n   *[other] {long} {long}\n    }}\n"),
            format!("emi = {{ -law }}{{ $amount }}{{ -law }}\n-law = {long}\n"),
            format!(
                "emi = {{ law.short }}{{ $amount }}{{ law }}\nlaw = {long}\n    .short = {long}\n"
            ),
            format!("emi = {{ \"{long}\" }} {{ $amount }} {{ {{ \"{long}\" }} }}\n"),
        ] {
            let reported = wrong(&format!("# of the law\n\n{text}"));
            assert!(
                reported.len() == 1
                    && reported[0].starts_with("`prompts/hi-IN.ftl` line 3: message `emi` has "),
                "{reported:?}"
            );
            assert!(reported[0].ends_with("and a prompt at most 4096; shorten it, or let the flow say it in several messages"), "{reported:?}");
        }
    }
}
