//! What signals mean: the first SIGINT or SIGTERM stops the engine when its calls have ended, the
//! second at once, the third without a record. SIGHUP means nothing here: settings are read at the
//! start, flows and prompts whenever they change, and a terminal that closes ends no call.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A process that a signal has ended has this code: 128 and the number of SIGTERM.
const ENDED: i32 = 143;

/// What the signals so far ask for.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Cancelled by the first.
    pub after_calls: CancellationToken,
    /// Cancelled by the second.
    pub at_once: CancellationToken,
}

impl Stop {
    /// Listens to signals from now on.
    pub fn listen() -> anyhow::Result<Self> {
        let stop = Self {
            after_calls: CancellationToken::new(),
            at_once: CancellationToken::new(),
        };
        let (interrupt, terminate, hang_up) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        );
        tokio::spawn(stop.clone().follow(interrupt, terminate, hang_up));
        Ok(stop)
    }

    async fn follow(self, mut interrupt: Signal, mut terminate: Signal, mut hang_up: Signal) {
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => {
                    tracing::info!("SIGHUP is ignored: settings are read at the start, flows and prompts are loaded when they change");
                    continue;
                }
            };
            if !self.after_calls.is_cancelled() {
                tracing::info!(signal = name, "told to stop");
                self.after_calls.cancel();
            } else if !self.at_once.is_cancelled() {
                tracing::warn!(signal = name, "told a second time to stop");
                self.at_once.cancel();
            } else {
                tracing::error!(
                    signal = name,
                    "told a third time to stop: the last records may be lost"
                );
                std::process::exit(ENDED);
            }
        }
    }
}
