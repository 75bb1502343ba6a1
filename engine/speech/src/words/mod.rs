//! Words: spoken forms of values, prompts from templates, and choices from a caller's words.
//!
//! Everything here is pure: the date, the texts and the words are arguments. Nothing plays,
//! records, waits or logs.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`spoken`] | a typed value | words that a synthesizer pronounces correctly |
//! | [`template`] | Fluent files, a template with arguments | one line of text |
//! | [`lexicon`] | recognised words | one choice of a closed question |

pub mod lexicon;
pub mod spoken;
pub mod template;

pub use lexicon::{ChoiceMatcher, LexiconError, Match};
pub use spoken::{SpokenError, speak};
pub use template::{PromptBook, RenderError, Severity, TemplateProblem, TemplateUse};
