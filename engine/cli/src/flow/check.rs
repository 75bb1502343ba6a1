//! `ghanti flow check`: all checks of loading, without an engine.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::findings;
use super::folders::{Exploring, Folders};
use crate::runtime::many_threads;

/// Check flows as the engine does before they take calls, and report all errors at once
///
/// Component, contract, manifest, prompts, questions and tests, and the properties on every path of
/// the conversation. Exits with 0 if nothing is wrong, with 1 if something is, and with 2 if there
/// is no flow.
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    folders: Folders,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    deny_warnings: bool,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    exploring: Exploring,
}

impl Check {
    /// Checks, and writes what was found.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let flows = self.folders.flows()?;
        let bounds = self.exploring.bounds();
        let loading = self.folders.loading(&bounds)?;
        many_threads(async {
            let mut out = std::io::stdout().lock();
            let (mut is_wrong, mut shown) = (false, Vec::new());
            for flow in flows {
                let check = loading
                    .files
                    .check(flow.name.clone(), &flow.folder, "", Some(bounds));
                let checked = check.await;
                is_wrong |=
                    checked.has_errors() || (self.deny_warnings && !checked.findings.is_empty());
                if self.json {
                    let found = checked.findings.iter().map(findings::json);
                    shown.push(json!({
                        "flow": flow.name.to_string(),
                        "ok": !checked.has_errors(),
                        "findings": found.collect::<Vec<_>>(),
                        "explored": checked.exploration.as_ref().map(findings::explored_json),
                    }));
                    continue;
                }
                for finding in &checked.findings {
                    writeln!(out, "{}", findings::text(&flow.folder, finding))?;
                }
                let warnings = checked.findings.len();
                let verdict = match (checked.has_errors(), warnings) {
                    (true, count) => findings::counted(count, "finding"),
                    (false, 0) => "nothing is wrong".to_owned(),
                    (false, count) => findings::counted(count, "warning"),
                };
                writeln!(out, "{}: {verdict}", flow.name)?;
                if let Some(exploration) = &checked.exploration {
                    write!(out, "{}", findings::explored(exploration))?;
                }
            }
            if self.json {
                writeln!(out, "{:#}", json!({ "flows": shown }))?;
            }
            Ok(ExitCode::from(u8::from(is_wrong)))
        })
    }
}
