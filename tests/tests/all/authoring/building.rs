//! A build is of one folder's sources: not of another flow of the same name, nor of what is installed on the
//! machine.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::House;

/// Sets the time of a file's last change.
fn date(file: &Path, time: SystemTime) {
    let file = File::options().write(true).open(file).unwrap();
    file.set_modified(time).unwrap();
}

fn holds(component: &Path, word: &str) -> bool {
    let bytes = fs::read(component).unwrap();
    bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[test]
fn a_build_in_rust_is_of_its_own_folder_whatever_the_names_and_times() {
    let house = House::new();
    let long_ago = SystemTime::now() - Duration::from_secs(86_400);
    let source = |folder: &str| house.flows().join(folder).join("src/lib.rs");
    let has = |folder: &str, word: &str| holds(&house.flows().join(folder).join("flow.wasm"), word);
    for folder in ["a", "b"] {
        fs::create_dir(house.flows().join(folder)).unwrap();
        let made = house
            .command()
            .current_dir(house.flows().join(folder))
            .args(["new", "same", "--lang", "rust"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let from = format!("\"from-{folder}\"");
        house.edit(&format!("{folder}/same/src/lib.rs"), "\"good-time\"", &from);
        date(&source(&format!("{folder}/same")), long_ago);
        house.good(&["build", &format!("{folder}/same")]);
    }
    assert!(has("a/same", "from-a") && has("b/same", "from-b"));

    // a copy, whose sources are older than what was built of the first
    let copied = Command::new("cp")
        .args(["-a", "a", "c"])
        .current_dir(house.flows())
        .status();
    assert!(copied.unwrap().success());
    house.edit("c/same/src/lib.rs", "\"from-a\"", "\"from-c\"");
    date(&source("c/same"), long_ago);
    house.good(&["build", "c/same"]);
    assert!(has("c/same", "from-c") && !has("c/same", "from-a"));
    house.good(&["build", "a/same"]);
    assert!(has("a/same", "from-a"));

    // and at the place of the first, with sources that are still older
    fs::remove_dir_all(house.flows().join("a")).unwrap();
    fs::rename(house.flows().join("c"), house.flows().join("a")).unwrap();
    date(&source("a/same"), long_ago);
    house.good(&["build", "a/same"]);
    assert!(has("a/same", "from-c") && !has("a/same", "from-a"));
}

#[test]
fn a_build_in_python_takes_no_packages_that_are_installed() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "python"]);
    house.edit(
        "visit/flow.py",
        "from generated",
        "import intruder\nfrom generated",
    );
    let (environment, user) = (
        house.folder.path().join("venv"),
        house.folder.path().join("user"),
    );
    let asked = Command::new("python3")
        .args(["-m", "site", "--user-site"])
        .env("PYTHONUSERBASE", &user)
        .output()
        .unwrap();
    let of_user = String::from_utf8(asked.stdout).unwrap();
    for packages in [
        environment.join("lib/python3/site-packages"),
        of_user.trim().into(),
    ] {
        assert!(packages.starts_with(house.folder.path()), "{packages:?}");
        fs::create_dir_all(&packages).unwrap();
        fs::write(packages.join("intruder.py"), "").unwrap();
    }
    for (name, value) in [("VIRTUAL_ENV", &environment), ("PYTHONUSERBASE", &user)] {
        let output = house
            .command()
            .args(["build", "visit"])
            .env(name, value)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(1)
                && said.contains("No module named 'intruder'")
                && said.contains("hint: a flow is built of the modules beside flow.py"),
            "{name}: {said}"
        );
    }
    // beside flow.py it is the flow's own
    fs::write(house.flows().join("visit/intruder.py"), "").unwrap();
    house.good(&["build", "visit"]);
}

#[test]
fn a_run_in_python_that_is_missing_is_found_by_the_build() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "python"]);
    house.edit("visit/flow.py", "def run(", "def walk(");
    let (code, reported) = house.reported(&["build", "visit"]);
    assert!(
        code == Some(1)
            && reported["output"]
                .to_string()
                .contains("cannot import name 'run' from 'flow'"),
        "{reported:#}"
    );
}

#[test]
fn a_run_in_typescript_that_is_async_is_refused_and_what_is_unused_is_not() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "typescript"]);
    let source = house.flows().join("visit/src/flow.ts");
    let sync = fs::read_to_string(&source).unwrap();
    let line = 1 + sync
        .lines()
        .position(|line| line.contains("export function run(): void"))
        .unwrap();
    for run in [
        "export async function run(): Promise<void>",
        "export async function run()",
    ] {
        fs::write(&source, sync.replace("export function run(): void", run)).unwrap();
        let (code, reported) = house.reported(&["build", "visit"]);
        let error = &reported["errors"][0];
        assert_eq!(
            (code, &error["file"], &error["line"]),
            (Some(1), &json!("src/flow.ts"), &json!(line)),
            "{reported:#}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("`run` returns a promise")
                && message.contains("hint: write `export function run(): void`"),
            "{message}"
        );
    }
    fs::write(&source, sync.replace("function run(", "function walk(")).unwrap();
    let (_, reported) = house.reported(&["build", "visit"]);
    assert!(
        reported.to_string().contains("there is no `run`"),
        "{reported:#}"
    );
    let unused = "import { readFlag } from \"./unused.ts\";\nconst nobody = 1;\n";
    fs::write(&source, format!("{unused}{sync}")).unwrap();
    fs::write(
        source.with_file_name("unused.ts"),
        "export const readFlag = 1;\n",
    )
    .unwrap();
    house.good(&["build", "visit"]);
}
