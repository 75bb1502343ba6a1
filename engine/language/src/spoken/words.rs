//! The words of nine Indian languages for numbers, money, dates and times. To add a language, add a
//! file and list it here.

mod bengali;
mod gujarati;
mod kannada;
mod malayalam;
mod marathi;
mod odia;
mod punjabi;
mod tamil;
mod telugu;

use super::counting::Numbers;

/// What is counted: one of it with its number, and the word that follows any other number.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// A language's words.
#[derive(Debug)]
pub(super) struct Words {
    /// The primary language tag.
    pub(super) language: &'static str,
    /// Its numbers.
    pub(super) numbers: Numbers,
    /// What follows the hundreds of a year from 1100 to 1999, where such years are spoken in
    /// hundreds: "nineteen hundred ninety-nine".
    pub(super) century: Option<&'static str>,
    /// Precedes a negative number.
    pub(super) minus: &'static str,
    /// Between a whole number and its decimals.
    pub(super) point: &'static str,
    /// Rupees.
    pub(super) rupees: Unit,
    /// Follows the number of rupees if there are paise.
    pub(super) rupees_before_paise: &'static str,
    /// Paise.
    pub(super) paise: Unit,
    /// January to December.
    pub(super) months: [&'static str; 12],
    /// Whether the month precedes the day.
    pub(super) month_first: bool,
    /// The first to the thirty-first, where they are not the numbers.
    pub(super) days: Option<&'static [&'static str; 31]>,
    /// Morning, afternoon, evening, night.
    pub(super) parts_of_day: [&'static str; 4],
    /// One o'clock to twelve o'clock.
    pub(super) full_hours: [&'static str; 12],
    /// The same where minutes follow.
    pub(super) hours_before_minutes: [&'static str; 12],
    /// Minutes.
    pub(super) minutes: Unit,
}

static ALL: [&Words; 9] = [
    &tamil::TAMIL,
    &telugu::TELUGU,
    &marathi::MARATHI,
    &kannada::KANNADA,
    &malayalam::MALAYALAM,
    &bengali::BENGALI,
    &gujarati::GUJARATI,
    &punjabi::PUNJABI,
    &odia::ODIA,
];

/// The words of a language, by its primary tag.
pub(super) fn words(primary: &str) -> Option<&'static Words> {
    ALL.into_iter().find(|words| words.language == primary)
}
