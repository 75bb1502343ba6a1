//! The WebAssembly host: loads flows, keeps their versions, and runs one instance for each call.
//!
//! It knows neither speech nor sessions nor sockets: a running flow reaches the world through [`Conversation`] alone, and every host call
//! passes the call's journal.

pub mod conversation;

pub use conversation::{Conversation, Instant};
