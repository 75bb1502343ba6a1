//! From an accepted socket to its `start`. Which call that is, `find.rs` finds.

use std::time::Duration;

use samvaad_exotel::inbound::{self, Inbound, Start};

use crate::wire::{Received, Wire};

/// A stream that has not started after this time never will.
const START: Duration = Duration::from_secs(10);
/// How many frames before `start` are passed over.
const BEFORE_START: usize = 64;

/// Why no call began on a socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStart {
    /// It closed first.
    #[error("the socket closed before `start`: see whether the Voicebot applet's URL ends in the call's session")]
    Closed,
    /// Nothing came in time.
    #[error("no `start` within {} s of the socket's opening: only Exotel's Voicebot applet may connect here", START.as_secs())]
    TooLate,
    /// Too much came before it.
    #[error("{BEFORE_START} frames came and none was `start`: only Exotel's Voicebot applet may connect here")]
    Rubbish,
    /// The `start` is unusable.
    #[error("unusable `start`: {0}")]
    Unusable(String),
}

/// Waits for `start`; tells how many frames had to be passed over before it.
pub async fn await_start<W: Wire>(wire: &mut W) -> Result<(Start, usize), NoStart> {
    tokio::time::timeout(START, async {
        let mut passed_over = 0;
        while passed_over < BEFORE_START {
            match wire.receive().await {
                Received::Closed => return Err(NoStart::Closed),
                Received::Binary(_) => passed_over += 1,
                Received::Text(text) => match inbound::parse(text.as_ref()) {
                    Ok(Inbound::Start(start)) => return Ok((start, passed_over)),
                    Ok(Inbound::Connected) => {}
                    Ok(Inbound::Stop(_)) => return Err(NoStart::Closed),
                    Ok(_) => passed_over += 1,
                    Err(error) if text.as_ref().contains("\"start\"") => return Err(NoStart::Unusable(error.to_string())),
                    Err(_) => passed_over += 1,
                },
            }
        }
        Err(NoStart::Rubbish)
    })
    .await
    .unwrap_or(Err(NoStart::TooLate))
}
