//! How long an utterance waits for its synthesiser. Waiting for the player does not count.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::synthesis::SynthesisError;

/// What is left of an utterance's deadline, which only runs while it waits for the synthesiser.
pub(crate) struct Patience {
    whole: Duration,
    left: Duration,
}

impl Patience {
    /// A deadline of this length.
    pub(crate) fn new(whole: Duration) -> Self {
        Self { whole, left: whole }
    }

    /// Waits for work as long as the deadline lasts, else fails with `TooSlow`.
    pub(crate) async fn wait<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, SynthesisError> {
        let begun = Instant::now();
        let done = timeout(self.left, work).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        done.map_err(|_| {
            SynthesisError::TooSlow(u64::try_from(self.whole.as_millis()).unwrap_or(u64::MAX))
        })
    }
}
