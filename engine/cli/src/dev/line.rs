//! A line of the `dev` view, and how it is rendered. Pure.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The engine of `ghanti dev` itself: what it serves, and where.
    Dev,
    /// A build of a plugin.
    Build,
    /// A flow's versions.
    Flow,
    /// A call.
    Call,
    /// A flow's log line.
    Log,
    /// A warning of the engine.
    Engine,
}

/// How good or bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neutral.
    Plain,
    /// A success.
    Good,
    /// Unexpected, but nothing is lost.
    Odd,
    /// An error that someone has to fix.
    Bad,
    /// Unimportant.
    Faint,
}

/// A line, with indented lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    subject: Subject,
    about: String,
    words: String,
    tone: Tone,
    more: Vec<String>,
}

/// Indentation of the lines below: the width of the time and a space.
const INSET: usize = 9;
/// Width of the second column. Longer names push the text to the right.
const ABOUT: usize = 16;
/// Maximum length of a line, in characters; the rest is cut off.
const LONGEST: usize = 2_000;

impl Line {
    /// Creates a line about something, such as a flow's name. If `words` has several lines, all but
    /// the first go below.
    pub fn new(subject: Subject, about: &str, words: &str, tone: Tone) -> Self {
        let mut lines = words.lines();
        let first = lines.next().unwrap_or_default();
        Self {
            subject,
            about: clean(about),
            words: clean(first),
            tone,
            more: lines.map(clean).collect(),
        }
    }

    /// Adds a line below.
    pub fn with(mut self, more: impl AsRef<str>) -> Self {
        self.more.extend(more.as_ref().lines().map(clean));
        self
    }

    /// Adds lines below.
    pub fn with_all(mut self, more: impl IntoIterator<Item = String>) -> Self {
        self.more.extend(more.into_iter().map(|line| clean(&line)));
        self
    }

    /// Renders the line, with a newline at its end. `time` has eight characters, such as
    /// `14:02:11`.
    pub fn render(&self, time: &str, colours: bool) -> String {
        let styled = |style: Style| if colours { style } else { Style::new() };
        let (faint, subject, tone) = (
            styled(Style::new().dimmed()),
            styled(self.subject.style()),
            styled(self.tone.style()),
        );
        let Self { about, words, .. } = self;
        let name = self.subject.name();
        let mut text = format!("{faint}{time}{faint:#} {subject}{name:<6}{subject:#} ");
        // writing to a `String` cannot fail
        if !about.is_empty() {
            let _ = write!(text, "{about:<ABOUT$} ");
        }
        let _ = writeln!(text, "{tone}{words}{tone:#}");
        for line in &self.more {
            let _ = writeln!(text, "{:INSET$}{line}", "");
        }
        text
    }
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Dev => "dev",
            Subject::Build => "build",
            Subject::Flow => "flow",
            Subject::Call => "call",
            Subject::Log => "log",
            Subject::Engine => "engine",
        }
    }

    fn style(self) -> Style {
        match self {
            Subject::Dev | Subject::Engine => Style::new(),
            Subject::Build => AnsiColor::Blue.on_default(),
            Subject::Flow => AnsiColor::Magenta.on_default(),
            Subject::Call => AnsiColor::Cyan.on_default(),
            Subject::Log => Style::new().dimmed(),
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Odd => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
        }
    }
}

/// Replaces control characters, so that a flow's text can neither move the terminal's cursor nor
/// change its colours.
fn clean(text: &str) -> String {
    let mut clean = String::new();
    for character in text.chars().take(LONGEST) {
        match character {
            '\t' => clean.push_str("    "),
            character if character.is_control() => clean.push('·'),
            character => clean.push(character),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_columns_with_details_below() {
        let lines = [
            Line::new(
                Subject::Build,
                "emi-reminder",
                "failed after 1.2 s",
                Tone::Bad,
            )
            .with("error: no\n --> lib.rs:1"),
            Line::new(Subject::Dev, "", "stopping", Tone::Plain),
            Line::new(
                Subject::Call,
                "a-name-that-is-too-long",
                "started",
                Tone::Plain,
            ),
        ];
        let shown: String = lines
            .iter()
            .map(|line| line.render("14:02:11", false))
            .collect();
        assert_eq!(
            shown,
            "14:02:11 build  emi-reminder     failed after 1.2 s\n         error: no\n          --> lib.rs:1\n\
             14:02:11 dev    stopping\n14:02:11 call   a-name-that-is-too-long started\n"
        );
    }

    #[test]
    fn colours_are_optional_and_do_not_change_the_text() {
        let line = Line::new(Subject::Flow, "emi", "rejected", Tone::Bad);
        let coloured = line.render("14:02:11", true);
        assert!(
            coloured.contains("\u{1b}[1m\u{1b}[31mrejected\u{1b}[0m"),
            "{coloured:?}"
        );
        assert!(!line.render("14:02:11", false).contains('\u{1b}'));
    }

    #[test]
    fn a_flows_text_cannot_control_the_terminal() {
        let line = Line::new(Subject::Log, "emi", "a\u{1b}[2Jb\rc\td", Tone::Plain).with("x\u{7}y");
        assert_eq!(
            line.render("14:02:11", false),
            "14:02:11 log    emi              a·[2Jb·c    d\n         x·y\n"
        );
        let long =
            Line::new(Subject::Log, "", &"x".repeat(10_000), Tone::Plain).render("14:02:11", false);
        assert_eq!(
            long.chars().filter(|character| *character == 'x').count(),
            LONGEST
        );
    }
}
