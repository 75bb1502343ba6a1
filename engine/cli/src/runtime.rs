//! The asynchronous runtimes of the commands.

use std::pin::Pin;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Runs a command that waits for one thing at a time.
pub fn one_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a thread")?;
    run(&runtime, work)
}

/// Runs a command that holds calls.
pub fn many_threads<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    run(&runtime, work)
}

fn run<T>(runtime: &Runtime, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // `block_on` polls in several places, and the compiler makes a copy of the whole command for
    // each of them unless it is behind a pointer
    let work: Pin<Box<dyn Future<Output = anyhow::Result<T>> + '_>> = Box::pin(work);
    runtime.block_on(work)
}
