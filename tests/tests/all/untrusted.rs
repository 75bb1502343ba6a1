//! Components that bring down whoever parses or compiles them, dropped into the folder of a running
//! engine: each is rejected with its reason, nothing else notices, and after a restart it is
//! rejected without being tried again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::{ACTS_PROMPTS, ACTS_QUESTIONS, Engine, PATIENCE, Setup, Stream, root};
use serde_json::Value;
use tempfile::TempDir;

const LOOK: Duration = Duration::from_millis(20);
/// What the log says when a child process is started for a component.
const TRIED: &str = "component is compiled by a process of its own";
/// The header of a component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MIB: u64 = 1 << 20;

/// An engine with one good flow.
struct House {
    folder: TempDir,
    engine: Engine,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("flows/good");
        fs::create_dir_all(flow.join("prompts")).unwrap();
        fs::write(flow.join("flow.wasm"), good()).unwrap();
        fs::write(
            flow.join("flow.toml"),
            format!("[settings]\nact = 'converse'\n[grants]\ntransfer = {{ default = ['+919876500000'] }}\n{ACTS_QUESTIONS}"),
        )
        .unwrap();
        let prompts = format!("greeting = Hello {{ $name }}\n{ACTS_PROMPTS}");
        fs::write(flow.join("prompts/en-IN.ftl"), prompts).unwrap();
        // a data folder of its own: what other tests have found of a component is not known here
        let setup = Setup::new("[speech]\nrecognizer = 'none'\n[calls]\nflow = 'good'\n")
            .flows(folder.path().join("flows"));
        let engine = setup.data(folder.path().join("data")).start();
        Self { folder, engine }
    }

    /// Puts a component into the folder at one stroke.
    fn bring(&self, name: &str, component: &[u8]) {
        let new = self.folder.path().join(name);
        fs::write(&new, component).unwrap();
        fs::rename(new, self.flow(name)).unwrap();
    }

    fn flow(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("flows/{name}.wasm"))
    }

    async fn state(&self, name: &str) -> Value {
        let all = self
            .engine
            .http()
            .get(self.engine.url("/api/flows"))
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap();
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|state| state["name"] == name)
            .cloned()
            .unwrap_or_default()
    }

    /// Waits for a flow's rejection. Gives it with the most memory that a child was seen to have,
    /// in bytes.
    async fn rejected(&self, name: &str) -> (Value, u64) {
        let (given_up, mut most) = (Instant::now() + PATIENCE * 2, 0);
        loop {
            most = most.max(
                children(self.engine.pid())
                    .into_iter()
                    .map(|child| memory(child, "VmRSS:"))
                    .max()
                    .unwrap_or(0),
            );
            let state = self.state(name).await;
            if state["rejected"][0].is_object() {
                assert_eq!(
                    state["versions"].as_array().map(Vec::len),
                    Some(0),
                    "{state:#}"
                );
                return (state["rejected"][0].clone(), most);
            }
            assert!(
                Instant::now() < given_up,
                "`{name}` is not judged: {state:#}\n{}",
                self.engine.logs()
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn good() -> Vec<u8> {
    fs::read(root().join("engine/host/tests/fixtures/acts-0.1.0.wasm")).unwrap()
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/fixtures/hostile").join(name)).unwrap()
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    children
        .flat_map(|ids| {
            ids.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A line of `/proc/PID/status` in bytes; 0 where the process is gone.
fn memory(pid: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|reported| {
        reported
            .strip_prefix(line)?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) << 10
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb128(content.len()).as_slice(), content].concat()
}

/// A good flow with another section behind it.
fn with(id: u8, content: &[u8]) -> Vec<u8> {
    [good(), section(id, content)].concat()
}

/// Components inside each other.
fn nested_components(depth: usize) -> Vec<u8> {
    let (mut heads, mut length) = (Vec::new(), COMPONENT.len());
    for _ in 0..depth {
        let head = [COMPONENT, &[4], &leb128(length)].concat();
        length += head.len();
        heads.push(head);
    }
    heads.reverse();
    [&heads.concat(), COMPONENT].concat()
}

/// A type section with one type: instance types inside each other.
fn nested_instance_types(depth: usize) -> Vec<u8> {
    [&[1][..], &[0x42, 1, 1].repeat(depth), &[0x42, 0]].concat()
}

/// A type section with an instance type, in which each type is a list of the one before.
fn list_of_lists(depth: usize) -> Vec<u8> {
    let mut types = vec![1, 0x70, 0x73];
    for inner in 0..depth {
        types.extend([1, 0x70]);
        types.extend(leb128(inner));
    }
    [vec![1, 0x42], leb128(depth + 1), types].concat()
}

/// A core module of functions with as many locals as may be, each a few bytes long.
fn locals(functions: usize) -> Vec<u8> {
    let body = [&[1][..], &leb128(50_000), &[0x7f, 0x0b]].concat();
    let body = [leb128(body.len()), body].concat();
    let types = section(1, &[1, 0x60, 0, 0]);
    let declared = section(3, &[leb128(functions), vec![0; functions]].concat());
    let code = section(10, &[leb128(functions), body.repeat(functions)].concat());
    [b"\0asm\x01\0\0\0".to_vec(), types, declared, code].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_ends_its_compiler_is_rejected_and_not_tried_again_after_a_restart() {
    let mut house = House::new();
    house.engine.customer("09876550001", None).await;
    let mut stream = Stream::begin(&house.engine, "untrusted-1", "09876550001").await;
    stream.hear_voice().await;
    let before = memory(house.engine.pid(), "VmHWM:");

    let cases = [
        (
            "crash-2000",
            sample("crash-2000.wasm"),
            "overflows a stack of 1 MiB",
        ),
        ("membomb", sample("membomb.wasm"), "MiB of memory"),
        (
            "instance-types",
            with(7, &nested_instance_types(100_000)),
            "overflows a stack of 1 MiB",
        ),
    ];
    for (name, component, _) in &cases {
        house.bring(name, component);
    }
    for (name, _, words) in &cases {
        let (rejection, most) = house.rejected(name).await;
        assert_eq!(rejection["step"], "compile", "{name}: {rejection:#}");
        assert!(
            rejection["reason"].as_str().unwrap().contains(words),
            "{name}: {rejection:#}"
        );
        assert!(
            rejection["hint"]
                .as_str()
                .unwrap()
                .contains("build the component again"),
            "{name}: {rejection:#}"
        );
        assert!(most < 700 * MIB, "{name}: a child had {} MiB", most / MIB);
    }
    let grown = memory(house.engine.pid(), "VmHWM:") - before;
    assert!(
        grown < 150 * MIB,
        "the engine took {} MiB more",
        grown / MIB
    );
    stream.hang_up("untrusted-1").await;
    // a silent caller's conversation comes to its own end where the compiling takes long
    let record = house.engine.ended("untrusted-1").await;
    let outcome = record["outcome"].as_str().unwrap();
    assert!(["hung-up", "wrong-person"].contains(&outcome), "{record:#}");
    house.engine.is_well().await;
    assert_eq!(
        house.engine.logs().matches(TRIED).count() % (1 + cases.len()),
        0,
        "one child for each component"
    );

    house.engine.start_again();
    for (name, _, words) in &cases {
        let (rejection, _) = house.rejected(name).await;
        assert!(
            rejection["reason"].as_str().unwrap().contains(words),
            "{name}: {rejection:#}"
        );
    }
    assert!(
        !house.engine.shown().contains(TRIED),
        "{}",
        house.engine.shown()
    );
    // under another name it is the same component
    house.bring("again", &cases[0].1);
    house.rejected("again").await;
    assert!(
        !house.engine.shown().contains(TRIED),
        "{}",
        house.engine.shown()
    );
    let mut stream = Stream::begin(&house.engine, "untrusted-2", "09876550001").await;
    stream.hear_voice().await;
    stream.hang_up("untrusted-2").await;
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deep_cut_off_huge_or_endless_is_rejected_while_a_good_flow_is_changed() {
    let house = House::new();
    let (good, file) = (good(), house.folder.path().join("huge"));
    File::create(&file).unwrap().set_len(100 * MIB).unwrap();
    fs::rename(file, house.flow("huge")).unwrap();
    let imports = (0..50_000).flat_map(|at| {
        let name = format!("n{at}");
        [&[0][..], &leb128(name.len()), name.as_bytes(), &[5, 0]].concat()
    });
    let instance_type = section(7, &[1, 0x42, 0]);
    let imports = section(10, &[leb128(50_000), imports.collect()].concat());
    let cases = [
        ("components", nested_components(2_000), "contract"),
        (
            "components-in-a-flow",
            with(4, &nested_components(20_000)),
            "compile",
        ),
        ("lists", with(7, &list_of_lists(100_000)), "compile"),
        (
            "imports",
            [COMPONENT, &instance_type, &imports].concat(),
            "contract",
        ),
        ("cut-off", good[..good.len() - 1_000].to_vec(), "contract"),
        ("locals", with(1, &locals(20_000)), "compile"),
    ];
    for (name, component, _) in &cases {
        house.bring(name, component);
    }
    // a good flow is loaded meanwhile
    house.bring(
        "another",
        &fs::read(Path::new(&root()).join("engine/host/tests/fixtures/bare-0.1.0.wasm")).unwrap(),
    );
    let (rejection, _) = house.rejected("huge").await;
    assert!(
        rejection["reason"]
            .as_str()
            .unwrap()
            .contains("is larger than 32 MiB"),
        "{rejection:#}"
    );
    for (name, _, step) in &cases {
        let (rejection, most) = house.rejected(name).await;
        assert_eq!(rejection["step"], *step, "{name}: {rejection:#}");
        assert!(
            rejection["reason"].as_str().unwrap().len() < 4_096,
            "{name}: {rejection:#}"
        );
        assert!(most < 700 * MIB, "{name}: a child had {} MiB", most / MIB);
    }
    let given_up = Instant::now() + PATIENCE;
    while house.state("another").await["versions"][0]["state"] != "active" {
        assert!(Instant::now() < given_up, "{}", house.engine.logs());
        tokio::time::sleep(LOOK).await;
    }
    house.engine.is_well().await;
}
