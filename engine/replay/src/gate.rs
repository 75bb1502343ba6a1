//! The replay gate: replays a flow's newest recorded calls against a candidate before it takes
//! calls.
//!
//! It finds the same differences as `ghanti replay`, including changed prompt files. It shares the
//! machine with live calls, so it reads records one page at a time and never runs more than two
//! replays at once in the whole process, however many flows are loaded.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use ghanti_catalogue::{Obstacle, ReplayCheck, ReplayVerdict};
use ghanti_host::FlowVersion;
use ghanti_manifest::ReplayGate;
use ghanti_model::{CallRecord, Zone};
use ghanti_store::SqlRecords;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::calls::{Recorded, from_record};
use crate::error::ReplayError;
use crate::of_record::lacks_room;
use crate::replayer::replayed;
use crate::report::Replayed;

/// Records per page.
const PAGE: u32 = 32;
/// Maximum number of concurrent replays, so that on each of two cores a live call waits for at most
/// one.
const AT_ONCE_MAX: usize = 2;

/// Replays recorded calls for gates.
pub struct RecordedCheck {
    records: Arc<SqlRecords>,
    zone: Zone,
    turns: Arc<Semaphore>,
}

type Version = Arc<FlowVersion>;
type Found = Result<Option<Obstacle>, String>;

impl RecordedCheck {
    /// Creates a check that reads these records. Local time is that of `zone`.
    pub fn new(records: Arc<SqlRecords>, zone: Zone) -> Self {
        // leaves half of the cores to live calls; a single core is shared
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            records,
            zone,
            turns: Arc::new(Semaphore::new((cores / 2).clamp(1, AT_ONCE_MAX))),
        }
    }

    /// Prepares a replay. Waits for a permit first, which bounds the number of tasks.
    async fn turn(
        &self,
        recorded: Recorded,
        candidate: &Version,
        gate: &ReplayGate,
    ) -> impl Future<Output = Found> + use<> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let (candidate, gate, zone) = (Arc::clone(candidate), gate.clone(), self.zone.clone());
        async move {
            let _turn = turn.map_err(|error| error.to_string())?;
            obstacle(recorded, &candidate, &gate, &zone).await
        }
    }
}

#[async_trait]
impl ReplayCheck for RecordedCheck {
    async fn check(&self, candidate: &Version, gate: &ReplayGate) -> Result<ReplayVerdict, String> {
        let flow = &candidate.name;
        if self
            .records
            .has_held(flow, &candidate.id)
            .await
            .map_err(|error| error.to_string())?
        {
            return Ok(ReplayVerdict::HeldBefore);
        }
        let (mut calls, mut after, mut running) = (0, None, JoinSet::new());
        loop {
            let page = self
                .records
                .newest_of(flow, after.as_ref(), PAGE)
                .await
                .map_err(|error| error.to_string())?;
            for unreadable in page.unreadable {
                tracing::warn!(%flow, error = %unreadable, "replay gate: an unreadable record was skipped");
            }
            for recorded in page.records.into_iter().filter_map(readable) {
                if calls == gate.calls {
                    break;
                }
                calls += 1;
                running.spawn(self.turn(recorded, candidate, gate).await);
                while let Some(done) = running.try_join_next() {
                    if let Some(obstacle) = joined(done)? {
                        return Ok(ReplayVerdict::Differs(obstacle));
                    }
                }
            }
            after = page.next;
            if after.is_none() || calls == gate.calls {
                break;
            }
        }
        while let Some(done) = running.join_next().await {
            if let Some(obstacle) = joined(done)? {
                return Ok(ReplayVerdict::Differs(obstacle));
            }
        }
        Ok(ReplayVerdict::Agrees { calls })
    }
}

fn joined(done: Result<Found, tokio::task::JoinError>) -> Found {
    done.unwrap_or_else(|error| Err(format!("a replay itself failed: {error}")))
}

/// The calls that can be replayed: a call without a journal, or with an empty one, has nothing to
/// compare, and a journal of a later engine cannot be read.
fn readable(record: CallRecord) -> Option<Recorded> {
    let call = record.call_id;
    match from_record(record) {
        Ok(recorded) => Some(recorded).filter(|recorded| !recorded.journal.entries.is_empty()),
        Err(ReplayError::NoJournal(_)) => None,
        Err(error) => {
            tracing::warn!(%call, %error, "replay gate: an unreadable record was skipped");
            None
        }
    }
}

/// The most severe difference of a call for which the gate rejects the candidate.
async fn obstacle(
    recorded: Recorded,
    candidate: &Version,
    gate: &ReplayGate,
    zone: &Zone,
) -> Found {
    let call = recorded.journal.header.call_id;
    let (replayed, end) = replayed(&recorded, candidate, zone, &BTreeSet::new())
        .await
        .map_err(|error| error.to_string())?;
    if lacks_room(&end) {
        return Err(ReplayError::NoRoom.to_string());
    }
    let Replayed { differences, .. } = replayed;
    let found = differences
        .into_iter()
        .find(|reported| gate.rejects(reported.kind, reported.breaks_off));
    Ok(found.map(|reported| Obstacle {
        call,
        seq: reported.seq,
        kind: reported.kind,
        expected: reported.masked.expected,
        got: reported.masked.got,
        breaks_off: reported.breaks_off,
    }))
}
