//! Checks that the choices of a flow's questions can be understood in its languages.

use ghanti_language::ChoiceMatcher;
use ghanti_language::builtin::Grammar;
use ghanti_manifest::question::Expects;
use ghanti_manifest::{Manifest, ManifestError};
use ghanti_model::Language;

/// The errors of the manifest's questions in these languages; `text` is the manifest's text.
pub(crate) fn check(manifest: &Manifest, languages: &[Language], text: &str) -> Vec<ManifestError> {
    let mut errors = Vec::new();
    for (name, question) in &manifest.questions {
        let mut wrong = |key: Option<&str>, message: String| {
            let keys: Vec<&str> = ["questions", name].into_iter().chain(key).collect();
            errors.push(ManifestError::at(text, &keys, None, message));
        };
        let choices = match &question.expects {
            Expects::Choices(choices) => choices,
            Expects::Value(value) => {
                if let Err(error) = Grammar::with(&value.name, &value.parameters) {
                    wrong(Some("expects"), format!("the question `{name}`: {error}"));
                }
                continue;
            }
            Expects::Text | Expects::Digits(_) => continue,
        };
        match ChoiceMatcher::new(choices, languages) {
            Err(error) => wrong(None, format!("the question `{name}`: {error}")),
            Ok(matcher) => {
                if let Some((phrase, one, other)) = matcher.shared_phrase() {
                    wrong(
                        Some("choices"),
                        format!(
                            "the choices `{one}` and `{other}` of the question `{name}` have the same phrase `{phrase}`, so that whoever says it is not understood: take it out of one of them"
                        ),
                    );
                }
            }
        }
        for choice in choices {
            // a grammar of the engine is there in every language that it speaks
            if choice.lexicon.is_some() || choice.key.is_some() || choice.phrases.is_empty() {
                continue;
            }
            let unheard = languages.iter().find(|language| {
                !choice
                    .phrases
                    .iter()
                    .any(|phrases| phrases.language.primary() == language.primary())
            });
            if let Some(language) = unheard {
                wrong(
                    None,
                    format!(
                        "the choice `{}` of the question `{name}` has no phrases in `{language}` and no key, so that nobody could choose it there: add one of them",
                        choice.id
                    ),
                );
            }
        }
    }
    errors
}
