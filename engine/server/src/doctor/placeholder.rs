//! Placeholders that were left in a URL: `{session_id}`, `{{CallSid}}`, `<CallSid>`, `$CallSid`.

use percent_encoding::percent_decode_str;

/// Whether a value is a placeholder that was left in an applet's URL, possibly percent-encoded.
pub fn is_placeholder(value: &str) -> bool {
    let value = percent_decode_str(value).decode_utf8_lossy();
    let value = value.trim();
    let within = |open: char, close: char| {
        value.len() > 2 && value.starts_with(open) && value.ends_with(close)
    };
    within('{', '}')
        || within('<', '>')
        || within('[', ']')
        || value.strip_prefix('$').is_some_and(|name| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '{')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_braces_is_a_placeholder() {
        for text in [
            "{session_id}",
            "{CallSid}",
            "{{CallSid}}",
            "%7BCallSid%7D",
            "<CallSid>",
            "$CallSid",
            "${CallSid}",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["", "{}", "call", "0190a1b2", "a{b}", "$", "$5"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
