//! Whether a call may go on on another stream: one whose engine has stopped, when Exotel connects
//! again for the same CallSid.
//!
//! One call has one stream, so that a second one is refused as long as the first may be alive. The
//! engine that had the first is gone if its lease has run out, or if its heartbeat has not changed
//! for a while; whether clocks of nodes agree does not matter for the latter.

use std::time::Duration;

use ghanti_exotel::inbound::Start;
use ghanti_model::fold::ending::RESUMABLE_MS;
use ghanti_model::fold::network::final_status;
use ghanti_model::fold::transfer;
use ghanti_model::{CallRecord, CallState, CustomerRecord, NodeId, Outcome};
use ghanti_replay::recorded_fields;
use ghanti_store::StoreError;
use ghanti_store::lease::HEARTBEAT;
use tokio::time::Instant;

use crate::binding::Doubt;
use crate::find::Found;
use crate::services::Services;
use crate::wire::{Received, Wire};

/// How often one call may be resumed: one that stops its engines must not stop them all.
const TIMES: u32 = 3;
/// After how long an engine whose heartbeat does not change is gone.
const SILENT: Duration = HEARTBEAT.saturating_mul(3);
/// How long that is waited for. The caller hears nothing meanwhile.
const WITHIN: Duration = HEARTBEAT.saturating_mul(6);
/// Between two looks at the heartbeat.
const LOOK: Duration = Duration::from_millis(250);

/// Whether a call with a stream may go on on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumable {
    /// Its engine has stopped.
    Yes,
    /// It is live at this node, which may be gone.
    Perhaps(NodeId),
    /// It has ended, or it is live at a node that runs.
    No,
}

/// Judges a record. `here` is this engine, `gone` one that is known to have stopped.
pub fn resumable(
    record: &CallRecord,
    here: NodeId,
    gone: Option<NodeId>,
    now_ms: u64,
) -> Resumable {
    let is_over = final_status(record).is_some() || transfer::is_decided(record);
    if record.journal.is_none() || is_over || record.resumptions >= TIMES {
        return Resumable::No;
    }
    match (record.state, record.node) {
        (CallState::Ended, _) => {
            let lately = record
                .ended_ms
                .is_some_and(|ended_ms| now_ms < ended_ms.saturating_add(RESUMABLE_MS));
            if lately && record.has_outcome(Outcome::EngineStopped) {
                Resumable::Yes
            } else {
                Resumable::No
            }
        }
        (CallState::Live, Some(node)) if node != here => {
            if gone == Some(node) {
                Resumable::Yes
            } else {
                Resumable::Perhaps(node)
            }
        }
        (CallState::Live | CallState::Pending, _) => Resumable::No,
    }
}

/// Whether the one on the line is whom the call was with; `None` if that cannot be determined, since what
/// the applets reported of the call cannot be read.
pub fn is_same_caller(record: &CallRecord, found: &Found, start: &Start) -> Option<bool> {
    if found.number == record.customer_number {
        return Some(true);
    }
    if found.doubt != Some(Doubt::Unreadable) {
        return Some(false);
    }
    // which of the two is the customer was known when the call began
    let ends = (&start.from, &start.to);
    if record.line_number.is_some() && ends == (&record.line_number, &record.customer_number) {
        return Some(true);
    }
    found.number.is_some().then_some(false)
}

/// The customer's record as the call was given it, if the session store cannot be read: what the flow
/// has asked of it is in the journal.
pub fn recalled_customer(record: &CallRecord, found: &Found) -> Option<CustomerRecord> {
    if found.customer.is_some() || found.doubt != Some(Doubt::Unreadable) {
        return None;
    }
    let fields = recorded_fields(record.journal.as_ref()?);
    (!fields.is_empty()).then_some(CustomerRecord {
        call_id: record.order.unwrap_or(record.call_id),
        phone: record.customer_number.clone()?,
        flow: record.flow.clone(),
        fields,
    })
}

/// Whether an engine is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Gone,
    Unknown,
}

/// The heartbeat of an engine, as it is seen from another one.
#[derive(Debug)]
struct Pulse {
    last: Option<u64>,
    since: Instant,
    beats: u32,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            last: None,
            since: now,
            beats: 0,
        }
    }

    /// Takes what the database says of the last heartbeat.
    fn look(&mut self, seen: Result<Option<u64>, StoreError>, now: Instant) -> Life {
        match seen {
            // its lease was given up, or has run out long ago
            Ok(None) => return Life::Gone,
            Ok(beat) if self.last.is_some() && beat != self.last => {
                (self.last, self.since) = (beat, now);
                self.beats += 1;
            }
            Ok(beat) => self.last = beat,
            // nothing is known; the caller's time runs out
            Err(_) => self.since = now,
        }
        // one may have been on its way when the engine died
        if self.beats > 1 {
            Life::Alive
        } else if now >= self.since + SILENT {
            Life::Gone
        } else {
            Life::Unknown
        }
    }
}

/// Waits until it is known whether an engine is gone. Returns whether it is; false also where that
/// does not become known.
pub async fn has_stopped(services: &Services, node: NodeId) -> bool {
    let archive = services.registry.archive();
    let began = Instant::now();
    let mut pulse = Pulse::new(began);
    loop {
        let seen = archive.last_heartbeat(node).await;
        let now = Instant::now();
        match pulse.look(seen, now) {
            Life::Gone => return true,
            Life::Alive => return false,
            Life::Unknown if now >= began + WITHIN => return false,
            Life::Unknown => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Like [`has_stopped`], and reads what arrives on the socket meanwhile, which nobody listens to.
/// Returns false also if the socket is closed.
pub async fn is_gone(wire: &mut dyn Wire, services: &Services, node: NodeId) -> bool {
    let mut stopped = std::pin::pin!(has_stopped(services, node));
    loop {
        tokio::select! {
            biased;
            stopped = &mut stopped => return stopped,
            received = wire.receive() => match received {
                Received::Closed | Received::Broken(_) => return false,
                Received::Text(_) | Received::Binary(_) | Received::Control => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::journal::FORMAT;
    use ghanti_model::{CallId, Decision, FlowName, Journal, JournalHeader, VersionId};

    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn record(state: CallState, node: NodeId) -> CallRecord {
        let call = CallId::generate();
        CallRecord {
            state,
            node: Some(node),
            outcome: (state == CallState::Ended).then(|| Outcome::EngineStopped.to_string()),
            ended_ms: (state == CallState::Ended).then_some(NOW_MS),
            journal: Some(Journal {
                header: JournalHeader {
                    format: FORMAT,
                    call_id: call,
                    flow: FlowName::parse("emi-reminder").unwrap(),
                    version: VersionId::parse("0123456789abcdef").unwrap(),
                    seed: 1,
                    began_ms: None,
                },
                entries: Vec::new(),
            }),
            ..CallRecord::new(call, 0)
        }
    }

    #[test]
    fn only_a_call_whose_engine_is_gone_goes_on() {
        let (here, there) = (NodeId::generate(), NodeId::generate());
        let of = |record: &CallRecord, gone| resumable(record, here, gone, NOW_MS + 1_000);
        let live = record(CallState::Live, there);
        assert_eq!(of(&live, None), Resumable::Perhaps(there));
        assert_eq!(of(&live, Some(there)), Resumable::Yes);
        assert_eq!(of(&live, Some(here)), Resumable::Perhaps(there));
        assert_eq!(of(&record(CallState::Live, here), None), Resumable::No);
        assert_eq!(of(&record(CallState::Pending, there), None), Resumable::No);
        let ended = record(CallState::Ended, there);
        assert_eq!(of(&ended, None), Resumable::Yes);
        assert_eq!(
            resumable(&ended, here, None, NOW_MS + RESUMABLE_MS),
            Resumable::No
        );
    }

    #[test]
    fn a_call_that_has_its_end_does_not_go_on() {
        let (here, there) = (NodeId::generate(), NodeId::generate());
        let of = |change: &dyn Fn(&mut CallRecord)| {
            let mut record = record(CallState::Ended, there);
            change(&mut record);
            resumable(&record, here, None, NOW_MS)
        };
        assert_eq!(of(&|_| {}), Resumable::Yes);
        assert_eq!(
            of(&|record| record.outcome = Some("hung-up".to_owned())),
            Resumable::No
        );
        assert_eq!(of(&|record| record.journal = None), Resumable::No);
        let transfer = Decision::Transfer {
            words: None,
            target: "default".to_owned(),
            numbers: Vec::new(),
        };
        assert_eq!(
            of(&|record| record.decision = Some(transfer.clone())),
            Resumable::No
        );
        assert_eq!(of(&|record| record.resumptions = TIMES), Resumable::No);
        let over = |record: &mut CallRecord| {
            record
                .exotel
                .insert("Status".to_owned(), "completed".to_owned());
        };
        assert_eq!(of(&over), Resumable::No, "Exotel said that it is over");
    }

    #[test]
    fn an_engine_lives_whose_heartbeat_goes_on() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut pulse = Pulse::new(began);
        assert_eq!(pulse.look(Ok(Some(1)), began), Life::Unknown);
        assert_eq!(pulse.look(Ok(Some(1)), at(2_900)), Life::Unknown);
        assert_eq!(pulse.look(Ok(Some(1)), at(3_000)), Life::Gone);
        // the last one came while it died
        let mut pulse = Pulse::new(began);
        assert_eq!(pulse.look(Ok(Some(1)), began), Life::Unknown);
        assert_eq!(pulse.look(Ok(Some(2)), at(500)), Life::Unknown);
        assert_eq!(pulse.look(Ok(Some(2)), at(3_499)), Life::Unknown);
        assert_eq!(pulse.look(Ok(Some(2)), at(3_500)), Life::Gone);
        let mut pulse = Pulse::new(began);
        for (ms, beat) in [(0, 1), (900, 2), (1_900, 3)] {
            let expected = if beat == 3 {
                Life::Alive
            } else {
                Life::Unknown
            };
            assert_eq!(pulse.look(Ok(Some(beat)), at(ms)), expected);
        }
        assert_eq!(Pulse::new(began).look(Ok(None), began), Life::Gone);
    }
}
