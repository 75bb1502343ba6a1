//! The licences and sources of every crate that is linked in, against the lists of `.deny.toml`,
//! which cargo-deny reads as well.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

/// As cargo spells it in every lock file, whatever mirror serves it.
const PUBLIC_INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn allowed() -> Vec<Licensee> {
    let lists: toml::Table = fs::read_to_string(root().join(".deny.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let names = lists["licenses"]["allow"].as_array().unwrap();
    names
        .iter()
        .map(|name| Licensee::parse(name.as_str().unwrap()).unwrap())
        .collect()
}

fn permitted(expression: &str, allowed: &[Licensee]) -> bool {
    let expression = Expression::parse_mode(expression, ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|required| allowed.iter().any(|licensee| licensee.satisfies(required)))
    })
}

/// `cargo metadata` of what is linked on this target.
fn linked(folder: &str, target: &str) -> Value {
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root().join(folder))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check(metadata: &Value) {
    let allowed = allowed();
    let used: BTreeSet<_> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    let packages = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| used.contains(package["id"].as_str().unwrap()));
    for package in packages {
        let (name, version) = (&package["name"], &package["version"]);
        let licence = package["license"].as_str().unwrap_or("none named");
        assert!(
            permitted(licence, &allowed),
            "{name} {version} is under `{licence}`, which .deny.toml does not allow"
        );
        let source = package["source"].as_str();
        assert!(
            source.is_none_or(|source| source == PUBLIC_INDEX),
            "{name} {version} comes from {source:?}"
        );
    }
}

#[test]
fn the_engines_crates_are_permissive_and_public() {
    check(&linked(".", "x86_64-unknown-linux-gnu"));
}

#[test]
fn the_plugins_crates_are_permissive_and_public() {
    check(&linked("plugins", "x86_64-unknown-linux-gnu"));
}

#[test]
fn a_licence_that_binds_its_users_is_refused() {
    let allowed = allowed();
    for expression in [
        "GPL-3.0-only",
        "MIT AND GPL-2.0-only",
        "AGPL-3.0-or-later",
        "none named",
        "LGPL-3.0-only OR MPL-2.0",
    ] {
        assert!(!permitted(expression, &allowed), "{expression}");
    }
    for expression in [
        "MIT/Apache-2.0",
        "GPL-2.0-only OR Apache-2.0",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
    ] {
        assert!(permitted(expression, &allowed), "{expression}");
    }
}
