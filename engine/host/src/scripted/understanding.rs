//! What a scripted caller's words and keys mean to a question, by the grammars of a real call.

use ghanti_language::ChoiceMatcher;
use ghanti_language::builtin::Grammar;
use ghanti_model::{Choice, Language, Masked, Reply, ValueGrammar};

use crate::conversation::Instant;

/// How a question takes words and keys.
pub(super) enum Understands {
    Choices(Vec<Choice>),
    Words,
    Keys { min: usize, max: usize },
    Value(ValueGrammar),
}

impl Understands {
    /// What the words mean, and in which language.
    pub(super) fn said(
        &self,
        words: &str,
        languages: &[Language],
        now: Instant,
    ) -> (Option<Reply>, Option<Language>) {
        match self {
            Self::Choices(choices) => {
                let matcher = ChoiceMatcher::new(choices, languages).ok();
                match matcher.and_then(|matcher| matcher.best(words)) {
                    Some(found) => (Some(Reply::Choice(found.choice)), Some(found.language)),
                    None => (None, None),
                }
            }
            Self::Words => {
                let language = ghanti_language::detect(words, languages);
                (Some(Reply::Text(Masked::from(words))), language)
            }
            Self::Keys { .. } => (None, None),
            Self::Value(value) => {
                let Ok(grammar) = Grammar::with(&value.name, &value.parameters) else {
                    return (None, None);
                };
                let read = languages.iter().find_map(|language| {
                    let value = grammar.read(words, language, now.local()).at_end()?;
                    Some((value.argument()?, language.clone()))
                });
                match read {
                    Some((value, language)) => (Some(Reply::Value(value)), Some(language)),
                    None => (None, None),
                }
            }
        }
    }

    /// What the keys mean.
    pub(super) fn pressed(&self, keys: &str, now: Instant) -> Option<Reply> {
        match self {
            Self::Choices(choices) => {
                let chosen = choices
                    .iter()
                    .find(|choice| choice.key.is_some_and(|key| keys == key.to_string()))?;
                Some(Reply::Choice(chosen.id.clone()))
            }
            Self::Words => None,
            Self::Keys { min, max } => (*min..=*max)
                .contains(&keys.len())
                .then(|| Reply::Keys(Masked::from(keys))),
            Self::Value(value) => {
                let keys = keys.trim_end_matches(value.end_key);
                let grammar = Grammar::with(&value.name, &value.parameters).ok()?;
                let value = grammar.keyed(keys, now.local()).at_end()?;
                value.argument().map(Reply::Value)
            }
        }
    }
}
