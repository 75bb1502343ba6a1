//! Calls played by the program itself: `ghanti call --scenario FILE --url ENGINE`, a process each.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::engine::Engine;
use super::program::{program, root};

/// A scenario gives up by itself after three minutes; then there is this much left to write its
/// report.
const LIMIT: Duration = Duration::from_secs(240);

/// A shipped scenario's file.
pub fn scenario(name: &str) -> PathBuf {
    root().join("tests/scenarios").join(format!("{name}.toml"))
}

/// A call under way.
pub struct Playing {
    name: String,
    process: Child,
    folder: PathBuf,
    /// That folder, where nobody else keeps it.
    _own: Option<TempDir>,
}

/// A call that is over.
#[derive(Debug)]
pub struct Report {
    /// The scenario's file, without its ending.
    pub name: String,
    /// The program's exit code.
    pub code: Option<i32>,
    /// What it showed.
    pub shown: String,
    /// `report.json`; null when there is none.
    pub reported: Value,
    /// `journal.json`; null when there is none.
    pub journal: Value,
    /// `transcript.txt`.
    pub transcript: String,
    /// The loudest sample of each channel of `call.wav`, caller and bot, 0 to 32,768; none without
    /// such a file.
    pub peaks: Option<[u16; 2]>,
}

impl Playing {
    /// Begins a call.
    pub fn begin(engine: &Engine, scenario: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        Self::start(engine, scenario, path, Some(folder))
    }

    /// Begins a call whose files are kept in a folder.
    pub fn begin_into(engine: &Engine, scenario: &Path, folder: &Path) -> Self {
        Self::start(engine, scenario, folder.to_owned(), None)
    }

    fn start(engine: &Engine, scenario: &Path, folder: PathBuf, own: Option<TempDir>) -> Self {
        let shown = File::create(folder.join("shown.txt")).unwrap();
        let process = program()
            .arg("call")
            .arg("--config")
            .arg(engine.house().join("ghanti.toml"))
            .arg("--scenario")
            .arg(scenario)
            .args(["--url", &engine.url("")])
            .arg("--out")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(shown.try_clone().unwrap())
            .stderr(shown)
            .spawn()
            .unwrap();
        Self {
            name: scenario.file_stem().unwrap().to_string_lossy().into_owned(),
            process,
            folder,
            _own: own,
        }
    }

    /// Waits for its end. Blocks.
    pub fn report(mut self) -> Report {
        let given_up = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < given_up,
                "`{}` goes on for ever",
                self.name
            );
            std::thread::sleep(Duration::from_millis(50));
        };
        let read = |file: &Path| fs::read_to_string(file).unwrap_or_default();
        let folder = self.folder.join(&self.name);
        let json = |name: &str| serde_json::from_str(&read(&folder.join(name))).unwrap_or_default();
        Report {
            name: self.name.clone(),
            code: status.code(),
            shown: read(&self.folder.join("shown.txt")),
            reported: json("report.json"),
            journal: json("journal.json"),
            transcript: read(&folder.join("transcript.txt")),
            peaks: peaks(&folder.join("call.wav")),
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn peaks(file: &Path) -> Option<[u16; 2]> {
    let mut recording = hound::WavReader::open(file).ok()?;
    assert_eq!(recording.spec().channels, 2, "{}", file.display());
    let mut peaks = [0; 2];
    for (at, sample) in recording.samples::<i16>().enumerate() {
        let peak = &mut peaks[at % 2];
        *peak = sample.unwrap().unsigned_abs().max(*peak);
    }
    Some(peaks)
}
