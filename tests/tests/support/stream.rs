//! A media stream that says what the test wants said, right or wrong.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use super::engine::Engine;

/// The bot's first words come within a fraction of this, and a socket that never starts is closed
/// after a third.
const WAIT: Duration = Duration::from_secs(90);

/// A right `start` of a call from a number.
pub fn start_of(sid: &str, number: &str) -> Value {
    json!({
        "event": "start",
        "sequence_number": "1",
        "stream_sid": format!("stream-{sid}"),
        "start": {
            "stream_sid": format!("stream-{sid}"),
            "call_sid": sid,
            "account_sid": "ghanti1",
            "from": number,
            "to": "08045000000",
            "media_format": { "encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps" },
        },
    })
}

/// 120 ms in which the caller of that call says nothing: 1,920 bytes of linear PCM, in base64.
pub fn silence_of(sid: &str) -> Value {
    let payload = "A".repeat(2_560);
    json!({ "event": "media", "stream_sid": format!("stream-{sid}"), "media": { "payload": payload } })
}

/// An open socket.
pub struct Stream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Stream {
    /// Opens a socket on a path; the status where the engine does not want it.
    pub async fn open(engine: &Engine, path: &str) -> Result<Self, u16> {
        Self::open_with(engine, path, &[]).await
    }

    /// The same with headers.
    pub async fn open_with(
        engine: &Engine,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{}{path}", engine.address())
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("`{path}`: {error}"),
        }
    }

    /// The same with a receive buffer of so many bytes, for a peer that reads slowly or not at all.
    pub async fn open_narrow(engine: &Engine, path: &str, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        let address = engine.address().parse().unwrap();
        let connection = socket.connect(address).await.unwrap();
        let url = format!("ws://{}{path}", engine.address());
        let connection = MaybeTlsStream::Plain(connection);
        Self(client_async(url, connection).await.unwrap().0)
    }

    /// A call as it should begin, up to its `start`.
    pub async fn begin(engine: &Engine, sid: &str, number: &str) -> Self {
        let mut stream = Self::open(engine, &format!("/ws/voicebot/{sid}"))
            .await
            .unwrap();
        stream.say(&json!({ "event": "connected" })).await;
        stream.say(&start_of(sid, number)).await;
        stream
    }

    /// The same on an address; nothing where nobody listens there, or the engine does not want it.
    pub async fn try_begin(address: &str, sid: &str, number: &str) -> Option<Self> {
        let url = format!("ws://{address}/ws/voicebot/{sid}");
        let mut stream = Self(connect_async(url).await.ok()?.0);
        for message in [json!({ "event": "connected" }), start_of(sid, number)] {
            let message = Message::text(message.to_string());
            stream.send(message).await.ok()?;
        }
        Some(stream)
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Sends any frame; an error where the engine has closed the socket.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    /// Sends 120 ms of silence; an error where the engine has closed the socket.
    pub async fn send_silence(&mut self, sid: &str) -> Result<(), Error> {
        let frame = silence_of(sid).to_string();
        self.send(Message::text(frame)).await
    }

    /// The bot's next message; nothing when it has closed the socket.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            match timeout(WAIT, self.0.next())
                .await
                .expect("the bot says nothing and does not close the socket")
            {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Waits for the bot's voice: the call is alive.
    pub async fn hear_voice(&mut self) {
        while self.hear().await.expect("the bot closed the socket")["event"] != "media" {}
    }

    /// Hears so much of the bot that the call has lasted for half a second: it sends at most 300 ms
    /// ahead of what is played.
    pub async fn hear_a_while(&mut self) {
        const BYTES_PER_MS: usize = 16;
        let mut ms = 0;
        while ms < 800 {
            let message = self.hear().await.expect("the bot closed the socket");
            if let Some(payload) = message["media"]["payload"].as_str() {
                ms += payload.len() / 4 * 3 / BYTES_PER_MS;
            }
        }
    }

    /// Takes the bot's messages until it closes the socket.
    pub async fn until_closed(&mut self) -> Vec<Value> {
        let mut heard = Vec::new();
        while let Some(message) = self.hear().await {
            heard.push(message);
        }
        heard
    }

    /// Gives marks back at once, as a network without delay, until the bot closes the socket.
    pub async fn hear_out(&mut self) {
        while let Some(message) = self.hear().await {
            if message["event"] == "mark" {
                // the socket may close in between
                drop(self.send(Message::text(message.to_string())).await);
            }
        }
    }

    /// Listens until so much of the bot's voice has come, in linear PCM at 8 kHz.
    pub async fn listen(&mut self, ms: usize) {
        let mut bytes = 0;
        while bytes < ms * 16 {
            let message = self.hear().await.expect("the bot closed the socket");
            bytes += message["media"]["payload"].as_str().map_or(0, str::len) / 4 * 3;
        }
    }

    /// Ends the stream as Exotel does when the caller hangs up.
    pub async fn hang_up(mut self, sid: &str) {
        self.say(&json!({ "event": "stop", "sequence_number": "9", "stop": { "call_sid": sid, "reason": "callended" } })).await;
        self.until_closed().await;
    }
}
