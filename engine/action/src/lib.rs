//! Actions: what a flow does beyond its call, by name. The operator binds a name to an HTTP request,
//! a turn of a language model, an SMS to the call's customer or a look-up in Redis; a flow gives JSON
//! and gets JSON, and knows neither addresses nor secrets.
//!
//! Both sides are taken to be hostile. A flow's values cannot leave their placeholders in a request
//! ([`template`], [`url`]), and its input has a size and a schema. A server's answer has a time, a
//! size and a schema, must not repeat a secret, and leads nowhere: addresses are checked where they
//! are connected to ([`address`]), redirects are not followed.
//!
//! This crate knows no flows, journals or sessions, and reads no files.

mod actions;
mod address;
mod breaker;
mod client;
mod definition;
mod error;
mod errors;
mod fault;
mod guard;
mod http;
mod invocation;
mod model;
mod plan;
mod redis;
mod resolve;
mod schema;
mod secret;
mod sms;
mod template;
mod undeclared;
mod url;

pub use actions::{Actions, MakeTls, Setup};
pub use definition::{AnswerFormat, AnswerKind, Definition, Does, Kind, Login, Method, RedisValue};
pub use error::ActionError;
pub use plan::{NAME_BYTES, is_name};
pub use secret::SecretText;
pub use sms::SmsAccount;
