//! What a caller's words mean: the choice of a closed question.
//!
//! A [`ChoiceMatcher`] is made of a question's choices. It looks for their phrases in what was heard, on word boundaries, and answers
//! with one choice or none; a wrong choice costs more than asking again. The rules, in this order:
//!
//! 1. A phrase inside a longer one does not count: `no` in "no problem", `agent` in "i don't want an agent". This holds for longer
//!    phrases of the lexicon `no`, and for remarks that answer nothing ("i am not sure"), even where `no` is no choice; the phrases
//!    of `who` and `wrong-person` hide only other lexicons' phrases, never those that a flow brought itself.
//! 2. Where two choices have the very same phrase, the flow's own comes before the engine's, then the more particular lexicon has it:
//!    `wrong-person`, `who`, `later`, `repeat`, `agent`, `no`, `yes`.
//! 3. A clear yes together with a clear no is no answer.
//! 4. Weak phrases ("okay", "sure", "sorry") count only where nothing firm was said.
//! 5. A yes is an opener: beside any other choice ("yes, connect me", "yes, who is this") the other one is meant.
//! 6. Of what is left the longest phrase wins; two choices with equally long ones are no answer.
//!
//! The answer's language is that of the phrases that matched; where languages share them, the likeliest of them.
//! Without a choice of the lexicon `wrong-person`, its phrases are a `no`.
//!
//! Nothing is learned, weighed or guessed: the same words always give the same choice.

mod data;
mod matcher;
mod normal;
mod pattern;
mod table;

pub use matcher::{ChoiceMatcher, Match};
pub(crate) use normal::digit_value;

/// One of the engine's own lexicons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lexicon {
    /// `yes`
    Yes,
    /// `no`
    No,
    /// `agent`: wants to speak to a person.
    Agent,
    /// `repeat`: wants to hear it again.
    Repeat,
    /// `later`: not now.
    Later,
    /// `wrong-person`: somebody else is on the line.
    WrongPerson,
    /// `who`: asks who is calling, or what about.
    Who,
}

impl Lexicon {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Yes, Self::No, Self::Agent, Self::Repeat, Self::Later, Self::WrongPerson, Self::Who];

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
        }
    }

    /// The lexicon of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lexicon| lexicon.name() == name)
    }

    /// How particular its phrases are: of two lexicons with the same phrase the higher one has it.
    fn particularity(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Agent => 2,
            Self::Repeat => 3,
            Self::Later => 4,
            Self::Who => 5,
            Self::WrongPerson => 6,
        }
    }
}

/// Why a question's choices cannot be listened for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexiconError {
    /// No lexicon of that name.
    #[error("choice `{choice}`: there is no lexicon `{name}`; the lexicons are yes, no, agent, repeat, later, wrong-person and who")]
    Unknown {
        /// The choice's id.
        choice: String,
        /// The name given.
        name: String,
    },
    /// Two choices start from one lexicon.
    #[error("choices `{first}` and `{second}` both start from the lexicon `{name}`: give one of them phrases of its own")]
    Shared {
        /// The one choice's id.
        first: String,
        /// The other's.
        second: String,
        /// The lexicon.
        name: String,
    },
    /// A phrase without a letter or digit.
    #[error("choice `{choice}`: phrase {position} in `{language}` has no word in it")]
    EmptyPhrase {
        /// The choice's id.
        choice: String,
        /// The phrase's language.
        language: String,
        /// Which phrase of that language, from 1.
        position: usize,
    },
    /// A key that no telephone has.
    #[error("choice `{choice}`: `{key}` is no key; the keys are 0 to 9, * and #")]
    NoSuchKey {
        /// The choice's id.
        choice: String,
        /// As given.
        key: char,
    },
    /// Two choices on one key.
    #[error("choices `{first}` and `{second}` both have the key `{key}`")]
    SharedKey {
        /// The one choice's id.
        first: String,
        /// The other's.
        second: String,
        /// The key.
        key: char,
    },
    /// A lexicon of the engine itself is broken.
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
