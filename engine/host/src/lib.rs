//! The WebAssembly host: compiles components, links them, and runs one instance per call.
//!
//! It knows neither speech nor sessions nor files: a running flow reaches the outside only through
//! [`Conversation`], after the call's journal and the manifest's rules.

mod asking;
mod bindings;
mod capacity;
mod compile;
mod component;
mod context;
mod contract;
mod conversation;
mod convert;
mod description;
mod engine;
mod failures;
mod functions;
mod gate;
mod invoke;
mod known;
mod limit;
mod link_error;
mod loader_pool;
mod log;
mod memory_budget;
mod meters;
mod questions;
mod random;
mod rejection;
mod remembered;
mod run;
mod scripted;
mod size;
mod version;
mod wasi;

pub use compile::inside::compile_component;
pub use compile::{Compiler, Origin};
pub use component::ComponentFacts;
pub use contract::{Given, contract_version, given};
pub use conversation::{Conversation, Instant, Invocation};
pub use engine::{
    CompileIn, EngineError, EngineSettings, FlowEngine, MEMORY_BYTES_MAX, MIGRATIONS, TICK_MS,
};
pub use limit::{ARRIVAL, Limit};
pub use loader_pool::{LoaderPool, yield_to_calls};
pub use random::SplitMix64;
pub use rejection::{Fault, Rejection, Step};
pub use run::{Program, RunEnd};
pub use scripted::{Act, Asking, Away, Does, Event, Failed, Scripted, ScriptedCaller, Turn, Wait};
pub use version::{FlowParts, FlowVersion};
