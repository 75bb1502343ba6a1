//! The built program from outside, one file a subject: one program, as linking it takes longer than
//! most of these tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod actions;
mod advice;
mod api;
mod authoring;
mod barge_in;
mod broken_peers;
mod browser;
mod callbacks;
mod campaigns;
mod capacity;
mod claims;
mod clock_jumps;
mod console;
mod console_calls;
mod contract;
mod contract_page;
mod customers;
mod deploy;
mod deploying;
mod dev;
mod dialling;
mod doctor;
mod emi_flow;
mod exhausted;
mod exploring;
mod failures;
mod faults;
mod found_calls;
mod gates;
mod going_on;
mod hostile;
mod http;
mod importing;
mod leftovers;
mod load;
mod logs;
mod lost_stores;
mod manual;
mod mistakes;
mod moving;
mod nodes;
mod operating;
mod operation;
mod outages;
mod outbound;
mod prompts;
mod proof;
mod recordings;
mod replay;
mod resuming;
mod roles;
mod rules;
mod same_site;
mod scripts;
mod shipped;
mod signals;
mod silence;
mod speculating;
mod speech;
mod start;
mod starving;
mod stores_away;
#[path = "../support/mod.rs"]
mod support;
mod talking;
mod tokens;
mod traces;
mod transfers;
mod untrusted;
mod upgrade;
mod values;
mod watching;
mod webhooks;
