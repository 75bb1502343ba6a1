//! What a lender's record of a customer says, taken from its text fields, for every flow that
//! speaks of an instalment.
//!
//! How people spell values is the engine's to read: `[customer]` of `flow.toml` declares the
//! fields, and a flow is given them in one canonical spelling each. This takes that spelling and
//! nothing else. Pure: it knows neither the contract nor a call. What it cannot take it names by
//! field, never by value, because values are personal.

use std::collections::BTreeMap;

/// The customer's record as the engine gives it, by field.
pub type Fields = BTreeMap<String, String>;

/// An instalment, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instalment {
    /// The customer's name.
    pub name: String,
    /// The last four digits of the loan's account.
    pub loan_digits: String,
    /// The amount in paise, more than 0.
    pub amount_paise: i64,
    /// The day it is due.
    pub due: Day,
}

/// A day of the calendar. Days are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Of four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Instalment {
    /// Takes `name`, `loan`, `amount` and `due-date`, or says which of them are missing or
    /// unreadable.
    pub fn read(fields: &Fields) -> Result<Self, String> {
        let text = |name| {
            fields
                .get(name)
                .map(String::as_str)
                .filter(|text| !text.is_empty())
        };
        match (
            text("name"),
            text("loan").and_then(last_four),
            text("amount").and_then(paise),
            text("due-date").and_then(day),
        ) {
            (Some(name), Some(loan_digits), Some(amount_paise), Some(due)) => Ok(Self {
                name: name.to_owned(),
                loan_digits,
                amount_paise,
                due,
            }),
            (name, loan, amount, due) => {
                let wanted = [
                    ("name", name.is_some()),
                    ("loan", loan.is_some()),
                    ("amount", amount.is_some()),
                    ("due-date", due.is_some()),
                ];
                let lacking: Vec<&str> = wanted
                    .iter()
                    .filter(|(_, found)| !found)
                    .map(|(name, _)| *name)
                    .collect();
                Err(format!("missing or unreadable: {}", lacking.join(", ")))
            }
        }
    }
}

impl Day {
    /// The day of a moment, in milliseconds since 1970, where so many minutes are added for local
    /// time.
    pub fn of(unix_ms: u64, offset_minutes: i16) -> Option<Self> {
        const MINUTES_OF_A_DAY: i64 = 24 * 60;
        let minutes = i64::try_from(unix_ms / 60_000)
            .ok()?
            .checked_add(i64::from(offset_minutes))?;
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days, for days
        // since 1970
        let days = minutes.div_euclid(MINUTES_OF_A_DAY).checked_add(719_468)?;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Some(Self {
            year: year.try_into().ok()?,
            month: month.try_into().ok()?,
            day: day.try_into().ok()?,
        })
    }
}

/// The last four of a loan account's digits.
fn last_four(account: &str) -> Option<String> {
    let digits: String = account.chars().filter(char::is_ascii_digit).collect();
    digits
        .get(digits.len().checked_sub(4)?..)
        .map(str::to_owned)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Paise of `12450` or `12450.50`.
fn paise(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    if part.len() != 2 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let minor = whole
        .parse::<i64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(part.parse().ok()?)?;
    (minor > 0).then_some(minor)
}

/// `2026-11-30`.
fn day(text: &str) -> Option<Day> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2)
        || !parts.iter().all(|part| is_digits(part))
    {
        return None;
    }
    let day = Day {
        year: year.parse().ok()?,
        month: month.parse().ok()?,
        day: day.parse().ok()?,
    };
    ((1..=12).contains(&day.month) && (1..=31).contains(&day.day)).then_some(day)
}

#[cfg(test)]
mod tests;
