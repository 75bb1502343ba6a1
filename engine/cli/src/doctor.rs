//! `ghanti doctor`: shows the findings of a running engine about its set-up, and those of a probe from
//! outside.

mod probe;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_server::Config;
use ghanti_server::doctor::{Finding, Weight};
use ghanti_sim::http::client;
use serde_json::{Map, Value, json};

use crate::config::Source;
use crate::engine::reached_at;
use crate::runtime::one_thread;

/// The exit code if something is wrong.
const IS_WRONG: u8 = 1;
/// Timeout of the engine's diagnosis: it reads a day's calls and, with `--probe`, synthesizes a word.
const REPLY: Duration = Duration::from_secs(30);

/// Show mistakes in the set-up, with evidence and fix
///
/// Asks a running engine. Exits with 0 if nothing is wrong, and with 1 otherwise. docs/doctor.md
/// describes each finding.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    source: Source,
    /// Only check this call: our id, or a CallSid
    #[arg(long, value_name = "ID", conflicts_with = "probe")]
    call: Option<String>,
    /// Also check from outside: public URL, certificate, WebSocket, clock, account, numbers, speech
    #[arg(long)]
    probe: bool,
    /// Write the engine's answer as JSON
    #[arg(long)]
    json: bool,
    /// The engine's URL, without `path`; by default `listen` of `[server]`
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

impl Doctor {
    /// Asks and shows.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        let (mut report, mut checks) = (self.ask(&config)?, Vec::new());
        let found = report.remove("findings").unwrap_or_default();
        let mut findings: Vec<Finding> = serde_json::from_value(found).context(
            "the answer cannot be read: use the same version of `ghanti` as the running engine",
        )?;
        if self.probe {
            let probed = one_thread(async { Ok(probe::probe(&config).await) })?;
            checks = probed.checks;
            merge(&mut findings, probed.findings);
        }
        let mut out = std::io::stdout();
        if self.json {
            report.insert("findings".to_owned(), json!(findings));
            if self.probe {
                report.insert("checks".to_owned(), json!(checks));
            }
            writeln!(out, "{}", Value::Object(report))?;
        } else {
            for check in &checks {
                writeln!(out, "checked: {check}")?;
            }
            show(&mut out, &report, &findings)?;
        }
        Ok(if findings.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(IS_WRONG)
        })
    }

    fn ask(&self, config: &Config) -> anyhow::Result<Map<String, Value>> {
        one_thread(async {
            let base = self
                .url
                .clone()
                .unwrap_or_else(|| format!("http://{}", reached_at(config.server.listen)));
            let base = base.trim_end_matches('/');
            let mut request = client()?
                .timeout(REPLY)
                .build()?
                .get(format!("{base}{}/api/doctor", config.server.path));
            if let Some(call) = &self.call {
                request = request.query(&[("call", call)]);
            } else if self.probe {
                request = request.query(&[("speech", "true")]);
            }
            if let Some(token) = &config.server.api_token {
                request = request.bearer_auth(token.expose());
            }
            let response = request.send().await.with_context(|| {
                format!("the engine at `{base}` does not answer: start it with `ghanti serve`, or name it with --url")
            })?;
            let status = response.status();
            let answer: Map<String, Value> = response.json().await.with_context(|| {
                format!("the engine at `{base}` answers {status} without JSON: see its log")
            })?;
            if !status.is_success() {
                let text =
                    |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
                bail!("{}: {}", text("detail"), text("hint"));
            }
            Ok(answer)
        })
    }
}

/// Adds findings of the probe to those of the engine.
fn merge(findings: &mut Vec<Finding>, probed: Vec<Finding>) {
    for finding in probed {
        match findings.iter_mut().find(|known| known.code == finding.code) {
            Some(known) => known.evidence.extend(finding.evidence),
            None => findings.push(finding),
        }
    }
    findings.sort_by_key(|finding| finding.code);
}

fn show(
    out: &mut impl std::io::Write,
    report: &Map<String, Value>,
    findings: &[Finding],
) -> std::io::Result<()> {
    for finding in findings {
        let weight = match finding.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        writeln!(
            out,
            "{weight}: {}: {}",
            finding.code.name(),
            finding.sentence
        )?;
        for sentence in &finding.evidence {
            writeln!(out, "  seen: {sentence}")?;
        }
        writeln!(out, "  fix:  {}", finding.fix)?;
    }
    let calls = report
        .get("calls")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    writeln!(
        out,
        "{} findings, {calls} calls checked; docs/doctor.md describes each finding",
        findings.len()
    )
}
