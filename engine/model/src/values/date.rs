//! Dates: `2026-12-05`, `5-Dec-2026`, `5 December 2026`, `Dec 5, 2026`, `25/12/2026`, `20261205`.

mod time_of_day;

use serde::{Deserialize, Serialize};
use time::{Date, Month, Weekday};

use super::{Unreadable, is_digits, present};
use time_of_day::without_time;

/// The largest difference in years from today. A due date further away is a typing error or another
/// column.
pub const YEARS_AWAY: i32 = 10;

/// Which comes first in a date of three numbers with the year last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// `05/12/2026` is 5 December, as India writes it.
    DayFirst,
    /// `05/12/2026` is 12 May, as software with American settings writes it.
    MonthFirst,
}

/// How dates are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRules {
    /// The current date in the calls' local time; dates far from it are rejected.
    pub today: Date,
    /// The operator's setting for numeric dates; `None` if dates that it would decide are rejected.
    pub order: Option<DateOrder>,
}

impl DateRules {
    /// Without an order: a date that may be two days is rejected.
    pub const fn unordered(today: Date) -> Self {
        Self { today, order: None }
    }

    fn is_near(self, date: Date) -> bool {
        (date.year() - self.today.year()).abs() <= YEARS_AWAY
    }
}

const NO_DAY: &str = "is no day that can be read for certain";
const TWO_DAYS: &str = "may be two days, as one order has the day first and another one the month";
const HINT: &str = "write year, month and day, as `2027-01-31`";

/// Parses a date. Numeric dates are accepted only where they are unambiguous: year first, or a day
/// above 12 before the month. `05/12/2026` is 5 December in India and 12 May elsewhere, so it is
/// rejected, unless the operator has set the order of such dates; a date in the other order is then
/// rejected. A time of day is left out, and rejected where its zone makes it another day in India.
pub fn date(value: &str, rules: DateRules) -> Result<Date, Unreadable> {
    let value = present(value, HINT)?;
    let refuse = |reason| Unreadable::new(reason, HINT);
    let day = without_time(value)?;
    let (weekday, day) = without_weekday(day);
    let date = if day.len() == 8 && is_digits(day) {
        compact(day, rules).map_err(refuse)?
    } else {
        calendar(read(day, rules.order).map_err(refuse)?)
            .ok_or(refuse("is a day that no calendar has"))?
    };
    if !rules.is_near(date) {
        return Err(refuse("is over ten years away"));
    }
    if weekday.is_some_and(|weekday| weekday != date.weekday()) {
        return Err(refuse("names another weekday than the day has"));
    }
    Ok(date)
}

type Parts = (i32, u8, u8);

fn calendar((year, month, day): Parts) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// Splits off a weekday before the day: `Sat, 5 Dec 2026`, `Saturday, 5 December, 2026`.
fn without_weekday(value: &str) -> (Option<Weekday>, &str) {
    const WEEKDAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let Some((word, rest)) = value.split_once([',', ' ']) else {
        return (None, value);
    };
    let word = word.to_ascii_lowercase();
    let named = WEEKDAYS
        .iter()
        .find(|(name, _)| *name == word || name.get(..3) == Some(word.as_str()));
    match named {
        Some((_, weekday)) => (Some(*weekday), rest.trim_start_matches([' ', ','])),
        None => (None, value),
    }
}

/// Eight digits, as SAP and core banking write a day: `20261205` is read, as only one order makes a
/// day near today of it; so is `25122026`. `05122026` may be two days.
fn compact(digits: &str, rules: DateRules) -> Result<Date, &'static str> {
    let number = |range: std::ops::Range<usize>| {
        digits
            .get(range)
            .and_then(|part| part.parse::<u16>().ok())
            .unwrap_or(0)
    };
    let day = |year: u16, month: u16, day: u16| {
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        calendar((i32::from(year), month, day)).filter(|date| rules.is_near(*date))
    };
    let year_first = day(number(0..4), number(4..6), number(6..8));
    let day_first = day(number(4..8), number(2..4), number(0..2));
    let month_first = day(number(4..8), number(0..2), number(2..4));
    let (day_first, month_first) = match rules.order {
        Some(DateOrder::DayFirst) => (day_first, None),
        Some(DateOrder::MonthFirst) => (None, month_first),
        None => (day_first, month_first),
    };
    let mut days = [year_first, day_first, month_first].into_iter().flatten();
    match (days.next(), days.next()) {
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) if one == other => Ok(one),
        (Some(_), Some(_)) => Err(TWO_DAYS),
        (None, _) => Err(NO_DAY),
    }
}

fn read(value: &str, order: Option<DateOrder>) -> Result<Parts, &'static str> {
    let separators = |character: char| matches!(character, '-' | '/' | '.' | ' ' | ',');
    if value.starts_with(separators) || value.ends_with(separators) {
        return Err(NO_DAY);
    }
    // 5 Dec '26
    let shortened = value
        .rsplit_once(['\'', '’'])
        .filter(|(before, year)| {
            is_short_year(year)
                && before.ends_with(|last: char| last.is_ascii_alphabetic() || last == ' ')
        })
        .map(|(before, year)| format!("{before} {year}"));
    let parts: Vec<&str> = shortened
        .as_deref()
        .unwrap_or(value)
        .split(separators)
        .filter(|part| !part.is_empty())
        .collect();
    let written_together;
    let [first, second, third] = match parts.as_slice() {
        [first, second, third] => [*first, *second, *third],
        // 5th of December 2026
        [first, of, second, third] if of.eq_ignore_ascii_case("of") => [*first, *second, *third],
        [one] => {
            written_together = together(one).ok_or(NO_DAY)?;
            written_together
        }
        _ => return Err(NO_DAY),
    };
    if [first, second, third].iter().all(|part| is_digits(part)) {
        return figures(value, [first, second, third], order);
    }
    match (month(first), month(second)) {
        // 5-Dec-26, 2026-Dec-05
        (None, Some(month)) => match (year(first), year(third)) {
            (Some(year), None) => Ok((year, month, day(third).ok_or(NO_DAY)?)),
            (None, Some(year)) => Ok((year, month, day(first).ok_or(NO_DAY)?)),
            (None, None) => Ok((
                short_year(third).ok_or(NO_DAY)?,
                month,
                day(first).ok_or(NO_DAY)?,
            )),
            (Some(_), Some(_)) => Err(NO_DAY),
        },
        // Dec 5, 2026
        (Some(month), None) => Ok((
            year(third).ok_or(NO_DAY)?,
            month,
            day(second).ok_or(NO_DAY)?,
        )),
        _ => Err(NO_DAY),
    }
}

/// `05DEC2026`, as SAS writes it: day, month and year without anything between them.
fn together(value: &str) -> Option<[&str; 3]> {
    let (first, rest) = value.split_at(value.find(|character: char| !character.is_ascii_digit())?);
    let (second, third) = rest.split_at(rest.find(|character: char| character.is_ascii_digit())?);
    (second.len() == 3 && month(second).is_some() && is_digits(third))
        .then_some([first, second, third])
}

/// Three numbers with the same separator between them.
fn figures(
    value: &str,
    [first, second, third]: [&str; 3],
    order: Option<DateOrder>,
) -> Result<Parts, &'static str> {
    let separator = value
        .get(first.len()..)
        .and_then(|rest| rest.chars().next())
        .filter(|sign| matches!(sign, '-' | '/' | '.'));
    if separator.is_none_or(|sign| value != [first, second, third].join(&sign.to_string())) {
        return Err(NO_DAY);
    }
    let number = |part: &str| {
        if part.len() <= 2 {
            part.parse::<u8>().map_err(|_| NO_DAY)
        } else {
            Err(NO_DAY)
        }
    };
    // of two digits it may be the day as well, unless the operator says where that stands
    let last = year(third).or_else(|| order.and(short_year(third)));
    match (year(first), last) {
        (Some(year), _) if third.len() <= 2 => Ok((year, number(second)?, number(third)?)),
        (None, Some(year)) => match (order, number(first)?, number(second)?) {
            (Some(DateOrder::MonthFirst), first, _) if first > 12 => {
                Err("has the day first, and `date-order` says the month")
            }
            (Some(DateOrder::MonthFirst), month, day) => Ok((year, month, day)),
            (_, first, second) if first > 12 || first == second => Ok((year, second, first)),
            (_, _, second) if second > 12 => {
                Err("has the month first, which is not the order of India")
            }
            (Some(DateOrder::DayFirst), day, month) => Ok((year, month, day)),
            (None, ..) => Err(TWO_DAYS),
        },
        (None, None) => Err("has no year of four digits"),
        (Some(_), _) => Err(NO_DAY),
    }
}

fn year(part: &str) -> Option<i32> {
    if part.len() == 4 && is_digits(part) {
        part.parse().ok()
    } else {
        None
    }
}

/// `26` is 2026: a date is at most ten years away.
fn short_year(part: &str) -> Option<i32> {
    is_short_year(part)
        .then(|| part.parse::<i32>().ok())
        .flatten()
        .map(|year| 2_000 + year)
}

fn is_short_year(part: &str) -> bool {
    part.len() == 2 && is_digits(part)
}

/// `5`, `05`, `5th`.
fn day(part: &str) -> Option<u8> {
    let ordinal = |end: &str| {
        let (number, tail) = part.split_at_checked(part.len().checked_sub(2)?)?;
        tail.eq_ignore_ascii_case(end).then_some(number)
    };
    let number = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| ordinal(end))
        .unwrap_or(part);
    if (1..=2).contains(&number.len()) && is_digits(number) {
        number.parse().ok()
    } else {
        None
    }
}

/// A month by its English name, in full or abbreviated to three letters (or `sept`).
fn month(part: &str) -> Option<u8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let part = part.to_ascii_lowercase();
    let is_short = |name: &str| {
        name.get(..3) == Some(part.as_str()) || (part == "sept" && name == "september")
    };
    MONTHS
        .iter()
        .position(|name| *name == part || is_short(name))
        .and_then(|at| u8::try_from(at + 1).ok())
}
