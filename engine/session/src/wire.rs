//! The socket, as the driver sees it.

use std::future::Future;

/// What was received on the socket.
#[derive(Debug)]
pub enum Received<T> {
    /// A text frame.
    Text(T),
    /// A binary frame of this many bytes. Exotel sends text frames only.
    Binary(usize),
    /// The peer closed the socket, or the connection was lost.
    Closed,
    /// The socket was abandoned for a known reason: what arrived cannot be handled.
    Broken(Break),
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

/// A socket that carries text frames. `receive` is cancel-safe: dropping its future loses no frame.
pub trait Wire: Send {
    /// A received text frame. Borrowed or reference-counted, so that frames are not copied.
    type Text: AsRef<str> + Send;

    /// Returns the next frame. Not called again after `Closed` or `Broken`.
    fn receive(&mut self) -> impl Future<Output = Received<Self::Text>> + Send;

    /// Sends a text frame. Implementations bound the wait: a peer that does not read is reported as
    /// [`WireClosed`].
    fn send(&mut self, text: &str) -> impl Future<Output = Result<(), WireClosed>> + Send;

    /// Closes the socket with code 1000 (RFC 6455, section 7.4.1).
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
