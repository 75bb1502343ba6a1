//! A connection to a bot on which anything can be sent, right or wrong, and of which as much is read as
//! is wanted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ghanti_exotel::far_end::Stream as StreamFacts;
use ghanti_exotel::{FarEnd, Outbound, parse_outbound};
use reqwest::Url;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::socket::{HANDSHAKE_LIMIT, request};

/// The receive buffer of a peer that reads nothing, in bytes: the least that Linux has.
const LITTLE: u32 = 4 << 10;
/// One frame of the caller, in milliseconds.
pub const FRAME_MS: u64 = 20;
/// How long a message may take that is sent once.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// How long the end of a connection is read after this side has ended it.
const LINGER: Duration = Duration::from_millis(500);

/// How a peer goes on with a stream.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// The time between two frames; none if none are sent.
    pub every: Option<Duration>,
    /// How many frames are sent then.
    pub frames: usize,
    /// How often each message is sent.
    pub copies: usize,
    /// Whether the bot's messages are read.
    pub reads: bool,
    /// Whether marks are returned.
    pub marks: bool,
}

impl Manner {
    /// As Exotel does, but that marks come back at once.
    pub const RIGHT: Self = Self {
        every: Some(Duration::from_millis(FRAME_MS)),
        frames: 1,
        copies: 1,
        reads: true,
        marks: true,
    };
}

/// How going on ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WentOn {
    /// The time was over.
    Over,
    /// The bot's first audio came.
    Heard,
    /// The bot closed the connection, or broke it.
    Closed,
}

/// Opens a TCP connection.
pub async fn connect(url: &Url, reads: bool) -> Result<TcpStream, String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let connecting = async {
        let mut addresses = lookup_host((host.trim_matches(['[', ']']), port)).await?;
        let address = addresses.next().ok_or(std::io::ErrorKind::NotFound)?;
        let socket = match address.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        if !reads {
            socket.set_recv_buffer_size(LITTLE)?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    match timeout(HANDSHAKE_LIMIT, connecting).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("nobody answers".to_owned()),
    }
}

/// An open stream.
pub struct Peer {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    far_end: FarEnd,
    rate_hz: u32,
    bytes_per_ms: u64,
    frames: u64,
    heard_bytes: u64,
}

impl Peer {
    /// Connects, with a small receive buffer where nothing will be read.
    pub async fn open(url: &Url, facts: StreamFacts, reads: bool) -> Result<Self, String> {
        let stream = connect(url, reads).await?;
        let tls = crate::http::tls().map_err(|error| error.to_string())?;
        let tls = Some(Connector::Rustls(Arc::new(tls)));
        let shaking = client_async_tls_with_config(request(url)?, stream, None, tls);
        let (stream, _) = timeout(HANDSHAKE_LIMIT, shaking)
            .await
            .map_err(|_| "no handshake".to_owned())?
            .map_err(|error| error.to_string())?;
        let format = facts.media_format;
        Ok(Self {
            stream,
            far_end: FarEnd::new(facts),
            rate_hz: format.rate_hz,
            bytes_per_ms: format.bytes_per_ms() as u64,
            frames: 0,
            heard_bytes: 0,
        })
    }

    /// How much of the bot's audio has arrived, in milliseconds.
    pub fn heard_ms(&self) -> u64 {
        self.heard_bytes / self.bytes_per_ms.max(1)
    }

    /// Sends a text message. Whether it went out is not looked at: a bot may close at any time, and going
    /// on finds that.
    pub async fn say(&mut self, text: String) {
        let _ = timeout(SEND_LIMIT, self.stream.send(Message::text(text))).await;
    }

    /// Sends a binary message.
    pub async fn binary(&mut self, bytes: Vec<u8>) {
        let _ = timeout(SEND_LIMIT, self.stream.send(Message::binary(bytes))).await;
    }

    /// Sends bytes below the WebSocket.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let written = async {
            self.stream.get_mut().write_all(bytes).await?;
            self.stream.get_mut().flush().await
        };
        let _ = timeout(SEND_LIMIT, written).await;
    }

    /// Sends `connected`.
    pub async fn connected(&mut self) {
        let mut text = String::new();
        // formatting into a `String` cannot fail, here and below
        let _ = self.far_end.connected(&mut text);
        self.say(text).await;
    }

    /// Sends `start`, so many times.
    pub async fn start(&mut self, copies: usize) {
        let mut text = String::new();
        let _ = self.far_end.start(&mut text);
        for _ in 0..copies {
            self.say(text.clone()).await;
        }
    }

    /// Sends a frame.
    pub async fn frame(&mut self) {
        let text = next_frame(&mut self.far_end, &mut self.frames, self.rate_hz);
        self.say(text).await;
    }

    /// Goes on in a manner until a time, until the bot ends the stream or, if `first` is set, until its
    /// first audio.
    pub async fn go_on(&mut self, manner: Manner, until: Instant, first: bool) -> WentOn {
        let (far_end, frames) = (&mut self.far_end, &mut self.frames);
        let (rate_hz, heard_bytes) = (self.rate_hz, &mut self.heard_bytes);
        let marks = Mutex::new(VecDeque::new());
        let (mut sink, mut source) = (&mut self.stream).split();
        let reading = async {
            if !manner.reads {
                return std::future::pending().await;
            }
            loop {
                let text = match source.next().await {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return WentOn::Closed,
                    Some(Ok(_)) => continue,
                };
                match parse_outbound(&text) {
                    Ok(Outbound::Media(media)) => {
                        let mut bytes = Vec::new();
                        if media.decode_into(&mut bytes).is_ok() {
                            *heard_bytes += bytes.len() as u64;
                            if first {
                                return WentOn::Heard;
                            }
                        }
                    }
                    Ok(Outbound::Mark(mark)) if manner.marks => {
                        let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
                        marks.push_back(mark.name.into_owned());
                    }
                    _ => {}
                }
            }
        };
        let writing = async {
            let Some(every) = manner.every else {
                return std::future::pending().await;
            };
            let mut due = interval(every);
            loop {
                due.tick().await;
                let returned: Vec<String> = {
                    let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
                    marks.drain(..).collect()
                };
                let mut texts = Vec::new();
                for name in returned {
                    let mut text = String::new();
                    let _ = far_end.mark(&name, &mut text);
                    texts.push(text);
                }
                for _ in 0..manner.frames {
                    texts.push(next_frame(far_end, frames, rate_hz));
                }
                let texts = texts
                    .into_iter()
                    .flat_map(|text| std::iter::repeat_n(text, manner.copies));
                for text in texts {
                    if sink.send(Message::text(text)).await.is_err() {
                        return WentOn::Closed;
                    }
                }
            }
        };
        let either = async {
            tokio::select! {
                went_on = reading => went_on,
                went_on = writing => went_on,
            }
        };
        timeout_at(until, either).await.unwrap_or(WentOn::Over)
    }

    /// Hangs up as Exotel does when the caller does.
    pub async fn hang_up(mut self) {
        let mut text = String::new();
        let _ = self.far_end.stop("canceled or call ended", &mut text);
        self.say(text).await;
        self.vanish().await;
    }

    /// Ends the connection without a word.
    pub async fn vanish(mut self) {
        let _ = timeout(LINGER, self.stream.get_mut().shutdown()).await;
        let drained = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(LINGER, drained).await;
    }
}

/// The next frame of a caller who says nothing, as a message.
fn next_frame(far_end: &mut FarEnd, frames: &mut u64, rate_hz: u32) -> String {
    let samples = u64::from(rate_hz) * FRAME_MS / 1_000;
    let silence = vec![0; samples as usize * 2];
    let mut text = String::new();
    let _ = far_end.media(&silence, *frames * FRAME_MS, &mut text);
    *frames += 1;
    text
}
