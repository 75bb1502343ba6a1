//! The offline voices: the natural one for what it speaks, espeak-ng for everything else.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::espeak::Espeak;
use crate::hibari::Hibari;
use crate::synthesis::{Samples, SynthesisError, Synthesizer, Utterance};

/// Both voices as one [`Synthesizer`].
pub struct OfflineVoices {
    natural: Option<Hibari>,
    espeak: Espeak,
}

impl OfflineVoices {
    /// The voices; without the natural one, espeak-ng speaks English, too.
    pub fn new(natural: Option<Hibari>, espeak: Espeak) -> Self {
        Self { natural, espeak }
    }

    fn voice_for(&self, utterance: &Utterance) -> &dyn Synthesizer {
        match &self.natural {
            Some(natural) if natural.speaks(utterance) => natural,
            _ => &self.espeak,
        }
    }
}

#[async_trait]
impl Synthesizer for OfflineVoices {
    fn name(&self) -> &str {
        "offline"
    }

    fn name_for<'a>(&'a self, utterance: &Utterance) -> &'a str {
        self.voice_for(utterance).name()
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
