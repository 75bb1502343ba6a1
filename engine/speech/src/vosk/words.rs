//! The words of an utterance, collected from Vosk's JSON results.

use ghanti_model::{Language, Masked};
use serde::Deserialize;

use super::grammar::UNKNOWN;
use crate::recognition::Recognized;

/// The result of a segment or an utterance.
#[derive(Deserialize)]
struct SegmentAnswer {
    #[serde(default)]
    result: Vec<Word>,
}

/// A partial result.
#[derive(Deserialize)]
struct PartialAnswer {
    #[serde(default)]
    partial: String,
}

/// One word and its confidence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Word {
    word: String,
    conf: f32,
}

/// The words since the utterance started. Vosk closes a segment at every pause, so an utterance may
/// have several.
#[derive(Debug, Default)]
pub(super) struct Words {
    closed: Vec<Word>,
    shown: String,
}

impl Words {
    /// Adds the words of a closed segment.
    pub(super) fn close(&mut self, answer: &str) {
        match serde_json::from_str::<SegmentAnswer>(answer) {
            Ok(answer) => self.closed.extend(answer.result),
            // the result itself may contain what the caller said
            Err(error) => {
                tracing::warn!(reason = ?error.classify(), "an answer of vosk is no JSON")
            }
        }
    }

    /// The words so far, if they changed since the last call. Vosk gives no confidence for them, so
    /// it is 0.
    pub(super) fn partial(&mut self, answer: &str, language: &Language) -> Option<Recognized> {
        let open = serde_json::from_str::<PartialAnswer>(answer)
            .map(|answer| answer.partial)
            .unwrap_or_default();
        let closed = self.closed.iter().map(|word| word.word.as_str());
        let now = closed
            .chain(open.split_whitespace())
            .collect::<Vec<_>>()
            .join(" ");
        if now == self.shown {
            return None;
        }
        self.shown.clone_from(&now);
        Some(recognized(now.split(' '), 0.0, language))
    }

    /// The words of the whole utterance. The next one starts empty.
    pub(super) fn take(&mut self, language: &Language) -> Recognized {
        let words = std::mem::take(self).closed;
        let known: Vec<&Word> = words.iter().filter(|word| word.word != UNKNOWN).collect();
        let judged = if known.is_empty() {
            words.iter().collect()
        } else {
            known
        };
        let confidence =
            judged.iter().map(|word| word.conf).sum::<f32>() / judged.len().max(1) as f32;
        recognized(
            words.iter().map(|word| word.word.as_str()),
            confidence.clamp(0.0, 1.0),
            language,
        )
    }

    /// Discards everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn recognized<'a>(
    words: impl Iterator<Item = &'a str> + Clone,
    confidence: f32,
    language: &Language,
) -> Recognized {
    let unknown = words.clone().any(|word| word == UNKNOWN);
    let text = words
        .filter(|word| *word != UNKNOWN)
        .collect::<Vec<_>>()
        .join(" ");
    Recognized {
        text: Masked::new(text),
        confidence,
        language: language.clone(),
        unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: &str =
        r#"{"result":[{"conf":0.9,"end":0.6,"start":0.1,"word":"yes"}],"text":"yes"}"#;
    const UNK_SPEAKING: &str = r#"{"result":[{"conf":0.2,"word":"[unk]"},{"conf":0.7,"word":"speaking"}],"text":"[unk] speaking"}"#;

    #[test]
    fn segments_of_one_utterance_are_joined() {
        let mut words = Words::default();
        words.close(YES);
        words.close(UNK_SPEAKING);
        let said = words.take(&Language::english());
        assert_eq!((said.text.expose(), said.unknown), ("yes speaking", true));
        assert!(
            (said.confidence - 0.8).abs() < 1e-6,
            "the mean of the known words, not {}",
            said.confidence
        );
        assert!(
            words.take(&Language::english()).text.is_empty(),
            "the next utterance begins with nothing"
        );
    }

    #[test]
    fn nothing_said_is_not_unknown() {
        let mut words = Words::default();
        words.close(r#"{"text":""}"#);
        let said = words.take(&Language::english());
        assert_eq!(
            (said.text.expose(), said.unknown, said.confidence),
            ("", false, 0.0)
        );
    }

    #[test]
    fn a_partial_is_reported_once() {
        let mut words = Words::default();
        let english = Language::english();
        assert!(words.partial(r#"{"partial":""}"#, &english).is_none());
        assert_eq!(
            words
                .partial(r#"{"partial":"yes"}"#, &english)
                .unwrap()
                .text
                .expose(),
            "yes"
        );
        assert!(words.partial(r#"{"partial":"yes"}"#, &english).is_none());
        words.close(YES);
        assert!(
            words.partial(r#"{"partial":""}"#, &english).is_none(),
            "closing a segment changes no word"
        );
        assert_eq!(
            words
                .partial(r#"{"partial":"no"}"#, &english)
                .unwrap()
                .text
                .expose(),
            "yes no"
        );
    }
}
