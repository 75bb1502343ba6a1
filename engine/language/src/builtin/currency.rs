//! Amounts of money: "twelve thousand five hundred rupees", "dhai lakh", "fifty paise", "₹12,500".
//!
//! The unit may be left out, but not at the end of "one lakh twenty" or "twelve thousand five": to
//! many people these are 1,20,000 and 12,500.

use ghanti_model::{Money, values};

use super::cardinal::{Cardinal, ONE, before_open_end, cardinal, is};
use super::words::{Meaning, Token};
use super::{Reading, Value};

/// The currencies that have words here, all with two decimals.
pub(super) const CODES: [&str; 5] = ["INR", "USD", "EUR", "GBP", "AED"];
/// How many small units a large one has.
const SMALL_UNITS: u32 = 100;
/// The decimals of a keyed amount.
const PLACES: usize = 2;

pub(super) fn read(tokens: &[Token], code: &str, min: i64, max: i64) -> Reading {
    if let Some(before) = before_open_end(tokens) {
        let is_beginning = before.is_empty() || !matches!(amount(before, code), Amount::None);
        return match is_beginning {
            true => Reading::Partial(None),
            false => Reading::Nothing,
        };
    }
    match amount(tokens, code) {
        Amount::Minor(minor) => within(minor, code, min, max),
        Amount::Beginning => Reading::Partial(None),
        Amount::None => Reading::Nothing,
    }
}

enum Amount {
    /// In the smallest unit.
    Minor(i64),
    /// "one lakh twenty", "five rupees fifty"
    Beginning,
    None,
}

fn amount(tokens: &[Token], code: &str) -> Amount {
    let is_major = |at: usize, tokens: &[Token]| matches!(tokens.get(at), Some(Token::Word(Meaning::Major(codes))) if names(codes, code));
    let leads = usize::from(is_major(0, tokens));
    let rest = tokens.get(leads..).unwrap_or_default();
    if rest.is_empty() {
        return if leads > 0 {
            Amount::Beginning
        } else {
            Amount::None
        };
    }
    if code == "INR"
        && let Some(minor) = written(rest)
    {
        return Amount::Minor(minor);
    }
    let Some(first) = cardinal(rest) else {
        return Amount::None;
    };
    let after = rest.get(first.used..).unwrap_or_default();
    if is_minor(after, code) {
        // "one rupee fifty paise" has its rupees named
        return match after.len() == 1 && leads == 0 {
            true => small_units(&first).map_or(Amount::None, Amount::Minor),
            false => Amount::None,
        };
    }
    let Some(major) = units(&first) else {
        return Amount::None;
    };
    let trails = usize::from(is_major(0, after));
    if trails > 0 && leads > 0 {
        return Amount::None;
    }
    let after = after.get(trails..).unwrap_or_default();
    match (after, trails + leads > 0) {
        ([], false) if first.hangs => Amount::Beginning,
        ([], _) => Amount::Minor(major),
        (_, false) => Amount::None,
        (after, true) => {
            let after = after
                .get(usize::from(is(after, 0, Meaning::And))..)
                .unwrap_or_default();
            let Some(second) = cardinal(after) else {
                return Amount::None;
            };
            let rest = after.get(second.used..).unwrap_or_default();
            match (small_units(&second), rest) {
                (Some(_), []) => Amount::Beginning,
                (Some(minor), [_]) if is_minor(rest, code) => Amount::Minor(major + minor),
                _ => Amount::None,
            }
        }
    }
}

/// `₹12,500`, `12500/-`: what only the reader of written amounts knows.
fn written(tokens: &[Token]) -> Option<i64> {
    match tokens {
        [Token::Figures(figures)] => values::money(figures).ok(),
        _ => None,
    }
}

fn names(codes: &str, code: &str) -> bool {
    codes.split(' ').any(|one| one == code)
}

fn is_minor(tokens: &[Token], code: &str) -> bool {
    matches!(tokens.first(), Some(Token::Word(Meaning::Minor(codes))) if names(codes, code))
}

/// The amount in the smallest unit, if it is a whole number of them.
fn units(cardinal: &Cardinal) -> Option<i64> {
    let scaled = cardinal.millionths.checked_mul(u128::from(SMALL_UNITS))?;
    scaled
        .is_multiple_of(ONE)
        .then(|| i64::try_from(scaled / ONE).ok())
        .flatten()
}

/// Fewer small units than make a large one.
fn small_units(cardinal: &Cardinal) -> Option<i64> {
    let whole = i64::try_from(cardinal.whole()?).ok()?;
    (1..i64::from(SMALL_UNITS))
        .contains(&whole)
        .then_some(whole)
}

fn within(minor: i64, code: &str, min: i64, max: i64) -> Reading {
    if minor > 0 && (min..=max).contains(&minor) {
        Reading::Value(Value::Currency(Money {
            minor,
            currency: code.to_owned(),
        }))
    } else {
        Reading::Nothing
    }
}

/// Whole units, or `*` for the point and both its decimals after it.
pub(super) fn keyed(keys: &str, code: &str, min: i64, max: i64) -> Reading {
    let (whole, part) = keys.split_once('*').unwrap_or((keys, "00"));
    let is_number = |text: &str| text.bytes().all(|key| key.is_ascii_digit());
    let has_part = keys.contains('*');
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > PLACES {
        return Reading::Nothing;
    }
    let Ok(minor) = format!("{whole}{part:0<2}").parse::<i64>() else {
        return Reading::Nothing;
    };
    if minor > max {
        return Reading::Nothing;
    }
    match (within(minor, code, min, max), has_part) {
        (_, true) if part.len() < PLACES => Reading::Partial(None),
        (Reading::Nothing, false) => Reading::Partial(None),
        (read, false) => read.unfinished(),
        (read, true) => read,
    }
}
