//! HTTP and WebSocket handlers, one module per resource.

pub mod after;
pub mod agents;
pub mod audit;
pub mod calls;
pub mod campaigns;
pub mod console;
pub mod customers;
pub mod deploy;
pub mod description;
pub mod do_not_call;
pub mod doctor;
pub mod erasure;
pub mod events;
pub mod flows;
pub mod health;
pub mod list_of_calls;
pub mod metrics;
pub mod passthru;
pub mod proof;
pub mod recording;
pub mod setup;
pub mod status;
pub mod stream;
pub mod voicebot;
pub mod webhooks;
