//! What a caller's words mean: the choice of a closed question.
//!
//! A [`ChoiceMatcher`] is made of a question's choices. It looks for their phrases in what was
//! heard, on word boundaries, and answers with one choice or none; a wrong choice costs more than
//! asking again. **The whole utterance has to be that choice**: a word that belongs to none of its
//! phrases ("yes, he is my father") makes it no answer. The rules, in this order:
//!
//! 1. A phrase inside a longer one does not count: `no` in "no problem", `agent` in "i don't want
//!    an agent". This holds for longer phrases of the lexicon `no`, and for remarks that answer
//!    nothing ("i am not sure"), even where `no` is no choice; the phrases of `who` and
//!    `wrong-person` hide only other lexicons' phrases, never those that a flow brought itself.
//! 2. Where two choices have the very same phrase, the flow's own comes before the engine's, then
//!    the more particular lexicon has it: `wrong-person`, `do-not-call`, `who`, `later`, `repeat`,
//!    `agent`, `no`, `yes`.
//! 3. A clear yes together with a clear no is no answer.
//! 4. Weak phrases ("okay", "sure", "sorry") count only where nothing firm was said.
//! 5. A yes is an opener: beside any other choice ("yes, connect me", "yes, who is this") the other
//!    one is meant.
//! 6. Of what is left the longest phrase wins; two choices with equally long ones are no answer.
//! 7. Words that say nothing (`filler`: "uh", "sir", "please") and the opening yes may stand beside
//!    the winner, a "no" beside what declines as well, and small words (`particle`: "my", "i am",
//!    "the") and weak phrases ("why", "sorry") beside all but a yes. Any other word that the
//!    winner's phrases do not cover makes the utterance no answer.
//!
//! The lexicon `confirm` has the phrases of `yes`, for questions whose answer lets something
//! personal be said ("am I speaking with …?"). Phrases that agree to something rather than state it
//! (`consent`: "go ahead", "why not") and weak ones ("okay") are no answer to such a question by
//! themselves: callers say them to be polite, before they know what is asked.
//!
//! The answer's language is that of the phrases that matched; where languages share them, the
//! likeliest of them. Without a choice of the lexicon `wrong-person`, `do-not-call` or `stop`, its
//! phrases are a `no`.
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
    /// `do-not-call`: asks not to be called again.
    DoNotCall,
    /// `stop`: wants the bot to be quiet.
    Stop,
    /// `confirm`: the phrases of `yes`, where acknowledging is not enough.
    Confirm,
}

impl Lexicon {
    /// All of them.
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

    /// The lexicon of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lexicon| lexicon.name() == name)
    }

    /// Whether its phrases hide other lexicons' shorter ones even where it is no choice.
    fn hides_others(self) -> bool {
        matches!(self, Self::Who | Self::WrongPerson | Self::DoNotCall)
    }

    /// Whether its phrases decline what was asked, so that a "no" beside them says the same.
    fn declines(self) -> bool {
        matches!(
            self,
            Self::No | Self::WrongPerson | Self::DoNotCall | Self::Later | Self::Stop
        )
    }

    /// Whether a caller who says so wants the bot to stop at once, whatever it is saying.
    pub fn is_urgent(self) -> bool {
        matches!(
            self,
            Self::WrongPerson | Self::DoNotCall | Self::Agent | Self::Stop | Self::Later
        )
    }

    /// The lexicon whose phrases it has.
    fn phrases_of(self) -> Self {
        if self == Self::Confirm {
            Self::Yes
        } else {
            self
        }
    }

    /// How particular its phrases are: of two lexicons with the same phrase the higher one has it.
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

/// Why a question's choices cannot be listened for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexiconError {
    /// No lexicon of that name.
    #[error(
        "choice `{choice}`: there is no lexicon `{name}`; the lexicons are yes, confirm, no, agent, repeat, later, wrong-person, who, do-not-call and stop"
    )]
    Unknown {
        /// The choice's id.
        choice: String,
        /// The name given.
        name: String,
    },
    /// Two choices start from one lexicon.
    #[error(
        "choices `{first}` and `{second}` both start from the lexicon `{name}`: give one of them phrases of its own"
    )]
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
