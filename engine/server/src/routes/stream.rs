//! `/ws/voicebot/{session}`: the media stream. The upgrade is accepted before the call is looked
//! up; `start` decides which call it is.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use ghanti_exotel::applet::PassthruRequest;
use ghanti_exotel::inbound::Start;
use ghanti_model::{CallId, CallSid, unix_ms};
use ghanti_session::connect::NoStart;
use ghanti_session::wire::SEND;
use ghanti_session::{Break, Permit, Ran, Received, Wire, WireClosed, Woken, run_call};
use tracing::field::display;

use crate::access;
use crate::admission::Opening;
use crate::app::App;
use crate::applet_error::AppletError;
use crate::awaited::await_connect;
use crate::doctor::{Applet, PROBE};
use crate::logs::WEBSOCKET;
use crate::refusal::{EntryPoint, NO_SID, Refusal, refused, refused_stream};
use crate::routes::browser_calls;
use crate::segments::{BadPath, Segments};
use crate::unserved::{explain, unstarted};

/// Maximum size of a WebSocket message. Exotel's largest has 134 kB (100 kB of audio in base64). A
/// peer that exceeds it is disconnected.
const FRAME_BYTES: usize = 256 << 10;
/// Initial size of the read buffer: a frame of 20 ms has under 600 bytes, and longer ones make it
/// grow. The free part is zeroed before each read, so a much larger buffer would cost more than the
/// frame.
const READ_BYTES: usize = 4 << 10;
/// How long to wait for the answer to a close frame. Exotel sends audio until it has read the
/// close; if that audio stayed unread, the kernel would send a reset, and the close and the last
/// frames could get lost.
const CLOSE: Duration = Duration::from_secs(1);
/// Initial size of the send buffer, which is reused once its frames are sent.
const BUFFER_BYTES: usize = 16 << 10;

type Session<T> = Result<Segments<T>, BadPath>;
/// A request that may become a stream.
pub(super) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Upgrades a stream whose path has no token.
pub async fn open(
    State(app): State<App>,
    session: Session<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, AppletError> {
    let Segments(session) = session?;
    accept(app, session, None, &headers, upgrade)
}

/// Upgrades a stream with a token in its path.
pub async fn with_token(
    State(app): State<App>,
    path: Session<(String, String)>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, AppletError> {
    let Segments((token, session)) = path?;
    accept(app, session, Some(token), &headers, upgrade)
}

fn accept(
    app: App,
    session: String,
    token: Option<String>,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, AppletError> {
    access::stream(&app, headers, token.as_deref())?;
    upgraded(app, session, upgrade, Peer::Exotel)
}

/// Who opened a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Exotel, or whoever else has its token.
    Exotel,
    /// The console's telephone.
    Console,
}

/// Upgrades a stream whose peer is authorized.
pub(super) fn upgraded(
    app: App,
    session: String,
    upgrade: Upgrade,
    peer: Peer,
) -> Result<Response, AppletError> {
    let upgrade = upgrade?;
    if session == PROBE {
        return Ok(upgrade.on_upgrade(|socket| async move { Socket::new(socket).close().await }));
    }
    let opening =
        admit(&app, &session).inspect_err(|refusal| refused_stream(&app, *refusal, &session))?;
    let upgrade = upgrade
        .max_message_size(FRAME_BYTES)
        .max_frame_size(FRAME_BYTES)
        .read_buffer_size(READ_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let tasks = app.tasks.clone();
        // a task of its own, so that the record is completed even if the connection's task is
        // dropped
        let _ = tasks.spawn(run(app, socket, session, opening, peer)).await;
    }))
}

/// Runs the call of a socket. Its opening and closing are written to both logs, with the ids known
/// at that time.
async fn run(app: App, socket: WebSocket, session: String, opening: Opening, peer: Peer) {
    let path_sid = CallSid::parse(session.clone())
        .ok()
        .filter(|sid| sid.as_str() != NO_SID);
    let known = CallId::parse(&session).or_else(|| {
        path_sid
            .as_ref()
            .and_then(|sid| app.services.registry.known(sid))
    });
    log("opened", known, path_sid.as_ref());
    let waiting = app.unserved.waiting(path_sid.clone());
    let given_up = opening.given_up();
    let admit = |start: &Start| {
        waiting.started();
        if peer == Peer::Exotel {
            observe(&app, start);
        }
        opening
            .start(start.call_sid.as_ref(), Instant::now())
            .inspect_err(|_| refuse_start(&app, start))
            .ok()
            .map(|permit| Box::new(permit) as Permit)
    };
    let run = run_call(
        Box::new(Socket::new(socket)),
        &app.services,
        &session,
        admit,
        app.stop.cancelled(),
    );
    let given_up = pin!(given_up.cancelled());
    let mut given_up = Woken::new(given_up);
    let ran = tokio::select! {
        biased;
        ran = run => ran,
        // before `start` alone: there is no call yet
        () = &mut given_up => {
            tracing::warn!(error = %NoStart::GivenUp, "a stream did not start");
            Ran::NotStarted(NoStart::GivenUp)
        }
    };
    match ran {
        Ran::Ended { call, sid } => {
            log("closed", Some(call), sid.as_ref());
            if let Some(sid) = sid.filter(|sid| app.unserved.has(sid)) {
                let _ = explain(&app, &sid).await;
            }
            let tasks = app.tasks.clone();
            tasks.spawn(async move {
                match peer {
                    Peer::Exotel => await_connect(&app, call).await,
                    Peer::Console => browser_calls::connect(&app, call).await,
                }
            });
        }
        Ran::Refused => log("closed", known, path_sid.as_ref()),
        Ran::NotStarted(no_start) => {
            log("closed", known, no_start.call_sid().or(path_sid.as_ref()));
            unstarted(&app, &session, &no_start);
        }
    }
}

/// Records the stream's account among the doctor's observations.
fn observe(app: &App, start: &Start) {
    let now_ms = unix_ms();
    app.observations
        .arrived(Applet::Stream, start.call_sid.as_ref(), now_ms);
    if let Some(account_sid) = &start.account_sid {
        app.observations.account(account_sid.as_str(), now_ms);
    }
}

fn log(what: &str, call: Option<CallId>, sid: Option<&CallSid>) {
    let (call, sid) = (call.map(display), sid.map(display));
    tracing::info!(target: WEBSOCKET, call, sid, "{what}");
    tracing::info!(call, sid, "WebSocket {what}");
}

/// The admission of a stream. While draining, only reserved calls are admitted.
fn admit(app: &App, session: &str) -> Result<Opening, Refusal> {
    let (sid, now) = (CallSid::parse(session).ok(), Instant::now());
    if app.draining.is_cancelled()
        && !sid
            .as_ref()
            .is_some_and(|sid| app.admission.is_reserved(sid, now))
    {
        return Err(Refusal::Draining);
    }
    if app.mute.is_whole() {
        return Err(Refusal::Mute);
    }
    app.admission.open(sid, now).map_err(|_| Refusal::Full)
}

/// Records the refusal of a call that started on a socket admitted for a reserved one.
fn refuse_start(app: &App, start: &Start) {
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

/// An axum socket as the session's [`Wire`].
struct Socket {
    socket: WebSocket,
    buffer: BytesMut,
    /// Whether a close frame was sent: how the connection ends then is of no interest.
    is_closing: bool,
}

impl Socket {
    fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            buffer: BytesMut::with_capacity(BUFFER_BYTES),
            is_closing: false,
        }
    }

    /// Sends a close frame and reads until the peer has answered it.
    async fn send_close(&mut self) {
        let frame = axum::extract::ws::CloseFrame {
            code: close_code::NORMAL,
            reason: Utf8Bytes::from_static(""),
        };
        self.is_closing = true;
        let sent = tokio::time::timeout(SEND, self.socket.send(Message::Close(Some(frame))));
        if matches!(sent.await, Ok(Ok(()))) {
            // the peer's remaining audio has to be read, see `CLOSE`
            let wire: &mut dyn Wire = self;
            let answered = async {
                while !matches!(wire.receive().await, Received::Closed | Received::Broken(_)) {}
            };
            let _ = tokio::time::timeout(CLOSE, answered).await;
        }
    }
}

impl Wire for Socket {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        Poll::Ready(match ready!(self.socket.poll_next_unpin(context)) {
            Some(Ok(Message::Text(text))) => Received::Text(Bytes::from(text).into()),
            Some(Ok(Message::Binary(bytes))) => Received::Binary(bytes.len()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Received::Control,
            Some(Ok(Message::Close(_))) | None => Received::Closed,
            Some(Err(error)) => {
                if !self.is_closing {
                    tracing::debug!(target: WEBSOCKET, %error, "ended");
                }
                // Exotel ends a stream without a close frame; that is not an error
                violation(&error).map_or(Received::Closed, Received::Broken)
            }
        })
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        self.socket.poll_ready_unpin(context).map_err(closed)
    }

    fn start_send(&mut self, text: &str) -> Result<(), WireClosed> {
        self.buffer.extend_from_slice(text.as_bytes());
        let frame = Utf8Bytes::try_from(self.buffer.split().freeze()).map_err(|_| WireClosed)?;
        self.socket
            .start_send_unpin(Message::Text(frame))
            .map_err(closed)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        self.socket.poll_flush_unpin(context).map_err(closed)
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.send_close())
    }
}

fn closed(_: axum::Error) -> WireClosed {
    WireClosed
}

/// How the peer violated the protocol, or `None` if the peer or the network just went away.
fn violation(error: &axum::Error) -> Option<Break> {
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
                "the peer broke the WebSocket protocol ({error}), and the socket was closed: check what is between Exotel and the engine"
            ),
        ),
        _ => return None,
    };
    Some(Break { name, detail })
}
