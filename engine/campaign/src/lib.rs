//! Campaigns: lists, schedules, rules, attempts, dialling; and the client of Exotel's REST API, with
//! the limit of requests that it keeps.
//!
//! This crate never repeats a dial: [`Dialled`] is its result, and an unknown result is resolved
//! later, by the status callback or the call's details.

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
