//! `make dist` and the workflow that runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::files::faults;
use super::{passes, perhaps};
use crate::support::{program, root};

/// Packs what is built, into a folder of its own.
fn archive(umask: &str) -> (TempDir, PathBuf) {
    let out = tempdir().unwrap();
    let mut pack = Command::new("sh");
    pack.args(["-c", "umask \"$1\" && exec .setup/dist \"$2\"", "sh", umask]);
    pack.arg(out.path()).current_dir(root());
    pack.env("GHANTI_PROGRAM", program().get_program());
    let reported = passes(&mut pack);
    let file = PathBuf::from(reported.lines().last().unwrap());
    assert!(file.starts_with(out.path()), "{reported}");
    (out, file)
}

fn is_there(folder: &Path, name: &str) {
    assert!(
        folder.join(name).is_file(),
        "`{name}` is not in the archive"
    );
}

#[test]
fn the_archive_has_all_and_is_the_same_each_time() {
    let (out, file) = archive("022");
    // whoever builds it, and whenever
    let touched = root().join("engine/deploy/README.md");
    let touched = fs::File::options().append(true).open(touched).unwrap();
    touched.set_modified(SystemTime::now()).unwrap();
    let (_again, second) = archive("077");
    assert!(
        fs::read(&file).unwrap() == fs::read(&second).unwrap(),
        "{} and {} differ",
        file.display(),
        second.display()
    );
    let mut check = Command::new("sha256sum");
    passes(
        check
            .args(["--strict", "-c", "SHA256SUMS"])
            .current_dir(out.path()),
    );

    let unpacked = tempdir().unwrap();
    passes(
        Command::new("tar")
            .arg("-xzf")
            .arg(&file)
            .args(["--strip-components", "1", "-C"])
            .arg(unpacked.path()),
    );
    let folder = unpacked.path();
    for name in [
        "bin/ghanti",
        "flows/emi-reminder/flow.wasm",
        "flows/emi-reminder/prompts/en-IN.ftl",
        "flows/appointment/flow.toml",
        "flows/survey/tests/complains.toml",
        "man/man1/ghanti-serve.1",
        "completions/ghanti.bash",
        "deploy/ghanti.service",
        "deploy/kubernetes/deployment.yaml",
        "docs/operations.md",
        ".setup/speech.sh",
        ".setup/libvosk.aarch64.sha256",
        ".setup/hibari.sha256",
        "LICENSE-MIT",
        "THIRD-PARTY.txt",
    ] {
        is_there(folder, name);
    }
    let mut check = Command::new("sha256sum");
    passes(
        check
            .args(["--quiet", "--strict", "-c", "SHA256SUMS"])
            .current_dir(folder),
    );
    let licences = fs::read_to_string(folder.join("THIRD-PARTY.txt")).unwrap();
    for line in [
        "wasmtime 48",
        "rustls 0.23",
        "Apache License",
        "Permission is hereby granted",
    ] {
        assert!(licences.contains(line), "{line}");
    }
    // neither of tests nor of builds, nor the engine's own
    for crate_name in ["rcgen ", "rust_xlsxwriter ", "serde_derive ", "ghanti-"] {
        let listed = licences.lines().any(|line| line.starts_with(crate_name));
        assert!(!listed, "{crate_name}");
    }
    let version = passes(Command::new(folder.join("bin/ghanti")).arg("--version"));
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        name.starts_with(&version.trim().replace(' ', "-")),
        "{name} is of {version}"
    );
}

#[test]
fn the_workflow_is_one() {
    let file = root().join(".github/workflows/release.yml");
    let text = fs::read_to_string(&file).unwrap();
    let workflow: Value = serde_saphyr::from_str(&text).unwrap();
    let schema = "github-workflow.json";
    assert_eq!(faults(schema, None, &workflow), [""; 0]);
    let mut wrong = workflow.clone();
    wrong["jobs"]["archive"]["runs_on"] = "ubuntu".into();
    assert_ne!(faults(schema, None, &wrong), [""; 0], "the schema looks");
    let runners = workflow["jobs"]["archive"]["strategy"]["matrix"]["runner"].clone();
    assert_eq!(
        runners,
        serde_json::json!(["ubuntu-22.04", "ubuntu-22.04-arm"])
    );
    // what it runs is there
    for part in [
        ".setup/run speech",
        "make dist",
        "tests/scenarios/agrees.toml",
    ] {
        assert!(text.contains(part), "{part}");
    }
    if let Some(mut actionlint) = perhaps("actionlint", "the workflow by `actionlint`") {
        passes(actionlint.arg(file));
    }
}
