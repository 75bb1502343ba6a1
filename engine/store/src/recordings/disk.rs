//! The thread that writes the recordings of all calls, and what it does to one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use ghanti_model::RecordingState;
use ghanti_model::chain::hexadecimal;
use ghanti_model::event::Recorded;
use hound::{SampleFormat, WavSpec, WavWriter};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{Folder, RATE_HZ, RecordingName};

/// The header that hound writes for 16-bit PCM (Microsoft, "Multimedia Programming Interface and
/// Data Specifications 1.0", RIFF WAVE): the sizes are at 4 and 40, and the samples follow it.
const HEADER_BYTES: u64 = 44;
/// A sample of each side.
const FRAME_BYTES: u64 = 4;
/// How much silence is written at once.
const SILENCE: usize = RATE_HZ as usize * 2;
/// How much is read at once for the digest.
const READ_BYTES: usize = 256 << 10;
const MIB: u64 = 1 << 20;

/// What the thread is asked to do, in order.
pub(super) enum Job {
    Begin(Arc<Mutex<Wav>>),
    Write {
        wav: Arc<Mutex<Wav>>,
        /// Samples of silence on each side before these.
        silent: u64,
        samples: Vec<i16>,
        /// The call's space in the queue, released when this is written.
        _place: OwnedSemaphorePermit,
    },
    End {
        wav: Arc<Mutex<Wav>>,
        silent: u64,
        reply: oneshot::Sender<Ended>,
    },
}

/// What a recording came to.
pub(super) enum Ended {
    Whole(Written),
    Cut(Written, String),
    Missing(String),
}

/// A readable file.
pub(super) struct Written {
    sha256: String,
    bytes: u64,
}

impl Written {
    /// `lost` is in samples of each side.
    pub(super) fn recorded(
        self,
        name: RecordingName,
        state: RecordingState,
        lost: u64,
        reason: Option<String>,
    ) -> Recorded {
        let ms = |samples: u64| samples.saturating_mul(1_000) / u64::from(RATE_HZ);
        Recorded {
            file: name.to_string(),
            state,
            sha256: Some(self.sha256),
            bytes: self.bytes,
            length_ms: ms(self.bytes.saturating_sub(HEADER_BYTES) / FRAME_BYTES),
            lost_ms: ms(lost),
            reason,
        }
    }
}

/// Runs until nobody can ask any more.
pub(super) fn run(mut jobs: mpsc::Receiver<Job>) {
    let with = |wav: &Arc<Mutex<Wav>>, work: &mut dyn FnMut(&mut Wav)| {
        work(&mut wav.lock().unwrap_or_else(PoisonError::into_inner));
    };
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Begin(wav) => with(&wav, &mut Wav::begin),
            Job::Write {
                wav,
                silent,
                samples,
                _place,
            } => with(&wav, &mut |wav| wav.write(silent, &samples)),
            Job::End { wav, silent, reply } => {
                let mut ended = None;
                with(&wav, &mut |wav| {
                    wav.write(silent, &[]);
                    ended = Some(wav.end());
                });
                if let Some(ended) = ended {
                    // whoever asked may have given up
                    let _ = reply.send(ended);
                }
            }
        }
    }
}

/// One file. After a failure it takes nothing more, and what was written until then is kept.
pub(super) struct Wav {
    folder: Arc<Folder>,
    path: PathBuf,
    writer: Option<WavWriter<BufWriter<File>>>,
    failure: Option<String>,
}

impl Wav {
    pub(super) fn new(folder: Arc<Folder>, path: PathBuf) -> Self {
        Self {
            folder,
            path,
            writer: None,
            failure: None,
        }
    }

    fn begin(&mut self) {
        let spec = WavSpec {
            channels: 2,
            sample_rate: RATE_HZ,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let begun = self.has_room().and_then(|()| {
            let file = options
                .open(&self.path)
                .map_err(|error| with_hint(&error))?;
            let mut writer =
                WavWriter::new(BufWriter::new(file), spec).map_err(|error| with_hint(&error))?;
            writer.flush().map_err(|error| with_hint(&error))?;
            Ok(writer)
        });
        match begun {
            Ok(writer) => {
                self.folder.used.fetch_add(HEADER_BYTES, Ordering::Relaxed);
                self.writer = Some(writer);
            }
            Err(reason) => self.failure = Some(reason),
        }
    }

    /// Writes samples and brings the header up to date, so that the file is readable whenever the
    /// engine dies.
    fn write(&mut self, silent: u64, samples: &[i16]) {
        if (silent == 0 && samples.is_empty()) || self.failure.is_some() {
            return;
        }
        let written = self.has_room().and_then(|()| {
            self.append(silent, samples)
                .map_err(|error| with_hint(&error))
        });
        match written {
            Ok(bytes) => drop(self.folder.used.fetch_add(bytes, Ordering::Relaxed)),
            Err(reason) => {
                tracing::warn!(reason, "a recording ends here; its call goes on");
                self.failure = Some(reason);
            }
        }
    }

    fn append(&mut self, silent: u64, samples: &[i16]) -> Result<u64, hound::Error> {
        let Some(writer) = &mut self.writer else {
            return Ok(0);
        };
        let mut left = usize::try_from(silent.saturating_mul(2)).unwrap_or(usize::MAX);
        let silence = [0_i16; SILENCE];
        while left > 0 {
            let piece = silence.get(..left).unwrap_or(&silence);
            put(writer, piece)?;
            left -= piece.len();
        }
        put(writer, samples)?;
        writer.flush()?;
        Ok(silent * FRAME_BYTES + u64::try_from(size_of_val(samples)).unwrap_or(0))
    }

    fn has_room(&self) -> Result<(), String> {
        let folder = &self.folder;
        let (used, most) = (folder.used.load(Ordering::Relaxed), folder.room.disk_bytes);
        if used >= most {
            return Err(format!(
                "the recordings take the {} MiB that `disk-mib` of `[recording]` allows: raise it, or lower `recordings-days` of `[retention]`",
                most / MIB
            ));
        }
        let about = rustix::fs::statvfs(&folder.path).map_err(|error| with_hint(&error))?;
        let (free, keep) = (
            about.f_bavail.saturating_mul(about.f_frsize),
            folder.room.keep_free_bytes,
        );
        if free < keep {
            return Err(format!(
                "the disk has {} MiB left, and `keep-free-mib` of `[recording]` keeps {} MiB free: make room",
                free / MIB,
                keep / MIB
            ));
        }
        Ok(())
    }

    fn end(&mut self) -> Ended {
        let Some(writer) = self.writer.take() else {
            let reason = self.failure.take();
            return Ended::Missing(reason.unwrap_or_else(|| "it was ended twice".to_owned()));
        };
        if let Err(error) = writer.finalize() {
            self.failure.get_or_insert_with(|| with_hint(&error));
        }
        match (mended(&self.path), self.failure.take()) {
            (Ok(Some(written)), None) => Ended::Whole(written),
            (Ok(Some(written)), Some(reason)) => Ended::Cut(written, reason),
            (Ok(None), reason) => {
                Ended::Missing(reason.unwrap_or_else(|| "the call was too short".to_owned()))
            }
            (Err(error), _) => Ended::Missing(with_hint(&error)),
        }
    }
}

fn put(writer: &mut WavWriter<BufWriter<File>>, samples: &[i16]) -> Result<(), hound::Error> {
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut buffer = writer.get_i16_writer(length);
    for &sample in samples {
        buffer.write_sample(sample);
    }
    buffer.flush()
}

/// Gives a file the header of what is in it, has it on the disk, and says what it is. Deletes a file
/// in which nothing is, for which it returns `None`.
pub(super) fn mended(path: &Path) -> io::Result<Option<Written>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let samples = file.metadata()?.len().saturating_sub(HEADER_BYTES) / FRAME_BYTES * FRAME_BYTES;
    if samples == 0 {
        fs::remove_file(path)?;
        return Ok(None);
    }
    let bytes = HEADER_BYTES + samples;
    file.set_len(bytes)?;
    for (at, size) in [(4, bytes - 8), (40, samples)] {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes())?;
    }
    file.sync_data()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(Some(Written {
        sha256: digest(&mut file)?.0,
        bytes,
    }))
}

/// The SHA-256 of the rest of a file, in hexadecimal, and how many bytes it has.
pub(super) fn digest(file: &mut File) -> io::Result<(String, u64)> {
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; READ_BYTES], 0_u64);
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(piece) if !piece.is_empty() => {
                hash.update(piece);
                bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            }
            _ => return Ok((hexadecimal(&hash.finalize()), bytes)),
        }
    }
}

/// What the system says, with what can be done about it.
fn with_hint(error: &dyn std::fmt::Display) -> String {
    format!("{error}: see whether the data folder's disk is full or broken")
}
