//! The natural English voice: hibari, a small network, in this process.
//!
//! A text becomes sentences, a sentence phonemes (`hibari/reading.rs`), phonemes spectra (`hibari/acoustics.rs`, an ONNX
//! file run by `rten`), and spectra samples (`hibari/waveform.rs`). This happens on threads of its own, a sentence at a
//! time, so that the first one plays while the others are made and utterances of several calls
//! take turns.
//!
//! The files are those of PyPI's `hibari-tts` 0.2.1 (Apache-2.0), pinned in `.setup`: the voice
//! "heart", American English. It fails with [`SynthesisError::NoVoice`] for another language or text
//! that is not in Latin letters, and `TooSlow` when its threads are so busy that the deadline
//! passes. Dropping the receiver drops the sentences that were not begun.

mod acoustics;
mod figures;
mod lexicon;
mod names;
mod reading;
mod stress;
mod text;
mod waveform;
mod workers;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::Language;
use tokio::sync::{mpsc, oneshot};

use self::acoustics::Acoustics;
use self::lexicon::Lexicon;
use self::workers::{Job, Voice};
use crate::patience::Patience;
use crate::shaping::piece_samples;
use crate::synthesis::{PIECES, Samples, SynthesisError, Synthesizer, Utterance};

/// The name of the voice, by which an utterance may ask for it.
pub const VOICE: &str = "heart";

/// Silence between two sentences, besides what is kept of theirs (160 ms).
const SENTENCE_GAP_MS: u32 = 240;

/// The model's own pace, in words a minute, measured over prompts of banks.
const NATURAL_WORDS_PER_MINUTE: f32 = 190.0;

/// How much faster or slower than its own pace the model can speak.
const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;

/// The network.
const MODEL: &str = "hibari.onnx";
/// The numbers of its phonemes.
const ALPHABET: &str = "vocab.json";
/// The dictionary, checked by hand.
const CHECKED_WORDS: &str = "lexicon_us_gold.json.gz";
/// Its larger part, which is not.
const OTHER_WORDS: &str = "lexicon_us_silver.json.gz";

/// The location, pace and deadline of the voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HibariSettings {
    /// The folder with the network and its dictionary.
    pub folder: PathBuf,
    /// Speaking rate.
    pub words_per_minute: u16,
    /// How long an utterance may wait for each of its sentences: for a free thread, and for the
    /// samples.
    pub deadline: Duration,
}

/// The deadline on calls.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Why the voice cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HibariError {
    /// A file is missing or not what it should be.
    #[error(
        "cannot read the English voice `{path}`: {reason}; run `make setup`, or set `english-voice = \"\"` in [speech] for espeak-ng's"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system could not start threads.
    #[error("cannot start threads for the English voice: {0}")]
    Threads(#[from] std::io::Error),
}

/// hibari as a [`Synthesizer`].
pub struct Hibari {
    name: String,
    speed: f32,
    deadline: Duration,
    jobs: mpsc::Sender<Job>,
}

impl Hibari {
    /// Loads the network and the dictionary, some tenths of a second: call it at startup, or on a
    /// blocking thread.
    pub fn open(settings: &HibariSettings) -> Result<Self, HibariError> {
        let file = |name: &str| settings.folder.join(name);
        let broken = |path: &Path, reason: String| HibariError::File {
            path: path.to_path_buf(),
            reason,
        };
        for name in [MODEL, ALPHABET, CHECKED_WORDS, OTHER_WORDS] {
            if !file(name).is_file() {
                return Err(broken(&file(name), "there is no such file".to_owned()));
            }
        }
        let alphabet =
            alphabet(&file(ALPHABET)).map_err(|reason| broken(&file(ALPHABET), reason))?;
        let acoustics = Acoustics::load(&file(MODEL), alphabet)
            .map_err(|reason| broken(&file(MODEL), reason))?;
        let lexicon = Lexicon::load(&file(CHECKED_WORDS), &file(OTHER_WORDS))
            .map_err(|reason| broken(&settings.folder, reason))?;
        let speed = (f32::from(settings.words_per_minute) / NATURAL_WORDS_PER_MINUTE)
            .clamp(*SPEEDS.start(), *SPEEDS.end());
        Ok(Self {
            // kept prompts of another pace or an older engine's phonemes are not this voice's
            name: format!("hibari 1 {VOICE} {}", settings.words_per_minute),
            speed,
            deadline: settings.deadline,
            jobs: workers::start(Voice { acoustics, lexicon })?,
        })
    }

    /// Whether it speaks an utterance: English in Latin letters, in its own voice or the default one.
    pub fn can_say(&self, utterance: &Utterance) -> bool {
        let text = utterance.text.expose();
        utterance.language.primary() == "en"
            && utterance
                .voice
                .as_deref()
                .is_none_or(|voice| voice == VOICE)
            && text
                .chars()
                .all(|letter| !letter.is_alphabetic() || is_latin(letter))
    }
}

/// Whether a letter is a Latin one, up to those with diacritics of transliterated Indian words.
fn is_latin(letter: char) -> bool {
    letter <= '\u{24f}' || ('\u{1e00}'..='\u{1eff}').contains(&letter)
}

/// The numbers of the phonemes, from a JSON object.
fn alphabet(path: &Path) -> Result<HashMap<char, i32>, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

#[async_trait]
impl Synthesizer for Hibari {
    fn name(&self) -> &str {
        &self.name
    }

    fn speaks(&self, language: &Language) -> bool {
        language.primary() == "en"
    }

    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        if !self.can_say(utterance) {
            return Err(SynthesisError::NoVoice(utterance.language.clone()));
        }
        let sentences: Vec<String> = text::sentences(utterance.text.expose())
            .into_iter()
            .map(str::to_owned)
            .collect();
        if sentences.is_empty() {
            return Ok(mpsc::channel(1).1);
        }
        let (pieces, receiver) = mpsc::channel(PIECES);
        let speaking = Speaking {
            jobs: self.jobs.clone(),
            speed: self.speed,
            rate_hz,
            deadline: self.deadline,
        };
        tokio::spawn(async move {
            tokio::select! {
                spoken = speaking.run(sentences, &pieces) => if let Err(error) = spoken {
                    // fails only if the receiver is gone, and then nobody needs the error
                    let _ = pieces.send(Err(error)).await;
                },
                () = pieces.closed() => {}
            }
        });
        Ok(receiver)
    }
}

/// One utterance on its way. Dropping it withdraws the sentence that is waiting.
struct Speaking {
    jobs: mpsc::Sender<Job>,
    speed: f32,
    rate_hz: u32,
    deadline: Duration,
}

impl Speaking {
    async fn run(
        self,
        sentences: Vec<String>,
        pieces: &mpsc::Sender<Result<Samples, SynthesisError>>,
    ) -> Result<(), SynthesisError> {
        let gap = (self.rate_hz * SENTENCE_GAP_MS / 1_000) as usize;
        let mut begun = false;
        for sentence in sentences {
            let mut samples = self.speak(sentence).await?;
            if begun && !samples.is_empty() {
                samples.splice(..0, std::iter::repeat_n(0, gap));
            }
            begun |= !samples.is_empty();
            for piece in samples.chunks(piece_samples(self.rate_hz)) {
                // a closed channel cancels this future from outside
                let _ = pieces.send(Ok(piece.into())).await;
            }
        }
        Ok(())
    }

    async fn speak(&self, sentence: String) -> Result<Vec<i16>, SynthesisError> {
        let mut patience = Patience::new(self.deadline);
        let (reply, spoken) = oneshot::channel();
        let job = Job {
            sentence,
            rate_hz: self.rate_hz,
            speed: self.speed,
            reply,
        };
        let gone = || SynthesisError::Unavailable("the English voice was shut down".to_owned());
        patience
            .wait(self.jobs.send(job))
            .await?
            .map_err(|_| gone())?;
        let spoken = patience.wait(spoken).await?.map_err(|_| gone())?;
        spoken.map_err(|reason| {
            SynthesisError::Unavailable(format!("the English voice gave no speech: {reason}"))
        })
    }
}
