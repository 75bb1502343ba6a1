//! The engine's lexicons, one file per language: `data/<language>.toml`.
//!
//! A lexicon has firm phrases; phrases that count only at the start of an answer (`opening`: words
//! that mean something else later on, such as Punjabi ਹਾਂ, "yes" and "am"); weak ones, which count
//! only if nothing firm was said; and phrases that agree rather than state (`consent`: firm, but
//! not a confirmation). `aside` lists remarks that answer nothing and must not be taken for an
//! answer, `filler` meaningless words that may accompany any answer, `particle` words that may
//! accompany any answer but a yes. Phrases are patterns.
//!
//! `listen` lists the phrases given to a recogniser: the few most common ones, because its error
//! rate grows with the number of phrases. In a lexicon without it these are the phrases in the
//! language's own script. `decoys` are frequent words that are not an answer: a recogniser that
//! does not know them would report an answer in their place.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Lexicon, LexiconError, normal, pattern};

/// How much a phrase counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Counts anywhere.
    Firm,
    /// Firm at the start of the answer; ignored elsewhere.
    Opening,
    /// Counts if nothing firm was said.
    Weak,
    /// Firm, but not an answer to a question that asks for confirmation.
    Consent,
    /// Meaningless; may accompany anything.
    Filler,
    /// Nearly meaningless; may accompany anything but a yes.
    Particle,
}

/// The meaning of a phrase in a language.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    /// Its lexicon; `None` for an aside, a filler or a particle.
    pub(super) lexicon: Option<Lexicon>,
    /// How much it counts.
    pub(super) weight: Weight,
    /// Whether it is given to a recogniser.
    pub(super) listened: bool,
    /// Its words as written, lower case.
    pub(super) text: String,
}

/// All phrases of a language.
#[derive(Debug, Default)]
pub(super) struct Phrasebook {
    /// Keyed by normalised words, separated by single spaces.
    by_words: BTreeMap<String, Vec<Phrase>>,
    /// Number of words in the longest phrase.
    pub(super) longest: usize,
    /// Frequent words that are not an answer, for recognisers.
    pub(super) decoys: Vec<String>,
}

impl Phrasebook {
    /// The phrases with exactly these words.
    pub(super) fn find(&self, words: &str) -> &[Phrase] {
        self.by_words
            .get(words)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The phrases whose normalised words start with `beginning`.
    pub(super) fn beginning(&self, beginning: &str) -> impl Iterator<Item = &Phrase> {
        let from = self
            .by_words
            .range::<str, _>((Included(beginning), Unbounded));
        from.take_while(move |(words, _)| words.starts_with(beginning))
            .flat_map(|(_, phrases)| phrases)
    }

    /// Every phrase, ordered by its words.
    pub(super) fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        self.by_words.values().flatten()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    yes: Section,
    no: Section,
    agent: Section,
    repeat: Section,
    later: Section,
    wrong_person: Section,
    who: Section,
    do_not_call: Section,
    stop: Section,
    #[serde(default)]
    aside: Section,
    #[serde(default)]
    filler: Section,
    #[serde(default)]
    particle: Section,
    #[serde(default)]
    decoys: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    listen: Vec<String>,
    #[serde(default)]
    firm: Vec<String>,
    #[serde(default)]
    opening: Vec<String>,
    #[serde(default)]
    weak: Vec<String>,
    #[serde(default)]
    consent: Vec<String>,
}

/// The files, by primary language tag.
pub(super) const FILES: [(&str, &str); 11] = [
    ("en", include_str!("data/en.toml")),
    ("hi", include_str!("data/hi.toml")),
    ("ta", include_str!("data/ta.toml")),
    ("te", include_str!("data/te.toml")),
    ("mr", include_str!("data/mr.toml")),
    ("kn", include_str!("data/kn.toml")),
    ("ml", include_str!("data/ml.toml")),
    ("bn", include_str!("data/bn.toml")),
    ("gu", include_str!("data/gu.toml")),
    ("pa", include_str!("data/pa.toml")),
    ("or", include_str!("data/or.toml")),
];

static BOOKS: LazyLock<BTreeMap<&'static str, Result<Phrasebook, LexiconError>>> =
    LazyLock::new(|| {
        FILES
            .iter()
            .map(|(primary, text)| (*primary, read(primary, text)))
            .collect()
    });

/// The phrases of a language, by its primary tag; `None` if the engine has no lexicon for it.
/// Parsed once per process.
pub(super) fn phrasebook(primary: &str) -> Result<Option<&'static Phrasebook>, LexiconError> {
    BOOKS
        .get(primary)
        .map(|book| book.as_ref().map_err(Clone::clone))
        .transpose()
}

/// Whether the engine has a lexicon for a language, by its primary tag.
pub(super) fn has(primary: &str) -> bool {
    BOOKS.contains_key(primary)
}

fn read(primary: &str, text: &str) -> Result<Phrasebook, LexiconError> {
    let broken = |reason: String| LexiconError::Data {
        language: primary.to_owned(),
        reason,
    };
    let file: File = toml::from_str(text).map_err(|error| broken(error.to_string()))?;
    let sections = [
        (Some(Lexicon::Yes), file.yes),
        (Some(Lexicon::No), file.no),
        (Some(Lexicon::Agent), file.agent),
        (Some(Lexicon::Repeat), file.repeat),
        (Some(Lexicon::Later), file.later),
        (Some(Lexicon::WrongPerson), file.wrong_person),
        (Some(Lexicon::Who), file.who),
        (Some(Lexicon::DoNotCall), file.do_not_call),
        (Some(Lexicon::Stop), file.stop),
        (None, file.aside),
    ];
    let mut book = Phrasebook {
        decoys: file.decoys,
        ..Phrasebook::default()
    };
    let mut phrases = Vec::new();
    for (section, weight) in [
        (&file.filler, Weight::Filler),
        (&file.particle, Weight::Particle),
    ] {
        phrases.extend(
            phrases_of(section)
                .map_err(broken)?
                .into_keys()
                .map(|text| (None, text, weight, false)),
        );
    }
    for (lexicon, section) in sections {
        for (text, weight) in phrases_of(&section).map_err(broken)? {
            let listened = if section.listen.is_empty() {
                !text.is_ascii()
            } else {
                section.listen.contains(&text)
            };
            phrases.push((lexicon, text, weight, listened));
        }
    }
    for (lexicon, text, weight, listened) in phrases {
        let words = normal::words(&text);
        book.longest = book.longest.max(words.len());
        book.by_words
            .entry(words.join(" "))
            .or_default()
            .push(Phrase {
                lexicon,
                weight,
                listened,
                text,
            });
    }
    Ok(book)
}

/// All phrases of a section, lower case and unique. Those only in `listen` are firm.
fn phrases_of(section: &Section) -> Result<BTreeMap<String, Weight>, String> {
    let mut phrases: BTreeMap<String, Weight> = BTreeMap::new();
    // the first weight of a phrase wins, so weaker ones come first and `listen` last
    let weights = [
        (Weight::Weak, &section.weak),
        (Weight::Opening, &section.opening),
        (Weight::Consent, &section.consent),
        (Weight::Firm, &section.firm),
        (Weight::Firm, &section.listen),
    ];
    for (weight, patterns) in weights {
        for pattern in patterns {
            for phrase in pattern::expand(&pattern.to_lowercase())? {
                phrases.entry(phrase).or_insert(weight);
            }
        }
    }
    Ok(phrases)
}
