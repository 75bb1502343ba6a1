//! From words to a choice, by the rules in the [module documentation](super).

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{Choice, Language};

use super::data::Weight;
use super::table::{Meaning, Table};
use super::{Lexicon, LexiconError, normal};

/// A flow's own phrases take precedence over any lexicon's.
const OWN_PARTICULARITY: u8 = u8::MAX;

/// The most words of an answer; longer utterances are no match.
const MAX_WORDS: usize = 256;

/// Matches the choices of a question. Created once per question, cheap to query, immutable.
#[derive(Debug)]
pub struct ChoiceMatcher {
    table: Table,
    keys: BTreeMap<char, usize>,
}

/// The choice that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The choice's id.
    pub choice: String,
    /// The language of the matched phrases.
    pub language: Language,
    /// The lexicon of the longest matched phrase; `None` if it is the flow's own.
    pub lexicon: Option<Lexicon>,
}

/// A phrase found in the utterance.
#[derive(Debug, Clone, Copy)]
struct Hit {
    start: usize,
    words: usize,
    meaning: Meaning,
}

impl Hit {
    fn end(&self) -> usize {
        self.start + self.words
    }

    fn same_place(&self, other: &Hit) -> bool {
        self.start == other.start && self.words == other.words
    }

    /// Whether `other`, as a part of this longer phrase, is ignored.
    fn hides(&self, other: &Hit) -> bool {
        let longer =
            self.words > other.words && self.start <= other.start && self.end() >= other.end();
        let denies = matches!(self.meaning.lexicon, None | Some(Lexicon::No))
            && !matches!(self.meaning.weight, Weight::Filler | Weight::Particle);
        let of_another =
            self.meaning.lexicon.is_some_and(Lexicon::hides_others) && !other.meaning.own;
        longer && (self.meaning.choice.is_some() || denies || of_another)
    }

    /// Whether the same words have this meaning rather than the other one.
    fn takes(&self, other: &Hit) -> bool {
        let is_choice =
            self.meaning.choice.is_some() && self.meaning.choice != other.meaning.choice;
        self.same_place(other)
            && is_choice
            && particularity(&self.meaning) > particularity(&other.meaning)
    }

    /// Whether its words may accompany an answer of that lexicon: they mean nothing, or the same.
    fn stands_beside(&self, answer: Option<Lexicon>) -> bool {
        let denies_too =
            self.meaning.lexicon == Some(Lexicon::No) && answer.is_some_and(Lexicon::declines);
        match self.meaning.weight {
            Weight::Filler => true,
            // "yes, but who?" is a question rather than consent
            Weight::Weak => answer != Some(Lexicon::Yes) || self.meaning.lexicon == answer,
            Weight::Particle => answer != Some(Lexicon::Yes),
            Weight::Firm | Weight::Opening | Weight::Consent => {
                denies_too || self.meaning.lexicon == Some(Lexicon::Yes)
            }
        }
    }

    fn is_firm(&self, lexicon: Lexicon) -> bool {
        self.meaning.lexicon == Some(lexicon) && self.meaning.weight != Weight::Weak
    }
}

fn particularity(meaning: &Meaning) -> u8 {
    if meaning.own {
        OWN_PARTICULARITY
    } else {
        meaning
            .lexicon
            .map(Lexicon::particularity)
            .unwrap_or_default()
    }
}

impl ChoiceMatcher {
    /// A matcher for the choices in the languages, most likely first; English if there are none.
    pub fn new(choices: &[Choice], languages: &[Language]) -> Result<Self, LexiconError> {
        let english = [Language::english()];
        let table = Table::of(
            choices,
            if languages.is_empty() {
                &english
            } else {
                languages
            },
        )?;
        Ok(Self {
            table,
            keys: keys(choices)?,
        })
    }

    /// The choice made by the whole text; `None` if it makes none or two, or has a word that does
    /// not belong to the choice.
    pub fn best(&self, text: &str) -> Option<Match> {
        let words = normal::words(text);
        if words.len() > MAX_WORDS {
            return None;
        }
        let said = self.hits(&words);
        let meant = meant(&said)?;
        let winner = winner(&meant)?;
        let hits: Vec<Hit> = meant
            .into_iter()
            .filter(|hit| hit.meaning.choice == Some(winner))
            .collect();
        let is_too_weak = self.table.asks_firmly(winner)
            && hits.iter().all(|hit| hit.meaning.weight == Weight::Weak);
        let lexicon = hits
            .iter()
            .max_by_key(|hit| hit.words)
            .and_then(|hit| hit.meaning.lexicon);
        let beside = said.iter().filter(|hit| hit.stands_beside(lexicon));
        if is_too_weak || explained(hits.iter().chain(beside)) < words.len() {
            return None;
        }
        let choice = self.table.choices.get(winner)?.clone();
        let language = self
            .table
            .languages
            .get(likeliest_language(&hits)?)?
            .clone();
        Some(Match {
            choice,
            language,
            lexicon,
        })
    }

    /// The phrases for a recogniser, lower case and unique: all of the flow's own, and the engine's
    /// most common ones. Fewer than [`best`](Self::best) understands, because a recogniser's error
    /// rate grows with the number of phrases.
    pub fn phrases(&self) -> Vec<String> {
        self.table.listened().into_iter().collect()
    }

    /// Phrases and words that are not a choice here, lower case and unique, so that a recogniser
    /// can distinguish them from the choices.
    pub fn decoys(&self) -> Vec<String> {
        self.table.decoys().into_iter().collect()
    }

    /// The choice assigned to a key.
    pub fn key(&self, key: char) -> Option<&str> {
        self.keys
            .get(&key)
            .and_then(|index| self.table.choices.get(*index))
            .map(String::as_str)
    }

    /// A phrase of the flow's own that two of the choices have, as written in lower case, with these choices: whoever says
    /// it makes neither.
    pub fn shared_phrase(&self) -> Option<(&str, &str, &str)> {
        self.table.own().find_map(|(phrase, meanings)| {
            let (first, rest) = meanings.split_first()?;
            let other = rest.iter().find(|other| other.choice != first.choice)?;
            let named = |choice: Option<usize>| self.table.choices.get(choice?).map(String::as_str);
            Some((phrase, named(first.choice)?, named(other.choice)?))
        })
    }

    /// Whether any choice has a key.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether the words so far are exactly one phrase of a choice, so that endpointing need not
    /// wait long.
    pub fn is_complete(&self, partial: &str) -> bool {
        let phrase = normal::words(partial).join(" ");
        self.table
            .meanings(&phrase)
            .iter()
            .any(|meaning| meaning.choice.is_some())
            && self.best(partial).is_some()
    }

    /// Whether the last words so far start a phrase of a choice without being an answer yet: the
    /// caller is still in the middle of it.
    pub fn is_unfinished(&self, partial: &str) -> bool {
        let words = normal::words(partial);
        let begins = |start: usize| {
            let beginning = words.get(start..).unwrap_or_default().join(" ") + " ";
            self.table.begins_answer(&beginning)
        };
        let longest = words.len().min(self.table.longest);
        self.best(partial).is_none() && (words.len() - longest..words.len()).any(begins)
    }

    /// Whether one of the choices is a yes, from the lexicon `yes` or `confirm`.
    pub fn has_yes(&self) -> bool {
        self.table.yes().is_some()
    }

    /// Whether the choice with this id is the yes, which a caller may immediately take back.
    pub fn is_yes(&self, choice: &str) -> bool {
        self.table
            .yes()
            .and_then(|yes| self.table.choices.get(yes))
            .is_some_and(|yes| yes == choice)
    }

    /// Whether the yes is a confirmation, from the lexicon `confirm`.
    pub fn has_confirmation(&self) -> bool {
        self.table
            .yes()
            .is_some_and(|yes| self.table.asks_firmly(yes))
    }

    /// Whether the choice with this id is the confirmation.
    pub fn confirms(&self, choice: &str) -> bool {
        self.has_confirmation() && self.is_yes(choice)
    }

    fn hits(&self, words: &[String]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for start in 0..words.len() {
            let mut phrase = String::new();
            for (count, word) in words
                .iter()
                .skip(start)
                .take(self.table.longest)
                .enumerate()
            {
                if count > 0 {
                    phrase.push(' ');
                }
                phrase.push_str(word);
                let here = self
                    .table
                    .meanings(&phrase)
                    .into_iter()
                    .filter(|meaning| start == 0 || meaning.weight != Weight::Opening);
                hits.extend(here.map(|meaning| Hit {
                    start,
                    words: count + 1,
                    meaning,
                }));
            }
        }
        hits
    }
}

/// The hits that remain after rules 1 to 5; `None` if both yes and no were said.
fn meant(said: &[Hit]) -> Option<Vec<Hit>> {
    let heard = |hit: &&Hit| {
        !said
            .iter()
            .any(|other| other.hides(hit) || other.takes(hit))
            && hit.meaning.choice.is_some()
    };
    let mut meant: Vec<Hit> = said.iter().filter(heard).copied().collect();
    if meant.iter().any(|hit| hit.is_firm(Lexicon::Yes))
        && meant.iter().any(|hit| hit.is_firm(Lexicon::No))
    {
        return None;
    }
    if meant.iter().any(|hit| hit.meaning.weight != Weight::Weak) {
        meant.retain(|hit| hit.meaning.weight != Weight::Weak);
    }
    if meant
        .iter()
        .any(|hit| hit.meaning.lexicon != Some(Lexicon::Yes))
    {
        meant.retain(|hit| hit.meaning.lexicon != Some(Lexicon::Yes));
    }
    Some(meant)
}

/// The choice with the longest phrase, if it is the only one.
fn winner(meant: &[Hit]) -> Option<usize> {
    let longest = meant.iter().map(|hit| hit.words).max()?;
    let choices: BTreeSet<usize> = meant
        .iter()
        .filter(|hit| hit.words == longest)
        .filter_map(|hit| hit.meaning.choice)
        .collect();
    choices.first().copied().filter(|_| choices.len() == 1)
}

/// The number of words covered by the hits.
fn explained<'a>(hits: impl IntoIterator<Item = &'a Hit>) -> usize {
    hits.into_iter()
        .flat_map(|hit| hit.start..hit.end())
        .collect::<BTreeSet<_>>()
        .len()
}

/// The language whose phrases cover most words; of equals the most likely.
fn likeliest_language(hits: &[Hit]) -> Option<usize> {
    let languages: BTreeSet<usize> = hits.iter().map(|hit| hit.meaning.language).collect();
    let covered = |language: usize| {
        let of_language: Vec<Hit> = hits
            .iter()
            .filter(|hit| hit.meaning.language == language)
            .copied()
            .collect();
        explained(&of_language)
    };
    languages
        .into_iter()
        .max_by_key(|language| (covered(*language), std::cmp::Reverse(*language)))
}

fn keys(choices: &[Choice]) -> Result<BTreeMap<char, usize>, LexiconError> {
    let mut keys: BTreeMap<char, usize> = BTreeMap::new();
    for (index, choice) in choices.iter().enumerate() {
        let Some(key) = choice.key else { continue };
        if !matches!(key, '0'..='9' | '*' | '#') {
            return Err(LexiconError::NoSuchKey {
                choice: choice.id.clone(),
                key,
            });
        }
        if let Some(first) = keys.insert(key, index) {
            let first = choices
                .get(first)
                .map(|choice| choice.id.clone())
                .unwrap_or_default();
            return Err(LexiconError::SharedKey {
                first,
                second: choice.id.clone(),
                key,
            });
        }
    }
    Ok(keys)
}
