//! The pages of the web console, as HTML out of values. Whoever serves them reads the values,
//! decides who may see them, and sends the pages with [`POLICY`].
//!
//! Everything on a page is escaped by maud, no page has a script or a style within it, and every
//! text that is not a value is in [`words`].

pub mod assets;
mod audit;
mod call;
mod calls;
mod campaigns;
mod customer;
mod events;
mod flow;
mod flow_map;
mod flows;
mod import;
mod journal;
mod latency;
mod layout;
mod lines;
mod login;
mod new_campaign;
mod now;
mod otherwise;
mod prompt;
mod replay;
mod setup;
mod sparkline;
mod telephone;
mod times;
mod versions;
mod waveform;
pub mod words;

pub use audit::{AuditPage, audit};
pub use call::{CallPage, Finding, Player, call, call_state};
pub use calls::{CallsPage, Search, calls};
pub use campaigns::{Campaign, CampaignPage, CampaignsPage, Funnel, campaign, campaigns};
pub use customer::{Customer, CustomerPage, List, customer};
pub use flow::{FlowPage, PromptRow, Variable, flow};
pub use flow_map::{FlowMap, MapPage, MapState, Path, Paths, Property, Spoken, flow_map};
pub use flows::{Fault, Flow, FlowsPage, flows};
pub use import::{
    ImportForm, ImportPage, Imported, MappedField, Refused, RejectedRow, Uncertain, Unread, import,
    import_form,
};
pub use journal::Entry;
pub use latency::Turn;
pub use layout::{Notice, Site, notice};
pub use login::{again, login, starting};
pub use new_campaign::{Input, NewCampaign, Rule, new_campaign};
pub use now::{Live, Load, Now, Store, now, now_state};
pub use otherwise::{Answer, Ended, GoesOn, Open, OtherwisePage, Said, Who, otherwise};
pub use prompt::{Draft, Editing, PromptPage, PromptText, Published, prompt};
pub use replay::{Difference, Held, Replay, ReplayPage, Unable, replay};
pub use setup::{Applet, Lamp, SetupPage, setup};
pub use telephone::{Choice, Field, TelephonePage, telephone};
pub use versions::{Came, SetWeight, Version, Way};
pub use waveform::{PEAKS, waveform};

/// The content security policy of every page (CSP level 3): nothing but this engine's own files, and no
/// script or style within a page.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; \
                          form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
