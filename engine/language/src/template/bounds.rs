//! Limits checked before a file is parsed, because the parser recurses as deeply as the file
//! demands.

use super::problem::Report;

/// The largest file; far more than all prompts of a flow.
const MAX_FILE_BYTES: usize = 256 * 1024;

/// The most placeables and argument lists a message may open, which also bounds their nesting.
const MAX_OPENINGS: usize = 64;

/// Whether a file may be parsed. Reports what is out of bounds.
pub(super) fn within(text: &str, report: &mut Report<'_>) -> bool {
    if text.len() > MAX_FILE_BYTES {
        let hint = format!(
            "split the flow, or shorten the file to {} KiB",
            MAX_FILE_BYTES / 1024
        );
        report.error(1, format!("the file has {} bytes", text.len()), hint);
        return false;
    }
    let mut openings = 0;
    let mut begins_at = 1;
    let mut sound = true;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if begins_message(line) {
            openings = 0;
            begins_at = number + 1;
        }
        let before = openings;
        // closing brackets are not subtracted, because one within quotes closes nothing
        openings += line
            .bytes()
            .filter(|byte| matches!(byte, b'{' | b'('))
            .count();
        if before <= MAX_OPENINGS && openings > MAX_OPENINGS {
            let message = format!("the message opens over {MAX_OPENINGS} braces and parentheses");
            report.error(begins_at, message, "split it into several messages");
            sound = false;
        }
    }
    sound
}

/// Whether a line starts a message or term (`name =` in the first column). No placeable extends
/// past such a line: it cannot contain an equals sign or unindented text.
fn begins_message(line: &str) -> bool {
    let name = line.strip_prefix('-').unwrap_or(line);
    let end = name
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_')
        .unwrap_or(name.len());
    let (name, rest) = name.split_at(end);
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && rest.trim_start_matches(' ').starts_with('=')
}
