//! The audio of utterances whose words are not known yet, and how much of it a recogniser has.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::recognition::{RATE_HZ, Recognition, RecognitionError};

/// The most audio that is kept of one utterance: a minute. Of a longer one the begin is forgotten.
const KEPT_SAMPLES: usize = 60 * RATE_HZ as usize;
/// The most finished utterances without words; a caller's turn is one, so that this is out of reach.
const UTTERANCES: usize = 16;
/// How much is passed on at once: 100 ms.
const SLICE: usize = RATE_HZ as usize / 10;

#[derive(Default)]
struct Utterance {
    samples: Vec<i16>,
    /// How many of them the recogniser has.
    fed: usize,
    is_over: bool,
    /// Since when the recogniser knows that it is over.
    told_at: Option<Instant>,
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
        if self.utterances.back().is_none_or(|last| last.is_over) {
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
        match self.utterances.back_mut().filter(|last| !last.is_over) {
            Some(last) => last.is_over = true,
            None => self.utterances.push_back(Utterance {
                is_over: true,
                ..Utterance::default()
            }),
        }
    }

    /// Forgets what was added since the last end.
    pub(super) fn reset(&mut self) {
        if self.utterances.back().is_some_and(|last| !last.is_over) {
            self.utterances.pop_back();
        }
    }

    /// The words of the oldest utterance are known.
    pub(super) fn understood(&mut self) {
        if self.utterances.front().is_some_and(|first| first.is_over) {
            self.utterances.pop_front();
        }
    }

    /// Another recogniser begins.
    pub(super) fn rewind(&mut self) {
        for utterance in &mut self.utterances {
            utterance.fed = 0;
            utterance.told_at = None;
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
            if utterance.is_over && utterance.told_at.is_none() {
                to.finish();
                utterance.told_at = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// Since when words are awaited.
    pub(super) fn awaited_since(&self) -> Option<Instant> {
        self.utterances.front()?.told_at
    }
}
