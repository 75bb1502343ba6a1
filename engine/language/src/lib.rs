//! Language: prompts from templates, choices and values from a caller's words, and spoken forms of
//! amounts, dates and digits.
//!
//! This crate is pure: the date, the texts and the words are arguments. Nothing reads a file or a
//! clock, plays, records, waits or logs.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`spoken`] | a typed value | words that a synthesizer pronounces correctly |
//! | [`template`] | Fluent files, a template with arguments | one line of text |
//! | [`lexicon`] | recognised words | one choice of a closed question |
//! | [`detect`] | recognised words | their language |
//! | [`voicemail`] | recognised words | whether they are an answering machine's greeting |
//! | [`builtin`] | recognised words, keys | a date, time, amount, number, digits, phone number, yes or no |

pub mod builtin;
mod detect;
pub mod lexicon;
pub mod spoken;
pub mod template;
pub mod voicemail;

pub use detect::detect;
pub use lexicon::{ChoiceMatcher, LexiconError, Match, PreparedChoices};
pub use spoken::{SpokenError, speak};
pub use template::{PromptBook, RenderError, Severity, TemplateProblem};
pub use voicemail::is_voicemail_greeting;
