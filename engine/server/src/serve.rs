//! Serves until told to stop, then lets live calls end.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::{App, router};

/// How long the last records may take to be written.
const FLUSH: Duration = Duration::from_secs(10);
/// How long calls may take to end once they are told to.
const END: Duration = Duration::from_secs(5);

/// Serves on a bound listener until `shutdown` resolves. Live calls may then go on for the configured time; what is left of them is ended,
/// with a record each.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let (drain, stop, tasks) = (Duration::from_secs(app.config.server.drain_s), app.stop.clone(), app.tasks.clone());
    let services = app.services.clone();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(shutdown);
    server.await?;
    tracing::info!(live = services.ledger.live().len(), drain_s = drain.as_secs(), "stopping: no new calls, live ones go on");
    let live = services.ledger.live();
    let drained = async {
        while !live.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(drain, drained).await.is_err() {
        tracing::warn!(live = live.len(), "ending the calls that are still live");
    }
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(END, tasks.wait()).await.is_err() {
        tracing::error!("some calls did not end in time");
    }
    let flushed = services.ledger.writer().flush(FLUSH).await;
    tracing::info!(spooled = flushed.spooled, lost = flushed.lost, "stopped");
    Ok(())
}
