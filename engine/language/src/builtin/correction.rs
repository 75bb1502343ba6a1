//! Values that callers take back: "the fifth, no, the sixth".

use std::collections::BTreeSet;

use super::words::{Meaning, Token};
use super::{Grammar, Reading};

/// Reads an utterance with `read`, or what follows its last correction. That has to be a value, as
/// complete as what it takes back: of "five thousand no six" nobody knows whether it is 6 or 6,000.
pub(super) fn read(
    tokens: &[Token],
    grammar: &Grammar,
    read: &dyn Fn(&[Token]) -> Reading,
) -> Reading {
    let is_mark = |token: &Token| {
        matches!(
            token,
            Token::Word(Meaning::Denial | Meaning::Correction | Meaning::Gap)
        )
    };
    let is_correction = |token: &Token| is_mark(token) && *token != Token::Word(Meaning::Gap);
    let Some(last) = tokens.iter().rposition(is_correction) else {
        return read(tokens);
    };
    let (before, after) = (
        tokens.get(..last).unwrap_or_default(),
        tokens.get(last + 1..).unwrap_or_default(),
    );
    // "no, sorry" is one correction
    let end = before
        .iter()
        .rposition(|token| !is_mark(token))
        .map_or(0, |at| at + 1);
    let denies = tokens
        .get(end..=last)
        .unwrap_or_default()
        .contains(&Token::Word(Meaning::Denial));
    let before = before.get(..end).unwrap_or_default();
    if before.is_empty() {
        // "no the sixth" may deny something else than the date
        return if denies {
            Reading::Nothing
        } else {
            read(after)
        };
    }
    // "neither five nor six"
    let is_twice_denied = before.first() == Some(&Token::Word(Meaning::Denial));
    if after.is_empty()
        || is_twice_denied
        || !takes_corrections(grammar)
        || !kinds(before).is_subset(&kinds(after))
    {
        return Reading::Nothing;
    }
    let taken_back = before
        .split(is_correction)
        .all(|part| part.is_empty() || read(part) != Reading::Nothing);
    match read(after) {
        found @ (Reading::Value(_) | Reading::Partial(Some(_))) if taken_back => found,
        _ => Reading::Nothing,
    }
}

/// Of digits without a fixed length nobody knows how many a correction replaces.
fn takes_corrections(grammar: &Grammar) -> bool {
    match grammar {
        Grammar::Digits { min, max } => min == max,
        _ => true,
    }
}

/// The kinds of words that make a value complete.
fn kinds(tokens: &[Token]) -> BTreeSet<u8> {
    tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(Meaning::Scale(_)) => Some(0),
            Token::Word(Meaning::Major(_)) => Some(1),
            Token::Word(Meaning::Minor(_)) => Some(2),
            Token::Word(Meaning::Month(_) | Meaning::Months) => Some(3),
            Token::Word(Meaning::Am | Meaning::Pm | Meaning::PartOfDay(_)) => Some(4),
            _ => None,
        })
        .collect()
}
