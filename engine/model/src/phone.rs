//! Phone numbers, in any spelling that Exotel and lenders use.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A normalised phone number. Spellings of the same Indian number (`+91 98765 43210`,
/// `919876543210`, `09876543210`, `9876543210`) are equal; `Debug` and `Display` show only the last
/// four digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The text is not a phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number: give 5 to 15 digits, such as `+919876543210`")]
pub struct NotAPhoneNumber;

/// ITU-T E.164 allows at most 15 digits. Short service codes have at least five.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

impl PhoneNumber {
    /// Parses a number as the network and the operator write it; short codes are accepted. Spaces,
    /// hyphens and brackets are ignored. An Indian number is stored as E.164 (`+91` and ten digits,
    /// without the trunk `0`), a number starting with `+` or `00` as `+` and its digits, any other
    /// as its digits. A decimal point is an error, since `9876543210.0` is a spreadsheet's number.
    /// For customers' numbers in lists use [`crate::values::phone`].
    pub fn parse(text: &str) -> Result<Self, NotAPhoneNumber> {
        let text = text.trim();
        let international = text.starts_with('+') || text.starts_with("00");
        let mut digits = String::with_capacity(text.len());
        for (at, character) in text.char_indices() {
            match character {
                '0'..='9' => digits.push(character),
                '+' if at == 0 => {}
                ' ' | '-' | '(' | ')' => {}
                _ => return Err(NotAPhoneNumber),
            }
        }
        let significant = digits.trim_start_matches('0');
        if !DIGITS.contains(&significant.len()) {
            return Err(NotAPhoneNumber);
        }
        let indian = match significant.len() {
            10 if !international => Some(significant),
            12 => significant.strip_prefix("91"),
            13 => significant.strip_prefix("910"),
            _ => None,
        };
        Ok(Self(match indian {
            Some(national) => format!("+91{national}"),
            None if international => format!("+{significant}"),
            None => significant.to_owned(),
        }))
    }

    /// The unmasked number, in E.164 where known: for dialling and as a key. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four digits after `xxxxxx`: all that a flow or a log may see.
    pub fn masked(&self) -> String {
        let tail: String = self
            .0
            .chars()
            .skip(self.0.chars().count().saturating_sub(4))
            .collect();
        format!("xxxxxx{tail}")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotAPhoneNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_indian_number_is_the_same() {
        let expected = PhoneNumber::parse("+919876543210").unwrap();
        for spelling in [
            "919876543210",
            "09876543210",
            "9876543210",
            "+91 98765-43210",
            "00919876543210",
            "(0)98765 43210",
            "+91 09876543210",
            "+91 (0)9876543210",
        ] {
            assert_eq!(
                PhoneNumber::parse(spelling).unwrap(),
                expected,
                "{spelling}"
            );
        }
    }

    #[test]
    fn a_foreign_number_stays_foreign() {
        assert_eq!(
            PhoneNumber::parse("+14129162450").unwrap().expose(),
            "+14129162450"
        );
        assert_ne!(
            PhoneNumber::parse("+19876543210").unwrap(),
            PhoneNumber::parse("9876543210").unwrap()
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "null",
            "{CallFrom}",
            "sip:agent@host",
            "123",
            "1234567890123456",
            "9876543210.0",
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(NotAPhoneNumber), "{text}");
        }
    }

    #[test]
    fn logs_show_four_digits() {
        let number = PhoneNumber::parse("9876543210").unwrap();
        assert_eq!(format!("{number} {number:?}"), "xxxxxx3210 xxxxxx3210");
    }
}
