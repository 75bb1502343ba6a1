//! The doctor: names what is set up wrongly, with the evidence and the fix.
//!
//! [`diagnose()`] is pure: what was seen goes in ([`Evidence`]), findings come out. What is seen is
//! gathered elsewhere: requests as they come ([`Tally`]), calls from the database, the state of the
//! engine (`routes/doctor.rs`). Nothing here does I/O, and no finding has personal data.

mod code;
mod diagnose;
mod evidence;
mod finding;
mod of_call;
mod page;
mod placeholder;
mod tally;
mod urls;

/// The session in the URL of a stream that is opened to see whether it can be: it is closed at once,
/// and nothing of it is counted.
pub const PROBE: &str = "doctor-probe";

pub use code::{Code, Weight};
pub use diagnose::diagnose;
pub use evidence::{Disk, EngineState, Evidence, Reach};
pub use finding::{Finding, Findings, ago};
pub use of_call::of_call;
pub use page::{Card, SetupPage};
pub use placeholder::is_placeholder;
pub use tally::{Applet, EntrySeen, Seen, Sign, Signs, Tally, TallyView};
pub use urls::Urls;
