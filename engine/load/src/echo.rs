//! The floor: a bot that only sends audio back, through a bare axum socket. What it costs is what
//! sockets and Exotel's messages cost, without speech, flows, timers or records; a bot on the same
//! machine cannot cost less.
//!
//! It answers `start` with a tone, so that its first audio can be measured, and sends what it receives
//! in frames of 100 ms, the shortest that Exotel plays without jitter and those that the engine sends.

use std::io;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use futures_util::StreamExt as _;
use ghanti_exotel::inbound::{Inbound, parse};
use ghanti_exotel::{MediaFormat, OutboundWriter};
use tokio::net::TcpListener;

/// The longest message: Exotel's largest has 134 kB.
const MESSAGE_BYTES: usize = 256 << 10;
/// As in the engine: a frame of 20 ms has under 600 bytes.
const READ_BYTES: usize = 4 << 10;

/// The length of the tone at the beginning.
const TONE_MS: usize = 200;
const TONE_HZ: f32 = 440.0;
/// -20 dBFS at its peak.
const TONE_PEAK: f32 = 3_277.0;

/// Frames between two marks: 5 s, about a prompt.
const FRAMES_OF_MARK: u64 = 50;

/// Serves on a listener until `stop` resolves. Streams that are open then are cut.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let app = Router::new()
        .route("/", any(upgrade))
        .route("/{*path}", any(upgrade));
    // as the engine does; a connection that does not take it is served as it is
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::select! {
        served = axum::serve(listener, app) => served,
        () = stop => Ok(()),
    }
}

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES)
        .read_buffer_size(READ_BYTES)
        .on_upgrade(|socket| async move {
            // a peer that goes away is no error of the floor
            let _ = echo(socket).await;
        })
}

/// Sends back what comes, until the peer ends the stream.
async fn echo(mut socket: WebSocket) -> Result<(), axum::Error> {
    let mut stream: Option<Echo> = None;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else {
            continue;
        };
        match (parse(&text), &mut stream) {
            (Ok(Inbound::Start(start)), None) => {
                let mut echo = Echo::new(OutboundWriter::new(&start));
                echo.held = tone(start.media_format);
                echo.send(&mut socket).await?;
                echo.mark(&mut socket).await?;
                stream = Some(echo);
            }
            (Ok(Inbound::Media(media)), Some(echo)) => {
                // what is no base64 leaves nothing
                let _ = media.decode_into(&mut echo.received);
                echo.held.append(&mut echo.received);
                echo.send(&mut socket).await?;
            }
            (Ok(Inbound::Stop(_)), _) => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

/// One stream.
struct Echo {
    writer: OutboundWriter,
    received: Vec<u8>,
    /// Audio that is less than a frame.
    held: Vec<u8>,
    frames: u64,
    marks: u64,
}

impl Echo {
    fn new(writer: OutboundWriter) -> Self {
        Self {
            writer,
            received: Vec::new(),
            held: Vec::new(),
            frames: 0,
            marks: 0,
        }
    }

    /// Sends all whole frames that it holds.
    async fn send(&mut self, socket: &mut WebSocket) -> Result<(), axum::Error> {
        let format = self.writer.format();
        let frame = format.min_frame_bytes();
        while let Some(audio) = self.held.get(..frame) {
            let at_ms = self.frames * (frame / format.bytes_per_ms().max(1)) as u64;
            let mut text = String::with_capacity(frame * 4 / 3 + 256);
            // a frame of this length is a right one
            let _ = self.writer.media(audio, at_ms, &mut text);
            self.held.drain(..frame);
            self.frames += 1;
            socket.send(Message::text(text)).await?;
            if self.frames.is_multiple_of(FRAMES_OF_MARK) {
                self.mark(socket).await?;
            }
        }
        Ok(())
    }

    async fn mark(&mut self, socket: &mut WebSocket) -> Result<(), axum::Error> {
        self.marks += 1;
        let mut text = String::new();
        let _ = self.writer.mark(&format!("echo-{}", self.marks), &mut text);
        socket.send(Message::text(text)).await
    }
}

/// The tone at the beginning, as linear PCM or, where the stream has mu-law, as noise of that length.
fn tone(format: MediaFormat) -> Vec<u8> {
    let samples = format.rate_hz as usize * TONE_MS / 1_000;
    let turn = std::f32::consts::TAU * TONE_HZ / format.rate_hz as f32;
    let bytes = (0..samples).flat_map(|at| {
        let sample = (TONE_PEAK * (turn * at as f32).sin()) as i16;
        sample.to_le_bytes()
    });
    bytes.take(format.bytes_per_ms() * TONE_MS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ghanti_sim::heard::is_audible;

    #[test]
    fn the_tone_is_whole_frames_and_audible_at_once() {
        for rate_hz in [8_000, 16_000, 24_000] {
            let format = MediaFormat {
                rate_hz,
                ..MediaFormat::default()
            };
            let tone = tone(format);
            assert_eq!(tone.len() % format.min_frame_bytes(), 0, "{rate_hz}");
            let audible = tone
                .chunks_exact(2)
                .position(|pair| is_audible(i16::from_le_bytes([pair[0], pair[1]])));
            assert!(audible.is_some_and(|at| at < 8), "{rate_hz}: {audible:?}");
        }
    }
}
