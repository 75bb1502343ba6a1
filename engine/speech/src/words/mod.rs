//! Words: how values are spoken, how templates become prompts, and how a caller's words become a
//! choice.
//!
//! Everything here is pure: the day's date, the texts and the words are arguments. Nothing plays,
//! records, waits or logs.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`spoken`] | a typed value | the words a synthesiser reads rightly |
//! | [`template`] | Fluent files, a template with arguments | one line of text |
//! | [`lexicon`] | what a recogniser heard | one choice of a closed question |

pub mod lexicon;
pub mod spoken;
pub mod template;

pub use lexicon::{ChoiceMatcher, LexiconError, Match};
pub use spoken::{SpokenError, speak};
pub use template::{PromptBook, RenderError, Severity, TemplateProblem, TemplateUse};
