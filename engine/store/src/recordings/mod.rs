//! The engine's own recordings of calls: WAV files in a folder that only the engine's user reads.
//!
//! A call hands over what it has recorded and never waits: a thread of its own writes the files of
//! all calls, from queues of a bounded size. What does not fit into them is left out and counted,
//! and is silent in the file, so that everything else is at the time at which it was heard.
//!
//! A file is `CALL-MILLISECONDS.wav`, by the call and the time at which its stream began. Until its
//! digest is stored with the call its name ends in `.part`: what an engine that died has left is
//! found by that when the next one starts in the same folder, and is made readable.

mod disk;
mod name;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghanti_model::RecordingState;
use ghanti_model::event::Recorded;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::disk::{Job, Wav};
pub use self::name::RecordingName;

/// The rate of the files, in hertz.
pub const RATE_HZ: u32 = 8_000;
/// How many pieces of one call wait for the disk. A piece is a second, so a disk may stand still for
/// so many seconds before anything is lost.
pub const WAITING: usize = 8;
/// How many pieces of all calls wait, of 32 KiB each.
const QUEUED: usize = 4_096;
/// How long the end of a recording may take, with its digest: shorter than an engine that stops waits
/// for its last tasks.
const END: Duration = Duration::from_secs(4);

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The most that all recordings take.
    pub disk_bytes: u64,
    /// How much of the disk stays free.
    pub keep_free_bytes: u64,
}

/// The folder, as its thread and its users share it.
struct Folder {
    path: PathBuf,
    room: Room,
    used: AtomicU64,
}

/// The recordings of a data folder.
#[derive(Clone)]
pub struct Recordings {
    folder: Arc<Folder>,
    /// `None` where calls are not recorded.
    jobs: Option<mpsc::Sender<Job>>,
}

impl Recordings {
    /// Opens a folder. With `room` calls are recorded: the folder is made if it is missing, and its
    /// thread started. Also returns the recordings that an earlier engine has not ended. Blocks.
    ///
    /// # Errors
    /// The folder cannot be made or read, or no thread be started.
    pub fn open(path: &Path, room: Option<Room>) -> io::Result<(Self, Vec<RecordingName>)> {
        if room.is_some() {
            private_folder(path)?;
        }
        let (mut used, mut left) = (0, Vec::new());
        for (name, is_part, bytes) in files(path)? {
            used += bytes;
            if is_part {
                left.push(name);
            }
        }
        let none = Room {
            disk_bytes: 0,
            keep_free_bytes: 0,
        };
        let folder = Arc::new(Folder {
            path: path.to_owned(),
            room: room.unwrap_or(none),
            used: AtomicU64::new(used),
        });
        let jobs = match room {
            None => None,
            Some(_) => {
                let (jobs, queue) = mpsc::channel(QUEUED);
                std::thread::Builder::new()
                    .name("recordings".to_owned())
                    .spawn(move || disk::run(queue))?;
                Some(jobs)
            }
        };
        Ok((Self { folder, jobs }, left))
    }

    /// Begins a recording; `None` where calls are not recorded. Does not wait: whether there is room
    /// is known when the recording ends.
    pub fn begin(&self, name: RecordingName) -> Option<Track> {
        let jobs = self.jobs.clone()?;
        let wav = Arc::new(Mutex::new(Wav::new(
            Arc::clone(&self.folder),
            self.folder.part(name),
        )));
        let began = jobs.try_send(Job::Begin(Arc::clone(&wav)));
        Some(Track {
            name,
            jobs,
            wav,
            places: Arc::new(Semaphore::new(WAITING)),
            is_begun: began.is_ok(),
            owed: 0,
            lost: 0,
        })
    }

    /// Gives an ended recording its final name, once its digest is stored.
    ///
    /// # Errors
    /// The disk's.
    pub async fn keep(&self, name: RecordingName) -> io::Result<()> {
        let folder = Arc::clone(&self.folder);
        blocking(move || fs::rename(folder.part(name), folder.whole(name))).await
    }

    /// Makes what is left of a recording readable, and says what it is.
    pub async fn mend(&self, name: RecordingName) -> Recorded {
        let part = self.folder.part(name);
        let mended = blocking(move || disk::mended(&part)).await;
        match mended {
            Ok(Some(written)) => written.recorded(name, RecordingState::Mended, 0, None),
            Ok(None) => missing(
                name,
                "its engine died before anything was written".to_owned(),
            ),
            Err(error) => missing(
                name,
                format!("what its engine has left cannot be read: {error}"),
            ),
        }
    }

    /// The file of a recording, if it is in this folder. Blocks.
    pub fn path(&self, name: RecordingName) -> Option<PathBuf> {
        let names = [self.folder.whole(name), self.folder.part(name)];
        names.into_iter().find(|path| path.is_file())
    }

    /// The SHA-256 of a recording's file, in hexadecimal, and its length in bytes; `None` if it is not in
    /// this folder.
    ///
    /// # Errors
    /// The disk's.
    pub async fn digest(&self, name: RecordingName) -> io::Result<Option<(String, u64)>> {
        let recordings = self.clone();
        blocking(move || {
            let Some(path) = recordings.path(name) else {
                return Ok(None);
            };
            disk::digest(&mut fs::File::open(path)?).map(Some)
        })
        .await
    }

    /// Deletes a recording. Returns whether it was there.
    ///
    /// # Errors
    /// The disk's.
    pub async fn remove(&self, name: RecordingName) -> io::Result<bool> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let mut was_there = false;
            for path in [folder.whole(name), folder.part(name)] {
                let bytes = fs::metadata(&path).map_or(0, |about| about.len());
                match fs::remove_file(&path) {
                    Ok(()) => {
                        folder.freed(bytes);
                        was_there = true;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(was_there)
        })
        .await
    }

    /// All recordings in the folder, oldest first.
    ///
    /// # Errors
    /// The disk's.
    pub async fn list(&self) -> io::Result<Vec<RecordingName>> {
        let path = self.folder.path.clone();
        let files = blocking(move || files(&path)).await?;
        let mut names: Vec<_> = files.into_iter().map(|(name, ..)| name).collect();
        names.sort_by_key(|name| (name.began_ms, name.call));
        names.dedup();
        Ok(names)
    }
}

impl Folder {
    fn whole(&self, name: RecordingName) -> PathBuf {
        self.path.join(name.to_string())
    }

    fn part(&self, name: RecordingName) -> PathBuf {
        self.path.join(format!("{name}{}", name::PART))
    }

    fn freed(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// A recording in progress.
pub struct Track {
    name: RecordingName,
    jobs: mpsc::Sender<Job>,
    wav: Arc<Mutex<Wav>>,
    places: Arc<Semaphore>,
    is_begun: bool,
    /// Samples of each side that were left out since the last piece, for which there is silence.
    owed: u64,
    /// All that were left out.
    lost: u64,
}

impl Track {
    /// Hands over samples, left and right in turn. Never waits: if there is no space for them, they
    /// are left out.
    pub fn write(&mut self, samples: Vec<i16>) {
        let length = u64::try_from(samples.len() / 2).unwrap_or(u64::MAX);
        let place = Arc::clone(&self.places).try_acquire_owned();
        let sent = place.is_ok_and(|place| {
            let write = Job::Write {
                wav: Arc::clone(&self.wav),
                silent: self.owed,
                samples,
                _place: place,
            };
            self.is_begun && self.jobs.try_send(write).is_ok()
        });
        if sent {
            self.owed = 0;
        } else {
            self.owed += length;
            self.lost += length;
        }
    }

    /// The recording's name.
    pub fn name(&self) -> RecordingName {
        self.name
    }

    /// Ends the recording, and says what it is. Bounded in time.
    pub async fn end(self) -> Recorded {
        let Self {
            name,
            jobs,
            wav,
            owed,
            lost,
            ..
        } = self;
        let busy = "the disk does not keep up: see what else writes to the data folder's disk";
        if !self.is_begun {
            return missing(name, busy.to_owned());
        }
        let (reply, ended) = oneshot::channel();
        let end = Job::End {
            wav,
            silent: owed,
            reply,
        };
        let asked = async { jobs.send(end).await.is_ok().then_some(ended)?.await.ok() };
        match tokio::time::timeout(END, asked).await {
            Ok(Some(disk::Ended::Whole(written))) => {
                written.recorded(name, RecordingState::Complete, lost, None)
            }
            Ok(Some(disk::Ended::Cut(written, reason))) => {
                written.recorded(name, RecordingState::Cut, lost, Some(reason))
            }
            Ok(Some(disk::Ended::Missing(reason))) => missing(name, reason),
            Ok(None) => missing(name, "its thread has died: see the log".to_owned()),
            Err(_) => missing(
                name,
                format!("{busy}; what is there is found when the engine starts again"),
            ),
        }
    }
}

fn missing(name: RecordingName, reason: String) -> Recorded {
    Recorded {
        file: name.to_string(),
        state: RecordingState::Missing,
        sha256: None,
        bytes: 0,
        length_ms: 0,
        lost_ms: 0,
        reason: Some(reason),
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path)
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// The recordings in a folder: whether each is not ended, and its length in bytes.
fn files(folder: &Path) -> io::Result<Vec<(RecordingName, bool, u64)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let (whole, is_part) = match name.strip_suffix(name::PART) {
            Some(whole) => (whole, true),
            None => (name, false),
        };
        if let Some(name) = RecordingName::parse(whole) {
            let bytes = entry.metadata().map_or(0, |about| about.len());
            files.push((name, is_part, bytes));
        }
    }
    Ok(files)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
