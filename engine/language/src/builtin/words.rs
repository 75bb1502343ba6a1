//! The words that the grammars understand, and an utterance as a row of them.
//!
//! A word has one meaning in a language, whatever the grammar; a grammar does not read an utterance
//! with a meaning it has no use for. The tables are data: one file per language, in the folder `words`.
//! Words are compared as the lexicons compare them (case, nuktas, chandrabindu, digits of every
//! script), and Hindi in Latin letters also without the differences that
//! people do not spell, such as long vowels.

mod english;
mod hindi;

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use ghanti_model::Language;

use crate::lexicon::{digit_value, normal_words};

/// The most characters of an utterance, well above any value; a longer one is none.
pub const CHARACTERS_MAX: usize = 1_000;
/// The most words of an utterance: a telephone number has at most 15, with room for what stands
/// around it and for a correction.
pub const WORDS_MAX: usize = 64;

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// "morning", "subah"
    Morning,
    /// "afternoon", "dopahar"
    Afternoon,
    /// "evening", "shaam"
    Evening,
    /// "night", "raat"
    Night,
}

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// 0 to 99.
    Number(u8),
    /// An English ten, which a unit may follow.
    Tens(u8),
    /// "hundred" and larger.
    Scale(u64),
    /// "fifth": 1 to 31.
    Ordinal(u8),
    /// "oh", a zero among digits and minutes.
    Oh,
    /// "double", "triple": so many of the next digit.
    Repeat(u8),
    /// "dedh", "dhai": a number of quarters.
    Mixed(u8),
    /// "sava", "saade", "paune": quarters added to the next number.
    Shifted(i8),
    /// "half", "aadha"
    Half,
    /// "quarter"
    Quarter,
    /// "a"
    A,
    /// "and"
    And,
    /// "point"
    Point,
    /// "plus"
    Plus,
    /// "minus"
    Minus,
    /// The unit of these currencies.
    Major(&'static str),
    /// The hundredth of these currencies.
    Minor(&'static str),
    /// 1 to 12.
    Month(u8),
    /// From 0, Monday.
    Weekday(u8),
    /// So many days from today.
    Offset(i8),
    /// So many days from today, in either direction: "kal".
    Either(i8),
    /// "next"
    Next,
    /// "this"
    This,
    /// "last"
    Last,
    /// "coming"
    Coming,
    /// "days"
    Days,
    /// "weeks"
    Weeks,
    /// "months"
    Months,
    /// "minutes"
    Minutes,
    /// "hours"
    Hours,
    /// "tareekh": the number before it is a day of the month.
    DayMark,
    /// "in", "mein"
    In,
    /// "after", before a length of time.
    After,
    /// "later", "baad", after a length of time.
    Later,
    /// "ago", "pehle"
    Ago,
    /// "of", "ki": something follows, or stood before.
    Of,
    /// "a m"
    Am,
    /// "p m"
    Pm,
    /// A part of the day.
    PartOfDay(Part),
    /// "noon"
    Noon,
    /// "midnight"
    Midnight,
    /// "o'clock", "baje"
    OClock,
    /// "past", between minutes and hour.
    Past,
    /// "to", between minutes and hour.
    To,
    /// "bajkar", between hour and minutes.
    PastHour,
    /// "bajne mein", between hour and the minutes before it.
    BeforeHour,
    /// "no": takes back what stood before it.
    Denial,
    /// "sorry", "i mean": takes back what stood before it, and means nothing at the start.
    Correction,
    /// Means nothing, anywhere.
    Filler,
    /// Means nothing around a value and between its parts, but not within a number.
    Gap,
}

/// A word, or something written in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word or phrase of the table.
    Word(Meaning),
    /// As the recogniser wrote it, with ASCII digits: `12,500`, `5/12/2026`, `6:30`, `₹500`.
    Figures(String),
}

/// The words of a language.
pub(super) struct Table {
    meanings: HashMap<String, Meaning>,
    /// Latin spellings of Hindi, folded; looked up last.
    folds: HashMap<String, Meaning>,
    /// The words of the longest phrase.
    longest: usize,
    /// As written in the language's own script, with their meanings.
    spellings: Vec<(Meaning, &'static str)>,
}

static ENGLISH: LazyLock<Table> = LazyLock::new(|| Table::of(&[english::WORDS]));
static HINDI: LazyLock<Table> = LazyLock::new(|| Table::of(&[hindi::WORDS, english::WORDS]));

/// The table of a language. Other languages than Hindi have English words: numbers and dates are
/// said in English in all of them.
pub(super) fn table(language: &Language) -> &'static Table {
    if language.primary() == "hi" {
        &HINDI
    } else {
        &ENGLISH
    }
}

impl Table {
    fn of(languages: &[&'static [(Meaning, &'static str)]]) -> Self {
        let mut table = Self {
            meanings: HashMap::new(),
            folds: HashMap::new(),
            longest: 1,
            spellings: Vec::new(),
        };
        let is_hindi = languages.len() > 1;
        for (at, words) in languages.iter().enumerate() {
            for (meaning, spellings) in *words {
                for spelling in spellings.split('|') {
                    let words = normal_words(spelling);
                    table.longest = table.longest.max(words.len());
                    let phrase = words.join(" ");
                    if at == 0 && is_hindi && phrase.is_ascii() {
                        table.folds.entry(folded(&phrase)).or_insert(*meaning);
                    }
                    table.meanings.entry(phrase).or_insert(*meaning);
                    if at == 0 && (!is_hindi || !spelling.is_ascii()) {
                        table.spellings.push((*meaning, spelling));
                    }
                }
            }
        }
        table
    }

    fn meaning(&self, phrase: &str) -> Option<Meaning> {
        self.meanings.get(phrase).copied().or_else(|| {
            let folds = !self.folds.is_empty() && phrase.is_ascii();
            folds
                .then(|| self.folds.get(&folded(phrase)).copied())
                .flatten()
        })
    }

    /// The spellings of the meanings that `is_wanted`, lower case and unique, each also with
    /// anusvara for chandrabindu and without nuktas, as vocabularies have either.
    pub(super) fn spellings(&self, is_wanted: impl Fn(Meaning) -> bool) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (meaning, spelling) in &self.spellings {
            if is_wanted(*meaning) {
                found.insert((*spelling).to_owned());
                if !spelling.is_ascii() {
                    found.insert(normal_words(spelling).join(" "));
                }
            }
        }
        found.into_iter().collect()
    }

    /// The utterance as tokens, without fillers; `None` if it is too long or has a word that no
    /// grammar knows.
    pub(super) fn tokens(&self, text: &str) -> Option<Vec<Token>> {
        if text.chars().nth(CHARACTERS_MAX).is_some() {
            return None;
        }
        let mut tokens = Vec::new();
        let mut words = Vec::new();
        let mut count = 0;
        for raw in text.split_whitespace() {
            match piece(raw)? {
                Piece::Words(more) => {
                    count += more.len();
                    words.extend(more);
                }
                Piece::Figures(figures, more) => {
                    self.phrases(&mut words, &mut tokens)?;
                    count += 1 + more.len();
                    tokens.push(Token::Figures(figures));
                    words.extend(more);
                }
                Piece::Ordinal(day) => {
                    self.phrases(&mut words, &mut tokens)?;
                    count += 1;
                    tokens.push(Token::Word(Meaning::Ordinal(day)));
                }
            }
            if count > WORDS_MAX {
                return None;
            }
        }
        self.phrases(&mut words, &mut tokens)?;
        tokens.retain(|token| *token != Token::Word(Meaning::Filler));
        Some(tokens)
    }

    /// Takes the words as phrases, the longest ones first.
    fn phrases(&self, words: &mut Vec<String>, tokens: &mut Vec<Token>) -> Option<()> {
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let most = self.longest.min(rest.len());
            let (meaning, used) = (1..=most).rev().find_map(|used| {
                let phrase = rest.get(..used)?.join(" ");
                Some((self.meaning(&phrase)?, used))
            })?;
            tokens.push(Token::Word(meaning));
            rest = rest.get(used..)?;
        }
        words.clear();
        Some(())
    }
}

/// What is between two spaces.
enum Piece {
    Words(Vec<String>),
    /// Figures, and the words that are written together with them: `6pm`.
    Figures(String, Vec<String>),
    Ordinal(u8),
}

fn piece(raw: &str) -> Option<Piece> {
    match raw {
        "₹" => return Some(Piece::Words(vec!["rupees".to_owned()])),
        "+" => return Some(Piece::Words(vec!["plus".to_owned()])),
        "&" => return Some(Piece::Words(vec!["and".to_owned()])),
        _ => {}
    }
    if !raw.chars().any(|letter| digit_value(letter).is_some()) {
        let is_known = |letter: char| {
            letter.is_alphanumeric()
                || is_mark(letter)
                || matches!(
                    letter,
                    '-' | '\'' | '’' | '.' | ',' | ';' | ':' | '!' | '?' | '…' | '"' | '/' | '।'
                )
        };
        return raw
            .chars()
            .all(is_known)
            .then(|| Piece::Words(normal_words(raw)));
    }
    let ascii: String = raw
        .chars()
        .map(|letter| digit_value(letter).map_or(letter, |digit| char::from(b'0' + digit)))
        .collect();
    let figures = ascii.trim_matches(|letter: char| ",.;:!?…\"।".contains(letter));
    let end = figures
        .rfind(|letter: char| letter.is_ascii_digit())
        .map_or(0, |at| at + 1);
    let (number, tail) = figures.split_at_checked(end)?;
    if tail.chars().next().is_some_and(char::is_alphabetic)
        && number
            .chars()
            .all(|letter| letter.is_ascii_digit() || ":.,".contains(letter))
    {
        if matches!(
            tail.to_ascii_lowercase().as_str(),
            "st" | "nd" | "rd" | "th"
        ) {
            return number
                .parse()
                .ok()
                .filter(|day| (1..=31).contains(day))
                .map(Piece::Ordinal);
        }
        return Some(Piece::Figures(number.to_owned(), normal_words(tail)));
    }
    Some(Piece::Figures(figures.to_owned(), Vec::new()))
}

/// The marks of the Indian scripts, and joiners.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{d7f}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
}

/// A Latin spelling of Hindi without what people spell differently: long vowels, doubled consonants,
/// `w` and `v`, `z` and `j`, `chh` and `ch`.
fn folded(phrase: &str) -> String {
    let mut folded: Vec<char> = phrase
        .replace("ee", "i")
        .replace("oo", "u")
        .replace("chh", "ch")
        .replace('w', "v")
        .replace('z', "j")
        .chars()
        .collect();
    folded.dedup();
    folded.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_has_two_meanings_in_a_language() {
        for words in [english::WORDS, hindi::WORDS] {
            let mut seen: HashMap<String, Meaning> = HashMap::new();
            for (meaning, spellings) in words {
                for spelling in spellings.split('|') {
                    let phrase = normal_words(spelling).join(" ");
                    let other = seen.insert(phrase, *meaning);
                    assert!(other.is_none_or(|other| other == *meaning), "{spelling}");
                }
            }
        }
    }

    #[test]
    fn folding_makes_no_two_words_one() {
        let mut seen: HashMap<String, Meaning> = HashMap::new();
        for (meaning, spellings) in hindi::WORDS {
            for spelling in spellings.split('|').filter(|spelling| spelling.is_ascii()) {
                let other = seen.insert(folded(spelling), *meaning);
                assert!(other.is_none_or(|other| other == *meaning), "{spelling}");
            }
        }
    }

    #[test]
    fn a_word_of_no_grammar_or_too_many_words_are_no_tokens() {
        let hindi = table(&Language::parse("hi").unwrap());
        for text in ["five apples", "[unk]", "five%", "$ 500", "five 🙂"] {
            assert_eq!(hindi.tokens(text), None, "{text}");
        }
        assert!(hindi.tokens(&"one ".repeat(WORDS_MAX)).is_some());
        assert_eq!(hindi.tokens(&"one ".repeat(WORDS_MAX + 1)), None);
        assert_eq!(hindi.tokens(&"1".repeat(CHARACTERS_MAX + 1)), None);
    }
}
