//! Prompts on disk: one file each, complete or absent.
//!
//! A file is written under a temporary name and then renamed. It contains the length and digest of
//! its samples, so that a truncated or damaged file is detected, removed and synthesized again.
//! Everything here blocks, and is called on blocking threads. Personal prompts never get here.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::audio::Speech;
use super::key::Key;
use crate::synthesis::Samples;

/// The first bytes of a prompt file: file type and format version.
const MAGIC: &[u8; 8] = b"GHNTPCM1";

/// Magic, number of samples (u64, little-endian), SHA-256 of the sample bytes. The samples follow,
/// as PCM16 little-endian.
const HEAD_BYTES: usize = 8 + 8 + 32;

/// The extension of prompt files.
const ENDING: &str = "pcm";

/// When the limit is exceeded, the least recently played files are removed down to this fraction of
/// it, so that not every write has to remove files.
const REMOVED_DOWN_TO: f64 = 0.9;

/// A folder of prompt files.
pub(super) struct Disk {
    folder: PathBuf,
    limit_bytes: u64,
    /// Bytes on disk, once counted. Locked while files are removed, on blocking threads only.
    held_bytes: Mutex<Option<u64>>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, limit_bytes: u64) -> Self {
        Self {
            folder,
            limit_bytes,
            held_bytes: Mutex::new(None),
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(key.file_name()).with_extension(ENDING)
    }

    /// Whether a prompt is there, damaged or not.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.path(key).exists()
    }

    /// Reads a prompt; `None` if it is absent or damaged.
    pub(super) fn read(&self, key: &Key) -> io::Result<Option<Samples>> {
        let path = self.path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(samples) = decode(&bytes) else {
            tracing::warn!(prompt = ?key, "a prompt file is damaged and is made anew");
            fs::remove_file(&path)?;
            return Ok(None);
        };
        // marks it as played; if that fails, it is merely removed earlier
        let _ = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        Ok(Some(samples))
    }

    /// Writes a complete prompt, and removes others if there are too many. Returns whether it was
    /// written: one that is longer than the limit is not.
    pub(super) fn write(&self, key: &Key, speech: &Speech) -> io::Result<bool> {
        let bytes = encode(speech);
        if bytes.len() as u64 > self.limit_bytes {
            return Ok(false);
        }
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".prompt-")
            .tempfile_in(&self.folder)?;
        file.write_all(&bytes)?;
        file.persist(self.path(key))?;
        self.make_room(bytes.len() as u64)?;
        Ok(true)
    }

    fn make_room(&self, added: u64) -> io::Result<()> {
        let mut held = self
            .held_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held = held.map(|bytes| bytes + added);
        if held.is_some_and(|bytes| bytes <= self.limit_bytes) {
            return Ok(());
        }
        let mut files = prompt_files(&self.folder)?;
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        if total > self.limit_bytes {
            files.sort_by_key(|file| file.played);
            let wanted = (self.limit_bytes as f64 * REMOVED_DOWN_TO) as u64;
            for file in &files {
                if total <= wanted {
                    break;
                }
                fs::remove_file(&file.path)?;
                total -= file.bytes;
            }
        }
        *held = Some(total);
        Ok(())
    }
}

struct PromptFile {
    path: PathBuf,
    bytes: u64,
    played: SystemTime,
}

fn prompt_files(folder: &Path) -> io::Result<Vec<PromptFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            let about = fs::metadata(&path)?;
            files.push(PromptFile {
                path,
                bytes: about.len(),
                played: about.modified()?,
            });
        }
    }
    Ok(files)
}

fn encode(speech: &Speech) -> Vec<u8> {
    let samples = speech.iter().flat_map(|piece| piece.iter());
    let pcm: Vec<u8> = samples.flat_map(|sample| sample.to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + pcm.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(pcm.len() as u64 / 2).to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(&pcm));
    bytes.extend_from_slice(&pcm);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Samples> {
    let (head, pcm) = bytes.split_at_checked(HEAD_BYTES)?;
    let (magic, head) = head.split_at_checked(MAGIC.len())?;
    let (count, digest) = head.split_at_checked(8)?;
    let count = u64::from_le_bytes(count.try_into().ok()?);
    let whole = magic == MAGIC
        && pcm.len() as u64 == count.checked_mul(2)?
        && Sha256::digest(pcm).as_slice() == digest;
    let (pairs, _) = pcm.as_chunks::<2>();
    whole.then(|| pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ghanti_model::Language;

    use super::*;
    use crate::cache::Keep;
    use crate::synthesis::Utterance;

    fn key(text: &str) -> Key {
        Key::new(
            "double",
            "",
            &Utterance {
                text: text.into(),
                language: Language::english(),
                voice: None,
            },
            8_000,
            Keep::Shared,
        )
    }

    /// Writes a prompt of 1,648 bytes last played the given number of seconds ago.
    fn write(disk: &Disk, text: &str, seconds_ago: u64) {
        disk.write(&key(text), &Arc::from([Samples::from(vec![7; 800])]))
            .unwrap();
        let file = File::options()
            .append(true)
            .open(disk.path(&key(text)))
            .unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds_ago))
            .unwrap();
    }

    fn there(disk: &Disk, texts: &[&str]) -> Vec<bool> {
        texts
            .iter()
            .map(|text| disk.path(&key(text)).exists())
            .collect()
    }

    #[test]
    fn too_much_on_disk_makes_the_least_recently_played_go() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_owned(), 4 * 1_648);
        for (text, seconds_ago) in [("one", 50), ("two", 40), ("three", 30), ("four", 20)] {
            write(&disk, text, seconds_ago);
        }
        assert_eq!(disk.read(&key("one")).unwrap().unwrap().len(), 800);
        write(&disk, "five", 10);
        assert_eq!(
            there(&disk, &["one", "two", "three", "four", "five"]),
            [true, false, false, true, true],
            "`one` was just played"
        );
    }

    #[test]
    fn a_prompt_larger_than_the_limit_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_owned(), 1_000);
        disk.write(&key("long"), &Arc::from([Samples::from(vec![7; 800])]))
            .unwrap();
        assert_eq!(there(&disk, &["long"]), [false]);
    }
}
