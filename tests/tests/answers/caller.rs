//! Callers' voices over a telephone line: synthesised once, kept in the build folder, none of them
//! the bot's.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use ghanti_audio::level::{gain, rms_dbfs};

use crate::corpus::{Sentence, Spoken};
use crate::table;

/// Samples a second on the line.
pub const RATE_HZ: u32 = 8_000;
/// How loud a caller speaks: ITU-T P.56 puts it between -30 and -16.
const LEVEL_DBFS: f32 = -20.0;
/// What is at most so loud is no sound: -60 dBFS.
const SILENT: u16 = 32;
/// What is fainter than this, 30 dB below a caller's level, is not heard beside their words.
const AUDIBLE_DBFS: f32 = LEVEL_DBFS - 30.0;
const BLOCK_MS: u32 = 10;
/// Of flite: a woman and a man from the USA, a man from Scotland, and a voice of the oldest kind.
/// The bot's is of espeak-ng, which no recogniser hears well over a telephone.
const ENGLISH: [&str; 4] = ["slt", "rms", "awb", "kal16"];
/// The bot's Hindi voice is `hi` as it is.
const HINDI: [&str; 4] = [
    "espeak:hi+f2",
    "espeak:hi+m3",
    "espeak:hi+f5",
    "espeak:hi+m7",
];

/// All voices of a language.
pub fn all_voices(language: Spoken) -> [&'static str; 4] {
    match language {
        Spoken::En | Spoken::Hinglish => ENGLISH,
        Spoken::Hi => HINDI,
    }
}

/// The voices that speak a sentence; others speak the next one.
pub fn voices(sentence: &Sentence, index: usize) -> impl Iterator<Item = &'static str> {
    let voices = all_voices(sentence.language);
    let count = if table::is_kept() {
        voices.len()
    } else {
        sentence.voices
    };
    voices
        .into_iter()
        .cycle()
        .skip(index % voices.len())
        .take(count)
}

/// A sentence in a voice, at 8 kHz.
pub fn says(voice: &str, sentence: &Sentence) -> Vec<i16> {
    let mut clip = Vec::new();
    for (pause_ms, words) in sentence.parts() {
        clip.resize(clip.len() + samples(pause_ms), 0);
        clip.extend(spoken(voice, words));
    }
    if let Some(cut_ms) = sentence.cut_ms {
        clip.truncate(samples(cut_ms));
    }
    clip
}

/// From when to when somebody who listens to a clip hears it, in milliseconds of it: voices have up to
/// 0.3 s of their own noise before a word and behind it.
pub fn audible(clip: &[i16]) -> Range<u64> {
    let mut loud = clip
        .chunks(samples(BLOCK_MS))
        .zip(0_u64..)
        .filter(|(block, _)| rms_dbfs(block) > AUDIBLE_DBFS)
        .map(|(_, nth)| nth * u64::from(BLOCK_MS)..(nth + 1) * u64::from(BLOCK_MS));
    let Some(first) = loud.next() else {
        return 0..0;
    };
    let end = loud.last().map_or(first.end, |last| last.end);
    first.start..end
}

/// The bot's voice, for so long, to the end of a sentence.
pub fn bot(ms: u32) -> Arc<[i16]> {
    const WORDS: &str = "Hello, this is an automated assistant, calling about something that only the right person may hear.";
    let words = spoken("espeak:en-gb", WORDS);
    let left_out = words.len() - samples(ms) % words.len();
    let sound = words.iter().copied().cycle().skip(left_out);
    sound.take(samples(ms)).collect()
}

/// As many samples as so many milliseconds have.
pub fn samples(ms: u32) -> usize {
    (ms * RATE_HZ / 1_000) as usize
}

/// Words without a pause, from the folder of kept ones where they are there.
fn spoken(voice: &str, words: &str) -> Vec<i16> {
    let path = kept(voice, words);
    if let Ok(bytes) = fs::read(&path) {
        return bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|sample| i16::from_le_bytes(*sample))
            .collect();
    }
    let made = levelled(without_silence(&synthesized(voice, words)));
    // another thread may be at the same words: a file is there whole or not at all
    let draft = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    fs::write(
        draft.path(),
        made.iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect::<Vec<_>>(),
    )
    .unwrap();
    draft.persist(&path).unwrap();
    made
}

/// What the voice's program makes of the words.
fn synthesized(voice: &str, words: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.wav");
    let mut program = match voice.strip_prefix("espeak:") {
        Some(name) => arguments(
            "espeak-ng",
            ["-v", name, "-w"].map(OsStr::new),
            &file,
            ["--", words],
        ),
        None => arguments(
            "flite",
            ["-voice", voice, "-o"].map(OsStr::new),
            &file,
            ["-t", words],
        ),
    };
    let done = program
        .status()
        .unwrap_or_else(|error| panic!("`{program:?}`: {error}\nrun `make setup`"));
    assert!(done.success(), "`{program:?}`: {done}");
    let mut wav = hound::WavReader::open(&file).unwrap();
    let rate_hz = wav.spec().sample_rate;
    ghanti_audio::convert(
        &wav.samples().map(Result::unwrap).collect::<Vec<i16>>(),
        rate_hz,
        RATE_HZ,
    )
    .unwrap()
}

fn arguments(program: &str, before: [&OsStr; 3], file: &Path, after: [&str; 2]) -> Command {
    let mut command = Command::new(program);
    command
        .args(before)
        .arg(file)
        .args(after)
        .stdout(Stdio::null());
    command
}

/// Without what is no sound at all at the ends, so that a pause is as long as it is said to be. A
/// word's soft sounds stay.
fn without_silence(samples: &[i16]) -> &[i16] {
    let sounds = |sample: &i16| sample.unsigned_abs() > SILENT;
    match (
        samples.iter().position(sounds),
        samples.iter().rposition(sounds),
    ) {
        (Some(first), Some(last)) => &samples[first..=last],
        _ => panic!("a voice says nothing"),
    }
}

/// At a telephone's usual level.
fn levelled(samples: &[i16]) -> Vec<i16> {
    let gain = gain(LEVEL_DBFS - rms_dbfs(samples));
    samples
        .iter()
        .map(|&sample| {
            (f32::from(sample) * gain).clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
        })
        .collect()
}

fn kept(voice: &str, words: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers");
    fs::create_dir_all(&folder).unwrap();
    let mut hasher = DefaultHasher::new();
    (voice, words, SILENT).hash(&mut hasher);
    folder.join(format!("{:016x}.pcm", hasher.finish()))
}
