//! The types that all crates share: ids, call facts, events and the record that follows from them,
//! prompts, questions and answers, journal entries, steps, transfers, a flow's description of
//! itself.
//!
//! This crate does no I/O, reads no clock except in [`CallId::generate`], and knows nothing of
//! WebAssembly or databases. Personal data (numbers, digits, words) is in types whose `Debug`
//! and `Display` are masked; reading the value takes an explicit call to `expose`.

pub mod answer;
pub mod call;
pub mod call_status;
pub mod chain;
pub mod clock;
pub mod customer;
pub mod description;
mod difference;
pub mod earlier_call;
pub mod erasure;
pub mod error;
pub mod event;
pub mod failure;
pub mod fold;
pub mod host;
pub mod hours;
pub mod id;
pub mod journal;
pub mod json_path;
pub mod language;
pub mod masked;
pub mod outcome;
pub mod phone;
pub mod playout;
pub mod prompt;
pub mod question;
pub mod record;
pub mod recording;
pub mod role;
pub mod step;
pub mod trace_context;
pub mod transcript;
pub mod transfer;
pub mod values;
pub mod zone;

pub use answer::{Answer, Reply};
pub use call::{CallFacts, Direction};
pub use call_status::CallStatus;
pub use chain::{Broken, ChainHead, ChainedEvent, Intact};
pub use clock::unix_ms;
pub use customer::CustomerRecord;
pub use description::{Described, Description, TemplateUse};
pub use difference::DifferenceKind;
pub use earlier_call::{EarlierCall, customer_digest};
pub use erasure::{Erasable, Erased};
pub use error::{CallError, Refusal};
pub use event::{CallEvent, EventId, EventKind, EventMark};
pub use failure::{FailureReport, LogLine};
pub use fold::CallLog;
pub use id::{AccountSid, CallId, CallSid, FlowName, NodeId, StreamSid, VersionId};
pub use journal::{Function, Journal, JournalEntry, JournalError, JournalHeader};
pub use language::Language;
pub use masked::Masked;
pub use outcome::Outcome;
pub use phone::PhoneNumber;
pub use playout::{Extent, Playout, PromptId};
pub use prompt::{Argument, Content, Money, Prompt, Template, TimeOfDay, Value};
pub use question::{Choice, Collection, Phrases, Question, SideAnswer, ValueGrammar};
pub use record::{CallRecord, CallState, Decision, DialState, Problem, VersionMove};
pub use recording::{DeletedFor, Recording, RecordingState};
pub use role::Role;
pub use step::{Milestone, NotAMilestone, Step, StepEntry};
pub use trace_context::{NotAContext, TRACEPARENT, TraceContext};
pub use transcript::{Line, Speaker};
pub use transfer::{AgentLeg, AgentLegState, ConnectAsked, Transfer};
pub use zone::{NoZone, Zone};
