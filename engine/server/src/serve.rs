//! Serves until shutdown, then drains live calls.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_campaign::Runner;
use ghanti_store::RecordingName;
use tokio::time::MissedTickBehavior;

use crate::app::{App, router};
use crate::front::Front;
use crate::history::{EVERY, Sample};
use crate::mute;
use crate::open::Opened;
use crate::outbound::Campaigns;
use crate::recordings;
use crate::retention::AgedData;

/// Timeout for saving the last events.
const FLUSH: Duration = Duration::from_secs(10);
/// The same timeout after a second stop signal.
const FLUSH_AT_ONCE: Duration = Duration::from_secs(2);
/// Timeout for requests and calls to end once they are cancelled.
const END: Duration = Duration::from_secs(5);
/// Poll interval for whether all calls have ended.
const POLL: Duration = Duration::from_millis(100);

/// How long after the last live call the server still answers the applets that follow the bot: the
/// Passthru, Connect and the status callback. Skipped when the drain time is zero.
const APPLETS: Duration = Duration::from_secs(5);

/// Runs campaigns in the background, if the engine can dial.
fn run_campaigns(app: &App) {
    let (Some(dialler), Some(lease)) = (&app.dialler, &app.services.lease) else {
        return;
    };
    let outbound = Campaigns {
        config: Arc::clone(&app.config),
        dialler: Arc::clone(dialler),
        admission: app.admission.clone(),
        engine: app.dial_context(),
    };
    let zone = app.services.settings.zone.clone();
    let records = Arc::clone(&app.records);
    let runner = Runner::new(records, Arc::new(outbound), lease.node(), zone);
    app.tasks.spawn(runner.run(app.draining.clone()));
}

/// Deletes in the background the data that is older than `[retention]` allows.
fn run_retention(app: &App) {
    let Some(lease) = &app.services.lease else {
        return;
    };
    let aged = AgedData {
        records: Arc::clone(&app.records),
        services: Arc::clone(&app.services),
        settings: app.config.retention.clone(),
        node: lease.node(),
    };
    app.tasks.spawn(aged.run(app.draining.clone()));
}

/// Checks in the background whether the flows' languages can be spoken.
fn watch_voices(app: &App) {
    let (mute, services) = (Arc::clone(&app.mute), Arc::clone(&app.services));
    let (rate_hz, draining) = (app.config.calls.sample_rate_hz, app.draining.clone());
    app.tasks.spawn(async move {
        let watched = mute::watch(&mute, &services, rate_hz);
        draining.run_until_cancelled(watched).await;
    });
}

/// Looks in the background at how much there is to do.
fn watch_load(app: &App) {
    let (sampled, draining) = (sample(app.clone()), app.draining.clone());
    app.tasks.spawn(async move {
        draining.run_until_cancelled(sampled).await;
    });
}

/// Adds to the history every few seconds. The first sample comes at once, and says what is counted from.
async fn sample(app: App) {
    let mut clock = tokio::time::interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    loop {
        clock.tick().await;
        let services = &app.services;
        let recognizer = services.recognizer.as_ref();
        let behind = recognizer.map_or(0, |recognizer| recognizer.backlog().as_millis());
        app.history.add(Sample {
            places: number(services.registry.live().len()),
            refused: app.refusals.all().values().sum(),
            recognition_ms: u64::try_from(behind).unwrap_or(u64::MAX),
            prompts: number(services.prompts.growing()),
            late_ms: services.registry.events().lateness().take(),
        });
    }
}

/// Completes in the background the recordings that an earlier engine left unfinished.
fn recover_recordings(app: &App, unended: Vec<RecordingName>) {
    let (services, draining) = (Arc::clone(&app.services), app.draining.clone());
    app.tasks.spawn(async move {
        let recovered = recordings::recover(&services, unended);
        draining.run_until_cancelled(recovered).await;
    });
}

impl Front {
    /// Starts to admit calls with opened services.
    pub fn open(&self, mut opened: Opened) -> App {
        let unended = std::mem::take(&mut opened.unended);
        let app = App::new(Arc::clone(&self.config), opened, self.connections.clone());
        self.answer_by(router(app.clone()));
        run_campaigns(&app);
        run_retention(&app);
        recover_recordings(&app, unended);
        watch_voices(&app);
        watch_load(&app);
        // last: whoever reads this line may send any request at once
        tracing::info!(
            calls = app.admission.slots(),
            connections = app.connections.most(),
            "ready: calls are taken up to this number"
        );
        app
    }

    /// Serves until `shutdown` resolves. From then on only reserved calls are admitted; live calls
    /// may continue for the configured drain time, and the applets that follow them are answered.
    /// Calls still live after that are ended, each with a record. When `at_once` resolves, the
    /// drain is cut short: calls are ended at once and their events are flushed.
    ///
    /// # Errors
    /// The server failed, or events of calls were lost.
    pub fn serve(
        self,
        app: App,
        shutdown: impl Future<Output = ()> + Send + 'static,
        at_once: impl Future<Output = ()> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<()>> {
        self.boxed(app, shutdown.boxed(), at_once.boxed())
    }

    /// Without type parameters, so that it is compiled in this crate.
    fn boxed(
        self,
        app: App,
        shutdown: BoxFuture<'static, ()>,
        at_once: BoxFuture<'static, ()>,
    ) -> BoxFuture<'static, io::Result<()>> {
        self.serve_until(app, shutdown, at_once).boxed()
    }

    async fn serve_until(
        mut self,
        app: App,
        shutdown: BoxFuture<'static, ()>,
        at_once: BoxFuture<'static, ()>,
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
                "a call may last longer than a stop waits for it: without `drain-s` of `[server]` a stop waits for the end of every call"
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
            "stopping: no new calls are admitted, live ones go on; a second signal ends them at once"
        );
        // reserved calls count too: their streams are still admitted while draining
        let has_calls = || admission.in_use(Instant::now()) != (0, 0);
        let had_calls = has_calls();
        let drained = async {
            while has_calls() {
                tokio::time::sleep(POLL).await;
            }
        };
        let mut at_once = std::pin::pin!(at_once);
        let is_first_signal = tokio::select! {
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
        if is_first_signal && had_calls && !drain.is_zero() {
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
            .flush(if is_first_signal {
                FLUSH
            } else {
                FLUSH_AT_ONCE
            })
            .await;
        if let Some(lease) = &services.lease {
            lease.release().await;
        }
        tracing::info!(spooled = flushed.spooled, lost = flushed.lost, "stopped");
        if flushed.lost > 0 {
            return Err(io::Error::other(format!(
                "{} events of calls are lost: neither the database nor the spool took them; the log names their calls",
                flushed.lost
            )));
        }
        Ok(())
    }
}
