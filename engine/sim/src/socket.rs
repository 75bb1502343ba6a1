//! Exotel's end of a stream's WebSocket, which opens and hangs up as Exotel does.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Timeout of the handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A peer that accepts no bytes for this long is considered gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// How long to keep reading after the last message, so that a reset does not overtake it.
const LINGER: Duration = Duration::from_millis(500);

/// What arrives from the bot.
#[derive(Debug)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message of this many bytes.
    Binary(usize),
    /// The bot closed the stream.
    Closed,
    /// The connection broke.
    Broken(String),
}

/// An open stream.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Whether the bot's close has arrived.
    closed: bool,
}

impl Socket {
    /// Connects, retrying a failed handshake once. The URL's user and password are sent as an
    /// `Authorization` header.
    pub async fn open(url: &Url) -> Result<Self, String> {
        match Self::handshake(url).await {
            Ok(socket) => Ok(socket),
            Err(_) => Self::handshake(url).await,
        }
    }

    async fn handshake(url: &Url) -> Result<Self, String> {
        let mut bare = url.clone();
        let _ = bare.set_username("").and_then(|()| bare.set_password(None));
        let mut request = bare
            .as_str()
            .into_client_request()
            .map_err(|error| error.to_string())?;
        if let Some(password) = url.password() {
            let basic = format!(
                "Basic {}",
                STANDARD.encode(format!("{}:{password}", url.username()))
            );
            let value = HeaderValue::from_str(&basic).map_err(|error| error.to_string())?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let connecting = tokio_tungstenite::connect_async_with_config(request, None, true);
        match timeout(HANDSHAKE_LIMIT, connecting).await {
            Ok(connected) => connected
                .map(|(stream, _)| Self {
                    stream,
                    closed: false,
                })
                .map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "no handshake within {} s",
                HANDSHAKE_LIMIT.as_secs()
            )),
        }
    }

    /// Sends a text message. A message that crosses the bot's close is lost, as on the network.
    pub async fn send(&mut self, text: String) -> Result<(), String> {
        if self.closed {
            return Ok(());
        }
        match timeout(SEND_LIMIT, self.stream.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the bot has read nothing for {} s",
                SEND_LIMIT.as_secs()
            )),
        }
    }

    /// Receives the next message. Cancel-safe.
    pub async fn next(&mut self) -> Incoming {
        while !self.closed {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Incoming::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => return Incoming::Binary(bytes.len()),
                Some(Ok(Message::Close(_))) => self.closed = true,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(tungstenite::Error::ConnectionClosed)) | None => return Incoming::Closed,
                Some(Err(error)) => return Incoming::Broken(error.to_string()),
            }
        }
        // the library queues the answer to a close and sends it with the next read
        let _ = timeout(LINGER, self.stream.next()).await;
        Incoming::Closed
    }

    /// Ends the connection without a close frame, so that the bot sees code 1006.
    pub async fn cut(mut self) {
        let _ = self.stream.get_mut().shutdown().await;
        let drained = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(LINGER, drained).await;
    }
}
