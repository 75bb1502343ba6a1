//! The socket, as the driver sees it.

use std::future::Future;

/// What came over the socket.
#[derive(Debug)]
pub enum Received<T> {
    /// A text frame.
    Text(T),
    /// A binary frame of so many bytes: Exotel sends none.
    Binary(usize),
    /// The peer closed, or the network is lost.
    Closed,
    /// The socket was given up for a reason that is known: what came cannot be taken.
    Broken(Break),
}

/// Why a socket was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The problem's name in the call's record: `message-too-long`.
    pub name: &'static str,
    /// One sentence with the fix, free of personal data.
    pub detail: String,
}

/// The socket is gone; nothing further can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the socket is closed")]
pub struct WireClosed;

/// A socket that carries text frames. `receive` may be dropped while it waits without losing a
/// frame.
pub trait Wire: Send {
    /// A received text, borrowed or counted, so that no frame is copied.
    type Text: AsRef<str> + Send;

    /// The next frame. After `Closed` or `Broken` it is not called again.
    fn receive(&mut self) -> impl Future<Output = Received<Self::Text>> + Send;

    /// Sends a text frame. Bounded by whoever implements it: a peer that does not read is
    /// `WireClosed`.
    fn send(&mut self, text: &str) -> impl Future<Output = Result<(), WireClosed>> + Send;

    /// Closes with code 1000.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
