//! Checks each synthesizer and recogniser by itself: its latency, its languages, and a sample of its
//! output.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_model::Language;
use ghanti_speech::recognition::{HEARINGS, RATE_HZ};
use ghanti_speech::{Expectation, Hearing, Limits, Recognizer, Recognizers, Voices};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::hear::Pace;
use super::say::{Spoken, say};
use super::{Providers, SpeechError};
use crate::config::{RecognizerChoice, SynthesizerChoice};

/// Timeout for the recognition of a sentence.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Samples in a piece of audio: 100 ms.
const PIECE: usize = RATE_HZ as usize / 10;
/// The languages in which the engine can speak amounts and dates.
const LANGUAGES: [&str; 11] = [
    "en-IN", "hi-IN", "ta-IN", "te-IN", "mr-IN", "kn-IN", "ml-IN", "bn-IN", "gu-IN", "pa-IN",
    "or-IN",
];
/// Pause before an overloaded recogniser is fed again.
const RETRY: Duration = Duration::from_millis(20);

/// One synthesizer or recogniser.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// `synthesizer` or `recognizer`.
    pub role: &'static str,
    /// Its name in the configuration.
    pub name: String,
    /// The languages that it supports, of those that flows may speak.
    pub languages: Vec<Language>,
    /// Time to the first audio, or from the end of the audio to the words, in milliseconds.
    pub latency_ms: Option<u64>,
    /// How long the sample lasts, in milliseconds.
    pub sample_ms: Option<u64>,
    /// The recognized words.
    pub heard: Option<String>,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// The synthesized sample.
    #[serde(skip)]
    pub sample: Option<Spoken>,
}

/// Checks all that are configured. The recognisers are fed the first sample.
///
/// # Errors
/// Vosk cannot be opened.
pub async fn check(
    providers: &Providers<'_>,
    text: &str,
    language: &Language,
    rate_hz: u32,
) -> Result<Vec<Checked>, SpeechError> {
    let mut all = Vec::new();
    for who in providers.speech.synthesizer_order() {
        let name = match who {
            SynthesizerChoice::Provider(name) => name.to_owned(),
            SynthesizerChoice::Local(kind) => kind.name(),
        };
        let Some((synthesizer, limits)) = providers.voice(who) else {
            continue;
        };
        let languages = known(|language| synthesizer.speaks(language));
        let spoken = say(
            Voices::new([(synthesizer, limits)]),
            text,
            language,
            rate_hz,
        );
        let mut checked = Checked::new("synthesizer", name, languages);
        match spoken.await {
            Ok(spoken) => {
                checked.latency_ms = Some(milliseconds(spoken.first));
                checked.sample_ms = Some(spoken.lasts_ms());
                checked.sample = Some(spoken);
            }
            Err(error) => checked.error = Some(error.to_string()),
        }
        all.push(checked);
    }
    let said = all.iter().find_map(|checked| {
        let sample = checked.sample.as_ref()?;
        ghanti_audio::convert(&sample.samples, sample.rate_hz, RATE_HZ).ok()
    });
    for who in providers.speech.recognizer_order() {
        let (name, pace) = match who {
            RecognizerChoice::Vosk => ("vosk", Pace::Fast),
            RecognizerChoice::Provider(name) => (name, Pace::Call),
        };
        let Some((recognizer, limits)) = providers.listener(who).await? else {
            continue;
        };
        let languages = known(|language| recognizer.understands(language));
        let mut checked = Checked::new("recognizer", name.to_owned(), languages);
        match &said {
            Some(said) => match recognized(recognizer, limits, pace, language, said).await {
                Ok((words, took)) => {
                    checked.latency_ms = Some(milliseconds(took));
                    checked.heard = Some(words);
                }
                Err(reason) => checked.error = Some(reason),
            },
            None => {
                checked.error = Some("no synthesizer produced a sample to recognize".to_owned())
            }
        }
        all.push(checked);
    }
    Ok(all)
}

impl Checked {
    fn new(role: &'static str, name: String, languages: Vec<Language>) -> Self {
        Self {
            role,
            name,
            languages,
            latency_ms: None,
            sample_ms: None,
            heard: None,
            error: None,
            sample: None,
        }
    }
}

fn known(has: impl Fn(&Language) -> bool) -> Vec<Language> {
    let all = LANGUAGES.iter().filter_map(|tag| Language::parse(tag).ok());
    all.filter(has).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The words of a sentence, and how long after its end they arrived.
async fn recognized(
    recognizer: Arc<dyn Recognizer>,
    limits: Limits,
    pace: Pace,
    language: &Language,
    samples: &[i16],
) -> Result<(String, Duration), String> {
    let alone = Recognizers::new([(recognizer, limits)]);
    let (sender, mut hearings) = mpsc::channel(HEARINGS);
    let free_speech = Expectation {
        languages: vec![language.clone()],
        ..Expectation::default()
    };
    let mut listening = alone
        .listen(free_speech, sender)
        .map_err(|error| error.to_string())?;
    let heard = async {
        for piece in samples.chunks(PIECE) {
            let begun = Instant::now();
            while listening.feed(piece).is_err() {
                sleep(RETRY).await;
            }
            pace.wait(begun, piece.len()).await;
        }
        // audio that was fed all at once is decoded before the clock starts, as in a call
        while !alone.backlog().is_zero() {
            sleep(RETRY).await;
        }
        let begun = Instant::now();
        listening.finish();
        loop {
            match hearings.recv().await {
                Some(Hearing::Final(words)) => {
                    return Ok((words.text.into_exposed(), begun.elapsed()));
                }
                Some(Hearing::Failed(error)) => return Err(error.to_string()),
                Some(Hearing::Partial(_) | Hearing::Lost(_)) => {}
                None => return Err("it ended without words".to_owned()),
            }
        }
    };
    timeout(TIMEOUT, heard)
        .await
        .unwrap_or_else(|_| Err(format!("no words came within {} s", TIMEOUT.as_secs())))
}
