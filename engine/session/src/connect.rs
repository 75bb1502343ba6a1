//! Waits for the `start` message on an accepted socket. Which call it belongs to is found in
//! [`crate::find`].

use std::time::Duration;

use ghanti_exotel::inbound::{self, Inbound, Start};
use ghanti_model::CallSid;

use crate::wire::{Break, Received, Wire};

/// How long to wait for `start` after the socket was accepted.
const START: Duration = Duration::from_secs(10);
/// How many frames before `start` are ignored.
const BEFORE_START: usize = 64;

/// Why no call started on a socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStart {
    /// The socket closed first.
    #[error(
        "the socket closed before `start`: see whether the Voicebot applet's URL ends in the call's session, and whether a proxy cuts it"
    )]
    Closed,
    /// Exotel sent `stop` first.
    #[error(
        "Exotel ended the stream before `start`, as it does when the caller hangs up at once: nothing is to be set right"
    )]
    Stopped,
    /// Nothing that counts arrived in time.
    #[error("no `start` within {} s of the socket's opening: only Exotel's Voicebot applet may connect here", START.as_secs())]
    TooLate,
    /// Only `connected` arrived in time.
    #[error(
        "only `connected` and no `start` within {} s of the socket's opening: see whether a proxy in between holds messages back, and whether it is \
         Exotel's Voicebot applet that connects here",
        START.as_secs()
    )]
    OnlyConnected,
    /// Another call needed the socket's slot.
    #[error(
        "no `start` for some seconds after the socket's opening, and another call needed its place: only Exotel's Voicebot applet may connect here"
    )]
    GivenUp,
    /// Too many other frames arrived first.
    #[error(
        "{BEFORE_START} frames came and none was `start`: only Exotel's Voicebot applet may connect here"
    )]
    Rubbish,
    /// The `start` cannot be used.
    #[error("unusable `start`: {reason}")]
    Unusable {
        /// Why.
        reason: String,
        /// The CallSid it contains, if that could be read.
        call_sid: Option<CallSid>,
    },
    /// The socket was abandoned for another reason.
    #[error("{}", .0.detail)]
    Broken(Break),
}

impl NoStart {
    /// The CallSid of an unusable `start`, if it could be read.
    pub fn call_sid(&self) -> Option<&CallSid> {
        match self {
            NoStart::Unusable { call_sid, .. } => call_sid.as_ref(),
            _ => None,
        }
    }

    /// The name of this problem in a call's record.
    pub fn name(&self) -> &'static str {
        match self {
            NoStart::Closed | NoStart::Stopped => "stream-closed-early",
            NoStart::TooLate | NoStart::OnlyConnected | NoStart::GivenUp | NoStart::Rubbish => {
                "stream-not-started"
            }
            NoStart::Unusable { .. } => "unusable-start",
            NoStart::Broken(why) => why.name,
        }
    }
}

/// Waits for `start`. Also returns how many invalid frames were ignored before it.
pub async fn await_start(wire: &mut dyn Wire) -> Result<(Start, usize), NoStart> {
    let mut connected = false;
    let started = tokio::time::timeout(START, async {
        let mut passed_over = 0;
        while passed_over < BEFORE_START {
            match wire.receive().await {
                Received::Closed => return Err(NoStart::Closed),
                Received::Broken(why) => return Err(NoStart::Broken(why)),
                Received::Binary(_) | Received::Control => passed_over += 1,
                Received::Text(text) => match inbound::parse(text.as_str()) {
                    Ok(Inbound::Start(start)) => return Ok((start, passed_over)),
                    Ok(Inbound::Connected) if !connected => connected = true,
                    Ok(Inbound::Stop(_)) => return Err(NoStart::Stopped),
                    Ok(_) => passed_over += 1,
                    Err(error) if text.as_str().contains("\"start\"") => {
                        return Err(NoStart::Unusable {
                            reason: error.to_string(),
                            call_sid: inbound::call_sid_of(text.as_str()),
                        });
                    }
                    Err(_) => passed_over += 1,
                },
            }
        }
        Err(NoStart::Rubbish)
    })
    .await;
    started.unwrap_or(Err(if connected {
        NoStart::OnlyConnected
    } else {
        NoStart::TooLate
    }))
}
