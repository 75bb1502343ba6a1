//! Reads a list that was uploaded, on a thread of its own with low priority: an archive takes processor
//! time that calls may want.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use ghanti_host::yield_to_calls;
use ghanti_import::batch::Batch;
use ghanti_import::columns::shown;
use ghanti_import::{Bounds, Columns, Header, ListFile, Row};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Of what was uploaded so many rows are shown.
const FIRST: usize = 3;
/// Batches that have been read and not stored, in addition to the one that is being read.
const READ_AHEAD: usize = 1;

/// What is read.
#[derive(Clone)]
pub(super) struct Listed {
    /// The file's name, by which errors call it.
    pub(super) name: String,
    pub(super) sheet: Option<String>,
    pub(super) bytes: Bytes,
}

/// A message from the thread that reads.
pub(super) enum Read {
    /// The next rows.
    Batch(Batch),
    /// There are no more rows, or none can be read any more, for this reason.
    End(Result<(), String>),
}

impl Listed {
    fn open(&self) -> Result<ListFile, String> {
        let source = Box::new(Cursor::new(self.bytes.clone()));
        let list = ListFile::read(
            Path::new(&self.name),
            source,
            self.sheet.as_deref(),
            &Bounds::UPLOAD,
        );
        list.map_err(|error| error.to_string())
    }

    /// Its header and first rows, with cells that are cut to a length that can be shown.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do about it.
    pub(super) async fn look(
        self,
        permit: OwnedSemaphorePermit,
    ) -> Result<(Header, Vec<Row>), String> {
        let (sender, looked) = oneshot::channel();
        spawn(move || {
            let looked = self.first();
            drop(permit);
            // whoever asked may be gone
            let _ = sender.send(looked);
        })?;
        looked.await.unwrap_or_else(|_| Err(unreadable()))
    }

    fn first(&self) -> Result<(Header, Vec<Row>), String> {
        let list = self.open()?;
        let header = list.header().clone();
        let mut first = Vec::new();
        let read = list.rows(|mut row| {
            for cell in &mut row.cells {
                *cell = shown(cell);
            }
            first.push(row);
            if first.len() < FIRST {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        read.map_err(|error| error.to_string())?;
        if first.is_empty() {
            return Err(format!(
                "`{}` has no rows below its header in line {}",
                self.name, header.line
            ));
        }
        Ok((header, first))
    }

    /// All rows, grouped into requests. Reading ends when the receiver is dropped.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn batches(
        self,
        columns: Columns,
        has_phone_field: bool,
        permit: OwnedSemaphorePermit,
    ) -> Result<mpsc::Receiver<Read>, String> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        // a panic in the thread closes the channel without an end, which is reported
        spawn(move || {
            let _permit = permit;
            let mut batch = Batch::default();
            let end = self.open().and_then(|list| {
                let read = list.rows(|row| {
                    let full = batch.add(row, &columns, has_phone_field);
                    match full.map(|full| sender.blocking_send(Read::Batch(full))) {
                        Some(Err(_)) => ControlFlow::Break(()),
                        Some(Ok(())) | None => ControlFlow::Continue(()),
                    }
                });
                read.map_err(|error| error.to_string())
            });
            if !batch.rows.is_empty() {
                let _ = sender.blocking_send(Read::Batch(batch));
            }
            let _ = sender.blocking_send(Read::End(end));
        })?;
        Ok(receiver)
    }
}

/// The message where a reader ended without a result.
pub(super) fn unreadable() -> String {
    "the list cannot be read further: open it in a spreadsheet program, and save it again"
        .to_owned()
}

fn spawn(read: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name("list-reader".to_owned());
    let spawned = thread.spawn(move || {
        yield_to_calls("a list is read");
        read();
    });
    spawned
        .map(drop)
        .map_err(|error| format!("no thread can be started: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    async fn looked(bytes: &[u8]) -> Result<(Header, Vec<Row>), String> {
        let listed = Listed {
            name: "list.csv".to_owned(),
            sheet: None,
            bytes: Bytes::copy_from_slice(bytes),
        };
        let permits = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
        let looked = listed.look(permit).await;
        assert_eq!(permits.available_permits(), 1);
        looked
    }

    #[tokio::test]
    async fn the_first_rows_are_cut_and_a_list_without_rows_is_none() {
        let long = format!("Phone,Name\n1,{}\n2,b\n3,c\n4,d\n", "x".repeat(9_000));
        let (header, first) = looked(long.as_bytes()).await.unwrap();
        assert_eq!(header.names, ["Phone", "Name"]);
        assert_eq!(first.len(), FIRST);
        assert!(first[0].cells[1].chars().count() < 100);
        for (bytes, reported) in [
            (
                &b"Phone,Name\n\n"[..],
                "has no rows below its header in line 1",
            ),
            (b"", "has no row with anything in it"),
            (
                b"98765 43210,Asha\n98765 43211,Ravi\n",
                "line 1 has a phone number, so that it is no header",
            ),
            (b"\xff\xfeP\0", "text in UTF-16"),
            (b"Phone,N\xe4me\n1,a\n", "is not UTF-8"),
        ] {
            let wrong = looked(bytes).await.unwrap_err();
            assert!(
                wrong.contains(reported) && wrong.contains("`list.csv`"),
                "{wrong}"
            );
            assert!(!wrong.contains("98765"), "{wrong}");
        }
    }
}
