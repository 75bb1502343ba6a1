//! When customers may be called: hours of the day, days of the week, holidays, all in the
//! customer's local time.

use std::collections::BTreeSet;

use ghanti_model::Zone;
use ghanti_model::hours::{HourMinute, NoHourMinute, WEEKDAYS, weekday};
use serde::{Deserialize, Serialize};
use time::{Date, Duration};

use super::day;

/// How far ahead to search for a time to call, in days.
const DAYS_AHEAD: i64 = 400;
/// Maximum number of holidays in a plan.
const HOLIDAYS: usize = 1_000;

/// A time of the day, as `08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Clock(HourMinute);

/// Days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Weekdays(BTreeSet<u8>);

/// `[hours]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hours {
    /// The beginning. The Reserve Bank of India allows calls for the recovery of loans from 08:00 to
    /// 19:00 (circular RBI/2022-23/108 of 12 August 2022).
    pub from: Clock,
    /// The end. No call is dialled after it; calls in progress continue.
    pub to: Clock,
    /// The days of the week.
    pub weekdays: Weekdays,
    /// Days without calls, as `2026-12-25`.
    pub holidays: BTreeSet<Holiday>,
}

/// A day without calls, as `2026-12-25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Holiday(Date);

impl Default for Hours {
    fn default() -> Self {
        Self {
            from: Clock(HourMinute::hour(8)),
            to: Clock(HourMinute::hour(19)),
            weekdays: Weekdays((0..7).collect()),
            holidays: BTreeSet::new(),
        }
    }
}

impl Hours {
    /// The earliest time, not before `from_ms`, at which customers of a zone may be called; in
    /// milliseconds since 1970-01-01T00:00:00Z. `None` if there is none within 400 days.
    ///
    /// Where the clocks change within the hours, nobody is called while a clock shows a time outside of
    /// them: of an hour that comes twice the second opens and the first closes.
    pub fn opening(&self, from_ms: u64, zone: &Zone) -> Option<u64> {
        let today = zone.local(from_ms)?.date();
        for ahead in 0..DAYS_AHEAD {
            let date = today.checked_add(Duration::days(ahead))?;
            if !self.is_open_on(date) {
                continue;
            }
            let opens = zone.last(date, self.from.0.minutes())?;
            let closes = zone.first(date, self.to.0.minutes())?;
            let earliest = opens.max(from_ms);
            if earliest < closes {
                return Some(earliest);
            }
        }
        None
    }

    /// Whether customers may be called on a day.
    fn is_open_on(&self, date: Date) -> bool {
        let weekday = date.weekday().number_days_from_monday();
        self.weekdays.0.contains(&weekday) && !self.holidays.contains(&Holiday(date))
    }

    pub(super) fn check(&self, errors: &mut Vec<String>) {
        if self.from >= self.to {
            errors.push(format!(
                "`hours` end at {} and begin at {}: set a later `to`",
                self.to.0, self.from.0
            ));
        }
        if self.weekdays.0.is_empty() {
            errors.push("`hours.weekdays` is empty: name a day, or leave it out".to_owned());
        }
        if self.holidays.len() > HOLIDAYS {
            errors.push(format!("`hours.holidays` has more than {HOLIDAYS} days"));
        }
    }
}

impl TryFrom<String> for Clock {
    type Error = NoHourMinute;

    fn try_from(text: String) -> Result<Self, NoHourMinute> {
        text.parse().map(Self)
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.0.to_string()
    }
}

impl TryFrom<Vec<String>> for Weekdays {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let number = |name: String| {
            let day = weekday(&name).and_then(|day| u8::try_from(day).ok());
            day.ok_or_else(|| {
                format!(
                    "`{}` is not a day of the week: write {}",
                    name.escape_default(),
                    WEEKDAYS.join(", ")
                )
            })
        };
        names
            .into_iter()
            .map(number)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl From<Weekdays> for Vec<String> {
    fn from(days: Weekdays) -> Self {
        let name = |day: u8| {
            WEEKDAYS
                .get(usize::from(day))
                .map(|name| (*name).to_owned())
        };
        days.0.into_iter().filter_map(name).collect()
    }
}

impl TryFrom<String> for Holiday {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        day::parse(&text).map(Self).ok_or_else(|| day::error(&text))
    }
}

impl From<Holiday> for String {
    fn from(Holiday(date): Holiday) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    fn india() -> Zone {
        zone("Asia/Kolkata")
    }

    fn ms(at: OffsetDateTime) -> u64 {
        u64::try_from(at.unix_timestamp() * 1_000).unwrap()
    }

    fn hours(toml: &str) -> Hours {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn nobody_is_called_outside_the_hours_of_their_own_clock() {
        let hours = Hours::default();
        for (from, opens) in [
            // open: at once
            (
                datetime!(2026-11-27 08:00:00 +05:30),
                datetime!(2026-11-27 08:00:00 +05:30),
            ),
            (
                datetime!(2026-11-27 18:59:59 +05:30),
                datetime!(2026-11-27 18:59:59 +05:30),
            ),
            // before and after
            (
                datetime!(2026-11-27 07:59:59 +05:30),
                datetime!(2026-11-27 08:00:00 +05:30),
            ),
            (
                datetime!(2026-11-27 19:00:00 +05:30),
                datetime!(2026-11-28 08:00:00 +05:30),
            ),
            // 20:00 UTC is 01:30 of the next day in India
            (
                datetime!(2026-11-27 20:00:00 UTC),
                datetime!(2026-11-28 08:00:00 +05:30),
            ),
        ] {
            assert_eq!(hours.opening(ms(from), &india()), Some(ms(opens)), "{from}");
        }
        let noon_in_london = ms(datetime!(2026-11-27 12:00:00 UTC));
        assert_eq!(
            hours.opening(noon_in_london, &zone("Europe/London")),
            Some(noon_in_london)
        );
        assert_eq!(
            hours.opening(noon_in_london, &zone("+08:00")),
            Some(ms(datetime!(2026-11-28 08:00:00 +08:00)))
        );
    }

    #[test]
    fn the_hours_are_those_of_the_clock_on_the_wall_on_days_when_it_is_changed() {
        // hours, now, the first time to call, all in New York
        let rows = [
            // 8 March: 02:00 to 03:00 is left out, and 08:00 comes an hour earlier than by a fixed offset
            (
                "08:00",
                "19:00",
                datetime!(2026-03-07 20:00 -5),
                datetime!(2026-03-08 08:00 -4),
            ),
            (
                "08:00",
                "19:00",
                datetime!(2026-03-08 07:59 -4),
                datetime!(2026-03-08 08:00 -4),
            ),
            (
                "08:00",
                "19:00",
                datetime!(2026-03-08 18:59 -4),
                datetime!(2026-03-08 18:59 -4),
            ),
            (
                "08:00",
                "19:00",
                datetime!(2026-03-08 19:00 -4),
                datetime!(2026-03-09 08:00 -4),
            ),
            (
                "02:30",
                "19:00",
                datetime!(2026-03-08 01:59 -5),
                datetime!(2026-03-08 03:00 -4),
            ),
            (
                "00:00",
                "02:30",
                datetime!(2026-03-08 01:59 -5),
                datetime!(2026-03-08 01:59 -5),
            ),
            (
                "00:00",
                "02:30",
                datetime!(2026-03-08 03:00 -4),
                datetime!(2026-03-09 00:00 -4),
            ),
            (
                "02:15",
                "02:45",
                datetime!(2026-03-08 00:00 -5),
                datetime!(2026-03-09 02:15 -4),
            ),
            // 1 November: 01:00 to 02:00 comes twice, and 08:00 an hour later
            (
                "08:00",
                "19:00",
                datetime!(2026-10-31 20:00 -4),
                datetime!(2026-11-01 08:00 -5),
            ),
            (
                "08:00",
                "19:00",
                datetime!(2026-11-01 18:59 -5),
                datetime!(2026-11-01 18:59 -5),
            ),
            (
                "08:00",
                "19:00",
                datetime!(2026-11-01 19:00 -5),
                datetime!(2026-11-02 08:00 -5),
            ),
            (
                "01:30",
                "19:00",
                datetime!(2026-11-01 01:45 -4),
                datetime!(2026-11-01 01:30 -5),
            ),
            (
                "00:00",
                "01:30",
                datetime!(2026-11-01 01:15 -4),
                datetime!(2026-11-01 01:15 -4),
            ),
            (
                "00:00",
                "01:30",
                datetime!(2026-11-01 01:15 -5),
                datetime!(2026-11-02 00:00 -5),
            ),
            (
                "00:00",
                "24:00",
                datetime!(2026-11-01 01:15 -5),
                datetime!(2026-11-01 01:15 -5),
            ),
            (
                "00:00",
                "24:00",
                datetime!(2026-11-01 23:59:59 -5),
                datetime!(2026-11-01 23:59:59 -5),
            ),
        ];
        let new_york = zone("America/New_York");
        for (from, to, now, opens) in rows {
            let hours = hours(&format!("from = \"{from}\"\nto = \"{to}\""));
            let found = hours.opening(ms(now), &new_york);
            assert_eq!(found, Some(ms(opens)), "{from} to {to} at {now}");
        }
    }

    #[test]
    fn weekdays_without_calls_and_holidays_are_skipped() {
        let hours = hours("weekdays = [\"mon\", \"fri\"]\nholidays = [\"2026-11-30\"]");
        // a Saturday: Monday is a holiday, so Friday
        assert_eq!(
            hours.opening(ms(datetime!(2026-11-28 12:00:00 +05:30)), &india()),
            Some(ms(datetime!(2026-12-04 08:00:00 +05:30)))
        );
    }

    #[test]
    fn the_end_of_the_day_is_24_00() {
        let hours = hours("from = \"00:00\"\nto = \"24:00\"");
        let last = ms(datetime!(2026-11-28 23:59:59 +05:30));
        assert_eq!(hours.opening(last, &india()), Some(last));
    }

    #[test]
    fn invalid_times_days_and_weekdays_are_rejected() {
        for toml in [
            "from = \"8:00\"",
            "from = \"24:01\"",
            "from = \"08:60\"",
            "from = \"+8:00\"",
            "weekdays = [\"Monday\"]",
            "holidays = [\"25-12-2026\"]",
            "fro = \"08:00\"",
        ] {
            assert!(toml::from_str::<Hours>(toml).is_err(), "{toml}");
        }
        for (toml, words) in [
            ("from = \"19:00\"", "later `to`"),
            ("weekdays = []", "is empty"),
        ] {
            let mut errors = Vec::new();
            hours(toml).check(&mut errors);
            assert!(errors.concat().contains(words), "{toml}: {errors:?}");
        }
    }
}
