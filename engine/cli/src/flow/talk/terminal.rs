//! The terminal, or the pipe in its place: lines in, lines out.

use std::io::{BufRead, IsTerminal, Read, Write};

use anstyle::{AnsiColor, Style};
use tokio::sync::mpsc;

use super::lines::{Kind, Line};

/// Lines that were typed and not yet read. Typing ahead of a conversation is rare; a pipe waits.
const TYPED_AHEAD: usize = 16;
/// The longest line that is read, in bytes.
const LINE_BYTES: usize = 4_096;

/// Where lines come from and go to.
pub struct Terminal {
    typed: mpsc::Receiver<String>,
    /// Whether somebody is reading along, rather than a program.
    is_person: bool,
    has_colours: bool,
    json: bool,
    /// Whether the sign that a line is awaited stands at the line's beginning.
    is_prompting: bool,
}

impl Terminal {
    /// Opens it.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn open(json: bool) -> std::io::Result<Self> {
        let (sender, typed) = mpsc::channel(TYPED_AHEAD);
        // reading blocks for good, and nobody waits for this thread
        std::thread::Builder::new()
            .name("typed".to_owned())
            .spawn(move || {
                let mut input = std::io::stdin().lock();
                let mut bytes = Vec::new();
                loop {
                    bytes.clear();
                    let read = take_line(&mut input, &mut bytes).unwrap_or_default();
                    let line = String::from_utf8_lossy(&bytes);
                    let line = line.trim_end_matches(['\r', '\n']).to_owned();
                    if read == 0 || sender.blocking_send(line).is_err() {
                        return;
                    }
                }
            })?;
        let is_person = std::io::stdout().is_terminal() && std::io::stdin().is_terminal() && !json;
        let has_no_colour = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Ok(Self {
            typed,
            is_person,
            has_colours: is_person && !has_no_colour,
            json,
            is_prompting: false,
        })
    }

    /// The next line that is typed; `None` when no more comes. Cancel-safe.
    pub async fn typed(&mut self) -> Option<String> {
        if self.is_person && !self.is_prompting {
            let mut out = std::io::stdout();
            let _ = write!(out, "> ").and_then(|()| out.flush());
            self.is_prompting = true;
        }
        let line = self.typed.recv().await;
        self.is_prompting = false;
        line
    }

    /// Shows a line of the conversation. What the caller does is on a person's screen already.
    pub fn show(&mut self, line: &Line) {
        if self.is_person && line.kind == Kind::Caller {
            return;
        }
        if self.json {
            self.write(&serde_json::to_string(line).unwrap_or_default());
            return;
        }
        let style = match line.kind {
            _ if !self.has_colours => Style::new(),
            Kind::Bot => Style::new().bold(),
            Kind::Asks => AnsiColor::Cyan.on_default(),
            Kind::Refused => AnsiColor::Red.on_default(),
            Kind::Event | Kind::Log => Style::new().dimmed(),
            Kind::Caller | Kind::End => Style::new(),
        };
        self.write(&format!("{style}{line}{style:#}"));
    }

    /// Says something that is not part of the conversation.
    pub fn say(&mut self, words: &str) {
        if self.json {
            self.write(&serde_json::json!({ "kind": "note", "text": words }).to_string());
        } else {
            self.write(words);
        }
    }

    fn write(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        if self.is_prompting {
            let _ = write!(out, "\r");
            self.is_prompting = false;
        }
        // whoever closes the pipe has read enough
        let _ = writeln!(out, "{text}");
    }
}

/// Reads to the end of a line. What a longer line has beyond [`LINE_BYTES`] is a line of its own.
fn take_line(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    input.take(LINE_BYTES as u64).read_until(b'\n', bytes)
}
