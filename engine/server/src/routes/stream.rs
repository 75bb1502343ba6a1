//! `/ws/voicebot/{session}`: the media stream. The upgrade is accepted before anything is looked up; `start` decides which call it is.

use std::time::{Duration, Instant};

use axum::extract::rejection::PathRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::BytesMut;
use samvaad_exotel::applet::PassthruRequest;
use samvaad_exotel::inbound::Start;
use samvaad_model::CallSid;
use samvaad_session::{Received, Wire, WireClosed, run_call};

use crate::access;
use crate::app::App;
use crate::logs::WEBSOCKET;
use crate::permits::Opening;
use crate::problem::Problem;
use crate::refusal::{Door, Refusal, refused, refused_stream};

/// A frame may have so many bytes; Exotel's largest, 100 kB of audio in base64, has 134 kB. A peer that sends more is cut off.
const FRAME_BYTES: usize = 256 << 10;
/// Room for incoming bytes: a frame of 20 ms has under 600, a longer one makes it grow. What is free of it is zeroed before each read, so that
/// much more would cost more than the frame.
const READ_BYTES: usize = 4 << 10;
/// A peer that does not take a frame within this time is gone.
const SEND: Duration = Duration::from_secs(5);
/// A peer that does not answer a close within this time is gone. Exotel's audio goes on until it has read the close: if that were left unread,
/// the kernel would answer it with a reset, in which the close and the last frames can get lost.
const CLOSE: Duration = Duration::from_secs(1);
/// Room for outgoing frames; it is used again once they are sent.
const BUFFER_BYTES: usize = 16 << 10;

type Session<T> = Result<Path<T>, PathRejection>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Opens a stream without a token in its path.
pub async fn open(State(app): State<App>, session: Session<String>, headers: HeaderMap, upgrade: Upgrade) -> Result<Response, Problem> {
    let Path(session) = session?;
    accept(app, session, None, &headers, upgrade)
}

/// Opens a stream with a token in its path.
pub async fn with_token(
    State(app): State<App>,
    path: Session<(String, String)>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let Path((token, session)) = path?;
    accept(app, session, Some(token), &headers, upgrade)
}

fn accept(app: App, session: String, token: Option<String>, headers: &HeaderMap, upgrade: Upgrade) -> Result<Response, Problem> {
    access::stream(&app, headers, token.as_deref())?;
    let upgrade = upgrade?;
    let opening = place(&app, &session).inspect_err(|refusal| refused_stream(&app, *refusal, &session))?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES).max_frame_size(FRAME_BYTES).read_buffer_size(READ_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        tracing::info!(target: WEBSOCKET, "opened");
        let tasks = app.tasks.clone();
        let call = async move {
            let admit =
                |start: &Start| opening.start(start.call_sid.as_ref(), Instant::now()).inspect_err(|_| unpromised(&app, start)).ok();
            run_call(Socket::new(socket), &app.services, &session, admit, app.stop.cancelled()).await;
        };
        // The call outlives the connection's task, so that its record is whole.
        let _ = tasks.spawn(call).await;
        tracing::info!(target: WEBSOCKET, "closed");
    }))
}

/// The place of a stream. An engine that is about to stop still holds the calls it has promised to.
fn place(app: &App, session: &str) -> Result<Opening, Refusal> {
    let (sid, now) = (CallSid::parse(session).ok(), Instant::now());
    if app.draining.is_cancelled() && !sid.as_ref().is_some_and(|sid| app.permits.is_promised(sid, now)) {
        return Err(Refusal::Draining);
    }
    app.permits.open(sid, now).map_err(|_| Refusal::Full)
}

/// A socket was let in for a call that is awaited, and another one has started on it.
fn unpromised(app: &App, start: &Start) {
    let (call_sid, from, to) = (start.call_sid.clone(), start.from.clone(), start.to.clone());
    refused(app, Door::Start, Refusal::Full, PassthruRequest { call_sid, from, to, ..PassthruRequest::default() });
}

/// An axum socket as the session sees it.
struct Socket {
    socket: WebSocket,
    buffer: BytesMut,
}

impl Socket {
    fn new(socket: WebSocket) -> Self {
        Self { socket, buffer: BytesMut::with_capacity(BUFFER_BYTES) }
    }

    async fn bounded(&mut self, message: Message) -> Result<(), WireClosed> {
        match tokio::time::timeout(SEND, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(WireClosed),
        }
    }
}

/// A received text, counted and not copied.
struct Text(Utf8Bytes);

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

impl Wire for Socket {
    type Text = Text;

    async fn receive(&mut self) -> Received<Text> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => return Received::Text(Text(text)),
                Some(Ok(Message::Binary(bytes))) => return Received::Binary(bytes.len()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Received::Closed,
                // Exotel ends a stream without a close frame; that is no error.
                Some(Err(error)) => {
                    tracing::debug!(target: WEBSOCKET, %error, "ended");
                    return Received::Closed;
                }
            }
        }
    }

    async fn send(&mut self, text: &str) -> Result<(), WireClosed> {
        self.buffer.extend_from_slice(text.as_bytes());
        let frame = Utf8Bytes::try_from(self.buffer.split().freeze()).map_err(|_| WireClosed)?;
        self.bounded(Message::Text(frame)).await
    }

    async fn close(&mut self) {
        let frame = axum::extract::ws::CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::from_static("") };
        if self.bounded(Message::Close(Some(frame))).await.is_ok() {
            let answered = async { while !matches!(self.receive().await, Received::Closed) {} };
            let _ = tokio::time::timeout(CLOSE, answered).await;
        }
    }
}
