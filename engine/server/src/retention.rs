//! Deletes in the background the data that is older than `[retention]` allows, and adds hash chains to
//! events that were stored before hash chains existed.
//!
//! One node does it at a time, in small batches with pauses, so that calls are not delayed. A run that
//! failed, or found another node at it, is repeated soon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_model::{NodeId, unix_ms};
use ghanti_session::Services;
use ghanti_store::{Aged, SqlRecords, StoreError};
use tokio_util::sync::CancellationToken;

use crate::config::Retention;
use crate::recordings;
use crate::steady::SteadyClock;

/// The task's name in the database.
const TASK: &str = "retention";
/// The time between the start of the engine and the first run.
const FIRST: Duration = Duration::from_secs(10);
/// The time between two runs.
const PAUSE: Duration = Duration::from_secs(600);
/// The time until the next run if the last was not whole.
const RETRY: Duration = Duration::from_secs(30);
/// For how long a node has the task after a batch: longer than a batch takes.
const CLAIM: Duration = Duration::from_secs(120);
/// Maximum number of rows of each kind that a batch deletes: some twenty transactions.
const BATCH: u32 = 20;
/// The pause between two batches, so that calls come first.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// The background task.
pub(crate) struct AgedData {
    pub(crate) records: Arc<SqlRecords>,
    pub(crate) services: Arc<Services>,
    pub(crate) settings: Retention,
    pub(crate) node: NodeId,
}

/// What a run has deleted and chained.
#[derive(Default)]
struct Done {
    aged: Aged,
    chained: u64,
}

impl AgedData {
    /// Runs until the engine stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST;
        let mut clock = SteadyClock::new(Instant::now(), unix_ms());
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            let mut done = Done::default();
            let (by_ms, set_forward) = clock.look(Instant::now(), unix_ms());
            if let Some(ahead) = set_forward {
                tracing::warn!(
                    seconds = ahead.as_secs(),
                    "the system's clock was set forward: for a day data is deleted by its age as the clock was before; see to the time of this machine"
                );
            }
            match stop.run_until_cancelled(self.recordings(by_ms)).await {
                Some(Ok(0)) | None => {}
                Some(Ok(recordings)) => {
                    tracing::info!(
                        recordings,
                        "recordings were deleted by `[retention]` or an erasure"
                    );
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "not all recordings could be checked; trying again later");
                }
            }
            let ended = self.all(&mut done, by_ms, &stop).await;
            pause = if matches!(ended, Ok(true)) {
                PAUSE
            } else {
                RETRY
            };
            self.forget(by_ms);
            let Done { aged, chained } = done;
            if !aged.is_nothing() || chained > 0 {
                let Aged {
                    journals,
                    transcripts,
                    customers,
                    calls,
                    audit,
                } = aged;
                tracing::info!(
                    journals,
                    transcripts,
                    customers,
                    calls,
                    audit,
                    chained,
                    "data older than `[retention]` allows was deleted"
                );
            }
            if let Err(error) = ended {
                tracing::warn!(%error, "not all data older than `[retention]` allows could be deleted; trying again later");
            }
        }
    }

    /// Removes calls from this process' memory of which any node may have deleted something.
    fn forget(&self, by_ms: u64) {
        let ages = self.settings.ages(by_ms);
        let newest = [ages.journals_ms, ages.transcripts_ms, ages.calls_ms];
        if let Some(before_ms) = newest.into_iter().flatten().max() {
            self.services.registry.forget_before(before_ms);
        }
    }

    /// Deletes the recordings in this node's data folder.
    async fn recordings(&self, by_ms: u64) -> Result<u64, StoreError> {
        let before_ms = self.settings.recordings_before(by_ms);
        recordings::sweep(&self.services, &self.records, before_ms, by_ms).await
    }

    /// Runs batches until nothing is left to do or the engine stops. Returns whether nothing is left:
    /// another node may have the task. `by_ms` is the time by which data has its age.
    async fn all(
        &self,
        done: &mut Done,
        by_ms: u64,
        stop: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let batches = stop.run_until_cancelled(self.batches(done, by_ms)).await;
        // another node, or this engine once it has started again, may have the task at once, whatever
        // became of this run; a claim of another node stays
        let now_ms = unix_ms();
        let released = self.records.claim_task(TASK, self.node, now_ms, now_ms);
        let released = released.await.map(drop);
        let is_whole = batches.unwrap_or(Ok(false))?;
        released?;
        if is_whole && !done.aged.is_nothing() {
            self.records.forget_erased().await?;
        }
        Ok(is_whole)
    }

    async fn batches(&self, done: &mut Done, by_ms: u64) -> Result<bool, StoreError> {
        loop {
            let now_ms = unix_ms();
            let claimed = u64::try_from(CLAIM.as_millis()).unwrap_or(u64::MAX);
            let until_ms = now_ms.saturating_add(claimed);
            if !self
                .records
                .claim_task(TASK, self.node, now_ms, until_ms)
                .await?
            {
                return Ok(false);
            }
            let ages = self.settings.ages(by_ms);
            let aged = self
                .records
                .remove_aged(&ages, self.node, by_ms, BATCH)
                .await?;
            let chained = self.records.chain_older(BATCH).await?;
            done.aged.add(aged);
            done.chained += chained;
            if aged.is_nothing() && chained == 0 {
                return Ok(true);
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
    }
}
