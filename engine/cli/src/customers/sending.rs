//! Sends the batches of a list to the engine, one after another: of two rows with the same customer the
//! first is stored, so that an import always has the same result. The next batch is read meanwhile.

use std::ops::ControlFlow;
use std::time::Duration;

use ghanti_import::batch::{Batch, Request};
use ghanti_import::{Columns, ListError, ListFile};
use tokio::sync::mpsc;

use super::engine::{self, Stored};
use crate::engine::{Engine, NoAnswer};

/// Batches that have been read and not sent, in addition to the one that is being read.
const READ_AHEAD: usize = 1;
/// Number of attempts to send a batch before the import ends. With the pauses an engine has two minutes
/// to be restarted.
const ATTEMPTS: u32 = 10;
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, whatever the engine asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A message from the thread that reads a list.
pub enum Read {
    /// The next rows.
    Batch(Batch),
    /// There are no more rows, or none can be read any more.
    End(Result<(), ListError>),
}

/// Reads a list on a thread of its own: files and archives are not read on asynchronous threads. It
/// ends when the receiver is dropped.
pub fn read(list: ListFile, columns: Columns, has_phone_field: bool) -> mpsc::Receiver<Read> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    // a panic in the thread closes the channel without an end, which is reported
    std::thread::spawn(move || {
        let mut batch = Batch::default();
        let end = list.rows(|row| {
            let full = batch.add(row, &columns, has_phone_field);
            match full.map(|full| sender.blocking_send(Read::Batch(full))) {
                Some(Err(_)) => ControlFlow::Break(()),
                Some(Ok(())) | None => ControlFlow::Continue(()),
            }
        });
        if !batch.rows.is_empty() {
            let _ = sender.blocking_send(Read::Batch(batch));
        }
        let _ = sender.blocking_send(Read::End(end));
    });
    receiver
}

/// Sends a batch until the engine has answered. `pausing` is called before each pause.
///
/// # Errors
/// The engine refuses it, or does not answer [`ATTEMPTS`] times.
pub async fn store(
    engine: &Engine,
    request: &Request,
    batch: &Batch,
    mut pausing: impl FnMut(&str, Duration),
) -> Result<Stored, NoAnswer> {
    let mut pause = PAUSE;
    let mut attempt = 1;
    loop {
        match engine::store(engine, request.body(batch)).await {
            Err(error) if error.is_temporary() && attempt < ATTEMPTS => {
                let wait = error.after().unwrap_or(pause).clamp(PAUSE, LONGEST_PAUSE);
                pausing(&error.to_string(), wait);
                tokio::time::sleep(wait).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                attempt += 1;
            }
            answer => return answer,
        }
    }
}
