//! Phone numbers: "nine eight double seven …", with or without zero or "plus nine one" before them,
//! in words or figures. What the number is decides [`values::phone`].

use ghanti_model::values;

use super::cardinal::{before_open_end, is};
use super::digits::spelt;
use super::words::{Meaning, Token};
use super::{Reading, Value};

/// The digits of an Indian number without its country code.
const NATIONAL: usize = 10;

pub(super) fn read(tokens: &[Token]) -> Reading {
    if let [Token::Figures(figures)] = tokens
        && let Ok(number) = values::phone(figures)
    {
        return of_digits(&figures.replace(['-', '(', ')'], ""), number.expose());
    }
    // "+91 98765 43210"
    let mut tokens = tokens.to_vec();
    let mut has_plus = is(&tokens, 0, Meaning::Plus);
    if has_plus {
        tokens.remove(0);
    } else if let Some(Token::Figures(figures)) = tokens.first_mut()
        && let Some(rest) = figures.strip_prefix('+').map(str::to_owned)
    {
        has_plus = true;
        *figures = rest;
    }
    let (tokens, is_open) = match before_open_end(&tokens) {
        Some(before) => (before, true),
        None => (tokens.as_slice(), false),
    };
    let Some(digits) = spelt(tokens) else {
        return Reading::Nothing;
    };
    let written = format!("{}{digits}", if has_plus { "+" } else { "" });
    match of_written(&written) {
        Reading::Partial(_) if is_open => Reading::Partial(None),
        _ if is_open => Reading::Nothing,
        read => read,
    }
}

/// A number, or the beginning of one.
fn of_written(written: &str) -> Reading {
    match values::phone(written) {
        Ok(number) => of_digits(written, number.expose()),
        Err(_) if is_beginning(written) => Reading::Partial(None),
        Err(_) => Reading::Nothing,
    }
}

/// Ten digits that begin with 91 are a number, and the beginning of one with its country code; a
/// foreign number may always go on.
fn of_digits(written: &str, number: &str) -> Reading {
    let Ok(phone) = values::phone(number) else {
        return Reading::Nothing;
    };
    let is_foreign = !number.starts_with("+91");
    let read = Reading::Value(Value::Phone(phone));
    if is_foreign || (written.len() == NATIONAL && written.starts_with("91")) {
        read.unfinished()
    } else {
        read
    }
}

fn is_beginning(written: &str) -> bool {
    let digits = written.trim_start_matches('+');
    let national = if written.starts_with('+') {
        digits.strip_prefix("91")
    } else {
        digits
            .strip_prefix("91")
            .filter(|_| digits.len() > NATIONAL)
            .or_else(|| digits.strip_prefix('0'))
            .or(Some(digits))
    };
    match national {
        Some(national) => national.trim_start_matches('0').len() < NATIONAL,
        None => digits.len() < 8,
    }
}

/// Ten digits, also after 0 or 91.
pub(super) fn keyed(keys: &str) -> Reading {
    if keys.is_empty() || !keys.bytes().all(|key| key.is_ascii_digit()) {
        Reading::Nothing
    } else {
        of_written(keys)
    }
}
