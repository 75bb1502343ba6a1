//! A new author's way, outside the repository and with the program alone: a flow is made, built,
//! served and called, in each language. A mistake in it is reported with file and line.

mod building;
mod failing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Engine, PATIENCE, Playing, Setup, Stream, program, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where an author's flows are, and the toolchains that `make setup` fetched.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        Self { folder }
    }

    fn flows(&self) -> PathBuf {
        self.folder.path().join("flows")
    }

    fn command(&self) -> Command {
        let mut command = program();
        self.environment(&mut command)
            .current_dir(self.flows())
            .arg("flow");
        command
    }

    /// The toolchains, and where they leave what they build.
    fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("GHANTI_TOOLCHAINS", root().join(".tools"))
            .env("CARGO_TARGET_DIR", self.folder.path().join("target"))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// What a command says in one JSON object, with its exit code.
    fn reported(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self
            .command()
            .args(arguments)
            .arg("--json")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let reported =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code(), reported)
    }

    fn good(&self, arguments: &[&str]) -> Value {
        let (code, reported) = self.reported(arguments);
        assert_eq!(
            (code, &reported["ok"]),
            (Some(0), &json!(true)),
            "{reported:#}"
        );
        reported
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let file = self.flows().join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "`{}` has no `{from}`", file.display());
        fs::write(file, text.replace(from, to)).unwrap();
    }
}

/// A language with a mistake that shows when a caller says "later", and how that is reported.
struct Author {
    language: &'static str,
    source: &'static str,
    before: &'static str,
    mistake: &'static str,
    place: &'static str,
}

async fn from_an_empty_folder_to_a_call(author: Author) {
    let house = House::new();
    let name = format!("{}-visit", author.language);
    let made = house.good(&[
        "new",
        &name,
        "--lang",
        author.language,
        "--template",
        "appointment",
    ]);
    let (_, again) = house.reported(&["new", &name, "--lang", author.language]);
    assert!(
        again["error"].as_str().unwrap().contains("exists already"),
        "{again}"
    );
    for file in [
        "README.md",
        ".gitignore",
        "scenario.toml",
        "prompts/hi-IN.ftl",
        author.source,
    ] {
        assert!(
            made["files"].as_array().unwrap().contains(&json!(file)),
            "{made:#}"
        );
    }
    let source = format!("{name}/{}", author.source);
    let text = fs::read_to_string(house.flows().join(&source)).unwrap();
    assert!(
        text.lines().count() <= 45,
        "{source} has {} lines",
        text.lines().count()
    );
    house.good(&["build", &name]);
    let (code, tested) = house.reported(&["test", &name]);
    assert_eq!(
        (code, &tested["flows"][0]["explored"]["whole"]),
        (Some(0), &json!(true)),
        "{tested:#}"
    );
    assert_eq!(tested["flows"][0]["findings"], json!([]), "{tested:#}");
    house.edit(&source, author.before, author.mistake);
    let line = fs::read_to_string(house.flows().join(&source)).unwrap();
    let line = 1 + line
        .lines()
        .position(|line| line.contains("no later today"))
        .unwrap();

    let built = house.good(&["build", &name]);
    assert_eq!(
        (&built["language"], &built["changed"]),
        (&json!(author.language), &json!(true))
    );
    assert_eq!(
        house.good(&["build", &name])["changed"],
        false,
        "nothing has changed"
    );

    // its written tests do not come by the mistake, and the exploration does
    let (code, tested) = house.reported(&["test", &name]);
    assert_eq!(code, Some(1), "{tested:#}");
    assert_eq!(tested["flows"][0]["failed"], 0, "{tested:#}");
    let findings = tested["flows"][0]["findings"].to_string();
    assert!(findings.contains("attends: later"), "{findings}");
    assert!(findings.contains("no later today"), "{findings}");
    // what is loaded holds its tests, or it takes no calls
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(house.flows())
        .start();
    let scenario = house.flows().join(&name).join("scenario.toml");
    let playing = Playing::begin(&engine, &scenario);
    let failing = call_later(&engine, &name);
    let failure = failing.await;
    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(report.code, Some(0), "{}\n{}", report.shown, engine.logs());

    let place = format!("{}:{line}", author.place);
    let log = failure["log"].to_string();
    assert!(
        log.contains("no later today") && log.contains(&place),
        "`{place}` is not in {failure:#}"
    );
}

/// A call that meets the mistake: what its record says of the failure.
async fn call_later(engine: &Engine, flow: &str) -> Value {
    let number = "09876540021";
    let customer = json!({ "phone": number, "flow": flow, "fields": { "name": "Priya Sharma", "day": "2030-12-05", "code": "4821" } });
    let call = engine.order(&customer).await;
    let mut stream = Stream::begin(engine, &format!("{flow}-1"), number).await;
    stream.hear_voice().await;
    stream.say(&json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": "3", "duration": "100" } })).await;
    stream.until_closed().await;
    let record = engine.ended(&call).await;
    assert_eq!(record["outcome"], "flow-failed", "{record:#}");
    record["failure"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_in_rust_is_made_built_and_called() {
    from_an_empty_folder_to_a_call(Author {
        language: "rust",
        source: "src/lib.rs",
        before: r#"end("call-later", prompts::goodbye_later())"#,
        mistake: r#"panic!("no later today")"#,
        place: "src/lib.rs",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_in_typescript_is_made_built_and_called() {
    from_an_empty_folder_to_a_call(Author {
        language: "typescript",
        source: "src/flow.ts",
        before: r#"return end("call-later", prompts.goodbyeLater());"#,
        mistake: r#"throw new TypeError("no later today");"#,
        place: "src/flow.ts",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_in_python_is_made_built_and_called() {
    from_an_empty_folder_to_a_call(Author {
        language: "python",
        source: "flow.py",
        before: r#"end("call-later", prompts.goodbye_later())"#,
        mistake: r#"raise ValueError("no later today")"#,
        place: "flow.py",
    })
    .await;
}

#[test]
fn what_is_wrong_is_reported_with_its_place_and_changes_nothing() {
    let house = House::new();
    for name in ["Reminder", "9lives", "a_b", "../away", "", "-x", "x-"] {
        let output = house.run(&["new", "--lang", "rust", "--", name]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(2) && said.contains("is not a valid name of a flow"),
            "`{name}`: {output:?}"
        );
    }
    assert_eq!(
        fs::read_dir(house.flows()).unwrap().count(),
        0,
        "nothing is left behind"
    );
    let (code, reported) = house.reported(&["build"]);
    assert!(
        code == Some(2)
            && reported["error"]
                .as_str()
                .unwrap()
                .contains("ghanti flow new"),
        "{reported}"
    );

    house.good(&["new", "visit", "--lang", "typescript"]);
    // a word of the prompts that the question lacks is found before any compiler runs
    house.edit("visit/prompts/hi-IN.ftl", "{ $name }", "{ $nmae }");
    let (code, reported) = house.reported(&["build", "visit"]);
    let error = &reported["errors"][0];
    assert_eq!(
        (code, &error["file"], &error["line"]),
        (Some(1), &json!("prompts/hi-IN.ftl"), &json!(1)),
        "{reported:#}"
    );
    house.edit("visit/prompts/hi-IN.ftl", "{ $nmae }", "{ $name }");

    // a misspelt answer is the compiler's to find
    house.edit("visit/src/flow.ts", "case \"yes\"", "case \"yess\"");
    let (code, reported) = house.reported(&["build", "visit"]);
    assert!(
        code == Some(1)
            && reported["output"]
                .to_string()
                .contains("src/flow.ts(10,10)"),
        "{reported:#}"
    );
    assert!(!house.flows().join("visit/flow.wasm").exists());
}

#[test]
fn a_missing_toolchain_is_reported_with_the_line_that_brings_it() {
    let house = House::new();
    for (language, brings) in [
        ("rust", "sh.rustup.rs"),
        ("typescript", "nodejs"),
        ("python", "python3"),
    ] {
        house.good(&["new", language, "--lang", language]);
        let mut command = house.command();
        let output = command
            .args(["build", language])
            .env("PATH", "/nowhere")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().last().unwrap();
        assert!(
            output.status.code() == Some(1)
                && line.starts_with("install it with:  ")
                && line.contains(brings),
            "{said}"
        );
    }
}

#[test]
fn a_toolchain_that_cannot_be_had_is_reported_with_what_keeps_it() {
    let house = House::new();
    for language in ["typescript", "python"] {
        house.good(&["new", language, "--lang", language]);
        let built = house
            .command()
            .args(["build", language])
            .env("GHANTI_TOOLCHAINS", "/nope")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(
            built.status.code() == Some(2)
                && said.contains(
                    "GHANTI_TOOLCHAINS names a folder of toolchains, but there is no `/nope`"
                ),
            "{said}"
        );
    }
    // npm without a network, which says why unless it is told to be silent
    let bin = house.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let npm = "#!/bin/sh\ncase \"$*\" in *--silent*) ;; *) echo 'npm error code ENOTFOUND' >&2 ;; esac\nexit 1\n";
    for (name, script) in [("npm", npm), ("node", "#!/bin/sh\n")] {
        let program = bin.join(name);
        fs::write(&program, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let built = house
        .command()
        .args(["build", "typescript"])
        .env_remove("GHANTI_TOOLCHAINS")
        .env("XDG_CACHE_HOME", house.folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(
        built.status.code() == Some(1)
            && said.contains("cannot be downloaded: `npm` says\nnpm error code ENOTFOUND"),
        "{said}"
    );
}

#[test]
fn a_new_flow_says_how_it_is_tested() {
    let house = House::new();
    let made = house.run(&["new", "visit", "--lang", "rust"]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(
        said.contains("then:  cd visit && ghanti flow build && ghanti flow test"),
        "{said}"
    );
    let file = |name: &str| fs::read_to_string(house.flows().join("visit").join(name)).unwrap();
    assert!(file("README.md").contains("`ghanti flow test`"));
    assert!(file(".gitignore").lines().any(|line| line == "/logs/"));
    // before it is built, what is missing is said with what makes it
    let checked = house.run(&["check", "visit"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.contains("hint: put it there: `ghanti flow build` builds it")
            && said.contains("visit: 1 finding\n"),
        "{said}"
    );
}

/// The files of a flow's folder that are in a repository.
fn kept(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut kept = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() && !name.starts_with(".ghanti") {
                open.push(path);
            } else if path.is_file() && !name.ends_with("flow.wasm") {
                kept.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    kept
}

#[test]
fn what_is_made_of_a_template_is_the_flow_that_is_shipped() {
    let house = House::new();
    for (name, language) in [("appointment", "typescript"), ("survey", "python")] {
        house.good(&["new", name, "--lang", language, "--template", name]);
        let shipped = kept(&root().join("plugins").join(name));
        assert_eq!(kept(&house.flows().join(name)), shipped, "{name}");
    }
    // by another name it is that one's
    house.good(&["new", "cars", "--lang", "python", "--template", "survey"]);
    let made = kept(&house.flows().join("cars"));
    assert!(made[Path::new("scenario.toml")].contains("flow = \"cars\""));
    assert!(made[Path::new("pyproject.toml")].contains("name = \"cars\""));
}

#[test]
fn the_survey_in_typescript_holds_the_same_tests() {
    let house = House::new();
    house.good(&[
        "new",
        "survey",
        "--lang",
        "typescript",
        "--template",
        "survey",
    ]);
    house.good(&["build", "survey"]);
    let (code, tested) = house.reported(&["test", "survey", "--deny-warnings"]);
    assert_eq!(code, Some(0), "{tested:#}");
}

#[test]
fn every_template_builds_in_rust_and_takes_calls() {
    let house = House::new();
    for template in ["blank", "survey", "reminder"] {
        house.good(&["new", template, "--lang", "rust", "--template", template]);
        house.good(&["build", template]);
        let (code, tested) = house.reported(&["test", template]);
        assert_eq!(code, Some(0), "{tested:#}");
    }
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .flows(house.flows())
        .start();
    // it answers once every flow was loaded or rejected
    let flows = tokio::runtime::Runtime::new().unwrap().block_on(async {
        engine
            .http()
            .get(engine.url("/api/flows"))
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    });
    for flow in flows["items"].as_array().unwrap() {
        assert_eq!(
            flow["versions"][0]["state"],
            "active",
            "{flow:#}\n{}",
            engine.logs()
        );
    }
    assert_eq!(flows["items"].as_array().unwrap().len(), 3, "{flows:#}");
}

#[test]
fn names_of_templates_and_questions_may_have_capitals() {
    let house = House::new();
    house.good(&["new", "capitals", "--lang", "rust"]);
    for (file, from, to) in [
        ("prompts/en-IN.ftl", "greeting =", "Greeting ="),
        ("prompts/hi-IN.ftl", "greeting =", "Greeting ="),
        ("flow.toml", "questions.greeting", "questions.Greeting"),
        ("flow.toml", "\"greeting\"", "\"Greeting\""),
        ("tests/yes.toml", "\"greeting\"", "\"Greeting\""),
        ("tests/silence.toml", "\"greeting\"", "\"Greeting\""),
    ] {
        house.edit(&format!("capitals/{file}"), from, to);
    }
    house.good(&["build", "capitals"]);
    let (code, tested) = house.reported(&["test", "capitals"]);
    assert_eq!(code, Some(0), "{tested:#}");
    assert_eq!(tested["flows"][0]["findings"], json!([]), "{tested:#}");
    let said = tested["flows"][0]["tests"].to_string();
    assert!(said.contains("\"name\":\"Greeting\""), "{said}");
}

/// A line that is shown by a program that goes on.
struct Shown {
    process: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
    all: String,
}

impl Shown {
    fn of(mut command: Command) -> Self {
        use std::io::BufRead as _;
        let mut process = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let out = std::io::BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            lines,
            all: String::new(),
        }
    }

    fn until(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with `{words}`:\n{}", self.all);
            };
            self.all += &format!("{line}\n");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Waits for lines that come in any order.
    fn until_all(&mut self, words: &[&str]) {
        let mut missing = words.to_vec();
        while !missing.is_empty() {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with {missing:?}:\n{}", self.all);
            };
            self.all += &format!("{line}\n");
            missing.retain(|words| !line.contains(words));
        }
    }

    fn say(&mut self, line: &str) {
        use std::io::Write as _;
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Stops it as Ctrl-C does, and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        let reported = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(reported.success());
        self.until("stopped");
        self.process.wait().unwrap().code()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flow_is_written_with_its_engine_and_a_conversation_beside_it() {
    let house = House::new();
    house.good(&[
        "new",
        "written",
        "--lang",
        "rust",
        "--template",
        "appointment",
    ]);
    let mut command = house.command();
    // without a recogniser
    command.args(["dev", "written"]);
    let mut dev = Shown::of(command);
    let url = dev.until("what you save is live");
    let url = url
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .trim_end_matches(':')
        .to_owned();
    dev.until_all(&["is active", "asks    attends"]);
    assert!(!dev.all.contains("rejected"), "{}", dev.all);

    // words need no build
    let built = dev.all.matches("building").count();
    house.edit("written/prompts/en-IN.ftl", "Hello", "Good day");
    dev.until_all(&["is active", "the flow was edited", "Good day"]);
    assert!(
        dev.all.matches("building").count() <= built + 1,
        "{}",
        dev.all
    );
    dev.say("later");
    dev.until("outcome call-later");

    // what does not build changes nothing
    house.edit(
        "written/src/lib.rs",
        "end(\"call-later\"",
        "ende(\"call-later\"",
    );
    // a build that began while the file was written is followed by another one
    let line = dev.until("nothing is dropped");
    assert!(line.contains("failed after"), "{line}");
    dev.until("cannot find function `ende`");
    house.edit(
        "written/src/lib.rs",
        "ende(\"call-later\"",
        "end(\"later-then\"",
    );
    dev.until_all(&["is active", "later-then"]);

    // its tests are run, and keep nothing from being live
    house.edit(
        "written/tests/cancels.toml",
        "outcome = \"",
        "outcome = \"not-",
    );
    house.edit("written/prompts/en-IN.ftl", "Good day", "Namaste");
    dev.until_all(&["tests fail", "tests/cancels.toml"]);
    // and when one is saved, without another version
    house.edit(
        "written/tests/cancels.toml",
        "outcome = \"not-",
        "outcome = \"never-",
    );
    dev.until("expected the outcome `never-");

    let client = ghanti_sim::http::client().unwrap().build().unwrap();
    let flows: Value = client
        .get(format!("{url}/api/flows"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        flows["items"][0]["versions"][0]["state"], "active",
        "{flows:#}"
    );
    // the end of input ends the conversation alone
    drop(dev.process.stdin.take());
    house.edit("written/prompts/en-IN.ftl", "Namaste", "Hello");
    dev.until("is active");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn quitting_from_a_pipe_ends_it_all() {
    let house = House::new();
    house.good(&["new", "quit", "--lang", "rust"]);
    let mut command = house.command();
    command.args(["dev", "quit"]);
    let mut dev = Shown::of(command);
    dev.until("asks    greeting");
    dev.say("/quit");
    let given_up = std::time::Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = dev.process.try_wait().unwrap() {
            break status;
        }
        assert!(
            std::time::Instant::now() < given_up,
            "it goes on: {}",
            dev.all
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");

    // with a component from before it says what it does until it answers
    let mut command = house.command();
    command.args(["dev", "quit"]);
    let mut dev = Shown::of(command);
    dev.until("quit (Rust): loading what was built last");
    dev.until("what you save is live");
    assert_eq!(dev.stop(), Some(0));
}

/// The shell commands of the page for authors, block by block.
fn commands(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    for (at, block) in page.split("```").enumerate().filter(|(at, _)| at % 2 == 1) {
        let (language, text) = block.split_once('\n').unwrap();
        assert!(
            language.is_empty()
                || ["toml", "rust", "ts", "typescript", "python", "ftl"].contains(&language),
            "block {at} of the page is in `{language}`: say here what is to become of it"
        );
        if language.is_empty() {
            blocks.push(text.to_owned());
        }
    }
    blocks
}

/// Commands that go on until they are stopped: they have to say this before they are.
const GO_ON: [(&str, &str); 1] = [("ghanti flow dev", "what you save is live")];

#[test]
fn every_command_of_the_page_for_authors_does_what_it_says() {
    let house = House::new();
    let page = fs::read_to_string(root().join("docs/write-a-flow.md")).unwrap();
    let blocks = commands(&page);
    assert!(!blocks.is_empty(), "the page has lost its commands");
    let bin = house.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let ghanti = PathBuf::from(program().get_program());
    std::os::unix::fs::symlink(ghanti, bin.join("ghanti")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    // a block goes on where the one before it ended
    let (mut script, mut asked) = (String::from("set -eu\n"), Vec::new());
    for line in blocks.iter().flat_map(|block| block.lines()) {
        let line = line.split("  #").next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let number = asked.len();
        match GO_ON.iter().find(|(command, _)| line.starts_with(command)) {
            // stopped once it has said what it has to, or after a while
            Some((_, says)) => script.push_str(&format!(
                "mkfifo in said; {line} <in >said & exec 3>in; timeout 120 sed '/{says}/q' <said | tee last; grep -q '{says}' last; kill -TERM $!; timeout 20 tail --pid=$! -f /dev/null || {{ kill -KILL $!; exit 7; }}; wait $!; rm in said last\n"
            )),
            None => script.push_str(&format!("{line}\n")),
        }
        script.push_str(&format!("echo 'done {number}'\n"));
        asked.push(line.to_owned());
    }
    let mut command = Command::new("bash");
    let output = house
        .environment(&mut command)
        .current_dir(house.folder.path().join("bin"))
        .env("PATH", &path)
        .args(["-c", &script])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for (number, line) in asked.iter().enumerate() {
        let is_done = said.lines().any(|said| said == format!("done {number}"));
        assert!(is_done, "`{line}` fails: {output:?}");
    }
    assert!(output.status.success(), "{output:?}");
    assert!(
        asked.len() >= 6,
        "only these commands were found: {asked:?}"
    );
}
