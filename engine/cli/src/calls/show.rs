//! `ghanti calls show`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ghanti_model::CallRecord;
use ghanti_server::doctor::Finding;
use serde_json::Value;

use super::text::text;
use crate::engine::{Address, Engine, segment};

/// The arguments of `ghanti calls show`.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    address: Address,
    /// The call: an id of ours, or a CallSid
    call: String,
    /// Write the engine's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        let path = format!("/api/calls/{}", segment(&self.call));
        let answer: Value = engine.get(&path).await?;
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{answer}")?;
            return Ok(ExitCode::SUCCESS);
        }
        let of_version =
            "the answer cannot be read: use the same version of `ghanti` as the running engine";
        let findings = answer.get("findings").cloned().unwrap_or_default();
        let record: CallRecord = serde_json::from_value(answer).context(of_version)?;
        write!(out, "{}", text(&record))?;
        if let Ok(findings) = serde_json::from_value::<Vec<Finding>>(findings)
            && !findings.is_empty()
        {
            writeln!(out, "\nfindings")?;
            for finding in findings {
                writeln!(out, "  {}: {}", finding.code.name(), finding.sentence)?;
                writeln!(out, "    fix: {}", finding.fix)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
