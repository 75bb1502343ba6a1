//! A provider that listens, as a [`Recognizer`]: a session for each utterance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::{Language, Masked};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::recognition::{
    Expectation, Hearing, RATE_HZ, Recognition, RecognitionError, Recognized, Recognizer,
};

/// Pieces of an utterance that wait for its session; a call feeds some ten a second, so that these
/// are seconds of a connection that takes nothing.
const QUEUED_PIECES: usize = 128;
/// The confidence in words whose provider gives none.
const UNRATED: f32 = 0.8;
/// The most audio of one utterance that is sent at once: a minute, as Google and Azure take no more.
const UTTERANCE_SAMPLES: usize = 60 * 16_000;
const _: () = assert!(UTTERANCE_SAMPLES == 60 * RATE_HZ as usize);

/// Turns the audio of an utterance into words.
#[async_trait]
pub(super) trait Transcriber: Send + Sync + 'static {
    /// The provider's name in the configuration.
    fn name(&self) -> &str;

    /// Whether it supports a language.
    fn understands(&self, language: &Language) -> bool;

    /// Whether it understands more where a line's noise is suppressed first.
    fn is_helped_by_suppression(&self) -> bool {
        false
    }

    /// Listens to one utterance until its audio ends, and returns its words.
    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault>;
}

/// The words of an utterance.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// As the provider writes them.
    pub(super) text: String,
    pub(super) confidence: Option<f32>,
    /// The language that was identified, if the provider does that.
    pub(super) language: Option<Language>,
    /// Whether something other than the expected phrases was said.
    pub(super) unknown: bool,
}

/// An utterance while it is heard.
pub(super) struct Heard {
    pub(super) expectation: Arc<Expectation>,
    /// The first of the languages that the provider understands.
    pub(super) language: Language,
    audio: mpsc::Receiver<Vec<i16>>,
    hearings: mpsc::Sender<Hearing>,
    waiting: Arc<AtomicUsize>,
}

impl Heard {
    /// The next piece at 16 kHz; `None` when the utterance is over. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Vec<i16>> {
        let piece = self.audio.recv().await?;
        self.waiting.fetch_sub(piece.len(), Ordering::Relaxed);
        Some(piece)
    }

    /// All of it, as bytes of PCM16, little-endian.
    pub(super) async fn all(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await {
            if bytes.len() < UTTERANCE_SAMPLES * 2 {
                bytes.extend(pcm(&piece));
            }
        }
        bytes
    }

    /// Tells the words so far.
    pub(super) fn so_far(&self, text: &str) {
        let words = Words {
            text: text.to_owned(),
            confidence: Some(0.0),
            ..Words::default()
        };
        // they are dropped where nobody takes them
        let _ = self
            .hearings
            .try_send(Hearing::Partial(recognized(words, &self.language)));
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.audio.close();
        while let Ok(piece) = self.audio.try_recv() {
            self.waiting.fetch_sub(piece.len(), Ordering::Relaxed);
        }
    }
}

/// PCM16, little-endian.
pub(super) fn pcm(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

fn recognized(words: Words, language: &Language) -> Recognized {
    Recognized {
        text: Masked::new(super::words::plain(&words.text)),
        confidence: words.confidence.unwrap_or(UNRATED).clamp(0.0, 1.0),
        language: words.language.unwrap_or_else(|| language.clone()),
        unknown: words.unknown,
    }
}

/// A [`Transcriber`] as a recogniser.
pub(super) struct RemoteRecognizer<T> {
    transcriber: Arc<T>,
    /// Samples that were fed and are not sent yet.
    waiting: Arc<AtomicUsize>,
}

impl<T: Transcriber> RemoteRecognizer<T> {
    pub(super) fn of(transcriber: T) -> Arc<dyn Recognizer> {
        Arc::new(Self {
            transcriber: Arc::new(transcriber),
            waiting: Arc::default(),
        })
    }
}

impl<T: Transcriber> Recognizer for RemoteRecognizer<T> {
    fn name(&self) -> &str {
        self.transcriber.name()
    }

    fn understands(&self, language: &Language) -> bool {
        self.transcriber.understands(language)
    }

    fn is_helped_by_suppression(&self, _languages: &[Language]) -> bool {
        self.transcriber.is_helped_by_suppression()
    }

    fn backlog(&self) -> Duration {
        let samples = self.waiting.load(Ordering::Relaxed) as u64;
        Duration::from_millis(samples * 1_000 / u64::from(RATE_HZ))
    }

    fn listen(
        &self,
        expectation: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError> {
        let mut languages = expectation.languages.iter();
        let understood = languages.find(|language| self.transcriber.understands(language));
        let Some(language) = understood.cloned() else {
            let first = expectation.languages.into_iter().next();
            return Err(RecognitionError::NoModel(
                first.unwrap_or_else(Language::english),
            ));
        };
        Ok(Box::new(Listening {
            transcriber: Arc::clone(&self.transcriber),
            waiting: Arc::clone(&self.waiting),
            expectation: Arc::new(expectation),
            language,
            hearings,
            open: None,
            ending: Vec::new(),
            ended: 0,
            reported: watch::channel(0).0,
        }))
    }
}

struct Listening<T> {
    transcriber: Arc<T>,
    waiting: Arc<AtomicUsize>,
    expectation: Arc<Expectation>,
    language: Language,
    hearings: mpsc::Sender<Hearing>,
    open: Option<Session>,
    /// Sessions whose words are awaited.
    ending: Vec<JoinHandle<()>>,
    /// How many utterances have ended, and for how many the words were reported, which is done in order.
    ended: u64,
    reported: watch::Sender<u64>,
}

/// The session of the utterance that goes on.
struct Session {
    audio: mpsc::Sender<Vec<i16>>,
    task: JoinHandle<()>,
}

impl<T: Transcriber> Listening<T> {
    fn session(&self) -> Session {
        let (audio, pieces) = mpsc::channel(QUEUED_PIECES);
        let mut heard = Heard {
            expectation: Arc::clone(&self.expectation),
            language: self.language.clone(),
            audio: pieces,
            hearings: self.hearings.clone(),
            waiting: Arc::clone(&self.waiting),
        };
        let transcriber = Arc::clone(&self.transcriber);
        let (reported, before) = (self.reported.clone(), self.ended);
        let task = tokio::spawn(async move {
            let words = transcriber.transcribe(&mut heard).await;
            // cannot fail: this task has a sender
            let _ = reported
                .subscribe()
                .wait_for(|reported| *reported >= before)
                .await;
            let hearing = match words {
                Ok(words) => Hearing::Final(recognized(words, &heard.language)),
                Err(fault) => Hearing::Failed(RecognitionError::Provider {
                    name: transcriber.name().to_owned(),
                    fault,
                }),
            };
            // the call may be over
            let _ = heard.hearings.send(hearing).await;
            reported.send_replace(before + 1);
        });
        Session { audio, task }
    }
}

impl<T: Transcriber> Recognition for Listening<T> {
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        if samples.is_empty() {
            return Ok(());
        }
        let session = match self.open.take() {
            Some(session) => session,
            None => self.session(),
        };
        self.waiting.fetch_add(samples.len(), Ordering::Relaxed);
        let sent = session.audio.try_send(samples.to_vec());
        self.open = Some(session);
        if sent.is_err() {
            self.waiting.fetch_sub(samples.len(), Ordering::Relaxed);
        }
        sent.map_err(|_| RecognitionError::Overloaded)
    }

    fn finish(&mut self) {
        let session = match self.open.take() {
            Some(session) => session,
            None => self.session(),
        };
        self.ending.retain(|task| !task.is_finished());
        self.ending.push(session.task);
        self.ended += 1;
    }

    fn reset(&mut self) {
        if let Some(session) = self.open.take() {
            session.task.abort();
        }
    }
}

impl<T> Drop for Listening<T> {
    fn drop(&mut self) {
        let open = self.open.take().map(|session| session.task);
        for task in self.ending.drain(..).chain(open) {
            task.abort();
        }
    }
}
