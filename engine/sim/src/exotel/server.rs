//! Connections to the simulated Exotel, and its stop.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::exchange::Exchange;
use super::rest::router;
use super::setup::Setup;

/// Maximum number of connections; further ones wait.
const CONNECTIONS: usize = 4_096;
/// How long a connection may be idle between requests.
const IDLE: Duration = Duration::from_secs(60);
/// Pause after an accept error, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);
/// How long calls may take to end when the server stops: hang-up, the last applets, callbacks.
const CALLS_END: Duration = Duration::from_secs(10);
/// How long requests in progress may take after that.
const REQUESTS_END: Duration = Duration::from_secs(2);

/// Marks a response whose connection is closed in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutOff;

/// The connection is closed without a response.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated lost reply")
    }
}

impl std::error::Error for Lost {}

/// Serves until `shutdown` resolves. Callers then hang up, and the server returns when all calls
/// have ended, at the latest after some seconds.
///
/// # Errors
/// There is no HTTP client, or the engine's URL in the set-up is wrong.
pub async fn serve(
    listener: TcpListener,
    setup: Setup,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let exchange = Arc::new(Exchange::new(setup).map_err(io::Error::other)?);
    let router = router(Arc::clone(&exchange));
    let (connections, closing, abort) = (
        TaskTracker::new(),
        CancellationToken::new(),
        CancellationToken::new(),
    );
    tokio::select! {
        () = accept(listener, router, &connections, &closing, &abort) => {}
        () = shutdown => {}
    }
    exchange.stop.cancel();
    exchange.tasks.close();
    if timeout(CALLS_END, exchange.tasks.wait()).await.is_err() {
        tracing::warn!(
            calls = exchange.tasks.len(),
            "some calls did not end in time"
        );
    }
    closing.cancel();
    connections.close();
    if timeout(REQUESTS_END, connections.wait()).await.is_err() {
        abort.cancel();
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    router: Router,
    connections: &TaskTracker,
    closing: &CancellationToken,
    abort: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // the semaphore is never closed
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (router, closing, abort) = (router.clone(), closing.clone(), abort.clone());
        connections.spawn(async move {
            tokio::select! {
                () = answer(stream, router, closing) => {}
                () = abort.cancelled() => {}
            }
            drop(place);
        });
    }
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, router: Router, closing: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let answered: Result<Response<Body>, Infallible> =
                router.oneshot(request.map(Body::new)).await;
            match answered {
                Ok(response) if response.extensions().get::<CutOff>().is_some() => Err(Lost),
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut served = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = closing.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
