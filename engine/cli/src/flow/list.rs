//! `ghanti flow list`: the flows of a running engine, their versions, and what was rejected.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ghanti_model::unix_ms;
use serde::Deserialize;
use serde_json::Value;

use super::engine::{Fault, Flow, Flows, Published, Target, Version, flows, short};
use super::outcome;
use crate::runtime::one_thread;

/// How long the engine may take to answer.
const REPLY: Duration = Duration::from_secs(30);

/// List the flows of a running engine: versions, calls, and what was rejected with its reason
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    target: Target,
    /// Print the engine's answer as JSON
    #[arg(long)]
    pub json: bool,
}

impl List {
    /// Lists.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            let engine = self.target.engine(REPLY)?;
            let (flows, reported) = flows(&engine).await?;
            if self.json {
                outcome::print(&reported)?;
            } else {
                show(&mut std::io::stdout().lock(), &flows)?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn show(out: &mut impl Write, flows: &Flows) -> std::io::Result<()> {
    if flows.items.is_empty() {
        writeln!(out, "no flows: deploy one with `ghanti flow deploy`")?;
    }
    for flow in &flows.items {
        show_flow(out, flow)?;
    }
    for fault in &flows.invalid {
        writeln!(out, "{}", fault.flow)?;
        show_fault(out, fault)?;
    }
    match &flows.unclaimed.flow {
        Some(flow) => writeln!(
            out,
            "calls that no flow claims: {flow} ({})",
            flows.unclaimed.because
        ),
        None => writeln!(
            out,
            "calls that no flow claims are refused ({})",
            flows.unclaimed.because
        ),
    }
}

/// Prints a flow as the engine returns it: as JSON, or its versions.
pub fn print_flow(flow: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        outcome::print(flow)?;
    } else {
        show_flow(&mut std::io::stdout().lock(), &Flow::deserialize(flow)?)?;
    }
    Ok(())
}

/// Shows a flow with its versions.
fn show_flow(out: &mut impl Write, flow: &Flow) -> std::io::Result<()> {
    writeln!(out, "{}", flow.name)?;
    for version in &flow.versions {
        let Version {
            id,
            version,
            state,
            calls,
            weight,
            manifest_weight,
            weight_set,
            published,
            reason,
        } = version;
        let calls = match calls {
            0 => String::new(),
            1 => ", 1 call".to_owned(),
            calls => format!(", {calls} calls"),
        };
        let share = weight.map_or_else(String::new, |weight| {
            let set = match (weight_set, manifest_weight) {
                (Some(set), Some(own)) => {
                    format!(" (set by {}; its manifest says {own} %)", set.by)
                }
                _ => String::new(),
            };
            format!(", {weight} % of new calls{set}")
        });
        let reason = reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        writeln!(
            out,
            "  {state:<11} {version} ({}){share}{calls}{reason}",
            short(id)
        )?;
        if let Some(published) = published {
            writeln!(out, "              {}", came(published))?;
        }
    }
    for fault in &flow.rejected {
        show_fault(out, fault)?;
    }
    for warning in &flow.warnings {
        writeln!(out, "  warning     {warning}")?;
    }
    Ok(())
}

/// How a version came, and when.
fn came(published: &Published) -> String {
    let Published {
        how,
        by,
        prompt,
        language,
        published_ms,
    } = published;
    let how = match (how.as_str(), prompt, language) {
        ("folder", ..) => "copied into the folder".to_owned(),
        ("api", ..) => "sent over the API".to_owned(),
        ("prompt", Some(prompt), Some(language)) => {
            format!("prompt {prompt} changed in {language} in the console")
        }
        // of a later engine
        (how, ..) => how.to_owned(),
    };
    let by = by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    format!("{how}{by}, {}", ago(*published_ms))
}

/// Shows why something was rejected.
pub fn show_fault(out: &mut impl Write, fault: &Fault) -> std::io::Result<()> {
    let line = fault
        .line
        .map_or_else(String::new, |line| format!(", line {line}"));
    let ago = fault
        .rejected_ms
        .map_or_else(String::new, |at_ms| format!(", {}", ago(at_ms)));
    writeln!(out, "  rejected    step {}{line}{ago}", fault.step)?;
    for reason in fault.reason.lines() {
        writeln!(out, "              {reason}")?;
    }
    if fault.reason.ends_with(&fault.hint) {
        return Ok(());
    }
    writeln!(out, "              hint: {}", fault.hint)
}

fn ago(at_ms: u64) -> String {
    let seconds = unix_ms().saturating_sub(at_ms) / 1_000;
    match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
