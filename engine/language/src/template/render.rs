//! Renders a template with its arguments to the words that are spoken.

use std::collections::BTreeMap;
use std::fmt;

use fluent_bundle::{FluentArgs, FluentValue};
use ghanti_model::{Language, Template, Value};
use time::Date;

use super::Pages;
use crate::spoken::{self, SpokenError};

/// The longest prompt, equal to the contract's limit for a text.
pub const MAX_PROMPT_BYTES: usize = 4_096;

/// The largest integer that Fluent's floating-point numbers hold exactly.
const MAX_EXACT: i64 = 1 << 53;

/// Why a template cannot be rendered. Does not contain the arguments' values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// There is no file for the language.
    #[error(
        "cannot speak template `{template}` in `{language}`: there is no `prompts/{language}.ftl`"
    )]
    NoLanguage {
        /// The template's name.
        template: String,
        /// The requested language.
        language: Language,
    },
    /// There is no such message.
    #[error("cannot speak template `{template}`: `{file}` has no message of that name")]
    NoMessage {
        /// The template's name.
        template: String,
        /// The file searched.
        file: String,
    },
    /// The argument for a variable is missing.
    #[error("cannot speak template `{template}`: argument `{argument}` is missing")]
    MissingArgument {
        /// The template's name.
        template: String,
        /// The argument's name, without the `$`.
        argument: String,
    },
    /// An argument cannot be spoken.
    #[error("cannot speak template `{template}`: argument `{argument}`: {reason}")]
    Argument {
        /// The template's name.
        template: String,
        /// The argument's name, without the `$`.
        argument: String,
        /// The reason.
        reason: SpokenError,
    },
    /// The rendered prompt is too long.
    #[error("cannot speak template `{template}`: it has over {MAX_PROMPT_BYTES} bytes")]
    TooLong {
        /// The template's name.
        template: String,
    },
    /// Fluent failed to resolve it.
    #[error("cannot speak template `{template}`: {reason}")]
    Unresolved {
        /// The template's name.
        template: String,
        /// Fluent's message, lower case.
        reason: String,
    },
}

/// Renders a template.
pub(super) fn render(
    pages: &BTreeMap<Language, Pages>,
    template: &Template,
    language: &Language,
    today: Date,
) -> Result<String, RenderError> {
    let name = || template.name.clone();
    let (language, page) = page(pages, language).ok_or_else(|| RenderError::NoLanguage {
        template: name(),
        language: language.clone(),
    })?;
    let no_message = || RenderError::NoMessage {
        template: name(),
        file: page.file.clone(),
    };
    let needs = page.messages.get(&template.name).ok_or_else(no_message)?;
    let pattern = page
        .bundle
        .get_message(&template.name)
        .and_then(|message| message.value())
        .ok_or_else(no_message)?;

    let mut arguments = FluentArgs::with_capacity(needs.len());
    for needed in needs.keys() {
        let argument = template
            .arguments
            .iter()
            .find(|argument| argument.name == *needed);
        let argument = argument.ok_or_else(|| RenderError::MissingArgument {
            template: name(),
            argument: needed.clone(),
        })?;
        let value = fluent_value(&argument.value, language, today);
        let value = value.map_err(|reason| RenderError::Argument {
            template: name(),
            argument: needed.clone(),
            reason,
        })?;
        arguments.set(needed.clone(), value);
    }

    let mut words = Bounded(String::new());
    let mut errors = Vec::new();
    page.bundle
        .write_pattern(&mut words, pattern, Some(&arguments), &mut errors)
        .map_err(|fmt::Error| RenderError::TooLong { template: name() })?;
    match errors.first() {
        None => Ok(spoken::in_sentence(spoken::one_line(&words.0), language)),
        Some(error) => Err(RenderError::Unresolved {
            template: name(),
            reason: error.to_string().to_lowercase(),
        }),
    }
}

/// The prompts of a language, or of another region if its own has none.
fn page<'a>(
    pages: &'a BTreeMap<Language, Pages>,
    language: &'a Language,
) -> Option<(&'a Language, &'a Pages)> {
    let near = || {
        pages
            .iter()
            .find(|(other, _)| other.primary() == language.primary())
    };
    pages.get_key_value(language).or_else(near)
}

/// The argument in its spoken form, as text. Numbers stay numbers so that plural selectors work;
/// [`number_formatter`] turns them into words.
fn fluent_value(
    value: &Value,
    language: &Language,
    today: Date,
) -> Result<FluentValue<'static>, SpokenError> {
    match value {
        Value::Integer(number @ 0..=MAX_EXACT) if spoken::speaks(language) => {
            Ok(FluentValue::from(*number))
        }
        _ => Ok(FluentValue::from(spoken::speak(value, language, today)?)),
    }
}

/// Formats a number in a Fluent bundle.
pub(super) type NumberFormatter<M> = fn(&FluentValue<'_>, &M) -> Option<String>;

/// The number formatter of a language, which writes numbers as spoken. A function pointer cannot
/// capture the language, hence one function per language.
pub(super) fn number_formatter<M>(language: &Language) -> Option<NumberFormatter<M>> {
    macro_rules! one_of {
        ($($primary:literal)*) => {
            match language.primary() {
                $($primary => Some(|value, _| {
                    whole(value).and_then(|number| spoken::number($primary, number))
                }),)*
                _ => None,
            }
        };
    }
    one_of!("en" "hi" "ta" "te" "mr" "kn" "ml" "bn" "gu" "pa" "or")
}

/// The value as an integer, if it is one.
fn whole(value: &FluentValue<'_>) -> Option<i64> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the range is checked, and holds only exact numbers"
    )]
    let whole = (number.value.fract() == 0.0 && number.value.abs() <= MAX_EXACT as f64)
        .then_some(number.value as i64);
    whole
}

/// A string that cannot grow beyond [`MAX_PROMPT_BYTES`].
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.0.len() + piece.len() > MAX_PROMPT_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(piece);
        Ok(())
    }
}
