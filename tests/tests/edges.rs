//! The rooms' walls: arrows between the workspace's crates run one way, as `engine/ARCHITECTURE.md`
//! draws them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each crate with those it may know; the same holds for what its tests use.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("ghanti-model", &[]),
    ("ghanti-audio", &["ghanti-model"]),
    ("ghanti-exotel", &["ghanti-model"]),
    ("ghanti-language", &["ghanti-model"]),
    ("ghanti-manifest", &["ghanti-model"]),
    ("ghanti-speech", &["ghanti-model"]),
    ("ghanti-store", &["ghanti-model"]),
    ("ghanti-dialog", &["ghanti-manifest", "ghanti-model"]),
    (
        "ghanti-session",
        &[
            "ghanti-audio",
            "ghanti-dialog",
            "ghanti-exotel",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-speech",
            "ghanti-store",
        ],
    ),
    (
        "ghanti-campaign",
        &["ghanti-exotel", "ghanti-model", "ghanti-store"],
    ),
    (
        "ghanti-server",
        &[
            "ghanti-audio",
            "ghanti-campaign",
            "ghanti-dialog",
            "ghanti-exotel",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-session",
            "ghanti-speech",
            "ghanti-store",
        ],
    ),
    (
        "ghanti-sim",
        &[
            "ghanti-audio",
            "ghanti-exotel",
            "ghanti-model",
            "ghanti-speech",
        ],
    ),
    (
        "ghanti-cli",
        &[
            "ghanti-model",
            "ghanti-server",
            "ghanti-session",
            "ghanti-sim",
        ],
    ),
];

/// The crate of cross-crate tests may know them all; nobody may know it.
const TESTS: &str = "ghanti-tests";

type Edge = (String, String);

fn forbidden(edges: &BTreeSet<Edge>) -> Vec<String> {
    let allowed = |from: &str, to: &str| {
        let row = MAY_KNOW.iter().find(|(room, _)| *room == from);
        from == TESTS || row.is_some_and(|(_, rooms)| rooms.contains(&to))
    };
    edges
        .iter()
        .filter(|(from, to)| !allowed(from, to))
        .map(|(from, to)| format!("{from} -> {to}"))
        .collect()
}

/// `cargo metadata`, read as it is: the crate of that name would turn features on that make cargo
/// build wasmtime twice.
fn metadata() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn name(value: &Value) -> String {
    value["name"].as_str().unwrap().to_owned()
}

fn workspace_edges() -> (BTreeSet<String>, BTreeSet<Edge>) {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let rooms: BTreeSet<String> = packages.iter().map(name).collect();
    let dependencies = |package: &'_ Value| {
        package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect::<Vec<_>>()
    };
    let edges = packages.iter().flat_map(|package| {
        dependencies(package)
            .into_iter()
            .map(|to| (name(package), to))
    });
    // a crate may name itself, to turn a feature of its own on for its tests
    let within = edges
        .filter(|(from, to)| rooms.contains(to) && from != to)
        .collect();
    (rooms, within)
}

#[test]
fn arrows_between_crates_run_one_way() {
    let (rooms, edges) = workspace_edges();
    assert_eq!(
        forbidden(&edges),
        Vec::<String>::new(),
        "engine/ARCHITECTURE.md says which crate may know which"
    );

    let drawn: BTreeSet<String> = MAY_KNOW
        .iter()
        .map(|(room, _)| (*room).to_owned())
        .chain([TESTS.to_owned()])
        .collect();
    assert_eq!(
        rooms, drawn,
        "every crate of the workspace has its row in MAY_KNOW, and no other has"
    );
}

#[test]
fn an_arrow_against_the_walls_is_found() {
    let (_, mut edges) = workspace_edges();
    let planted = [
        ("ghanti-dialog", "ghanti-speech"),
        ("ghanti-model", "ghanti-audio"),
        ("ghanti-sim", "ghanti-session"),
    ];
    edges.extend(planted.map(|(from, to)| (from.to_owned(), to.to_owned())));
    let found = forbidden(&edges);
    for (from, to) in planted {
        assert!(found.contains(&format!("{from} -> {to}")), "{found:?}");
    }
}
