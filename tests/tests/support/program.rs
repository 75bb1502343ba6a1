//! The program under test: `target/release/ghanti`, as `make tests` made it, and no older than its
//! sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

/// Names another program to test, such as an installed one; its age is not looked at.
const OTHER: &str = "PROGRAM_UNDER_TEST";

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// The parts of the EMI reminder's folder that an engine reads: its component, manifest and prompts.
pub fn parts_of_emi_reminder() -> Vec<String> {
    let prompts = std::fs::read_dir(root().join("flows/emi-reminder/prompts")).unwrap();
    let prompts = prompts.map(|entry| {
        let name = entry.unwrap().file_name();
        format!("prompts/{}", name.to_str().unwrap())
    });
    ["flow.wasm", "flow.toml"]
        .map(str::to_owned)
        .into_iter()
        .chain(prompts)
        .collect()
}

/// A command that runs the program in the project's folder, where it finds the speech models. None
/// of the developer's own settings reach it.
pub fn program() -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(built);
    let mut command = Command::new(&*BUILT);
    command.current_dir(root()).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GHANTI_") && name != "GHANTI_TOOLS" {
            command.env_remove(name);
        }
    }
    command
}

fn built() -> PathBuf {
    if let Some(other) = std::env::var_os(OTHER) {
        return other.into();
    }
    // A test lies in `release/deps`, its program in `release`.
    let tests = std::env::current_exe().unwrap();
    let release = tests.parent().and_then(Path::parent).unwrap();
    let (file, sources) = (release.join("ghanti"), release.join("ghanti.d"));
    let built = modified(&file)
        .unwrap_or_else(|| panic!("`{}` is not there: run `make tests`", file.display()));
    let sources = fs::read_to_string(&sources).unwrap_or_else(|error| {
        panic!(
            "cannot read `{}`: {error}: run `make tests`",
            sources.display()
        )
    });
    for source in sources.split_whitespace().skip(1) {
        // A source that is gone makes the program old as well.
        let is_older = modified(Path::new(source)).is_none_or(|changed| changed > built);
        assert!(
            !is_older,
            "`{}` is older than `{source}`: run `make tests`",
            file.display()
        );
    }
    file
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|found| found.modified()).ok()
}
