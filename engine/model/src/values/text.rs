//! Texts and names, which are spoken verbatim.

use super::Unreadable;

/// The longest text that is spoken, in characters.
const TEXT: usize = 500;
/// The longest name, in characters.
const NAME: usize = 100;

/// What software and people write for a missing value; lower-case, letters and digits only.
const NOTHING: [&str; 19] = [
    "null",
    "nil",
    "none",
    "nan",
    "na",
    "undefined",
    "unknown",
    "tbd",
    "tba",
    "true",
    "false",
    "blank",
    "notavailable",
    "notapplicable",
    "notknown",
    "notgiven",
    "noname",
    "nodata",
    "missing",
];

/// What spreadsheets write after `#` when a formula fails.
const FAILED: [&str; 7] = ["na", "ref", "value", "name", "div0", "num", "null"];

/// Words that stand in for a name or are its column heading.
const NO_NAME: [&str; 9] = [
    "name",
    "customername",
    "firstname",
    "lastname",
    "fullname",
    "customer",
    "borrower",
    "applicant",
    "sirmadam",
];

/// What software writes for a missing part of a name. Case-sensitive.
const MISSING_PARTS: [&str; 11] = [
    "null",
    "NULL",
    "Null",
    "undefined",
    "nan",
    "NaN",
    "None",
    "none",
    "N/A",
    "n/a",
    "(null)",
];

/// What may precede a name or the father's name, and is not a name on its own; lower case.
const TITLES: [&str; 17] = [
    "mr", "mrs", "ms", "miss", "smt", "shri", "km", "kum", "dr", "m/s", "messrs", "late", "prof",
    "s/o", "d/o", "w/o", "c/o",
];

/// Whether a value is empty or stands for a missing one: `NULL`, `N/A`, `-`, `.`, `#REF!`.
pub fn is_placeholder(value: &str) -> bool {
    let plain = plain(value);
    let is_failed = value.trim_start().starts_with('#') && FAILED.contains(&plain.as_str());
    let is_crossed = plain.len() > 1 && plain.bytes().all(|byte| byte == b'x');
    let is_repeated = || {
        value
            .split_whitespace()
            .all(|word| NOTHING.contains(&self::plain(word).as_str()))
    };
    plain.is_empty()
        || is_failed
        || is_crossed
        || NOTHING.contains(&plain.as_str())
        || is_repeated()
}

fn plain(value: &str) -> String {
    value
        .chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Parses one line of at most 500 characters that is not a placeholder.
pub fn text(value: &str) -> Result<String, Unreadable> {
    const HINT: &str = "give the words that are to be spoken, or leave the field out";
    let line = one_line(value, HINT, TEXT)?;
    match line.chars().find(|character| is_broken(*character)) {
        Some(_) => Err(Unreadable::new(
            "has characters that were lost on the way",
            HINT,
        )),
        None => Ok(line),
    }
}

/// Parses the name of a person or company: letters of any script, with the punctuation that names
/// have. Numbers and unfilled template placeholders (`{name}`) are rejected.
pub fn name(value: &str) -> Result<String, Unreadable> {
    const HINT: &str = "give the customer's name as it is spoken";
    let refuse = |reason| Unreadable::new(reason, HINT);
    let line = one_line(value, HINT, NAME)?;
    let (mut letters, mut digits) = (0, 0);
    for character in line.chars() {
        match character {
            _ if is_broken(character) => {
                return Err(refuse("has characters that were lost on the way"));
            }
            _ if character.is_numeric() => digits += 1,
            _ if character.is_alphabetic() => letters += 1,
            // joiners that Indian scripts need within a word, and the punctuation of names
            '\u{200c}' | '\u{200d}' | ' ' | '.' | '\'' | '’' | '-' | '/' | ',' | '(' | ')'
            | '&' | '@' => {}
            _ if is_mark(character) => {}
            _ => return Err(refuse("has characters that no name has")),
        }
    }
    match (letters, digits) {
        (0 | 1, _) => Err(refuse("has fewer than two letters")),
        (_, 4..) => Err(refuse("has a number in it")),
        (letters, digits) if digits >= letters => Err(refuse("has a number in it")),
        _ if NO_NAME.contains(&plain(&line).as_str()) => {
            Err(refuse("is the word for a name, and none"))
        }
        _ if line.split(' ').any(|word| MISSING_PARTS.contains(&word)) => {
            Err(refuse("has a part that only says that there is none"))
        }
        _ if !is_led_by_name(&line) => Err(refuse(
            "is a title without a name, or somebody's child or wife without one",
        )),
        _ => Ok(line),
    }
}

/// Whether a name remains once titles are skipped, before any father's or husband's name.
fn is_led_by_name(line: &str) -> bool {
    let title = |word: &str| word.trim_end_matches('.').to_ascii_lowercase();
    let first = line
        .split(' ')
        .map(title)
        .find(|word| !TITLES.contains(&word.as_str()) || word.ends_with("/o"));
    first.is_some_and(|first| !first.ends_with("/o"))
}

fn one_line(value: &str, hint: &'static str, most: usize) -> Result<String, Unreadable> {
    let words: Vec<&str> = value
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    super::present(&line, hint)?;
    if line.chars().count() > most {
        return Err(Unreadable::new("is too long to be spoken", hint));
    }
    Ok(line)
}

/// The replacement character, private-use and bidirectional control characters, and the byte order
/// mark.
fn is_broken(character: char) -> bool {
    matches!(character, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Combining marks, and the blocks of the Indian scripts, whose signs are not all alphabetic
/// (nukta, virama).
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{d7f}')
}
