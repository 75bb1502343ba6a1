//! Customers' phone numbers: `+91 98765-43210`, `09876543210`, `+91 (0)9876543210`, `0091 98765
//! 43210`.

use super::{Unreadable, is_digits, present};
use crate::PhoneNumber;

const HINT: &str = "write `+91` and the ten digits";

/// Parses the number of a customer to be called. [`PhoneNumber::parse`] accepts what the network
/// sends; this function accepts what lists contain and rejects anything ambiguous: an Indian number
/// has ten digits, optionally after `+91`, `91` or a trunk `0`, and a foreign number needs its `+`.
pub fn phone(value: &str) -> Result<PhoneNumber, Unreadable> {
    let value = present(value, HINT)?;
    let refuse = |reason| Unreadable::new(reason, HINT);
    let plain = value.replace("(0)", "0");
    let (international, rest) = match plain.strip_prefix('+').or_else(|| plain.strip_prefix("00")) {
        Some(rest) => (true, rest),
        None => (false, plain.as_str()),
    };
    if !rest
        .chars()
        .all(|character| matches!(character, '0'..='9' | ' ' | '-' | '(' | ')'))
    {
        return Err(refuse(
            "has something else in it than digits, spaces, hyphens and brackets",
        ));
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let is_indian = |national: &str| national.len() == 10 && !national.starts_with('0');
    let without_trunk = |number: &'_ str| number.strip_prefix('0').unwrap_or(number).to_owned();
    let indian = match digits.strip_prefix("91") {
        Some(national) if is_indian(&without_trunk(national)) => Some(without_trunk(national)),
        Some(_) if international => {
            return Err(refuse(
                "has not the ten digits of an Indian number after `+91`",
            ));
        }
        _ if international => None,
        _ => Some(without_trunk(&digits)),
    };
    let number = match indian {
        Some(national) if is_indian(&national) => format!("+91{national}"),
        Some(_) => return Err(refuse("has not the ten digits of an Indian number")),
        // ten digits after a `+` are as likely an Indian number without its country code as a
        // foreign number
        None if digits.len() == 10 && digits.starts_with(['6', '7', '8', '9']) => {
            return Err(refuse(
                "has a `+` and ten digits, so that its country code may be missing",
            ));
        }
        None if !(8..=15).contains(&digits.len())
            || digits.starts_with('0')
            || !is_digits(&digits) =>
        {
            return Err(refuse(
                "is no international number, which has 8 to 15 digits after its `+`",
            ));
        }
        None => format!("+{digits}"),
    };
    PhoneNumber::parse(&number).map_err(|_| refuse("is no phone number"))
}
