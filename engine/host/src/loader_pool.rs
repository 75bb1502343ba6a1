//! The threads that load flows. Once calls are served they have low priority, so that reading,
//! hashing and compiling only use processor time that calls leave: a thread on the call path gets a
//! processor when it needs one, however many flows are being compiled.
//!
//! Compiler processes are started from these threads and inherit their priority. If the engine's
//! own process compiles, wasmtime's compiler runs on these threads only. Calls themselves and
//! `describe` never run here.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

/// The priority of threads for work that calls come before: a tenth of a normal thread's share when
/// both want the processor (`man 7 sched`). Not the lowest: these threads share locks for memory and
/// wasmtime's code with calls, so one that holds such a lock must make progress.
const NICE: i32 = 10;

/// Threads for short work: if one hangs on a disk, another is left.
const LIGHT_THREADS: usize = 2;

/// The thread pools: one thread per processor for compiling, and a few for short work, so that an
/// edited prompt does not wait for another flow's compilation. At normal priority until
/// [`LoaderPool::step_back`]. Clones share the threads.
#[derive(Debug, Clone)]
pub struct LoaderPool {
    heavy: Arc<rayon::ThreadPool>,
    light: Arc<rayon::ThreadPool>,
}

impl LoaderPool {
    pub(crate) fn new() -> io::Result<Self> {
        let heavy = rayon::ThreadPoolBuilder::new()
            .thread_name(|nth| format!("flow-loader-{nth}"))
            .build();
        let light = rayon::ThreadPoolBuilder::new()
            .thread_name(|nth| format!("flow-reader-{nth}"))
            .num_threads(LIGHT_THREADS)
            .build();
        Ok(Self {
            heavy: Arc::new(heavy.map_err(io::Error::other)?),
            light: Arc::new(light.map_err(io::Error::other)?),
        })
    }

    /// Lowers the priority of all threads, from now on.
    pub fn step_back(&self) {
        self.heavy.spawn_broadcast(|_| step_back());
        self.light.spawn_broadcast(|_| step_back());
    }

    /// Runs work that may take seconds. The error says that it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, &'static str> {
        run_on(&self.heavy, work).await
    }

    /// Runs work of milliseconds, independent of compilations. The error says that it panicked.
    pub async fn run_light<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, &'static str> {
        run_on(&self.light, work).await
    }

    /// Runs work of milliseconds without waiting for it.
    pub fn spawn_light(&self, work: impl FnOnce() + Send + 'static) {
        self.light
            .spawn(move || drop(catch_unwind(AssertUnwindSafe(work))));
    }
}

async fn run_on<T: Send + 'static>(
    pool: &rayon::ThreadPool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    let (done, result) = oneshot::channel();
    // the caller may have been dropped
    pool.spawn(move || drop(done.send(catch_unwind(AssertUnwindSafe(work)))));
    match result.await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) | Err(_) => Err("it panicked"),
    }
}

/// Lowers the calling thread's priority below that of calls. If the system refuses, it stays as it is;
/// `work` is what the log then says of it.
pub fn yield_to_calls(work: &str) {
    // on Linux none is the calling thread alone (`man 2 setpriority`, "C library/kernel differences")
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "{work} at the priority of calls");
    }
}

fn step_back() {
    yield_to_calls("flows are loaded");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The field `nice` of the calling thread (`man 5 proc_pid_stat`).
    fn nice() -> i32 {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .nth(16)
            .unwrap()
            .parse()
            .unwrap()
    }

    #[tokio::test]
    async fn work_is_done_at_low_priority_once_there_are_calls_and_nothing_else_is() {
        let loader_pool = LoaderPool::new().unwrap();
        let before = nice();
        assert_eq!(loader_pool.run(nice).await, Ok(before));
        loader_pool.step_back();
        assert_eq!(loader_pool.run(nice).await, Ok(NICE));
        assert_eq!(
            loader_pool.run(|| rayon::join(nice, nice)).await,
            Ok((NICE, NICE)),
            "what spreads stays there"
        );
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn work_that_panics_is_reported_and_the_next_is_done() {
        let loader_pool = LoaderPool::new().unwrap();
        let panics = || -> u8 { panic!("as asked") };
        assert_eq!(loader_pool.run(panics).await, Err("it panicked"));
        assert_eq!(loader_pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_moments_work_does_not_wait_for_what_is_compiled() {
        let loader_pool = LoaderPool::new().unwrap();
        let compiled = Arc::new(std::sync::Barrier::new(
            loader_pool.heavy.current_num_threads() + 1,
        ));
        for _ in 0..loader_pool.heavy.current_num_threads() {
            let compiled = Arc::clone(&compiled);
            loader_pool.heavy.spawn(move || {
                compiled.wait();
            });
        }
        // with all compiler threads busy, this would never finish if it shared them
        assert_eq!(loader_pool.run_light(|| 7).await, Ok(7));
        compiled.wait();
    }
}
