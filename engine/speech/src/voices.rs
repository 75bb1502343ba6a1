//! The offline voices: the natural one for what it speaks, espeak-ng for everything else.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::Language;
use tokio::sync::mpsc;

use crate::espeak::Espeak;
use crate::hibari::Hibari;
use crate::synthesis::{Samples, SynthesisError, Synthesizer, Utterance};

/// Both voices as one [`Synthesizer`].
pub struct OfflineVoices {
    natural: Option<Arc<Hibari>>,
    espeak: Espeak,
}

impl OfflineVoices {
    /// The voices; without the natural one, espeak-ng speaks English, too.
    pub fn new(natural: Option<Arc<Hibari>>, espeak: Espeak) -> Self {
        Self { natural, espeak }
    }

    fn voice_for(&self, utterance: &Utterance) -> &dyn Synthesizer {
        match &self.natural {
            Some(natural) if natural.can_say(utterance) => natural.as_ref(),
            _ => &self.espeak,
        }
    }
}

#[async_trait]
impl Synthesizer for OfflineVoices {
    fn name(&self) -> &str {
        self.espeak.name()
    }

    fn speaks(&self, language: &Language) -> bool {
        self.espeak.speaks(language)
            || self
                .natural
                .as_ref()
                .is_some_and(|natural| natural.speaks(language))
    }

    fn voice(&self, utterance: &Utterance) -> String {
        let voice = self.voice_for(utterance);
        format!("{} {}", voice.name(), voice.voice(utterance))
    }

    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        self.voice_for(utterance)
            .synthesize(utterance, rate_hz)
            .await
    }
}
