//! What the event writer logs about an outage. In a program of its own, because the log can only be
//! captured completely if no other test logs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::switched::{SOON, Switched, started, until_saved};
use common::{assert_clean, full_record, imported};

/// The captured log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_reported_once_when_it_begins_and_once_when_it_is_over() {
    let log = Log::default();
    let writer_of_log = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer_of_log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = started(&records, folder.path()).await;
    records.set_down(true);
    for _ in 0..50 {
        writer.submit(imported(&full_record()));
    }
    writer.flush(SOON).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    records.set_down(false);
    until_saved(&records, 50).await;
    writer.flush(SOON).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let reported = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        (
            reported.matches("ERROR").count(),
            reported.matches("INFO").count(),
            reported.lines().count()
        ),
        (1, 1, 2),
        "{reported}"
    );
    assert_clean(&reported, &[]);
}
