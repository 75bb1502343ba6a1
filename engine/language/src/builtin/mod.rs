//! Built-in grammars, as VoiceXML has them (VoiceXML 2.0, appendix P): what a caller says or keys as
//! a date, a time, an amount, a number, digits, a phone number, yes or no.
//!
//! **The whole utterance has to be the value.** A word that is neither part of it nor one of the few
//! that mean nothing ("um", "it is", "ji", "only") makes it [`Reading::Nothing`], and so does what
//! is only near a value: "about five thousand", "by the fifth", "two or three". What may be two
//! values is [`Reading::Ambiguous`]; nothing is guessed. What is written in figures goes to the
//! readers of a customer's values ([`ghanti_model::values`]), so that what is said and what a list
//! has are read by one reader, and have the same types.
//!
//! A correction counts where it is explicit: after "no", "sorry", "i mean", "nahi", "matlab" the
//! value that follows is the answer, if it is as complete as the one it takes back ("five thousand
//! no six" is nothing). English and Hindi, in Devanagari and in Latin letters; in other languages
//! the English words and figures are understood.
//!
//! Pure: the language and the caller's local time are arguments. The time needed grows linearly with
//! an utterance, and one over [`CHARACTERS_MAX`] characters or [`WORDS_MAX`] words is no value.
//! `cases.txt` is the table of what is read and what is not, and why.

mod boolean;
mod cardinal;
mod correction;
mod currency;
mod date;
mod digits;
mod number;
mod parameters;
mod phone;
mod time;
mod vocabulary;
mod words;

use ::time::{Date, PrimitiveDateTime};
use ghanti_model::values::canonical_rupees;
use ghanti_model::{Language, Masked, Money, PhoneNumber, TimeOfDay, Value as Argument};

pub use parameters::GrammarError;
pub use words::{CHARACTERS_MAX, WORDS_MAX};

use words::{Meaning, Token, table};

/// A built-in grammar with its parameters. [`Grammar::parse`] makes one of its spelling in a
/// manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grammar {
    /// Yes or no.
    Boolean,
    /// A day, from `earliest` to `latest`, in days from today; without either, at most ten years
    /// away. A range that lies in the future decides what "the fifth" and "kal" are, and so does
    /// one in the past.
    Date {
        /// The first day, such as 0 for today.
        earliest: Option<i32>,
        /// The last day.
        latest: Option<i32>,
    },
    /// A time of day, from `earliest` to `latest`, which decide between morning and evening.
    Time {
        /// The first minute.
        earliest: Option<TimeOfDay>,
        /// The last minute.
        latest: Option<TimeOfDay>,
    },
    /// Digits one by one: a code, the end of an account number.
    Digits {
        /// The fewest digits, at least 1.
        min: usize,
        /// The most digits.
        max: usize,
    },
    /// A whole number.
    Number {
        /// The smallest number.
        min: i64,
        /// The largest number.
        max: i64,
    },
    /// An amount of money, more than zero.
    Currency {
        /// ISO 4217 code: `INR`, `USD`, `EUR`, `GBP` or `AED`.
        currency: String,
        /// The smallest amount, in the smallest unit (paise).
        min: i64,
        /// The largest amount, in the smallest unit.
        max: i64,
    },
    /// An Indian phone number, or a foreign one that begins with "plus".
    Phone,
}

/// A value that was said or keyed. Its [canonical text](Value::canonical) may be personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Boolean(bool),
    /// A day.
    Date(Date),
    /// A time of day.
    Time(TimeOfDay),
    /// ASCII digits.
    Digits(Masked),
    /// A whole number.
    Number(i64),
    /// An amount.
    Currency(Money),
    /// A phone number.
    Phone(PhoneNumber),
}

impl Value {
    /// The value as text: `true`, `2026-12-05`, `18:30`, `4821`, `12500`, `12500.50`,
    /// `+919876543210`. Personal; never log it.
    pub fn canonical(&self) -> String {
        match self {
            Self::Boolean(is_so) => is_so.to_string(),
            Self::Date(date) => format!(
                "{:04}-{:02}-{:02}",
                date.year(),
                u8::from(date.month()),
                date.day()
            ),
            Self::Time(time) => format!("{:02}:{:02}", time.hour, time.minute),
            Self::Digits(digits) => digits.expose().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Currency(money) => canonical_rupees(money.minor),
            Self::Phone(number) => number.expose().to_owned(),
        }
    }

    /// The argument of a template by which the value is read back in words: a date as `date`, a
    /// time as `time`, digits as `digits`, a number as `integer`, an amount as `money`, a phone
    /// number as `digits` (an Indian one without its country code). `None` for yes and no, which
    /// a flow says by two templates.
    pub fn argument(&self) -> Option<Argument> {
        Some(match self {
            Self::Boolean(_) => return None,
            Self::Date(date) => Argument::Date(*date),
            Self::Time(time) => Argument::Time(*time),
            Self::Digits(digits) => Argument::Digits(digits.clone()),
            Self::Number(number) => Argument::Integer(*number),
            Self::Currency(money) => Argument::Money(money.clone()),
            Self::Phone(number) => {
                let plain = number.expose();
                let digits = plain
                    .strip_prefix("+91")
                    .unwrap_or(plain.trim_start_matches('+'));
                Argument::Digits(Masked::new(digits))
            }
        })
    }
}

/// What an utterance, or the keys so far, are by a grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A value, complete.
    Value(Value),
    /// The beginning of a value: worth waiting for more. It is the value inside if nothing follows
    /// ("twelve thousand five", which "hundred" may follow), or none ("half past", three of four
    /// digits).
    Partial(Option<Value>),
    /// Several values, at least two, in ascending order: "kal" without a range, "at six".
    Ambiguous(Vec<Value>),
    /// No value by this grammar, or one out of its range.
    Nothing,
}

impl Reading {
    /// The value, if nothing follows.
    pub fn at_end(self) -> Option<Value> {
        match self {
            Self::Value(value) | Self::Partial(Some(value)) => Some(value),
            Self::Partial(None) | Self::Ambiguous(_) | Self::Nothing => None,
        }
    }

    /// One of the values is meant: none is nothing, one is certain.
    fn among(mut values: Vec<Value>) -> Self {
        match (values.pop(), values.is_empty()) {
            (None, _) => Self::Nothing,
            (Some(only), true) => Self::Value(only),
            (Some(last), false) => {
                values.push(last);
                Self::Ambiguous(values)
            }
        }
    }

    /// The same, if more may follow.
    fn unfinished(self) -> Self {
        match self {
            Self::Value(value) => Self::Partial(Some(value)),
            other => other,
        }
    }
}

impl Grammar {
    /// Its name in a manifest.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Date { .. } => "date",
            Self::Time { .. } => "time",
            Self::Digits { .. } => "digits",
            Self::Number { .. } => "number",
            Self::Currency { .. } => "currency",
            Self::Phone => "phone",
        }
    }

    /// What the words say: lower case and without punctuation as recognisers write them, numbers as
    /// words or in figures. `now` is the caller's local time. Never panics, whatever the text.
    pub fn read(&self, words: &str, language: &Language, now: PrimitiveDateTime) -> Reading {
        if *self == Self::Boolean {
            return boolean::read(words, language);
        }
        match table(language).tokens(words) {
            Some(tokens) => correction::read(&tokens, self, &|part| self.read_tokens(part, now)),
            None => Reading::Nothing,
        }
    }

    /// What the keys say, without the end key: `0512`, `051226` or `05122026` for a date, `1830` for a
    /// time, `12500*50` for rupees and paise, `1` for yes and `2` for no, ten digits for a phone number.
    pub fn keyed(&self, keys: &str, now: PrimitiveDateTime) -> Reading {
        if keys.len() > words::WORDS_MAX {
            return Reading::Nothing;
        }
        match self {
            Self::Boolean => boolean::keyed(keys),
            Self::Date { earliest, latest } => date::keyed(keys, *earliest, *latest, now.date()),
            Self::Time { earliest, latest } => time::keyed(keys, *earliest, *latest),
            Self::Digits { min, max } => digits::keyed(keys, *min, *max),
            Self::Number { min, max } => number::keyed(keys, *min, *max),
            Self::Currency { currency, min, max } => currency::keyed(keys, currency, *min, *max),
            Self::Phone => phone::keyed(keys),
        }
    }

    /// The words and phrases for a closed-grammar recogniser, lower case and unique, in the
    /// language's own script: a few hundred at most, all of which [`Grammar::read`] knows. Of digits
    /// only the single ones, as the recogniser's error rate grows with its words.
    pub fn phrases(&self, language: &Language) -> Vec<String> {
        vocabulary::phrases(self, language)
    }

    fn read_tokens(&self, tokens: &[Token], now: PrimitiveDateTime) -> Reading {
        let tokens = without_edges(tokens, self);
        match self {
            Self::Boolean => Reading::Nothing,
            Self::Date { earliest, latest } => date::read(tokens, *earliest, *latest, now.date()),
            Self::Time { earliest, latest } => time::read(tokens, *earliest, *latest, now.time()),
            Self::Digits { min, max } => digits::read(tokens, *min, *max),
            Self::Number { min, max } => number::read(tokens, *min, *max),
            Self::Currency { currency, min, max } => currency::read(tokens, currency, *min, *max),
            Self::Phone => phone::read(tokens),
        }
    }
}

/// Without what means nothing around a value. A leading "oh" is a sound, unless it may be a digit.
fn without_edges<'t>(mut tokens: &'t [Token], grammar: &Grammar) -> &'t [Token] {
    let has_oh = matches!(
        grammar,
        Grammar::Digits { .. } | Grammar::Phone | Grammar::Time { .. }
    );
    while let Some((Token::Word(first), rest)) = tokens.split_first() {
        match first {
            Meaning::Gap | Meaning::Correction => tokens = rest,
            Meaning::Oh if !has_oh => tokens = rest,
            _ => break,
        }
    }
    while let Some((Token::Word(Meaning::Gap), rest)) = tokens.split_last() {
        tokens = rest;
    }
    tokens
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
