//! Digits one by one: "four eight two one", "double nine", "oh", pairs such as "forty eight twenty
//! one", and a code read as one number ("four thousand eight hundred twenty one").

use ghanti_model::Masked;

use super::cardinal::{before_open_end, cardinal, plain};
use super::words::{Meaning, Token};
use super::{Reading, Value};

pub(super) fn read(tokens: &[Token], min: usize, max: usize) -> Reading {
    let (tokens, is_open) = match before_open_end(tokens) {
        Some(before) => (before, true),
        None => (tokens, false),
    };
    let said = match spelt(tokens).or_else(|| number(tokens)) {
        Some(digits) => digits,
        None => return Reading::Nothing,
    };
    match is_open {
        true if said.len() < max => Reading::Partial(None),
        true => Reading::Nothing,
        false => of_length(said, min, max),
    }
}

fn of_length(digits: String, min: usize, max: usize) -> Reading {
    match digits.len() {
        0 => Reading::Nothing,
        length if length < min => Reading::Partial(None),
        length if length > max => Reading::Nothing,
        length if length < max => Reading::Partial(Some(Value::Digits(Masked::new(digits)))),
        _ => Reading::Value(Value::Digits(Masked::new(digits))),
    }
}

/// The digits of tokens that say them one by one or in pairs.
pub(super) fn spelt(tokens: &[Token]) -> Option<String> {
    let mut digits = String::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let used = match rest {
            [Token::Word(Meaning::Repeat(times)), repeated, ..] => {
                let digit = one(repeated)?;
                digits.extend(std::iter::repeat_n(digit, usize::from(*times)));
                2
            }
            [Token::Word(Meaning::Oh), ..] => {
                digits.push('0');
                1
            }
            [Token::Figures(figures), ..] => {
                digits.push_str(&figure(figures)?);
                1
            }
            _ => {
                let (number, used) = plain(rest)?;
                digits.push_str(&number.to_string());
                used
            }
        };
        rest = rest.get(used..)?;
    }
    Some(digits)
}

/// A single digit.
fn one(token: &Token) -> Option<char> {
    match token {
        Token::Word(Meaning::Oh) => Some('0'),
        Token::Word(Meaning::Number(digit @ 0..=9)) => Some(char::from(b'0' + digit)),
        Token::Figures(figures) if figures.len() == 1 => figures.chars().next(),
        _ => None,
    }
}

/// `4821`, `48-21`, `4,821`.
fn figure(figures: &str) -> Option<String> {
    let digits: String = figures
        .chars()
        .filter(|letter| !matches!(letter, '-' | ','))
        .collect();
    let starts = figures.starts_with(|letter: char| letter.is_ascii_digit());
    (starts && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// One number of the whole utterance, with a word such as "thousand".
fn number(tokens: &[Token]) -> Option<String> {
    let cardinal = cardinal(tokens).filter(|cardinal| cardinal.used == tokens.len())?;
    let is_exact = cardinal.has_scale && !cardinal.hangs;
    is_exact
        .then(|| cardinal.whole())
        .flatten()
        .map(|number| number.to_string())
}

pub(super) fn keyed(keys: &str, min: usize, max: usize) -> Reading {
    if keys.bytes().all(|key| key.is_ascii_digit()) {
        of_length(keys.to_owned(), min, max)
    } else {
        Reading::Nothing
    }
}
