//! From an accepted socket to its `start`. Which call that is, `find.rs` finds.

use std::time::Duration;

use ghanti_exotel::inbound::{self, Inbound, Start};
use ghanti_model::CallSid;

use crate::wire::{Break, Received, Wire};

/// A stream that has not started after this time never will.
const START: Duration = Duration::from_secs(10);
/// How many frames before `start` are passed over.
const BEFORE_START: usize = 64;

/// Why no call began on a socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStart {
    /// It closed first.
    #[error(
        "the socket closed before `start`: see whether the Voicebot applet's URL ends in the call's session, and whether a proxy cuts it"
    )]
    Closed,
    /// Exotel ended the stream first.
    #[error(
        "Exotel ended the stream before `start`, as it does when the caller hangs up at once: nothing is to be set right"
    )]
    Stopped,
    /// Nothing came in time.
    #[error("no `start` within {} s of the socket's opening: only Exotel's Voicebot applet may connect here", START.as_secs())]
    TooLate,
    /// The stream was announced, and no more.
    #[error(
        "only `connected` and no `start` within {} s of the socket's opening: see whether a proxy in between holds messages back, and whether it is \
         Exotel's Voicebot applet that connects here",
        START.as_secs()
    )]
    OnlyConnected,
    /// Too much came before it.
    #[error(
        "{BEFORE_START} frames came and none was `start`: only Exotel's Voicebot applet may connect here"
    )]
    Rubbish,
    /// The `start` is unusable.
    #[error("unusable `start`: {reason}")]
    Unusable {
        /// Why.
        reason: String,
        /// The call that it names all the same.
        call_sid: Option<CallSid>,
    },
    /// The socket was given up for another reason.
    #[error("{}", .0.detail)]
    Broken(Break),
}

impl NoStart {
    /// The call that an unusable `start` names all the same.
    pub fn call_sid(&self) -> Option<&CallSid> {
        match self {
            NoStart::Unusable { call_sid, .. } => call_sid.as_ref(),
            _ => None,
        }
    }

    /// Its name among the problems of a call.
    pub fn name(&self) -> &'static str {
        match self {
            NoStart::Closed | NoStart::Stopped => "stream-closed-early",
            NoStart::TooLate | NoStart::OnlyConnected | NoStart::Rubbish => "stream-not-started",
            NoStart::Unusable { .. } => "unusable-start",
            NoStart::Broken(why) => why.name,
        }
    }
}

/// Waits for `start`; tells how many frames had to be passed over before it.
pub async fn await_start<W: Wire>(wire: &mut W) -> Result<(Start, usize), NoStart> {
    let mut connected = false;
    let started = tokio::time::timeout(START, async {
        let mut passed_over = 0;
        while passed_over < BEFORE_START {
            match wire.receive().await {
                Received::Closed => return Err(NoStart::Closed),
                Received::Broken(why) => return Err(NoStart::Broken(why)),
                Received::Binary(_) => passed_over += 1,
                Received::Text(text) => match inbound::parse(text.as_ref()) {
                    Ok(Inbound::Start(start)) => return Ok((start, passed_over)),
                    Ok(Inbound::Connected) => connected = true,
                    Ok(Inbound::Stop(_)) => return Err(NoStart::Stopped),
                    Ok(_) => passed_over += 1,
                    Err(error) if text.as_ref().contains("\"start\"") => {
                        return Err(NoStart::Unusable {
                            reason: error.to_string(),
                            call_sid: inbound::call_sid_of(text.as_ref()),
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
