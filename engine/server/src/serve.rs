//! Serves until told to stop, then lets live calls end.

use std::future::IntoFuture;
use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, router};

/// How long the last records may take to be written.
const FLUSH: Duration = Duration::from_secs(10);
/// How long calls may take to end once they are told to.
const END: Duration = Duration::from_secs(5);

/// How long after the last live call Exotel's applets may still ask what follows: the Passthru, Connect, the status callback. Where calls get
/// no time to end, neither do these.
const APPLETS: Duration = Duration::from_secs(5);

/// Serves on a bound listener until `shutdown` resolves. Then no new streams are taken, and live calls may go on for the configured time, with
/// the applets that follow them answered; what is left of them is ended, with a record each.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let (drain, draining, stop, tasks) =
        (Duration::from_secs(app.config.server.drain_s), app.draining.clone(), app.stop.clone(), app.tasks.clone());
    let (services, permits) = (app.services.clone(), app.permits.clone());
    let close = CancellationToken::new();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(close.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.unwrap_or_else(|error| Err(io::Error::other(error))),
        () = shutdown => draining.cancel(),
    }
    let live = services.ledger.live();
    tracing::info!(live = live.len(), drain_s = drain.as_secs(), "stopping: no new calls, live ones go on");
    // calls that were promised a place are awaited as well
    let has_calls = || permits.in_use(Instant::now()) != (0, 0);
    let had_calls = has_calls();
    let drained = async {
        while has_calls() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(drain, drained).await.is_err() {
        tracing::warn!(live = live.len(), "ending the calls that are still live");
    }
    stop.cancel();
    if had_calls && !drain.is_zero() {
        tokio::time::sleep(APPLETS).await;
    }
    close.cancel();
    if tokio::time::timeout(END, &mut server).await.is_err() {
        tracing::warn!("requests that did not end in time were cut off");
        server.abort();
    }
    tasks.close();
    if tokio::time::timeout(END, tasks.wait()).await.is_err() {
        tracing::error!("some calls did not end in time");
    }
    let flushed = services.ledger.writer().flush(FLUSH).await;
    tracing::info!(spooled = flushed.spooled, lost = flushed.lost, "stopped");
    Ok(())
}
