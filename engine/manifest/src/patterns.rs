//! Patterns of what is granted: look-up keys and voices; and the keys that no pattern grants.

/// Prefix of the keys of the engine's own records, such as customers and decisions. No manifest and
/// no operator can grant them, so that no pattern can reach another customer's record.
const OWN_KEYS: &str = "ghanti:";

/// Whether a key or key pattern, in whatever spelling, addresses the engine's own records.
pub fn is_engines_own(key: &str) -> bool {
    let spelt = key
        .chars()
        .filter(|letter| !letter.is_whitespace() && !letter.is_control())
        .flat_map(char::to_lowercase);
    spelt.take(OWN_KEYS.len()).eq(OWN_KEYS.chars())
}

/// Whether a pattern, in which `*` stands for any characters, matches the whole key.
pub fn matches(pattern: &str, key: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == key;
    };
    let Some(mut rest) = key.strip_prefix(head) else {
        return false;
    };
    let mut parts = tail.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            // `part` is UTF-8, so the rest begins at a character boundary
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    #[test]
    fn look_up_patterns_match_whole_keys() {
        for (pattern, key, expected) in [
            ("loan:*", "loan:42", true),
            ("loan:*", "loan:", true),
            ("loan:*", "x-loan:42", false),
            ("loan:42", "loan:42", true),
            ("loan:42", "loan:421", false),
            ("*:emi", "7:emi", true),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "a-c", false),
            ("aa*aa", "aaa", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_pattern_for_the_engines_own_records_is_rejected_with_its_line() {
        let errors =
            Manifest::parse("[grants]\nlookup = [\"loan:*\",\n\"Ghanti:customer:*\"]").unwrap_err();
        assert!(
            errors[0]
                .to_string()
                .starts_with("line 3: `lookup` has `Ghanti:customer:*`: the engine's own records"),
            "{errors:?}"
        );
    }
}
