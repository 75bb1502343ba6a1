//! Providers in order: the first that can does the work, and the next takes over where one fails.
//!
//! Each provider has a circuit breaker, time-outs and a bound on retries. What happens to a call
//! whose provider is lost: a synthesizer's sentence is spoken again, whole, by the next one, which
//! goes on with the rest; the audio of an utterance is fed to the next recogniser.

pub(crate) mod breaker;
pub mod recognizers;
mod sentences;
pub mod voices;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use self::recognizers::Recognizers;
pub use self::voices::Voices;

/// How long a provider may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the first audio of a sentence.
    pub first_byte: Duration,
    /// Between two pieces of audio.
    pub stall: Duration,
    /// From the end of an utterance to its words.
    pub result: Duration,
    /// How often a sentence is asked for again before its first piece, within `first_byte`.
    pub retries: u32,
    /// How many texts it speaks at once, in turns of the calls; none where that is not this
    /// machine's concern.
    pub at_once: Option<usize>,
}

/// How long the programs of this machine may take, which have deadlines of their own.
const LOCAL: Duration = Duration::from_secs(10);

/// How many texts the voices of this machine speak at once: each some fifty times faster than real
/// time, so that four keep up with any number of calls that share their prompts; more would only
/// take CPU from the calls.
pub(crate) const AT_ONCE: usize = 4;

impl Limits {
    /// Of a provider on this machine.
    pub const fn local() -> Self {
        Self {
            first_byte: LOCAL,
            stall: LOCAL,
            result: LOCAL,
            retries: 0,
            at_once: Some(AT_ONCE),
        }
    }
}

/// Failures of one provider by kind of fault.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<BTreeMap<&'static str, u64>>);

impl Failures {
    pub(crate) fn add(&self, fault: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(fault).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
