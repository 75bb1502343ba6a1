//! The flow of two hundred calls is replaced, broken, deleted and brought back.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};

use crate::components::{built, patched};
use crate::house::{EMI, House, calls};

/// Files that have looked the same for so long are taken.
const STILL: Duration = Duration::from_millis(200);

/// A version that was active: since when at the earliest, when that was seen, in milliseconds since
/// 1970, and the number in its words.
#[derive(Debug)]
pub struct Published {
    pub id: String,
    pub begun_ms: u64,
    pub seen_ms: u64,
    pub number: usize,
}

/// Why a candidate has to be rejected.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub what: &'static str,
    pub step: &'static str,
    /// Part of the reason.
    pub words: &'static str,
    pub line: Option<u64>,
}

/// A candidate that had to be rejected, and what was reported of it.
#[derive(Debug)]
pub struct Spoilt {
    pub expected: Expected,
    pub reported: Value,
    /// The active version before and after.
    pub active: [Option<String>; 2],
}

#[derive(Debug)]
pub struct Replaced {
    pub published: Vec<Published>,
    pub spoilt: Vec<Spoilt>,
    /// The calls that went on while the folder was gone, and when that was, as it was seen from
    /// outside.
    pub calls_without_folder: u64,
    pub without_folder_ms: std::ops::RangeInclusive<u64>,
}

pub fn now_ms() -> u64 {
    u64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}

impl Replaced {
    /// Whether a version was active at some moment, as far as it was seen from outside.
    pub fn was_active(&self, id: &str, at_ms: u64) -> bool {
        let until = self
            .published
            .iter()
            .skip(1)
            .map(|version| version.seen_ms)
            .chain([u64::MAX]);
        self.published
            .iter()
            .zip(until)
            .any(|(version, until)| version.id == id && (version.begun_ms..=until).contains(&at_ms))
    }

    /// The number in a version's words.
    pub fn number(&self, id: &str) -> usize {
        self.published
            .iter()
            .find(|version| version.id == id)
            .unwrap_or_else(|| panic!("`{id}` was never active"))
            .number
    }

    fn push(&mut self, id: String, begun_ms: u64, number: usize) {
        self.published.push(Published {
            id,
            begun_ms,
            seen_ms: now_ms(),
            number,
        });
    }

    /// Makes a change that another version comes of.
    async fn publish(&mut self, house: &House, number: usize, change: impl FnOnce(&Path)) {
        let before = house.active(EMI).await;
        let begun_ms = now_ms();
        change(&house.flow(EMI));
        let id = house.another(EMI, before.as_deref()).await;
        self.push(id, begun_ms, number);
    }

    /// Puts other bytes into a file; the candidate has to be rejected so; then puts the old ones
    /// back.
    async fn spoil(&mut self, house: &House, file: &str, bytes: &[u8], expected: Expected) {
        let (file, before) = (house.flow(EMI).join(file), house.active(EMI).await);
        let good = fs::read(&file).unwrap();
        fs::write(&file, bytes).unwrap();
        let reported = |state: &Value| {
            state["rejected"][0]["reason"]
                .as_str()
                .is_some_and(|reported| reported.contains(expected.words))
        };
        let state = house
            .until(EMI, &format!("rejected for {}", expected.what), reported)
            .await;
        let active = [before, house.active(EMI).await];
        self.spoilt.push(Spoilt {
            expected,
            reported: state["rejected"][0].clone(),
            active,
        });
        fs::write(&file, good).unwrap();
    }
}

/// Gives the last words of a transferred call a number.
fn reword(flow: &Path, number: usize) {
    let file = flow.join("prompts/en-IN.ftl");
    let text = fs::read_to_string(&file).unwrap();
    let (head, tail) = text.split_once("please-wait = ").unwrap();
    let (_, tail) = tail.split_once('\n').unwrap();
    fs::write(
        &file,
        format!("{head}please-wait = Please wait, number {number}.\n{tail}"),
    )
    .unwrap();
}

/// Writes a file in pieces, with pauses shorter than it takes for a file to count as whole; in all
/// it takes longer. Gives the longest time between two writes, which a busy machine may draw out.
async fn write_slowly(file: PathBuf, bytes: Vec<u8>) -> Duration {
    let write = move || {
        let (mut written, mut last, mut longest) = (
            fs::File::create(file).unwrap(),
            Instant::now(),
            Duration::ZERO,
        );
        for piece in bytes.chunks(bytes.len().div_ceil(16)) {
            written.write_all(piece).unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
            std::thread::sleep(Duration::from_millis(40));
        }
        longest
    };
    tokio::task::spawn_blocking(write).await.unwrap()
}

/// All of it, with a hundred reloads in a row at the end.
pub async fn replace(house: &House) -> Replaced {
    let mut replaced = Replaced {
        published: Vec::new(),
        spoilt: Vec::new(),
        calls_without_folder: 0,
        without_folder_ms: 0..=0,
    };
    replaced.push(house.active(EMI).await.unwrap(), 0, 0);
    replaced.publish(house, 1, |flow| reword(flow, 1)).await;

    let component = built(EMI);
    let broken = [&component[..40_000], &[0xff; 2_000], &component[42_000..]].concat();
    let later = patched(component.clone(), "@0.1.0", "@0.2.0");
    let nameless = patched(component.clone(), "\x03run", "\x03ran");
    let prompts = b"greeting = Hello\nwho = { $x\n";
    for (what, file, bytes, step, words, line) in [
        (
            "a bad component",
            "flow.wasm",
            &broken[..],
            "contract",
            "no WebAssembly component",
            None,
        ),
        (
            "a half-copied file",
            "flow.wasm",
            &component[..component.len() / 2],
            "contract",
            "no WebAssembly component",
            None,
        ),
        (
            "a later contract",
            "flow.wasm",
            &later,
            "contract",
            "it needs ghanti:dialog 0.2.0, this engine has 0.1.0",
            None,
        ),
        (
            "a missing export",
            "flow.wasm",
            &nameless,
            "contract",
            "does not export `run`",
            None,
        ),
        (
            "no export at all",
            "flow.wasm",
            b"\0asm\x0d\0\x01\0",
            "contract",
            "does not export `describe`",
            None,
        ),
        (
            "wrong types",
            "flow.wasm",
            &built("wrong-types"),
            "link",
            "type",
            None,
        ),
        (
            "an unknown key",
            "flow.toml",
            b"[flow]\ntitel = 'EMI'\n",
            "manifest",
            "unknown key `titel`",
            Some(2),
        ),
        (
            "a broken prompt",
            "prompts/en-IN.ftl",
            prompts,
            "prompts",
            "`prompts/en-IN.ftl` line 3",
            Some(3),
        ),
    ] {
        replaced
            .spoil(
                house,
                file,
                bytes,
                Expected {
                    what,
                    step,
                    words,
                    line,
                },
            )
            .await;
    }

    // a copy that takes its time: nothing is seen of it but the whole
    let seen = house.state(EMI).await["rejected"].clone();
    let before = house.active(EMI).await;
    let begun_ms = now_ms();
    let flow = house.flow(EMI);
    let text = fs::read_to_string(flow.join("flow.toml")).unwrap();
    let slow = format!("{text}\n# {}\n", "copied slowly ".repeat(100));
    let longest = write_slowly(flow.join("flow.toml"), slow.into_bytes()).await;
    let id = house.another(EMI, before.as_deref()).await;
    replaced.push(id, begun_ms, 1);
    if longest < STILL {
        assert_eq!(
            house.state(EMI).await["rejected"],
            seen,
            "a half-written file was taken"
        );
    }

    // the folder is deleted: the calls go on
    let (away, gone_ms) = (house.folder.path().join("away"), now_ms());
    fs::rename(house.flow(EMI), &away).unwrap();
    let gone = |state: &Value| {
        state["versions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|version| version["state"] != "active")
    };
    replaced.calls_without_folder = calls(&house.until(EMI, "gone", gone).await);
    replaced
        .publish(house, 1, |flow| fs::rename(&away, flow).unwrap())
        .await;
    replaced.without_folder_ms = gone_ms..=now_ms();

    replaced.publish(house, 2, |flow| reword(flow, 2)).await;
    let begun_ms = now_ms();
    let (status, flow) = house
        .send(Method::POST, "/api/flows/emi-reminder/rollback")
        .await;
    assert_eq!(
        (status, &flow["versions"][1]["state"]),
        (200, &json!("previous")),
        "{flow:#}"
    );
    replaced.push(house.active(EMI).await.unwrap(), begun_ms, 1);

    for number in 10..110 {
        let begun_ms = now_ms();
        reword(&house.flow(EMI), number);
        let (status, reported) = house.send(Method::POST, "/api/flows/reload").await;
        assert_eq!(status, 200, "{reported:#}");
        replaced.push(house.active(EMI).await.unwrap(), begun_ms, number);
    }
    replaced
}
