//! Lists that were uploaded, until they are stored: in memory alone, few, small and for a while. Each
//! belongs to the session that has uploaded it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ghanti_import::{Header, RejectsHeld, Row};
use tokio::sync::Semaphore;

/// The largest file, in bytes: 100,000 customers as CSV. `ghanti customers import` sends larger ones row
/// by row.
pub const FILE_BYTES: usize = 16 << 20;
/// Maximum number of lists that are held. A further one takes the place of the oldest.
const HELD: usize = 8;
/// How long a list is held.
pub(super) const AGE: Duration = Duration::from_secs(1_800);
/// Maximum number of lists that are received at once.
const RECEIVED: usize = 2;
/// Maximum number of lists that are read at once.
const READ: usize = 2;
/// Maximum number of rejected rows that are shown.
pub(super) const REJECTS: usize = 100;
/// Maximum size of the rejected rows that can be downloaded, in bytes.
pub(super) const REJECTS_BYTES: usize = 16 << 20;

/// The lists that are held by this engine.
pub struct Uploads {
    held: Mutex<Vec<Arc<Upload>>>,
    /// Permits for lists that are being received.
    pub(super) receiving: Arc<Semaphore>,
    /// Permits for lists that are being read.
    pub(super) reading: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            receiving: Arc::new(Semaphore::new(RECEIVED)),
            reading: Arc::new(Semaphore::new(READ)),
        }
    }
}

/// A list that was uploaded.
pub(super) struct Upload {
    /// Where it is in the console: nobody guesses it.
    pub(super) id: String,
    /// The token of the forms of its session.
    pub(super) owner: String,
    /// The name of the list that it is to be stored in.
    pub(super) list: String,
    /// The flow that is to talk to the customers.
    pub(super) flow: String,
    /// The file's name, as it may be shown.
    pub(super) file: String,
    /// The sheet of a workbook.
    pub(super) sheet: Option<String>,
    /// The names of its columns.
    pub(super) header: Header,
    /// Its first rows, with cells that are cut to a length that can be shown.
    pub(super) first: Vec<Row>,
    state: Mutex<State>,
}

/// What changes of it.
#[derive(Default)]
pub(super) struct State {
    /// The file, until it is stored.
    pub(super) bytes: Option<Bytes>,
    /// The columns that somebody has chosen for fields.
    pub(super) chosen: Option<BTreeMap<String, usize>>,
    /// The result of storing or checking it.
    pub(super) run: Option<Run>,
}

/// The results of the rows so far.
pub(super) struct Run {
    /// Whether nothing is stored.
    pub(super) is_check: bool,
    pub(super) rows: u64,
    pub(super) stored: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
    /// The first rejected rows: their line, with fields and reasons.
    pub(super) shown: Vec<(u64, Vec<(String, String)>)>,
    /// Rejected rows as they are collected.
    pub(super) rejects: Option<RejectsHeld>,
    /// Rejected rows as they are downloaded.
    pub(super) file: Bytes,
    /// Whether all of them are in it.
    pub(super) is_whole: bool,
    pub(super) end: End,
}

/// Whether it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Rows are still being read.
    NotYet,
    /// All rows were read.
    Whole,
    /// It ended before, for this reason.
    Early(String),
}

impl Upload {
    /// A list that nothing has been done with.
    pub(super) fn new(
        id: String,
        owner: String,
        (list, flow): (String, String),
        (file, sheet): (String, Option<String>),
        (header, first): (Header, Vec<Row>),
        bytes: Bytes,
    ) -> Self {
        Self {
            id,
            owner,
            list,
            flow,
            file,
            sheet,
            header,
            first,
            state: Mutex::new(State {
                bytes: Some(bytes),
                ..State::default()
            }),
        }
    }

    /// What changes of it; never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// A run that begins.
    pub(super) fn begin(is_check: bool, header: &Header) -> Self {
        Self {
            is_check,
            rows: 0,
            stored: 0,
            updated: 0,
            unchanged: 0,
            rejected: 0,
            shown: Vec::new(),
            rejects: RejectsHeld::new(header, REJECTS_BYTES).ok(),
            file: Bytes::new(),
            is_whole: true,
            end: End::NotYet,
        }
    }

    /// Adds a row that was rejected.
    pub(super) fn reject(&mut self, row: &Row, problems: Vec<(String, String)>) {
        self.rejected += 1;
        let rejects = self.rejects.as_mut();
        self.is_whole &= rejects.is_some_and(|rejects| rejects.add(row, &problems));
        if self.shown.len() < REJECTS {
            self.shown.push((row.line, problems));
        }
    }
}

impl Uploads {
    /// Holds a list in place of the one that its session had, and of the oldest if there are too many.
    pub(super) fn hold(&self, upload: Upload) -> Arc<Upload> {
        let upload = Arc::new(upload);
        let mut held = self.all();
        held.retain(|other| other.owner != upload.owner);
        if held.len() >= HELD {
            held.remove(0);
        }
        held.push(Arc::clone(&upload));
        upload
    }

    /// The list with this id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Upload>> {
        self.all().iter().find(|upload| upload.id == id).cloned()
    }

    /// Holds a list no longer.
    pub(super) fn forget(&self, id: &str) {
        self.all().retain(|upload| upload.id != id);
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Upload>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(id: &str, owner: &str) -> Upload {
        let header = Header {
            line: 1,
            names: vec!["Phone".to_owned()],
        };
        Upload::new(
            id.to_owned(),
            owner.to_owned(),
            (String::new(), String::new()),
            (String::new(), None),
            (header, Vec::new()),
            Bytes::from_static(b"Phone\n1\n"),
        )
    }

    #[test]
    fn a_session_has_one_list_and_the_oldest_makes_room() {
        let uploads = Uploads::default();
        uploads.hold(upload("a", "one"));
        uploads.hold(upload("b", "one"));
        assert!(uploads.find("a").is_none() && uploads.find("b").is_some());
        for other in 1..HELD {
            uploads.hold(upload(&format!("other-{other}"), &other.to_string()));
        }
        assert!(uploads.find("b").is_some(), "there is room for all of them");
        uploads.hold(upload("late", "late"));
        assert!(uploads.find("b").is_none() && uploads.find("other-1").is_some());
        uploads.forget("late");
        assert!(uploads.find("late").is_none());
    }

    #[test]
    fn rejected_rows_are_bounded_and_counted_whole() {
        let of = upload("a", "one");
        let mut run = Run::begin(false, &of.header);
        let row = Row {
            line: 2,
            cells: vec!["x".repeat(60_000)],
            faults: Vec::new(),
        };
        let most = u64::try_from(REJECTS_BYTES / 60_000).unwrap();
        for _ in 0..=most {
            run.reject(&row, vec![("phone".to_owned(), "is wrong".to_owned())]);
        }
        assert_eq!((run.rejected, run.shown.len()), (most + 1, REJECTS));
        assert!(!run.is_whole);
        let file = run.rejects.unwrap().into_bytes();
        assert!(file.len() <= REJECTS_BYTES + 100, "{}", file.len());
    }
}
