//! Languages spoken with digits: the synthesizer reads the digits in its own language, the words
//! around them are ours.

use ghanti_model::TimeOfDay;
use time::Month;

use super::Speller;
use super::currency::Amount;
use super::day::PartOfDay;

/// A language's words around digits.
#[derive(Debug)]
pub(super) struct Words {
    /// The primary language tag.
    pub(super) language: &'static str,
    /// Precedes a negative number.
    pub(super) minus: &'static str,
    /// The word for rupees.
    pub(super) rupees: &'static str,
    /// The word for paise.
    pub(super) paise: &'static str,
    /// January to December.
    pub(super) months: [&'static str; 12],
    /// Whether the month precedes the day.
    pub(super) month_first: bool,
    /// Morning, afternoon, evening, night.
    pub(super) parts_of_day: [&'static str; 4],
    /// Follows a full hour.
    pub(super) hour: &'static str,
    /// Follows the hour if there are minutes.
    pub(super) hour_and: &'static str,
    /// Follows the minutes.
    pub(super) minutes: &'static str,
}

/// A number with Indian digit grouping: 1,25,00,000.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 3 / 2);
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        // the last three digits form a group, then groups of two
        if index > 0 && left >= 3 && left % 2 == 1 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Speller for Words {
    fn integer(&self, number: i64) -> String {
        let figures = grouped(number.unsigned_abs());
        if number < 0 {
            format!("{} {figures}", self.minus)
        } else {
            figures
        }
    }

    fn money(&self, amount: &Amount<'_>) -> String {
        let major = grouped(amount.major);
        let words = match (amount.major, amount.minor) {
            (_, 0) if amount.is_rupees() => format!("{major} {}", self.rupees),
            (0, minor) if amount.is_rupees() => format!("{minor} {}", self.paise),
            (_, minor) if amount.is_rupees() => {
                format!("{major} {} {minor} {}", self.rupees, self.paise)
            }
            (_, 0) => format!("{major} {}", amount.spelt_code()),
            _ => format!("{major}.{} {}", amount.fraction(), amount.spelt_code()),
        };
        if amount.negative {
            format!("{} {words}", self.minus)
        } else {
            words
        }
    }

    fn date(&self, day: u8, month: Month, year: Option<i32>) -> String {
        let month = self
            .months
            .get(usize::from(u8::from(month)).saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let date = if self.month_first {
            format!("{month} {day}")
        } else {
            format!("{day} {month}")
        };
        // the comma keeps day and year from being read as one number
        match year {
            Some(year) if self.month_first => format!("{date}, {year}"),
            Some(year) => format!("{date} {year}"),
            None => date,
        }
    }

    fn time(&self, time: TimeOfDay) -> String {
        let [morning, afternoon, evening, night] = self.parts_of_day;
        let part = match PartOfDay::of(time.hour) {
            PartOfDay::Morning => morning,
            PartOfDay::Afternoon => afternoon,
            PartOfDay::Evening => evening,
            PartOfDay::Night => night,
        };
        let hour = if time.hour.is_multiple_of(12) {
            12
        } else {
            time.hour % 12
        };
        match time.minute {
            0 => format!("{part} {hour} {}", self.hour),
            minute => format!("{part} {hour} {} {minute} {}", self.hour_and, self.minutes),
        }
    }

    fn digit(&self, digit: u8) -> String {
        digit.to_string()
    }
}
