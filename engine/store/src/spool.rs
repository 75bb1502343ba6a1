//! The spool: records that could not be saved in the database yet, as files `{call_id}.json`. They
//! outlive both an outage of the database and this process.
//!
//! Every function does blocking disk I/O and waits for nothing else. A file is replaced atomically
//! by a rename and survives the death of the process. It is not synced, so a power cut may lose the
//! newest files. Only the disk limits the folder's size: the alternative would be to lose records.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ghanti_model::{CallId, CallRecord};

const RECORD: &str = "json";
const BEING_WRITTEN: &str = "tmp";
const UNREADABLE: &str = "unreadable";

/// Numbers the records that a process submits: of two records of one call, the one with the higher
/// revision is newer. Files left by an earlier process have revision 0.
pub(crate) type Revision = u64;

/// The revision of files left by an earlier process.
pub(crate) const INHERITED: Revision = 0;

/// The spool folder, and the revision of each call's file in it.
pub(crate) struct Spool {
    folder: PathBuf,
    files: Mutex<BTreeMap<CallId, Revision>>,
}

impl Spool {
    /// Opens the folder, creating it if it is missing, and lists the files left by an earlier
    /// process.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        make_private_folder(folder)?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let call = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(CallId::parse);
            match (
                call,
                path.extension().and_then(|extension| extension.to_str()),
            ) {
                (Some(call), Some(RECORD)) => drop(files.insert(call, INHERITED)),
                // the process died while writing this; the file it was to replace is still there
                (Some(_), Some(BEING_WRITTEN)) => fs::remove_file(&path)?,
                _ => {}
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            files: Mutex::new(files),
        })
    }

    /// Writes a record, unless there is a newer one of its call.
    pub(crate) fn put(&self, revision: Revision, record: &CallRecord) -> io::Result<()> {
        let mut files = self.files();
        if files
            .get(&record.call_id)
            .is_some_and(|&there| there > revision)
        {
            return Ok(());
        }
        let unfinished = self.path(record.call_id, BEING_WRITTEN);
        let mut file = create_private_file(&unfinished)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        fs::rename(&unfinished, self.path(record.call_id, RECORD))?;
        files.insert(record.call_id, revision);
        Ok(())
    }

    /// Reads the record of a call; `None` if there is none any more. An unreadable file is renamed
    /// and reported as an error of kind `InvalidData`.
    pub(crate) fn read(&self, call: CallId) -> io::Result<Option<(Revision, CallRecord)>> {
        let mut files = self.files();
        let Some(&revision) = files.get(&call) else {
            return Ok(None);
        };
        let path = self.path(call, RECORD);
        match serde_json::from_slice(&fs::read(&path)?) {
            Ok(record) => Ok(Some((revision, record))),
            Err(error) => {
                fs::rename(&path, self.path(call, UNREADABLE))?;
                files.remove(&call);
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    crate::keyed::json_fault(&error),
                ))
            }
        }
    }

    /// Removes the record of a call that was saved with this revision, unless the file is newer.
    pub(crate) fn remove(&self, call: CallId, revision: Revision) -> io::Result<()> {
        let mut files = self.files();
        if files.get(&call).is_some_and(|&there| there <= revision) {
            fs::remove_file(self.path(call, RECORD))?;
            files.remove(&call);
        }
        Ok(())
    }

    /// The call after `previous`, starting over after the last one, so that a record which the
    /// database refuses does not block the others.
    pub(crate) fn next(&self, previous: Option<CallId>) -> Option<CallId> {
        let files = self.files();
        let after = previous.and_then(|call| {
            files
                .range((Bound::Excluded(call), Bound::Unbounded))
                .next()
        });
        after
            .or_else(|| files.first_key_value())
            .map(|(&call, _)| call)
    }

    /// How many records are spooled.
    pub(crate) fn len(&self) -> usize {
        self.files().len()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, call: CallId, extension: &str) -> PathBuf {
        self.folder.join(format!("{call}.{extension}"))
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<CallId, Revision>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// Records hold names, numbers and transcripts, so only the engine's user may read them.

fn make_private_folder(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

fn create_private_file(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(call: CallId, created_ms: u64) -> CallRecord {
        CallRecord::new(call, created_ms)
    }

    #[test]
    fn an_older_record_never_replaces_a_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let call = CallId::generate();
        spool.put(2, &record(call, 20)).unwrap();
        spool.put(1, &record(call, 10)).unwrap();
        assert_eq!(spool.read(call).unwrap(), Some((2, record(call, 20))));
        spool.remove(call, 1).unwrap();
        assert_eq!(spool.len(), 1);
        spool.remove(call, 2).unwrap();
        assert_eq!(spool.read(call).unwrap(), None);
    }

    #[test]
    fn what_a_dead_process_left_is_found_and_its_half_written_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, half) = (CallId::generate(), CallId::generate());
        Spool::open(folder.path())
            .unwrap()
            .put(7, &record(whole, 1))
            .unwrap();
        fs::write(folder.path().join(format!("{half}.tmp")), "{\"call_id\":").unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.next(None), Some(whole));
        assert_eq!(
            spool.read(whole).unwrap(),
            Some((INHERITED, record(whole, 1)))
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unreadable_file_is_set_aside_not_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let call = CallId::generate();
        fs::write(
            folder.path().join(format!("{call}.json")),
            "{\"name\":\"Asha Rao\"}",
        )
        .unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let error = spool.read(call).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(!error.to_string().contains("Asha"));
        assert_eq!(spool.len(), 0);
        assert!(folder.path().join(format!("{call}.unreadable")).exists());
    }

    #[test]
    fn the_circle_goes_round_all_calls() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let (first, second) = (CallId::generate(), CallId::generate());
        spool.put(1, &record(first, 1)).unwrap();
        spool.put(2, &record(second, 2)).unwrap();
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
        spool.put(1, &record(call, 1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&folder.join(format!("{call}.json")))),
            (0o700, 0o600)
        );
    }
}
