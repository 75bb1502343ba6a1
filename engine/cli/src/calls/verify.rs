//! `ghanti calls verify`.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_model::CallId;
use ghanti_model::chain::{Broken, Intact};
use reqwest::StatusCode;
use serde::Deserialize;
use zip::ZipArchive;

use super::export::ChainPage;
use super::package::{Checked, Fault, Files, MANIFEST, check, names};
use super::{BROKEN, NOT_DONE};
use crate::config::Source;
use crate::engine::{Address, Engine, NoAnswer, segment};

/// Maximum size of an exported file in bytes: a call has at most about ten thousand events.
const FILE_BYTES: u64 = 256 << 20;
/// Maximum number of calls in an export.
const CALLS: usize = 10_000;

/// Check exported calls, or all calls of an engine: that nothing was changed since it was recorded
///
/// Exits with 0 if all is intact, with 1 if something was changed, and with 2 if
/// something could not be checked.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    source: Source,
    /// Exports: folders, or ZIP archives
    #[arg(
        value_name = "FOLDER|FILE",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    exports: Vec<PathBuf>,
    /// Have the engine check all calls in its database, and the files of its recordings
    #[arg(long)]
    all: bool,
    /// The engine's URL; with exports, also check that the engine has the same heads
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

/// The results of the checks so far.
#[derive(Default)]
struct Results {
    calls: u64,
    intact: Intact,
    broken: u64,
    unchecked: u64,
    recordings: Option<Recordings>,
}

/// The results of the checks of recordings' files.
#[derive(Default)]
struct Recordings {
    intact: u64,
    deleted_for_age: u64,
    deleted_for_erasure: u64,
    broken: u64,
    unchecked: u64,
}

impl Recordings {
    fn say(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(out, "{} recordings are intact", self.intact)?;
        let deleted = [
            (self.deleted_for_age, "for their age, as [retention] says"),
            (self.deleted_for_erasure, "with the erasure of a person"),
        ];
        for (count, why) in deleted.into_iter().filter(|(count, _)| *count > 0) {
            writeln!(out, "{count} recordings were deleted {why}")?;
        }
        if self.broken > 0 {
            writeln!(
                out,
                "{} recordings were changed or are missing",
                self.broken
            )?;
        }
        if self.unchecked > 0 {
            writeln!(out, "{} recordings could not be checked", self.unchecked)?;
        }
        Ok(())
    }
}

impl Results {
    fn count(&mut self, intact: Intact) {
        self.calls += 1;
        self.intact.events += intact.events;
        self.intact.erased += intact.erased;
    }

    fn end(&self, out: &mut impl std::io::Write) -> anyhow::Result<ExitCode> {
        let Intact { events, erased } = self.intact;
        write!(out, "{} calls are intact, with {events} events", self.calls)?;
        if erased > 0 {
            write!(out, "; the personal data of {erased} of them was erased")?;
        }
        writeln!(out)?;
        if self.broken > 0 {
            writeln!(out, "{} calls were changed", self.broken)?;
        }
        if self.unchecked > 0 {
            writeln!(out, "{} could not be checked", self.unchecked)?;
        }
        let mut found = (self.broken, self.unchecked);
        if let Some(recordings) = &self.recordings {
            recordings.say(out)?;
            found.0 += recordings.broken;
            found.1 += recordings.unchecked;
        }
        Ok(match found {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(NOT_DONE),
            _ => ExitCode::from(BROKEN),
        })
    }
}

impl Verify {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (mut out, mut results) = (std::io::stdout(), Results::default());
        let engine = match (self.url, self.all) {
            (None, false) => None,
            (url, _) => Some(Engine::new(&Address::new(self.source, url))?),
        };
        if let (Some(engine), true) = (&engine, self.all) {
            all(engine, &mut results, &mut out).await?;
            results.recordings = Some(all_recordings(engine, &mut out).await?);
            return results.end(&mut out);
        }
        for export in &self.exports {
            let shown = export.display();
            let calls = read(export).with_context(|| format!("cannot read `{shown}`"));
            let calls = match calls {
                Ok(calls) => calls,
                Err(error) => {
                    writeln!(out, "{shown}: cannot be checked: {error:#}")?;
                    results.unchecked += 1;
                    continue;
                }
            };
            for (name, files) in calls {
                let mut checked = check(&files);
                if let (Ok(of_export), Some(engine)) = (&checked, &engine)
                    && let Err(fault) = compare(engine, of_export).await
                {
                    checked = Err(fault);
                }
                match checked {
                    Ok(Checked { intact, .. }) => results.count(intact),
                    Err(fault) => {
                        writeln!(out, "{shown}: {name}: {fault}")?;
                        match fault {
                            Fault::Broken(_) => results.broken += 1,
                            Fault::Unchecked(_) => results.unchecked += 1,
                        }
                    }
                }
            }
        }
        results.end(&mut out)
    }
}

/// Checks that the engine's chain of the call passes through the export's head.
async fn compare(engine: &Engine, of_export: &Checked) -> Result<(), Fault> {
    let Checked { call, head, .. } = of_export;
    let Some(after) = head.length.checked_sub(1) else {
        return Ok(());
    };
    let path = format!(
        "/api/calls/{}/chain?cursor={after}&limit=1",
        segment(&call.to_string())
    );
    let page: ChainPage = engine.get(&path).await.map_err(|error| {
        Fault::Unchecked(match error {
            NoAnswer::Refused { status, .. } if status == StatusCode::NOT_FOUND => {
                "the engine does not have the call (any more)".to_owned()
            }
            error => format!("{:#}", anyhow::Error::from(error)),
        })
    })?;
    match page.items.first() {
        Some(event) if event.position == head.length && event.hash == head.hash => Ok(()),
        Some(event) => Err(Fault::Broken(format!(
            "the engine's hash of event {} differs ({})",
            head.length, event.id
        ))),
        None => Err(Fault::Broken(format!(
            "the engine's chain ends before event {}",
            head.length
        ))),
    }
}

/// A page of the engine's checks.
#[derive(Deserialize)]
struct ChecksPage {
    calls: u64,
    #[serde(flatten)]
    intact: Intact,
    broken: Vec<BrokenCall>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct BrokenCall {
    call_id: String,
    #[serde(flatten)]
    broken: Broken,
}

async fn all(
    engine: &Engine,
    results: &mut Results,
    out: &mut impl std::io::Write,
) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page: ChecksPage = engine.get(&format!("/api/chains?cursor={after}")).await?;
        let broken = u64::try_from(page.broken.len()).unwrap_or(u64::MAX);
        results.calls += page.calls.saturating_sub(broken);
        results.intact.events += page.intact.events;
        results.intact.erased += page.intact.erased;
        results.broken += broken;
        for BrokenCall { call_id, broken } in page.broken {
            writeln!(out, "{call_id}: {broken}")?;
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}

/// A page of the engine's checks of recordings.
#[derive(Deserialize)]
struct RecordingsPage {
    intact: u64,
    deleted_for_age: u64,
    deleted_for_erasure: u64,
    broken: Vec<NamedRecording>,
    unchecked: Vec<NamedRecording>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct NamedRecording {
    call_id: String,
    file: String,
    reason: String,
}

async fn all_recordings(
    engine: &Engine,
    out: &mut impl std::io::Write,
) -> anyhow::Result<Recordings> {
    let (mut found, mut after) = (Recordings::default(), String::new());
    loop {
        let path = format!("/api/recordings/checks?cursor={after}");
        let page: RecordingsPage = engine.get(&path).await?;
        found.intact += page.intact;
        found.deleted_for_age += page.deleted_for_age;
        found.deleted_for_erasure += page.deleted_for_erasure;
        found.broken += u64::try_from(page.broken.len()).unwrap_or(u64::MAX);
        found.unchecked += u64::try_from(page.unchecked.len()).unwrap_or(u64::MAX);
        for wrong in page.broken.into_iter().chain(page.unchecked) {
            let NamedRecording {
                call_id,
                file,
                reason,
            } = wrong;
            writeln!(out, "{call_id}: recording `{file}`: {reason}")?;
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(found),
        }
    }
}

/// Reads the calls of an export, each with its name in it.
fn read(path: &Path) -> anyhow::Result<Vec<(String, Files)>> {
    let calls = if path.is_dir() {
        read_folder(path)?
    } else {
        read_archive(path)?
    };
    if calls.is_empty() {
        bail!("it has no exported call");
    }
    Ok(calls)
}

fn read_folder(path: &Path) -> anyhow::Result<Vec<(String, Files)>> {
    if path.join(MANIFEST).exists() {
        return Ok(vec![(".".to_owned(), read_files(path)?)]);
    }
    let mut calls = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(call) = name.and_then(CallId::parse) {
            calls.push((call.to_string(), read_files(&path)?));
        }
        if calls.len() > CALLS {
            bail!("it has more than {CALLS} calls: verify it in parts");
        }
    }
    calls.sort_by(|(first, _), (second, _)| first.cmp(second));
    Ok(calls)
}

fn read_files(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for name in names() {
        match File::open(folder.join(&name)) {
            Ok(file) => {
                let bytes = bounded(file, &name)?;
                files.insert(name, bytes);
            }
            // a missing file is reported when the files are checked
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

fn read_archive(path: &Path) -> anyhow::Result<Vec<(String, Files)>> {
    let mut archive = ZipArchive::new(File::open(path)?).context("it is not a ZIP archive")?;
    if archive.len() > CALLS * names().count() {
        bail!("it has more than {CALLS} calls: verify it in parts");
    }
    let mut calls = std::collections::BTreeMap::<String, Files>::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let Some((call, name)) = name.split_once('/') else {
            continue;
        };
        if CallId::parse(call).is_some() && names().any(|known| known == name) {
            let (call, name) = (call.to_owned(), name.to_owned());
            let bytes = bounded(file, &name)?;
            calls.entry(call).or_default().insert(name, bytes);
        }
    }
    Ok(calls.into_iter().collect())
}

fn bounded(source: impl Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES) {
        bail!("its `{name}` has more than {} MiB", FILE_BYTES >> 20);
    }
    Ok(bytes)
}
