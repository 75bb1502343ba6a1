//! The rooms' walls: arrows between the workspace's crates run one way, as `engine/ARCHITECTURE.md`
//! draws them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each crate with those it may know; the same holds for what its tests use.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("ghanti-model", &[]),
    ("ghanti-action", &["ghanti-exotel", "ghanti-model"]),
    ("ghanti-audio", &["ghanti-model"]),
    (
        "ghanti-codegen",
        &["ghanti-language", "ghanti-manifest", "ghanti-model"],
    ),
    ("ghanti-console", &["ghanti-model", "ghanti-store"]),
    ("ghanti-exotel", &["ghanti-model"]),
    ("ghanti-import", &["ghanti-model"]),
    ("ghanti-journal", &["ghanti-model"]),
    ("ghanti-language", &["ghanti-model"]),
    ("ghanti-manifest", &["ghanti-model"]),
    ("ghanti-speech", &["ghanti-audio", "ghanti-model"]),
    ("ghanti-store", &["ghanti-model"]),
    (
        "ghanti-host",
        &[
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
        ],
    ),
    (
        "ghanti-catalogue",
        &[
            "ghanti-audio",
            "ghanti-explore",
            "ghanti-host",
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
        ],
    ),
    (
        "ghanti-explore",
        &[
            "ghanti-host",
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
        ],
    ),
    (
        "ghanti-replay",
        &[
            "ghanti-audio",
            "ghanti-catalogue",
            "ghanti-explore",
            "ghanti-host",
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-store",
        ],
    ),
    (
        "ghanti-session",
        &[
            "ghanti-action",
            "ghanti-audio",
            "ghanti-catalogue",
            "ghanti-exotel",
            "ghanti-host",
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-replay",
            "ghanti-speech",
            "ghanti-store",
        ],
    ),
    (
        "ghanti-campaign",
        &["ghanti-exotel", "ghanti-model", "ghanti-store"],
    ),
    ("ghanti-trace", &["ghanti-model", "ghanti-store"]),
    ("ghanti-webhook", &["ghanti-model", "ghanti-store"]),
    (
        "ghanti-server",
        &[
            "ghanti-action",
            "ghanti-audio",
            "ghanti-campaign",
            "ghanti-catalogue",
            "ghanti-console",
            "ghanti-exotel",
            "ghanti-explore",
            "ghanti-host",
            "ghanti-import",
            "ghanti-journal",
            "ghanti-language",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-replay",
            "ghanti-session",
            "ghanti-speech",
            "ghanti-store",
            "ghanti-trace",
            "ghanti-webhook",
        ],
    ),
    (
        "ghanti-sim",
        &[
            "ghanti-audio",
            "ghanti-exotel",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-speech",
        ],
    ),
    (
        "ghanti-load",
        &[
            "ghanti-audio",
            "ghanti-exotel",
            "ghanti-model",
            "ghanti-sim",
        ],
    ),
    (
        "ghanti-cli",
        &[
            "ghanti-catalogue",
            "ghanti-explore",
            "ghanti-host",
            "ghanti-codegen",
            "ghanti-import",
            "ghanti-load",
            "ghanti-manifest",
            "ghanti-model",
            "ghanti-replay",
            "ghanti-server",
            "ghanti-session",
            "ghanti-sim",
        ],
    ),
];

/// The crate of cross-crate tests may know them all; nobody may know it.
const TESTS: &str = "ghanti-tests";
/// Starters of real servers. Any crate's tests may know it, and it knows nobody.
const TEST_SERVERS: &str = "ghanti-test-servers";

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
            .filter(|dependency| dependency["kind"] != "dev" || name(dependency) != TEST_SERVERS)
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
        .chain([TESTS.to_owned(), TEST_SERVERS.to_owned()])
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
        ("ghanti-host", "ghanti-speech"),
        ("ghanti-model", "ghanti-audio"),
        ("ghanti-sim", "ghanti-session"),
    ];
    edges.extend(planted.map(|(from, to)| (from.to_owned(), to.to_owned())));
    let found = forbidden(&edges);
    for (from, to) in planted {
        assert!(found.contains(&format!("{from} -> {to}")), "{found:?}");
    }
}

/// Modules of one crate that refer to each other in a circle, and why each circle is there.
const CIRCLES: &[(&str, &[&str])] = &[
    // an event may hold the record of a call from before there were events; to erase is a method of
    // events, and what it leaves is part of one
    ("model", &["erasure", "event", "record"]),
    // WASI is implemented on the store's data, which has WASI's part of the state
    ("host", &["context", "wasi"]),
    // routes take the application's state, and its start serves the routes
    (
        "server",
        &[
            "access", "app", "audit", "awaited", "refusal", "routes", "unserved",
        ],
    ),
    // the settings of logs are checked by the code that applies them
    ("server", &["config", "logs"]),
    // the services of all calls have the slots of migrations
    ("session", &["migration", "services"]),
    // a scenario says how the simulated applets are set up
    ("sim", &["agent", "facts", "scenario"]),
];

/// The names at the top of what follows `crate::`: of one path, or of each in braces.
fn named(rest: &str) -> Vec<&str> {
    let name = |path: &'_ str| {
        let end = path.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        end.unwrap_or(path.len())
    };
    let Some(list) = rest.strip_prefix('{') else {
        return vec![&rest[..name(rest)]];
    };
    let (mut depth, mut names, mut from) = (0, Vec::new(), 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let path = list[from..at].trim_start();
                names.push(&path[..name(path)]);
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// The modules from which a crate's root re-exports names, by name.
fn re_exported(root: &str) -> BTreeMap<String, String> {
    let uses = root.split("pub use ").skip(1);
    let paths = uses.filter_map(|path| path.split(';').next()?.split_once("::"));
    let names = paths.flat_map(|(module, names)| {
        let names = names.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        names.map(|name| (name.to_owned(), module.to_owned()))
    });
    names.filter(|(name, _)| !name.is_empty()).collect()
}

/// The other modules of its crate that each module refers to, also by names that the crate's root
/// re-exports; a folder is one module.
fn references(sources: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let root = fs::read_to_string(sources.join("lib.rs")).unwrap_or_default();
    let re_exported = re_exported(&root);
    let mut references = BTreeMap::<_, BTreeSet<_>>::new();
    let mut folders = vec![sources.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(sources).unwrap();
            let first = below.components().next().unwrap().as_os_str();
            let own = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
            // samples of events are for tests
            let is_test = ["test", "samples"]
                .iter()
                .any(|word| below.to_str().unwrap().contains(word));
            if own == "lib" || own == "main" || is_test {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<_> = product
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default())
                .collect();
            let code = code.join("\n");
            let named = code.split("crate::").skip(1).flat_map(named);
            let modules = named.filter_map(|name| match re_exported.get(name) {
                Some(module) => Some(module.clone()),
                None if name.starts_with(char::is_lowercase) => Some(name.to_owned()),
                None => None,
            });
            let others = modules.filter(|module| *module != own);
            references.entry(own.clone()).or_default().extend(others);
        }
    }
    references
}

/// The sets of modules of which each refers to each other one, in some number of steps.
fn circles(references: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            for to in references.get(module).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = references
        .keys()
        .map(|from| (from, reached(from)))
        .collect();
    let reaches =
        |from: &String, to: &String| reached.get(from).is_some_and(|all| all.contains(to));
    references
        .keys()
        .filter(|module| reaches(module, module))
        .map(|module| {
            let both = |other: &&String| reaches(module, other) && reaches(other, module);
            references.keys().filter(both).cloned().collect()
        })
        .collect()
}

#[test]
fn names_in_braces_and_re_exported_ones_are_references() {
    let root = "pub use one::{First, second};\npub use two::Third;\n";
    let exported = re_exported(root);
    assert_eq!(named("{a::{b, c}, First,\n    d}; e"), ["a", "First", "d"]);
    assert_eq!(named("a::B"), ["a"]);
    let of = |name: &str| exported.get(name).map(String::as_str);
    assert_eq!((of("First"), of("second")), (Some("one"), Some("one")));
    assert_eq!((of("Third"), of("b")), (Some("two"), None));
}

#[test]
fn modules_of_a_crate_refer_to_each_other_in_one_direction() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(engine).unwrap() {
        let folder = entry.unwrap().path();
        let sources = folder.join("src");
        if sources.is_dir() {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            let circles = circles(&references(&sources)).into_iter();
            found.extend(circles.map(|circle| (name.clone(), circle)));
        }
    }
    let known = CIRCLES.iter().map(|(name, modules)| {
        let modules = modules.iter().map(|module| (*module).to_owned());
        ((*name).to_owned(), modules.collect::<Vec<_>>())
    });
    assert_eq!(found, known.collect(), "circles found, circles in CIRCLES");
}
