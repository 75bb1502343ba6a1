//! What happens in a call, as the record, the log and a listener hear of it.

use ghanti_model::{Extent, Language, Masked, PromptId};

/// Something happened. Times are milliseconds since the stream's start.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A prompt's first samples were sent.
    PromptBegan {
        /// Which.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// Its words.
        text: Masked,
        /// Their language.
        language: Language,
        /// When it begins to be heard.
        at_ms: u64,
    },
    /// A prompt was heard to its end, or will not be heard further.
    PromptEnded {
        /// Which.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// How much was heard.
        heard: Extent,
        /// Milliseconds of it.
        heard_ms: u64,
    },
    /// A prompt that was assumed to have been heard has been: a later mark came back.
    PromptConfirmed {
        /// Which.
        prompt: PromptId,
    },
    /// Prompts were sent to their end, and the network has not returned a single mark.
    NoMarks,
    /// For some seconds not one frame of the caller's audio has come.
    NoMedia {
        /// Whether any had come before.
        stopped: bool,
    },
    /// A prompt could not be spoken.
    PromptFailed {
        /// Which.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// Why, with the hint.
        reason: String,
    },
    /// A question was put.
    Asked {
        /// Its name.
        question: String,
    },
    /// The engine listens for an answer.
    Listening,
    /// The caller said something while a prompt was spoken, before the question was heard: no
    /// answer.
    TalkedOver {
        /// The question that was being put.
        question: String,
        /// The words; empty for a sound that was no word.
        text: Masked,
        /// Their language.
        language: Language,
        /// How sure the recogniser was.
        confidence: f32,
        /// When they began.
        began_ms: u64,
        /// When they ended.
        ended_ms: u64,
    },
    /// The caller interrupted.
    BargedIn {
        /// When he began to speak.
        at_ms: u64,
    },
    /// The caller said something.
    Said {
        /// The question it answers.
        question: String,
        /// The words.
        text: Masked,
        /// Their language.
        language: Language,
        /// How sure the recogniser was.
        confidence: f32,
        /// When he began.
        began_ms: u64,
        /// When he ended.
        ended_ms: u64,
    },
    /// The caller pressed keys.
    Keyed {
        /// The question they answer.
        question: String,
        /// The keys.
        keys: Masked,
        /// When.
        at_ms: u64,
    },
    /// The recogniser could not be used; speech is not understood until it can.
    RecognitionFailed {
        /// Why, with the hint.
        reason: String,
    },
}
