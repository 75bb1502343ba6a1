//! Serves until told to stop, then lets live calls end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_session::Services;

use crate::app::{App, router};
use crate::front::Front;

/// How long the last records may take to be written.
const FLUSH: Duration = Duration::from_secs(10);
/// The same where the engine was told a second time to stop.
const FLUSH_AT_ONCE: Duration = Duration::from_secs(2);
/// How long calls may take to end once they are told to.
const END: Duration = Duration::from_secs(5);
/// Whether all calls have ended is looked at so often.
const LOOK: Duration = Duration::from_millis(100);

/// How long after the last live call Exotel's applets may still ask what follows: the Passthru,
/// Connect, the status callback. Where calls get no time to end, neither do these.
const APPLETS: Duration = Duration::from_secs(5);

impl Front {
    /// Takes calls over opened services from now on.
    pub fn open(&self, services: Services) -> App {
        let app = App::new(Arc::clone(&self.config), services, self.connections.clone());
        self.answer_by(router(app.clone()));
        app
    }

    /// Serves until `shutdown` resolves. Then no new streams are taken, and
    /// live calls may go on for the configured time, with the applets that follow them answered;
    /// what is left of them is ended, with a record each. When `at_once` resolves nothing more is
    /// waited for: calls are ended, and what is written is written.
    pub async fn serve(
        mut self,
        app: App,
        shutdown: impl Future<Output = ()> + Send + 'static,
        at_once: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (drain, draining, stop, tasks) = (
            app.config.drain(),
            app.draining.clone(),
            app.stop.clone(),
            app.tasks.clone(),
        );
        let (services, admission, longest) = (
            app.services.clone(),
            app.admission.clone(),
            app.config.longest_call(),
        );
        if drain < longest {
            tracing::info!(
                drain_s = drain.as_secs(),
                longest_s = longest.as_secs(),
                "a call may last longer than it is waited for at a stop: without `drain-s` of `[server]` every call is held to its end"
            );
        }
        tokio::select! {
            ended = &mut self.server => return ended.map_err(io::Error::other),
            () = shutdown => draining.cancel(),
        }
        let live = services.registry.live();
        tracing::info!(
            live = live.len(),
            drain_s = drain.as_secs(),
            "stopping: no new calls, live ones go on; a second signal ends them at once"
        );
        // calls that were promised a place are awaited as well
        let has_calls = || admission.in_use(Instant::now()) != (0, 0);
        let had_calls = has_calls();
        let drained = async {
            while has_calls() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let mut at_once = std::pin::pin!(at_once);
        let is_patient = tokio::select! {
            drained = tokio::time::timeout(drain, drained) => {
                if drained.is_err() {
                    tracing::warn!(live = live.len(), "ending the calls that are still live");
                }
                true
            }
            () = &mut at_once => {
                tracing::warn!(live = live.len(), "a second signal: ending all calls at once");
                false
            }
        };
        stop.cancel();
        if is_patient && had_calls && !drain.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(APPLETS) => {}
                () = &mut at_once => {}
            }
        }
        self.close.cancel();
        if tokio::time::timeout(END, &mut self.server).await.is_err() {
            tracing::warn!("requests that did not end in time were cut off");
            self.server.abort();
        }
        tasks.close();
        if tokio::time::timeout(END, tasks.wait()).await.is_err() {
            tracing::error!("some calls did not end in time");
        }
        let flushed = services
            .registry
            .writer()
            .flush(if is_patient { FLUSH } else { FLUSH_AT_ONCE })
            .await;
        if let Some(lease) = &services.lease {
            lease.release().await;
        }
        tracing::info!(spooled = flushed.spooled, lost = flushed.lost, "stopped");
        Ok(())
    }
}
