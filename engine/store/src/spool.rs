//! The spool: events that could not be saved in the database yet, as files `{call_id}.events` with
//! one event per line, as JSON. They outlive both an outage of the database and this process.
//!
//! Every function does blocking disk I/O and waits for nothing else. Events are appended to a file
//! until all of them are saved and the file is removed. A file survives the death of the process.
//! It is not synced, so a power cut may lose the newest events. Only the disk limits the folder's
//! size: the alternative would be to lose events.
//!
//! A file `{call_id}.json` is a call's record, left by an engine version without events.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ghanti_model::{CallEvent, CallId, CallRecord};

/// The file by which it is tried whether the disk takes anything, and its size.
const TRIED: &str = "tried";
const TRIED_BYTES: usize = 4_096;

const EVENTS: &str = "events";
const RECORD: &str = "json";
const BEING_WRITTEN: &str = "tmp";
const UNREADABLE: &str = "unreadable";

/// The spool folder, and the calls that have files in it.
pub(crate) struct Spool {
    folder: PathBuf,
    calls: Mutex<BTreeSet<CallId>>,
}

/// The spooled data of one call.
#[derive(Debug, PartialEq)]
pub(crate) struct Spooled {
    /// The events, in the order in which they were spooled.
    pub(crate) events: Vec<Arc<CallEvent>>,
    /// The length of their file, in bytes.
    pub(crate) bytes: u64,
    /// The record left by an engine version without events.
    pub(crate) record: Option<CallRecord>,
}

impl Spool {
    /// Opens the folder, creating it if it is missing, and lists the files left by an earlier
    /// process.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        make_private_folder(folder)?;
        let mut calls = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let call = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(CallId::parse);
            let extension = path.extension().and_then(|extension| extension.to_str());
            match (call, extension) {
                (Some(call), Some(EVENTS)) => {
                    end_last_line(&path)?;
                    calls.insert(call);
                }
                (Some(call), Some(RECORD)) => drop(calls.insert(call)),
                // the process died while writing this; the file it was to replace is still there
                (Some(_), Some(BEING_WRITTEN)) => fs::remove_file(&path)?,
                _ => {}
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            calls: Mutex::new(calls),
        })
    }

    /// Writes a file as large as a few events, and removes it again.
    pub(crate) fn try_out(&self) -> io::Result<()> {
        let path = self.folder.join(TRIED);
        let mut file = private_file()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        let written = file.write_all(&[b' '; TRIED_BYTES]);
        fs::remove_file(&path)?;
        written
    }

    /// Appends events of a call.
    pub(crate) fn put(&self, call: CallId, events: &[Arc<CallEvent>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event.as_ref())?;
            lines.push(b'\n');
        }
        let mut calls = self.calls();
        let mut file = private_file()
            .append(true)
            .create(true)
            .open(self.path(call, EVENTS))?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(&lines) {
            // an incomplete line would corrupt the next one
            let _ = file.set_len(before);
            return Err(error);
        }
        calls.insert(call);
        Ok(())
    }

    /// Reads the spooled data of a call; `None` if there is none any more. Unreadable lines and
    /// records are moved to a file `{call_id}.unreadable`. If nothing else is left, that is
    /// reported as an error of kind `InvalidData`.
    pub(crate) fn read(&self, call: CallId) -> io::Result<Option<Spooled>> {
        let mut calls = self.calls();
        if !calls.contains(&call) {
            return Ok(None);
        }
        let (mut events, mut bad, mut fault) = (Vec::new(), Vec::new(), None);
        let lines = read_or_none(&self.path(call, EVENTS))?.unwrap_or_default();
        let (mut good, mut bytes) = (Vec::new(), lines.len());
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(event) => {
                    events.push(Arc::new(event));
                    good.extend_from_slice(line);
                }
                Err(error) => {
                    fault = Some(crate::keyed::json_fault(&error));
                    bad.extend_from_slice(line);
                }
            }
        }
        let mut record = None;
        if let Some(json) = read_or_none(&self.path(call, RECORD))? {
            match serde_json::from_slice(&json) {
                Ok(read) => record = Some(read),
                Err(error) => {
                    fault = Some(crate::keyed::json_fault(&error));
                    fs::rename(self.path(call, RECORD), self.path(call, UNREADABLE))?;
                }
            }
        }
        if !bad.is_empty() {
            let mut aside = private_file()
                .append(true)
                .create(true)
                .open(self.path(call, UNREADABLE))?;
            aside.write_all(&bad)?;
            self.rewrite(call, &good)?;
            bytes = good.len();
        }
        match fault {
            Some(fault) if events.is_empty() && record.is_none() => {
                calls.remove(&call);
                Err(io::Error::new(io::ErrorKind::InvalidData, fault))
            }
            _ => Ok(Some(Spooled {
                events,
                bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
                record,
            })),
        }
    }

    fn rewrite(&self, call: CallId, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return fs::remove_file(self.path(call, EVENTS));
        }
        let unfinished = self.path(call, BEING_WRITTEN);
        private_file()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)?
            .write_all(lines)?;
        fs::rename(&unfinished, self.path(call, EVENTS))
    }

    /// Removes the spooled data of a call, once it is in the database. If the file of events has
    /// grown beyond `bytes`, it is kept.
    pub(crate) fn remove(&self, call: CallId, bytes: u64) -> io::Result<()> {
        let mut calls = self.calls();
        remove_if_there(&self.path(call, RECORD))?;
        let events = self.path(call, EVENTS);
        match fs::metadata(&events) {
            Ok(found) if found.len() > bytes => return Ok(()),
            Ok(_) => fs::remove_file(&events)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        calls.remove(&call);
        Ok(())
    }

    /// Removes what could not be read of a call and was set aside. Returns whether there was
    /// anything.
    pub(crate) fn remove_unreadable(&self, call: CallId) -> io::Result<bool> {
        let aside = self.path(call, UNREADABLE);
        let was_there = aside.exists();
        remove_if_there(&aside)?;
        Ok(was_there)
    }

    /// Returns the call after `previous`, wrapping around, so that a call whose events the database
    /// refuses does not delay the others.
    pub(crate) fn next(&self, previous: Option<CallId>) -> Option<CallId> {
        let calls = self.calls();
        let after = previous.and_then(|call| {
            calls
                .range((Bound::Excluded(call), Bound::Unbounded))
                .next()
        });
        after.or_else(|| calls.first()).copied()
    }

    /// Whether there are events of a call.
    pub(crate) fn has(&self, call: CallId) -> bool {
        self.calls().contains(&call)
    }

    /// Returns the calls with spooled data.
    pub(crate) fn all(&self) -> BTreeSet<CallId> {
        self.calls().clone()
    }

    /// Returns the number of calls with spooled data.
    pub(crate) fn len(&self) -> usize {
        self.calls().len()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, call: CallId, extension: &str) -> PathBuf {
        self.folder.join(format!("{call}.{extension}"))
    }

    fn calls(&self) -> MutexGuard<'_, BTreeSet<CallId>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates the folder, unless it exists. Events contain names, numbers and transcripts, so only the
/// engine's user may read them.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn read_or_none(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Ends an incomplete last line, left by a process that died while writing, so that the next event
/// starts on a new line.
fn end_last_line(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        return Ok(());
    }
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use ghanti_model::{EventId, EventKind, NodeId};

    use super::*;

    fn event(call: CallId, unix_ms: u64) -> Arc<CallEvent> {
        Arc::new(CallEvent {
            id: EventId::generate(),
            call_id: call,
            node: NodeId::NONE,
            unix_ms,
            kind: EventKind::Listening,
        })
    }

    #[test]
    fn what_comes_while_the_rest_is_saved_stays() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let call = CallId::generate();
        let (first, second) = (event(call, 1), event(call, 2));
        spool.put(call, std::slice::from_ref(&first)).unwrap();
        let read = spool.read(call).unwrap().unwrap();
        assert_eq!(read.events, std::slice::from_ref(&first));
        spool.put(call, std::slice::from_ref(&second)).unwrap();
        spool.remove(call, read.bytes).unwrap();
        let read = spool.read(call).unwrap().unwrap();
        assert_eq!(read.events, [first, second]);
        spool.remove(call, read.bytes).unwrap();
        assert_eq!((spool.len(), spool.read(call).unwrap()), (0, None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_process_left_is_found_whole_lines_and_half_ones() {
        let folder = tempfile::tempdir().unwrap();
        let call = CallId::generate();
        let (first, second) = (event(call, 1), event(call, 2));
        Spool::open(folder.path())
            .unwrap()
            .put(call, std::slice::from_ref(&first))
            .unwrap();
        let file = folder.path().join(format!("{call}.events"));
        let mut half = fs::read(&file).unwrap();
        half.extend_from_slice(b"{\"call_id\":\"Asha");
        fs::write(&file, half).unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        spool.put(call, std::slice::from_ref(&second)).unwrap();
        assert_eq!(spool.next(None), Some(call));
        let read = spool.read(call).unwrap().unwrap();
        assert_eq!(read.events, [first, second]);
        assert!(folder.path().join(format!("{call}.unreadable")).exists());
        spool.remove(call, read.bytes).unwrap();
        assert_eq!(spool.len(), 0);
    }

    #[test]
    fn an_unreadable_file_is_set_aside_not_deleted() {
        for extension in ["json", "events"] {
            let folder = tempfile::tempdir().unwrap();
            let call = CallId::generate();
            let file = folder.path().join(format!("{call}.{extension}"));
            fs::write(file, "{\"name\":\"Asha Rao\"}").unwrap();
            let spool = Spool::open(folder.path()).unwrap();
            let error = spool.read(call).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(!error.to_string().contains("Asha"));
            assert_eq!(spool.len(), 0);
            assert!(folder.path().join(format!("{call}.unreadable")).exists());
        }
    }

    #[test]
    fn the_record_of_an_older_engine_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let record = CallRecord::new(CallId::generate(), 7);
        let file = folder.path().join(format!("{}.json", record.call_id));
        fs::write(&file, serde_json::to_vec(&record).unwrap()).unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let read = spool.read(record.call_id).unwrap().unwrap();
        assert_eq!((read.record.as_ref(), read.bytes), (Some(&record), 0));
        spool.remove(record.call_id, read.bytes).unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn the_circle_goes_round_all_calls() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let (first, second) = (CallId::generate(), CallId::generate());
        spool.put(first, &[event(first, 1)]).unwrap();
        spool.put(second, &[event(second, 2)]).unwrap();
        assert_eq!(spool.next(None), Some(first));
        assert_eq!(spool.next(Some(first)), Some(second));
        assert_eq!(spool.next(Some(second)), Some(first));
    }

    #[test]
    fn files_are_for_the_engines_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("spool");
        let spool = Spool::open(&folder).unwrap();
        let call = CallId::generate();
        spool.put(call, &[event(call, 1)]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&folder.join(format!("{call}.events")))),
            (0o700, 0o600)
        );
    }
}
