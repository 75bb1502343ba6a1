//! Signal handling. The first SIGINT or SIGTERM stops the engine once its calls have ended, the
//! second at once, the third exits without writing records. SIGHUP is ignored: the configuration is
//! read at startup only, flows and prompts are reloaded when they change, and closing a terminal
//! must not end calls.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code after a third signal: 128 plus the number of SIGTERM.
const ENDED: i32 = 143;

/// The stop requests of the signals received so far.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Cancelled by the first signal.
    pub after_calls: CancellationToken,
    /// Cancelled by the second signal.
    pub at_once: CancellationToken,
}

impl Stop {
    /// Installs the signal handlers.
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
                tracing::info!(signal = name, "stopping on a signal");
                self.after_calls.cancel();
            } else if !self.at_once.is_cancelled() {
                tracing::warn!(signal = name, "stopping at once on a second signal");
                self.at_once.cancel();
            } else {
                tracing::error!(
                    signal = name,
                    "exiting on a third signal: the last records may be lost"
                );
                std::process::exit(ENDED);
            }
        }
    }
}
