//! Bounds that hold before a file is parsed, because the parser recurses as deep as the file tells
//! it to.

use super::problem::Report;

/// Far more than all prompts of a flow.
const MAX_FILE_BYTES: usize = 256 * 1024;

/// How many placeables and argument lists a message may open. None can be nested deeper than that.
const MAX_OPENINGS: usize = 64;

/// Whether a file may be parsed.
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
        // closings are not subtracted: a brace within quotes may close nothing
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

/// Whether a line begins a message or term (`name =` in the first column). No placeable reaches
/// beyond such a line: it may hold neither an equals sign nor text without indentation.
fn begins_message(line: &str) -> bool {
    let name = line.strip_prefix('-').unwrap_or(line);
    let end = name
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_')
        .unwrap_or(name.len());
    let (name, rest) = name.split_at(end);
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && rest.trim_start_matches(' ').starts_with('=')
}
