//! Synthesizers in order of preference.
//!
//! With more than one, a text is spoken sentence by sentence. A voice that fails before the first
//! piece of a sentence is asked again, where that may help; then the next one speaks that sentence,
//! whole, and the rest of the text.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ghanti_model::Language;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::breaker::Breaker;
use super::sentences::{portions, sentences};
use super::{Failures, Limits};
use crate::fault::FailureCount;
use crate::synthesis::{Samples, SynthesisError, Synthesizer, Utterance};
use crate::turns::{Claim, Turns, Usage};

/// The pause between two sentences, besides what is left of their own silence.
const SENTENCE_PAUSE_MS: u32 = 200;

/// How long to wait before a sentence is asked for again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How much the newest measure counts of how soon a voice begins to speak: one in so many.
const SMOOTHED: u64 = 4;

/// What is spoken to see whether a voice speaks: every language has a word for it.
const WORD: &str = "1";

type Pieces = Receiver<Result<Samples, SynthesisError>>;

/// Synthesizers, the preferred one first.
pub struct Voices(Vec<Voice>);

/// One of them.
pub(crate) struct Voice {
    synthesizer: Arc<dyn Synthesizer>,
    limits: Limits,
    breaker: Breaker,
    failures: Failures,
    turns: Option<Turns>,
    /// How long it takes until the first audio of a sentence, in microseconds; 0 before the first.
    first_audio_us: AtomicU64,
}

impl Voices {
    /// Synthesizers with their limits. An empty list speaks nothing.
    pub fn new(voices: impl IntoIterator<Item = (Arc<dyn Synthesizer>, Limits)>) -> Self {
        let voices = voices.into_iter().map(|(synthesizer, limits)| Voice {
            synthesizer,
            limits,
            breaker: Breaker::default(),
            failures: Failures::default(),
            turns: limits.at_once.map(Turns::new),
            first_audio_us: AtomicU64::new(0),
        });
        Self(voices.collect())
    }

    /// A single synthesizer of this machine.
    pub fn of(synthesizer: Arc<dyn Synthesizer>) -> Self {
        Self::new([(synthesizer, Limits::local())])
    }

    /// The synthesizers, the preferred one first.
    pub fn synthesizers(&self) -> Vec<Arc<dyn Synthesizer>> {
        let synthesizers = self.0.iter().map(|voice| Arc::clone(&voice.synthesizer));
        synthesizers.collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Voice> + Clone {
        self.0.iter()
    }

    /// The voice that speaks now: the first that is not left alone.
    pub(crate) fn speaker(&self) -> Option<&Voice> {
        self.all().find(|voice| voice.is_ready())
    }

    /// Grants turns to texts that other calls want since they came.
    pub(crate) fn serve(&self) {
        for turns in self.all().filter_map(|voice| voice.turns.as_ref()) {
            turns.serve();
        }
    }

    /// What is to be spoken, each part in a turn of its own: sentences, or the whole text where
    /// nobody could take over and it is not too long for one turn.
    pub(crate) fn parts(&self, text: &str) -> VecDeque<String> {
        if self.0.len() > 1 {
            sentences(text)
        } else if self.0.iter().any(|voice| voice.turns.is_some()) {
            portions(text)
        } else {
            VecDeque::from([text.to_owned()])
        }
    }

    /// The utterance as a voice gets it. A flow's voice is the name of one of the preferred
    /// synthesizer's; the others speak with their own for the language.
    pub(crate) fn utterance_of<'u>(
        &self,
        at: usize,
        utterance: &'u Utterance,
    ) -> Cow<'u, Utterance> {
        if at == 0 || utterance.voice.is_none() {
            return Cow::Borrowed(utterance);
        }
        Cow::Owned(Utterance {
            voice: None,
            ..utterance.clone()
        })
    }

    /// Whether a language is spoken, tried with one word where this machine is to speak it; `None`
    /// where a provider over the network is, which is paid for each word and whose failures are
    /// seen in calls, or where there was no turn.
    pub(crate) async fn try_out(
        &self,
        language: &Language,
        rate_hz: u32,
    ) -> Option<Result<(), SynthesisError>> {
        let utterance = Utterance {
            text: WORD.into(),
            language: language.clone(),
            voice: None,
        };
        let claim = Claim::default();
        let _interest = claim.join(&Usage::default());
        let mut failed = SynthesisError::NoVoice(language.clone());
        for voice in self
            .all()
            .filter(|voice| voice.synthesizer.speaks(language))
        {
            voice.turns.as_ref()?;
            let mut word = VecDeque::from([WORD.to_owned()]);
            let mut ignore = |_| {};
            let tried = voice.speak(&mut word, &utterance, rate_hz, &claim, &mut ignore);
            match tried.await {
                Ok(()) => return Some(Ok(())),
                Err(SynthesisError::NoTurn(_)) => return None,
                Err(error) => failed = error,
            }
        }
        Some(Err(failed))
    }

    /// How often each failed.
    pub fn failures(&self) -> Vec<FailureCount> {
        let counts = self.0.iter().flat_map(|voice| {
            voice
                .failures
                .all()
                .into_iter()
                .map(|(fault, count)| FailureCount {
                    provider: voice.name().to_owned(),
                    fault,
                    count,
                })
        });
        counts.collect()
    }
}

impl Voice {
    pub(crate) fn name(&self) -> &str {
        self.synthesizer.name()
    }

    pub(crate) fn synthesizer(&self) -> &dyn Synthesizer {
        self.synthesizer.as_ref()
    }

    /// Whether this machine computes what it speaks.
    pub(crate) fn is_local(&self) -> bool {
        self.turns.is_some()
    }

    /// How long it takes until the first audio of a sentence, averaged over the last few; `None`
    /// before the first.
    pub(crate) fn first_audio(&self) -> Option<Duration> {
        let us = self.first_audio_us.load(Ordering::Relaxed);
        (us > 0).then(|| Duration::from_micros(us))
    }

    fn began_after(&self, took: Duration) {
        let new_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let us = match self.first_audio_us.load(Ordering::Relaxed) {
            0 => new_us,
            // one of two measures at the same moment may be lost
            old_us => old_us - old_us / SMOOTHED + new_us / SMOOTHED,
        };
        self.first_audio_us.store(us, Ordering::Relaxed);
    }

    /// Whether it is not left alone after failures.
    pub(crate) fn is_ready(&self) -> bool {
        self.breaker.is_closed()
    }

    /// The same, for who is about to ask it.
    pub(crate) fn admits(&self) -> bool {
        self.breaker.admits()
    }

    /// Speaks the parts that are left, and takes those away that were spoken whole. `claim` says
    /// which calls want it.
    pub(crate) async fn speak(
        &self,
        parts: &mut VecDeque<String>,
        utterance: &Utterance,
        rate_hz: u32,
        claim: &Claim,
        deliver: &mut (dyn FnMut(Samples) + Send),
    ) -> Result<(), SynthesisError> {
        while let Some(part) = parts.front() {
            let part = Utterance {
                text: part.as_str().into(),
                ..utterance.clone()
            };
            let turn = match &self.turns {
                // too many at once is no fault of the voice
                Some(turns) => Some(turns.turn(claim).await?),
                None => None,
            };
            let spoken = self.say(&part, rate_hz, deliver).await;
            drop(turn);
            if let Err(SynthesisError::NoVoice(_)) = spoken {
                return spoken;
            }
            self.breaker.ended(spoken.is_err());
            if let Err(error) = spoken {
                self.failures.add(error.fault());
                tracing::warn!(provider = self.name(), %error, "a synthesizer failed");
                return Err(error);
            }
            parts.pop_front();
            if !parts.is_empty() {
                let pause = rate_hz / 1_000 * SENTENCE_PAUSE_MS;
                deliver(vec![0; pause as usize].into());
            }
        }
        Ok(())
    }

    async fn say(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
        deliver: &mut (dyn FnMut(Samples) + Send),
    ) -> Result<(), SynthesisError> {
        let deadline = Instant::now() + self.limits.first_byte;
        let mut retries = self.limits.retries;
        let mut pieces = loop {
            let asked = Instant::now();
            let begun = timeout_at(deadline, self.begin(utterance, rate_hz)).await;
            match begun.unwrap_or_else(|_| Err(too_slow(self.limits.first_byte))) {
                Ok(None) => return Ok(()),
                Ok(Some((first, pieces))) => {
                    self.began_after(asked.elapsed());
                    deliver(first);
                    break pieces;
                }
                Err(error) if retries > 0 && error.may_pass() => {
                    retries -= 1;
                    sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        };
        while let Some(piece) = timeout(self.limits.stall, pieces.recv())
            .await
            .map_err(|_| too_slow(self.limits.stall))?
        {
            deliver(piece?);
        }
        Ok(())
    }

    /// The first piece, and where the others come from; nothing if there is nothing to say.
    async fn begin(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<Option<(Samples, Pieces)>, SynthesisError> {
        let mut pieces = self.synthesizer.synthesize(utterance, rate_hz).await?;
        match pieces.recv().await {
            None => Ok(None),
            Some(first) => Ok(Some((first?, pieces))),
        }
    }
}

fn too_slow(limit: Duration) -> SynthesisError {
    SynthesisError::TooSlow(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
}
