//! Prompts that are spoken ahead: before anybody is to hear them, and after everything that a call
//! waits for. Whoever asks for one that is being made joins it, as calls do that share a prompt.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Keep, PromptCache, Shared};
use crate::synthesis::{SynthesisError, Utterance};
use crate::turns::Usage;

/// A voice that begins to speak later than this is slow: people notice a pause of 300 ms, and the
/// end of a turn takes most of it already.
const SLOW: Duration = Duration::from_millis(100);

impl PromptCache {
    /// Whether callers wait for the voice that speaks now, so that prompts are worth being spoken
    /// ahead: it is over the network, and slow or not known yet. One of this machine would take the
    /// processor from the calls.
    pub fn is_slow(&self) -> bool {
        let speaker = self.shared.voices.speaker();
        speaker.is_some_and(|voice| {
            !voice.is_local() && voice.first_audio().is_none_or(|first| first > SLOW)
        })
    }

    /// Whether an utterance need not be spoken any more: it is in memory, on disk, or being made.
    pub async fn is_at_hand(&self, utterance: &Utterance, rate_hz: u32, keep: Keep) -> bool {
        let keys = self.shared.keys(utterance, rate_hz, keep);
        let Some(&key) = keys.first() else {
            return false;
        };
        {
            let prompts = self.shared.prompts();
            let now = Instant::now();
            if prompts.growing.contains_key(&key) {
                return true;
            }
            // as a call finds it: the copy of another voice will do while this one is left alone
            for (key, voice) in keys.iter().zip(self.shared.voices.all()) {
                if prompts.memory.has(key, now) {
                    return true;
                }
                if voice.is_ready() {
                    break;
                }
            }
        }
        let on_disk = self.shared.on_disk(key, move |disk| Ok(disk.has(&key)));
        on_disk.await.unwrap_or_default()
    }

    /// Has an utterance spoken ahead, or read from disk, and returns once it is there. `call` is
    /// what has been used ahead for the same call ([`Usage::ahead`]).
    ///
    /// # Errors
    /// No voice could speak it.
    pub async fn speak_ahead(
        &self,
        call: &Usage,
        utterance: &Utterance,
        rate_hz: u32,
        keep: Keep,
    ) -> Result<(), SynthesisError> {
        let (mut audio, making) = self.find(call, utterance, rate_hz, keep, true);
        if let Some((making, keys)) = making {
            // a task of its own: whoever has joined is not to lose it with this one
            tokio::spawn(making.run(keys, utterance.clone(), rate_hz));
        }
        while let Some(piece) = audio.next().await {
            piece?;
        }
        Ok(())
    }

    /// Waits until an utterance that is being made is there, or has failed. Returns at once if it is
    /// not being made.
    pub async fn settled(&self, utterance: &Utterance, rate_hz: u32, keep: Keep) {
        let keys = self.shared.keys(utterance, rate_hz, keep);
        let grown = keys.first().and_then(|key| {
            let prompts = self.shared.prompts();
            prompts
                .growing
                .get(key)
                .map(|growing| growing.grown.clone())
        });
        if let Some(mut grown) = grown {
            // the sender goes with the task that makes it
            while grown.changed().await.is_ok() {}
        }
    }

    /// How many prompts that were spoken ahead were asked for afterwards, or meanwhile.
    pub fn used_ahead(&self) -> u64 {
        self.shared.used_ahead.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Counts a prompt that was spoken ahead and is asked for.
    pub(super) fn count_use(&self) {
        self.used_ahead.fetch_add(1, Ordering::Relaxed);
    }
}
