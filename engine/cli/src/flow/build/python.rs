//! Python, by componentize-py, which puts CPython into the component.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ghanti_codegen::Problem;
use serde::Deserialize;

use super::version;
use crate::flow::failure::Failure;
use crate::flow::folder::{Folder, write_changed};
use crate::flow::sdk::WORLD;
use crate::flow::toolchain::{Tell, Tool, filled, given, is_installed, missing};

/// What pip installs: the version and, for Linux on x86_64, the checksum.
const PACKAGE: &str = include_str!("../../../../../plugins/python/requirements.txt");

/// Looks for names that the generated module does not have.
const NAMES: &str = include_str!("names.py");

/// What is downloaded, with its size.
const FETCHES: &str = "the toolchain for Python with pip (componentize-py; some 50 MB)";

const INSTALL: &str = "sudo apt-get install -y python3 python3-pip";
/// Folders of a flow that have no modules.
const OTHERS: [&str; 5] = ["tests", "prompts", "audio", "data", "__pycache__"];
/// Maximum depth of folders that are searched for modules.
const DEPTH_MAX: usize = 16;

/// Writes the component's entry module.
pub fn write_entry(folder: &Folder) -> anyhow::Result<()> {
    let project = fs::read_to_string(folder.path.join("pyproject.toml")).unwrap_or_default();
    let project: toml::Table = project.parse().unwrap_or_default();
    let version = version(
        project
            .get("project")
            .and_then(|project| project.get("version")?.as_str()),
    );
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let entry = format!(
        "\"\"\"Written by `ghanti flow build`.\"\"\"\n\nimport wit_world\nfrom flow import run as flow_run\nfrom ghanti_flow.conversation import conversation\nfrom wit_world.imports.types import Description\n\n\n\
         class WitWorld(wit_world.WitWorld):\n    def describe(self) -> Description:\n        return Description({}, {})\n\n    def run(self) -> None:\n        conversation(flow_run)\n",
        text(folder.name.as_str()),
        text(&version)
    );
    write_changed(&folder.written("entry.py"), entry.as_bytes())?;
    Ok(())
}

/// The folder of componentize-py: the author's own, the given one, or the one in the cache, which is downloaded if it is missing.
pub async fn tools(folder: &Folder, tell: Tell<'_>) -> Result<PathBuf, Failure> {
    if !is_installed("python3") {
        return Err(missing("`python3` is not installed", INSTALL));
    }
    let own = folder.path.join(".venv");
    if own.join("bin/componentize-py").exists() {
        return Ok(own);
    }
    if let Some(given) = given("python", &["bin/componentize-py"])? {
        return Ok(given);
    }
    filled("python", &[PACKAGE], FETCHES, tell, async |part| {
        let requirements = part.join("requirements.txt");
        let is_checked = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        let text = if is_checked {
            PACKAGE.to_owned()
        } else {
            without_checksums(PACKAGE)
        };
        write_changed(&requirements, text.as_bytes())?;
        Tool::new("python3", part)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary=:all:",
                "--root-user-action=ignore",
            ])
            .args(is_checked.then_some("--require-hashes"))
            .args(["--target", ".", "-r", "requirements.txt"])
            .run("the toolchain for Python cannot be downloaded")
            .await
            .map_err(with_pip)?;
        Ok(())
    })
    .await
}

/// Adds the fix for a missing pip, which is a separate package on Debian.
fn with_pip(failure: Failure) -> Failure {
    match failure {
        Failure::Toolchain {
            message, output, ..
        } if output
            .iter()
            .any(|line| line.contains("No module named pip")) =>
        {
            Failure::Toolchain {
                message,
                fix: Some(INSTALL.to_owned()),
                output,
            }
        }
        failure => failure,
    }
}

fn without_checksums(requirements: &str) -> String {
    let line = |line: &str| line.split(" --hash").next().unwrap_or_default().to_owned();
    requirements
        .lines()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Builds the component in a folder for intermediate files.
pub async fn build(folder: &Folder, tools: &Path, work: &Path) -> Result<PathBuf, Failure> {
    // from a copy, as Python leaves its own files beside sources
    let app = work.join("app");
    copy_modules(&folder.path, &app, 0)?;
    check_names(folder, &app).await?;
    copy_modules(&folder.written("sdk/src"), &app, 0)?;
    for module in ["generated.py", "entry.py"] {
        fs::copy(folder.written(module), app.join(module))
            .with_context(|| format!("cannot copy `{module}`"))?;
    }
    let component = work.join("flow.wasm");
    let without_packages = work.join("without-packages");
    let packages = without_packages.join("lib/site-packages");
    fs::create_dir_all(&packages)
        .with_context(|| format!("cannot create `{}`", packages.display()))?;
    // only in a virtual environment do scripts that pip installs name its interpreter
    let program = tools.join("bin/componentize-py");
    let tool = if tools.join("pyvenv.cfg").is_file() {
        Tool::new(program, &folder.path)
    } else {
        Tool::new("python3", &folder.path)
            .args([program])
            .env("PYTHONPATH", tools)
    };
    // else it takes the packages of a virtual environment or of this machine: the component would be another one elsewhere
    let tool = tool.env("VIRTUAL_ENV", &without_packages);
    tool.args([
        "--quiet",
        "-d",
        ".ghanti/sdk/wit",
        "-w",
        WORLD,
        "componentize",
        "-p",
    ])
    // as for TypeScript: a component contains its path, and must be the same everywhere
    .args([app.strip_prefix(&folder.path).unwrap_or(&app)])
    .args(["entry", "-o"])
    .args([&component])
    .run("the flow does not build")
    .await
    .map_err(with_packages)?;
    Ok(component)
}

/// Looks for names, arguments and answers that the generated module does not have, which a compiler would find.
async fn check_names(folder: &Folder, modules: &Path) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Found {
        file: String,
        line: Option<usize>,
        message: String,
    }
    let said = Tool::new("python3", &folder.path)
        .args(["-I", "-c", NAMES])
        .args([folder.written("generated.py"), modules.to_owned()])
        .run("the names in the flow's modules cannot be checked")
        .await?;
    let last = said.last().map(String::as_str).unwrap_or_default();
    let found: Vec<Found> =
        serde_json::from_str(last).context("the check of names has no result")?;
    if found.is_empty() {
        return Ok(());
    }
    let problems = found.into_iter().map(|found| Problem {
        file: found.file,
        line: found.line,
        message: found.message,
    });
    Err(Failure::Files(problems.collect()))
}

/// Says of a module that was not found where a flow's modules are.
fn with_packages(failure: Failure) -> Failure {
    match failure {
        Failure::Toolchain {
            message,
            fix,
            mut output,
        } if output
            .iter()
            .any(|line| line.contains("ModuleNotFoundError: ")) =>
        {
            output.push(
                "hint: a flow is built of the modules beside flow.py and of Python's own library, never of packages that are \
                 installed: put the module there if it is Python alone; what has to reach the network is an action (docs: actions)"
                    .to_owned(),
            );
            Failure::Toolchain {
                message,
                fix,
                output,
            }
        }
        failure => failure,
    }
}

/// Copies Python's files, with those of packages below.
fn copy_modules(from: &Path, to: &Path, depth: usize) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create `{}`", to.display()))?;
    let read = || fs::read_dir(from)?.collect::<std::io::Result<Vec<_>>>();
    for entry in read().with_context(|| format!("cannot read `{}`", from.display()))? {
        let (path, name) = (entry.path(), entry.file_name());
        let shown = name.to_string_lossy();
        if shown.starts_with('.') || OTHERS.contains(&&*shown) {
            continue;
        }
        if path.is_dir() && depth < DEPTH_MAX {
            copy_modules(&path, &to.join(&name), depth + 1)?;
        } else if path.is_file() && !shown.ends_with(".wasm") {
            fs::copy(&path, to.join(&name))
                .with_context(|| format!("cannot copy `{}`", path.display()))?;
        }
    }
    Ok(())
}
