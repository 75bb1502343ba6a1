//! Dates: `2026-12-05`, `5-Dec-2026`, `5 December 2026`, `Dec 5, 2026`, `25/12/2026`.

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use super::{Unreadable, is_digits, present};

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
}

const HINT: &str = "write year, month and day, as `2027-01-31`";

/// Parses a date. Numeric dates are accepted only where they are unambiguous: year first, or a day
/// above 12 before the month. `05/12/2026` is 5 December in India and 12 May elsewhere, so it is
/// rejected, unless the operator has set the order of such dates; a date in the other order is then
/// rejected. So is a time with a zone other than India's, because it may be another day in India.
pub fn date(value: &str, rules: DateRules) -> Result<Date, Unreadable> {
    let value = present(value, HINT)?;
    let refuse = |reason| Unreadable::new(reason, HINT);
    let (year, month, day) = read(day_alone(value)?, rules.order).map_err(refuse)?;
    let month = Month::try_from(month).map_err(|_| refuse("is a day that no calendar has"))?;
    let date = Date::from_calendar_date(year, month, day)
        .map_err(|_| refuse("is a day that no calendar has"))?;
    if (date.year() - rules.today.year()).abs() > YEARS_AWAY {
        return Err(refuse("is over ten years away"));
    }
    Ok(date)
}

/// The date without the time of day that databases and spreadsheets append.
fn day_alone(value: &str) -> Result<&str, Unreadable> {
    let Some((day, time)) = value
        .split_once(['T', ' '])
        .filter(|(day, time)| is_iso(day) && time.contains(':'))
    else {
        return Ok(value);
    };
    let time = time.strip_suffix("+05:30").unwrap_or(time).trim_end();
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let below = |part: &str, most: &str| part.len() == 2 && is_digits(part) && part < most;
    let is_clock = match parts.as_slice() {
        [hour, minutes @ ..] => {
            below(hour, "24")
                && (1..=2).contains(&minutes.len())
                && minutes.iter().all(|part| below(part, "60"))
        }
        [] => false,
    };
    if is_clock && is_digits(fraction) {
        Ok(day)
    } else {
        Err(Unreadable::new(
            "has a time zone, or a time that no clock shows",
            "write the day alone, as `2027-01-31`",
        ))
    }
}

fn is_iso(day: &str) -> bool {
    let parts: Vec<&str> = day.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(|part| is_digits(part))
}

type Parts = (i32, u8, u8);

fn read(value: &str, order: Option<DateOrder>) -> Result<Parts, &'static str> {
    const NO_DAY: &str = "is no day that can be read for certain";
    let separators = |character: char| matches!(character, '-' | '/' | '.' | ' ' | ',');
    if value.starts_with(separators) || value.ends_with(separators) {
        return Err(NO_DAY);
    }
    let parts: Vec<&str> = value
        .split(separators)
        .filter(|part| !part.is_empty())
        .collect();
    let [first, second, third] = parts.as_slice() else {
        return Err(NO_DAY);
    };
    if [first, second, third].iter().all(|part| is_digits(part)) {
        return figures(value, [first, second, third], order);
    }
    match (month(first), month(second)) {
        // 5-Dec-26, 2026-Dec-05
        (None, Some(month)) => match (year(first), year(third)) {
            (Some(year), None) => Ok((year, month, day(third).ok_or(NO_DAY)?)),
            (None, Some(year)) => Ok((year, month, day(first).ok_or(NO_DAY)?)),
            (None, None) if third.len() == 2 && is_digits(third) => Ok((
                2_000 + third.parse::<i32>().map_err(|_| NO_DAY)?,
                month,
                day(first).ok_or(NO_DAY)?,
            )),
            _ => Err(NO_DAY),
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

/// Three numbers with the same separator between them.
fn figures(
    value: &str,
    [first, second, third]: [&str; 3],
    order: Option<DateOrder>,
) -> Result<Parts, &'static str> {
    const NO_DAY: &str = "is no day that can be read for certain";
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
    match (year(first), year(third)) {
        (Some(year), None) => Ok((year, number(second)?, number(third)?)),
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
            _ => Err("may be two days, as one order has the day first and another one the month"),
        },
        (None, None) => Err("has no year of four digits"),
        (Some(_), Some(_)) => Err(NO_DAY),
    }
}

fn year(part: &str) -> Option<i32> {
    if part.len() == 4 && is_digits(part) {
        part.parse().ok()
    } else {
        None
    }
}

/// `5`, `05`, `5th`.
fn day(part: &str) -> Option<u8> {
    let number = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| part.strip_suffix(end))
        .unwrap_or(part);
    if number.len() <= 2 && is_digits(number) {
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
