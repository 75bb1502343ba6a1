//! The WebAssembly host: loads flows, keeps their versions, and runs one instance for each call.
//!
//! It knows neither speech nor sessions nor sockets: a running flow reaches the world through
//! [`Conversation`] alone, and every host call passes the call's journal.

mod allowance;
mod backstage;
mod bindings;
pub mod catalogue;
mod choose;
mod claims;
mod compile;
mod contract;
pub mod conversation;
mod convert;
pub mod description;
pub mod engine;
mod functions;
mod gate;
mod host;
pub mod journal;
mod kept;
mod lives;
mod load;
pub mod manifest;
mod meters;
mod orders;
pub mod outline;
mod overrides;
mod pinned;
mod places;
mod rehearsal;
mod remembered;
pub mod replay;
mod room;
mod run;
pub mod scripted;
mod settling;
pub mod single;
mod source;
pub mod states;
mod tally;
mod trace;
mod traps;
mod trial;
pub mod version;
mod wasi;
pub mod watch;
mod weigh;

pub use allowance::Allowance;
pub use catalogue::{Catalogue, CatalogueError, CatalogueSettings, ChangeError};
pub use choose::NoFlow;
pub use compile::CompileIn;
pub use compile::inside::compile_component;
pub use conversation::{Conversation, Instant};
pub use description::{Description, Kind, TemplateUse};
pub use engine::{EngineError, EngineSettings, FlowEngine};
pub use host::Limit;
pub use journal::{Divergence, SharedJournal, Side};
pub use load::{Rejection, Step};
pub use manifest::{
    CustomerField, CustomerReading, CustomerSchema, FieldProblem, GateKind, Limits, Manifest,
    ManifestError, OnFailure, OnFailureThen, ReplayGate, Running, FailureBudget, FailureWords,
};
pub use meters::compute::ARRIVAL;
pub use orders::{NotAnOrder, UnknownFlow};
pub use overrides::{Overrides, Samples};
pub use pinned::Pinned;
pub use rehearsal::{Obstacle, Rehearsal, Rehearsed};
pub use replay::{Comparison, Difference, DifferenceKind};
pub use run::RunEnd;
pub use scripted::{Scripted, ScriptedCaller};
pub use single::FlowFiles;
pub use states::{FlowState, Rejected, Stage, Unclaimed, VersionState};
pub use tally::FlowCounts;
pub use trace::Trace;
pub use version::{FlowVersion, PromptLibrary, PromptProblem};
