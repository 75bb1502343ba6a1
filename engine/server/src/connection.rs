//! One HTTP connection: answers requests in sequence, each within its timeouts, until one of them is
//! upgraded to a stream.

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

/// Maximum size of a request's head; an applet's request needs a small part of it.
const HEAD_BYTES: usize = 64 << 10;
/// Maximum number of a request's headers.
const HEADERS: usize = 100;
/// A peer that accepts no bytes of a response for this long is disconnected. Streams have a shorter
/// timeout of their own.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Timeouts of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For the head of the first request.
    pub(crate) head: Duration,
    /// For the head of each later request, counted from the previous response.
    pub(crate) idle: Duration,
    /// For the body of a request.
    pub(crate) body: Duration,
}

/// The end of the path to which people upload lists in the console.
const UPLOADS: &str = "/console/import";
/// For the body of an upload to it, whose session is looked at before it is read: 16 MiB by the slow
/// line of an office, of 1 Mbit/s.
const UPLOAD: Duration = Duration::from_secs(150);

/// Answers requests until the peer closes, a timeout expires, or the connection has to close: after
/// the current response when `closing` is cancelled, at once when another connection replaces this
/// one. Returns when the connection is closed or has been upgraded to a stream.
pub(crate) async fn answer(
    stream: TcpStream,
    router: Router,
    connection: Connection,
    timeouts: Timeouts,
    closing: CancellationToken,
) {
    let connection = Arc::new(connection);
    let router = TowerToHyperService::new(router);
    let has_asked = Arc::new(AtomicBool::new(false));
    let (of_service, asks, body_timeout) = (
        Arc::clone(&connection),
        Arc::clone(&has_asked),
        timeouts.body,
    );
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let connection = Arc::clone(&of_service);
        asks.store(true, Ordering::Relaxed);
        if request.body().is_end_stream() {
            connection.mark_answering();
        }
        let is_upload = request.uri().path().ends_with(UPLOADS);
        let bounded = |inner| {
            let timeout = if is_upload {
                UPLOAD.max(body_timeout)
            } else {
                body_timeout
            };
            Body::new(RequestBody {
                inner,
                late: Box::pin(sleep(timeout)),
                connection: Arc::clone(&connection),
            })
        };
        let answered = router.call(request.map(bounded));
        async move {
            let response: Response = answered.await?;
            Ok::<_, Infallible>(response.map(|inner| ResponseBody { inner, connection }))
        }
    });
    let io = TokioIo::new(BoundedWrites {
        stream,
        since: None,
    });
    // hyper has one timeout for the heads of all requests; `late` is the shorter one for the first
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.idle)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    let mut served = std::pin::pin!(server.serve_connection(io, service).with_upgrades());
    let mut late = std::pin::pin!(sleep(timeouts.head));
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

/// A request's body, with a timeout.
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
                    self.connection.mark_answering();
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

/// A response's body. When it is dropped, the connection waits for the next request.
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
        self.connection.mark_waiting();
    }
}

/// A socket on which a write that makes no progress fails after [`WRITE_TIMEOUT`].
struct BoundedWrites {
    stream: TcpStream,
    /// Runs while a write is pending; set when it first makes no progress.
    since: Option<Pin<Box<Sleep>>>,
}

impl BoundedWrites {
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
            Box::pin(tokio::time::sleep_until(Instant::now() + WRITE_TIMEOUT))
        });
        ready!(late.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for BoundedWrites {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BoundedWrites {
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
