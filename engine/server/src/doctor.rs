//! The doctor: names what is set up wrongly, with the evidence and the fix.
//!
//! [`diagnose()`] is pure: it turns [`Evidence`] into findings. The evidence is gathered elsewhere:
//! requests as they arrive ([`Observations`]), calls from the database, the state of the engine
//! (`routes/doctor.rs`). Nothing here does I/O, and no finding contains personal data.

mod code;
mod diagnose;
mod evidence;
mod finding;
mod observations;
mod of_call;
mod page;
mod placeholder;
mod urls;

/// The session in the URL of a stream that is opened only to check that it can be: it is closed at
/// once, and not counted.
pub const PROBE: &str = "doctor-probe";

pub use code::{Code, Weight};
pub use diagnose::diagnose;
pub use evidence::{Disk, EngineState, Evidence, Reach};
pub use finding::{Finding, Findings, ago};
pub use observations::{Applet, EntrySeen, Observations, ObservationsView, Seen, Sign, Signs};
pub use of_call::{BROWSER, of_call};
pub use page::{Card, SetupPage};
pub use placeholder::is_placeholder;
pub use urls::Urls;
