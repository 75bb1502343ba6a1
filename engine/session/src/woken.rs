//! A future that is polled only once it has been woken.
//!
//! A call's task is woken by each of the caller's frames, some fifty times a second, and what else it
//! waits for happens a few times a minute. Polling all of it with every frame took more processor
//! time than reading the frame.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::task::{ArcWake, AtomicWaker, waker};

/// A future that is polled when it is first polled, and then only after it has been woken.
///
/// It has to follow the rule that every future has to: it is woken when it can go on. One that counts
/// on being polled with its task waits for good.
pub struct Woken<F> {
    future: F,
    signal: Arc<Signal>,
    waker: Waker,
}

struct Signal {
    is_woken: AtomicBool,
    /// The task that polls.
    task: AtomicWaker,
}

impl ArcWake for Signal {
    fn wake_by_ref(signal: &Arc<Self>) {
        signal.is_woken.store(true, Ordering::Release);
        signal.task.wake();
    }
}

impl<F: Future + Unpin> Woken<F> {
    /// This future, not polled yet.
    pub fn new(future: F) -> Self {
        let signal = Arc::new(Signal {
            is_woken: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            future,
            waker: waker(Arc::clone(&signal)),
            signal,
        }
    }
}

impl<F: Future + Unpin> Future for Woken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // before the flag is read, so that whoever sets it after that wakes this task
        self.signal.task.register(context.waker());
        if !self.signal.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let Self { future, waker, .. } = &mut *self;
        Pin::new(future).poll(&mut Context::from_waker(waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;
    use futures_util::task::noop_waker;
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn it_is_polled_at_first_and_when_it_is_woken_and_not_with_its_task() {
        let (polls, (sender, mut receiver)) = (AtomicUsize::new(0), oneshot::channel::<u8>());
        let counted = pin!(poll_fn(|context| {
            polls.fetch_add(1, Ordering::Relaxed);
            receiver.poll_unpin(context)
        }));
        let mut woken = Woken::new(counted);
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        for _ in 0..50 {
            assert!(woken.poll_unpin(&mut context).is_pending());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        sender.send(7).unwrap();
        assert_eq!(woken.poll_unpin(&mut context), Poll::Ready(Ok(7)));
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn it_wakes_the_task_that_polled_it_last() {
        let (sender, receiver) = oneshot::channel::<u8>();
        let mut woken = Woken::new(receiver);
        assert!((&mut woken).now_or_never().is_none());
        let waiting = tokio::spawn(woken);
        tokio::task::yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(7));
    }

    #[test]
    fn one_that_wakes_itself_is_polled_again() {
        let mut left = 3;
        let mut woken = Woken::new(poll_fn(|context| {
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        assert!(woken.poll_unpin(&mut context).is_pending());
        assert!(woken.poll_unpin(&mut context).is_pending());
        assert!(woken.poll_unpin(&mut context).is_ready());
    }
}
