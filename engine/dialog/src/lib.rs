//! The WebAssembly host: loads flows, manages their versions, and runs one instance per call.
//!
//! It depends on neither speech nor sessions nor sockets: a running flow reaches the outside only
//! through [`Conversation`], and every host call goes through the call's journal.

mod bindings;
mod capacity;
pub mod catalogue;
mod compile;
mod contract;
pub mod conversation;
mod convert;
mod debounce;
mod description;
pub mod engine;
mod failures;
pub mod file_watcher;
mod flow_tests;
mod functions;
mod gate;
mod host;
pub mod journal;
mod kept;
mod load;
mod loader_pool;
mod loading;
mod meters;
mod metrics;
mod orders;
mod pinned;
pub mod redact;
mod remembered;
pub mod replay;
mod replay_gate;
mod run;
mod scan;
pub mod scripted;
pub mod single;
mod size;
mod source;
pub mod states;
mod trace;
pub mod version;
mod version_set;
mod wasi;
pub mod watch;

pub use catalogue::{Catalogue, CatalogueError, CatalogueSettings, ChangeError};
pub use compile::CompileIn;
pub use compile::inside::compile_component;
pub use conversation::{Conversation, Instant};
pub use engine::{EngineError, EngineSettings, FlowEngine};
pub use host::Limit;
pub use journal::{Divergence, SharedJournal, Side};
pub use load::{Rejection, Step};
pub use loading::Loading;
pub use meters::compute::ARRIVAL;
pub use metrics::FlowCounts;
pub use orders::{NotAnOrder, UnknownFlow};
pub use pinned::Pinned;
pub use replay::{Comparison, Difference, DifferenceKind, Handover};
pub use replay_gate::{Obstacle, ReplayCheck, ReplayVerdict};
pub use run::RunEnd;
pub use scripted::{Scripted, ScriptedCaller};
pub use single::FlowFiles;
pub use states::{FlowState, Rejected, Stage, Unclaimed, VersionState};
pub use trace::Trace;
pub use version::{FlowVersion, PromptLibrary, PromptProblem};
