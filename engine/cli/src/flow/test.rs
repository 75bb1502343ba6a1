//! `ghanti flow test`: a flow's own tests, and the exploration of its conversation.

mod junit;
mod snapshots;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ghanti_catalogue::{Checked, Finding, Severity};
use ghanti_explore::flow_tests::TestResult;
use ghanti_explore::transcript::{Line, lines};
use ghanti_host::Step;
use serde_json::{Value as Json, json};

use super::findings;
use super::folders::{Exploring, Flow, Folders};
use super::outcome::NOTHING_DONE;
use crate::runtime::many_threads;

/// Run flows' tests (tests/*.toml), and explore their conversations
///
/// The real component runs in the real host, in virtual time; nobody is called. Besides the tests,
/// every path through the conversation is tried: each answer, silence, unknown words, interruptions,
/// failing actions, and a hang-up wherever the flow waits. What is said in a test with
/// `snapshot = true` is compared with tests/snapshots/TEST.snap, and written there by --update. Exits with 0 if everything passes, with 1 if a
/// test or a path fails, and with 2 if a flow cannot be loaded.
#[derive(Args)]
pub struct Test {
    #[command(flatten)]
    folders: Folders,
    /// Only tests whose names contain this
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Only run the tests; explore nothing
    #[arg(long)]
    only_written: bool,
    /// Write the snapshots of tests with `snapshot = true` into tests/snapshots/, and remove those that no
    /// test uses any more
    #[arg(long)]
    update: bool,
    /// Show the conversations of tests that pass, too
    #[arg(long)]
    show: bool,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    deny_warnings: bool,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
    /// Write a JUnit report, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    exploring: Exploring,
}

/// A flow with its results.
struct Tested {
    flow: Flow,
    checked: Checked,
    /// The results of its snapshots, one line each.
    snapshots: Vec<String>,
}

impl Test {
    /// Runs the tests, and writes the results.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let flows = self.folders.flows()?;
        let bounds = self.exploring.bounds();
        let loading = self.folders.loading(&bounds)?;
        many_threads(async {
            let mut all = Vec::new();
            for flow in flows {
                let explore = (!self.only_written).then_some(bounds);
                let check =
                    loading
                        .files
                        .check(flow.name.clone(), &flow.folder, &self.filter, explore);
                let mut checked = check.await;
                let compared = snapshots::Comparing {
                    updates: self.update,
                    has_all: self.filter.is_empty(),
                };
                let snapshots = compared.compare(&flow.folder, &mut checked)?;
                all.push(Tested {
                    flow,
                    checked,
                    snapshots,
                });
            }
            let mut out = std::io::stdout().lock();
            if self.json {
                let flows: Vec<_> = all.iter().map(Tested::json).collect();
                writeln!(out, "{:#}", json!({ "flows": flows }))?;
            } else {
                for tested in &all {
                    tested.write(&mut out, self.show)?;
                }
            }
            if let Some(file) = &self.junit {
                let report = junit::report(&all)?;
                std::fs::write(file, report)
                    .with_context(|| format!("cannot write `{}`", file.display()))?;
            }
            Ok(self.exit_code(&all))
        })
    }

    fn exit_code(&self, all: &[Tested]) -> ExitCode {
        if all.iter().any(|tested| tested.checked.version.is_none()) {
            return ExitCode::from(NOTHING_DONE);
        }
        let is_wrong = all.iter().any(|tested| {
            let checked = &tested.checked;
            checked.has_errors() || (self.deny_warnings && !checked.findings.is_empty())
        });
        ExitCode::from(u8::from(is_wrong))
    }
}

impl Tested {
    /// The conversation of a test.
    fn conversation(&self, result: &TestResult) -> Vec<Line> {
        let (Some(version), Some(test), Some(held)) =
            (&self.checked.version, &result.test, &result.conversation)
        else {
            return Vec::new();
        };
        lines(version, &held.scripted.events, test.known.today(), None)
    }

    /// Findings besides failed tests.
    fn further(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.checked.findings.iter();
        findings
            .filter(|finding| finding.step != Step::Tests || finding.severity == Severity::Warning)
    }

    /// The conversation that leads to a finding of the exploration.
    fn shown_by(&self, finding: &Finding) -> Vec<Line> {
        let (Some(version), Some(exploration)) = (&self.checked.version, &self.checked.exploration)
        else {
            return Vec::new();
        };
        let found = exploration
            .findings
            .iter()
            .find(|found| found.message == finding.message && found.path == finding.path);
        let Some(found) = found else {
            return Vec::new();
        };
        match exploration.situations.get(found.situation) {
            Some(situation) => lines(version, &found.events, situation.known.today(), None),
            None => Vec::new(),
        }
    }

    fn write(&self, out: &mut impl Write, show: bool) -> anyhow::Result<()> {
        let Self {
            flow,
            checked,
            snapshots,
        } = self;
        writeln!(out, "{} ({})", flow.name, flow.folder.display())?;
        for result in &checked.test_results {
            let verdict = if result.complaints.is_empty() {
                "pass"
            } else {
                "FAIL"
            };
            writeln!(out, "  {verdict}  {}", result.file)?;
            for complaint in &result.complaints {
                let complaint = complaint.to_string().replace('\n', "\n          ");
                writeln!(out, "        {complaint}")?;
            }
            if show || !result.complaints.is_empty() {
                write!(
                    out,
                    "{}",
                    findings::conversation(&self.conversation(result))
                )?;
            }
        }
        for line in snapshots {
            writeln!(out, "  {line}")?;
        }
        let (count, took) = (checked.test_results.len(), self.took());
        let failed = self.failed();
        let rate = if took.is_zero() {
            String::new()
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand tests")]
            let rate = count as f64 / took.as_secs_f64();
            format!(" ({rate:.0} a second)")
        };
        writeln!(
            out,
            "  {}, {failed} failed, in {:.1} ms{rate}",
            findings::counted(count, "test"),
            took.as_secs_f64() * 1_000.0
        )?;
        if let Some(exploration) = &checked.exploration {
            write!(out, "{}", findings::explored(exploration))?;
        }
        for finding in self.further() {
            let text = findings::text(&flow.folder, finding);
            writeln!(out, "  {}", text.replace('\n', "\n  "))?;
            if finding.severity == Severity::Error {
                let shown = self.shown_by(finding);
                write!(out, "{}", findings::conversation(&shown))?;
            }
        }
        Ok(())
    }

    fn failed(&self) -> usize {
        let failed = |result: &&TestResult| !result.complaints.is_empty();
        self.checked.test_results.iter().filter(failed).count()
    }

    fn took(&self) -> Duration {
        self.checked
            .test_results
            .iter()
            .map(|result| result.took)
            .sum()
    }

    fn json(&self) -> Json {
        let tests = self.checked.test_results.iter().map(|result| {
            let complaints = result.complaints.iter().map(|complaint| {
                json!({
                    "line": complaint.line,
                    "column": complaint.column,
                    "reason": complaint.reason,
                })
            });
            let conversation = self.conversation(result);
            let conversation = conversation.iter().map(|line| {
                json!({ "speaker": line.speaker.as_str(), "text": line.text, "name": line.name })
            });
            json!({
                "name": result.file,
                "file": format!("tests/{}.toml", result.file),
                "passed": result.complaints.is_empty(),
                "complaints": complaints.collect::<Vec<_>>(),
                "conversation": conversation.collect::<Vec<_>>(),
                "milliseconds": result.took.as_secs_f64() * 1_000.0,
            })
        });
        let explored = self.checked.exploration.as_ref();
        json!({
            "flow": self.flow.name.to_string(),
            "loaded": self.checked.version.is_some(),
            "tests": tests.collect::<Vec<_>>(),
            "failed": self.failed(),
            "snapshots": self.snapshots,
            "findings": self.further().map(findings::json).collect::<Vec<_>>(),
            "explored": explored.map(findings::explored_json),
        })
    }
}
