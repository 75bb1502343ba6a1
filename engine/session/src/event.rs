//! Events of a live call, for the record, the log and subscribers.

use ghanti_model::event::TurnLatency;
use ghanti_model::{Extent, Language, Masked, PromptId};

/// Something that happened in a call. Times are in milliseconds since the stream's start.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first samples of a prompt were sent.
    PromptBegan {
        /// The prompt.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// Its text.
        text: Masked,
        /// Its language.
        language: Language,
        /// When the caller begins to hear it.
        at_ms: u64,
    },
    /// A prompt was played to its end, or no more of it will be played.
    PromptEnded {
        /// The prompt.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// How much of it was heard.
        heard: Extent,
        /// How many milliseconds of it were heard.
        heard_ms: u64,
    },
    /// The prompt being played was paused, because the caller began to speak.
    PromptPaused {
        /// The prompt.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// How many milliseconds of it had been heard.
        heard_ms: u64,
        /// When they began to speak.
        at_ms: u64,
        /// How long after that it was paused.
        stopped_after_ms: u64,
    },
    /// It goes on, because what the caller said was nothing.
    PromptResumed {
        /// The prompt.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// From where, in milliseconds of the prompt.
        from_ms: u64,
        /// How long nothing was sent, in milliseconds.
        paused_ms: u64,
    },
    /// A later mark came back, which confirms a prompt that was only assumed to have been heard.
    PromptConfirmed {
        /// The prompt.
        prompt: PromptId,
    },
    /// Prompts were sent to their end, but the network has returned no mark at all.
    NoMarks,
    /// No caller audio has arrived for some seconds.
    NoMedia {
        /// Whether any had arrived before.
        stopped: bool,
    },
    /// A prompt could not be played.
    PromptFailed {
        /// The prompt.
        prompt: PromptId,
        /// Its template.
        template: String,
        /// Why, with a hint.
        reason: String,
    },
    /// A question was asked.
    Asked {
        /// Its name.
        question: String,
    },
    /// The question's prompts are over, and no-input is being timed.
    Listening,
    /// The caller spoke, but it does not count as an answer: usually they spoke over a prompt
    /// before they had heard the question.
    TalkedOver {
        /// The question that was being asked.
        question: String,
        /// What they said; empty if no word was recognised.
        text: Masked,
        /// Its language.
        language: Language,
        /// The recogniser's confidence, 0 to 1.
        confidence: f32,
        /// When they began to speak.
        began_ms: u64,
        /// When they stopped speaking.
        ended_ms: u64,
    },
    /// The caller interrupted a prompt.
    BargedIn {
        /// When they began to speak.
        at_ms: u64,
        /// How long after that the prompt was stopped.
        stopped_after_ms: u64,
    },
    /// The bot has begun to reply to a turn of the caller.
    Responded(TurnLatency),
    /// The caller said something that counts for the question, as an answer or a no-match.
    Said {
        /// The question.
        question: String,
        /// What they said.
        text: Masked,
        /// Its language.
        language: Language,
        /// The recogniser's confidence, 0 to 1.
        confidence: f32,
        /// When they began to speak.
        began_ms: u64,
        /// When they stopped speaking.
        ended_ms: u64,
    },
    /// The caller pressed keys.
    Keyed {
        /// The question that was open.
        question: String,
        /// The keys.
        keys: Masked,
        /// When they were pressed.
        at_ms: u64,
    },
    /// The recogniser failed or was too late; the question may still be answered by keys.
    RecognitionFailed {
        /// Why, with a hint.
        reason: String,
    },
}
