//! The pool of workers, and the recognitions that feed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::inbox::{Backlog, Inbox, Request};
use super::worker::{Wake, Worker, closed};
use crate::recognition::{Hearing, RATE_HZ, Recognition, RecognitionError};

/// The decoding threads. Dropping this stops them: each completes its current slice, at most some
/// tens of milliseconds.
pub(super) struct Workers {
    desks: Vec<Desk>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    last_id: AtomicU64,
    undecoded: Arc<AtomicUsize>,
}

/// The handle of one worker.
#[derive(Clone)]
struct Desk {
    /// Unbounded, but holds every inbox at most once.
    wakes: Sender<Wake>,
    /// Number of its recognitions.
    load: Arc<AtomicUsize>,
    /// Set when it is stopping or has stopped.
    stop: Arc<AtomicBool>,
}

impl Workers {
    /// Starts `count` threads, at least one.
    pub(super) fn start(count: usize) -> std::io::Result<Self> {
        let mut workers = Self {
            desks: Vec::new(),
            threads: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
            last_id: AtomicU64::new(0),
            undecoded: Arc::default(),
        };
        for number in 1..=count.max(1) {
            let (again, wakes) = channel();
            let desk = Desk {
                wakes: again.clone(),
                load: Arc::default(),
                stop: Arc::clone(&workers.stop),
            };
            let stop = Arc::clone(&workers.stop);
            let thread = Builder::new()
                .name(format!("vosk-{number}"))
                .spawn(move || Worker::new(wakes, again, stop).run())?;
            workers.threads.push(thread);
            workers.desks.push(desk);
        }
        Ok(workers)
    }

    /// Starts a recognition on the worker with the fewest.
    pub(super) fn begin(&self, request: Request) -> Result<Listening, RecognitionError> {
        let desk = self
            .desks
            .iter()
            .min_by_key(|desk| desk.load.load(Ordering::Relaxed))
            .ok_or_else(closed)?;
        let inbox = Arc::new(Inbox::new(
            self.last_id.fetch_add(1, Ordering::Relaxed),
            request,
            Arc::clone(&self.undecoded),
        ));
        desk.load.fetch_add(1, Ordering::Relaxed);
        Ok(Listening {
            desk: desk.clone(),
            inbox,
        })
    }

    /// How much audio of all recognitions is still to be decoded.
    pub(super) fn backlog(&self) -> Duration {
        let samples = self.undecoded.load(Ordering::Acquire);
        Duration::from_micros(samples as u64 * 1_000_000 / u64::from(RATE_HZ))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for desk in &self.desks {
            let _ = desk.wakes.send(Wake::Stop);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A recognition in progress. Dropping it frees its decoder and discards undecoded audio.
pub(super) struct Listening {
    desk: Desk,
    inbox: Arc<Inbox>,
}

impl Listening {
    /// Changes the backlog, and wakes the worker if it is idle.
    fn hand_over<T>(&self, act: impl FnOnce(&mut Backlog) -> T) -> Result<T, RecognitionError> {
        if self.desk.stop.load(Ordering::Acquire) {
            return Err(closed());
        }
        let (done, queue) = self.inbox.with(|backlog| (act(backlog), backlog.enqueue()));
        if queue {
            self.desk
                .wakes
                .send(Wake::Inbox(Arc::clone(&self.inbox)))
                .map_err(|_| closed())?;
        }
        Ok(done)
    }
}

impl Recognition for Listening {
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        match self.hand_over(|backlog| backlog.push(samples))? {
            true => Ok(()),
            false => Err(RecognitionError::Overloaded),
        }
    }

    fn finish(&mut self) {
        if let Err(error) = self.hand_over(Backlog::finish) {
            let _ = self.inbox.request.hearings.try_send(Hearing::Failed(error));
        }
    }

    fn reset(&mut self) {
        // once closed there is nothing to discard
        let _ = self.hand_over(Backlog::reset);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.desk.load.fetch_sub(1, Ordering::Relaxed);
        let _ = self.hand_over(Backlog::close);
    }
}
