//! The HTTP and WebSocket server: configuration, logs, Exotel's webhooks and media streams, the
//! API.
//!
//! Handlers read a request, ask the call registry or a store, and answer. No handler blocks a live
//! call.

pub mod access;
pub mod admission;
mod answer;
pub mod app;
mod applet_error;
mod archive;
mod audit;
mod awaited;
mod base;
mod cause;
pub mod config;
mod connection;
pub mod connections;
pub mod descriptors;
pub mod dialler;
pub mod doctor;
mod explored;
mod fallback;
mod front;
mod history;
mod list;
mod listener;
pub mod lock;
pub mod logs;
mod masked;
pub mod mute;
pub mod open;
pub mod order;
mod outbound;
pub mod private;
pub mod problem;
mod query;
mod recordings;
pub mod refusal;
pub mod replay;
mod retention;
mod role;
mod routes;
mod same_site;
pub mod secret;
mod segments;
mod serve;
pub mod speech;
mod steady;
mod times;
pub mod unknown_dial;
pub mod unserved;

pub use app::{App, router};
pub use config::{Config, ConfigError, Starter};
pub use front::Front;
pub use ghanti_campaign::trusting_client;
pub use ghanti_catalogue::file_watcher::{FileWatcher, FolderId};
pub use ghanti_host::compile_component;
pub use lock::{DataLock, LockError};
pub use open::{Folders, Mode, OpenError, Opened, open};
pub use secret::Secret;
