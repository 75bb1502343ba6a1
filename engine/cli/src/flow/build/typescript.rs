//! TypeScript: checked by tsc, bundled by esbuild, and combined with QuickJS into a component by componentize-qjs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ghanti_codegen::Problem;
use serde_json::Value;

use super::{source_lines, version};
use crate::flow::failure::Failure;
use crate::flow::folder::{Folder, write_changed};
use crate::flow::sdk::WORLD;
use crate::flow::sources;
use crate::flow::toolchain::{Tell, Tool, filled, given, is_installed, missing};

/// What npm installs, with every package's checksum.
const PACKAGES: &str = include_str!("../../../../../plugins/javascript/package.json");
const LOCK: &str = include_str!("../../../../../plugins/javascript/package-lock.json");

/// What is downloaded, with its size.
const FETCHES: &str =
    "the toolchain for TypeScript with npm (esbuild, typescript, componentize-qjs; some 70 MB)";

const INSTALL: &str = "curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install -y nodejs";

/// Checks types, and that every promise is awaited.
const TYPES: &str = include_str!("types.cjs");

/// The author's module, within the flow's folder.
const SOURCE: &str = "src/flow.ts";

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
         import * as flow from \"../src/flow.ts\";\n\n// a conversation is over when `run` returns: of a promise nobody would see how it ends\n\
         const done: Extract<ReturnType<typeof flow.run>, PromiseLike<unknown>> extends never ? typeof flow.run : never = flow.run;\n\n\
         export const describe = () => ({description});\nexport const run = () => conversation(done);\n"
    );
    write_changed(&folder.written("entry.ts"), entry.as_bytes())?;
    write_changed(&folder.written("tsconfig.json"), CONFIG.as_bytes())?;
    Ok(())
}

/// The folder of the toolchain's programs: the author's own, the given one, or the one in the cache, which is downloaded if it is missing.
pub async fn tools(folder: &Folder, tell: Tell<'_>) -> Result<PathBuf, Failure> {
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
    let needed =
        ["tsc", "esbuild", "componentize-qjs"].map(|name| format!("node_modules/.bin/{name}"));
    if let Some(given) = given("javascript", &needed.each_ref().map(String::as_str))? {
        return Ok(programs(&given));
    }
    if !is_installed("npm") {
        return Err(missing(
            "`npm` is not installed, which comes with Node.js",
            INSTALL,
        ));
    }
    let tools = filled(
        "typescript",
        &[PACKAGES, LOCK],
        FETCHES,
        tell,
        async |part| {
            for (file, text) in [("package.json", PACKAGES), ("package-lock.json", LOCK)] {
                write_changed(&part.join(file), text.as_bytes())?;
            }
            // not `npm ci`: three of componentize-qjs' builds for other systems were never published, on which it fails; checksums are compared
            Tool::new("npm", part)
                .args([
                    "install",
                    "--loglevel=error",
                    "--no-progress",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                ])
                .run("the toolchain for TypeScript cannot be downloaded")
                .await?;
            Ok(())
        },
    )
    .await?;
    Ok(programs(&tools))
}

/// What tsc says of the entry module, where it takes the author's `run`, as a problem of `src/flow.ts`.
fn about_run(failure: Failure, folder: &Path) -> Failure {
    let Failure::Toolchain { output, .. } = &failure else {
        return failure;
    };
    let of_entry = |words: &str| {
        output
            .iter()
            .any(|line| line.starts_with(".ghanti/entry.ts(") && line.contains(words))
    };
    let message = if of_entry("is not assignable to type 'never'") {
        "`run` returns a promise, but the call is over when it returns, and an exception in the promise is lost\n    \
         hint: write `export function run(): void`, without `async` and `await`: questions and actions wait for their answers by themselves"
    } else if of_entry("Property 'run' does not exist") {
        "there is no `run`\n    hint: write `export function run(): void { … }`, which is the conversation"
    } else {
        return failure;
    };
    let source = fs::read_to_string(folder.join(SOURCE)).unwrap_or_default();
    Failure::Files(vec![Problem {
        file: SOURCE.to_owned(),
        line: line_of_run(&source),
        message: message.to_owned(),
    }])
}

/// The line, from 1, on which `run` is declared, or else exported.
fn line_of_run(source: &str) -> Option<usize> {
    let names_run = |line: &str| {
        line.split(|character: char| !character.is_alphanumeric() && character != '_')
            .any(|word| word == "run")
    };
    let begins_with = |beginnings: &[&str]| {
        source.lines().position(|line| {
            let line = line.trim_start();
            names_run(line) && beginnings.iter().any(|begins| line.starts_with(begins))
        })
    };
    begins_with(&[
        "export async function run",
        "export function run",
        "export const run",
        "export let run",
        "async function run",
        "function run",
        "const run",
        "let run",
    ])
    .or_else(|| begins_with(&["export "]))
    .map(|at| at + 1)
}

/// The files of which esbuild has made a bundle, one a line.
fn inputs(meta: &str) -> String {
    let meta: Value = serde_json::from_str(meta).unwrap_or_default();
    let inputs = meta.get("inputs").and_then(Value::as_object);
    let names = inputs
        .into_iter()
        .flatten()
        .map(|(name, _)| format!("{name}\n"));
    names.collect()
}

/// Builds the component in a folder for intermediate files.
pub async fn build(folder: &Folder, tools: &Path, work: &Path) -> Result<PathBuf, Failure> {
    let tool = |name: &str| Tool::new(tools.join(name), &folder.path);
    // its API, which finds promises that nobody waits for, too; a compiler without one finds the rest
    let compiler = tools.join("../typescript");
    let checked = if compiler.join("lib/typescript.js").is_file() {
        Tool::new("node", &folder.path)
            .called("tsc")
            .args(["-e", TYPES])
            .args([&compiler, &folder.path])
    } else {
        tool("tsc").args(["--noEmit", "--pretty", "false", "-p", "."])
    };
    checked
        .run("the flow's types are wrong")
        .await
        .map_err(|failure| about_run(failure, &folder.path))?;
    let (bundle, meta) = (work.join("flow.js"), work.join("meta.json"));
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
        .args([
            format!("--outfile={}", bundle.display()),
            format!("--metafile={}", meta.display()),
        ])
        .run("the flow does not build")
        .await?;
    let inputs = inputs(&fs::read_to_string(&meta).context("esbuild wrote no list of its inputs")?);
    fs::write(work.join(sources::INPUTS), inputs).context("cannot write the list of inputs")?;
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

#[cfg(test)]
mod tests {
    use super::line_of_run;

    #[test]
    fn the_line_of_run_is_that_of_its_declaration() {
        for (source, line) in [
            ("// run\n\nexport async function run() {}\n", Some(3)),
            (
                "import { runs } from 'x';\nexport const run = async () => {};",
                Some(2),
            ),
            ("async function run() {}\nexport { run };", Some(1)),
            (
                "import { x } from 'x';\nexport { run } from './conversation.ts';",
                Some(2),
            ),
            ("export function running() {}", None),
        ] {
            assert_eq!(line_of_run(source), line, "{source}");
        }
    }
}
