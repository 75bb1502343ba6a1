//! Speaks a flow's prompts into the engine's prompt cache before its calls.

use std::path::Path;

use futures_util::{StreamExt, stream};
use ghanti_host::FlowVersion;
use ghanti_model::Language;
use ghanti_session::known_ahead::known_ahead;
use ghanti_speech::cache::{CacheSettings, PromptCache, Warmed};
use ghanti_speech::{Loss, Voices};

use crate::config::Config;

/// The folder of spoken prompts in that of the engine's data.
pub const FOLDER: &str = "prompts";
/// The most prompts that are spoken at once: more would take the machine from calls, and providers
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

/// What came of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// It was spoken, and is on disk now.
    New,
    /// It was there.
    Kept,
    /// Why it is not there.
    Failed(String),
}

/// A prompt whose words are the same in every call.
#[derive(Debug)]
pub struct Prompt {
    /// Its template, or the name of one of the engine's own.
    pub template: String,
    /// Its language.
    pub language: Language,
    /// What came of it.
    pub came: Came,
    /// Synthesizers that were lost meanwhile.
    pub losses: Vec<Loss>,
}

/// What was done for a flow.
#[derive(Debug)]
pub struct Warmth {
    /// Its prompts, in its templates' order.
    pub prompts: Vec<Prompt>,
    /// The templates that have a variable whose value is only known in a call, with those variables.
    pub unknown: Vec<(String, Vec<String>)>,
}

impl Warmth {
    /// Whether all prompts are there and no synthesizer was lost.
    pub fn is_well(&self) -> bool {
        let is_well =
            |prompt: &Prompt| !matches!(prompt.came, Came::Failed(_)) && prompt.losses.is_empty();
        self.prompts.iter().all(is_well)
    }
}

/// Speaks the prompts of a version that are not in the prompt cache of that data folder, `at_once` of
/// them (1 to [`AT_ONCE_MAX`]) at a time. An engine that runs finds them there.
pub async fn warm(
    config: &Config,
    data: &Path,
    voices: Voices,
    version: &FlowVersion,
    at_once: usize,
) -> Warmth {
    let cache = prompt_cache(config, data, voices);
    let rate_hz = config.calls.sample_rate_hz;
    let known = known_ahead(version);
    let spoken = stream::iter(known.prompts).map(|(template, utterance)| {
        let cache = &cache;
        async move {
            let warmed = cache.warm(&utterance, rate_hz).await;
            let (came, losses) = match warmed {
                Ok((Warmed::New, losses)) => (Came::New, losses),
                Ok((Warmed::Kept, losses)) => (Came::Kept, losses),
                Ok((Warmed::Lost, losses)) => (not_kept(data, &losses), losses),
                Err(error) => (Came::Failed(error.to_string()), Vec::new()),
            };
            Prompt {
                template,
                language: utterance.language,
                came,
                losses,
            }
        }
    });
    Warmth {
        prompts: spoken
            .buffered(at_once.clamp(1, AT_ONCE_MAX))
            .collect()
            .await,
        unknown: known.unknown,
    }
}

/// Why a prompt that was spoken is not on disk.
fn not_kept(data: &Path, losses: &[Loss]) -> Came {
    Came::Failed(if losses.is_empty() {
        format!(
            "spoken, and not on disk: see whether `{}` can be written, and `cache-disk-mib` of [speech]",
            data.join(FOLDER).display()
        )
    } else {
        "more than one synthesizer had to speak it, so that it is not kept".to_owned()
    })
}
