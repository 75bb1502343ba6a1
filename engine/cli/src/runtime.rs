//! The asynchronous runtimes of the commands.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// How long work on blocking threads may continue after a command has ended, such as a process that is
/// being started.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// Runs a command on a single-threaded runtime.
pub fn one_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a thread")?;
    run(runtime, work)
}

/// Runs a command on a multi-threaded runtime.
pub fn many_threads<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    run(runtime, work)
}

fn run<T>(runtime: Runtime, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // `block_on` polls in several places, and the compiler makes a copy of the whole command for
    // each of them unless it is behind a pointer
    let work: Pin<Box<dyn Future<Output = anyhow::Result<T>> + '_>> = Box::pin(work);
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEFT_BEHIND);
    done
}
