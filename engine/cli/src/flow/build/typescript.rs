//! TypeScript: checked by tsc, bundled by esbuild, and combined with QuickJS into a component by componentize-qjs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::{source_lines, version};
use crate::flow::failure::Failure;
use crate::flow::folder::{Folder, write_changed};
use crate::flow::sdk::WORLD;
use crate::flow::toolchain::{Tool, filled, given, is_installed, missing};

/// What npm installs, with every package's checksum.
const PACKAGES: &str = include_str!("../../../../../plugins/javascript/package.json");
const LOCK: &str = include_str!("../../../../../plugins/javascript/package-lock.json");

const INSTALL: &str = "curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install -y nodejs";

/// For tsc and the author's editor.
const CONFIG: &str = r#"{
  "extends": "./sdk/tsconfig.json",
  "compilerOptions": { "paths": { "ghanti-flow": ["./sdk/src/index.ts"], "generated": ["./generated.ts"] } }
}
"#;

/// Writes the bundle's entry module.
pub fn write_entry(folder: &Folder) -> anyhow::Result<()> {
    let package = fs::read_to_string(folder.path.join("package.json")).unwrap_or_default();
    let package: Value = serde_json::from_str(&package).unwrap_or_default();
    let description = serde_json::json!({ "name": folder.name.as_str(), "version": version(package.get("version").and_then(Value::as_str)) });
    let entry = format!(
        "// Written by `ghanti flow build`.\n\nimport \"./sdk/src/prelude.ts\";\nimport {{ conversation }} from \"./sdk/src/conversation.ts\";\n\
         import * as flow from \"../src/flow.ts\";\n\nexport const describe = () => ({description});\nexport const run = () => conversation(flow.run);\n"
    );
    write_changed(&folder.written("entry.ts"), entry.as_bytes())?;
    write_changed(&folder.written("tsconfig.json"), CONFIG.as_bytes())?;
    Ok(())
}

/// The folder of the toolchain's programs: the author's own, the given one, or the one in the cache, which is downloaded if it is missing.
pub async fn tools(folder: &Folder) -> Result<PathBuf, Failure> {
    if !is_installed("node") {
        return Err(missing(
            "`node` (Node.js) is not installed; https://nodejs.org has it for every system",
            INSTALL,
        ));
    }
    let programs = |folder: &Path| folder.join("node_modules/.bin");
    let own = programs(&folder.path);
    if own.join("componentize-qjs").exists()
        && own.join("esbuild").exists()
        && own.join("tsc").exists()
    {
        return Ok(own);
    }
    if let Some(given) = given("javascript") {
        return Ok(programs(&given));
    }
    if !is_installed("npm") {
        return Err(missing(
            "`npm` is not installed, which comes with Node.js",
            INSTALL,
        ));
    }
    let tools = filled("typescript", &[PACKAGES, LOCK], async |part| {
        for (file, text) in [("package.json", PACKAGES), ("package-lock.json", LOCK)] {
            write_changed(&part.join(file), text.as_bytes())?;
        }
        // not `npm ci`: three of componentize-qjs' builds for other systems were never published, on which it fails; checksums are compared
        Tool::new("npm", part)
            .args([
                "install",
                "--silent",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ])
            .run("the toolchain for TypeScript cannot be downloaded")
            .await?;
        Ok(())
    })
    .await?;
    Ok(programs(&tools))
}

/// Builds the component in a folder for intermediate files.
pub async fn build(folder: &Folder, tools: &Path, work: &Path) -> Result<PathBuf, Failure> {
    let tool = |name: &str| Tool::new(tools.join(name), &folder.path);
    tool("tsc")
        .args(["--noEmit", "--pretty", "false", "-p", "."])
        .run("the flow's types are wrong")
        .await?;
    let bundle = work.join("flow.js");
    tool("esbuild")
        .args([
            ".ghanti/entry.ts",
            "--bundle",
            "--format=esm",
            "--charset=utf8",
            "--keep-names",
            "--external:ghanti:*",
            "--log-level=warning",
        ])
        .args([
            "--alias:ghanti-flow=./.ghanti/sdk/src/index.ts",
            "--alias:generated=./.ghanti/generated.ts",
            "--sourcemap=external",
        ])
        .args([format!("--outfile={}", bundle.display())])
        .run("the flow does not build")
        .await?;
    // QuickJS does not support source maps: the table of source lines goes into the bundle
    let map =
        fs::read_to_string(work.join("flow.js.map")).context("esbuild wrote no source map")?;
    let mut code = fs::read_to_string(&bundle).context("esbuild wrote no bundle")?;
    code.push_str(&source_lines::assignment(&map, work, &folder.path));
    fs::write(&bundle, code).context("cannot write the bundle")?;
    let component = work.join("flow.wasm");
    tool("componentize-qjs")
        .args([
            "--wit",
            ".ghanti/sdk/wit",
            "--world",
            WORLD,
            "--sync",
            "--js",
        ])
        // a component contains the path of its sources, and must be the same everywhere
        .args([bundle.strip_prefix(&folder.path).unwrap_or(&bundle)])
        .args(["-o"])
        .args([&component])
        .run("the flow cannot be built into a component")
        .await?;
    Ok(component)
}
