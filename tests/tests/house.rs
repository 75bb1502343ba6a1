//! The house rules that no lint knows: lengths of files, opening words, lints opted into, the page of
//! limits, links of the documentation, nothing of the builder's machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "house/book.rs"]
mod book;
#[path = "house/limits.rs"]
mod limits;

const LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 800;
const PLUGIN_LINES_MAX: usize = 264;
const MAIN_LINES_MAX: usize = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// All files below a folder of the repository, without what was built.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "`{folder}` has files");
    found
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let rust = files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn is_of_tests(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

fn lines_max(path: &Path) -> usize {
    if is_of_tests(path) {
        TEST_LINES_MAX
    } else {
        LINES_MAX
    }
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    let all = ["engine", "plugins", "tests"].into_iter().flat_map(sources);
    let long: Vec<_> = all
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, path)| *lines > lines_max(path))
        .collect();
    assert!(long.is_empty(), "split these by responsibility: {long:#?}");
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let all = ["engine", "plugins"].into_iter().flat_map(sources);
    let mute: Vec<_> = all
        .filter(|(path, text)| !is_of_tests(path) && !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(mute.is_empty(), "these open without a `//!`: {mute:#?}");
}

#[test]
fn the_emi_flow_stays_a_script() {
    let lines: usize = sources("plugins/emi-reminder")
        .iter()
        .filter(|(path, _)| !path.ends_with("generated.rs"))
        .map(|(_, text)| text.lines().count())
        .sum();
    assert!(
        lines <= PLUGIN_LINES_MAX,
        "plugins/emi-reminder has {lines} lines"
    );
}

#[test]
fn the_commands_main_only_begins_things() {
    let lines = fs::read_to_string(root().join("engine/cli/src/main.rs"))
        .unwrap()
        .lines()
        .count();
    assert!(
        lines <= MAIN_LINES_MAX,
        "engine/cli/src/main.rs has {lines} lines"
    );
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for folder in ["engine", "plugins", "tests"] {
        for path in files(folder)
            .iter()
            .filter(|path| path.ends_with("Cargo.toml"))
            // of flows that do not exist yet
            .filter(|path| !path.iter().any(|part| part == "templates"))
        {
            let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
            let lints = manifest
                .get("lints")
                .and_then(|lints| lints.get("workspace"))
                .and_then(toml::Value::as_bool);
            let is_workspace = manifest.contains_key("workspace");
            assert!(
                is_workspace || lints == Some(true),
                "`{}` lacks `[lints] workspace = true`",
                path.display()
            );
        }
    }
}

#[test]
fn only_tests_can_stop_the_clock() {
    let mut manifests = vec![root().join("Cargo.toml")];
    manifests.extend(
        files("engine")
            .into_iter()
            .filter(|file| file.ends_with("Cargo.toml")),
    );
    let mut uses = 0;
    for manifest in manifests {
        let text = fs::read_to_string(&manifest).unwrap();
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if line.contains("\"test-util\"") {
                uses += 1;
                assert_eq!(
                    section,
                    "[dev-dependencies]",
                    "{}: {line}",
                    manifest.display()
                );
            }
        }
    }
    assert!(
        uses > 0,
        "no test stops tokio's clock any more: this test can go"
    );
}

/// Another company in this field has a product of that name. The change log says that it was this
/// one's.
#[test]
fn nothing_has_the_former_name() {
    let former = ["sam", "vaad"].concat();
    let of_root = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    let folders = [
        "engine", "plugins", "flows", "wit", "tests", ".setup", ".ci", "docs",
    ]
    .into_iter()
    .filter(|folder| root().join(folder).is_dir());
    for path in of_root
        .chain(folders.flat_map(files))
        .filter(|path| !path.ends_with("CHANGELOG.md"))
    {
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(
            !text.contains(&former) && !path.to_string_lossy().to_lowercase().contains(&former),
            "`{}`",
            path.display()
        );
    }
}

#[test]
fn nothing_shows_where_it_was_built() {
    let machine = ["/root/", "/home/", "/work/", "/Users/"];
    let registries = [
        "crates.io/",
        "pypi.org",
        "npmjs.org",
        "npmjs.com",
        "pythonhosted.org",
    ];
    for folder in ["engine", "plugins", "flows", "wit"] {
        for path in files(folder) {
            // sound and WebAssembly are no text; lock files name the index by cargo's own will
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            if path.ends_with("Cargo.lock") {
                continue;
            }
            for trace in machine.iter().chain(&registries) {
                assert!(!text.contains(trace), "`{}` has `{trace}`", path.display());
            }
        }
    }
}

/// A component is type-checked as a whole, so that any change of what is released breaks every flow
/// that was ever built: a change is a new version of the contract, in a file of its own.
#[test]
fn the_contract_is_the_one_that_was_frozen() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (contract, frozen) = (
        read("wit/dialog.wit"),
        read("engine/host/tests/fixtures/dialog-0.1.0.wit"),
    );
    assert!(contract.contains("package ghanti:dialog@0.1.0;"));
    let changed = contract
        .lines()
        .zip(frozen.lines())
        .find(|(now, then)| now != then);
    assert_eq!(changed, None, "`ghanti:dialog@0.1.0` is frozen");
    assert_eq!(contract, frozen, "`ghanti:dialog@0.1.0` is frozen");
}

/// A migration that is not embedded never runs.
#[test]
fn every_migration_is_among_those_that_run() {
    let embedded = fs::read_to_string(root().join("engine/store/src/sql/migrations.rs")).unwrap();
    for path in files("engine/store/migrations") {
        let below = path.strip_prefix(root().join("engine/store")).unwrap();
        let name = format!("include_str!(\"../../{}\")", below.display());
        assert!(
            embedded.contains(&name),
            "`{}` is not embedded",
            path.display()
        );
    }
}
