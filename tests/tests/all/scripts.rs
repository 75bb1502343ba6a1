//! Flows in JavaScript and Python in their sealed WASI: what their clocks show, what they draw,
//! print and may reach, and that a replay of them finds the same.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, RunEnd, Scripted, ScriptedCaller};
use ghanti_model::{CallId, Function, Journal};
use ghanti_replay::compare;
use tokio::sync::OnceCell;

/// When a scripted call begins, and what it has come to once its one prompt of a second was heard.
const BEGINNING_MS: u64 = 1_767_591_000_000;
const HEARD_MS: u64 = BEGINNING_MS + 1_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

async fn load(name: &str) -> Arc<FlowVersion> {
    static ENGINE: OnceLock<FlowEngine> = OnceLock::new();
    let settings = EngineSettings {
        max_calls: 8,
        show_flow_logs: true,
        ..EngineSettings::default()
    };
    let engine = ENGINE.get_or_init(|| FlowEngine::new(&settings).unwrap());
    let house = tempfile::tempdir().unwrap();
    fs::create_dir(house.path().join("flows")).unwrap();
    let built = root().join(format!("plugins/target/fixtures/{name}.wasm"));
    let copied = fs::copy(&built, house.path().join(format!("flows/{name}.wasm")));
    copied.unwrap_or_else(|error| {
        panic!(
            "cannot read `{}`: {error}: run `make flows`",
            built.display()
        )
    });
    let components = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
    let settings = CatalogueSettings {
        components,
        ..CatalogueSettings::default()
    };
    let (catalogue, rejections) =
        Catalogue::open(engine.clone(), &house.path().join("flows"), settings)
            .await
            .unwrap();
    assert_eq!(rejections, []);
    catalogue.versions().into_values().next().unwrap()
}

async fn clockwork(language: &str) -> Arc<FlowVersion> {
    static LOADED: [OnceCell<Arc<FlowVersion>>; 2] = [const { OnceCell::const_new() }; 2];
    let at = usize::from(language == "py");
    LOADED[at]
        .get_or_init(async || load(&format!("clockwork-{language}")).await)
        .await
        .clone()
}

async fn call(
    version: &FlowVersion,
    id: CallId,
    caller: ScriptedCaller,
) -> (RunEnd, Scripted, Journal) {
    let scripted = caller.scripted();
    let journal = version.journal(id);
    let end = version.run(Box::new(caller), journal.clone()).await;
    let scripted = scripted.lock().unwrap().clone();
    (end, scripted, journal.snapshot())
}

fn noted(scripted: &Scripted, name: &str) -> String {
    scripted.notes[name].expose().to_owned()
}

#[tokio::test]
async fn a_scripts_clock_is_the_journals() {
    for language in ["js", "py"] {
        let (end, scripted, _) = call(
            &*clockwork(language).await,
            CallId::generate(),
            ScriptedCaller::new([]),
        )
        .await;
        assert_eq!(end, RunEnd::Returned, "{language}");
        let times: [u64; 3] =
            ["first", "then", "journal"].map(|name| noted(&scripted, name).parse().unwrap());
        assert_eq!(times, [BEGINNING_MS, HEARD_MS, HEARD_MS], "{language}");
    }
}

#[tokio::test]
async fn chance_is_the_calls_own() {
    for language in ["js", "py"] {
        let version = clockwork(language).await;
        let (id, other) = (CallId::generate(), CallId::generate());
        let mut drawn = Vec::new();
        for id in [id, id, other] {
            let (_, scripted, _) = call(&version, id, ScriptedCaller::new([])).await;
            drawn.push(noted(&scripted, "drawn"));
        }
        assert_eq!(
            drawn[0], drawn[1],
            "{language}: the same call draws the same"
        );
        assert_ne!(drawn[0], drawn[2], "{language}: another call draws others");
    }
}

#[tokio::test]
async fn a_script_that_looks_at_the_clock_draws_and_prints_repeats_itself() {
    for language in ["js", "py"] {
        let version = clockwork(language).await;
        let (_, _, journal) = call(&version, CallId::generate(), ScriptedCaller::new([])).await;
        let again = compare(&version, journal.clone(), &BTreeSet::new())
            .await
            .unwrap();
        assert_eq!(
            (again.end, again.differences),
            (RunEnd::Returned, Vec::new()),
            "{language}"
        );
        assert_eq!(again.entries, journal.entries, "{language}");
    }
}

#[tokio::test]
async fn nothing_outside_is_reached_and_the_script_gets_its_languages_own_errors() {
    let (_, scripted, _) = call(
        &*clockwork("py").await,
        CallId::generate(),
        ScriptedCaller::new([]),
    )
    .await;
    let found =
        ["environment", "read", "write", "connect", "resolve"].map(|name| noted(&scripted, name));
    assert_eq!(
        found,
        [
            "{} []",
            "FileNotFoundError",
            "FileNotFoundError",
            "PermissionError",
            "PermissionError"
        ]
    );
}

#[tokio::test]
async fn sleeping_takes_no_time_but_the_clock_shows_it() {
    let version = clockwork("py").await;
    let began = std::time::Instant::now();
    let (_, scripted, _) = call(&version, CallId::generate(), ScriptedCaller::new([])).await;
    assert_eq!(noted(&scripted, "slept"), "60");
    assert!(
        began.elapsed() < std::time::Duration::from_secs(60),
        "the call waited"
    );
}

#[tokio::test]
async fn console_lines_are_lines_of_the_journal() {
    let (_, _, journal) = call(
        &*clockwork("js").await,
        CallId::generate(),
        ScriptedCaller::new([]),
    )
    .await;
    let lines: Vec<_> = journal
        .entries
        .iter()
        .filter(|entry| entry.function == Function::Log)
        .map(|entry| &entry.arguments)
        .collect();
    assert_eq!(
        lines,
        [&serde_json::json!({ "level": "info", "message": "noted {\"times\":2}" })]
    );
}

thread_local! {
    /// What was logged on this thread. A subscriber of one thread alone loses lines while other
    /// threads log for the first time.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_printed_is_a_line_of_the_calls_log_but_not_again_in_a_replay() {
    let version = clockwork("py").await;
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(|| Log)
        .init();
    let (_, _, journal) = call(&version, CallId::generate(), ScriptedCaller::new([])).await;
    compare(&version, journal, &BTreeSet::new()).await.unwrap();
    let log = String::from_utf8(LOG.take()).unwrap();
    assert_eq!(log.matches("flow log").count(), 1, "{log}");
    assert!(
        log.contains("message=\"noted\"") || log.contains("noted"),
        "{log}"
    );
}

#[tokio::test]
async fn an_uncaught_exception_is_reported_with_the_scripts_own_stack() {
    let (end, ..) = call(
        &*clockwork("py").await,
        CallId::generate(),
        ScriptedCaller::new([("fails", "yes")]),
    )
    .await;
    let RunEnd::Trapped { stack, .. } = end else {
        panic!("{end:?}")
    };
    assert_eq!(stack[0], "Traceback (most recent call last):");
    assert!(
        stack.iter().any(|line| line == "ValueError: as asked"),
        "{stack:#?}"
    );
}

#[tokio::test]
async fn a_script_that_fails_loops_or_hoards_is_ended_and_the_next_call_is_well() {
    for language in ["js", "py"] {
        let version = clockwork(language).await;
        let failing = async |how| {
            let caller = ScriptedCaller::new([("fails", how)]);
            call(&version, CallId::generate(), caller).await.0
        };
        let thrown = failing("throws").await;
        let RunEnd::Trapped { stack, .. } = &thrown else {
            panic!("{language}: {thrown:?}")
        };
        assert!(
            stack.iter().any(|line| line.contains("as asked")),
            "{language}: {stack:#?}"
        );
        let looped = failing("loops").await;
        assert!(
            matches!(&looped, RunEnd::LimitExceeded { what } if what.to_string().contains("compute-ms")),
            "{language}: {looped:?}"
        );
        let hoarded = failing("hoards").await;
        assert!(hoarded.is_failure(), "{language}: {hoarded:?}");
        let (end, ..) = call(&version, CallId::generate(), ScriptedCaller::new([])).await;
        assert_eq!(end, RunEnd::Returned, "{language}");
    }
}

#[test]
fn the_types_for_scripts_name_every_function_of_the_contract() {
    let wit = fs::read_to_string(root().join("wit/dialog.wit")).unwrap();
    let types = fs::read_to_string(root().join("plugins/javascript/dialog.d.ts")).unwrap();
    let functions: Vec<_> = wit
        .lines()
        .filter_map(|line| line.trim().split_once(": func("))
        .map(|(name, _)| name)
        .collect();
    let of_imports: Vec<_> = functions
        .into_iter()
        .filter(|name| !name.starts_with("export "))
        .collect();
    assert!(of_imports.len() > 15, "{of_imports:?}");
    for name in of_imports {
        let mut words = name.split('-');
        let first = words.next().unwrap().to_owned();
        let camel = words.fold(first, |camel, word| {
            camel + &word[..1].to_uppercase() + &word[1..]
        });
        assert!(
            types.contains(&format!("export function {camel}(")),
            "plugins/javascript/dialog.d.ts lacks `{camel}`"
        );
    }
}
