//! From an accepted socket to a known call: waits for `start`, finds the call it belongs to and the customer's record.

use std::time::Duration;

use samvaad_exotel::inbound::{self, Inbound, Start};
use samvaad_model::{CallId, CallSid, CallState, CustomerRecord, PhoneNumber};
use samvaad_store::StoreError;

use crate::services::Services;
use crate::wire::{Break, Received, Wire};

/// A stream that has not started after this time never will.
const START: Duration = Duration::from_secs(10);
/// How long looking at an earlier record may take.
const EARLIER: Duration = Duration::from_millis(200);
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
    #[error("Exotel ended the stream before `start`, as it does when the caller hangs up at once: nothing is to be set right")]
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
    #[error("{BEFORE_START} frames came and none was `start`: only Exotel's Voicebot applet may connect here")]
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
                        return Err(NoStart::Unusable { reason: error.to_string(), call_sid: inbound::call_sid_of(text.as_ref()) });
                    }
                    Err(_) => passed_over += 1,
                },
            }
        }
        Err(NoStart::Rubbish)
    })
    .await;
    started.unwrap_or(Err(if connected { NoStart::OnlyConnected } else { NoStart::TooLate }))
}

/// What was found of a call.
pub struct Found {
    /// Our id: the one it was bound to, or a new one.
    pub call_id: CallId,
    /// The customer's record, where there is one.
    pub customer: Option<CustomerRecord>,
    /// What the stores could not tell, for the call's record.
    pub failures: Vec<StoreError>,
}

/// Where to look for a call: `start` decides, then the session in the socket's path, then the number.
pub struct Clues<'a> {
    /// `start.call_sid`.
    pub sid: Option<&'a CallSid>,
    /// The last part of the socket's path: a CallSid, our own id, or the literal `{CallSid}`.
    pub session: &'a str,
    /// `start.custom_parameters`, of which `call-id` or `CustomField` may be ours.
    pub parameters: &'a [(String, String)],
    /// The customer's number.
    pub number: Option<&'a PhoneNumber>,
}

/// Finds the call and the customer's record. A store that fails is told in `failures`; the call goes on without.
pub async fn find(services: &Services, clues: Clues<'_>) -> Found {
    let sessions = &services.sessions;
    let mut failures = Vec::new();
    let mut told = |result: Result<Option<CallId>, StoreError>| {
        result.unwrap_or_else(|error| {
            failures.push(error);
            None
        })
    };
    let mut call_id = match clues.sid {
        Some(sid) => told(sessions.bound(sid).await),
        None => None,
    };
    if call_id.is_none()
        && let Ok(sid) = CallSid::parse(clues.session)
    {
        call_id = told(sessions.bound(&sid).await);
    }
    let named = || {
        clues.parameters.iter().filter(|(name, _)| name == "call-id" || name == "CustomField").find_map(|(_, value)| CallId::parse(value))
    };
    let call_id = call_id.or_else(|| CallId::parse(clues.session)).or_else(named);
    let mut customer = None;
    if let Some(call_id) = call_id {
        customer = keep(sessions.customer_by_call(call_id).await, &mut failures);
    }
    if customer.is_none()
        && let Some(number) = clues.number
    {
        customer = keep(sessions.customer_by_phone(number).await, &mut failures);
    }
    let call_id = match (call_id, &customer) {
        (Some(call_id), _) => call_id,
        (None, Some(customer)) => fresh(services, customer.call_id).await,
        (None, None) => CallId::generate(),
    };
    Found { call_id, customer, failures }
}

/// A number's newest record may be of a call that has been held: then this one is another call, with a record of its own.
async fn fresh(services: &Services, call_id: CallId) -> CallId {
    let earlier = tokio::time::timeout(EARLIER, services.ledger.get(call_id)).await;
    match earlier {
        Ok(Ok(Some(record))) if record.state != CallState::Pending => CallId::generate(),
        _ => call_id,
    }
}

fn keep<T>(result: Result<Option<T>, StoreError>, failures: &mut Vec<StoreError>) -> Option<T> {
    result.unwrap_or_else(|error| {
        failures.push(error);
        None
    })
}
