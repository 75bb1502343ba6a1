//! Spoken forms of values: amounts, dates, times and digits as words of a language.
//!
//! Every value is written out in words, so that no synthesizer has to guess how a figure is read.
//! English and Hindi have spellers of their own; the other nine languages share one
//! ([`indian`]) and have a table of words each. Numbers are grouped in lakh and crore. What of it
//! wants a native speaker's ear is listed in `docs/languages.md`.
//!
//! Nothing is guessed: an unsupported language or an impossible value is an error.

mod counting;
mod currency;
mod day;
mod english;
mod hindi;
mod indian;
mod numeral;
mod titles;
mod words;

use ghanti_model::{Language, TimeOfDay, Value};
use time::Date;

use currency::Amount;
use english::English;
use hindi::Hindi;

/// Why a value cannot be spoken. Does not contain the value, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpokenError {
    /// The language is not supported.
    #[error(
        "cannot speak a value of type {kind} in `{language}`: the languages with words are {KNOWN}"
    )]
    NoWords {
        /// The value's type in the contract.
        kind: &'static str,
        /// The requested language.
        language: Language,
    },
    /// A `digits` value with another character in it.
    #[error("cannot speak digits: character {position} is no digit; give such text as `text`")]
    NotDigits {
        /// The character's position, from 1.
        position: usize,
    },
    /// The currency is not an ISO 4217 code.
    #[error("cannot speak money: the currency must be three capital letters, such as `INR`")]
    NotACurrency,
    /// The time does not exist.
    #[error("cannot speak the time {hour}:{minute}: hours are 0 to 23, minutes 0 to 59")]
    NotATime {
        /// The given hour.
        hour: u8,
        /// The given minute.
        minute: u8,
    },
}

const KNOWN: &str = "en, hi, ta, te, mr, kn, ml, bn, gu, pa and or";

/// The spoken forms of one language.
pub(crate) trait Speller: Sync {
    /// A quantity.
    fn integer(&self, number: i64) -> String;
    /// An amount, split into its units.
    fn money(&self, amount: &Amount<'_>) -> String;
    /// A date, with the year if given.
    fn date(&self, day: u8, month: time::Month, year: Option<i32>) -> String;
    /// A time of day; the hour is below 24 and the minute below 60.
    fn time(&self, time: TimeOfDay) -> String;
    /// One digit, 0 to 9.
    fn digit(&self, digit: u8) -> String;
}

/// The words for a value. The year of a date is omitted if it is `today`'s. The result is one line
/// without surplus spaces; it may be personal and must not be logged.
pub fn speak(value: &Value, language: &Language, today: Date) -> Result<String, SpokenError> {
    if let Value::Text(text) = value {
        return Ok(titles::written_out(&one_line(text.expose()), language));
    }
    let speller = speller(language.primary()).ok_or_else(|| SpokenError::NoWords {
        kind: value.kind(),
        language: language.clone(),
    })?;
    match value {
        Value::Text(text) => Ok(titles::written_out(&one_line(text.expose()), language)),
        Value::Integer(number) => Ok(speller.integer(*number)),
        Value::Money(money) => {
            Ok(speller.money(&Amount::of(money).ok_or(SpokenError::NotACurrency)?))
        }
        Value::Date(date) => {
            let year = (date.year() != today.year()).then(|| date.year());
            Ok(speller.date(date.day(), date.month(), year))
        }
        Value::Time(time) if time.hour < 24 && time.minute < 60 => Ok(speller.time(*time)),
        Value::Time(time) => Err(SpokenError::NotATime {
            hour: time.hour,
            minute: time.minute,
        }),
        Value::Digits(digits) => spell(digits.expose(), speller),
    }
}

fn speller(primary: &str) -> Option<&'static dyn Speller> {
    match primary {
        "en" => Some(&English),
        "hi" => Some(&Hindi),
        primary => words::words(primary).map(|words| words as &dyn Speller),
    }
}

/// Whether values can be spoken in a language.
pub(crate) fn speaks(language: &Language) -> bool {
    speller(language.primary()).is_some()
}

/// A whole number in words, in a language by its primary tag; `None` if it has none.
pub(crate) fn number(primary: &str, number: i64) -> Option<String> {
    speller(primary).map(|speller| speller.integer(number))
}

/// Digits one by one, separated by commas so that the synthesizer keeps them apart. Spaces and
/// hyphens between them are skipped.
fn spell(digits: &str, speller: &dyn Speller) -> Result<String, SpokenError> {
    let mut spoken = Vec::new();
    for (index, letter) in digits.chars().enumerate() {
        match crate::lexicon::digit_value(letter) {
            Some(digit) => spoken.push(speller.digit(digit)),
            None if letter == ' ' || letter == '-' => {}
            None => {
                return Err(SpokenError::NotDigits {
                    position: index + 1,
                });
            }
        }
    }
    Ok(spoken.join(", "))
}

/// The text on one line: control characters and runs of white space become one space.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Corrects a complete sentence where the words of a value depend on what follows them.
pub(crate) fn in_sentence(sentence: String, language: &Language) -> String {
    if language.primary() == "hi" {
        hindi::oblique(sentence)
    } else {
        sentence
    }
}

#[cfg(test)]
mod tests;
