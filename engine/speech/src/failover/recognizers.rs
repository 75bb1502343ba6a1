//! Recognisers in order of preference.
//!
//! The audio of utterances that have no words yet is kept, so that the next recogniser hears all of
//! it where one fails: with an error, or by giving no words in time after the end of an utterance.

mod kept;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use ghanti_model::Language;
use tokio::sync::mpsc;

use self::watch::{Listening, Shared};
use super::breaker::Breaker;
use super::{Failures, Limits};
use crate::fault::FailureCount;
use crate::recognition::{Expectation, Hearing, Recognition, RecognitionError, Recognizer};

/// Recognisers, the preferred one first.
pub struct Recognizers {
    name: String,
    ears: Vec<Arc<Ear>>,
}

/// One of them.
struct Ear {
    recognizer: Arc<dyn Recognizer>,
    limits: Limits,
    breaker: Breaker,
    failures: Failures,
}

impl Ear {
    fn name(&self) -> &str {
        self.recognizer.name()
    }

    fn failed(&self, error: &RecognitionError) {
        self.breaker.ended(true);
        self.failures.add(error.fault());
        tracing::warn!(provider = self.name(), %error, "a recogniser failed");
    }
}

impl Recognizers {
    /// Recognisers with their limits.
    pub fn new(recognizers: impl IntoIterator<Item = (Arc<dyn Recognizer>, Limits)>) -> Self {
        let ears: Vec<_> = recognizers
            .into_iter()
            .map(|(recognizer, limits)| {
                Arc::new(Ear {
                    recognizer,
                    limits,
                    breaker: Breaker::default(),
                    failures: Failures::default(),
                })
            })
            .collect();
        let names: Vec<_> = ears.iter().map(|ear| ear.name()).collect();
        Self {
            name: names.join(", "),
            ears,
        }
    }

    /// Who is to be asked, in order: by the caller's languages, then by preference; those that are left
    /// alone after failures come last.
    fn order(&self, languages: &[Language]) -> Vec<Arc<Ear>> {
        let mut order: Vec<&Arc<Ear>> = Vec::new();
        for language in languages {
            for ear in &self.ears {
                let is_new = !order.iter().any(|known| Arc::ptr_eq(known, ear));
                if is_new && ear.recognizer.understands(language) {
                    order.push(ear);
                }
            }
        }
        let (ready, resting): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|ear| ear.breaker.is_closed());
        ready.into_iter().chain(resting).cloned().collect()
    }
}

impl Recognizer for Recognizers {
    fn name(&self) -> &str {
        &self.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.ears
            .iter()
            .any(|ear| ear.recognizer.understands(language))
    }

    fn backlog(&self) -> Duration {
        self.ears.iter().map(|ear| ear.recognizer.backlog()).sum()
    }

    fn failures(&self) -> Vec<FailureCount> {
        let counts = self.ears.iter().flat_map(|ear| {
            ear.failures
                .all()
                .into_iter()
                .map(|(fault, count)| FailureCount {
                    provider: ear.name().to_owned(),
                    fault,
                    count,
                })
        });
        counts.collect()
    }

    fn listen(
        &self,
        expectation: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError> {
        let order = self.order(&expectation.languages);
        if order.is_empty() {
            return Err(RecognitionError::NoModel(
                expectation
                    .languages
                    .into_iter()
                    .next()
                    .unwrap_or_else(Language::english),
            ));
        }
        let shared = Arc::new(Shared::new(expectation, order));
        tokio::spawn(watch::run(Arc::clone(&shared), hearings));
        Ok(Box::new(Listening(shared)))
    }
}
