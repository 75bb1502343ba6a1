//! The words of each grammar for a recogniser that listens for a closed list.

use ghanti_model::Language;

use super::words::{Meaning, table};
use super::{Grammar, boolean};

pub(super) fn phrases(grammar: &Grammar, language: &Language) -> Vec<String> {
    match grammar {
        Grammar::Boolean => boolean::phrases(language),
        _ => table(language).spellings(|meaning| has(grammar, meaning)),
    }
}

/// Whether a grammar has a use for a word.
fn has(grammar: &Grammar, meaning: Meaning) -> bool {
    use Meaning as M;
    if matches!(meaning, M::Filler | M::Gap | M::Correction | M::Denial) {
        return true;
    }
    let is_number = matches!(meaning, M::Number(_) | M::Tens(_));
    // a recogniser that also knows pairs hears "eighteen" for "eight two": these are read, but not listened for
    let is_digit = matches!(meaning, M::Number(0..=9) | M::Oh | M::Repeat(_));
    let is_amount = is_number
        || matches!(
            meaning,
            M::Scale(_) | M::Mixed(_) | M::Shifted(_) | M::Half | M::A | M::And | M::Point
        );
    match grammar {
        Grammar::Boolean => false,
        Grammar::Digits { .. } => is_digit,
        Grammar::Phone => is_digit || meaning == M::Plus,
        Grammar::Number { .. } => is_amount || meaning == M::Minus,
        Grammar::Currency { currency, .. } => match meaning {
            M::Major(codes) | M::Minor(codes) => codes.split(' ').any(|code| code == currency),
            _ => is_amount,
        },
        Grammar::Time { .. } => {
            is_number
                || matches!(
                    meaning,
                    M::Oh
                        | M::Scale(100)
                        | M::Mixed(_)
                        | M::Shifted(_)
                        | M::Half
                        | M::Quarter
                        | M::A
                        | M::Minutes
                        | M::Hours
                        | M::In
                        | M::After
                        | M::Later
                        | M::Of
                        | M::This
                        | M::Am
                        | M::Pm
                        | M::PartOfDay(_)
                        | M::Noon
                        | M::Midnight
                        | M::OClock
                        | M::Past
                        | M::To
                        | M::PastHour
                        | M::BeforeHour
                )
        }
        Grammar::Date { .. } => {
            is_number
                || matches!(
                    meaning,
                    M::Oh
                        | M::Scale(100 | 1_000)
                        | M::A
                        | M::And
                        | M::Ordinal(_)
                        | M::Month(_)
                        | M::Weekday(_)
                        | M::Offset(_)
                        | M::Either(_)
                        | M::Next
                        | M::This
                        | M::Last
                        | M::Coming
                        | M::Days
                        | M::Weeks
                        | M::Months
                        | M::DayMark
                        | M::In
                        | M::After
                        | M::Later
                        | M::Ago
                        | M::Of
                        | M::PartOfDay(_)
                )
        }
    }
}
