//! A caller of a bad flow: presses 1 after each prompt, and knows how long and how loud each was,
//! on the wire.

use std::time::{Duration, Instant};

use ghanti_exotel::{Outbound, parse_outbound};
use serde_json::{Value, json};

use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Engine, PATIENCE, Stream, silence_of};

/// Samples in a millisecond.
const PER_MS: usize = 8;

/// The caller's line is silent, and sends so; a line that sends nothing is taken for broken.
const FRAME: Duration = Duration::from_millis(120);

/// What the caller heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Each prompt, as marks divide them.
    pub prompts: Vec<Prompt>,
    /// Whether the bot closed the stream.
    pub closed: bool,
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Prompt {
    pub ms: usize,
    /// Of its loudest sample.
    pub peak: u16,
}

/// Holds a call to its end, or until the caller has had enough.
pub async fn hold(engine: &Engine, sid: &str, number: &str, patience: Option<Duration>) -> Heard {
    let mut stream = Stream::begin(engine, sid, number).await;
    let hangs_up = patience.map(|patience| Instant::now() + patience);
    let silence = silence_of(sid).to_string();
    let mut ticks = tokio::time::interval(FRAME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    let (mut heard, mut prompt, mut payload) = (Heard::default(), Prompt::default(), Vec::new());
    loop {
        if hangs_up.is_some_and(|at| Instant::now() >= at) {
            stream.hang_up(sid).await;
            return heard;
        }
        let message = tokio::select! {
            biased;
            _ = ticks.tick() => {
                assert!(heard_at.elapsed() < 4 * PATIENCE, "the bot says nothing and does not close the socket");
                // it may be closing it now
                let _ = stream.send(Message::text(&silence)).await;
                continue;
            }
            message = stream.hear() => message,
        };
        let Some(message) = message else { break };
        heard_at = Instant::now();
        match parse_outbound(&message.to_string()).unwrap() {
            Outbound::Media(media) => {
                payload.clear();
                media.decode_into(&mut payload).unwrap();
                let samples = payload
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|bytes| i16::from_le_bytes(*bytes).unsigned_abs());
                prompt = Prompt {
                    ms: prompt.ms + payload.len() / 2 / PER_MS,
                    peak: samples.max().unwrap_or(0).max(prompt.peak),
                };
            }
            // within a prompt: more of it follows
            Outbound::Mark(mark) if mark.name.contains('.') => {
                if send(&mut stream, &message).await.is_err() {
                    break;
                }
            }
            Outbound::Mark(_) => {
                heard.prompts.push(std::mem::take(&mut prompt));
                let key = json!({ "event": "dtmf", "stream_sid": message["stream_sid"], "dtmf": { "duration": "120", "digit": "1" } });
                // the bot may be closing the stream
                if send(&mut stream, &message).await.is_err()
                    || send(&mut stream, &key).await.is_err()
                {
                    break;
                }
            }
            Outbound::Clear => prompt = Prompt::default(),
            Outbound::Unknown { event } => panic!("`{event}`"),
        }
    }
    heard.closed = true;
    heard
}

async fn send(
    stream: &mut Stream,
    message: &Value,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    stream.send(Message::text(message.to_string())).await
}
