//! Finds out what became of a dialled call without reports: its record must not stay open for ever,
//! and a campaign waits for it.
//!
//! A call that Exotel took is looked up by its CallSid. One of which it is not known whether Exotel took it
//! is looked for among those that Exotel lists, soon after the dial, when its phone has stopped
//! ringing, and from then on until its fate is certain: it is listed, or the list has no such call at
//! a time at which it would have had to be there. Nothing is dialled again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ghanti_campaign::api::RECENT;
use ghanti_exotel::rest::CallDetails;
use ghanti_model::event::{DialAnswer, StatusReported};
use ghanti_model::{CallId, CallSid, CallState, EventKind, unix_ms};
use ghanti_session::network;

use super::{DialContext, Dialler};
use crate::unknown_dial::{Found, Owner, UnknownDial};

/// After how long, once the phone has stopped ringing and its end should have been reported, a call
/// that Exotel took is looked up again. Exotel's details are final about two minutes after a call.
const LOOKED_UP_AGAIN: [Duration; 2] = [Duration::from_secs(150), Duration::from_secs(900)];
/// After how long the call of a dial without a reply is looked for first: one that failed or was busy is
/// listed by then.
const LOOKED_FOR: Duration = Duration::from_secs(10);
/// Time between two looks once its phone has stopped ringing. Exotel's list is final about two minutes
/// after a call, so that a call that the second look does not find was never made.
const LOOKED_FOR_AGAIN: Duration = Duration::from_secs(120);
/// The most such looks, where Exotel's list cannot be read or is not clear.
const LOOKS: u32 = 9;

/// A call that may ring.
pub(super) enum Followed {
    /// Exotel took it.
    Accepted(CallSid),
    /// Whether it did is not known, for this reason.
    Unknown(UnknownDial, String),
}

/// What a look at Exotel's list came to.
enum Look {
    /// The call's end is recorded.
    Settled,
    /// The call goes on, by this CallSid.
    GoesOn(CallSid),
    /// There is no such call.
    Nothing,
    /// It did not say, for this reason.
    NotClear(String),
}

/// Looks a call up at Exotel, as long as nothing was reported of it, and ends it in the end.
pub(super) async fn follow(
    engine: &DialContext,
    dialler: &Dialler,
    call: CallId,
    followed: Followed,
) {
    match followed {
        Followed::Accepted(sid) => follow_accepted(engine, dialler, call, &sid).await,
        Followed::Unknown(dial, reason) => {
            follow_unknown(engine, dialler, call, &dial, &reason).await;
        }
    }
}

async fn follow_accepted(engine: &DialContext, dialler: &Dialler, call: CallId, sid: &CallSid) {
    let pauses = [dialler.rings_for()].into_iter().chain(LOOKED_UP_AGAIN);
    for pause in pauses {
        if !still_waits(engine, call, pause).await || look_up(engine, dialler, call, sid).await {
            return;
        }
    }
    let what = "Exotel took the call and reported neither its stream nor its end";
    give_up(engine, call, what.to_owned()).await;
}

async fn follow_unknown(
    engine: &DialContext,
    dialler: &Dialler,
    call: CallId,
    dial: &UnknownDial,
    reason: &str,
) {
    let ringing = dialler.rings_for().saturating_sub(LOOKED_FOR);
    let again = std::iter::repeat_n(LOOKED_FOR_AGAIN, LOOKS as usize);
    let pauses = [LOOKED_FOR, ringing].into_iter().chain(again);
    let mut seen = String::new();
    for (nth, pause) in pauses.enumerate() {
        if !still_waits(engine, call, pause).await {
            return;
        }
        match find(engine, dialler, call, dial).await {
            Look::Settled => return,
            Look::GoesOn(sid) => return follow_accepted(engine, dialler, call, &sid).await,
            // it would have ended, and be listed for two minutes
            Look::Nothing if nth >= 2 => {
                return not_dialled(engine, call, dial, reason).await;
            }
            Look::Nothing => {
                "Exotel lists no ended call to this number from that time".clone_into(&mut seen);
            }
            Look::NotClear(why) => seen = why,
        }
        tracing::info!(%call, why = seen, "the call of a dial without a reply is not found yet");
    }
    let what = format!(
        "whether Exotel dialled the call is not known, and nothing was reported of it; {seen}"
    );
    give_up(engine, call, what).await;
}

/// Waits, and returns whether nothing was reported of the call meanwhile. A call that is over by the
/// time that an engine stops is reported by its callback, to any engine.
async fn still_waits(engine: &DialContext, call: CallId, pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = engine.draining.cancelled() => return false,
    }
    let record = engine.services.registry.read(call).await;
    // while the database does not answer, the call is looked up all the same
    record.map_or(true, |record| {
        record.is_some_and(|record| record.state == CallState::Pending)
    })
}

async fn give_up(engine: &DialContext, call: CallId, what: String) {
    let overdue = EventKind::StreamOverdue {
        what,
        unnamed: None,
    };
    engine.services.registry.append(call, overdue).await;
}

/// Records that nobody was dialled, as Exotel has no such call.
async fn not_dialled(engine: &DialContext, call: CallId, dial: &UnknownDial, answer: &str) {
    let after_s = unix_ms().saturating_sub(dial.asked_ms) / 1_000;
    let reason = format!(
        "{after_s} s after the dial Exotel lists no call to this number from that time: nobody was dialled. The answer to the dial was: {answer}"
    );
    tracing::warn!(%call, number = %dial.customer, reason, "not dialled");
    let refused = EventKind::Dialled(DialAnswer::Refused { reason });
    engine.services.registry.append(call, refused).await;
}

/// Looks for the call of a dial whose result is unknown among those that Exotel lists, and records
/// its final status.
async fn find(engine: &DialContext, dialler: &Dialler, call: CallId, dial: &UnknownDial) -> Look {
    let registry = &engine.services.registry;
    let listed = match dialler.api.recent_calls(&dial.customer).await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::warn!(%call, %error, "a call of unknown result cannot be looked for");
            let why = format!("Exotel's list of calls could not be read: {error}");
            return Look::NotClear(why);
        }
    };
    let mut owners = HashMap::new();
    for listed in &listed {
        let owner = match registry.by_sid(&listed.call.sid).await {
            Ok(None) => Owner::Free,
            Ok(Some(record)) if record.call_id == call => Owner::Free,
            Ok(Some(_)) => Owner::Another,
            Err(_) => Owner::NotKnown,
        };
        owners.insert(listed.call.sid.clone(), owner);
    }
    let owner = |listed: &CallDetails| {
        let owner = owners.get(&listed.call.sid).copied();
        owner.unwrap_or(Owner::NotKnown)
    };
    let details = match dial.find(listed, RECENT, owner) {
        Found::Call(details) => details,
        Found::Nothing => return Look::Nothing,
        Found::NotClear(why) => return Look::NotClear(why),
    };
    let sid = details.call.sid.clone();
    // another dial to this number, of any engine, may have found it at the same time
    match registry
        .archive()
        .claim_call_sid(&sid, call, unix_ms())
        .await
    {
        Ok(true) => {}
        Ok(false) => {
            let why = "the call that Exotel lists is another one's";
            return Look::NotClear(why.to_owned());
        }
        Err(error) => {
            return Look::NotClear(format!(
                "whether the call that Exotel lists is another one's is not known: {error}"
            ));
        }
    }
    tracing::info!(%call, %sid, "the call of a dial without a reply was found in Exotel's list");
    match reported(*details) {
        Some(reported) => {
            registry.append(call, reported).await;
            Look::Settled
        }
        None => {
            let call_sid = sid.clone();
            registry.append(call, EventKind::Named { call_sid }).await;
            Look::GoesOn(sid)
        }
    }
}

/// Asks Exotel for the status of a call whose status callback did not come, and records it if it is
/// final. Returns whether it has one.
pub async fn look_up(engine: &DialContext, dialler: &Dialler, call: CallId, sid: &CallSid) -> bool {
    match dialler.api.call(sid).await {
        Ok(details) => {
            let Some(reported) = reported(details) else {
                return false;
            };
            tracing::info!(%call, %sid, "no status callback came: the call was looked up");
            engine.services.registry.append(call, reported).await;
            true
        }
        Err(error) => {
            tracing::warn!(%call, %sid, %error, "a call cannot be looked up");
            false
        }
    }
}

/// What a status callback would have said; `None` while the call goes on.
fn reported(details: CallDetails) -> Option<EventKind> {
    let status = details.call.status.filter(|status| status.is_final())?;
    let duration = details.call.duration_s.map(|duration| duration.to_string());
    let reported = BTreeMap::from_iter(
        [
            Some(("Status".to_owned(), status.as_str().to_owned())),
            duration.map(|duration| ("Duration".to_owned(), duration)),
            details
                .call
                .recording_url
                .map(|url| ("RecordingUrl".to_owned(), url)),
            details.answered_by.map(|by| ("AnsweredBy".to_owned(), by)),
        ]
        .into_iter()
        .flatten(),
    );
    Some(EventKind::StatusReported(Box::new(StatusReported {
        parameters: network::bounded(reported),
        call_sid: Some(details.call.sid),
        direction: details.direction,
        agents: Vec::new(),
    })))
}
