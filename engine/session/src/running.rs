//! A flow that holds a call: its pinned version, its journal, its run.

use std::sync::Arc;

use futures_util::future::{BoxFuture, pending};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ghanti_dialog::journal::SharedJournal;
use ghanti_dialog::{Pinned, RunEnd};

use crate::live::LiveConversation;
use crate::prompts::FlowPrompts;

/// A running flow. Dropping it drops its instance and its end of the conversation.
pub struct RunningFlow {
    /// What it runs on.
    pub held: Held,
    /// Its run.
    pub run: Run,
}

/// What a running flow runs on.
pub struct Held {
    /// The version, counted as long as the flow runs.
    pub version: Pinned<FlowPrompts>,
    /// What it has called so far.
    pub journal: SharedJournal,
}

/// The run of a flow. In a set of its own it is polled when something wakes it, not at every frame.
pub struct Run(FuturesUnordered<BoxFuture<'static, RunEnd>>);

impl RunningFlow {
    /// A flow that begins when it is first waited for.
    pub fn new(
        version: Pinned<FlowPrompts>,
        journal: SharedJournal,
        conversation: LiveConversation,
    ) -> Self {
        let (runs, kept) = (Arc::clone(&version), journal.clone());
        let run: BoxFuture<'static, RunEnd> =
            Box::pin(async move { runs.run(Box::new(conversation), kept).await });
        Self {
            held: Held { version, journal },
            run: Run(FuturesUnordered::from_iter([run])),
        }
    }
}

impl Run {
    /// Runs the flow to its end, and tells how it ended: once, it waits for ever after that.
    /// Dropping this future loses nothing.
    pub async fn ended(&mut self) -> RunEnd {
        match self.0.next().await {
            Some(end) => end,
            None => pending().await,
        }
    }
}
