//! Parsers for the values of a customer record as lenders and their software write them, one per
//! kind, used by the API and by running flows.
//!
//! Ambiguous values are rejected, never guessed: a wrong amount or number is worse than no call.
//! The error gives the reason and what to write instead, and never repeats the value, which is
//! personal. Accepted values are returned in a canonical spelling, which parses as itself.
//!
//! Pure: today's date and the operator's order of numeric dates are an argument. `values/cases.txt`
//! is the table of accepted and rejected spellings.

mod account;
mod date;
mod language;
mod money;
mod phone;
mod shape;
mod text;

use std::fmt;

pub use account::account;
pub use date::{DateOrder, DateRules, YEARS_AWAY, date};
pub use language::{language, language_of_state};
pub use money::{RUPEES_BELOW, canonical as canonical_rupees, money};
pub use phone::phone;
pub use shape::shape;
pub use text::{is_placeholder, name, text};

/// Why a value was rejected. Does not contain the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {hint}")]
pub struct Unreadable {
    /// What is wrong, such as "has no day"; a predicate whose subject is the field.
    pub reason: &'static str,
    /// What to write instead.
    pub hint: &'static str,
}

impl Unreadable {
    pub(crate) const fn new(reason: &'static str, hint: &'static str) -> Self {
        Self { reason, hint }
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any words. Canonical: one line without surplus spaces.
    Text,
    /// The name of a person or company. Canonical: one line without surplus spaces.
    Name,
    /// An amount in rupees, more than zero. Canonical: `12450` or `12450.50`.
    Money,
    /// A day. Canonical: `2026-12-05`.
    Date,
    /// An account number, of which the last four digits may be spoken. Canonical: without surplus
    /// spaces.
    Account,
    /// A customer's phone number. Canonical: E.164, `+919876543210`.
    Phone,
    /// A supported language. Canonical: its tag, `hi-IN`.
    Language,
}

impl Kind {
    /// Every kind with its name in the manifest.
    pub const ALL: [(&'static str, Self); 7] = [
        ("text", Self::Text),
        ("name", Self::Name),
        ("money", Self::Money),
        ("date", Self::Date),
        ("account", Self::Account),
        ("phone", Self::Phone),
        ("language", Self::Language),
    ];

    /// The value in its canonical spelling, which does not depend on `dates`.
    pub fn canonical(self, value: &str, dates: DateRules) -> Result<String, Unreadable> {
        match self {
            Self::Text => text(value),
            Self::Name => name(value),
            Self::Money => money(value).map(money::canonical),
            Self::Date => date(value, dates).map(|day| {
                format!(
                    "{:04}-{:02}-{:02}",
                    day.year(),
                    u8::from(day.month()),
                    day.day()
                )
            }),
            Self::Account => account(value),
            Self::Phone => phone(value).map(|number| number.expose().to_owned()),
            Self::Language => language(value).map(|language| language.as_str().to_owned()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            Self::ALL
                .iter()
                .find(|(_, kind)| kind == self)
                .map_or("text", |(name, _)| name),
        )
    }
}

/// The check common to all parsers: the bare value, unless it is empty or a placeholder.
fn present<'v>(value: &'v str, hint: &'static str) -> Result<&'v str, Unreadable> {
    let value = bare(value);
    if value.is_empty() {
        return Err(Unreadable::new("is empty", hint));
    }
    if is_placeholder(value) {
        return Err(Unreadable::new("only says that there is no value", hint));
    }
    Ok(value)
}

/// The value without space and invisible characters around it, which numbers have that were copied
/// from a chat or a web page, and without the marks by which spreadsheets keep a number as text:
/// `'00478213` and `="00478213"`.
fn bare(value: &str) -> &str {
    let is_space = |character: char| {
        character.is_whitespace()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let value = value.trim_matches(is_space);
    let formula = value
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    let quoted = value.strip_prefix('\'').filter(|rest| !rest.contains('\''));
    formula.or(quoted).unwrap_or(value).trim_matches(is_space)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
