//! What a conversation is written with: the contract's functions, errors for `?`, amounts and dates.
//!
//! Everything here is thin over [`bindings`], which are generated from the contract and documented there; a flow may call them instead. After
//! the call has ended every function that can fail returns [`Error::CallEnded`], so that `?` walks a flow out of `run`.

#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
pub mod bindings;
mod record;
mod values;

pub use bindings::ghanti::dialog::speech::{Answer, Choice, Phrases, Reply};
pub use bindings::ghanti::dialog::types::{
    Argument, Content, Date, Description, Error, Extent, Money, Playout, Prompt, Refusal, Template,
    TimeOfDay, Value,
};
pub use bindings::ghanti::dialog::{actions, call, customer, runtime, speech};
pub use record::Record;
pub use values::last_digits;

use bindings::ghanti::dialog::types::Language;
use runtime::Level;

/// Makes a flow of a function `fn() -> Result<(), Error>`, with the name and version of its package.
#[macro_export]
macro_rules! flow {
    ($run:path) => {
        struct GhantiFlow;

        impl $crate::bindings::Guest for GhantiFlow {
            fn describe() -> $crate::Description {
                $crate::Description {
                    name: ::core::env!("CARGO_PKG_NAME").to_owned(),
                    version: ::core::env!("CARGO_PKG_VERSION").to_owned(),
                }
            }

            fn run() -> ::core::result::Result<(), $crate::Error> {
                $crate::tell_of_panics();
                $run()
            }
        }

        #[allow(unsafe_code, reason = "generated from the contract")]
        mod ghanti_exports {
            use super::GhantiFlow;
            $crate::bindings::export!(GhantiFlow);
        }
    };
}

/// From now on a panic is an error in the call's log, with its message, file and line.
#[doc(hidden)]
pub fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        runtime::log(Level::Error, &panic.to_string());
    }));
}

/// Says a prompt: queues it, and returns at once.
pub fn say(prompt: impl Into<Prompt>) -> Result<(), Error> {
    speech::say(&prompt.into()).map(drop)
}

/// Waits until all that is queued was heard, and then for so many milliseconds of silence.
pub fn pause(ms: u32) -> Result<(), Error> {
    speech::pause(ms)
}

/// Decides that the call goes to the `default` target's agents when `run` has returned.
/// [`call::transfer`] takes another target, and words for the agent alone.
pub fn transfer() -> Result<(), Error> {
    call::transfer(None, None)
}

/// Asks a question of the manifest, with further choices that come from data. The functions of `questions` are shorter where there are none.
pub fn ask(question: &str, arguments: &[Argument], choices: &[Choice]) -> Result<Answer, Error> {
    speech::ask(question, arguments, choices)
}

/// Sets the disposition and says the last words.
pub fn end(disposition: &str, words: impl Into<Prompt>) -> Result<(), Error> {
    call::outcome(disposition, None)?;
    say(words)
}

/// As [`end`], with a detail for the record.
pub fn end_with(disposition: &str, detail: &str, words: impl Into<Prompt>) -> Result<(), Error> {
    call::outcome(disposition, Some(detail))?;
    say(words)
}

/// What was read of a record that is complete; one that is not is logged, as it is for the operator
/// to complete.
pub fn if_complete<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::Invalid(why)) => {
            runtime::log(
                runtime::Level::Error,
                &format!("the customer's record: {why}"),
            );
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Stores a value with the call's record.
pub fn note(name: &str, value: impl ToString) -> Result<(), Error> {
    customer::note(name, &value.to_string())
}

/// A setting of the manifest; `Error::Invalid` where there is none.
pub fn setting(name: &str) -> Result<String, Error> {
    runtime::setting(name).ok_or_else(|| {
        Error::Invalid(format!(
            "`{name}` is not set: add it to `[settings]` in flow.toml"
        ))
    })
}

/// The date of the call now.
pub fn today() -> Date {
    runtime::now().date
}

/// Goes on in a language. One for which the flow has no prompts changes nothing, and is false.
pub fn speak_if_possible(language: &str) -> Result<bool, Error> {
    match call::set_language(language) {
        Err(Error::Invalid(_)) => Ok(false),
        set => set.map(|()| true),
    }
}

/// A message of the prompt files with its arguments.
pub fn template(name: &str, arguments: Vec<Argument>) -> Prompt {
    Content::Template(Template {
        name: name.to_owned(),
        arguments,
    })
    .into()
}

/// An argument of a message.
pub fn argument(name: &str, value: impl Into<Value>) -> Argument {
    Argument {
        name: name.to_owned(),
        value: value.into(),
    }
}

/// An argument that is spoken digit by digit.
pub fn digits(name: &str, digits: &str) -> Argument {
    argument(name, Value::Digits(digits.to_owned()))
}

impl From<Content> for Prompt {
    fn from(content: Content) -> Self {
        Self {
            content,
            language: None,
            voice: None,
            interruptible: None,
        }
    }
}

impl Prompt {
    /// A plain text.
    pub fn text(words: impl Into<String>) -> Self {
        Content::Text(words.into()).into()
    }

    /// An audio file of the flow's folder: `audio/NAME.wav`.
    pub fn audio(name: impl Into<String>) -> Self {
        Content::Audio(name.into()).into()
    }

    /// The same in a language.
    #[must_use]
    pub fn in_language(mut self, language: impl Into<Language>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// The same in a voice that the manifest is granted.
    #[must_use]
    pub fn in_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// The same, which the caller may interrupt or not.
    #[must_use]
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.interruptible = Some(interruptible);
        self
    }
}
