//! The messages of a prompt file as they are written there, and the change of one of them.
//!
//! A change replaces the bytes of one message's pattern. Comments, attributes and all other
//! messages stay as they are, byte by byte: the file is parsed before and after, and a text that
//! would change anything else is refused. Whether the new text is valid Fluent and fits the flow is
//! for the check of the whole version, which names the line.

use std::ops::Range;

use fluent_syntax::ast::{Comment, Entry, Message as Parsed, PatternElement, Resource};
use fluent_syntax::parser;

use super::problem::line_of;

/// The longest text of a message that is taken, in bytes: four times what may be spoken at once, as
/// a selector has a text for each of its variants.
pub const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// The indentation of a message's further lines, where it had none.
const INDENT: usize = 4;
const BOM: char = '\u{feff}';

/// A message of a prompt file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its identifier.
    pub name: String,
    /// Its pattern as it is written, without the indentation that its further lines share.
    pub text: String,
    /// The line of its identifier, from 1.
    pub line: usize,
    /// The comment above it; empty if it has none.
    pub comment: String,
    /// The comment (`##`) of the group that it is in; empty outside of groups.
    pub group: String,
}

/// Why a message cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no message of that name with a text.
    #[error("the file has no message `{0}` with a text")]
    NoMessage(String),
    /// The new text is empty.
    #[error("the text is empty")]
    Empty,
    /// The new text is too long.
    #[error("the text has {0} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLong(usize),
    /// The new text has a character that cannot be spoken.
    #[error("line {line} of the text has the control character {character}")]
    Control {
        /// The line of the text, from 1.
        line: usize,
        /// The character, as `U+0000`.
        character: String,
    },
    /// The new text is the old one.
    #[error("the text is as it was")]
    Unchanged,
    /// The new text would change more than its message.
    #[error(
        "the text would change more than its own message, as a line of it begins like another part of the file"
    )]
    Beyond,
}

impl EditError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoMessage(_) => "choose one of the messages of the file",
            Self::Empty => "write what is to be said; a prompt is taken away in the files",
            Self::TooLong(_) => "shorten it",
            Self::Control { .. } => {
                "type the text anew where it was copied from elsewhere: only spaces and new lines may separate words"
            }
            Self::Unchanged => "change it, then publish it",
            Self::Beyond => {
                "begin no line with `.`, `[`, `*` or `}`, or write such a character as `{\".\"}`"
            }
        }
    }
}

/// Where a message's pattern is in a file.
struct Place {
    span: Range<usize>,
    /// The spaces that the pattern's further lines share; none if it has no further lines.
    shared: Option<usize>,
}

/// The messages of a file that have a text, in their order. The file is one that was loaded: what
/// cannot be parsed is left out.
pub fn messages(file: &str) -> Vec<Message> {
    let text = file.trim_start_matches(BOM);
    let resource = parsed(text);
    let mut group = String::new();
    let mut found = Vec::new();
    for (at, entry) in resource.body.iter().enumerate() {
        match entry {
            Entry::GroupComment(comment) => group = joined(Some(comment)),
            Entry::Message(message) => {
                let Some(place) = place(text, &resource, at, message) else {
                    continue;
                };
                found.push(Message {
                    name: message.id.name.to_owned(),
                    text: shown(text, &place),
                    line: line_of(text, offset(text, message.id.name)),
                    comment: joined(message.comment.as_ref()),
                    group: group.clone(),
                });
            }
            Entry::Term(_) | Entry::Comment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {
            }
        }
    }
    found
}

/// A file in which the message of this name has another text.
///
/// # Errors
/// There is no such message, or the text cannot be one or changes more than that.
pub fn replaced(file: &str, name: &str, words: &str) -> Result<String, EditError> {
    let words = words.replace("\r\n", "\n").replace('\r', "\n");
    let words = words.trim_matches([' ', '\n']);
    if words.is_empty() {
        return Err(EditError::Empty);
    }
    if words.len() > MESSAGE_BYTES_MAX {
        return Err(EditError::TooLong(words.len()));
    }
    let control = |letter: char| letter.is_control() && letter != '\n';
    if let Some((at, letter)) = words.char_indices().find(|(_, letter)| control(*letter)) {
        return Err(EditError::Control {
            line: line_of(words, at),
            character: format!("U+{:04X}", u32::from(letter)),
        });
    }
    let text = file.trim_start_matches(BOM);
    let before = parsed(text);
    let no_message = || EditError::NoMessage(name.to_owned());
    let (at, place) = before
        .body
        .iter()
        .enumerate()
        .find_map(|(at, entry)| match entry {
            Entry::Message(message) if message.id.name == name => {
                Some((at, place(text, &before, at, message)?))
            }
            _ => None,
        })
        .ok_or_else(no_message)?;
    if shown(text, &place) == words {
        return Err(EditError::Unchanged);
    }
    let indent = place.shared.filter(|shared| *shared > 0).unwrap_or(INDENT);
    let line_end = if file.contains("\r\n") { "\r\n" } else { "\n" };
    let (Some(head), Some(tail)) = (text.get(..place.span.start), text.get(place.span.end..))
    else {
        return Err(no_message());
    };
    let bom = file.get(..file.len() - text.len()).unwrap_or_default();
    let mut changed = format!("{bom}{head}");
    for (number, line) in words.split('\n').enumerate() {
        if number > 0 {
            changed.push_str(line_end);
            if !line.trim().is_empty() {
                changed.extend(std::iter::repeat_n(' ', indent));
            }
        }
        changed.push_str(line.trim_end());
    }
    changed.push_str(tail);
    // what cannot be parsed is rejected with its line when the version is checked
    if let Ok(after) = parser::parse(changed.trim_start_matches(BOM))
        && !is_alike_beside(&before, &after, at)
    {
        return Err(EditError::Beyond);
    }
    Ok(changed)
}

/// Whether two files differ in the pattern of one message alone.
fn is_alike_beside(before: &Resource<&str>, after: &Resource<&str>, at: usize) -> bool {
    let is_alike = |(number, (old, new)): (usize, (&Entry<&str>, &Entry<&str>))| match (old, new) {
        (Entry::Message(old), Entry::Message(new)) if number == at => {
            new.value.is_some()
                && (&old.id, &old.attributes, &old.comment)
                    == (&new.id, &new.attributes, &new.comment)
        }
        _ => old == new,
    };
    before.body.len() == after.body.len()
        && before
            .body
            .iter()
            .zip(&after.body)
            .enumerate()
            .all(is_alike)
}

fn parsed(text: &str) -> Resource<&str> {
    match parser::parse(text) {
        Ok(resource) | Err((resource, _)) => resource,
    }
}

fn joined(comment: Option<&Comment<&str>>) -> String {
    let lines = comment.map(|comment| comment.content.join("\n"));
    lines.unwrap_or_default().trim().to_owned()
}

/// Where a slice of a text begins in it.
fn offset(text: &str, slice: &str) -> usize {
    (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Where the pattern of the message at an index is; `None` if it has none.
fn place(
    text: &str,
    resource: &Resource<&str>,
    at: usize,
    message: &Parsed<&str>,
) -> Option<Place> {
    let begins = offset(text, message.id.name);
    let after_name = text.get(begins + message.id.name.len()..)?;
    let pattern = after_name.trim_start_matches(' ').strip_prefix('=')?;
    let start = offset(text, pattern.trim_start_matches([' ', '\r', '\n']));
    let end = match message.value.as_ref()?.elements.last()? {
        PatternElement::TextElement { value } => offset(text, value) + value.len(),
        PatternElement::Placeable { .. } => {
            // after the closing brace there is nothing until the next part of the file
            let next = message
                .attributes
                .first()
                .map(|attribute| offset(text, attribute.id.name))
                .or_else(|| offset_of(text, resource.body.get(at + 1)?))
                .unwrap_or(text.len());
            start + text.get(start..next)?.rfind('}')? + 1
        }
    };
    let written = text.get(start..end)?;
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let further = written.split('\n').skip(1);
    let shared = further
        .filter(|line| !line.trim().is_empty())
        .map(spaces)
        .min();
    let place = Place {
        span: start..end,
        shared,
    };
    let alone = parsed(text.get(begins..end)?);
    let is_whole =
        matches!(&alone.body[..], [Entry::Message(alone)] if alone.value == message.value);
    is_whole.then_some(place)
}

/// Where an entry begins, with its comment.
fn offset_of(text: &str, entry: &Entry<&str>) -> Option<usize> {
    fn of_comment<'t>(comment: &Comment<&'t str>) -> Option<&'t str> {
        comment.content.first().copied()
    }
    let first = match entry {
        Entry::Message(message) => message
            .comment
            .as_ref()
            .and_then(of_comment)
            .unwrap_or(message.id.name),
        Entry::Term(term) => term
            .comment
            .as_ref()
            .and_then(of_comment)
            .unwrap_or(term.id.name),
        Entry::Comment(comment)
        | Entry::GroupComment(comment)
        | Entry::ResourceComment(comment) => of_comment(comment)?,
        Entry::Junk { content } => content,
    };
    Some(offset(text, first))
}

/// The pattern at a place, as people see it.
fn shown(text: &str, place: &Place) -> String {
    let written = text.get(place.span.clone()).unwrap_or_default();
    let shared = place.shared.unwrap_or_default();
    let lines = written.split('\n').enumerate().map(|(number, line)| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if number == 0 {
            line
        } else {
            line.get(shared..).unwrap_or_default()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# About the file: { $not-a-placeable }\n\
        \n\
        ### $name (text) who\n\
        ### $count (integer) how many\n\
        \n\
        ## Who is it?\n\
        \n\
        # Said first.\n\
        greeting   =   Hello, { $name }.  \n\
        \x20   .note = kept {\"}\"}\n\
        -brand = Ghanti\n\
        long =\n\
        \x20   One line,\n\
        \n\
        \x20     and another.\n\
        # { $comment } of the next }\n\
        many = { $count ->\n\
        \x20   [one] One \"thing\"\n\
        \x20  *[other] { $count } things {\"}\"}\n\
        }\n\
        ##\n\
        last = { $name }";

    fn text_of(file: &str, name: &str) -> String {
        let found = messages(file);
        found
            .into_iter()
            .find(|message| message.name == name)
            .unwrap()
            .text
    }

    #[test]
    fn messages_are_read_with_their_comments_groups_and_lines() {
        let found = messages(FILE);
        let seen: Vec<_> = found
            .iter()
            .map(|message| {
                let Message {
                    name,
                    line,
                    comment,
                    group,
                    ..
                } = message;
                (name.as_str(), *line, comment.as_str(), group.as_str())
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("greeting", 9, "Said first.", "Who is it?"),
                ("long", 12, "", "Who is it?"),
                ("many", 17, "{ $comment } of the next }", "Who is it?"),
                ("last", 22, "", ""),
            ]
        );
        assert_eq!(text_of(FILE, "greeting"), "Hello, { $name }.");
        assert_eq!(text_of(FILE, "long"), "One line,\n\nand another.");
        assert_eq!(
            text_of(FILE, "many"),
            "{ $count ->\n    [one] One \"thing\"\n   *[other] { $count } things {\"}\"}\n}"
        );
        assert_eq!(text_of(FILE, "last"), "{ $name }");
    }

    #[test]
    fn only_the_pattern_of_its_message_changes_and_every_other_byte_stays() {
        for (name, old, new, written) in [
            (
                "greeting",
                "Hello, { $name }.",
                "Namaste { $name }!",
                "Namaste { $name }!",
            ),
            (
                "greeting",
                "Hello, { $name }.",
                " Two\r\nlines. \r\n",
                "Two\n    lines.",
            ),
            (
                "last",
                "last = { $name }",
                "Good\n\nbye",
                "last = Good\n\n    bye",
            ),
            (
                "many",
                "{ $count ->\n    [one] One \"thing\"\n   *[other] { $count } things {\"}\"}\n}",
                "{ $count } things",
                "{ $count } things",
            ),
            (
                "long",
                "One line,\n\n      and another.",
                "{ $count ->\n  [one] One\n *[other] Many\n}",
                "{ $count ->\n        [one] One\n       *[other] Many\n      }",
            ),
        ] {
            let changed = replaced(FILE, name, new).unwrap();
            assert_eq!(changed, FILE.replacen(old, written, 1), "{name}");
            for message in messages(FILE) {
                if message.name != name {
                    assert_eq!(text_of(&changed, &message.name), message.text, "{name}");
                }
            }
        }
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_stay_as_they_are() {
        let windows = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
        assert_eq!(text_of(&windows, "long"), text_of(FILE, "long"));
        let changed = replaced(&windows, "greeting", "Two\nlines").unwrap();
        let expected = windows.replacen("Hello, { $name }.", "Two\r\n    lines", 1);
        assert_eq!(changed, expected);
        assert_eq!(text_of(&changed, "greeting"), "Two\nlines");
    }

    #[test]
    fn what_is_read_and_written_back_is_the_same() {
        for message in messages(FILE) {
            let other = replaced(FILE, &message.name, "Something else").unwrap();
            let back = replaced(&other, &message.name, &message.text).unwrap();
            assert_eq!(text_of(&back, &message.name), message.text);
            assert_eq!(
                replaced(FILE, &message.name, &message.text),
                Err(EditError::Unchanged)
            );
        }
    }

    #[test]
    fn a_text_changes_its_message_alone_or_nothing() {
        for (words, error) in [
            ("", EditError::Empty),
            (" \r\n ", EditError::Empty),
            ("Hello\n.other = An attribute", EditError::Beyond),
        ] {
            assert_eq!(replaced(FILE, "greeting", words), Err(error), "{words:?}");
        }
        for (words, line, character) in [
            ("a\0b", 1, "U+0000"),
            ("a\nb\tc", 2, "U+0009"),
            ("\u{1b}[31m", 1, "U+001B"),
            ("a\u{85}b", 1, "U+0085"),
        ] {
            let control = EditError::Control {
                line,
                character: character.to_owned(),
            };
            assert_eq!(replaced(FILE, "greeting", words), Err(control), "{words:?}");
        }
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        assert_eq!(
            replaced(FILE, "greeting", &long),
            Err(EditError::TooLong(long.len()))
        );
        for name in ["brand", "-brand", "note", "nothing", "../greeting", ""] {
            let none = EditError::NoMessage(name.to_owned());
            assert_eq!(replaced(FILE, name, "Hello"), Err(none));
        }
        // a message, a comment or a term that somebody writes into a text is text
        for words in [
            "Hello\nlast = Overwritten",
            "Hello\n# gone",
            "Hello\n-brand = Other",
        ] {
            let changed = replaced(FILE, "greeting", words).unwrap();
            assert_eq!(text_of(&changed, "greeting"), words);
            assert_eq!(text_of(&changed, "last"), "{ $name }");
        }
    }

    #[test]
    fn what_is_no_fluent_is_left_to_the_check_of_the_version() {
        for words in [
            "Hello { $name",
            "Hello }",
            "{ $count ->\n[one] One\n}",
            "Hello { BAD( }",
        ] {
            let changed = replaced(FILE, "greeting", words).unwrap();
            assert!(parser::parse(changed.as_str()).is_err(), "{words}");
        }
    }
}
