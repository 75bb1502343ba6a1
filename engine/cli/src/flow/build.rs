//! `ghanti flow build`: writes a flow's generated functions, builds it with its language's toolchain, and puts `flow.wasm` into its folder.

mod python;
mod rust;
mod source_lines;
mod target_folder;
mod typescript;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::failure::{Failure, report};
use super::folder::{COMPONENT, Folder, Language, write_changed};
use super::toolchain::Tell;
use super::{findings, sdk, sources};
use crate::runtime::one_thread;

/// The digests of the last build's sources and component.
const BUILT: &str = "built";
/// The folder of intermediate files, within `.ghanti/`.
const WORK: &str = "work";

/// Build a flow: writes the functions of its prompts and questions, and puts flow.wasm into its folder
///
/// The language is known by Cargo.toml, src/flow.ts or flow.py. What it needs besides the language's own toolchain is fetched once for all flows,
/// into $XDG_CACHE_HOME/ghanti (~/.cache/ghanti). Exits with 1 where the flow is wrong or its toolchain missing.
#[derive(Args)]
#[command(
    after_long_help = "Environment:\n  GHANTI_TOOLCHAINS  a folder with `javascript/` (node_modules with esbuild, typescript and componentize-qjs) and \
                             `python/` (componentize-py, as `pip --target` installs it), to be used instead of fetching them\n  CARGO_TARGET_DIR   where cargo builds flows in Rust, instead of the cache: each in a folder of its own below `ghanti/`"
)]
pub struct Build {
    /// The flow's folder
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Build {
    /// Builds, and reports the result.
    pub fn run(self) -> ExitCode {
        // on stderr, as the result may be JSON
        let tell = |words: &str| drop(writeln!(std::io::stderr(), "{words}"));
        let built = one_thread(async { Ok(build(&self.dir, &tell).await) });
        report(built.unwrap_or_else(|error| Err(error.into())), self.json)
    }
}

/// Writes the library and the functions of prompts and questions, which the toolchain and the author's editor need.
pub fn prepare(folder: &Folder) -> Result<(), Failure> {
    let generated = folder.generate()?;
    sdk::write(folder)?;
    write_changed(
        &folder.written(folder.language.generated()),
        generated.as_bytes(),
    )?;
    match folder.language {
        Language::Rust => {}
        Language::TypeScript => typescript::write_entry(folder)?,
        Language::Python => python::write_entry(folder)?,
    }
    Ok(())
}

/// Builds the flow in a folder, and puts its component there. Reports each slow step before it begins. Returns the result as text and as JSON.
pub async fn build(folder: &Path, tell: Tell<'_>) -> Result<(String, Value), Failure> {
    let (began, shown_folder) = (Instant::now(), folder);
    let folder = Folder::find(folder)?;
    prepare(&folder)?;
    let is_new = match folder.language {
        Language::Rust => {
            let (component, inputs) = rust::build(&folder).await?;
            sources::note_inputs(&folder, inputs.iter().map(PathBuf::as_path))?;
            place(&folder, &component)?
        }
        Language::TypeScript => {
            let tools = typescript::tools(&folder, tell).await?;
            script(&folder, &tools, typescript::build).await?
        }
        Language::Python => {
            let tools = python::tools(&folder, tell).await?;
            script(&folder, &tools, python::build).await?
        }
    };
    let component = folder.path.join(COMPONENT);
    let bytes = fs::metadata(&component)
        .context("cannot read what was built")?
        .len();
    let took = began.elapsed();
    let (shown, name) = (component.display(), &folder.name);
    let words = if is_new {
        format!(
            "{name}: built {shown}, {bytes} bytes, in {:.1} s",
            took.as_secs_f64()
        )
    } else {
        format!("{name}: {shown} is unchanged")
    };
    let warnings = ghanti_catalogue::advice(&folder.path);
    let told = warnings
        .iter()
        .map(|warning| format!("\n{}", findings::text(shown_folder, warning)));
    let words = std::iter::once(words).chain(told).collect::<String>();
    let object = json!({
        "ok": true,
        "flow": name.as_str(),
        "language": folder.language.as_str(),
        "component": component,
        "bytes": bytes,
        "changed": is_new,
        "warnings": warnings.iter().map(findings::json).collect::<Vec<_>>(),
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    Ok((words, object))
}

/// Builds a flow in a script language, unless nothing has changed since the last build. Returns whether there is a new component.
async fn script(
    folder: &Folder,
    tools: &Path,
    build: impl AsyncFnOnce(&Folder, &Path, &Path) -> Result<PathBuf, Failure>,
) -> Result<bool, Failure> {
    let digest = sources::digest(folder, &tools.to_string_lossy())?;
    let component = folder.path.join(COMPONENT);
    let state = |component: &str| format!("{digest}\n{component}\n");
    if let Some(there) = sources::of_file(&component)
        && fs::read_to_string(folder.written(BUILT)).is_ok_and(|built| built == state(&there))
    {
        return Ok(false);
    }
    let work = folder.written(WORK);
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    let built = build(folder, tools, &work).await?;
    let content =
        fs::read(&built).with_context(|| format!("`{}` was not built", built.display()))?;
    let is_new = place(folder, &content)?;
    let inputs = fs::read_to_string(work.join(sources::INPUTS)).unwrap_or_default();
    let paths = inputs.lines().map(Path::new);
    if sources::note_inputs(folder, paths)? {
        // the digest was made without some of them, which may have changed since
        let _ = fs::remove_file(folder.written(BUILT));
        return Ok(is_new);
    }
    let there = sources::of_file(&component).unwrap_or_default();
    write_changed(&folder.written(BUILT), state(&there).as_bytes())?;
    let _ = fs::remove_dir_all(&work);
    Ok(is_new)
}

fn place(folder: &Folder, component: &[u8]) -> Result<bool, Failure> {
    Ok(write_changed(&folder.path.join(COMPONENT), component)?)
}

/// The version in a flow's own package file.
fn version(of: Option<&str>) -> String {
    of.unwrap_or("0.1.0").to_owned()
}
