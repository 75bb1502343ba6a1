//! The clock of all calls: a thread that wakes every millisecond, and with it the calls whose frame is
//! due. A timer per call and frame would cost as much as the frame, and timers of the runtime are a
//! millisecond coarse.
//!
//! Calls are spread over the milliseconds of a tick, as the calls of a network are.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The time between two ticks of a call: the length of a frame on real calls.
pub const TICK_MS: u64 = 20;

/// The time between two wakes of the clock.
const STEP: Duration = Duration::from_millis(1);

/// The clock; it stops with this.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    /// For each millisecond of a tick, the number of the newest tick that is due.
    phases: Arc<[watch::Sender<u64>]>,
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    /// Starts the clock.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start() -> io::Result<Self> {
        let phases: Arc<[watch::Sender<u64>]> =
            (0..TICK_MS).map(|_| watch::Sender::new(0)).collect();
        let stops = Arc::new(AtomicBool::new(false));
        let began = Instant::now();
        let thread = {
            let (phases, stops) = (Arc::clone(&phases), Arc::clone(&stops));
            thread::Builder::new()
                .name("load-clock".to_owned())
                .spawn(move || run(began, &phases, &stops))?
        };
        Ok(Self {
            began,
            phases,
            stops,
            thread: Some(thread),
        })
    }

    /// The ticks of the `nth` call, from now on.
    pub fn ticks(&self, nth: u64) -> Ticks {
        let phase = nth % TICK_MS;
        let newest = self
            .phases
            .get(phase as usize)
            .map_or_else(|| watch::channel(0).1, watch::Sender::subscribe);
        let passed = *newest.borrow();
        Ticks {
            first: self.began + STEP * phase as u32,
            next: passed + 1,
            newest,
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(began: Instant, phases: &[watch::Sender<u64>], stops: &AtomicBool) {
    let mut step: u64 = 0;
    while !stops.load(Ordering::Relaxed) {
        let due = began + Duration::from_millis(step);
        let ahead = due.saturating_duration_since(Instant::now());
        if !ahead.is_zero() {
            thread::sleep(ahead);
        }
        if let Some(phase) = phases.get((step % TICK_MS) as usize) {
            phase.send_replace(step / TICK_MS);
        }
        step += 1;
    }
}

/// The ticks of one call, each [`TICK_MS`] after the one before it. After a late one the next follow at
/// once, so that timing does not drift.
#[derive(Debug)]
pub struct Ticks {
    first: Instant,
    next: u64,
    newest: watch::Receiver<u64>,
}

impl Ticks {
    /// Waits for the next tick, and returns when it was due. Cancel-safe.
    pub async fn next(&mut self) -> Instant {
        while *self.newest.borrow_and_update() < self.next {
            if self.newest.changed().await.is_err() {
                // the clock has stopped
                std::future::pending::<()>().await;
            }
        }
        let due = self.first + Duration::from_millis(self.next * TICK_MS);
        self.next += 1;
        due
    }

    /// Leaves out the ticks that have passed, so that the next one lies ahead.
    pub fn from_now(&mut self) {
        self.next = *self.newest.borrow() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn ticks_are_twenty_milliseconds_apart_and_none_is_left_out() {
        let clock = Clock::start().unwrap();
        let mut ticks = clock.ticks(7);
        let first = ticks.next().await;
        assert!(Instant::now() >= first);
        // a call that was busy meanwhile gets the ticks that it has missed
        tokio::time::sleep(Duration::from_millis(90)).await;
        for nth in 1..=6 {
            let due = ticks.next().await;
            assert_eq!(due - first, Duration::from_millis(nth * TICK_MS));
            assert!(Instant::now() >= due);
        }
        tokio::time::sleep(Duration::from_millis(90)).await;
        ticks.from_now();
        let due = ticks.next().await;
        assert!(due - first > Duration::from_millis(8 * TICK_MS));
    }
}
