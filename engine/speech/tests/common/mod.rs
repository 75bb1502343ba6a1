//! Shared by the tests with real programs: their paths, a caller's voice, and reading results.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ghanti_model::Language;
use ghanti_speech::recognition::HEARINGS;
use ghanti_speech::{
    Expectation, Hearing, Recognition, RecognitionError, Recognized, Recognizer, Utterance, Vosk,
    VoskSettings,
};
use tokio::sync::mpsc;

/// The longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of downloaded tools.
pub fn tools() -> PathBuf {
    std::env::var_os("GHANTI_TOOLS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tools"),
        PathBuf::from,
    )
}

/// Settings for the Vosk installed by `make setup`.
pub fn vosk_settings() -> VoskSettings {
    let folder = tools().join("vosk");
    let models = [(
        Language::english(),
        folder.join("vosk-model-small-en-us-0.15"),
    )];
    VoskSettings {
        library: folder.join("libvosk.so"),
        models: models.into(),
        workers: 2,
    }
}

/// The real recogniser, opened once.
pub fn vosk() -> &'static Vosk {
    static VOSK: LazyLock<Vosk> = LazyLock::new(|| {
        Vosk::open(vosk_settings()).unwrap_or_else(|error| panic!("{error}\nrun `make setup`"))
    });
    &VOSK
}

/// Words spoken by flite as the caller, over an 8 kHz telephone line, at the recogniser's 16 kHz,
/// with a little silence around them.
pub fn caller_says(words: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.wav");
    let done = Command::new("flite")
        .args(["-voice", "slt", "-t", words, "-o"])
        .arg(&file)
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "flite is missing: run `make setup`"
    );
    let mut wav = hound::WavReader::open(&file).unwrap();
    let rate_hz = wav.spec().sample_rate;
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let mut spoken = vec![0; 3_200];
    spoken.extend(resample(&resample(&samples, rate_hz, 8_000), 8_000, 16_000));
    spoken.extend([0; 8_000]);
    spoken
}

/// Samples at another rate.
pub fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    ghanti_audio::convert(samples, from_hz, to_hz).unwrap()
}

/// An expectation of phrases in a language; none means free speech.
pub fn expect(languages: &[&str], phrases: &[&str]) -> Expectation {
    Expectation {
        languages: languages
            .iter()
            .map(|tag| Language::parse(tag).unwrap())
            .collect(),
        phrases: phrases.iter().map(|&phrase| phrase.to_owned()).collect(),
        decoys: Arc::default(),
    }
}

/// A recognition with its hearings.
pub struct Ear {
    pub recognition: Box<dyn Recognition>,
    pub hearings: mpsc::Receiver<Hearing>,
}

impl Ear {
    pub fn new(recognizer: &dyn Recognizer, expectation: Expectation) -> Self {
        let (sender, hearings) = mpsc::channel(HEARINGS);
        Self {
            recognition: recognizer.listen(expectation, sender).unwrap(),
            hearings,
        }
    }

    /// The next final words, and the partial ones before them.
    pub async fn hear(&mut self) -> (Recognized, Vec<String>) {
        let mut partials = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.hearings.recv())
                .await
                .expect("nothing was heard")
                .expect("the channel closed")
            {
                Hearing::Partial(words) => partials.push(words.text.into_exposed()),
                Hearing::Final(words) => return (words, partials),
                Hearing::Lost(loss) => panic!("{loss:?}"),
                Hearing::Failed(error) => panic!("{error}"),
            }
        }
    }

    /// Feeds frames of 20 ms, as a call does but as fast as the recogniser accepts them, and
    /// finishes the utterance.
    pub async fn listen_to(&mut self, samples: &[i16]) -> (Recognized, Vec<String>) {
        let feeding = async {
            for frame in samples.chunks(320) {
                while self.recognition.feed(frame) == Err(RecognitionError::Overloaded) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, feeding)
            .await
            .expect("the recogniser takes no audio");
        self.recognition.finish();
        self.hear().await
    }
}

/// An utterance in a language's default voice.
pub fn utterance(tag: &str, text: &str) -> Utterance {
    Utterance {
        text: text.into(),
        language: Language::parse(tag).unwrap(),
        voice: None,
    }
}
