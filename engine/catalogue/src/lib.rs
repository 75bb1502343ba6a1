//! Versions of flows: watches the flows folder, loads and checks what appears there, publishes it,
//! and chooses the version of each call.

mod advice;
mod bundle;
mod catalogue;
mod check;
mod debounce;
pub mod file_watcher;
mod finding;
mod in_place;
mod kept;
mod languages;
mod loader;
mod loading;
mod metrics;
mod orders;
mod pinned;
mod prompts;
mod published;
mod questions;
mod replay_gate;
mod scan;
mod single;
mod source;
mod speakable;
mod states;
mod version_set;
mod watch;

pub use advice::advice;
pub use bundle::{BUNDLE_BYTES_MAX, Bundle, NoPlace};
pub use catalogue::{
    Catalogue, CatalogueError, CatalogueSettings, ChangeError, DeployError, Deployed, Files,
};
pub use check::Checked;
pub use finding::{Finding, Severity};
pub use in_place::{InPlace, NotInPlace, Staged};
pub use loading::Loading;
pub use metrics::FlowCounts;
pub use orders::{NotAnOrder, UnknownFlow};
pub use pinned::Pinned;
pub use published::{Published, Way};
pub use replay_gate::{Obstacle, ReplayCheck, ReplayVerdict};
pub use single::FlowFiles;
pub use source::TEXT_BYTES_MAX;
pub use speakable::Speakable;
pub use states::{FlowState, Rejected, SetWeight, Stage, Unclaimed, VersionState};
pub use watch::watch;
