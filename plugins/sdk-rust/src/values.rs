//! Amounts, dates and times: made, compared and written.

use std::cmp::Ordering;
use std::fmt;

use crate::{Date, Money, TimeOfDay, Value};

/// Paise in a rupee.
const PAISE: i64 = 100;

impl Money {
    /// An amount in rupees.
    pub fn rupees(rupees: i64) -> Self {
        Self::paise(rupees.saturating_mul(PAISE))
    }

    /// An amount in paise.
    pub fn paise(paise: i64) -> Self {
        Self {
            minor: paise,
            currency: "INR".to_owned(),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minor) = (
            if self.minor < 0 { "-" } else { "" },
            self.minor.unsigned_abs(),
        );
        write!(
            f,
            "{} {sign}{}.{:02}",
            self.currency,
            minor / 100,
            minor % 100
        )
    }
}

impl PartialEq for Money {
    fn eq(&self, other: &Self) -> bool {
        (self.minor, &self.currency) == (other.minor, &other.currency)
    }
}

/// Amounts of different currencies have no order.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl PartialEq for Date {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Date {}

impl PartialOrd for Date {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Date {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.year, self.month, self.day).cmp(&(other.year, other.month, other.day))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl PartialEq for TimeOfDay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for TimeOfDay {}

impl PartialOrd for TimeOfDay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TimeOfDay {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.hour, self.minute).cmp(&(other.hour, other.minute))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Money> for Value {
    fn from(money: Money) -> Self {
        Self::Money(money)
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<TimeOfDay> for Value {
    fn from(time: TimeOfDay) -> Self {
        Self::Time(time)
    }
}

/// The last digits of an account or a phone number, without what stands between them; none where there are fewer.
pub fn last_digits(text: &str, count: usize) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .get(digits.len().checked_sub(count)?..)
        .map(str::to_owned)
}
