//! One stream on the wire: Exotel's messages out, the bot's messages in, each checked and logged.

use std::fmt;
use std::time::Duration;

use ghanti_audio::Encoding;
use ghanti_exotel::FarEnd;
use ghanti_exotel::far_end::Stream;
use reqwest::Url;
use tokio::time::{Instant, timeout};

use crate::fault::WireFault;
use crate::proxy::Proxy;
use crate::socket::{Incoming, Socket};
use crate::wire_check::{FromBot, WireCheck};
use crate::wire_log::{Direction, WireLog};

/// Delay between `connected` and `start`. Whatever the bot sends in this time is too early.
const BEFORE_START: Duration = Duration::from_millis(40);

/// The reason in the `stop` of real calls.
const STOP_REASON: &str = "canceled or call ended";

/// Why nothing more can be sent or received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// The bot closed the stream.
    Closed,
    /// The connection broke.
    Broken(String),
}

/// An open stream.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    far_end: FarEnd,
    check: WireCheck,
    log: WireLog,
    started: Instant,
    bytes: Vec<u8>,
    encoding: Encoding,
}

impl Wire {
    /// Connects to the bot. Messages are written to `log`.
    pub async fn open(url: &Url, stream: Stream, log: WireLog) -> Result<Self, String> {
        Self::open_through(None, url, stream, log).await
    }

    /// Connects to the bot, through the proxy in front of it if there is one.
    pub async fn open_through(
        proxy: Option<&Proxy>,
        url: &Url,
        stream: Stream,
        log: WireLog,
    ) -> Result<Self, String> {
        let socket = Socket::open_through(proxy, url).await?;
        let check = WireCheck::new(stream.stream_sid.to_string(), stream.media_format);
        let far_end = FarEnd::new(stream);
        Ok(Self {
            socket,
            far_end,
            check,
            log,
            started: Instant::now() + BEFORE_START,
            bytes: Vec::new(),
            encoding: Encoding::Pcm16,
        })
    }

    /// Sends the caller's audio in an encoding, whatever `start` says.
    pub fn encoded(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// Sends `connected` and `start`. Returns the time of `start`, from which times are counted.
    pub async fn begin(&mut self) -> Result<Instant, Gone> {
        self.send(|far_end, out| far_end.connected(out)).await?;
        let listen = async { while let Ok(_too_early) = self.next().await {} };
        let _ = timeout(BEFORE_START, listen).await;
        self.started = Instant::now();
        self.check.starts();
        self.send(FarEnd::start).await?;
        Ok(self.started)
    }

    /// Sends a frame of the caller's audio.
    pub async fn media(&mut self, frame: &[i16], at_ms: u64) -> Result<(), Gone> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.encoding.encode(frame, &mut bytes);
        let sent = self
            .send(|far_end, out| far_end.media(&bytes, at_ms, out))
            .await;
        self.bytes = bytes;
        sent
    }

    /// Sends a key press.
    pub async fn dtmf(&mut self, key: char, held_ms: u64) -> Result<(), Gone> {
        self.send(|far_end, out| far_end.dtmf(key, held_ms, out))
            .await
    }

    /// Returns a mark to the bot.
    pub async fn mark(&mut self, name: &str) -> Result<(), Gone> {
        self.send(|far_end, out| far_end.mark(name, out)).await
    }

    /// Receives the bot's next message; `None` for one that Exotel would ignore. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<FromBot>, Gone> {
        match self.socket.next().await {
            Incoming::Text(text) => {
                self.log.text(self.at_ms(), Direction::FromBot, &text);
                Ok(self.check.text(&text))
            }
            Incoming::Binary(bytes) => {
                self.log.event(self.at_ms(), Direction::FromBot, "binary");
                self.check.violation(WireFault::Binary { bytes });
                Ok(None)
            }
            Incoming::Closed => {
                self.log.event(self.at_ms(), Direction::FromBot, "close");
                Err(Gone::Closed)
            }
            Incoming::Broken(reason) => {
                self.log.event(self.at_ms(), Direction::FromBot, "broken");
                Err(Gone::Broken(reason))
            }
        }
    }

    /// Hangs up as the caller: sends `stop`, then ends the connection without a close frame.
    pub async fn hang_up(mut self) -> (WireCheck, WireLog) {
        let _ = self
            .send(|far_end, out| far_end.stop(STOP_REASON, out))
            .await;
        self.log.event(self.at_ms(), Direction::FromExotel, "cut");
        self.socket.cut().await;
        (self.check, self.log)
    }

    /// Loses the connection: it ends without `stop` and without a close frame.
    pub async fn lose(mut self) -> (WireCheck, WireLog) {
        self.log.event(self.at_ms(), Direction::FromExotel, "lost");
        self.socket.cut().await;
        (self.check, self.log)
    }

    /// Finishes after the bot has ended the stream.
    pub fn ended(self) -> (WireCheck, WireLog) {
        (self.check, self.log)
    }

    async fn send(
        &mut self,
        write: impl FnOnce(&mut FarEnd, &mut String) -> fmt::Result,
    ) -> Result<(), Gone> {
        let mut text = String::new();
        write(&mut self.far_end, &mut text).map_err(|error| Gone::Broken(error.to_string()))?;
        self.log.text(self.at_ms(), Direction::FromExotel, &text);
        match self.socket.send(text).await {
            Ok(()) => Ok(()),
            Err(reason) => Err(self.why(reason).await),
        }
    }

    /// Finds out why sending failed: the bot may have closed normally, in which case its close is
    /// still to be read.
    async fn why(&mut self, reason: String) -> Gone {
        let closing = async {
            loop {
                match self.socket.next().await {
                    Incoming::Closed => return Gone::Closed,
                    Incoming::Broken(reason) => return Gone::Broken(reason),
                    Incoming::Text(_) | Incoming::Binary(_) => {}
                }
            }
        };
        timeout(Duration::from_secs(1), closing)
            .await
            .unwrap_or(Gone::Broken(reason))
    }

    /// Milliseconds since `start`, negative before it.
    fn at_ms(&self) -> i64 {
        let now = Instant::now();
        let before_ms = self.started.saturating_duration_since(now).as_millis() as i64;
        now.saturating_duration_since(self.started).as_millis() as i64 - before_ms
    }
}
