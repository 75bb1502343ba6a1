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
    listed: Vec<Arc<Listed>>,
}

/// One of them.
struct Listed {
    recognizer: Arc<dyn Recognizer>,
    limits: Limits,
    breaker: Breaker,
    failures: Failures,
}

impl Listed {
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
        let listed: Vec<_> = recognizers
            .into_iter()
            .map(|(recognizer, limits)| {
                Arc::new(Listed {
                    recognizer,
                    limits,
                    breaker: Breaker::default(),
                    failures: Failures::default(),
                })
            })
            .collect();
        let names: Vec<_> = listed.iter().map(|listed| listed.name()).collect();
        Self {
            name: names.join(", "),
            listed,
        }
    }

    /// Who is to be asked, in order: by the caller's languages, then by preference; those that are left
    /// alone after failures come last.
    fn order(&self, languages: &[Language]) -> Vec<Arc<Listed>> {
        let mut order: Vec<&Arc<Listed>> = Vec::new();
        for language in languages {
            for listed in &self.listed {
                let is_new = !order.iter().any(|known| Arc::ptr_eq(known, listed));
                if is_new && listed.recognizer.understands(language) {
                    order.push(listed);
                }
            }
        }
        let (ready, resting): (Vec<_>, Vec<_>) = order
            .into_iter()
            .partition(|listed| listed.breaker.is_closed());
        ready.into_iter().chain(resting).cloned().collect()
    }
}

impl Recognizer for Recognizers {
    fn name(&self) -> &str {
        &self.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.listed
            .iter()
            .any(|listed| listed.recognizer.understands(language))
    }

    fn hears_phrases_only(&self, languages: &[Language]) -> bool {
        let first = self.order(languages).into_iter().next();
        first.is_some_and(|listed| listed.recognizer.hears_phrases_only(languages))
    }

    fn is_helped_by_suppression(&self, languages: &[Language]) -> bool {
        let first = self.order(languages).into_iter().next();
        first.is_some_and(|listed| listed.recognizer.is_helped_by_suppression(languages))
    }

    fn backlog(&self) -> Duration {
        self.listed
            .iter()
            .map(|listed| listed.recognizer.backlog())
            .sum()
    }

    fn failures(&self) -> Vec<FailureCount> {
        let counts = self.listed.iter().flat_map(|listed| {
            listed
                .failures
                .all()
                .into_iter()
                .map(|(fault, count)| FailureCount {
                    provider: listed.name().to_owned(),
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
