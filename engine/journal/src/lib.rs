//! The journal of a running call: every host call with its answer, and where answers come from.
//!
//! A journal asks an [`AnswerSource`] and does not know which one: the running call, a record, or a
//! call that another version takes over. [`redact`] shows entries without personal data.

mod answer;
pub mod redact;
mod shared;
mod source;
#[cfg(test)]
mod tests;
mod trace;

pub use answer::{Closed, Divergence, Outcome, Side, Waiting};
pub use shared::{BYTES_MAX, Clock, ENTRIES_MAX, SharedJournal, weight};
pub use source::{AnswerSource, Next, SharedSource, lock};
pub use trace::Trace;
