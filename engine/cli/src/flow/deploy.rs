//! `ghanti flow deploy`: deploys a flow to a running engine, and shows the result.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use ghanti_catalogue::{Bundle, InPlace, Staged};
use ghanti_model::FlowName;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::engine::{Fault, Flow, Target, flows, short};
use super::{findings, list, outcome};
use crate::engine::{Engine, NoAnswer, segment};
use crate::runtime::one_thread;

/// Timeout of the engine's response: somewhat longer than the engine's own.
const RESPONSE: Duration = Duration::from_secs(630);
/// How long to wait for the result for copied files: the engine notices them within seconds, and
/// compiles them.
const COPIED: Duration = Duration::from_secs(300);
/// The poll interval.
const POLL: Duration = Duration::from_millis(200);

/// Deploy a flow to a running engine, and wait for the result
///
/// The engine loads the version, runs its tests and gates, and only then replaces the previous files atomically. A version that is
/// rejected changes nothing. Exits with 0 once it takes calls, with 1 if it was rejected or refused, and with 2 if nothing could be done.
#[derive(Args)]
pub struct Deploy {
    #[command(flatten)]
    target: Target,
    /// The flow's folder, with its `flow.wasm`
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The flow's name in the engine; by default that of its folder
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Copy into this folder of flows instead, which the engine watches
    #[arg(long, value_name = "FOLDER")]
    flows: Option<PathBuf>,
    /// Do not wait for the result
    #[arg(long, requires = "flows")]
    no_wait: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// The engine's response for a version that it accepts.
#[derive(Deserialize)]
struct Taken {
    flow: String,
    id: String,
    version: String,
    state: String,
    was_there: bool,
}

/// The engine's result for a version.
enum Verdict {
    Taken(Taken),
    Rejected(Fault),
}

impl Deploy {
    /// Deploys.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let name = self.name()?;
        let bundle = Bundle::of_folder(&self.folder)
            .map_err(|fault| anyhow!("{}: {}", fault.reason, fault.hint))?;
        // on stderr, as the answer may be JSON
        for warning in ghanti_catalogue::advice(&self.folder) {
            writeln!(
                std::io::stderr(),
                "{}",
                findings::text(&self.folder, &warning)
            )?;
        }
        one_thread(async {
            let verdict = match &self.flows {
                None => self.send(&name, &bundle).await?,
                Some(folder) => match self.copy(folder, &name, &bundle).await? {
                    Some(verdict) => verdict,
                    None => return Ok(ExitCode::SUCCESS),
                },
            };
            let stays = match &verdict {
                Verdict::Rejected(_) => self.active(&name).await,
                Verdict::Taken(_) => None,
            };
            self.print(&verdict, stays.as_deref())
        })
    }

    /// The flow's name.
    fn name(&self) -> anyhow::Result<FlowName> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let folder = self.folder.canonicalize();
                let folder = folder
                    .with_context(|| format!("there is no folder `{}`", self.folder.display()))?;
                let name = folder.file_name().and_then(|name| name.to_str());
                name.context("the folder has no name: give one with --name")?
                    .to_owned()
            }
        };
        FlowName::parse(name.as_str()).map_err(|_| {
            anyhow!(
                "`{name}` is not a valid name of a flow: use up to 128 letters, digits, `-`, `_` and `.`; --name gives another name"
            )
        })
    }

    /// Sends the files to the engine.
    async fn send(&self, name: &FlowName, bundle: &Bundle) -> anyhow::Result<Verdict> {
        let engine = self.target.engine(RESPONSE)?;
        let path = format!("/api/flows/{}", segment(name.as_str()));
        let request = engine
            .request(Method::PUT, &path)
            .header(CONTENT_TYPE, "application/zip")
            .body(packed(bundle)?);
        match engine.send(request).await {
            Ok(taken) => Ok(Verdict::Taken(taken)),
            Err(NoAnswer::Refused {
                detail,
                hint,
                step: Some(step),
                line,
                ..
            }) => Ok(Verdict::Rejected(Fault {
                flow: name.to_string(),
                id: None,
                step,
                reason: detail,
                line,
                hint,
                rejected_ms: None,
            })),
            Err(error) => Err(error.into()),
        }
    }

    /// Copies the files into a folder of flows, and waits for the result; `None` without waiting.
    async fn copy(
        &self,
        folder: &Path,
        name: &FlowName,
        bundle: &Bundle,
    ) -> anyhow::Result<Option<Verdict>> {
        let engine = self.target.engine(Duration::from_secs(30))?;
        // earlier rejections do not concern these files
        let before = if self.no_wait {
            Vec::new()
        } else {
            let (flows, _) = flows(&engine).await?;
            of(flows.items, name).map_or_else(Vec::new, |flow| flow.rejected)
        };
        let staged = Staged::write(folder, bundle)?;
        let id = staged
            .version()
            .map_err(|fault| anyhow!("{}: {}", fault.reason, fault.hint))?;
        let in_place = staged.put(name)?;
        if self.no_wait {
            let fault_json = format!("{name}: copied into `{}`", folder.display());
            if self.json {
                outcome::print(&json!({ "flow": name, "id": id, "state": "copied" }))?;
            } else {
                writeln!(std::io::stdout(), "{fault_json}")?;
            }
            return Ok(None);
        }
        let verdict = verdict(&engine, name, id.as_str(), &before).await?;
        match verdict {
            Some(verdict) => keep_or_restore(in_place, &verdict).map(|()| Some(verdict)),
            None => bail!(
                "`{name}` is in `{}`, but the engine has not loaded it within {} s: check that this is its folder of flows; `ghanti flow list` shows its versions",
                folder.display(),
                COPIED.as_secs()
            ),
        }
    }

    /// The id of the version that takes the flow's calls; `None` if none does, or it is not known.
    async fn active(&self, name: &FlowName) -> Option<String> {
        let engine = self.target.engine(RESPONSE).ok()?;
        let (flows, _) = flows(&engine).await.ok()?;
        let versions = of(flows.items, name)?.versions.into_iter();
        let mut active = versions.filter(|version| version.state == "active");
        active.next().map(|version| version.id)
    }

    /// `stays`: the version that stays active where this one is rejected.
    fn print(&self, verdict: &Verdict, stays: Option<&str>) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        match verdict {
            Verdict::Taken(taken) => {
                let Taken {
                    flow,
                    id,
                    version,
                    state,
                    was_there,
                } = taken;
                if self.json {
                    outcome::print(
                        &json!({ "flow": flow, "id": id, "version": version, "state": state, "was_there": was_there }),
                    )?;
                    return Ok(ExitCode::SUCCESS);
                }
                let how = match (state.as_str(), was_there) {
                    ("active", false) => "live as",
                    ("active", true) => "unchanged, live as",
                    ("candidate", _) => "takes its share of new calls as candidate",
                    ("rolled-back", _) => {
                        "was rolled back, and stays so until `ghanti flow rollback --to` restores it:"
                    }
                    _ => "was there before, as",
                };
                writeln!(out, "{flow}: {how} version {version} ({})", short(id))?;
                Ok(ExitCode::SUCCESS)
            }
            Verdict::Rejected(fault) => {
                if self.json {
                    outcome::print(&fault_json(fault))?;
                } else {
                    writeln!(out, "{}", fault.flow)?;
                    list::show_fault(&mut out, fault)?;
                    match stays {
                        Some(id) => writeln!(
                            out,
                            "nothing was changed: version {} stays active",
                            short(id)
                        )?,
                        None => writeln!(
                            out,
                            "nothing was changed: no version of the flow takes calls"
                        )?,
                    }
                }
                Ok(ExitCode::from(outcome::REFUSED))
            }
        }
    }
}

fn fault_json(fault: &Fault) -> Value {
    json!({
        "flow": fault.flow, "state": "rejected", "step": fault.step, "reason": fault.reason, "line": fault.line, "hint": fault.hint,
    })
}

/// The files as a ZIP archive.
fn packed(bundle: &Bundle) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in bundle.files() {
        archive.start_file(path, SimpleFileOptions::default().unix_permissions(0o644))?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn of(flows: Vec<Flow>, name: &FlowName) -> Option<Flow> {
    flows.into_iter().find(|flow| flow.name == name.as_str())
}

/// Waits for the result for copied files.
async fn verdict(
    engine: &Engine,
    name: &FlowName,
    id: &str,
    before: &[Fault],
) -> anyhow::Result<Option<Verdict>> {
    let until = Instant::now() + COPIED;
    while Instant::now() < until {
        let (flows, _) = flows(engine).await?;
        if let Some(flow) = of(flows.items, name) {
            let is_ours = |fault: &&Fault| {
                fault.id.as_deref().is_none_or(|of| of == id) && !before.contains(fault)
            };
            if let Some(fault) = flow.rejected.iter().find(is_ours) {
                return Ok(Some(Verdict::Rejected(fault.clone())));
            }
            let loaded = flow.versions.into_iter().find(|version| version.id == id);
            if let Some(version) = loaded {
                return Ok(Some(Verdict::Taken(Taken {
                    flow: flow.name,
                    id: version.id,
                    version: version.version,
                    state: version.state,
                    was_there: false,
                })));
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(None)
}

/// Keeps the files, or restores the previous ones.
fn keep_or_restore(in_place: InPlace, verdict: &Verdict) -> anyhow::Result<()> {
    match verdict {
        Verdict::Taken(_) => Ok(()),
        Verdict::Rejected(_) => in_place
            .undo()
            .context("the previous files could not be restored"),
    }
}
