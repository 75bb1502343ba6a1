//! Account numbers: `LN-00478213`, `0047 8213`, `HL/2024/00478213`, `XXXXXX8213`.

use super::{Unreadable, present};

const HINT: &str = "write it as it stands in the contract, and keep it as text in spreadsheets";

/// The longest account number, in bytes.
const LETTERS: usize = 40;

/// Parses an account number, of which the last four digits are spoken. Numbers mangled by a
/// spreadsheet (`478213.0`, `4.78E+05`) have lost their last digits and are rejected.
pub fn account(value: &str) -> Result<String, Unreadable> {
    let value = present(value, HINT)?;
    let refuse = |reason| Unreadable::new(reason, HINT);
    if value.contains(['.', '+', ',']) || is_exponent(value) {
        return Err(refuse("looks like a number that a spreadsheet has rounded"));
    }
    if !value.chars().all(|character| {
        character.is_ascii_alphanumeric() || matches!(character, ' ' | '-' | '/' | '_' | '*')
    }) {
        return Err(refuse(
            "has other characters than letters, digits, spaces, `-`, `/`, `_` and `*`",
        ));
    }
    if value.len() > LETTERS {
        return Err(refuse("is too long for an account"));
    }
    match value.chars().filter(char::is_ascii_digit).count() {
        0..=3 => Err(refuse("has fewer than four digits")),
        _ if value
            .bytes()
            .all(|byte| matches!(byte, b'0' | b' ' | b'-' | b'/')) =>
        {
            Err(refuse("has no digit but zero"))
        }
        _ => Ok(value.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// `4E05`: one digit and an exponent.
fn is_exponent(value: &str) -> bool {
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    value
        .split_once(['e', 'E'])
        .is_some_and(|(mantissa, exponent)| digits(mantissa, 1) && digits(exponent, 3))
}
