//! Campaigns: lists, schedules, rules, attempts, dialling. So far dialling: the client of Exotel's
//! REST API, and the limit of requests that it keeps.
//!
//! A dial is never repeated by this crate: [`Dialled`] says what is known of it, and one of which
//! nothing is known is settled later, by the status callback or the call's details.

pub mod api;
pub mod rate;

pub use api::{
    ApiError, ApiSettings, Credentials, DialRequest, Dialled, Endpoint, ExotelApi, SetupError,
    trusting_client,
};
pub use rate::{LocalBudget, OverLimit, RequestBudget, SharedBudget};
