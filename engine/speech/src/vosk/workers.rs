//! The pool of workers, and the recognitions that hand their audio to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::inbox::{Backlog, Inbox, Request};
use super::worker::{Wake, Worker, closed};
use crate::recognition::{Hearing, Recognition, RecognitionError};

/// The threads that decode. Dropping it stops them: each finishes the slice it is at, at most some
/// tens of milliseconds.
pub(super) struct Workers {
    desks: Vec<Desk>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    last_id: AtomicU64,
}

/// One worker, seen from outside.
#[derive(Clone)]
struct Desk {
    /// Unbounded, but every inbox stands in it at most once.
    wakes: Sender<Wake>,
    /// How many recognitions it has.
    load: Arc<AtomicUsize>,
    /// It ends, or has ended.
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

    /// Begins a recognition at the worker that has the fewest, and has its decoder made.
    pub(super) fn begin(&self, request: Request) -> Result<Listening, RecognitionError> {
        let desk = self
            .desks
            .iter()
            .min_by_key(|desk| desk.load.load(Ordering::Relaxed))
            .ok_or_else(closed)?;
        let inbox = Arc::new(Inbox::new(
            self.last_id.fetch_add(1, Ordering::Relaxed),
            request,
        ));
        desk.load.fetch_add(1, Ordering::Relaxed);
        let listening = Listening {
            desk: desk.clone(),
            inbox,
        };
        listening
            .desk
            .wakes
            .send(Wake::Inbox(Arc::clone(&listening.inbox)))
            .map_err(|_| closed())?;
        Ok(listening)
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

/// A recognition in progress. Dropping it frees its decoder and abandons what was not yet decoded.
pub(super) struct Listening {
    desk: Desk,
    inbox: Arc<Inbox>,
}

impl Listening {
    /// Changes the backlog, and wakes the worker if it rests.
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
        // after the end there is nothing to forget
        let _ = self.hand_over(Backlog::reset);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.desk.load.fetch_sub(1, Ordering::Relaxed);
        let _ = self.hand_over(Backlog::close);
    }
}
