//! The meaning of a caller's words: the choice of a closed question.
//!
//! A [`ChoiceMatcher`] is created from a question's choices. It searches the recognised words for
//! their phrases, on word boundaries, and returns one choice or none; a wrong choice costs more
//! than asking again. **The whole utterance has to be that choice**: a word that belongs to none of
//! its phrases ("yes, he is my father") makes it a no-match. The rules, in this order:
//!
//! 1. A phrase within a longer one is ignored: `no` in "no problem", `agent` in "i don't want an
//!    agent". The longer phrase may be of the lexicon `no`, or a remark that answers nothing ("i am
//!    not sure"), even if it is not a choice; phrases of `who`, `wrong-person` and `do-not-call`
//!    that are not a choice hide only phrases of lexicons, never a flow's own.
//! 2. If two choices have the same phrase, a flow's own takes precedence over the engine's, then
//!    the more specific lexicon: `wrong-person`, `do-not-call`, `who`, `later`, `repeat`, `agent`,
//!    `no`, `yes`.
//! 3. A clear yes together with a clear no is a no-match.
//! 4. Weak phrases ("okay", "sure", "sorry") count only if nothing firm was said.
//! 5. A yes is an opener: together with any other choice ("yes, connect me", "yes, who is this"),
//!    the other one is meant.
//! 6. Of the rest, the longest phrase wins; two choices with equally long ones are a no-match.
//! 7. Meaningless words (`filler`: "uh", "sir", "please") and the opening yes may accompany the
//!    winner, a "no" what declines as well, and small words (`particle`: "my", "i am", "the") and
//!    weak phrases ("why", "sorry") anything but a yes. Any other word not covered by the winner's
//!    phrases makes the utterance a no-match.
//!
//! The lexicon `confirm` has the phrases of `yes`, for questions whose answer permits something
//! personal to be said ("am I speaking with …?"). Phrases that agree rather than state (`consent`:
//! "go ahead", "why not") and weak ones ("okay") do not answer such a question by themselves:
//! callers say them out of politeness, before they know what is asked.
//!
//! Phrases in Latin letters count of the first language, which is the call's, and of English and
//! Hindi, which are heard everywhere: romanised words of several languages are too much alike
//! (`ha`, `na`, `illa`). Phrases in a language's own script count of every language.
//!
//! The answer's language is that of the matched phrases; if languages share them, the most likely
//! one. Without a choice of the lexicon `wrong-person`, `do-not-call` or `stop`, its phrases are a
//! `no`.
//!
//! The result is deterministic: the same words always give the same choice.

mod data;
mod matcher;
mod normal;
mod pattern;
mod prepared;
mod table;

pub use matcher::{ChoiceMatcher, Match};
pub(crate) use normal::{digit_value, words as normal_words};
pub use prepared::PreparedChoices;

/// Whether the engine has lexicons for a language.
pub(crate) fn has_lexicon(language: &ghanti_model::Language) -> bool {
    data::has(language.primary())
}

/// Every phrase of a language, as written.
#[cfg(test)]
pub(crate) fn phrases(primary: &str) -> Vec<String> {
    let book = data::phrasebook(primary).ok().flatten();
    let phrases = book.into_iter().flat_map(data::Phrasebook::phrases);
    phrases.map(|phrase| phrase.text.clone()).collect()
}

/// A lexicon of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lexicon {
    /// `yes`
    Yes,
    /// `no`
    No,
    /// `agent`: the caller wants to speak to a person.
    Agent,
    /// `repeat`: the caller wants to hear it again.
    Repeat,
    /// `later`: not now.
    Later,
    /// `wrong-person`: somebody else is on the line.
    WrongPerson,
    /// `who`: the caller asks who is calling, or why.
    Who,
    /// `do-not-call`: the caller asks not to be called again.
    DoNotCall,
    /// `stop`: the caller wants the bot to be quiet.
    Stop,
    /// `confirm`: the phrases of `yes`, where an acknowledgement is not enough.
    Confirm,
}

impl Lexicon {
    /// All lexicons.
    pub const ALL: [Self; 10] = [
        Self::Yes,
        Self::No,
        Self::Agent,
        Self::Repeat,
        Self::Later,
        Self::WrongPerson,
        Self::Who,
        Self::DoNotCall,
        Self::Stop,
        Self::Confirm,
    ];

    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Agent => "agent",
            Self::Repeat => "repeat",
            Self::Later => "later",
            Self::WrongPerson => "wrong-person",
            Self::Who => "who",
            Self::DoNotCall => "do-not-call",
            Self::Stop => "stop",
            Self::Confirm => "confirm",
        }
    }

    /// The lexicon with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lexicon| lexicon.name() == name)
    }

    /// Whether its phrases hide shorter ones of other lexicons even if it is not a choice.
    fn hides_others(self) -> bool {
        matches!(self, Self::Who | Self::WrongPerson | Self::DoNotCall)
    }

    /// Whether its phrases decline what was asked, so that a "no" next to them means the same.
    fn declines(self) -> bool {
        matches!(
            self,
            Self::No | Self::WrongPerson | Self::DoNotCall | Self::Later | Self::Stop
        )
    }

    /// Whether it should stop the bot at once, whatever is being played.
    pub fn is_urgent(self) -> bool {
        matches!(
            self,
            Self::WrongPerson | Self::DoNotCall | Self::Agent | Self::Stop | Self::Later
        )
    }

    /// The lexicon that holds its phrases.
    fn phrases_of(self) -> Self {
        if self == Self::Confirm {
            Self::Yes
        } else {
            self
        }
    }

    /// How specific its phrases are: of two lexicons with the same phrase, the higher one gets it.
    fn particularity(self) -> u8 {
        match self {
            Self::Yes | Self::Confirm => 0,
            Self::No | Self::Stop => 1,
            Self::Agent => 2,
            Self::Repeat => 3,
            Self::Later => 4,
            Self::Who => 5,
            Self::DoNotCall => 6,
            Self::WrongPerson => 7,
        }
    }
}

/// Why a question's choices are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexiconError {
    /// There is no lexicon with that name.
    #[error(
        "choice `{choice}`: there is no lexicon `{name}`; the lexicons are yes, confirm, no, agent, repeat, later, wrong-person, who, do-not-call and stop"
    )]
    Unknown {
        /// The choice's id.
        choice: String,
        /// The name given.
        name: String,
    },
    /// Two choices start from the same lexicon.
    #[error(
        "choices `{first}` and `{second}` both start from the lexicon `{name}`: give one of them phrases of its own"
    )]
    Shared {
        /// The first choice's id.
        first: String,
        /// The second choice's id.
        second: String,
        /// The lexicon.
        name: String,
    },
    /// A phrase has no letter or digit.
    #[error("choice `{choice}`: phrase {position} in `{language}` has no word in it")]
    EmptyPhrase {
        /// The choice's id.
        choice: String,
        /// The phrase's language.
        language: String,
        /// The phrase's position among those of its language, from 1.
        position: usize,
    },
    /// A key that telephones do not have.
    #[error("choice `{choice}`: `{key}` is no key; the keys are 0 to 9, * and #")]
    NoSuchKey {
        /// The choice's id.
        choice: String,
        /// The given key.
        key: char,
    },
    /// Two choices have the same key.
    #[error("choices `{first}` and `{second}` both have the key `{key}`")]
    SharedKey {
        /// The first choice's id.
        first: String,
        /// The second choice's id.
        second: String,
        /// The key.
        key: char,
    },
    /// One of the engine's own lexicon files is invalid.
    #[error("the engine's lexicon of `{language}` cannot be read: {reason}")]
    Data {
        /// Its language.
        language: String,
        /// What is wrong.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
