//! Polls the call's record during the call, so that steps can wait for what the bot said and a
//! console can show it.

use std::sync::Arc;

use ghanti_model::Line;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::applets::{Applets, RECORD_EVERY};

/// The transcript as last read.
pub type Transcript = Arc<[Line]>;

/// A task that polls until it is dropped.
#[derive(Debug)]
pub struct RecordWatch {
    newest: watch::Receiver<Transcript>,
    /// Ends with the watch.
    _task: JoinSet<()>,
}

impl RecordWatch {
    /// Starts to poll the record of this id.
    pub fn begin(applets: Applets, id: String) -> Self {
        let (sender, newest) = watch::channel(Transcript::from(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut times = interval(RECORD_EVERY);
            times.set_missed_tick_behavior(MissedTickBehavior::Skip);
            while !sender.is_closed() {
                times.tick().await;
                if let Some(record) = applets.record(&id).await {
                    sender.send_replace(record.transcript.into());
                }
            }
        });
        Self {
            newest,
            _task: task,
        }
    }

    /// Watches nothing, for a caller whose steps need no record.
    pub fn nothing() -> Self {
        let (_, newest) = watch::channel(Transcript::from(Vec::new()));
        Self {
            newest,
            _task: JoinSet::new(),
        }
    }

    /// The transcript as last read; empty until the first successful read.
    pub fn transcript(&self) -> Transcript {
        self.newest.borrow().clone()
    }
}
