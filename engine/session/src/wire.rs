//! The socket, as the driver sees it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A peer that does not accept a frame within this time is disconnected.
pub const SEND: Duration = Duration::from_secs(5);

/// What was received on the socket.
#[derive(Debug)]
pub enum Received {
    /// A text frame.
    Text(Text),
    /// A binary frame of this many bytes. Exotel sends text frames only.
    Binary(usize),
    /// A ping or a pong (RFC 6455, section 5.5), which the socket answers itself.
    Control,
    /// The peer closed the socket, or the connection was lost.
    Closed,
    /// The socket was abandoned for a known reason: what arrived cannot be handled.
    Broken(Break),
}

/// The text of a frame. Reference-counted, so that frames are not copied.
#[derive(Debug, Clone)]
pub struct Text(Bytes);

impl Text {
    /// The text; empty if the frame was not UTF-8, which RFC 6455 (section 8.1) forbids.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<T: Into<Bytes>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// Why a socket was abandoned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The problem's name in the call's record, such as `message-too-long`.
    pub name: &'static str,
    /// One sentence that includes the fix. Contains no personal data.
    pub detail: String,
}

/// The socket is closed; nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the socket is closed")]
pub struct WireClosed;

/// Why a frame was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The socket is closed.
    #[error(transparent)]
    Closed(#[from] WireClosed),
    /// The peer reads nothing: it did not take the frame within [`SEND`].
    #[error("the peer has read nothing for {} s", SEND.as_secs())]
    NotRead,
}

/// A socket that carries text frames.
///
/// Frames are polled for, so that `dyn Wire` allocates nothing per frame: a trait with futures would
/// have to box each, and a generic driver would be compiled in whatever crate has the socket.
pub trait Wire: Send {
    /// Returns the next frame. Not called again after `Closed` or `Broken`.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received>;

    /// Waits until a frame can be sent.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>>;

    /// Sends a text frame, as far as that is possible without waiting. Called after `poll_ready`
    /// alone.
    fn start_send(&mut self, text: &str) -> Result<(), WireClosed>;

    /// Waits until what was sent has left.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>>;

    /// Closes the socket with code 1000 (RFC 6455, section 7.4.1). Implementations bound the wait.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}

impl dyn Wire + '_ {
    /// Returns the next frame. Cancel-safe: dropping the future loses no frame.
    pub async fn receive(&mut self) -> Received {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// The peer is gone, or reads nothing.
    pub async fn send(&mut self, text: &str) -> Result<(), Unsent> {
        let sent = async {
            poll_fn(|context| self.poll_ready(context)).await?;
            self.start_send(text)?;
            poll_fn(|context| self.poll_flush(context)).await
        };
        let sent: Result<(), WireClosed> = tokio::time::timeout(SEND, sent)
            .await
            .map_err(|_| Unsent::NotRead)?;
        Ok(sent?)
    }
}
