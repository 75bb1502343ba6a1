//! Repairs JSON with values that no Rust string or number can hold. Without this, one such value
//! would fail the whole message, and in a `start` the call.
//!
//! | input | replaced with |
//! |---|---|
//! | half a surrogate pair, `\ud83d` alone (cut within an emoji) | `\ufffd`, U+FFFD |
//! | a number too large for `f64`, `1e999` | `null` |
//! | a raw control character within a string | a space |
//!
//! Called only after normal parsing has failed, so valid messages pay nothing.

/// Replaces half a surrogate pair.
const REPLACEMENT: &str = "\\ufffd";
/// The length of `\uXXXX`.
const ESCAPE_BYTES: usize = 6;

/// The text with such values replaced; `None` if there are none.
pub(crate) fn repaired(text: &str) -> Option<String> {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_text = false;
    let mut changed = false;
    while let Some(character) = rest.chars().next() {
        let (taken, replacement) = match character {
            '\\' if in_text => escape(rest),
            '-' | '0'..='9' if !in_text => number(rest),
            _ if in_text && character.is_ascii_control() => (1, Some(" ")),
            _ => {
                in_text ^= character == '"';
                (character.len_utf8(), None)
            }
        };
        let Some((piece, behind)) = rest.split_at_checked(taken) else {
            break;
        };
        repaired.push_str(replacement.unwrap_or(piece));
        changed |= replacement.is_some();
        rest = behind;
    }
    repaired.push_str(rest);
    changed.then_some(repaired)
}

/// The escape at the start of `text`, including the second half of a surrogate pair: its length in
/// bytes and its replacement, if any.
fn escape(text: &str) -> (usize, Option<&'static str>) {
    match unit(text) {
        Some(0xd800..=0xdbff) => match text.get(ESCAPE_BYTES..).and_then(unit) {
            Some(0xdc00..=0xdfff) => (2 * ESCAPE_BYTES, None),
            _ => (ESCAPE_BYTES, Some(REPLACEMENT)),
        },
        Some(0xdc00..=0xdfff) => (ESCAPE_BYTES, Some(REPLACEMENT)),
        Some(_) => (ESCAPE_BYTES, None),
        // `\"`, `\\` and the like: the escaped character does not end the string
        None => (1 + text.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// The code unit of a `\uXXXX` escape at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

fn number(text: &str) -> (usize, Option<&'static str>) {
    let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let taken = text.bytes().take_while(|byte| is_part(*byte)).count();
    let is_beyond = text
        .get(..taken)
        .and_then(|digits| digits.parse::<f64>().ok())
        .is_some_and(f64::is_infinite);
    (taken, is_beyond.then_some("null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_pair_becomes_the_replacement_character() {
        for (text, expected) in [
            (r#"{"a":"Asha \ud83d"}"#, r#"{"a":"Asha \ufffd"}"#),
            (r#"{"a":"\ude00x"}"#, r#"{"a":"\ufffdx"}"#),
            (
                r#"{"a":"\ud83d\ud83d\ude00"}"#,
                r#"{"a":"\ufffd\ud83d\ude00"}"#,
            ),
            (r#"{"\uD83D":1}"#, r#"{"\ufffd":1}"#),
            (r#"{"a":"\ud83d\u0041"}"#, r#"{"a":"\ufffd\u0041"}"#),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_right_is_left_as_it_is() {
        for text in [
            r#"{"a":"\ud83d\ude00 \\ud83d \" 1e999 é","b":[1.5e3,-7,12345678901234567890123]}"#,
            "",
            "\"",
            "\\",
            r#"{"a":"\u12"#,
            r#"{"a":"\ud8"#,
            "nonsense",
            "\u{1}",
        ] {
            assert_eq!(repaired(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_beyond_all_bounds_and_raw_control_characters_are_replaced() {
        assert_eq!(
            repaired("{\"a\":1e999,\"b\":-1E+400}").as_deref(),
            Some("{\"a\":null,\"b\":null}")
        );
        assert_eq!(
            repaired("{\"a\":\"x\ny\"}").as_deref(),
            Some("{\"a\":\"x y\"}")
        );
    }
}
