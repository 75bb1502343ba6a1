//! A running flow: its pinned version, its journal and its run.

use std::sync::Arc;

use futures_util::future::{BoxFuture, pending};
use ghanti_catalogue::Pinned;
use ghanti_host::RunEnd;
use ghanti_journal::SharedJournal;

use crate::live::LiveConversation;
use crate::woken::Woken;

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

/// The run of a flow, polled only once it has been woken; `None` after its end.
pub struct Run(Option<Woken<BoxFuture<'static, RunEnd>>>);

impl RunningFlow {
    /// A flow that starts when [`Run::ended`] is first polled.
    pub fn new(version: Pinned, journal: SharedJournal, conversation: LiveConversation) -> Self {
        let (runs, kept) = (Arc::clone(&version), journal.clone());
        let run: BoxFuture<'static, RunEnd> =
            Box::pin(async move { runs.run(Box::new(conversation), kept).await });
        Self {
            state: RunState { version, journal },
            run: Run(Some(Woken::new(run))),
        }
    }
}

impl Run {
    /// Runs the flow to its end and returns how it ended. Further calls never resolve. Cancel-safe.
    pub async fn ended(&mut self) -> RunEnd {
        let Some(run) = &mut self.0 else {
            return pending().await;
        };
        let end = run.await;
        self.0 = None;
        end
    }
}
