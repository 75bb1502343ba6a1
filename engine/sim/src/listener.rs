//! Live events of a simulated call, for the console, a test, or nobody.

use std::io::Write;
use std::sync::Mutex;

use ghanti_model::{Line, Speaker};

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Exotel's applets or the network.
    Exotel,
    /// The bot spoke, according to the call's record.
    Bot,
    /// The caller spoke or acted, according to the scenario.
    Caller,
    /// What the engine recognised, according to the call's record.
    Understood,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds from `start`; `None` before and after the stream.
    pub at_ms: Option<u64>,
    /// Who did it.
    pub who: Who,
    /// What happened, as text. The text may contain what a customer said or heard, so it may be
    /// displayed but must never be logged.
    pub text: String,
}

impl Event {
    /// Creates an event from a line of the record's transcript.
    pub fn of_line(line: &Line) -> Self {
        let (who, text) = match line.speaker {
            Speaker::Bot if line.name.is_empty() => (Who::Bot, line.text.expose().to_owned()),
            Speaker::Bot => (Who::Bot, format!("{}  [{}]", line.text.expose(), line.name)),
            Speaker::Keys => (Who::Understood, format!("keys {}", line.text.expose())),
            Speaker::Caller => {
                let sure = line.confidence.map_or_else(String::new, |confidence| {
                    format!(", {:.0} % sure", confidence * 100.0)
                });
                (Who::Understood, format!("“{}”{sure}", line.text.expose()))
            }
        };
        Self {
            at_ms: Some(line.at_ms),
            who,
            text,
        }
    }
}

/// Receives the events of a call.
pub trait Listener: Send + Sync {
    /// Handles an event. Called on the media path, so it must not block.
    fn event(&self, event: &Event);
}

/// Ignores all events.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _event: &Event) {}
}

/// Writes each event as a line with time, speaker and text.
#[derive(Debug)]
pub struct View<W: Write + Send>(Mutex<W>);

impl<W: Write + Send> View<W> {
    /// Creates a view that writes to a console or a buffer.
    pub fn new(output: W) -> Self {
        Self(Mutex::new(output))
    }
}

impl<W: Write + Send> Listener for View<W> {
    fn event(&self, event: &Event) {
        let time = event.at_ms.map_or_else(
            || "      ".to_owned(),
            |at_ms| format!("{:5.1}s", at_ms as f64 / 1000.0),
        );
        let who = match event.who {
            Who::Exotel => "exotel",
            Who::Bot => "bot   ",
            Who::Caller => "caller",
            Who::Understood => "heard ",
        };
        if let Ok(mut output) = self.0.lock() {
            // a closed terminal is no reason to end a call
            let _ = writeln!(output, "{time}  {who}  {}", event.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::{Language, Masked};

    use super::*;

    #[test]
    fn a_line_shows_time_speaker_words_and_template() {
        let line = Line {
            at_ms: 12_340,
            lasted_ms: 0,
            speaker: Speaker::Bot,
            text: Masked::new("Good morning."),
            language: Language::english(),
            name: "greeting".to_owned(),
            heard: None,
            confidence: None,
        };
        let view = View::new(Vec::new());
        view.event(&Event::of_line(&line));
        let written = String::from_utf8(view.0.into_inner().unwrap()).unwrap();
        assert_eq!(written, " 12.3s  bot     Good morning.  [greeting]\n");
    }
}
