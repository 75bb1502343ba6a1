//! Recorded calls against versions of flows: comparison of one call or of many, the replay gate, the
//! handover of a running call to another version, how a call would have gone on with another answer,
//! and how a running one may go on.
//!
//! A replay reads records and flows. It performs no action, synthesizes no speech, and writes to no
//! store and no log; only the cache of compiled components is written, as usual.

mod ahead;
mod calls;
mod changed_words;
mod comparing;
mod comparison;
mod difference;
mod difference_text;
mod error;
mod flows;
mod gate;
mod handover;
mod of_record;
mod otherwise;
mod recorded;
mod replayer;
mod report;
mod resumption;
mod settings;
mod since;
mod sweep;
mod turn;
mod verdict;
mod words;

pub use ahead::{Fork, Waits};
pub use comparison::{Comparison, compare};
pub use difference::{Difference, other_words};
pub use error::ReplayError;
pub use gate::RecordedCheck;
pub use handover::Handover;
pub use of_record::of_record;
pub use otherwise::{End, Local, Otherwise, otherwise};
pub use replayer::Replayer;
pub use report::Replayed;
pub use resumption::{recorded_fields, resumed};
pub use settings::ReplaySettings;
pub use sweep::{Group, Progress, Sweep};
pub use turn::{TranscriptTurn, What, prompts, turns};
pub use verdict::DifferenceText;
