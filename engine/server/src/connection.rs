//! One connection: requests answered one after another, each within its time, until one of them
//! becomes a stream.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use axum::{BoxError, Router};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::connections::Connection;

/// The head of a request may have so many bytes, and so many headers: an applet's has under a
/// thousandth.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;
/// A peer that takes nothing of an answer for so long is gone. A stream has a shorter time of its
/// own.
const TAKES_NOTHING: Duration = Duration::from_secs(20);

/// How long a peer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the head of the first request.
    pub(crate) head: Duration,
    /// For the head of any other request, from the answer before it.
    pub(crate) idle: Duration,
    /// For a request's body.
    pub(crate) body: Duration,
}

/// Answers requests until the peer closes, is too slow, or has to go: after the current answer when
/// `closing` resolves, at once when another connection takes its place. Returns when the connection
/// is closed or has become a stream.
pub(crate) async fn answer(
    stream: TcpStream,
    router: Router,
    connection: Connection,
    patience: Patience,
    closing: CancellationToken,
) {
    let connection = Arc::new(connection);
    let router = TowerToHyperService::new(router);
    let has_asked = Arc::new(AtomicBool::new(false));
    let (of_service, asks, body_patience) = (
        Arc::clone(&connection),
        Arc::clone(&has_asked),
        patience.body,
    );
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let connection = Arc::clone(&of_service);
        asks.store(true, Ordering::Relaxed);
        if request.body().is_end_stream() {
            connection.is_answered();
        }
        let bounded = |inner| {
            Body::new(RequestBody {
                inner,
                late: Box::pin(sleep(body_patience)),
                connection: Arc::clone(&connection),
            })
        };
        let answered = router.call(request.map(bounded));
        async move {
            let response: Response = answered.await?;
            Ok::<_, Infallible>(response.map(|inner| ResponseBody { inner, connection }))
        }
    });
    let io = TokioIo::new(Impatient {
        stream,
        since: None,
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(patience.idle)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    let mut served = std::pin::pin!(server.serve_connection(io, service).with_upgrades());
    let mut late = std::pin::pin!(sleep(patience.head));
    let (mut is_closing, mut is_new) = (false, true);
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = connection.replaced() => return,
            () = &mut late, if is_new => {
                is_new = false;
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
            }
            () = closing.cancelled(), if !is_closing => {
                is_closing = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// A request's body, which has to come within its time.
struct RequestBody {
    inner: Incoming,
    late: Pin<Box<Sleep>>,
    connection: Arc<Connection>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                if frame.is_none() || self.inner.is_end_stream() {
                    self.connection.is_answered();
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.late.as_mut().poll(cx));
                Poll::Ready(Some(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the body did not come in time",
                )
                .into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body; when it is gone, the connection waits for the next request.
struct ResponseBody {
    inner: Body,
    connection: Arc<Connection>,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.connection.waits();
    }
}

/// A socket on which a write that takes too long is an error.
struct Impatient {
    stream: TcpStream,
    /// Since when nothing of a write has been taken.
    since: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn bounded<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.since = None;
            return written;
        }
        let late = self.since.get_or_insert_with(|| {
            Box::pin(tokio::time::sleep_until(Instant::now() + TAKES_NOTHING))
        });
        ready!(late.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
