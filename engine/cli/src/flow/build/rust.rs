//! Rust, by cargo, for whichever WebAssembly target the author's compiler has.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context;
use wit_component::ComponentEncoder;

use super::target_folder::{TargetFolder, base};
use crate::flow::failure::Failure;
use crate::flow::folder::Folder;
use crate::flow::toolchain::{Tool, is_installed, lock, missing};

/// Compiles to a component.
const COMPONENTS: &str = "wasm32-wasip2";
/// Compiles to a core module, which is converted to a component here.
const MODULES: &str = "wasm32-unknown-unknown";

const INSTALL: &str = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --target wasm32-wasip2";
const ADD_TARGET: &str = "rustup target add wasm32-wasip2";

/// Builds the component. Returns the files that it was made of, too.
pub async fn build(folder: &Folder) -> Result<(Vec<u8>, Vec<PathBuf>), Failure> {
    if !is_installed("cargo") {
        return Err(missing("`cargo` is not installed", INSTALL));
    }
    let target = if has(COMPONENTS, &folder.path).await {
        COMPONENTS
    } else if has(MODULES, &folder.path).await {
        MODULES
    } else {
        return Err(missing(
            "this Rust cannot build WebAssembly: the target is missing",
            ADD_TARGET,
        ));
    };
    let built = TargetFolder::of(&folder.path, &base()?);
    let _lock = lock(&built.path).await?;
    let names = Names::of(&folder.path)?;
    built.prepare(folder, target, &names.package)?;
    let mut cargo = Tool::new("cargo", &folder.path)
        .args([
            "build",
            "--release",
            "--quiet",
            "--color",
            "never",
            "--target",
            target,
        ])
        .env("CARGO_TARGET_DIR", &built.path);
    if env::var_os("RUSTFLAGS").is_none() {
        // panic messages of libraries contain paths: the same sources must compile to the same component everywhere
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let home = home.unwrap_or_else(|| PathBuf::from(".cargo"));
        cargo = cargo.env(
            "RUSTFLAGS",
            format!("--remap-path-prefix={}=cargo", home.display()),
        );
    }
    cargo.run("the flow does not build").await?;
    let released = built.path.join(target).join("release");
    let inputs = fs::read_to_string(released.join(format!("{}.d", names.library)));
    let mut inputs = inputs_of(&inputs.unwrap_or_default());
    // what a build script writes is made of the others
    inputs.retain(|input| !input.starts_with(&built.path));
    let module = released.join(format!("{}.wasm", names.library));
    let module = fs::read(&module).with_context(|| {
        format!(
            "cargo built no `{}`: Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`",
            module.display()
        )
    })?;
    if target == COMPONENTS {
        return Ok((module, inputs));
    }
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode());
    encoded
        .map(|component| (component, inputs))
        .map_err(|error| Failure::Toolchain {
            message: format!("cannot convert cargo's output to a component: {error:#}"),
            fix: None,
            output: Vec::new(),
        })
}

/// The files that cargo lists behind the name of what it has built, as make reads them: with a backslash before spaces.
fn inputs_of(listed: &str) -> Vec<PathBuf> {
    let files = listed.split_once(": ").map_or("", |(_, files)| files);
    let marked = files.replace("\\ ", "\0");
    let names = marked
        .split_whitespace()
        .map(|name| name.replace('\0', " "));
    names.map(PathBuf::from).collect()
}

/// Whether the compiler of this folder has the standard library of a target.
async fn has(target: &str, folder: &Path) -> bool {
    let asked = Tool::new("rustc", folder).args(["--print", "target-libdir", "--target", target]);
    let Ok(lines) = asked.run("the compiler does not answer").await else {
        return false;
    };
    // rustup's own messages come before it
    let libraries = lines.last().map(String::as_str).unwrap_or_default();
    fs::read_dir(libraries).is_ok_and(|mut files| files.next().is_some())
}

/// What `Cargo.toml` calls a flow.
struct Names {
    package: String,
    /// As cargo names the file that it builds.
    library: String,
}

impl Names {
    fn of(folder: &Path) -> Result<Self, Failure> {
        let manifest =
            fs::read_to_string(folder.join("Cargo.toml")).context("cannot read `Cargo.toml`")?;
        let manifest: toml::Table = manifest.parse().context("cannot read `Cargo.toml`")?;
        let name = |section: &str| manifest.get(section)?.get("name")?.as_str();
        let package = name("package").context("`Cargo.toml` has no `[package] name`")?;
        Ok(Self {
            package: package.to_owned(),
            library: name("lib").unwrap_or(package).replace('-', "_"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::inputs_of;

    #[test]
    fn cargos_list_of_files_is_read() {
        let paths = |names: &[&str]| {
            names
                .iter()
                .map(Into::into)
                .collect::<Vec<std::path::PathBuf>>()
        };
        assert_eq!(
            inputs_of("/t/flow.wasm: /f/src/lib.rs /f/my\\ data/x.json\n"),
            paths(&["/f/src/lib.rs", "/f/my data/x.json"])
        );
        assert_eq!(inputs_of(""), paths(&[]));
    }
}
