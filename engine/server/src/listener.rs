//! Accepts connections, as many as there may be, each a task of its own.

use std::io;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Patience, answer};
use crate::connections::{Connections, Counts};

/// How long the connection that is closed for a new one may take to be gone. It is dropped, so that
/// is a matter of a busy machine.
const GONE: Duration = Duration::from_millis(200);
/// After an error of the system, such as too many open files, nothing is accepted for so long.
const REST: Duration = Duration::from_millis(50);
/// What happens often is told once in so long.
const TELL: Duration = Duration::from_secs(10);

/// Serves connections until `closing` resolves, and returns when all are answered and closed.
/// Dropping it ends them at once.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    patience: Patience,
    closing: CancellationToken,
) {
    let tasks = TaskTracker::new();
    // whatever happens to this future, no connection outlives it
    let dropped = closing.child_token();
    let _guard = dropped.clone().drop_guard();
    let mut news = News::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip()) {
                Ok((connection, replaced)) => {
                    tasks.spawn(answer(
                        ready(stream),
                        router.clone(),
                        connection,
                        patience,
                        dropped.clone(),
                    ));
                    if let Some(gone) = replaced {
                        let _ = tokio::time::timeout(GONE, gone.cancelled()).await;
                    }
                }
                Err(_) => drop(stream),
            },
            Err(error) if is_of_peer(&error) => {}
            Err(error) => {
                connections.make_room();
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
        news.tell(&connections, Instant::now());
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Frames of 100 ms are not to wait for each other.
fn ready(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended");
    }
    stream
}

/// The peer has gone before it was accepted.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Tells of closed connections, a line for many.
#[derive(Default)]
struct News {
    told: Counts,
    next: Option<Instant>,
}

impl News {
    fn tell(&mut self, connections: &Connections, now: Instant) {
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let counts = connections.counts();
        if counts == self.told {
            return;
        }
        let (replaced, refused) = (
            counts.replaced - self.told.replaced,
            counts.refused - self.told.refused,
        );
        (self.told, self.next) = (counts, Some(now + TELL));
        tracing::warn!(
            replaced,
            refused,
            open = connections.open(),
            "too many connections: idle ones were closed for new ones, and new ones refused where there were none; see `connections` and \
             `connections-per-address` of `[server]`"
        );
    }
}
