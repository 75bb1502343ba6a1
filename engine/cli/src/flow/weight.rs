//! `ghanti flow weight`: sets the share of new calls that a flow's candidate takes.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::engine::Target;
use super::list::print_flow;
use crate::engine::segment;
use crate::runtime::one_thread;

/// How long the engine may take to answer.
const REPLY: Duration = Duration::from_secs(30);

/// Set the share of new calls that a flow's candidate takes
///
/// It holds until the candidate is promoted, rolled back or replaced, or the engine stops. Running calls keep their version.
/// Exits with 0 if it is done, with 1 if the engine refuses, and with 2 if the engine cannot be reached.
#[derive(Args)]
pub struct Weight {
    #[command(flatten)]
    target: Target,
    /// The flow
    name: String,
    /// The share in percent: 0 takes no new calls, 100 takes all of them
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: u8,
    /// Print the engine's answer as JSON
    #[arg(long)]
    pub json: bool,
}

impl Weight {
    /// Asks the engine for it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            let engine = self.target.engine(REPLY)?;
            let path = format!("/api/flows/{}/weight", segment(&self.name));
            let request = engine.request(Method::PUT, &path);
            let request = request.json(&json!({ "weight": self.percent }));
            let reported: Value = engine.send(request).await?;
            print_flow(&reported, self.json)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
