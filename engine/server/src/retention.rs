//! Removes in the background what is older than `[retention]` allows, and chains the events that
//! engines before there were hash chains have stored.
//!
//! One node does it at a time. It goes in small steps with pauses, beside the calls: a step that
//! fails is found again by the next run.

use std::sync::Arc;
use std::time::Duration;

use ghanti_model::{NodeId, unix_ms};
use ghanti_session::Services;
use ghanti_store::{Aged, SqlRecords, StoreError};
use tokio_util::sync::CancellationToken;

use crate::config::Retention;
use crate::recordings;

/// The task's name in the database.
const TASK: &str = "retention";
/// The time between the start of the engine and the first run.
const FIRST: Duration = Duration::from_secs(10);
/// The time between two runs.
const PAUSE: Duration = Duration::from_secs(600);
/// For how long a node has the task after a step: longer than a step takes.
const CLAIMED: Duration = Duration::from_secs(120);
/// The most that a step removes of each kind: some twenty transactions.
const STEP: u32 = 20;
/// The pause between two steps, so that calls come first.
const BREATH: Duration = Duration::from_millis(100);

/// The background task.
pub(crate) struct AgedData {
    pub(crate) records: Arc<SqlRecords>,
    pub(crate) services: Arc<Services>,
    pub(crate) settings: Retention,
    pub(crate) node: NodeId,
}

/// What a run has done.
#[derive(Default)]
struct Done {
    aged: Aged,
    chained: u64,
}

impl AgedData {
    /// Runs until the engine stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            pause = PAUSE;
            let mut done = Done::default();
            match stop.run_until_cancelled(self.recordings()).await {
                Some(Ok(0)) | None => {}
                Some(Ok(recordings)) => {
                    tracing::info!(
                        recordings,
                        "recordings that `[retention]` or an erasure does not leave were deleted"
                    );
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "not all recordings could be looked at; trying again later");
                }
            }
            let ended = stop.run_until_cancelled(self.all(&mut done)).await;
            self.forget();
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
                    "what is older than `[retention]` allows was removed"
                );
            }
            if let Some(Err(error)) = ended {
                tracing::warn!(%error, "what is older than `[retention]` allows could not all be removed; trying again later");
            }
        }
    }

    /// Forgets what this process remembers of calls of which something was removed, by whichever node.
    fn forget(&self) {
        let ages = self.settings.ages(unix_ms());
        let newest = [ages.journals_ms, ages.transcripts_ms, ages.calls_ms];
        if let Some(before_ms) = newest.into_iter().flatten().max() {
            self.services.registry.forget_before(before_ms);
        }
    }

    /// Deletes recordings of this node: each has those of its own data folder.
    async fn recordings(&self) -> Result<u64, StoreError> {
        let now_ms = unix_ms();
        let before_ms = self.settings.recordings_before(now_ms);
        recordings::sweep(&self.services, &self.records, before_ms, now_ms).await
    }

    /// Goes on step by step until nothing is left to do, or another node has the task.
    async fn all(&self, done: &mut Done) -> Result<(), StoreError> {
        loop {
            let now_ms = unix_ms();
            let claimed = u64::try_from(CLAIMED.as_millis()).unwrap_or(u64::MAX);
            let until_ms = now_ms.saturating_add(claimed);
            if !self
                .records
                .claim_task(TASK, self.node, now_ms, until_ms)
                .await?
            {
                return Ok(());
            }
            let ages = self.settings.ages(now_ms);
            let aged = self
                .records
                .remove_aged(&ages, self.node, now_ms, STEP)
                .await?;
            let chained = self.records.chain_older(STEP).await?;
            done.aged.add(aged);
            done.chained += chained;
            if aged.is_nothing() && chained == 0 {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        // another node may look at once
        let now_ms = unix_ms();
        self.records
            .claim_task(TASK, self.node, now_ms, now_ms)
            .await?;
        if !done.aged.is_nothing() {
            self.records.forget_erased().await?;
        }
        Ok(())
    }
}
