//! The grammar of a closed question: its phrases and decoys, as far as the model knows their words,
//! and `[unk]` for everything else.
//!
//! Vosk builds a bigram model from it: words recombine across phrases ("call me yes"), so a decoy
//! covers its words anywhere in an utterance.

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_model::Language;
use hashlink::LruCache;

use super::inbox::Request;

/// Vosk's word for speech that matches none of the phrases.
pub(super) const UNKNOWN: &str = "[unk]";

/// How much likelier an answer is than a decoy: Vosk counts how often a phrase occurs in the list.
const WEIGHT: usize = 3;

/// Maximum number of grammars that a worker keeps, of some 10 kB each.
const KEPT: usize = 32;

/// The grammars of the questions that were answered last: all calls ask the same.
pub(super) struct Grammars(LruCache<Key, Arc<str>>);

/// Language, phrases and decoys: what decides over a grammar.
type Key = (Language, Arc<[String]>, Arc<[String]>);

impl Default for Grammars {
    fn default() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl Grammars {
    /// The grammar of a request in Vosk's format, a JSON list; `None` for free speech.
    pub(super) fn of(&mut self, request: &Request) -> Option<Arc<str>> {
        let (phrases, decoys) = (&request.phrases, &request.decoys);
        if phrases.is_empty() {
            return None;
        }
        let key = (
            request.language.clone(),
            Arc::clone(phrases),
            Arc::clone(decoys),
        );
        let compiled = || compile(phrases, decoys, |word| request.model.knows(word));
        let kept = self.0.entry(key).or_insert_with(|| compiled().into());
        Some(Arc::clone(kept))
    }
}

/// Builds a grammar. Phrases with a word outside the model's vocabulary are dropped, since they could
/// never be recognised; if no phrase is left, all speech is [`UNKNOWN`].
fn compile(phrases: &[String], decoys: &[String], knows: impl Fn(&str) -> bool) -> String {
    let answers = known_phrases(phrases, &knows);
    let decoys = known_phrases(decoys, &knows);
    let dropped = phrases.len().saturating_sub(answers.len());
    tracing::debug!(
        phrases = answers.len(),
        decoys = decoys.len(),
        dropped,
        "grammar made"
    );
    let weighted = answers
        .iter()
        .flat_map(|phrase| std::iter::repeat_n(phrase.as_str(), WEIGHT));
    let entries: Vec<&str> = weighted
        .chain(decoys.iter().map(String::as_str))
        .chain([UNKNOWN])
        .collect();
    serde_json::json!(entries).to_string()
}

fn known_phrases<'a>(
    phrases: impl IntoIterator<Item = &'a String>,
    knows: impl Fn(&str) -> bool,
) -> BTreeSet<String> {
    phrases
        .into_iter()
        .map(|phrase| words_of(phrase))
        .filter(|words| !words.is_empty() && words.iter().all(|word| knows(word)))
        .map(|words| words.join(" "))
        .collect()
}

/// The words of a phrase as vocabularies spell them: lower case, with apostrophes inside words but
/// no other punctuation.
fn words_of(phrase: &str) -> Vec<String> {
    let separates = |character: char| {
        character.is_whitespace() || (character.is_ascii_punctuation() && character != '\'')
    };
    phrase
        .to_lowercase()
        .split(separates)
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(phrases: &[&str]) -> Vec<String> {
        let phrases: Vec<String> = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        let vocabulary = ["yes", "that's", "me", "no", "call", "back"];
        known_phrases(&phrases, |word| vocabulary.contains(&word))
            .into_iter()
            .collect()
    }

    #[test]
    fn an_answer_counts_more_than_a_decoy_and_all_else_is_unknown() {
        let list = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let compiled = compile(&list(&["yes", "haan"]), &list(&["no"]), |word| {
            word != "haan"
        });
        assert_eq!(compiled, r#"["yes","yes","yes","no","[unk]"]"#);
    }

    #[test]
    fn a_phrase_with_an_unknown_word_is_left_out() {
        assert_eq!(
            known(&["yes", "haan", "yes haan", "नहीं", "no"]),
            ["no", "yes"]
        );
    }

    #[test]
    fn spellings_of_one_phrase_are_one_entry() {
        assert_eq!(
            known(&["Call-back", "call back", " call  back. ", "'that's me'", ""]),
            ["call back", "that's me"]
        );
    }
}
