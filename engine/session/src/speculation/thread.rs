//! The thread on which forks run, one after the other, at low priority: what they compute is taken
//! from no call.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ghanti_host::{FlowVersion, RunEnd, yield_to_calls};
use ghanti_model::Reply;
use ghanti_replay::{Fork, Waits};
use tokio::sync::mpsc;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use super::Said;
use super::counts::{Counts, ForkEnd};
use super::forked::{Forked, Known};

/// How long a fork may take. It computes for at most [`ARRIVAL`](ghanti_host::ARRIVAL), and waits for nothing; this is for a machine whose processors
/// others have, on which it would come too late.
const FORK: Duration = Duration::from_secs(1);

/// The forks of one question.
pub(super) struct Job {
    pub(super) version: Arc<FlowVersion>,
    pub(super) waits: Waits,
    pub(super) replies: Vec<Reply>,
    pub(super) known: Known,
    /// Where they say what they say. It closes when nobody wants to know any more.
    pub(super) said: mpsc::Sender<Said>,
}

/// Starts the thread, which ends with the last sender of jobs.
pub(super) fn start(mut jobs: mpsc::Receiver<Job>, counts: Counts) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let work = move || {
        yield_to_calls("flows run ahead");
        runtime.block_on(async {
            while let Some(job) = jobs.recv().await {
                job.run(&counts).await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("flow-ahead".to_owned());
    thread.spawn(work).map(drop)
}

impl Job {
    async fn run(self, counts: &Counts) {
        for reply in &self.replies {
            let ran = AssertUnwindSafe(self.fork(reply)).catch_unwind();
            // nothing of it is logged: the call may never come there
            let end = ran.with_subscriber(Dispatch::none()).await;
            counts.forks(end.unwrap_or(ForkEnd::Failed), 1);
        }
    }

    /// Runs one fork to its end.
    async fn fork(&self, reply: &Reply) -> ForkEnd {
        if self.said.is_closed() {
            return ForkEnd::Cancelled;
        }
        let language = &self.known.facts.language;
        let Fork {
            journal,
            heard,
            last_prompt,
        } = self.waits.answered(reply.clone(), language);
        let mut known = self.known.clone();
        // as it is after that answer
        known.standing.is_unclear = matches!(reply, Reply::NoInput | Reply::NoMatch);
        let (conversation, ended) = Forked::new(
            Arc::clone(&self.version),
            known,
            heard,
            last_prompt,
            self.said.clone(),
        );
        let limits = self.version.manifest().limits.of_replay();
        let run = self
            .version
            .run_within(Box::new(conversation), journal, &limits);
        tokio::select! {
            biased;
            () = self.said.closed() => ForkEnd::Cancelled,
            Ok(end) = ended => end,
            end = run => match end {
                RunEnd::Returned => ForkEnd::Returned,
                _ => ForkEnd::Failed,
            },
            () = tokio::time::sleep(FORK) => ForkEnd::Failed,
        }
    }
}
