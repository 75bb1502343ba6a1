//! Line input and output, on a terminal or a pipe.

use std::io::{BufRead, IsTerminal, Read, Write};

use anstyle::{AnsiColor, Style};
use tokio::sync::mpsc;

use super::lines::{Kind, Line};

/// Maximum number of lines that were typed and not yet read. Typing ahead is rare; a pipe waits.
const TYPED_AHEAD: usize = 16;
/// Maximum length of an input line in bytes.
const LINE_BYTES: usize = 4_096;
/// Maximum number of queued lines of other writers, which wait if the queue is full.
const NOTES: usize = 256;

/// A writer for output of others to the terminal, in whole lines; it writes to standard output once the
/// terminal is closed.
pub struct Notes(mpsc::Sender<String>);

impl Write for Notes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if let Err(closed) = self.0.blocking_send(text.trim_end().to_owned()) {
            writeln!(std::io::stdout(), "{}", closed.0)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A writer for others, and the receiver of its lines.
pub fn notes() -> (Notes, mpsc::Receiver<String>) {
    let (sender, notes) = mpsc::channel(NOTES);
    (Notes(sender), notes)
}

/// The terminal.
pub struct Terminal {
    typed: mpsc::Receiver<String>,
    notes: Option<mpsc::Receiver<String>>,
    /// Whether a person is reading, rather than a program.
    is_person: bool,
    /// Whether the author has typed `/quit`.
    pub has_quit: bool,
    has_colours: bool,
    json: bool,
    /// Whether the input prompt has been written at the line's beginning.
    is_prompting: bool,
}

impl Terminal {
    /// Opens it.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn open(json: bool) -> std::io::Result<Self> {
        let (sender, typed) = mpsc::channel(TYPED_AHEAD);
        // reading blocks indefinitely, and nobody waits for this thread
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
            notes: None,
            is_person,
            has_quit: false,
            has_colours: is_person && !has_no_colour,
            json,
            is_prompting: false,
        })
    }

    /// Also shows the lines of other writers.
    pub fn with_notes(mut self, notes: mpsc::Receiver<String>) -> Self {
        self.notes = Some(notes);
        self
    }

    /// Whether a person is reading, rather than a program.
    pub fn is_person(&self) -> bool {
        self.is_person
    }

    /// The next input line; `None` at the end. Cancel-safe.
    pub async fn typed(&mut self) -> Option<String> {
        loop {
            if self.is_person && !self.is_prompting {
                let mut out = std::io::stdout();
                let _ = write!(out, "> ").and_then(|()| out.flush());
                self.is_prompting = true;
            }
            tokio::select! {
                biased;
                note = noted(&mut self.notes) => self.write(&note),
                line = self.typed.recv() => {
                    self.is_prompting = false;
                    return line;
                }
            }
        }
    }

    /// Shows lines of other writers until dropped.
    pub async fn show_notes(&mut self) {
        loop {
            let note = noted(&mut self.notes).await;
            self.write(&note);
        }
    }

    /// Shows a line of the conversation. The caller's own input is already on the screen.
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
        // the reader has closed the pipe
        let _ = writeln!(out, "{text}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(mut notes) = self.notes.take() {
            notes.close();
            while let Ok(note) = notes.try_recv() {
                self.write(&note);
            }
        }
    }
}

/// The next lines of other writers.
async fn noted(notes: &mut Option<mpsc::Receiver<String>>) -> String {
    if let Some(receiver) = notes {
        if let Some(note) = receiver.recv().await {
            return note;
        }
        *notes = None;
    }
    std::future::pending().await
}

/// Reads to the end of a line. The rest of a line longer than [`LINE_BYTES`] is read as a separate line.
fn take_line(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    input.take(LINE_BYTES as u64).read_until(b'\n', bytes)
}
