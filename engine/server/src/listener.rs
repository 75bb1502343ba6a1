//! Accepts connections up to the configured limits and runs each in a task of its own.

use std::io;
use std::time::{Duration, Instant};

use axum::Router;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Timeouts, answer};
use crate::connections::{Connections, Counts};

/// How long to wait for a connection that was closed for a new one to be gone. It is dropped at
/// once, so only a busy machine takes this long.
const CLOSE_WAIT: Duration = Duration::from_millis(200);
/// Pause after an accept error of the system, such as too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// How much of what is sent may wait in the kernel for a peer that reads slowly or not at all: six seconds of
/// a stream at 8 kHz. Without a bound Linux takes up to four megabytes, minutes of audio, before a stream
/// is found to be read by nobody.
const UNSENT_BYTES: u32 = 128 << 10;
/// Minimum interval between two log lines about closed connections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Serves connections until `closing` is cancelled, then returns once all of them are answered and
/// closed. Dropping the future closes them at once.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    timeouts: Timeouts,
    closing: CancellationToken,
) {
    let tasks = TaskTracker::new();
    // no connection outlives this future, however it ends
    let dropped = closing.child_token();
    let _guard = dropped.clone().drop_guard();
    let mut news = ClosedLog::default();
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
                        timeouts,
                        dropped.clone(),
                    ));
                    if let Some(gone) = replaced {
                        let _ = tokio::time::timeout(CLOSE_WAIT, gone.cancelled()).await;
                    }
                }
                Err(_) => drop(stream),
            },
            Err(error) if is_of_peer(&error) => {}
            Err(error) => {
                connections.make_room();
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
        news.log(&connections, Instant::now());
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Sets TCP_NODELAY, so that small audio frames are not delayed by Nagle's algorithm, and
/// TCP_NOTSENT_LOWAT to [`UNSENT_BYTES`].
fn ready(stream: TcpStream) -> TcpStream {
    let bounded = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    if let Err(error) = stream.set_nodelay(true).and(bounded) {
        tracing::debug!(%error, "a connection ended");
    }
    stream
}

/// Whether the peer went away before it was accepted.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Logs counts of closed connections, at most one line per [`LOG_INTERVAL`].
#[derive(Default)]
struct ClosedLog {
    logged: Counts,
    next: Option<Instant>,
}

impl ClosedLog {
    fn log(&mut self, connections: &Connections, now: Instant) {
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let counts = connections.counts();
        if counts == self.logged {
            return;
        }
        let (replaced, refused) = (
            counts.replaced - self.logged.replaced,
            counts.refused - self.logged.refused,
        );
        (self.logged, self.next) = (counts, Some(now + LOG_INTERVAL));
        tracing::warn!(
            replaced,
            refused,
            open = connections.open(),
            "too many connections: idle ones were closed for new ones, or new ones refused if none was idle; see `connections` and \
             `connections-per-address` of `[server]`"
        );
    }
}
