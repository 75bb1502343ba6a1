//! The EMI reminder's two closed questions, as a live call's `ask` makes them.

use ghanti_language::ChoiceMatcher;
use ghanti_model::{Choice, Language, Masked};
use ghanti_session::{Answers, Asked, RenderedPrompt, Source};
use ghanti_speech::{Expectation, Utterance};

/// The template of what is asked; what is said when it is put again is named for why.
pub const PROMPT: &str = "question";
/// The template of what is said as soon as a yes is understood.
pub const ACKNOWLEDGE: &str = "acknowledge";
/// The template of what is said before the question, where there is something.
pub const DISCLOSURE: &str = "disclosure";

/// "Am I speaking with Priya?"
pub fn identity() -> Asked {
    asked(
        "identity",
        "confirm",
        &[
            "no",
            "who",
            "repeat",
            "agent",
            "wrong-person",
            "later",
            "do-not-call",
            "stop",
        ],
        5_000,
        2,
    )
}

/// "Would you like to speak to one of our agents?"
pub fn transfer() -> Asked {
    asked(
        "transfer",
        "yes",
        &[
            "no",
            "repeat",
            "agent",
            "who",
            "wrong-person",
            "later",
            "do-not-call",
            "stop",
        ],
        7_000,
        1,
    )
}

/// What is said before the second question, whole.
pub fn disclosure() -> RenderedPrompt {
    RenderedPrompt {
        interruptible: false,
        ..spoken(DISCLOSURE)
    }
}

fn asked(name: &str, yes: &str, others: &[&str], no_input_ms: u64, again: usize) -> Asked {
    let languages = vec![Language::english(), Language::parse("hi-IN").unwrap()];
    let choice = |id: &str, lexicon: &str| Choice {
        id: id.to_owned(),
        lexicon: Some(lexicon.to_owned()),
        phrases: Vec::new(),
        key: None,
    };
    let choices: Vec<_> = std::iter::once(choice("yes", yes))
        .chain(others.iter().map(|other| choice(other, other)))
        .collect();
    let matcher = ChoiceMatcher::new(&choices, &languages).unwrap();
    Asked {
        hands_over: false,
        acknowledge: Some(spoken(ACKNOWLEDGE)),
        name: name.to_owned(),
        expectation: Expectation {
            languages,
            phrases: matcher.phrases().into(),
            decoys: matcher.decoys().into(),
        },
        answers: Answers::Choices(matcher.into()),
        min_confidence: ghanti_session::MIN_CONFIDENCE,
        prompt: spoken(PROMPT),
        no_input_ms,
        no_input: vec![spoken("no-input"); again].into(),
        no_match: vec![spoken("no-match"); again].into(),
    }
}

fn spoken(template: &str) -> RenderedPrompt {
    let utterance = Utterance {
        text: Masked::new(template),
        language: Language::english(),
        voice: None,
    };
    RenderedPrompt {
        template: template.to_owned(),
        interruptible: true,
        source: Source::Words {
            utterance,
            personal: false,
        },
    }
}
