//! The EMI reminder's two closed questions, as a live call's `ask` makes them.

use samvaad_model::{Choice, Language, Masked};
use samvaad_session::{Answers, Asked, Source, Spoken};
use samvaad_speech::words::ChoiceMatcher;
use samvaad_speech::{Expectation, Utterance};

/// The template of what is asked; what is said when it is put again is named for why.
pub const PROMPT: &str = "question";
/// The template of what is said before the question, where there is something.
pub const DISCLOSURE: &str = "disclosure";

/// "Am I speaking with Priya?"
pub fn identity() -> Asked {
    let choices = [("yes", Some('1')), ("no", Some('2')), ("wrong-person", None), ("who", None), ("later", None)];
    asked("identity", &choices, 5_000, 2)
}

/// "Would you like to speak to one of our agents?"
pub fn transfer() -> Asked {
    asked("transfer", &[("yes", Some('1')), ("no", Some('2')), ("repeat", Some('3')), ("agent", Some('9'))], 7_000, 1)
}

/// What is said before the second question, whole.
pub fn disclosure() -> Spoken {
    Spoken { interruptible: false, ..spoken(DISCLOSURE) }
}

fn asked(name: &str, choices: &[(&str, Option<char>)], no_input_ms: u64, again: usize) -> Asked {
    let languages = vec![Language::english(), Language::parse("hi-IN").unwrap()];
    let choice =
        |(id, key): &(&str, Option<char>)| Choice { id: (*id).to_owned(), lexicon: Some((*id).to_owned()), phrases: Vec::new(), key: *key };
    let matcher = ChoiceMatcher::new(&choices.iter().map(choice).collect::<Vec<_>>(), &languages).unwrap();
    Asked {
        name: name.to_owned(),
        expectation: Expectation { languages, phrases: matcher.phrases() },
        answers: Answers::Choices(matcher),
        prompt: spoken(PROMPT),
        no_input_ms,
        no_input: vec![spoken("no-input"); again].into(),
        no_match: vec![spoken("no-match"); again].into(),
    }
}

fn spoken(template: &str) -> Spoken {
    let utterance = Utterance { text: Masked::new(template), language: Language::english(), voice: None };
    Spoken { template: template.to_owned(), interruptible: true, source: Source::Words { utterance, personal: false } }
}
