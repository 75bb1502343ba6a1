//! Measures how long a flow computes: processor time of its thread while the flow's own code runs.
//!
//! With real time the result would depend on what else the machine does: a thread that the kernel
//! has preempted computes nothing. A flow may be on another thread after each yield, so time is
//! counted from poll to poll, excluding host functions. The arithmetic is pure ([`Account`]); the
//! clocks are read by [`ComputeMeter`].

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::limit::{ARRIVAL, BUSY, BUSY_WINDOW, Limit};

/// The account of one run. Clones share it: one is in the flow's store, one where the run is
/// polled.
#[derive(Debug, Clone)]
pub(crate) struct ComputeMeter(Arc<Mutex<Account>>);

impl ComputeMeter {
    /// `compute_ms` is the limit between two host calls.
    pub(crate) fn new(compute_ms: u64) -> Self {
        Self(Arc::new(Mutex::new(Account::new(Duration::from_millis(
            compute_ms,
        )))))
    }

    /// Runs the future that runs the flow, counting processor time in each poll.
    pub(crate) async fn count<T>(&self, run: impl Future<Output = T>) -> T {
        let mut run = pin!(run);
        poll_fn(|context| {
            self.account().resumed(thread_time(), Instant::now());
            let polled = run.as_mut().poll(context);
            self.account().parked(thread_time(), Instant::now());
            polled
        })
        .await
    }

    /// Called while the flow's own code runs; fails if it has reached a limit.
    pub(crate) fn tick(&self) -> Result<(), Limit> {
        self.account().tick(thread_time())
    }

    /// Whether a version that is to take a call over has exceeded [`ARRIVAL`]; checked after
    /// [`ComputeMeter::tick`].
    pub(crate) fn is_late(&self) -> bool {
        self.account().busy > ARRIVAL
    }

    /// The flow has called a host function.
    pub(crate) fn host_begins(&self) {
        self.account().host_begins(thread_time());
    }

    /// The host function returns to the flow; restarts the time between two host calls.
    pub(crate) fn host_ends(&self) {
        self.account().host_ends(thread_time());
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processor time of the calling thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// What a run is doing.
#[derive(Debug, Clone, Copy)]
enum At {
    /// Running its own code; `counted` is the thread's processor time when it was last counted.
    Flow { counted: Duration },
    /// Running a host function.
    Host,
    /// Suspended in its own code, by a yield.
    Yielded,
    /// Suspended in a host function since then.
    Waiting { since: Instant },
}

/// The totals of one run.
#[derive(Debug)]
struct Account {
    at: At,
    /// Computed since the last host call.
    computed: Duration,
    max: Duration,
    /// Computed in the current window.
    busy: Duration,
    waited: Duration,
}

impl Account {
    fn new(max: Duration) -> Self {
        Self {
            at: At::Yielded,
            computed: Duration::ZERO,
            max,
            busy: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    /// A poll begins. `thread` is the thread's processor time.
    fn resumed(&mut self, thread: Duration, now: Instant) {
        self.at = match self.at {
            At::Waiting { since } => {
                self.waited += now.saturating_duration_since(since);
                At::Host
            }
            At::Host => At::Host,
            At::Flow { .. } | At::Yielded => At::Flow { counted: thread },
        };
    }

    /// A poll ends.
    fn parked(&mut self, thread: Duration, now: Instant) {
        self.charge(thread);
        self.at = match self.at {
            At::Flow { .. } | At::Yielded => At::Yielded,
            At::Host => At::Waiting { since: now },
            waiting @ At::Waiting { .. } => waiting,
        };
    }

    fn host_begins(&mut self, thread: Duration) {
        self.charge(thread);
        self.at = At::Host;
    }

    fn host_ends(&mut self, thread: Duration) {
        self.at = At::Flow { counted: thread };
        self.computed = Duration::ZERO;
    }

    fn tick(&mut self, thread: Duration) -> Result<(), Limit> {
        if let At::Yielded = self.at {
            self.at = At::Flow { counted: thread };
        }
        self.charge(thread);
        if self.computed >= self.max {
            return Err(Limit::Compute);
        }
        if self.busy > BUSY {
            return Err(Limit::Busy);
        }
        if self.busy + self.waited >= BUSY_WINDOW {
            (self.busy, self.waited) = (Duration::ZERO, Duration::ZERO);
        }
        Ok(())
    }

    fn charge(&mut self, thread: Duration) {
        let At::Flow { counted } = self.at else {
            return;
        };
        let computed = thread.saturating_sub(counted);
        self.computed += computed;
        self.busy += computed;
        self.at = At::Flow { counted: thread };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An account with clocks set by the test.
    struct Bench {
        account: Account,
        thread: Duration,
        now: Instant,
    }

    impl Bench {
        fn new(max_ms: u32) -> Self {
            let mut bench = Self {
                account: Account::new(MS * max_ms),
                thread: MS * 700,
                now: Instant::now(),
            };
            bench.resume();
            bench
        }

        fn resume(&mut self) {
            self.account.resumed(self.thread, self.now);
        }

        fn park(&mut self) {
            self.account.parked(self.thread, self.now);
        }

        /// The thread runs for this long.
        fn works(&mut self, ms: u32) -> &mut Self {
            (self.thread, self.now) = (self.thread + MS * ms, self.now + MS * ms);
            self
        }

        fn tick(&mut self) -> Result<(), Limit> {
            self.account.tick(self.thread)
        }

        /// A host function that waits for this long.
        fn host(&mut self, waits_ms: u32) {
            self.account.host_begins(self.thread);
            self.works(1).park();
            self.now += MS * waits_ms;
            self.resume();
            self.works(1);
            self.account.host_ends(self.thread);
        }
    }

    #[test]
    fn a_computing_flow_is_ended_after_its_time() {
        let mut bench = Bench::new(50);
        for _ in 0..4 {
            assert_eq!(bench.works(10).tick(), Ok(()));
        }
        assert_eq!(bench.works(10).tick(), Err(Limit::Compute));
    }

    #[test]
    fn a_thread_that_the_kernel_takes_away_does_not_pay() {
        let mut bench = Bench::new(50);
        for _ in 0..1_000 {
            bench.now += MS * 500;
            assert_eq!(bench.tick(), Ok(()));
        }
        assert_eq!(bench.works(49).tick(), Ok(()));
        assert_eq!(bench.works(1).tick(), Err(Limit::Compute));
    }

    #[test]
    fn what_other_calls_compute_between_two_polls_is_theirs() {
        let mut bench = Bench::new(50);
        for _ in 0..4 {
            assert_eq!(bench.works(10).tick(), Ok(()));
            bench.park();
            // on this thread, then on one that has computed less
            bench.thread = if bench.thread > MS * 1_000 {
                MS * 3
            } else {
                bench.thread + MS * 5_000
            };
            bench.resume();
        }
        assert_eq!(bench.works(9).tick(), Ok(()));
        assert_eq!(bench.works(1).tick(), Err(Limit::Compute));
    }

    #[test]
    fn host_functions_are_not_the_flows_time() {
        let mut bench = Bench::new(50);
        for _ in 0..5 {
            bench.works(20);
            bench.account.host_begins(bench.thread);
            bench.works(400);
            bench.account.host_ends(bench.thread);
            assert_eq!(bench.works(20).tick(), Ok(()));
        }
    }

    #[test]
    fn a_flow_that_computes_between_all_its_host_calls_is_ended_however_long_that_takes() {
        // with a processor of its own, and with a twentieth of one
        for kept_away_ms in [0, 190] {
            let mut bench = Bench::new(50);
            for _ in 0..200 {
                bench.now += MS * kept_away_ms;
                assert_eq!(bench.works(10).tick(), Ok(()));
                bench.host(0);
            }
            assert_eq!(bench.works(1).tick(), Err(Limit::Busy));
        }
    }

    #[test]
    fn a_conversation_that_waits_for_its_caller_goes_on() {
        let mut bench = Bench::new(50);
        for _ in 0..1_000 {
            assert_eq!(bench.works(40).tick(), Ok(()));
            bench.host(170);
        }
    }

    #[tokio::test]
    async fn a_run_is_counted_while_it_is_polled_and_no_longer() {
        let meter = ComputeMeter::new(50);
        let flow = meter.clone();
        let spin = |time: Duration| {
            let until = thread_time() + time;
            while thread_time() < until {}
        };
        meter.count(tokio::task::yield_now()).await;
        spin(MS * 100);
        let met = meter.count(async {
            let before = flow.tick();
            spin(MS * 60);
            (before, flow.tick())
        });
        assert_eq!(met.await, (Ok(()), Err(Limit::Compute)));
    }
}
