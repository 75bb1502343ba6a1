//! When somebody may be called: hours of the days of a week, in local time. Pure.

use std::fmt;
use std::str::FromStr;

use ghanti_model::hours::{DAY_MINUTES, HourMinute, WEEKDAYS, weekday};

/// A word for all days.
const DAILY: &str = "daily";
/// The day of 1970-01-01, a Thursday, as a place in [`WEEKDAYS`].
const FIRST_DAY: i64 = 3;

/// A text that is no span of hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no span of hours: write days (`mon-fri`, `sat`, `mon,wed`, `daily`) and times of one day, such as `mon-fri 09:30-18:30`"
)]
pub struct NotHours(String);

/// Hours of some days: from the first minute up to, but not including, the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpan {
    /// Whether it applies on each day, from Monday.
    days: [bool; 7],
    from: HourMinute,
    until: HourMinute,
}

impl OpenSpan {
    /// Whether a time lies within. `unix_ms` is in milliseconds since 1970-01-01T00:00:00Z,
    /// `offset_minutes` the offset of local time from UTC.
    pub fn contains(&self, unix_ms: u64, offset_minutes: i16) -> bool {
        let minutes = i64::try_from(unix_ms / 60_000).unwrap_or(i64::MAX / 2);
        let local = minutes.saturating_add(offset_minutes.into());
        let day = (local.div_euclid(DAY_MINUTES.into()) + FIRST_DAY).rem_euclid(7);
        let minute = local.rem_euclid(DAY_MINUTES.into());
        let holds = usize::try_from(day).ok().and_then(|day| self.days.get(day));
        holds.is_some_and(|holds| *holds)
            && (self.from.minutes().into()..self.until.minutes().into()).contains(&minute)
    }
}

impl FromStr for OpenSpan {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let not_hours = || NotHours(text.chars().take(64).collect());
        let lower = text.to_ascii_lowercase();
        let mut words = lower.split_whitespace();
        let (Some(named), Some(times), None) = (words.next(), words.next(), words.next()) else {
            return Err(not_hours());
        };
        let days = days(named).ok_or_else(not_hours)?;
        let (from, until) = times.split_once('-').ok_or_else(not_hours)?;
        match (from.parse(), until.parse()) {
            (Ok(from), Ok(until)) if from < until => Ok(Self { days, from, until }),
            // a span over midnight is two: which day it belongs to would be guessed
            _ => Err(not_hours()),
        }
    }
}

/// As it is written in the configuration.
impl fmt::Display for OpenSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = WEEKDAYS
            .iter()
            .zip(self.days)
            .filter_map(|(name, holds)| holds.then_some(*name))
            .collect();
        let days = if named.len() == WEEKDAYS.len() {
            DAILY.to_owned()
        } else {
            named.join(",")
        };
        write!(f, "{days} {}-{}", self.from, self.until)
    }
}

fn days(text: &str) -> Option<[bool; 7]> {
    if text == DAILY {
        return Some([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        // `sat-mon` goes on over the end of the week
        let length = (last + WEEKDAYS.len() - first) % WEEKDAYS.len();
        for day in first..=first + length {
            *days.get_mut(day % WEEKDAYS.len())? = true;
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T00:00:00Z, a Friday.
    const FRIDAY_MS: u64 = 1_795_737_600_000;
    const INDIA: i16 = 330;

    fn at(hours: i64, minutes: i64) -> u64 {
        u64::try_from(i64::try_from(FRIDAY_MS).unwrap() + (hours * 60 + minutes) * 60_000).unwrap()
    }

    #[test]
    fn an_office_is_open_in_its_own_time_zone() {
        let office: OpenSpan = "Mon-Fri 09:30-18:30".parse().unwrap();
        for (hours, minutes, is_open) in [
            (3, 59, false),
            (4, 0, true),
            (12, 59, true),
            (13, 0, false),
            // Saturday
            (28, 0, false),
            // the Monday after
            (76, 0, true),
        ] {
            assert_eq!(
                office.contains(at(hours, minutes), INDIA),
                is_open,
                "{hours}:{minutes}"
            );
        }
        // 20:00 UTC is the next day in India
        let saturday: OpenSpan = "sat 00:00-24:00".parse().unwrap();
        assert!(saturday.contains(at(20, 0), INDIA) && !saturday.contains(at(20, 0), 0));
        assert!(!saturday.contains(0, -720));
    }

    #[test]
    fn days_are_ranges_lists_or_all() {
        for (text, shown) in [
            ("daily 00:00-24:00", "daily 00:00-24:00"),
            ("sat-mon 10:00-14:00", "mon,sat,sun 10:00-14:00"),
            ("mon,wed-thu 08:05-09:00", "mon,wed,thu 08:05-09:00"),
        ] {
            assert_eq!(text.parse::<OpenSpan>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_certain_is_not_guessed() {
        for text in [
            "",
            "mon",
            "09:00-17:00",
            "mon 9-17",
            "mon 9:00-17:00",
            "mon 22:00-06:00",
            "mon 09:00-09:00",
            "mon 09:00-24:01",
            "mon 09:60-17:00",
            "mo 09:00-17:00",
            "mon 09:00-17:00 IST",
            "mon- 09:00-17:00",
        ] {
            assert!(text.parse::<OpenSpan>().is_err(), "{text}");
        }
    }
}
