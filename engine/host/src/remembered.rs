//! A cache of compiled functions, so that a component that differs in a few of them compiles within
//! a second: that of a Python script is an interpreter of 18 MB followed by some data.
//!
//! The cache is a file of bounded size that exists while the engine runs. Each child that compiles
//! reads the file ([`RememberedFunctions`]) and writes the functions that it had to compile to
//! another, which the engine appends ([`RememberedFile`]). Both are a sequence of entries: the
//! lengths of key and code, 4 bytes each, little-endian, then key and code.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;
use wasmtime::CacheStore;

/// The engine's side of the cache.
#[derive(Debug)]
pub(crate) struct RememberedFile {
    max_bytes: u64,
    /// Append-only, since a child may be reading it.
    file: Mutex<NamedTempFile>,
}

impl RememberedFile {
    /// An empty cache. When it is full it is emptied, since most of its functions belong to
    /// components that will not be loaded again.
    pub(crate) fn new(max_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            max_bytes,
            file: Mutex::new(empty()?),
        })
    }

    /// The file for a child to read. It may be gone by the time the child opens it.
    pub(crate) fn path(&self) -> PathBuf {
        self.file().path().to_owned()
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Appends what a child has compiled. Blocks.
    pub(crate) fn add(&self, fresh: &Path) -> io::Result<()> {
        let fresh_bytes = fs::metadata(fresh)?.len();
        if fresh_bytes == 0 || fresh_bytes > self.max_bytes {
            return Ok(());
        }
        let mut file = self.file();
        if file.as_file().metadata()?.len().saturating_add(fresh_bytes) > self.max_bytes {
            *file = empty()?;
        }
        let known_bytes = file.as_file().metadata()?.len();
        // a partial entry would hide all entries after it
        let added = io::copy(&mut File::open(fresh)?, file.as_file_mut()).map(drop);
        added.or_else(|error| file.as_file().set_len(known_bytes).and(Err(error)))
    }

    fn file(&self) -> MutexGuard<'_, NamedTempFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty() -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix("flow-functions-")
        .append(true)
        .tempfile()
}

/// A wasmtime cache key, and the function's machine code.
type Entry = (Box<[u8]>, Box<[u8]>);

/// A child's side of the cache: machine code by wasmtime's key for a function.
pub(crate) struct RememberedFunctions {
    bytes: Vec<u8>,
    known: HashMap<Box<[u8]>, Range<usize>>,
    fresh: Mutex<Vec<Entry>>,
}

impl RememberedFunctions {
    /// Reads the cache; a missing file is an empty cache.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let bytes = match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let (mut known, mut at) = (HashMap::new(), 0);
        while let Some((key, code)) = entry(&bytes, at) {
            at = code.end;
            if let Some(key) = bytes.get(key) {
                known.insert(key.into(), code);
            }
        }
        Ok(Self {
            bytes,
            known,
            fresh: Mutex::default(),
        })
    }

    /// Writes the functions that were compiled in addition.
    pub(crate) fn write_fresh(&self, file: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::options().write(true).open(file)?);
        for (key, code) in self
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let length = |bytes: &[u8]| {
                u32::try_from(bytes.len())
                    .map(u32::to_le_bytes)
                    .map_err(io::Error::other)
            };
            file.write_all(&length(key)?)?;
            file.write_all(&length(code)?)?;
            file.write_all(key)?;
            file.write_all(code)?;
        }
        file.flush()
    }
}

/// The ranges of key and code of the entry at an offset, or `None` if it is incomplete.
fn entry(bytes: &[u8], at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let length = |at: usize| {
        let length = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(length)).ok()
    };
    let key = at.checked_add(8)?;
    let code = key.checked_add(length(at)?)?;
    let end = code.checked_add(length(at.checked_add(4)?)?)?;
    (end <= bytes.len()).then_some((key..code, code..end))
}

impl CacheStore for RememberedFunctions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.bytes
            .get(self.known.get(key)?.clone())
            .map(Cow::Borrowed)
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        self.fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key.into(), code.into_boxed_slice()));
        true
    }
}

impl fmt::Debug for RememberedFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedFunctions")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a child finds in the cache for these keys (code lengths); it adds the missing ones.
    fn child(remembered: &RememberedFile, compiles: &[(&[u8], usize)]) -> Vec<Option<usize>> {
        let (functions, fresh) = (
            RememberedFunctions::open(&remembered.path()).unwrap(),
            empty().unwrap(),
        );
        let found = compiles.iter().map(|(key, bytes)| {
            let known = functions.get(key).map(|code| code.len());
            if known.is_none() {
                functions.insert(key, vec![1; *bytes]);
            }
            known
        });
        let found = found.collect();
        functions.write_fresh(fresh.path()).unwrap();
        remembered.add(fresh.path()).unwrap();
        found
    }

    #[test]
    fn what_one_child_has_compiled_the_next_one_finds() {
        let remembered = RememberedFile::new(1_000).unwrap();
        assert_eq!(child(&remembered, &[(b"a", 60), (b"b", 70)]), [None, None]);
        assert_eq!(
            child(&remembered, &[(b"b", 70), (b"c", 80)]),
            [Some(70), None]
        );
        assert_eq!(
            child(&remembered, &[(b"a", 60), (b"b", 70), (b"c", 80)]),
            [Some(60), Some(70), Some(80)]
        );
    }

    #[test]
    fn what_is_full_begins_anew_and_never_holds_more_than_its_bound() {
        let remembered = RememberedFile::new(100).unwrap();
        child(&remembered, &[(b"a", 60)]);
        assert_eq!(child(&remembered, &[(b"b", 61)]), [None]);
        assert_eq!(child(&remembered, &[(b"c", 200)]), [None]);
        assert_eq!(fs::metadata(remembered.path()).unwrap().len(), 70);
        assert_eq!(
            child(&remembered, &[(b"b", 61), (b"a", 60)]),
            [Some(61), None]
        );
    }

    #[test]
    fn half_an_entry_at_the_end_is_left_out() {
        let remembered = RememberedFile::new(1_000).unwrap();
        child(&remembered, &[(b"a", 60), (b"b", 70)]);
        let whole = fs::read(remembered.path()).unwrap();
        let cut = tempfile::NamedTempFile::new().unwrap();
        for length in [whole.len() - 1, whole.len() - 70, whole.len() - 75, 69] {
            fs::write(cut.path(), &whole[..length]).unwrap();
            let functions = RememberedFunctions::open(cut.path()).unwrap();
            assert_eq!(
                (
                    functions.get(b"a").map(|code| code.len()),
                    functions.get(b"b").is_some()
                ),
                (Some(60), false),
                "{length}"
            );
        }
    }
}
