//! `ghanti flow map`: a diagram of the conversation, and the text of every path.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_catalogue::Severity;
use ghanti_explore::map;
use ghanti_host::Step;

use super::findings;
use super::folders::{Exploring, Folders};
use crate::runtime::many_threads;

/// Draw flows' conversations, and write every path with its prompts
///
/// Into the folder of `--out` for each flow: NAME.svg, a drawing of questions, answers and ends, and
/// NAME.html, a page for reviewers with the drawing, the properties, and every path in each of the
/// flow's languages. Exits with 0, with 1 if a property does not hold or a path fails, and with 2 if
/// a flow cannot be loaded.
#[derive(Args)]
pub struct Map {
    #[command(flatten)]
    folders: Folders,
    /// The folder to write to
    #[arg(long, value_name = "FOLDER", default_value = "map")]
    out: PathBuf,
    #[command(flatten)]
    exploring: Exploring,
}

impl Map {
    /// Explores and writes.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let flows = self.folders.flows()?;
        let bounds = self.exploring.bounds();
        let loading = self.folders.loading(&bounds)?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create the folder `{}`", self.out.display()))?;
        many_threads(async {
            let mut out = std::io::stdout().lock();
            let mut is_wrong = false;
            for flow in flows {
                let check = loading
                    .files
                    .check(flow.name.clone(), &flow.folder, "", Some(bounds));
                let checked = check.await;
                let (Some(version), Some(exploration)) = (&checked.version, &checked.exploration)
                else {
                    for finding in &checked.findings {
                        writeln!(out, "{}", findings::text(&flow.folder, finding))?;
                    }
                    bail!("the flow `{}` cannot be loaded", flow.name);
                };
                let drawing = map::svg(&map::graph(version, exploration));
                let page = map::page(version, exploration);
                for (ending, text) in [("svg", drawing), ("html", page)] {
                    let file = self.out.join(format!("{}.{ending}", flow.name));
                    std::fs::write(&file, text)
                        .with_context(|| format!("cannot write `{}`", file.display()))?;
                    writeln!(out, "{}", file.display())?;
                }
                let paths = map::distinct(exploration).len();
                writeln!(out, "  {paths} different paths")?;
                write!(out, "{}", findings::explored(exploration))?;
                let of_paths = checked.findings.iter().filter(|finding| {
                    finding.step == Step::Properties && finding.severity == Severity::Error
                });
                for finding in of_paths {
                    is_wrong = true;
                    writeln!(out, "  {}", findings::text(&flow.folder, finding))?;
                }
            }
            Ok(ExitCode::from(u8::from(is_wrong)))
        })
    }
}
