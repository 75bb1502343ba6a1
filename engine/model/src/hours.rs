//! Hours of the day and days of the week, as an operator writes them: `08:00`, `mon`.

use std::fmt;
use std::str::FromStr;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// Names of the days of a week, from Monday.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The day of the week that a name means: 0 for Monday.
pub fn weekday(name: &str) -> Option<usize> {
    WEEKDAYS.iter().position(|day| *day == name)
}

/// A time of the day, to the minute, as `08:00`. `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourMinute(u16);

/// A text that is no time of the day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of the day: write it as `08:00`")]
pub struct NoHourMinute(String);

impl HourMinute {
    /// A full hour, 0 to 24; a later one is the end of the day.
    pub const fn hour(hour: u16) -> Self {
        if hour < 24 {
            Self(hour * 60)
        } else {
            Self(DAY_MINUTES)
        }
    }

    /// Minutes since midnight, up to [`DAY_MINUTES`].
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for HourMinute {
    type Err = NoHourMinute;

    fn from_str(text: &str) -> Result<Self, NoHourMinute> {
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            let number = |part: &str| {
                let is_plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
                is_plain.then(|| part.parse::<u16>().ok()).flatten()
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            let minute = hours * 60 + minutes;
            (minutes < 60 && minute <= DAY_MINUTES).then_some(Self(minute))
        };
        let shown = || text.chars().take(64).collect::<String>();
        read().ok_or_else(|| NoHourMinute(shown().escape_default().to_string()))
    }
}

impl fmt::Display for HourMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_has_four_digits() {
        for (text, minutes) in [
            ("00:00", 0),
            ("08:05", 485),
            ("23:59", 1_439),
            ("24:00", 1_440),
        ] {
            let time: HourMinute = text.parse().unwrap();
            assert_eq!(
                (time.minutes(), time.to_string()),
                (minutes, text.to_owned())
            );
        }
        for text in [
            "", "8:00", "08.00", "24:01", "25:00", "12:60", "+1:00", "0٣:00", "08:00 ",
        ] {
            let error = text.parse::<HourMinute>().unwrap_err().to_string();
            assert!(error.contains("write it as `08:00`"), "{error}");
        }
        assert_eq!(HourMinute::hour(19), "19:00".parse().unwrap());
        assert_eq!(HourMinute::hour(30), "24:00".parse().unwrap());
    }

    #[test]
    fn a_week_begins_on_monday() {
        assert_eq!((weekday("mon"), weekday("sun")), (Some(0), Some(6)));
        assert_eq!((weekday("Mon"), weekday("monday")), (None, None));
    }
}
