//! Code that fails is told to its author where it fails and why, in one sentence for one failure, and without what the
//! runtime of their language is made of.

use serde_json::Value;

use super::{House, Shown};

/// What `ghanti flow check` finds.
fn findings(house: &House, flow: &str) -> Vec<Value> {
    let output = house.run(&["check", flow, "--json"]);
    let reported: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    reported["flows"][0]["findings"].as_array().unwrap().clone()
}

#[track_caller]
fn only(house: &House, flow: &str) -> (Value, Value, String) {
    let found = findings(house, flow);
    assert_eq!(found.len(), 1, "{found:#?}");
    let message = found[0]["message"].as_str().unwrap().to_owned();
    for internal in [
        "function ",
        "_PyEval",
        "wasm trap",
        "Traceback",
        "entry.py",
        "RUST_BACKTRACE",
    ] {
        assert!(!message.contains(internal), "{message}");
    }
    (found[0]["file"].clone(), found[0]["line"].clone(), message)
}

#[test]
fn a_panic_at_the_start_is_one_message_with_its_place() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "rust", "--template", "reminder"]);
    house.edit(
        "visit/src/lib.rs",
        "fn run() -> Result<(), Error> {",
        "#[allow(unreachable_code)]\nfn run() -> Result<(), Error> {\n    panic!(\"boom\");",
    );
    house.good(&["build", "visit"]);
    let source = std::fs::read_to_string(house.flows().join("visit/src/lib.rs")).unwrap();
    let line = 1 + source
        .lines()
        .position(|line| line.contains("boom"))
        .unwrap();
    let wanted = format!(
        "whoever is called, the flow fails before it asks anything: panicked at src/lib.rs:{line}:5: boom"
    );
    let reported = (Value::from("src/lib.rs"), Value::from(line), wanted.clone());
    assert_eq!(only(&house, "visit"), reported);

    // nor are names missed that a flow which never begins cannot have, where no test tells so
    std::fs::remove_dir_all(house.flows().join("visit/tests")).unwrap();
    assert_eq!(only(&house, "visit"), reported);
    let mut command = house.command();
    command.args(["dev", "visit"]);
    let mut dev = Shown::of(command);
    dev.until(&wanted);
    assert!(!dev.all.contains("establishes nothing"), "{}", dev.all);
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn what_fails_in_typescript_is_told_without_the_runtimes_own_frames() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "typescript"]);
    let begins = "  const who = customer();\n";
    let mut before = begins.to_owned();
    for (code, place, said) in [
        (
            "  if (Date.now() > 0) throw \"oops\";\n",
            None,
            "\"oops\" was thrown, which has no place: throw an Error",
        ),
        (
            "  const nothing: any = undefined;\n  nothing.foo();\n",
            Some(8),
            "TypeError: cannot read property 'foo' of undefined; at run (src/flow.ts:8)",
        ),
        (
            "  while (Date.now() > 0) {}\n",
            None,
            "without calling a host function: look for an endless loop",
        ),
        (
            "  const deep = (n: number): number => deep(n + 1) + 1;\n  deep(0);\n",
            None,
            "call each other too deeply: look for an endless recursion",
        ),
    ] {
        let after = format!("{code}{begins}");
        house.edit("visit/src/flow.ts", &before, &after);
        before = after;
        house.good(&["build", "visit"]);
        let (file, line, message) = only(&house, "visit");
        assert!(
            message.ends_with(said) || place.is_none() && message.contains(said),
            "{message}"
        );
        if let Some(place) = place {
            let source = std::fs::read_to_string(house.flows().join("visit/src/flow.ts")).unwrap();
            let there = source.lines().nth(place - 1).unwrap();
            assert_eq!(
                (file, line),
                ("src/flow.ts".into(), place.into()),
                "{there}"
            );
        }
    }
}

#[test]
fn what_fails_in_python_is_told_without_the_interpreters_own_frames() {
    let house = House::new();
    house.good(&["new", "visit", "--lang", "python"]);
    house.edit(
        "visit/flow.py",
        "    who = customer()\n",
        "    deep = lambda n: deep(n + 1)\n    deep(0)\n    who = customer()\n",
    );
    house.good(&["build", "visit"]);
    let (file, line, message) = only(&house, "visit");
    assert_eq!((file, line), ("flow.py".into(), 8.into()), "{message}");
    assert!(message.contains("RecursionError: "), "{message}");
}
