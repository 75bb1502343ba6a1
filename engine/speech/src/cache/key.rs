//! The identity of a prompt.

use std::fmt;

use ghanti_model::chain::hexadecimal;
use sha2::{Digest, Sha256};

use super::Keep;
use crate::synthesis::Utterance;

/// A digest of provider, voice and model, language, rate and text, so that no text appears in a file name or
/// log. Personal prompts have separate keys: a personal text is never shared with a shared prompt
/// of the same words.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    digest: [u8; 32],
    pub(super) keep: Keep,
}

impl Key {
    /// `voice` is what [`Synthesizer::voice`](crate::Synthesizer::voice) says of the utterance.
    pub(super) fn new(
        provider: &str,
        voice: &str,
        utterance: &Utterance,
        rate_hz: u32,
        keep: Keep,
    ) -> Self {
        let mut digest = Sha256::new();
        for part in [
            provider,
            voice,
            utterance.language.as_str(),
            &rate_hz.to_string(),
            utterance.text.expose(),
        ] {
            // the length prefix keeps adjacent parts apart
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self {
            digest: digest.finalize().into(),
            keep,
        }
    }

    /// The digest in hexadecimal.
    pub(super) fn file_name(&self) -> String {
        hexadecimal(&self.digest)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name().get(..12).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::Language;

    use super::*;

    #[test]
    fn each_part_makes_another_key() {
        let hello = Utterance {
            text: "hello".into(),
            language: Language::english(),
            voice: None,
        };
        let key = |utterance: &Utterance, provider: &str, rate_hz| {
            Key::new(provider, "", utterance, rate_hz, Keep::Shared)
        };
        let first = key(&hello, "espeak-ng", 8_000);
        assert_eq!(first, key(&hello.clone(), "espeak-ng", 8_000));
        let others = [
            key(&hello, "sarvam", 8_000),
            key(&hello, "espeak-ng", 16_000),
            key(
                &Utterance {
                    text: "hello.".into(),
                    ..hello.clone()
                },
                "espeak-ng",
                8_000,
            ),
            key(
                &Utterance {
                    language: Language::parse("hi").unwrap(),
                    ..hello.clone()
                },
                "espeak-ng",
                8_000,
            ),
            Key::new("espeak-ng", "en-us", &hello, 8_000, Keep::Shared),
            Key::new("espeak-ng", "", &hello, 8_000, Keep::Personal),
        ];
        assert!(others.iter().all(|other| *other != first));
    }
}
