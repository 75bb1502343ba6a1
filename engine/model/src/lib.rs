//! The words all rooms share: ids, call facts, prompts, questions and answers, journal entries,
//! steps, events, records, outcomes.
//!
//! Nothing here does I/O, reads a clock or knows of Exotel, WebAssembly or a database. What is
//! personal (numbers, digits, words) is kept in types whose `Debug` and `Display` are masked;
//! showing it takes a call to `expose`.

pub mod answer;
pub mod call;
pub mod call_status;
pub mod customer;
pub mod error;
pub mod event;
pub mod failure;
pub mod fold;
pub mod id;
pub mod journal;
pub mod language;
pub mod masked;
pub mod phone;
pub mod playout;
pub mod prompt;
pub mod question;
pub mod record;
pub mod step;
pub mod transcript;
pub mod transfer;
pub mod values;

pub use answer::{Answer, Reply};
pub use call::{CallFacts, Direction};
pub use call_status::CallStatus;
pub use customer::CustomerRecord;
pub use error::{CallError, Refusal};
pub use event::{CallEvent, EventId, EventMark, Happened, NodeId};
pub use failure::{FailureReport, LogLine};
pub use fold::CallLog;
pub use id::{AccountSid, CallId, CallSid, FlowName, StreamSid, VersionId};
pub use journal::{Function, Journal, JournalEntry, JournalError, JournalHeader};
pub use language::Language;
pub use masked::Masked;
pub use phone::PhoneNumber;
pub use playout::{Extent, Playout, PromptId};
pub use prompt::{Argument, Content, Money, Prompt, Template, TimeOfDay, Value};
pub use question::{Choice, Collection, Phrases, Question};
pub use record::{CallRecord, CallState, Decision, Problem, VersionMove};
pub use step::{Step, StepEntry};
pub use transcript::{Line, Speaker};
pub use transfer::{AgentLeg, AgentLegState, ConnectAsked, Transfer};
