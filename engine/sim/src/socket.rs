//! Exotel's end of a stream's WebSocket, which opens and hangs up as Exotel does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response, StatusCode, header};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use crate::proxy::{Proxy, SCHEME_HEADER};

/// Timeout of the handshake.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A peer that accepts no bytes for this long is considered gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// Maximum size of the response to a request without an upgrade, in bytes.
const ANSWER_BYTES: u64 = 16 << 10;

/// How long to keep reading after the last message, so that a reset does not overtake it.
const LINGER: Duration = Duration::from_millis(500);

/// What arrives from the bot.
#[derive(Debug)]
pub enum Incoming {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message of this many bytes.
    Binary(usize),
    /// The bot closed the stream.
    Closed,
    /// The connection broke.
    Broken(String),
}

/// The request of a handshake. The URL's user and password are an `Authorization` header.
pub(crate) fn request(url: &Url) -> Result<Request, String> {
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
    Ok(request)
}

/// Sends the request like a proxy that drops `Upgrade` and `Connection`; the error is the response.
async fn without_upgrade(mut stream: TcpStream, request: &Request) -> tungstenite::Error {
    let mut text = format!(
        "GET {} HTTP/1.1\r\nconnection: close\r\n",
        request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
    );
    let passed = request.headers().iter().filter(|(name, _)| {
        !matches!(name.as_str(), "upgrade" | "connection") && !name.as_str().starts_with("sec-")
    });
    for (name, value) in passed {
        text.push_str(&format!(
            "{name}: {}\r\n",
            value.to_str().unwrap_or_default()
        ));
    }
    text.push_str("\r\n");
    let mut answer = Vec::new();
    let asked = async {
        stream.write_all(text.as_bytes()).await?;
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await
    };
    match asked.await {
        Err(error) => error.into(),
        Ok(_) => {
            let answer = String::from_utf8_lossy(&answer);
            let status = answer
                .split_whitespace()
                .nth(1)
                .and_then(|code| code.parse().ok());
            let mut response = Response::new(None);
            *response.status_mut() = status.unwrap_or(StatusCode::BAD_GATEWAY);
            tungstenite::Error::Http(Box::new(response))
        }
    }
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
        Self::open_through(None, url).await
    }

    /// Connects like [`open`](Self::open), through the proxy in front of the bot if there is one.
    pub async fn open_through(proxy: Option<&Proxy>, url: &Url) -> Result<Self, String> {
        match Self::handshake(proxy, url).await {
            Ok(socket) => Ok(socket),
            Err(_) => Self::handshake(proxy, url).await,
        }
    }

    async fn handshake(proxy: Option<&Proxy>, url: &Url) -> Result<Self, String> {
        let route = match proxy {
            Some(proxy) => proxy.route(url)?,
            None => None,
        };
        let mut request = request(url)?;
        let connecting = async {
            let Some(route) = route else {
                let tls = crate::http::tls().map_err(io::Error::other)?;
                let tls = Connector::Rustls(Arc::new(tls));
                return connect_async_tls_with_config(request, None, true, Some(tls)).await;
            };
            let scheme = HeaderValue::from_static(route.scheme);
            request.headers_mut().insert(SCHEME_HEADER, scheme);
            let passes_upgrade = proxy.is_none_or(|proxy| proxy.upgrade);
            let stream = TcpStream::connect(route.engine).await?;
            stream.set_nodelay(true)?;
            if !passes_upgrade {
                return Err(without_upgrade(stream, &request).await);
            }
            let stream = MaybeTlsStream::Plain(stream);
            tokio_tungstenite::client_async_with_config(request, stream, None).await
        };
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
                Some(Ok(Message::Text(text))) => return Incoming::Text(text),
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
