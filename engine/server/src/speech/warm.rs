//! Synthesizes a flow's prompts into the engine's prompt cache before its calls.

use std::path::Path;

use futures_util::{StreamExt, stream};
use ghanti_host::FlowVersion;
use ghanti_model::Language;
use ghanti_session::known_ahead::known_ahead;
use ghanti_speech::cache::{CacheSettings, PromptCache, Warmed};
use ghanti_speech::{Loss, Voices};

use crate::config::Config;

/// The prompt cache's folder in the data folder.
pub const FOLDER: &str = "prompts";
/// Maximum number of prompts synthesized at once: more would slow down calls, and providers would
/// refuse them.
pub const AT_ONCE_MAX: usize = 16;

/// The prompt cache of an engine with this data folder.
pub(crate) fn prompt_cache(config: &Config, data: &Path, voices: Voices) -> PromptCache {
    let mib = |mib: u64| mib.saturating_mul(1 << 20);
    PromptCache::of(
        voices,
        CacheSettings {
            memory_bytes: usize::try_from(mib(config.speech.cache_mib)).unwrap_or(usize::MAX),
            folder: Some(data.join(FOLDER)),
            disk_bytes: mib(config.speech.cache_disk_mib),
        },
    )
}

/// The result for a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptResult {
    /// It was synthesized, and is on disk now.
    New,
    /// It was already on disk.
    Kept,
    /// It could not be stored, for this reason.
    Failed(String),
}

/// A prompt whose text is the same in every call.
#[derive(Debug)]
pub struct Prompt {
    /// Its template, or the name of one of the engine's own prompts.
    pub template: String,
    /// Its language.
    pub language: Language,
    /// The result.
    pub result: PromptResult,
    /// Synthesizers that failed meanwhile.
    pub losses: Vec<Loss>,
}

/// The results for a flow.
#[derive(Debug)]
pub struct WarmReport {
    /// Its prompts, in its templates' order.
    pub prompts: Vec<Prompt>,
    /// Templates with variables whose values are only known in a call, with these variables.
    pub unknown: Vec<(String, Vec<String>)>,
}

impl WarmReport {
    /// Whether all prompts are on disk and no synthesizer failed.
    pub fn is_complete(&self) -> bool {
        let is_complete = |prompt: &Prompt| {
            !matches!(prompt.result, PromptResult::Failed(_)) && prompt.losses.is_empty()
        };
        self.prompts.iter().all(is_complete)
    }
}

/// Synthesizes the prompts of a version that are not yet in the prompt cache of that data folder,
/// `at_once` of them (1 to [`AT_ONCE_MAX`]) at a time. A running engine finds them there.
pub async fn warm(
    config: &Config,
    data: &Path,
    voices: Voices,
    version: &FlowVersion,
    at_once: usize,
) -> WarmReport {
    let cache = prompt_cache(config, data, voices);
    let rate_hz = config.calls.sample_rate_hz;
    let known = known_ahead(version);
    let spoken = stream::iter(known.prompts).map(|(template, utterance)| {
        let cache = &cache;
        async move {
            let warmed = cache.warm(&utterance, rate_hz).await;
            let (result, losses) = match warmed {
                Ok((Warmed::New, losses)) => (PromptResult::New, losses),
                Ok((Warmed::Kept, losses)) => (PromptResult::Kept, losses),
                Ok((Warmed::Lost, losses)) => (not_stored(data, &losses), losses),
                Err(error) => (PromptResult::Failed(error.to_string()), Vec::new()),
            };
            Prompt {
                template,
                language: utterance.language,
                result,
                losses,
            }
        }
    });
    WarmReport {
        prompts: spoken
            .buffered(at_once.clamp(1, AT_ONCE_MAX))
            .collect()
            .await,
        unknown: known.unknown,
    }
}

/// Why a synthesized prompt is not on disk.
fn not_stored(data: &Path, losses: &[Loss]) -> PromptResult {
    PromptResult::Failed(if losses.is_empty() {
        format!(
            "synthesized, but not on disk: check that `{}` can be written, and `cache-disk-mib` of [speech]",
            data.join(FOLDER).display()
        )
    } else {
        "more than one synthesizer had to speak it, so it is not stored".to_owned()
    })
}
