//! Moves a running call to a newer version of its flow, if the manifest allows it, or to the one that an
//! operator wants. While the call
//! waits for its caller, the newer version replays the journal in a store of its own. If it reaches
//! the point where the call waits, it continues from there.
//!
//! The caller notices nothing: nothing is spoken again, and the same wait continues. A version that
//! does not reach that point is dropped. The call then stays on its version, and its record keeps
//! the reason, so that the same migration is not tried again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, pending};
use ghanti_catalogue::Pinned;
use ghanti_host::{ARRIVAL, FlowVersion, Limit, MIGRATIONS, RunEnd};
use ghanti_manifest::Running;
use ghanti_model::{Decision, EventKind, VersionId, VersionMove};
use ghanti_replay::Handover;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

use crate::ending::describe;
use crate::live::{ConversationParts, Takeover};
use crate::machine::Awaited;
use crate::running::{RunState, RunningFlow};
use crate::services::Services;

/// How long a version may take, in real time, to reach the point where a call waits. It may compute
/// for [`ARRIVAL`]; this is long enough for that on the busiest machine.
const ARRIVE: Duration = Duration::from_secs(10);
/// How many migrations are tried in one call.
const MOVES: usize = 64;

/// Limits how many calls try to migrate at once. Clones share the limit.
#[derive(Clone)]
pub struct MigrationSlots(Arc<Semaphore>);

impl Default for MigrationSlots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MIGRATIONS as usize)))
    }
}

/// Watches for newer versions of one call's flow.
pub struct Migration<'a> {
    services: &'a Services,
    parts: &'a ConversationParts,
    changes: watch::Receiver<u64>,
    /// The version that an operator wants.
    wanted: watch::Receiver<Option<VersionId>>,
    state: State,
}

enum State {
    /// It has to be checked whether there is a newer version.
    Looking,
    /// There is no version to move to.
    Idle,
    /// There is one; the call waits for a migration slot.
    Queued(BoxFuture<'static, Option<OwnedSemaphorePermit>>),
    Trying(Box<Attempt>),
}

/// A newer version that is replaying the journal.
struct Attempt {
    flow: RunningFlow,
    handover: Handover,
    awaited: Awaited,
    seq: u32,
    arrived: oneshot::Receiver<()>,
    go: oneshot::Sender<()>,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl<'a> Migration<'a> {
    /// Watches for a call whose conversations are made from these parts.
    pub fn new(services: &'a Services, parts: &'a ConversationParts) -> Self {
        Self {
            services,
            parts,
            changes: services.catalogue.changes(),
            wanted: parts.call.wanted().subscribe(),
            state: State::Looking,
        }
    }

    /// Waits until a newer version takes over from the running one, and returns it. `awaited` is
    /// the completion that the running flow waits for now; call this again whenever it changes.
    /// Cancel-safe.
    pub async fn next(&mut self, running: &RunState, awaited: Option<Awaited>) -> RunningFlow {
        loop {
            match &mut self.state {
                State::Looking => {
                    self.state = match self.newer(running) {
                        Some(_) => State::Queued(place(&self.services.migration_slots)),
                        None => State::Idle,
                    }
                }
                State::Idle => {
                    let changed = tokio::select! {
                        changed = self.changes.changed() => changed,
                        wanted = self.wanted.changed() => wanted,
                    };
                    match changed {
                        Ok(()) => self.state = State::Looking,
                        Err(_) => pending().await,
                    }
                }
                State::Queued(place) => {
                    if self.parts.transfers() {
                        self.state = State::Idle;
                        continue;
                    }
                    let Some(awaited) = awaited else {
                        // a busy flow must not occupy a slot
                        self.state = State::Looking;
                        return pending().await;
                    };
                    let place = place.await;
                    let newer = self.newer(running);
                    let attempt = place
                        .zip(newer)
                        .and_then(|(place, newer)| self.begin(running, newer, awaited, place));
                    self.state =
                        attempt.map_or(State::Idle, |attempt| State::Trying(Box::new(attempt)));
                }
                State::Trying(attempt) => {
                    let refusal = attempt.arrive().await;
                    let State::Trying(attempt) = std::mem::replace(&mut self.state, State::Looking)
                    else {
                        continue;
                    };
                    if let Some(reason) = refusal {
                        self.note(running, &attempt, Some(reason));
                    } else if awaited == Some(attempt.awaited)
                        && !self.parts.transfers()
                        && attempt.handover.complete(&running.journal)
                    {
                        self.note(running, &attempt, None);
                        let Attempt { flow, go, .. } = *attempt;
                        // the receiver waits for this, unless it was dropped with its call
                        let _ = go.send(());
                        return flow;
                    }
                    // the version arrived too late, since the call has gone on: try again from
                    // where it is now
                }
            }
        }
    }

    /// Returns the version that the call may move to, if there is one: the one that an operator wants,
    /// else a newer one.
    fn newer(&self, running: &RunState) -> Option<Arc<FlowVersion>> {
        let is_exhausted = self.parts.call.record().moves.len() >= MOVES;
        if let Some(wanted) = &*self.wanted.borrow() {
            let is_other = *wanted != running.version.id && !is_exhausted;
            let flow = &running.version.name;
            return is_other
                .then(|| self.services.catalogue.loaded(flow, wanted))
                .flatten();
        }
        let version = self.services.catalogue.successor(&running.version)?;
        let moves = version
            .manifest()
            .update
            .running
            .unwrap_or(self.services.settings.running)
            == Running::Move;
        let was_refused = |tried: &VersionMove| {
            tried.refused.is_some() && tried.from == running.version.id && tried.to == version.id
        };
        let record = self.parts.call.record();
        let is_tried = is_exhausted || record.moves.iter().any(was_refused);
        drop(record);
        (moves && !is_tried).then_some(version)
    }

    fn begin(
        &self,
        running: &RunState,
        version: Arc<FlowVersion>,
        awaited: Awaited,
        place: OwnedSemaphorePermit,
    ) -> Option<Attempt> {
        let handover = Handover::begin(&running.journal, version.id.clone())?;
        let journal = handover.journal().clone();
        let seq = u32::try_from(journal.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let (has_arrived, arrived) = oneshot::channel();
        let (go, goes) = oneshot::channel();
        let takeover = Takeover {
            awaited,
            arrived: has_arrived,
            go: goes,
        };
        let conversation = self
            .parts
            .conversation(Arc::clone(&version), Some(takeover));
        let flow = RunningFlow::new(Pinned::new(version), journal, conversation);
        Some(Attempt {
            flow,
            handover,
            awaited,
            seq,
            arrived,
            go,
            until: Instant::now() + ARRIVE,
            _place: place,
        })
    }

    /// Records whether a migration succeeded, or why it was refused.
    fn note(&self, running: &RunState, attempt: &Attempt, refused: Option<String>) {
        let (call, seq) = (&self.parts.call, attempt.seq);
        let (from, to) = (
            running.version.id.clone(),
            attempt.flow.state.version.id.clone(),
        );
        if refused.is_none() {
            call.go_on_with(attempt.flow.state.journal.clone());
        } else {
            // it is not tried again before somebody wants it again
            call.wanted()
                .send_if_modified(|wanted| wanted.take_if(|wanted| *wanted == to).is_some());
        }
        let unix_ms = call.unix_ms(call.now_ms());
        call.emit(EventKind::VersionMoved(VersionMove {
            unix_ms,
            from,
            to,
            seq,
            refused,
        }));
    }
}

fn place(migration_slots: &MigrationSlots) -> BoxFuture<'static, Option<OwnedSemaphorePermit>> {
    let places = Arc::clone(&migration_slots.0);
    Box::pin(async move { places.acquire_owned().await.ok() })
}

impl Attempt {
    /// Waits until the version has reached the point where the call waits. Returns the reason if it
    /// does not.
    async fn arrive(&mut self) -> Option<String> {
        tokio::select! {
            biased;
            Ok(()) = &mut self.arrived => None,
            end = self.flow.run.ended() => Some(match end {
                RunEnd::LimitExceeded { what: Limit::Arrival } => {
                    format!("it did not come to entry {} within {} ms of processor time", self.seq, ARRIVAL.as_millis())
                }
                RunEnd::Trapped { .. } | RunEnd::LimitExceeded { .. } => describe(&end),
                _ => self.handover.refusal().to_string(),
            }),
            () = tokio::time::sleep_until(self.until) => {
                Some(format!("it did not come to entry {} within {} s", self.seq, ARRIVE.as_secs()))
            }
        }
    }
}

impl ConversationParts {
    /// Returns whether a transfer has been decided. The call is then on its way to an agent and
    /// does not migrate any more.
    fn transfers(&self) -> bool {
        matches!(self.call.record().decision, Some(Decision::Transfer { .. }))
    }
}
