//! `/ws/voicebot/{session}`: the media stream. The upgrade is accepted before anything is looked
//! up; `start` decides which call it is.

use std::time::{Duration, Instant};

use axum::extract::rejection::PathRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::BytesMut;
use ghanti_exotel::applet::PassthruRequest;
use ghanti_exotel::inbound::Start;
use ghanti_model::{CallId, CallSid};
use ghanti_session::{Break, Ran, Received, Wire, WireClosed, run_call};
use tracing::field::display;

use crate::access;
use crate::admission::Opening;
use crate::app::App;
use crate::awaited::await_connect;
use crate::logs::WEBSOCKET;
use crate::problem::Problem;
use crate::refusal::{ANYONE, EntryPoint, Refusal, refused, refused_stream};
use crate::unserved::{explain, unstarted};

/// A frame may have so many bytes; Exotel's largest, 100 kB of audio in base64, has 134 kB. A peer
/// that sends more is cut off.
const FRAME_BYTES: usize = 256 << 10;
/// Room for incoming bytes: a frame of 20 ms has under 600, a longer one makes it grow. What is
/// free of it is zeroed before each read, so that much more would cost more than the frame.
const READ_BYTES: usize = 4 << 10;
/// A peer that does not take a frame within this time is gone.
const SEND: Duration = Duration::from_secs(5);
/// A peer that does not answer a close within this time is gone. Exotel's audio goes on until it
/// has read the close: if that were left unread, the kernel would answer it with a reset, in which
/// the close and the last frames can get lost.
const CLOSE: Duration = Duration::from_secs(1);
/// Room for outgoing frames; it is used again once they are sent.
const BUFFER_BYTES: usize = 16 << 10;

type Session<T> = Result<Path<T>, PathRejection>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Opens a stream without a token in its path.
pub async fn open(
    State(app): State<App>,
    session: Session<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
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

fn accept(
    app: App,
    session: String,
    token: Option<String>,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    access::stream(&app, headers, token.as_deref())?;
    let upgrade = upgrade?;
    let opening =
        place(&app, &session).inspect_err(|refusal| refused_stream(&app, *refusal, &session))?;
    let upgrade = upgrade
        .max_message_size(FRAME_BYTES)
        .max_frame_size(FRAME_BYTES)
        .read_buffer_size(READ_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let tasks = app.tasks.clone();
        // The call outlives the connection's task, so that its record is whole.
        let _ = tasks.spawn(hold(app, socket, session, opening)).await;
    }))
}

/// Holds the call of a socket. Both logs have its beginning and its end, with the ids that are
/// known by then.
async fn hold(app: App, socket: WebSocket, session: String, opening: Opening) {
    let path_sid = CallSid::parse(session.clone())
        .ok()
        .filter(|sid| sid.as_str() != ANYONE);
    let known = CallId::parse(&session).or_else(|| {
        path_sid
            .as_ref()
            .and_then(|sid| app.services.registry.known(sid))
    });
    told("opened", known, path_sid.as_ref());
    let waiting = app.unserved.waiting(path_sid.clone());
    let admit = |start: &Start| {
        waiting.started();
        opening
            .start(start.call_sid.as_ref(), Instant::now())
            .inspect_err(|_| unpromised(&app, start))
            .ok()
    };
    match run_call(
        Socket::new(socket),
        &app.services,
        &session,
        admit,
        app.stop.cancelled(),
    )
    .await
    {
        Ran::Held { call, sid } => {
            told("closed", Some(call), sid.as_ref());
            if let Some(sid) = sid.filter(|sid| app.unserved.has(sid)) {
                explain(&app, &sid).await;
            }
            let tasks = app.tasks.clone();
            tasks.spawn(async move { await_connect(&app, call).await });
        }
        Ran::Refused => told("closed", known, path_sid.as_ref()),
        Ran::NotStarted(no_start) => {
            told("closed", known, no_start.call_sid().or(path_sid.as_ref()));
            unstarted(&app, &session, &no_start);
        }
    }
}

fn told(what: &str, call: Option<CallId>, sid: Option<&CallSid>) {
    let (call, sid) = (call.map(display), sid.map(display));
    tracing::info!(target: WEBSOCKET, call, sid, "{what}");
    tracing::info!(call, sid, "WebSocket {what}");
}

/// The place of a stream. An engine that is about to stop still holds the calls it has promised to.
fn place(app: &App, session: &str) -> Result<Opening, Refusal> {
    let (sid, now) = (CallSid::parse(session).ok(), Instant::now());
    if app.draining.is_cancelled()
        && !sid
            .as_ref()
            .is_some_and(|sid| app.admission.is_promised(sid, now))
    {
        return Err(Refusal::Draining);
    }
    app.admission.open(sid, now).map_err(|_| Refusal::Full)
}

/// A socket was let in for a call that is awaited, and another one has started on it.
fn unpromised(app: &App, start: &Start) {
    let (call_sid, from, to) = (start.call_sid.clone(), start.from.clone(), start.to.clone());
    refused(
        app,
        EntryPoint::Start,
        Refusal::Full,
        PassthruRequest {
            call_sid,
            from,
            to,
            ..PassthruRequest::default()
        },
    );
}

/// An axum socket as the session sees it.
struct Socket {
    socket: WebSocket,
    buffer: BytesMut,
}

impl Socket {
    fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            buffer: BytesMut::with_capacity(BUFFER_BYTES),
        }
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
                Some(Err(error)) => {
                    tracing::debug!(target: WEBSOCKET, %error, "ended");
                    // Exotel ends a stream without a close frame; that is no error.
                    return broken(&error).map_or(Received::Closed, Received::Broken);
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
        let frame = axum::extract::ws::CloseFrame {
            code: close_code::NORMAL,
            reason: Utf8Bytes::from_static(""),
        };
        if self.bounded(Message::Close(Some(frame))).await.is_ok() {
            let answered = async {
                while !matches!(self.receive().await, Received::Closed | Received::Broken(_)) {}
            };
            let _ = tokio::time::timeout(CLOSE, answered).await;
        }
    }
}

/// Why the library gave a socket up, where the peer has broken the rules; nothing where it or the
/// network just went away.
fn broken(error: &axum::Error) -> Option<Break> {
    let error = std::error::Error::source(error)?.downcast_ref::<tungstenite::Error>()?;
    let (name, detail) = match error {
        tungstenite::Error::Capacity(_) => (
            "message-too-long",
            format!(
                "a message of over {} KiB came, and the socket was closed: send audio in messages of at most 100,000 bytes",
                FRAME_BYTES >> 10
            ),
        ),
        tungstenite::Error::Utf8(_) => (
            "not-utf-8",
            "a text frame that is no UTF-8 came, and the socket was closed: send JSON in UTF-8"
                .to_owned(),
        ),
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => return None,
        tungstenite::Error::Protocol(error) => (
            "websocket-broken",
            format!(
                "the peer broke the WebSocket protocol ({error}), and the socket was closed: see what stands between Exotel and the engine"
            ),
        ),
        _ => return None,
    };
    Some(Break { name, detail })
}
