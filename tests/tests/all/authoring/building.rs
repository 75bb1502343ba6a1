//! A build is of one folder's sources: not of another flow of the same name, nor of what is installed on the
//! machine.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{House, Shown};

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

/// Errors of a build, each as `FILE:LINE: MESSAGE`.
fn errors(house: &House) -> Vec<String> {
    let (code, reported) = house.reported(&["build", "visit"]);
    assert_eq!(code, Some(1), "{reported:#}");
    let errors = reported["errors"].as_array();
    let errors = errors.unwrap_or_else(|| panic!("{reported:#}")).iter();
    errors
        .map(|error| {
            let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
            format!("{}:{}: {}", text("file"), error["line"], text("message"))
        })
        .collect()
}

#[test]
fn names_arguments_and_answers_in_python_that_there_are_not_are_found_by_the_build() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "python"]);
    house.edit("visit/flow.py", "def run(", "def walk(");
    assert_eq!(
        errors(&house),
        ["flow.py:null: there is no `run`: write `def run() -> None:`, which is the conversation"]
    );
    house.edit("visit/flow.py", "def walk(", "async def run(");
    assert!(errors(&house)[0].starts_with("flow.py:7: `run` is async, and nobody waits for it"));
    house.edit("visit/flow.py", "async def run(", "def run(");
    for (right, wrong, reported) in [
        (
            "prompts.thanks()",
            "prompts.thank()",
            "flow.py:13: there is no `prompts.thank`; did you mean `thanks`?",
        ),
        (
            "prompts.thanks()",
            "prompts.thanks(1)",
            "flow.py:13: `prompts.thanks` takes no arguments",
        ),
        (
            "greeting(name=who.name)",
            "greeting(name=12)",
            "flow.py:11: `name` of `questions.greeting` takes str, and not int",
        ),
        (
            "greeting(name=who.name)",
            "greeting(nam=who.name)",
            "flow.py:11: `questions.greeting` has no argument `nam`; did you mean `name`?",
        ),
        (
            "greeting(name=who.name)",
            "greeting()",
            "flow.py:11: `questions.greeting` needs `name`",
        ),
        (
            "greeting(name=who.name)",
            "greeting(who.name)",
            "flow.py:11: `questions.greeting` takes its arguments by name: write `questions.greeting(name=…)`",
        ),
        (
            "who.name",
            "who.nme",
            "flow.py:11: `[customer]` of flow.toml has no `nme`; did you mean `name`?",
        ),
        (
            "case \"yes\":",
            "case \"yess\":",
            "flow.py:12: `questions.greeting` never answers `yess`; did you mean `yes`?",
        ),
        (
            "customer, prompts",
            "customers, prompts",
            "flow.py:3: generated has no `customers`; did you mean `customer`?",
        ),
    ] {
        house.edit("visit/flow.py", right, wrong);
        assert!(
            errors(&house).contains(&reported.to_owned()),
            "{wrong}: {:?}",
            errors(&house)
        );
        house.edit("visit/flow.py", wrong, right);
    }
    // a name that a module binds itself is its own
    house.edit(
        "visit/flow.py",
        "def run(",
        "def of(prompts, **given):\n    questions = prompts.anything\n    return questions.greeting(**given)\n\n\ndef run(",
    );
    house.good(&["build", "visit"]);
}

#[test]
fn a_promise_that_nobody_waits_for_is_refused_with_its_place() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "typescript"]);
    let begins = "  const who = customer();\n";
    for (code, place) in [
        (
            "  Promise.resolve().then(() => { throw new Error(\"lost\"); });\n",
            "src/flow.ts(7,3): ",
        ),
        (
            "  const later = async () => { throw new Error(\"lost\"); };\n  later();\n",
            "src/flow.ts(8,3): ",
        ),
    ] {
        let source = house.flows().join("visit/src/flow.ts");
        let right = fs::read_to_string(&source).unwrap();
        house.edit("visit/src/flow.ts", begins, &format!("{code}{begins}"));
        let (exit, reported) = house.reported(&["build", "visit"]);
        let said = reported["output"].to_string();
        assert!(
            exit == Some(1)
                && said.contains(place)
                && said.contains("error: nobody waits for this promise"),
            "{reported:#}"
        );
        fs::write(&source, right).unwrap();
    }
    house.edit(
        "visit/src/flow.ts",
        begins,
        &format!("  void Promise.resolve();\n{begins}"),
    );
    house.good(&["build", "visit"]);
    // the compiler's own errors are as it says them
    house.edit(
        "visit/src/flow.ts",
        begins,
        &format!("  const text: string = 1;\n{begins}"),
    );
    let (_, reported) = house.reported(&["build", "visit"]);
    let said = reported["output"].to_string();
    assert!(
        said.contains(
            "src/flow.ts(8,9): error TS2322: Type 'number' is not assignable to type 'string'."
        ),
        "{reported:#}"
    );
}

#[test]
fn a_file_that_a_flow_is_made_of_is_a_source_wherever_it_is() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "typescript"]);
    house.good(&["new", "call", "--lang", "rust"]);
    let write = |file: &str, word: &str| {
        let file = house.flows().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, word).unwrap();
    };
    write("visit/data/words.json", "{ \"word\": \"first-in-data\" }");
    write("shared.ts", "export const shared = \"first-beside\";\n");
    house.edit(
        "visit/src/flow.ts",
        "import { end",
        "import words from \"../data/words.json\";\nimport { shared } from \"../../shared.ts\";\nimport { end",
    );
    house.edit(
        "visit/src/flow.ts",
        "  const who = customer();\n",
        "  console.log(words.word, shared);\n  const who = customer();\n",
    );
    write("call/data/words.txt", "first-in-data");
    house.edit(
        "call/src/lib.rs",
        "\"good-time\"",
        "include_str!(\"../data/words.txt\")",
    );
    let has = |flow: &str, word: &str| holds(&house.flows().join(flow).join("flow.wasm"), word);
    house.good(&["build", "visit"]);
    house.good(&["build", "call"]);
    assert!(
        has("visit", "first-in-data")
            && has("visit", "first-beside")
            && has("call", "first-in-data")
    );
    write("visit/data/words.json", "{ \"word\": \"second-in-data\" }");
    write("call/data/words.txt", "second-in-data");
    house.good(&["build", "visit"]);
    house.good(&["build", "call"]);
    assert!(has("visit", "second-in-data") && has("call", "second-in-data"));
    let (_, unchanged) = house.reported(&["build", "visit"]);
    assert_eq!(unchanged["changed"], json!(false));
    write("shared.ts", "export const shared = \"second-beside\";\n");
    house.good(&["build", "visit"]);
    assert!(has("visit", "second-beside"));

    // and is watched
    let mut command = house.command();
    command.args(["dev", "visit"]);
    let mut dev = Shown::of(command);
    dev.until("build  visit");
    dev.until("the component is the same");
    write("shared.ts", "export const shared = \"third-beside\";\n");
    dev.until("building");
    dev.until("ok in ");
    assert!(has("visit", "third-beside"));
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_download_is_told_before_it() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "typescript"]);
    let bin = house.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("npm"), "#!/bin/sh\nexit 1\n").unwrap();
    let mut all = fs::metadata(bin.join("npm")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut all, 0o755);
    fs::set_permissions(bin.join("npm"), all).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = house
        .command()
        .args(["build", "visit"])
        .env("PATH", path)
        .env("XDG_CACHE_HOME", house.folder.path().join("cache"))
        .env_remove("GHANTI_TOOLCHAINS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (first, rest) = said.split_once('\n').unwrap();
    assert!(
        first.starts_with("downloading the toolchain for TypeScript with npm (esbuild, typescript, componentize-qjs; some 70 MB) into ")
            && first.ends_with("once for all flows: a minute or two where the network is slow")
            && rest.contains("cannot be downloaded"),
        "{said}"
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
