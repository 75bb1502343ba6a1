//! A log file of bounded size.
//!
//! Lines go to `NAME.log`. At the first line of a day (UTC) and before it would grow too large the
//! file becomes `NAME.TIME.log` and a new one is begun; the oldest are removed. Whoever else moves
//! or removes the file, such as logrotate, need not say so: it is noticed within a second.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::private;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Maximum size of a file in bytes. A call writes some 20 kB at the level `info`, so a file has
/// thousands of calls.
pub(super) const FILE_BYTES: u64 = 64 << 20;
/// Number of earlier files to keep: two weeks, where no day fills a file.
pub(super) const FILES_KEPT: usize = 14;
/// Minimum interval between checks that the file still has its name.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A log file. Each write is a whole line.
#[derive(Debug)]
pub(super) struct LogFile {
    folder: PathBuf,
    name: &'static str,
    bytes_max: u64,
    open: Option<Open>,
    checked: Instant,
}

/// An open file, with its size and date, so that no write needs to ask for them.
#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode, to notice another file under its name.
    id: (u64, u64),
    bytes: u64,
    /// The day of its last line.
    day: Date,
}

impl LogFile {
    /// Opens `NAME.log` in a folder for appending.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(folder: &Path, name: &'static str, bytes_max: u64) -> io::Result<Self> {
        private::folder(folder)?;
        let path = path(folder, name);
        // engines before 0.1.0 left a link to the file of the day here
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            fs::remove_file(&path)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            name,
            bytes_max,
            open: Some(Open::at(&path)?),
            checked: Instant::now(),
        })
    }

    /// The file for a line of so many bytes.
    fn for_line(&mut self, bytes: usize) -> io::Result<&mut Open> {
        let path = path(&self.folder, self.name);
        if self.checked.elapsed() >= CHECK_INTERVAL {
            self.checked = Instant::now();
            let in_place = fs::metadata(&path)
                .map(|found| (found.dev(), found.ino()))
                .ok();
            if self.open.as_ref().map(|open| open.id) != in_place {
                self.open = None;
            }
        }
        let (today, length) = (OffsetDateTime::now_utc().date(), bytes as u64);
        let is_over = self.open.as_ref().is_some_and(|open| {
            let is_full = open.bytes.saturating_add(length) > self.bytes_max;
            open.bytes > 0 && (is_full || open.day != today)
        });
        if is_over {
            self.open = None;
            fs::rename(&path, self.archived_path()?)?;
            self.remove_oldest()?;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&path)?,
        };
        let open = self.open.insert(open);
        open.day = today;
        open.bytes = open.bytes.saturating_add(length);
        Ok(open)
    }

    /// A name for the finished file, which sorts after all earlier ones.
    fn archived_path(&self) -> io::Result<PathBuf> {
        let format = format_description!(
            "[year]-[month]-[day]T[hour]-[minute]-[second].[subsecond digits:6]"
        );
        let now = OffsetDateTime::now_utc().format(format);
        let now = now.map_err(io::Error::other)?;
        Ok(self.folder.join(format!("{}.{now}.log", self.name)))
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let mut archived_path = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let is_earlier = name.to_str().is_some_and(|name| {
                let middle = name
                    .strip_prefix(self.name)
                    .and_then(|rest| rest.strip_suffix(".log"));
                // not the present one, whose middle is empty
                middle.is_some_and(|middle| middle.starts_with(".2"))
            });
            if is_earlier {
                archived_path.push(name);
            }
        }
        archived_path.sort();
        let over = archived_path.len().saturating_sub(FILES_KEPT);
        for name in archived_path.iter().take(over) {
            fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let found = file.metadata()?;
        Ok(Self {
            id: (found.dev(), found.ino()),
            bytes: found.len(),
            day: OffsetDateTime::from(found.modified()?).date(),
            file,
        })
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.for_line(line.len())?.file.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.open {
            Some(open) => open.file.flush(),
            None => Ok(()),
        }
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn text(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn a_file_is_appended_to_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        for line in ["one\n", "two\n"] {
            let mut log = LogFile::open(folder.path(), "a", 100).unwrap();
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(text(folder.path(), "a.log"), "one\ntwo\n");
    }

    #[test]
    fn files_and_their_number_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        // of another log, and of somebody else
        fs::write(folder.path().join("ab.2026-01-01.log"), "").unwrap();
        fs::write(folder.path().join("a.notes.log"), "").unwrap();
        fs::write(folder.path().join("a.2020-01-01.log"), "before all").unwrap();
        let mut log = LogFile::open(folder.path(), "a", 10).unwrap();
        for number in 0..40 {
            log.write_all(format!("line {number:02}\n").as_bytes())
                .unwrap();
        }
        let names = names(folder.path());
        let archived_path: Vec<_> = names
            .iter()
            .filter(|name| name.starts_with("a.2"))
            .collect();
        assert_eq!(archived_path.len(), FILES_KEPT);
        assert_eq!(names.len(), FILES_KEPT + 3);
        assert_eq!(text(folder.path(), "a.log"), "line 39\n");
        // the newest are kept, in the order of their names
        for (name, number) in archived_path.iter().rev().zip((0..39).rev()) {
            assert_eq!(text(folder.path(), name), format!("line {number:02}\n"));
        }
        // a line that is longer than a file has one to itself
        log.write_all(b"a line of twenty-six bytes").unwrap();
        assert_eq!(text(folder.path(), "a.log"), "a line of twenty-six bytes");
    }

    #[test]
    fn each_day_has_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.log");
        fs::write(&file, "yesterday\n").unwrap();
        let yesterday = SystemTime::now() - Duration::from_secs(86_400);
        let written = File::options().append(true).open(&file).unwrap();
        written.set_modified(yesterday).unwrap();
        let mut log = LogFile::open(folder.path(), "a", 100).unwrap();
        log.write_all(b"today\n").unwrap();
        log.write_all(b"and on\n").unwrap();
        assert_eq!(text(folder.path(), "a.log"), "today\nand on\n");
        let names = names(folder.path());
        assert_eq!(names.len(), 2);
        assert_eq!(text(folder.path(), &names[0]), "yesterday\n");
    }

    #[test]
    fn a_file_that_was_moved_or_removed_is_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, moved) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
        let mut log = LogFile::open(folder.path(), "a", 100).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&file, &moved).unwrap();
        log.checked -= CHECK_INTERVAL;
        log.write_all(b"two\n").unwrap();
        assert_eq!(text(folder.path(), "a.log"), "two\n");
        assert_eq!(text(folder.path(), "a.log.1"), "one\n");
        fs::remove_file(&file).unwrap();
        log.checked -= CHECK_INTERVAL;
        log.write_all(b"three\n").unwrap();
        assert_eq!(text(folder.path(), "a.log"), "three\n");
    }

    #[test]
    fn a_folder_that_was_removed_and_created_again_is_written_to() {
        let house = tempfile::tempdir().unwrap();
        let folder = house.path().join("logs");
        let mut log = LogFile::open(&folder, "a", 100).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        log.checked -= CHECK_INTERVAL;
        assert!(log.write_all(b"lost\n").is_err());
        fs::create_dir(&folder).unwrap();
        log.write_all(b"there\n").unwrap();
        assert_eq!(text(&folder, "a.log"), "there\n");
    }

    #[test]
    fn the_link_of_an_earlier_engine_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let of_day = folder.path().join("a.2026-01-01.log");
        fs::write(&of_day, "earlier\n").unwrap();
        std::os::unix::fs::symlink(&of_day, folder.path().join("a.log")).unwrap();
        let mut log = LogFile::open(folder.path(), "a", 100).unwrap();
        log.write_all(b"now\n").unwrap();
        assert_eq!(text(folder.path(), "a.log"), "now\n");
        assert_eq!(text(folder.path(), "a.2026-01-01.log"), "earlier\n");
    }
}
