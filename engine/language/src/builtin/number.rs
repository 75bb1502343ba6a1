//! Whole numbers: "twenty five", "minus three", "dedh hazaar", `12,500`.
//!
//! Digits said one by one ("one two five") are no number: "do teen" is two or three. Nor is a
//! fraction.

use super::cardinal::{before_open_end, cardinal, is};
use super::words::{Meaning, Token};
use super::{Reading, Value};

pub(super) fn read(tokens: &[Token], min: i64, max: i64) -> Reading {
    if let Some(before) = before_open_end(tokens) {
        return match before.is_empty() || whole(before).is_some() {
            true => Reading::Partial(None),
            false => Reading::Nothing,
        };
    }
    match whole(tokens) {
        Some((number, _)) if !(min..=max).contains(&number) => Reading::Nothing,
        Some((number, true)) => Reading::Partial(Some(Value::Number(number))),
        Some((number, false)) => Reading::Value(Value::Number(number)),
        None => Reading::Nothing,
    }
}

/// The number that all tokens make, and whether a scale may follow.
fn whole(tokens: &[Token]) -> Option<(i64, bool)> {
    let signs = usize::from(is(tokens, 0, Meaning::Minus));
    let rest = tokens.get(signs..)?;
    let cardinal = cardinal(rest).filter(|cardinal| cardinal.used == rest.len())?;
    let number = i64::try_from(cardinal.whole()?).ok()?;
    Some((if signs > 0 { -number } else { number }, cardinal.hangs))
}

/// Keys are a number that may go on, while a longer one is in its range.
pub(super) fn keyed(keys: &str, min: i64, max: i64) -> Reading {
    if keys.is_empty() || !keys.bytes().all(|key| key.is_ascii_digit()) {
        return Reading::Nothing;
    }
    let Ok(number) = keys.parse::<i64>() else {
        return Reading::Nothing;
    };
    let goes_on = number.checked_mul(10).is_some_and(|longer| longer <= max);
    match ((min..=max).contains(&number), goes_on) {
        (true, false) => Reading::Value(Value::Number(number)),
        (true, true) => Reading::Partial(Some(Value::Number(number))),
        (false, true) => Reading::Partial(None),
        (false, false) => Reading::Nothing,
    }
}
