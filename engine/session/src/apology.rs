//! The engine's own words, for when a flow has failed: nobody is left in silence.

use samvaad_model::{Language, Masked};
use samvaad_speech::Utterance;

use crate::spoken::{Source, Spoken};

/// The name these prompts have in a transcript, where a flow's have their template's.
pub const NAME: &str = "engine-apology";

/// What is said before the call goes to an agent, or ends.
pub fn apology(language: &Language, transfer: bool) -> Spoken {
    let (language, text) = match (language.primary(), transfer) {
        ("hi", true) => {
            (language.clone(), "माफ़ कीजिए, हमारी ओर से एक तकनीकी समस्या हुई है। कृपया प्रतीक्षा करें, हम आपको हमारे प्रतिनिधि से जोड़ रहे हैं।")
        }
        ("hi", false) => (language.clone(), "माफ़ कीजिए, हमारी ओर से एक तकनीकी समस्या हुई है। हम आपको बाद में फ़ोन करेंगे। धन्यवाद।"),
        (_, true) => (Language::english(), "I am sorry, something went wrong on our side. Please wait while I connect you to a colleague."),
        (_, false) => (Language::english(), "I am sorry, something went wrong on our side. We will call you again. Goodbye."),
    };
    words(language, text.to_owned())
}

/// A flow's own words for the same.
pub fn words(language: Language, text: String) -> Spoken {
    let utterance = Utterance { text: Masked::new(text), language, voice: None };
    Spoken { template: NAME.to_owned(), interruptible: false, source: Source::Words { utterance, personal: false } }
}
