//! Yes and no, by the engine's lexicons `yes` and `no`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ghanti_model::{Choice, Language};

use crate::lexicon::ChoiceMatcher;

use super::words::CHARACTERS_MAX;
use super::{Reading, Value};

/// What else a caller may mean: a matcher takes these for a no if they are no choices, but "wrong
/// number" does not answer what was asked.
const ANSWERS: [&str; 5] = ["yes", "no", "wrong-person", "do-not-call", "stop"];

/// One matcher per language with lexicons, made at its first use.
static MATCHERS: LazyLock<Mutex<HashMap<String, Option<Arc<ChoiceMatcher>>>>> =
    LazyLock::new(Mutex::default);

fn matcher(language: &Language) -> Option<Arc<ChoiceMatcher>> {
    let mut matchers = MATCHERS.lock().unwrap_or_else(PoisonError::into_inner);
    // languages without a lexicon share one, so that the map stays small
    let primary = match crate::lexicon::has_lexicon(language) {
        true => language.primary(),
        false => "en",
    };
    matchers
        .entry(primary.to_owned())
        .or_insert_with(|| {
            let choice = |id: &str| Choice {
                id: id.to_owned(),
                lexicon: Some(id.to_owned()),
                phrases: Vec::new(),
                key: None,
            };
            let languages = [Language::parse(primary).ok()?, Language::english()];
            let choices = ANSWERS.map(choice);
            ChoiceMatcher::new(&choices, &languages).ok().map(Arc::new)
        })
        .clone()
}

pub(super) fn read(words: &str, language: &Language) -> Reading {
    if words.chars().nth(CHARACTERS_MAX).is_some() {
        return Reading::Nothing;
    }
    match matcher(language).and_then(|matcher| answer(&matcher, words)) {
        Some(answer) => Reading::Value(Value::Boolean(answer)),
        None => Reading::Nothing,
    }
}

pub(super) fn keyed(keys: &str) -> Reading {
    match keys {
        "1" => Reading::Value(Value::Boolean(true)),
        "2" => Reading::Value(Value::Boolean(false)),
        _ => Reading::Nothing,
    }
}

pub(super) fn phrases(language: &Language) -> Vec<String> {
    let Some(matcher) = matcher(language) else {
        return Vec::new();
    };
    let mut phrases = matcher.phrases();
    phrases.retain(|phrase| answer(&matcher, phrase).is_some());
    phrases
}

fn answer(matcher: &ChoiceMatcher, words: &str) -> Option<bool> {
    match matcher.best(words)?.choice.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
