//! The flows that are named on the command line, and the loader for them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_explore::paths::Bounds;
use ghanti_model::{FlowName, PhoneNumber};

use super::loading::Loading;

/// The files of which a flow's folder has at least one.
const OF_A_FLOW: [&str; 2] = ["flow.toml", "flow.wasm"];
/// The `default` transfer target of flows that grant none; it is never called.
const AGENT: &str = "+918000000001";

/// The flows of a command.
#[derive(Args)]
pub struct Folders {
    /// Folders of flows, or one with several of them [default: this one]
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Where compiled components are cached, so that the next start is fast [default:
    /// ~/.cache/ghanti]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

/// How far a conversation is explored.
#[derive(Args)]
pub struct Exploring {
    /// How many detours a path may have: silence or unknown words first, a question back,
    /// another language, an interruption, an action that fails
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    disturbances: usize,
    /// Maximum number of conversations
    #[arg(long, value_name = "COUNT", default_value_t = Bounds::RUNS_MAX)]
    runs: usize,
    /// Maximum number of answers in one path; a longer one counts as endless
    #[arg(long, value_name = "COUNT", default_value_t = Bounds::TURNS_MAX)]
    turns: usize,
    /// Maximum time to explore one flow, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Bounds::WITHIN.as_secs())]
    seconds: u64,
}

impl Exploring {
    /// The bounds.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            disturbances: self.disturbances,
            runs: self.runs,
            turns: self.turns,
            within: Duration::from_secs(self.seconds),
            ..Bounds::usual()
        }
    }
}

/// A flow of a command.
pub struct Flow {
    /// Its name: that of its folder.
    pub name: FlowName,
    /// Its folder.
    pub folder: PathBuf,
}

impl Folders {
    /// The flows, in the order in which they are named.
    pub fn flows(&self) -> anyhow::Result<Vec<Flow>> {
        let here = [PathBuf::from(".")];
        let folders = if self.folders.is_empty() {
            here.as_slice()
        } else {
            self.folders.as_slice()
        };
        let mut flows = Vec::new();
        for folder in folders {
            if is_flow(folder) {
                flows.push(flow(folder)?);
                continue;
            }
            let entries = std::fs::read_dir(folder)
                .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
            let mut within: Vec<_> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| is_flow(path))
                .collect();
            within.sort();
            if within.is_empty() {
                bail!(
                    "`{}` is not the folder of a flow, and contains none: name a folder with flow.toml and flow.wasm",
                    folder.display()
                );
            }
            for folder in within {
                flows.push(flow(&folder)?);
            }
        }
        Ok(flows)
    }

    /// A loader for them, without an engine.
    pub fn loading(&self, bounds: &Bounds) -> anyhow::Result<Loading> {
        let at_once = u32::try_from(bounds.at_once).unwrap_or(1);
        let agents = PhoneNumber::parse(AGENT).into_iter().collect();
        let loading = Loading::with(at_once.saturating_add(1), self.cache.as_deref(), agents)?;
        Ok(loading.offline())
    }
}

fn is_flow(folder: &Path) -> bool {
    OF_A_FLOW.iter().any(|file| folder.join(file).is_file())
}

fn flow(folder: &Path) -> anyhow::Result<Flow> {
    let shown = folder.display();
    let real = folder
        .canonicalize()
        .with_context(|| format!("cannot read the folder `{shown}`"))?;
    let name = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let name = FlowName::parse(name).map_err(|_| {
        anyhow::anyhow!(
            "`{name}` is not a valid name of a flow: rename the folder `{shown}`, with up to 128 letters, digits, `-`, `_` and `.`"
        )
    })?;
    Ok(Flow {
        name,
        folder: folder.to_owned(),
    })
}
