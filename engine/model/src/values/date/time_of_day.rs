//! The time of day that databases and spreadsheets append to a date: `2026-12-05T00:00:00+05:30`,
//! `05-12-2026 12:00:00 AM`, `05-DEC-26 12.00.00.000000000 AM`.

use super::super::{Unreadable, is_digits};

/// India's offset from UTC, in minutes.
const INDIA: i32 = 330;
/// The minutes of a day.
const DAY: i32 = 24 * 60;
const HINT: &str = "write the day alone, as `2027-01-31`";

/// The day alone.
///
/// # Errors
/// A time that no clock shows, or one that is on another day in India by its zone.
pub(super) fn without_time(value: &str) -> Result<&str, Unreadable> {
    let no_time = Unreadable::new("has a time zone, or a time that no clock shows", HINT);
    let Some((day, clock)) = parts(value) else {
        return Ok(value);
    };
    let Clock { minutes, zone } = Clock::read(clock).ok_or(no_time)?;
    match zone {
        Some(zone) if !(0..DAY).contains(&(minutes - zone + INDIA)) => Err(Unreadable::new(
            "has a time zone by which it is another day in India",
            HINT,
        )),
        _ => Ok(day),
    }
}

/// The day and the clock's time; `None` if there is only a day.
fn parts(value: &str) -> Option<(&str, &str)> {
    if let Some(colon) = value.find(':') {
        let before = value.get(..colon)?;
        let hour = before.trim_end_matches(|character: char| character.is_ascii_digit());
        let clock = value.get(hour.len()..)?;
        let day = match hour.strip_suffix('T') {
            Some(day) if is_iso(day) => day,
            _ if hour.ends_with([' ', ',']) => hour.trim_end_matches([' ', ',']),
            _ => hour,
        };
        return Some((day, clock));
    }
    // Oracle's own form of a time has no colon
    let (before, half) = value.rsplit_once(' ')?;
    let (day, clock) = before.rsplit_once(' ')?;
    let is_oracles = clock.split('.').count() >= 3
        && clock.split('.').all(is_digits)
        && ["am", "pm"]
            .iter()
            .any(|name| half.eq_ignore_ascii_case(name));
    is_oracles.then(|| (day, value.get(day.len() + 1..).unwrap_or_default()))
}

fn is_iso(day: &str) -> bool {
    let parts: Vec<&str> = day.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(|part| is_digits(part))
}

/// A time of day.
struct Clock {
    /// Minutes since midnight.
    minutes: i32,
    /// The zone's offset from UTC in minutes, if there is one.
    zone: Option<i32>,
}

impl Clock {
    fn read(text: &str) -> Option<Self> {
        let end = text
            .find(|character: char| !(character.is_ascii_digit() || ":.".contains(character)))
            .unwrap_or(text.len());
        let (clock, rest) = text.split_at_checked(end)?;
        let sign = if clock.contains(':') { ':' } else { '.' };
        let mut parts = clock.splitn(3, sign);
        let hour = number(parts.next()?, 1, 24)?;
        let minute = number(parts.next()?, 2, 60)?;
        if let Some(seconds) = parts.next() {
            let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            number(second, 2, 60)?;
            if !is_digits(fraction) {
                return None;
            }
        }
        let rest = rest.trim_start();
        let half = rest.get(..2).map(str::to_ascii_lowercase);
        let (hour, rest) = match half.as_deref() {
            Some("am" | "pm") if !(1..=12).contains(&hour) => return None,
            Some("am") => (hour % 12, rest.get(2..)?),
            Some("pm") => (hour % 12 + 12, rest.get(2..)?),
            _ => (hour, rest),
        };
        let zone = match rest.trim_start() {
            "" => None,
            zone => Some(offset(zone)?),
        };
        Some(Self {
            minutes: hour * 60 + minute,
            zone,
        })
    }
}

/// A number of two digits, or of one if `least` is 1, below `most`.
fn number(text: &str, least: usize, most: i32) -> Option<i32> {
    ((least..=2).contains(&text.len()) && is_digits(text))
        .then(|| text.parse().ok())
        .flatten()
        .filter(|number| *number < most)
}

/// `Z`, `UTC`, `+05:30`, `+0530`. Other names of zones stand for several zones each.
fn offset(zone: &str) -> Option<i32> {
    if ["Z", "UTC", "GMT"].contains(&zone) {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None => rest.split_at_checked(2)?,
    };
    Some(sign * (number(hours, 2, 15)? * 60 + number(minutes, 2, 60)?))
}
