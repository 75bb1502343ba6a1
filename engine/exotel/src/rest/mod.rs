//! Exotel's REST API: requests as form bodies and paths, replies as types. This module does no I/O;
//! the client is in `engine/campaign`.
//!
//! | module | contents |
//! |---|---|
//! | [`request`] | forms of `Calls/connect`, with their limits |
//! | [`resource`] | regions, hosts and paths |
//! | [`reply`] | an accepted call, call details, a `RestException` |
//! | [`sms`] | the form of an SMS, and its reply |
//! | [`account`] | active streams and ExoPhones of an account |
//! | [`error`] | what a reply that is no success says, and what to do about it |
//!
//! Replies are read as JSON, which a path that ends in `.json` asks for, or as XML, which Exotel
//! answers to all others; names are case-insensitive in both.
//!
//! Source: Exotel, "Make a call", "Call details", "Bulk call details", "List all ExoPhones" and its
//! page on WSS errors and monitoring.

pub mod account;
pub mod error;
pub mod reply;
pub mod request;
pub mod resource;
mod retry_after;
pub mod sms;
mod tree;

pub use account::{ActiveStreams, ExoPhone, parse_exophones};
pub use error::{Answer, ReplyError};
pub use reply::{
    ApiReply, Call, CallDetails, RestException, parse_calls, parse_details, parse_reply,
};
pub use request::{
    CallOptions, CallbackEvent, ConnectToBot, ConnectToFlow, Form, Recording, RequestError,
};
pub use resource::{Method, Region, Resource, flow_url};
pub use retry_after::{RETRY_AFTER_DEFAULT, RETRY_AFTER_MAX, retry_after};
pub use sms::{AcceptedSms, SMS_CHARS, Sms, parse_sms};
