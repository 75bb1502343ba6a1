//! What a lender's record of a customer says, read from its text fields, for every flow that speaks of an instalment.
//!
//! Pure: it knows neither the contract nor a call. What it cannot read it names by field, never by value, because values are personal.

use std::collections::BTreeMap;

/// The customer's record as stored, by field.
pub type Fields = BTreeMap<String, String>;

/// An instalment that is due, and whose it is.
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

/// A day that the calendar has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// 2000 or later.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Instalment {
    /// Reads `name`, `loan`, `amount` and `due-date`, or says which of them are missing or unreadable.
    pub fn read(fields: &Fields) -> Result<Self, String> {
        let text = |name| fields.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        match (text("name"), text("loan").and_then(last_four), text("amount").and_then(paise), text("due-date").and_then(day)) {
            (Some(name), Some(loan_digits), Some(amount_paise), Some(due)) => {
                Ok(Self { name: name.to_owned(), loan_digits, amount_paise, due })
            }
            (name, loan, amount, due) => {
                let wanted =
                    [("name", name.is_some()), ("loan", loan.is_some()), ("amount", amount.is_some()), ("due-date", due.is_some())];
                let lacking: Vec<&str> = wanted.iter().filter(|(_, found)| !found).map(|(name, _)| *name).collect();
                Err(format!("missing or unreadable: {}", lacking.join(", ")))
            }
        }
    }
}

/// Each language with its name and how the states that speak it begin, in plain lower-case letters.
const LANGUAGES: [(&str, &str, &[&str]); 11] = [
    ("en-IN", "english", &[]),
    ("ta-IN", "tamil", &["tamil", "puducherry", "pondicherry"]),
    ("kn-IN", "kannada", &["karnataka"]),
    ("ml-IN", "malayalam", &["kerala", "lakshadweep"]),
    ("te-IN", "telugu", &["andhra", "telangana"]),
    ("mr-IN", "marathi", &["maharashtra"]),
    ("gu-IN", "gujarati", &["gujarat"]),
    ("bn-IN", "bengali", &["westbengal"]),
    ("pa-IN", "punjabi", &["punjab"]),
    ("or-IN", "odia", &["odisha", "orissa"]),
    (
        "hi-IN",
        "hindi",
        &[
            "andaman",
            "arunachal",
            "assam",
            "bihar",
            "chandigarh",
            "chhattisgarh",
            "dadra",
            "daman",
            "delhi",
            "newdelhi",
            "goa",
            "haryana",
            "himachal",
            "jammu",
            "jharkhand",
            "ladakh",
            "madhya",
            "manipur",
            "meghalaya",
            "mizoram",
            "nagaland",
            "rajasthan",
            "sikkim",
            "tripura",
            "uttar",
        ],
    ),
];

/// The language that the record names, else its state's, else English. Whether the flow speaks it is another question.
pub fn language(fields: &Fields) -> &'static str {
    let lower = |name| fields.get(name).map(|text| text.trim().to_ascii_lowercase()).unwrap_or_default();
    let asked = lower("language");
    let primary = asked.split(['-', '_']).next().unwrap_or_default();
    let state: String = lower("state").chars().filter(char::is_ascii_alphabetic).collect();
    let named = LANGUAGES.iter().find(|(tag, name, _)| tag.split('-').next() == Some(primary) || *name == primary);
    let spoken = || LANGUAGES.iter().find(|(_, _, states)| states.iter().any(|beginning| state.starts_with(beginning)));
    named.or_else(spoken).map_or("en-IN", |(tag, _, _)| tag)
}

/// The last four of a loan account's digits.
fn last_four(account: &str) -> Option<String> {
    let digits: String = account.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().checked_sub(4)?..).map(str::to_owned)
}

/// Paise of rupees as lenders write them: `12500`, `12,500`, `1,25,000.50`. Nothing and less than nothing are no amounts.
fn paise(text: &str) -> Option<i64> {
    let plain: String = text.trim_start_matches('₹').chars().filter(|c| !matches!(c, ',' | ' ')).collect();
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, "0"));
    if part.len() > 2 || ![whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let minor = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(format!("{part:0<2}").parse().ok()?)?;
    (minor > 0).then_some(minor)
}

/// `2026-11-30`, where there is such a day.
fn day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        _ => 0,
    };
    (parts.next().is_none() && year >= 2000 && (1..=days).contains(&day)).then_some(Day { year, month, day })
}

#[cfg(test)]
mod tests;
