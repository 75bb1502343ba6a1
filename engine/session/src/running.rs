//! A running flow: its pinned version, its journal and its run.

use std::sync::Arc;

use futures_util::future::{BoxFuture, pending};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ghanti_catalogue::Pinned;
use ghanti_host::RunEnd;
use ghanti_journal::SharedJournal;

use crate::live::LiveConversation;

/// A running flow. Dropping it drops its instance and its [`LiveConversation`].
pub struct RunningFlow {
    /// The version and journal it runs on.
    pub state: RunState,
    /// The run itself.
    pub run: Run,
}

/// The version and journal of a running flow.
pub struct RunState {
    /// The version, pinned as long as the flow runs.
    pub version: Pinned,
    /// The host calls made so far.
    pub journal: SharedJournal,
}

/// The run of a flow. It is kept in a [`FuturesUnordered`] so that it is polled only when it is
/// woken, not each time the driver handles a frame.
pub struct Run(FuturesUnordered<BoxFuture<'static, RunEnd>>);

impl RunningFlow {
    /// A flow that starts when [`Run::ended`] is first polled.
    pub fn new(version: Pinned, journal: SharedJournal, conversation: LiveConversation) -> Self {
        let (runs, kept) = (Arc::clone(&version), journal.clone());
        let run: BoxFuture<'static, RunEnd> =
            Box::pin(async move { runs.run(Box::new(conversation), kept).await });
        Self {
            state: RunState { version, journal },
            run: Run(FuturesUnordered::from_iter([run])),
        }
    }
}

impl Run {
    /// Runs the flow to its end and returns how it ended. Further calls never resolve. Cancel-safe.
    pub async fn ended(&mut self) -> RunEnd {
        match self.0.next().await {
            Some(end) => end,
            None => pending().await,
        }
    }
}
