//! Markup in prompt files: a voice speaks it as it is, and would read tags aloud.

use super::problem::Report;

const HINT: &str = "take it out: commas and full stops make pauses, and a variable's type says how its value is spoken";

/// Reports what looks like a tag of SSML or HTML.
pub(super) fn check(text: &str, report: &mut Report<'_>) {
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if let Some(tag) = tag(line) {
            let message = format!("`{tag}` is markup, and would be spoken as it stands");
            report.error(number + 1, message, HINT);
        }
    }
}

/// The first tag of a text, such as `<speak>`, `</p>` or `<break time="1s"/>`.
pub fn tag(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('<') {
        let name = after.trim_start_matches('/');
        let end = after.find(['<', '>'])?;
        if name.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && after.get(end..)?.starts_with('>')
        {
            let start = line.len() - after.len() - 1;
            return line.get(start..=start + 1 + end);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn tags_are_found_and_comparisons_are_not() {
        for (line, found) in [
            ("greeting = <speak>Hello</speak>", Some("<speak>")),
            (
                "  wait <break time=\"1s\"/> please",
                Some("<break time=\"1s\"/>"),
            ),
            ("a = 1 < 2 <b>now</b>", Some("<b>")),
            ("a = </p>", Some("</p>")),
            ("a = 5 < 6 and 7 > 6", None),
            ("a = x <y", None),
            ("a = <3", None),
        ] {
            assert_eq!(tag(line), found, "{line}");
        }
    }
}
