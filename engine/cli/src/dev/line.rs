//! One line of the view, and how it looks in a terminal, a pipe or a file. Pure.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The session itself: what is served, where.
    Dev,
    /// A plugin's sources becoming a component.
    Build,
    /// A flow's versions.
    Flow,
    /// A call.
    Call,
    /// What a flow logs.
    Log,
    /// What the engine warns of.
    Engine,
}

/// How good or bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    Plain,
    /// What was hoped for.
    Good,
    /// Odd, and nothing is lost.
    Odd,
    /// Someone has to fix something.
    Bad,
    /// Of no weight.
    Faint,
}

/// A line, with those that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    subject: Subject,
    about: String,
    words: String,
    tone: Tone,
    more: Vec<String>,
}

/// Lines that belong to the one above are set in by so much: the width of a time and a space.
const INSET: usize = 9;
/// The second column's width; longer names push what follows.
const ABOUT: usize = 16;
/// Of a longer line the beginning is shown, in characters.
const LONGEST: usize = 2_000;

impl Line {
    /// A line about something, such as a flow's name; `words` may have several lines.
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

    /// With a line below it.
    pub fn with(mut self, more: impl AsRef<str>) -> Self {
        self.more.extend(more.as_ref().lines().map(clean));
        self
    }

    /// With lines below it.
    pub fn with_all(mut self, more: impl IntoIterator<Item = String>) -> Self {
        self.more.extend(more.into_iter().map(|line| clean(&line)));
        self
    }

    /// As it is shown, with a newline at its end. `time` is eight characters such as `14:02:11`.
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
        // writing to a text cannot fail
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

/// Without what would move a terminal's cursor or change its colours: a flow's words are not ours.
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
    fn lines_stand_in_columns_and_what_belongs_to_them_below() {
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
    fn colours_are_where_they_are_wanted_and_change_no_word() {
        let line = Line::new(Subject::Flow, "emi", "rejected", Tone::Bad);
        let coloured = line.render("14:02:11", true);
        assert!(
            coloured.contains("\u{1b}[1m\u{1b}[31mrejected\u{1b}[0m"),
            "{coloured:?}"
        );
        assert!(!line.render("14:02:11", false).contains('\u{1b}'));
    }

    #[test]
    fn what_a_flow_says_cannot_play_with_the_terminal() {
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
