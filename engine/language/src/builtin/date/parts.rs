//! The parts of a date: a day, a year, a distance from today, a date in figures.

use ::time::{Date, Month};
use ghanti_model::values::{self, DateOrder, DateRules, YEARS_AWAY};

use super::days::Range;
use crate::builtin::cardinal::{cardinal, is, plain};
use crate::builtin::words::{Meaning, Token};

/// Years that may be said.
pub(super) const YEARS: std::ops::RangeInclusive<u64> = 1900..=2100;

/// 1 to 31, in words or figures.
pub(super) fn day_number(tokens: &[Token]) -> Option<(u8, usize)> {
    let (number, used) = match tokens {
        [Token::Figures(figures), ..] if figures.len() <= 2 => (figures.parse().ok()?, 1),
        _ => plain(tokens)?,
    };
    let day = u8::try_from(number).ok()?;
    (1..=31).contains(&day).then_some((day, used))
}

/// "in five days", "paanch din baad", "a week ago": days from today.
pub(super) fn distance(tokens: &[Token]) -> Option<(i64, usize)> {
    let leads = usize::from(is(tokens, 0, Meaning::In) || is(tokens, 0, Meaning::After));
    let rest = tokens.get(leads..)?;
    let (count, used) = if is(rest, 0, Meaning::A) {
        (1, 1)
    } else {
        let number = cardinal(rest)?;
        (i64::try_from(number.whole()?).ok()?, number.used)
    };
    let unit = match rest.get(used)? {
        Token::Word(Meaning::Days) => 1,
        Token::Word(Meaning::Weeks) => 7,
        _ => return None,
    };
    let mut used = used + 1;
    // paanch din ke baad
    if is(rest, used, Meaning::Of) {
        used += 1;
    }
    let direction = match rest.get(used) {
        Some(Token::Word(Meaning::Later | Meaning::In)) if leads == 0 => {
            used += 1;
            1
        }
        Some(Token::Word(Meaning::Ago)) if leads == 0 => {
            used += 1;
            -1
        }
        // in a week from today
        Some(Token::Word(Meaning::Later)) if leads > 0 => {
            used += 1;
            1
        }
        _ if leads > 0 => 1,
        _ => return None,
    };
    // far beyond any date that is accepted
    const DAYS: i64 = 100_000;
    let days = count.checked_mul(unit)?;
    (days <= DAYS).then_some((days * direction, leads + used))
}

/// A year, or `None` if the words are the beginning of one: "twenty", "nineteen". A short one is
/// "twenty six".
pub(super) fn year(
    tokens: &[Token],
    today: Date,
    may_be_short: bool,
) -> Option<(Option<i32>, usize)> {
    if let Some(number) = cardinal(tokens)
        && (number.has_scale
            || matches!(tokens.first(), Some(Token::Figures(figures)) if figures.len() == 4))
    {
        let year = number.whole().filter(|year| YEARS.contains(year))?;
        return Some((i32::try_from(year).ok(), number.used));
    }
    let (first, used) = match tokens {
        [Token::Figures(figures), ..] if figures.len() == 2 => (figures.parse().ok()?, 1),
        _ => plain(tokens)?,
    };
    let first = i32::try_from(first).ok()?;
    let rest = tokens.get(used..)?;
    let second = match rest {
        [
            Token::Word(Meaning::Oh),
            Token::Word(Meaning::Number(year @ 1..=9)),
            ..,
        ] => Some((i32::from(*year), 2)),
        [Token::Word(Meaning::Oh)] if matches!(first, 19 | 20) => return Some((None, used + 1)),
        _ => plain(rest)
            .and_then(|(year, used)| Some((i32::try_from(year).ok()?, used)))
            .filter(|(year, _)| *year >= 10),
    };
    match (first, second) {
        (19 | 20, Some((rest, more))) => Some((Some(first * 100 + rest), used + more)),
        (19 | 20, None) => Some((None, used)),
        (10.., None) if may_be_short && (2_000 + first - today.year()).abs() <= YEARS_AWAY => {
            Some((Some(2_000 + first), used))
        }
        _ => None,
    }
}

/// `5/12`, without a year, which the reader of lists does not know.
pub(super) fn two_numbers(figures: &str) -> Option<[u8; 2]> {
    let (one, other) = figures.split_once(['/', '-'])?;
    let number = |part: &str| {
        let is_short = (1..=2).contains(&part.len());
        let is_digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse().ok().filter(|_| is_short && is_digits)?;
        (1..=31).contains(&number).then_some(number)
    };
    Some([number(one)?, number(other)?])
}

/// A date in figures, by the reader of lists, in either order. It refuses days ten years from the
/// reference day; a question that reaches further is read around other days as well.
pub(super) fn written(figures: &str, range: Range) -> Option<Vec<Date>> {
    /// The reader covers twenty years: this many reach the years that are accepted.
    const STEPS: i32 = 7;
    let steps = if range.is_open() {
        0..=0
    } else {
        -STEPS..=STEPS
    };
    let mut days = Vec::new();
    for step in steps {
        let year = range.today.year() + step * 2 * YEARS_AWAY;
        let Ok(today) = Date::from_calendar_date(year, Month::July, 1) else {
            continue;
        };
        let today = if step == 0 { range.today } else { today };
        for order in [DateOrder::DayFirst, DateOrder::MonthFirst] {
            let rules = DateRules {
                today,
                order: Some(order),
            };
            days.extend(values::date(figures, rules));
        }
    }
    days.sort_unstable();
    days.dedup();
    (!days.is_empty()).then_some(days)
}
