//! A terminal that is redrawn: its alternate screen, without the line discipline that waits for
//! Enter. It is put back when it is dropped.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read as _, Write as _, stdin, stdout};

use tokio::sync::mpsc;

use super::settings::Settings;
use super::table::Size;

/// The other screen, without cursor and without wrapping (xterm's control sequences, DEC private modes).
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Keys that end the command: `q`, and Ctrl-D.
const END: [u8; 3] = [b'q', b'Q', 4];
/// Maximum number of keys that were pressed and are not read yet: the first ends the command.
const KEYS: usize = 1;

/// The terminal.
pub struct Screen {
    /// How its input was; `None` if the input is no terminal.
    before: Option<Settings>,
    keys: mpsc::Receiver<()>,
}

impl Screen {
    /// Opens it.
    ///
    /// # Errors
    /// The terminal cannot be set up.
    pub fn open() -> io::Result<Self> {
        let (sender, keys) = mpsc::channel(KEYS);
        let mut before = None;
        if stdin().is_terminal() {
            let was = Settings::read()?;
            was.by_keys().apply()?;
            before = Some(was);
            // reading blocks until a key is pressed, and nobody waits for this thread
            let read = std::thread::Builder::new().name("keys".to_owned());
            read.spawn(move || {
                for byte in stdin().lock().bytes().map_while(Result::ok) {
                    if END.contains(&byte) {
                        let _ = sender.blocking_send(());
                        return;
                    }
                }
            })?;
        }
        let screen = Self { before, keys };
        write(OPEN)?;
        Ok(screen)
    }

    /// Its size; 24 lines of 80 characters if it does not report one.
    pub fn size(&self) -> Size {
        let (rows, columns) = console::Term::stdout().size();
        Size {
            rows: usize::from(rows),
            columns: usize::from(columns),
        }
    }

    /// Waits until a key ends the command.
    pub async fn ended(&mut self) {
        if self.keys.recv().await.is_none() {
            // nobody can press one
            std::future::pending().await
        }
    }

    /// Draws lines from the top, over what was there.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&self, text: &str) -> io::Result<()> {
        let mut drawn = "\x1b[H".to_owned();
        for (at, line) in text.lines().enumerate() {
            if at > 0 {
                drawn.push_str("\r\n");
            }
            // writing to a string cannot fail
            let _ = write!(drawn, "{line}\x1b[K");
        }
        drawn.push_str("\x1b[J");
        write(&drawn)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(CLOSE);
        if let Some(before) = &self.before {
            let _ = before.apply();
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
