//! Callers' voices over a telephone line: synthesised once, kept in the build folder, none of them the bot's.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use samvaad_audio::g711;
use samvaad_sim::voice::Voice;

use crate::corpus::{Sentence, Spoken};

/// Samples a second on the line.
pub const RATE_HZ: u32 = 8_000;
/// Of flite: a woman and a man from the USA, a man from Scotland, and a voice of the oldest kind. The bot's is of espeak-ng, which no
/// recogniser hears well over a telephone.
const ENGLISH: [&str; 4] = ["slt", "rms", "awb", "kal16"];
/// The bot's Hindi voice is `hi` as it is.
const HINDI: [&str; 4] = ["espeak:hi+f2", "espeak:hi+m3", "espeak:hi+f5", "espeak:hi+m7"];

/// The voices that speak a sentence.
pub fn voices(language: Spoken) -> [&'static str; 4] {
    match language {
        Spoken::En | Spoken::Hinglish => ENGLISH,
        Spoken::Hi => HINDI,
    }
}

/// What comes over the line when a voice says a sentence: 8 kHz, through G.711.
pub fn says(voice: &str, sentence: &Sentence) -> Vec<i16> {
    let mut clip = Vec::new();
    for (pause_ms, words) in sentence.parts() {
        clip.resize(clip.len() + samples(pause_ms), 0);
        clip.extend(spoken(voice, words));
    }
    if let Some(cut_ms) = sentence.cut_ms {
        clip.truncate(samples(cut_ms));
    }
    clip.iter().map(|sample| g711::decode(g711::encode(*sample))).collect()
}

/// As many samples as so many milliseconds have.
pub fn samples(ms: u32) -> usize {
    (ms * RATE_HZ / 1_000) as usize
}

/// Words without a pause, from the folder of kept ones where they are there.
fn spoken(voice: &str, words: &str) -> Vec<i16> {
    let path = kept(voice, words);
    if let Ok(bytes) = fs::read(&path) {
        return bytes.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = runtime.block_on(Voice::from(voice.to_owned()).speak(words, RATE_HZ)).unwrap();
    // another thread may be at the same words: a file is there whole or not at all
    let draft = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    fs::write(draft.path(), made.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    draft.persist(&path).unwrap();
    made.to_vec()
}

fn kept(voice: &str, words: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers");
    fs::create_dir_all(&folder).unwrap();
    let mut hasher = DefaultHasher::new();
    (voice, words).hash(&mut hasher);
    folder.join(format!("{:016x}.pcm", hasher.finish()))
}
