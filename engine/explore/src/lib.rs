//! Conversations without a phone: a flow's own tests, every path through its conversation, and the
//! properties that hold on all of them.
//!
//! A flow runs as in a call, in the real host, against a scripted caller and in virtual time. It is
//! deterministic, so that a path is the list of what it was answered, and a conversation is explored
//! by running it again from its beginning with a longer list.
//!
//! | module | contents |
//! |---|---|
//! | [`flow_tests`] | `tests/*.toml`: reads them, runs them, compares |
//! | [`run`](mod@run) | one conversation, held |
//! | [`failure`] | why a flow failed, for its author |
//! | [`transcript`] | what happened in it, in words |
//! | [`paths`] | all paths, within bounds, and what is wrong with them |
//! | [`properties`] | `[properties]` of a manifest against the paths |
//! | [`map`] | the paths drawn, and written as a page |
//! | [`examples`] | example values for a prompt's variables |

pub mod examples;
pub mod failure;
pub mod flow_tests;
pub mod map;
pub mod paths;
pub mod properties;
pub mod run;
pub mod transcript;
