//! Patterns in the lexicon files: several phrases on one line.
//!
//! `(don't|do not) want (an|the)? agent` stands for six phrases. A group holds alternatives of one
//! or more words; a question mark makes it optional. Groups do not nest. A flow's own phrases are
//! not patterns.

/// The most phrases per pattern; more would be a mistake.
const MAX_PHRASES: usize = 128;

/// All phrases of a pattern, with single spaces, or the reason it is invalid.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let mut phrases = vec![String::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('(') {
        let (before, group) = rest.split_at(open);
        let (inside, after) = group
            .strip_prefix('(')
            .and_then(|group| group.split_once(')'))
            .ok_or_else(|| format!("`{pattern}` opens a group and does not close it"))?;
        if inside.contains('(') {
            return Err(format!("`{pattern}` nests groups"));
        }
        let mut alternatives: Vec<&str> = inside.split('|').collect();
        if alternatives
            .iter()
            .any(|alternative| alternative.trim().is_empty())
        {
            return Err(format!(
                "`{pattern}` has an empty alternative: make the group optional with `?`"
            ));
        }
        rest = match after.strip_prefix('?') {
            Some(after) => {
                alternatives.push("");
                after
            }
            None => after,
        };
        phrases = appended(&phrases, &[before]);
        phrases = appended(&phrases, &alternatives);
        if phrases.len() > MAX_PHRASES {
            return Err(format!("`{pattern}` stands for over {MAX_PHRASES} phrases"));
        }
    }
    if rest.contains([')', '|', '?']) {
        return Err(format!("`{pattern}` has `)`, `|` or `?` outside a group"));
    }
    Ok(appended(&phrases, &[rest])
        .into_iter()
        .map(|phrase| phrase.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect())
}

fn appended(phrases: &[String], endings: &[&str]) -> Vec<String> {
    phrases
        .iter()
        .flat_map(|phrase| {
            endings
                .iter()
                .map(move |ending| format!("{phrase} {ending}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_multiply() {
        for (pattern, phrases) in [
            ("yes", vec!["yes"]),
            ("yes  sir", vec!["yes sir"]),
            ("(a|b c) d", vec!["a d", "b c d"]),
            ("x (a|b)? y", vec!["x a y", "x b y", "x y"]),
            ("(a)?(b)? c", vec!["a b c", "a c", "b c", "c"]),
            ("don't (go|stay)", vec!["don't go", "don't stay"]),
        ] {
            assert_eq!(expand(pattern).unwrap(), phrases, "{pattern}");
        }
    }

    #[test]
    fn slips_are_errors() {
        for pattern in [
            "(a",
            "a)",
            "(a|(b|c))",
            "(a||b)",
            "a?",
            "a|b",
            "()",
            "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)",
        ] {
            assert!(expand(pattern).is_err(), "{pattern}");
        }
    }
}
