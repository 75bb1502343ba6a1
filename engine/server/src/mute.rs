//! Which languages of the loaded flows no synthesiser speaks at the moment. A synthesiser that is
//! missing, or hangs, would leave callers in silence: it is tried while the engine runs, and calls
//! that it was to speak in are refused where that is known before they begin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use ghanti_model::Language;
use ghanti_session::Services;

/// How often each language is tried: two words of fifty milliseconds or so.
const LOOK: Duration = Duration::from_secs(10);

/// The languages that are not spoken, with the reason.
#[derive(Debug, Default)]
pub struct Mute(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reasons: BTreeMap<Language, String>,
    /// Whether there is no other language.
    is_whole: bool,
}

impl Mute {
    /// The languages with the reasons.
    pub fn reasons(&self) -> BTreeMap<Language, String> {
        self.state().reasons.clone()
    }

    /// Whether none of the flows' languages is spoken.
    pub fn is_whole(&self) -> bool {
        self.state().is_whole
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries the languages of the loaded flows, at the rate of calls, for as long as it is awaited.
pub async fn watch(mute: &Mute, services: &Services, rate_hz: u32) {
    loop {
        look(mute, services, rate_hz).await;
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(mute: &Mute, services: &Services, rate_hz: u32) {
    let versions = services.catalogue.versions();
    let languages: BTreeSet<Language> = versions
        .values()
        .flat_map(|version| version.languages.iter().cloned())
        .collect();
    let before = mute.reasons();
    let mut reasons = BTreeMap::new();
    let prompts = &services.prompts;
    // at once, as each of them may take its deadline
    let tried = languages
        .iter()
        .map(|language| prompts.try_out(language, rate_hz));
    for (language, tried) in languages.iter().zip(join_all(tried).await) {
        let reason = match tried {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(error.to_string()),
            // not known: as it was
            None => before.get(language).cloned(),
        };
        match (before.contains_key(language), reason) {
            (was_reported, Some(reason)) => {
                if !was_reported {
                    tracing::error!(%language, reason, "nobody speaks this language: calls in it end without a word; see `ghanti speech check`");
                }
                reasons.insert(language.clone(), reason);
            }
            (true, None) => tracing::info!(%language, "this language is spoken again"),
            (false, None) => {}
        }
    }
    let is_whole = !languages.is_empty() && reasons.len() == languages.len();
    *mute.state() = State { reasons, is_whole };
}
