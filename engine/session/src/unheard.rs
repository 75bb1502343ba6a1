//! Languages that the recogniser does not support: a call in one of them has a problem in its
//! record.

use ghanti_model::Language;
use ghanti_model::event::Repeat;
use ghanti_speech::Recognizer;

use crate::call::LiveCall;

/// The problem's name.
const NAME: &str = "language-not-heard";

/// Notes, once per call, that its customer can answer only by keys. An engine without a recogniser
/// is the operator's choice, and no problem.
pub fn check(call: &LiveCall, recognizer: Option<&dyn Recognizer>, language: &Language) {
    let Some(recognizer) = recognizer.filter(|recognizer| !recognizer.understands(language)) else {
        return;
    };
    let detail = format!(
        "`{language}` is not understood by {}, so the caller can answer by keys alone: name a model for it in `vosk-models` of `[speech]`",
        recognizer.name()
    );
    call.note(NAME, detail, Repeat::OncePerName);
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, CallLog};
    use ghanti_speech::{Expectation, Hearing, Recognition, RecognitionError};
    use tokio::sync::mpsc;

    use super::*;

    /// Supports only English.
    struct English;

    impl Recognizer for English {
        fn name(&self) -> &str {
            "english"
        }

        fn understands(&self, language: &Language) -> bool {
            *language == Language::english()
        }

        fn backlog(&self) -> std::time::Duration {
            unreachable!("nobody speaks")
        }

        fn listen(
            &self,
            _: Expectation,
            _: mpsc::Sender<Hearing>,
        ) -> Result<Box<dyn Recognition>, RecognitionError> {
            unreachable!("nobody speaks")
        }
    }

    #[test]
    fn a_call_in_a_language_that_nobody_here_understands_says_so_once() {
        let call = LiveCall::new(CallLog::new(CallId::generate()), None, 1);
        let hindi = Language::parse("hi-IN").unwrap();
        check(&call, None, &hindi);
        check(&call, Some(&English), &Language::english());
        assert!(call.record().problems.is_empty());
        check(&call, Some(&English), &hindi);
        check(&call, Some(&English), &hindi);
        let problems = call.record().problems.clone();
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].name == "language-not-heard" && problems[0].detail.contains("`hi-IN`"),
            "{problems:?}"
        );
    }
}
