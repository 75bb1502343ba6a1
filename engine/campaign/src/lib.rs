//! Campaigns: lists, schedules, rules, attempts, dialling; and the client of Exotel's REST API, with
//! the limit of requests that it keeps.
//!
//! A dial is never repeated by this crate: [`Dialled`] says what is known of it, and one of which
//! nothing is known is settled later, by the status callback or the call's details.

pub mod api;
pub mod outcome;
pub mod plan;
pub mod rate;
pub mod rules;
pub mod runner;

pub use api::{
    ApiError, ApiSettings, Credentials, DialRequest, Dialled, Endpoint, ExotelApi, SetupError,
    Turn, trusting_client,
};
pub use plan::Plan;
pub use rate::{LocalBudget, OverLimit, RequestBudget, SharedBudget};
pub use runner::{Outbound, OutboundCall, Runner};
