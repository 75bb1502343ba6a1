//! The phrases of one question: the choices' own, and those of the lexicons they start from or must
//! be distinguished from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Included, Unbounded};

use ghanti_model::{Choice, Language};

use super::data::{self, Phrase, Phrasebook, Weight};
use super::{Lexicon, LexiconError, normal};

/// The meaning of a phrase in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The choice's index in the question; `None` for a phrase that only hides others.
    pub(super) choice: Option<usize>,
    /// The lexicon of the phrase, or the one its choice starts from.
    pub(super) lexicon: Option<Lexicon>,
    /// Whether it is the flow's own phrase.
    pub(super) own: bool,
    /// How much it counts.
    pub(super) weight: Weight,
    /// Index among the table's languages: lower is more likely.
    pub(super) language: usize,
}

/// The lexicon of one of a question's languages.
#[derive(Debug, Clone, Copy)]
struct Book {
    /// Index among the table's languages.
    language: usize,
    /// Whether its phrases in Latin letters count.
    romanised: bool,
    /// Its phrases.
    phrases: &'static Phrasebook,
}

impl Book {
    fn counts(&self, phrase: &Phrase) -> bool {
        self.romanised || !phrase.text.is_ascii()
    }
}

/// Languages whose phrases in Latin letters are expected in every call.
const SPOKEN_EVERYWHERE: [&str; 2] = ["en", "hi"];

/// All phrases of a question. Lexicons are shared by all questions.
#[derive(Debug)]
pub(super) struct Table {
    /// The choices' ids.
    pub(super) choices: Vec<String>,
    /// The languages, most likely first.
    pub(super) languages: Vec<Language>,
    /// Number of words in the longest phrase.
    pub(super) longest: usize,
    /// The flow's own phrases, keyed by normalised words separated by single spaces.
    own: BTreeMap<String, Vec<Meaning>>,
    /// The flow's own phrases as written, lower case.
    own_written: BTreeSet<String>,
    /// The lexicons.
    books: Vec<Book>,
    /// The choice that starts from each lexicon; one that starts from `confirm` is under `yes`.
    wanted: HashMap<Lexicon, usize>,
    /// Whether the `yes` has to be a confirmation.
    confirms: bool,
}

impl Table {
    /// Collects the phrases of a question.
    pub(super) fn of(choices: &[Choice], languages: &[Language]) -> Result<Self, LexiconError> {
        let mut table = Self {
            choices: choices.iter().map(|choice| choice.id.clone()).collect(),
            languages: languages.to_vec(),
            longest: 0,
            own: BTreeMap::new(),
            own_written: BTreeSet::new(),
            books: Vec::new(),
            wanted: wanted(choices)?,
            confirms: choices
                .iter()
                .any(|choice| choice.lexicon.as_deref() == Some(Lexicon::Confirm.name())),
        };
        for (index, language) in languages.iter().enumerate() {
            if let Some(book) = data::phrasebook(language.primary())? {
                table.longest = table.longest.max(book.longest);
                table.books.push(Book {
                    language: index,
                    romanised: index == 0 || SPOKEN_EVERYWHERE.contains(&language.primary()),
                    phrases: book,
                });
            }
        }
        for (index, choice) in choices.iter().enumerate() {
            table.add_own(index, choice)?;
        }
        Ok(table)
    }

    /// The meanings of the words, the flow's own first.
    pub(super) fn meanings(&self, words: &str) -> Vec<Meaning> {
        let own = self.own.get(words).into_iter().flatten().copied();
        let shared = self.books.iter().flat_map(|book| {
            let meaning = move |phrase: &Phrase| Meaning {
                choice: self.choice_of(phrase.lexicon),
                lexicon: phrase.lexicon,
                own: false,
                weight: self.weight(phrase),
                language: book.language,
            };
            let phrases = book.phrases.find(words).iter();
            phrases.filter(|phrase| book.counts(phrase)).map(meaning)
        });
        own.chain(shared).collect()
    }

    /// The flow's own phrases with what they mean.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &[Meaning])> {
        self.own
            .iter()
            .map(|(phrase, meanings)| (phrase.as_str(), meanings.as_slice()))
    }

    /// How much a phrase counts in this question.
    fn weight(&self, phrase: &Phrase) -> Weight {
        match phrase.weight {
            Weight::Consent if self.confirms => Weight::Weak,
            Weight::Consent => Weight::Firm,
            Weight::Opening if self.confirms && phrase.lexicon == Some(Lexicon::Yes) => {
                Weight::Weak
            }
            weight => weight,
        }
    }

    /// The choice that is a yes.
    pub(super) fn yes(&self) -> Option<usize> {
        self.wanted.get(&Lexicon::Yes).copied()
    }

    /// Whether weak phrases are not enough for this choice.
    pub(super) fn asks_firmly(&self, choice: usize) -> bool {
        self.confirms && self.yes() == Some(choice)
    }

    /// The phrases of the choices to give to a recogniser, as written.
    pub(super) fn listened(&self) -> BTreeSet<String> {
        let shared = self.books.iter().flat_map(|book| {
            book.phrases
                .phrases()
                .filter(|phrase| book.counts(phrase) && self.is_listened(phrase))
        });
        self.own_written
            .iter()
            .cloned()
            .chain(shared.map(|phrase| phrase.text.clone()))
            .collect()
    }

    /// What else a recogniser has to know so that it does not report a choice in its place: phrases
    /// that answer other questions, fillers, and frequent words.
    pub(super) fn decoys(&self) -> BTreeSet<String> {
        let decoy = |phrase: &&Phrase| {
            phrase.weight == Weight::Filler || (phrase.listened && !self.is_listened(phrase))
        };
        let phrases = self.books.iter().flat_map(|book| {
            let phrases = book.phrases.phrases();
            phrases
                .filter(|phrase| book.counts(phrase))
                .filter(decoy)
                .map(|phrase| &phrase.text)
        });
        let words = self.books.iter().flat_map(|book| {
            let words = book.phrases.decoys.iter();
            words.filter(|word| book.romanised || !word.is_ascii())
        });
        let listened = self.listened();
        phrases
            .chain(words)
            .filter(|phrase| !listened.contains(*phrase))
            .cloned()
            .collect()
    }

    /// Whether a phrase of a choice starts with these normalised words.
    pub(super) fn begins_answer(&self, beginning: &str) -> bool {
        let own = self
            .own
            .range::<str, _>((Included(beginning), Unbounded))
            .next()
            .is_some_and(|(words, _)| words.starts_with(beginning));
        let is_choice = |phrase: &Phrase| self.choice_of(phrase.lexicon).is_some();
        own || self.books.iter().any(|book| {
            let mut phrases = book.phrases.beginning(beginning);
            phrases.any(|phrase| book.counts(phrase) && is_choice(phrase))
        })
    }

    fn is_listened(&self, phrase: &Phrase) -> bool {
        phrase.listened && self.choice_of(phrase.lexicon).is_some()
    }

    /// The choice made by a lexicon's phrases. `wrong-person`, `do-not-call` and `stop` fall back
    /// to `no`.
    fn choice_of(&self, lexicon: Option<Lexicon>) -> Option<usize> {
        let lexicon = lexicon?;
        let denies = matches!(
            lexicon,
            Lexicon::WrongPerson | Lexicon::DoNotCall | Lexicon::Stop
        );
        let stand_in = if denies {
            self.wanted.get(&Lexicon::No)
        } else {
            None
        };
        self.wanted.get(&lexicon).or(stand_in).copied()
    }

    /// Adds a choice's own phrases. They count in every language given; those that are not among
    /// the question's languages come last.
    fn add_own(&mut self, index: usize, choice: &Choice) -> Result<(), LexiconError> {
        let lexicon = choice
            .lexicon
            .as_deref()
            .and_then(Lexicon::named)
            .map(Lexicon::phrases_of);
        for phrases in &choice.phrases {
            let language = self
                .languages
                .iter()
                .position(|language| *language == phrases.language)
                .unwrap_or_else(|| {
                    self.languages.push(phrases.language.clone());
                    self.languages.len() - 1
                });
            for (position, text) in phrases.words.iter().enumerate() {
                let words = normal::words(text);
                if words.is_empty() {
                    return Err(LexiconError::EmptyPhrase {
                        choice: choice.id.clone(),
                        language: phrases.language.to_string(),
                        position: position + 1,
                    });
                }
                self.longest = self.longest.max(words.len());
                self.own_written.insert(
                    text.split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                        .to_lowercase(),
                );
                let meaning = Meaning {
                    choice: Some(index),
                    lexicon,
                    own: true,
                    weight: Weight::Firm,
                    language,
                };
                self.own.entry(words.join(" ")).or_default().push(meaning);
            }
        }
        Ok(())
    }
}

/// The choice that starts from each lexicon.
fn wanted(choices: &[Choice]) -> Result<HashMap<Lexicon, usize>, LexiconError> {
    let mut wanted = HashMap::new();
    for (index, choice) in choices.iter().enumerate() {
        let Some(name) = &choice.lexicon else {
            continue;
        };
        let unknown = || LexiconError::Unknown {
            choice: choice.id.clone(),
            name: name.clone(),
        };
        let lexicon = Lexicon::named(name)
            .map(Lexicon::phrases_of)
            .ok_or_else(unknown)?;
        if let Some(first) = wanted.insert(lexicon, index) {
            let first = choices
                .get(first)
                .map(|choice| choice.id.clone())
                .unwrap_or_default();
            return Err(LexiconError::Shared {
                first,
                second: choice.id.clone(),
                name: name.clone(),
            });
        }
    }
    Ok(wanted)
}
