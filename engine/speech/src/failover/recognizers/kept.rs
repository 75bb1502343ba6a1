//! The audio of utterances whose words are not known yet, and how much of it a recogniser has.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::recognition::{RATE_HZ, Recognition, RecognitionError};

/// The most audio that is kept of one utterance: a minute. Of a longer one the begin is forgotten.
const KEPT_SAMPLES: usize = 60 * 16_000;
const _: () = assert!(KEPT_SAMPLES == 60 * RATE_HZ as usize);
/// The most finished utterances without words; a caller's turn is one, so that this is out of reach.
const UTTERANCES: usize = 16;
/// How much is passed on at once: 100 ms.
const SLICE: usize = RATE_HZ as usize / 10;

#[derive(Default)]
struct Utterance {
    samples: Vec<i16>,
    /// How many of them the recogniser has.
    fed: usize,
    /// When it ended, or a later recogniser began.
    over_at: Option<Instant>,
    /// Since when the recogniser knows that it is over.
    reported_at: Option<Instant>,
}

/// What was heard, in order; all but the last utterance are over.
#[derive(Default)]
pub(super) struct Kept {
    utterances: VecDeque<Utterance>,
}

impl Kept {
    /// Adds audio. `Overloaded` where it was dropped.
    pub(super) fn add(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        if self.utterances.len() >= UTTERANCES {
            return Err(RecognitionError::Overloaded);
        }
        if self
            .utterances
            .back()
            .is_none_or(|last| last.over_at.is_some())
        {
            self.utterances.push_back(Utterance::default());
        }
        let Some(utterance) = self.utterances.back_mut() else {
            return Ok(());
        };
        utterance.samples.extend_from_slice(samples);
        let excess = utterance.samples.len().saturating_sub(KEPT_SAMPLES);
        if excess > 0 {
            utterance.samples.drain(..excess);
            utterance.fed = utterance.fed.saturating_sub(excess);
        }
        Ok(())
    }

    /// Ends the utterance.
    pub(super) fn finish(&mut self) {
        let over_at = Some(Instant::now());
        match self.utterances.back_mut() {
            Some(last) if last.over_at.is_none() => last.over_at = over_at,
            _ => self.utterances.push_back(Utterance {
                over_at,
                ..Utterance::default()
            }),
        }
    }

    /// Forgets what was added since the last end.
    pub(super) fn reset(&mut self) {
        if self
            .utterances
            .back()
            .is_some_and(|last| last.over_at.is_none())
        {
            self.utterances.pop_back();
        }
    }

    /// The words of the oldest utterance are known.
    pub(super) fn understood(&mut self) {
        if self
            .utterances
            .front()
            .is_some_and(|first| first.over_at.is_some())
        {
            self.utterances.pop_front();
        }
    }

    /// Another recogniser begins.
    pub(super) fn rewind(&mut self) {
        for utterance in &mut self.utterances {
            utterance.fed = 0;
            utterance.reported_at = None;
            utterance.over_at = utterance.over_at.map(|_| Instant::now());
        }
    }

    /// Passes on what the recogniser does not have; it has all afterwards, unless it was overloaded.
    pub(super) fn pass_on(&mut self, to: &mut dyn Recognition) -> Result<(), RecognitionError> {
        for utterance in &mut self.utterances {
            while let Some(rest) = utterance.samples.get(utterance.fed..)
                && !rest.is_empty()
            {
                let slice = rest.get(..SLICE).unwrap_or(rest);
                to.feed(slice)?;
                utterance.fed += slice.len();
            }
            if utterance.over_at.is_some() && utterance.reported_at.is_none() {
                to.finish();
                utterance.reported_at = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// Since when words are awaited; of a recogniser that has not even taken all of it, since the end.
    pub(super) fn awaited_since(&self) -> Option<Instant> {
        let first = self.utterances.front()?;
        first.reported_at.or(first.over_at)
    }
}
