//! `flow.toml` and the operator's policy: which calls a flow takes, what a customer's record must
//! contain, settings, grants and limits, and the rules for prompts.
//!
//! This crate is pure: it does no I/O, reads no clock, and knows nothing of WebAssembly, versions
//! or running calls; who uses it enforces the rules. Reading reports every error at once, each with
//! its line.
//!
//! | module | contents |
//! |---|---|
//! | [`reader`], `read`, `manifest` | from a text to a [`Manifest`] |
//! | [`question`] | what a flow asks |
//! | `properties` | what has to hold on every path |
//! | `check`, `names` | errors that show once the flow's description and its tests are known |
//! | `rules` | the rules of a manifest by name, so that none gets lost |
//! | `customer` | how a customer's record is read or refused |
//! | `limits`, `update` | `[limits]`; `[update]`, `[replay]` and the budget of `[on-failure]` |
//! | [`choose`], [`claims`] | which flow a call gets, and flows that claim the same calls |
//! | `allowance`, `overrides`, [`patterns`] | what the operator allows, and what they override |
//! | `action` | what the rules know of an action |
//! | `serde_words` | errors of TOML files that serde reads, in words |

mod action;
mod allowance;
mod check;
pub mod choose;
pub mod claims;
mod customer;
mod error;
mod limits;
mod manifest;
mod names;
mod overrides;
pub mod patterns;
mod properties;
pub mod question;
mod read;
pub mod reader;
mod rules;
mod said;
mod samples;
mod serde_words;
mod spelling;
mod syntax;
mod update;

pub use action::{ActionRule, GrantedAction};
pub use allowance::{Allowance, NotAllowed};
pub use choose::NoFlow;
pub use customer::{CustomerField, CustomerReading, CustomerSchema, FieldProblem};
pub use error::ManifestError;
pub use limits::Limits;
pub use manifest::{FailureWords, Grants, Manifest, OnFailure, OnFailureThen, PromptRule, Takes};
pub use names::Observed;
pub use overrides::Overrides;
pub use properties::{Fact, HEARD, Moment, Order, Properties};
pub use samples::Samples;
pub use serde_words::{toml_error, words};
pub use spelling::{did_you_mean, near};
pub use syntax::no_such_day;
pub use update::{FailureBudget, ReplayGate, Running, Update};
