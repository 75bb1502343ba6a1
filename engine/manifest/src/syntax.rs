//! What is wrong with a text that is no TOML, in words: the parser says what it expected, and
//! authors want to know what to write.

use std::ops::Range;

/// How many characters of the author's own words are repeated.
const SHOWN_CHARS: usize = 40;

/// An error of the parser in words, with a hint; `span` is its place in the text.
pub(crate) fn describe(text: &str, span: Range<usize>, message: &str) -> String {
    let at = span.start.min(text.len());
    let begins = text
        .get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |newline| newline + 1);
    let line = text
        .get(begins..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let key = line
        .split(['=', ':'])
        .next()
        .map(str::trim)
        .unwrap_or_default();
    let found = text.get(span).unwrap_or_default();
    if message.contains("duplicate key") {
        return format!(
            "`{}` is there twice: keep one of them, or put both parts together",
            shown(found.trim_matches(['[', ']', ' ']))
        );
    }
    if line.contains(['“', '”', '‘', '’']) {
        return "these are quotes of a word processor: use \" or '".to_owned();
    }
    let word = word_at(text, begins, at);
    match word {
        "True" | "TRUE" | "yes" | "Yes" | "on" => {
            return format!("`{word}` is no value of TOML: write `true`, or put it in quotes");
        }
        "False" | "FALSE" | "no" | "No" | "off" => {
            return format!("`{word}` is no value of TOML: write `false`, or put it in quotes");
        }
        "None" | "null" | "nil" => {
            return format!("`{word}` is no value of TOML: take the line out");
        }
        _ => {}
    }
    let wants_quotes = [
        "string values must be quoted",
        "invalid float",
        "invalid integer",
        "invalid date",
        "invalid boolean",
        "invalid time",
    ];
    if looks_like_a_date(line) && !word.is_empty() {
        if let Some(why) = no_such_day(value_in(line)) {
            return format!("`{}`: {why}", shown(value_in(line)));
        }
        return format!(
            "`{}` is no date or time that there is: check its day, month, hour and offset",
            shown(value_in(line))
        );
    }
    if wants_quotes.iter().any(|words| message.contains(words)) && !word.is_empty() {
        let value = line.split_once('=').map(|(_, value)| value.trim());
        // in an array or a table only the word is meant
        let whole = value
            .filter(|value| !value.starts_with(['[', '{']))
            .map(|value| value.split(" #").next().unwrap_or(value).trim());
        return match whole {
            Some(whole) => format!(
                "`{}` is a text without quotes: write `{} = \"{}\"`",
                shown(whole),
                shown(key),
                shown(whole)
            ),
            None => format!(
                "`{}` is a text without quotes: write `\"{}\"`",
                shown(word),
                shown(word)
            ),
        };
    }
    if message.contains("key with no value") && line.contains(':') {
        return format!(
            "`{}` has a colon: write `{} = …`",
            shown(line.trim()),
            shown(key)
        );
    }
    if message.contains("key with no value") {
        return format!(
            "`{}` has no value: write `{} = …`",
            shown(line.trim()),
            shown(first(key))
        );
    }
    if message.contains("missing assignment") {
        return "a table in one line has `=` between name and value: write `{ name = … }`"
            .to_owned();
    }
    if message.contains("array") {
        return "a list is not closed, or lacks a comma: write `[\"…\", \"…\"]`".to_owned();
    }
    if message.contains("unclosed table") {
        return format!("`{0}` is not closed: write `{0}]`", shown(line.trim()));
    }
    if message.contains("invalid basic string") || message.contains("invalid literal string") {
        return "a text does not end: close it by the quote that it began with; a text with quotes in it is written `\"it's\"`"
            .to_owned();
    }
    if message.contains("unexpected key or value") {
        return "there is more in this line than a name and a value: put a text in quotes, and a quote within it between others, as in `\"it's\"`"
            .to_owned();
    }
    format!("{message}: correct the line; toml.io shows how it is written")
}

/// The value of a line, without its comment.
fn value_in(line: &str) -> &str {
    let value = line.split_once('=').map_or("", |(_, value)| value);
    value.split(" #").next().unwrap_or(value).trim()
}

/// That the day with which a text begins is in no calendar, such as `2026-11-31`.
pub fn no_such_day(text: &str) -> Option<String> {
    const MONTHS: [(&str, u32); 12] = [
        ("January", 31),
        ("February", 28),
        ("March", 31),
        ("April", 30),
        ("May", 31),
        ("June", 30),
        ("July", 31),
        ("August", 31),
        ("September", 30),
        ("October", 31),
        ("November", 30),
        ("December", 31),
    ];
    let number = |digits: Option<&str>| digits?.parse::<u32>().ok();
    let year = number(text.get(..4))?;
    let month = number(text.get(5..7))?;
    let day = number(text.get(8..10))?;
    let Some((name, days)) = usize::try_from(month)
        .ok()?
        .checked_sub(1)
        .and_then(|at| MONTHS.get(at))
    else {
        return Some(format!("there is no month {month}: write 01 to 12"));
    };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = days + u32::from(month == 2 && is_leap);
    (day == 0 || day > days)
        .then(|| format!("there is no {day} {name} {year}: write one of its {days} days"))
}

/// Whether the value of a line begins as a date does, such as `2026-11-31`.
fn looks_like_a_date(line: &str) -> bool {
    let mut begins = value_in(line).bytes().take(10).enumerate();
    let is_date = begins.by_ref().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date && value_in(line).len() >= 10
}

/// Whether the errors after this one follow from it.
pub(crate) fn leads_to_others(message: &str) -> bool {
    message.contains("array") || message.contains("string") && !message.contains("quoted")
}

/// The word around a place in a line that begins there.
fn word_at(text: &str, begins: usize, at: usize) -> &str {
    let ends_word = |letter: char| letter.is_whitespace() || "=,[]{}#\"'".contains(letter);
    let before = text.get(begins..at).unwrap_or_default();
    let start = before.rfind(ends_word).map_or(begins, |last| {
        last + begins
            + before
                .get(last..)
                .and_then(|rest| rest.chars().next())
                .map_or(1, char::len_utf8)
    });
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.find(ends_word).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn first(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}

fn shown(text: &str) -> String {
    let mut letters = text.chars().map(|letter| match letter {
        '`' | '\n' | '\r' => ' ',
        letter => letter,
    });
    let mut kept: String = letters.by_ref().take(SHOWN_CHARS).collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    #[test]
    fn what_is_no_toml_is_reported_with_what_to_write() {
        for (text, line, words) in [
            (
                "[flow]\ntitle = Nandini Finance",
                2,
                "write `title = \"Nandini Finance\"`",
            ),
            (
                "[flow]\ntitle = information desk # ours",
                2,
                "write `title = \"information desk\"`",
            ),
            (
                "[flow]\ntitle = 24x7 desk",
                2,
                "write `title = \"24x7 desk\"`",
            ),
            (
                "[flow]\ntitle = 5-Dec-2026",
                2,
                "write `title = \"5-Dec-2026\"`",
            ),
            (
                "[flow]\ntitle = 2026-11-31",
                2,
                "there is no 31 November 2026",
            ),
            (
                "[flow]\ntitle = 2027-02-29T10:00:00Z",
                2,
                "there is no 29 February 2027: write one of its 28 days",
            ),
            ("[flow]\ntitle = 2026-13-01", 2, "there is no month 13"),
            ("[flow]\ntitle = नमस्ते", 2, "write `title = \"नमस्ते\"`"),
            ("[flow]\nlanguages = [en-IN]", 2, "write `\"en-IN\"`"),
            (
                "[on-failure]\nthen = goodbye",
                2,
                "write `then = \"goodbye\"`",
            ),
            ("[questions.a]\nwait = 5s", 2, "write `wait = \"5s\"`"),
            ("[prompts.a]\ninterruptible = no", 2, "write `false`"),
            ("[prompts.a]\ninterruptible = True", 2, "write `true`"),
            ("[flow]\ntitle = null", 2, "take the line out"),
            ("[flow]\ntitle = “EMI”", 2, "quotes of a word processor"),
            ("[flow]\ntitle = 'it's'", 2, "as in `\"it's\"`"),
            ("[flow]\ntitle = \"EMI", 2, "a text does not end"),
            (
                "[flow]\ntitle \"EMI\"",
                2,
                "`title \"EMI\"` has no value: write `title = …`",
            ),
            (
                "[flow]\ntitle: \"EMI\"",
                2,
                "has a colon: write `title = …`",
            ),
            ("[flow\ntitle = \"EMI\"", 1, "write `[flow]`"),
            (
                "[flow]\ntitle = \"a\"\ntitle = \"b\"",
                3,
                "`title` is there twice",
            ),
            ("[flow]\n[match]\n[flow]", 3, "`flow` is there twice"),
            (
                "[flow]\nlanguages = [\"en-IN\"\n[match]\n",
                3,
                "a list is not closed",
            ),
            (
                "[grants]\ntransfer = { a: \"9\" }",
                2,
                "write `{ name = … }`",
            ),
        ] {
            let errors = Manifest::parse(text).unwrap_err();
            let first = &errors[0];
            assert!(first.message.contains(words), "{text}: {errors:#?}");
            assert_eq!(first.line, line, "{text}: {errors:#?}");
            assert!(!first.hint().is_empty());
        }
    }
}
