//! `ghanti calls export`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ghanti_model::chain::{ChainHead, ChainedEvent};
use ghanti_model::{CallId, CallRecord};
use reqwest::StatusCode;
use serde::Deserialize;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::BROKEN;
use super::package::{Files, files, record, recording_name};
use crate::engine::{Address, Engine, NoAnswer, segment};

/// The arguments of `ghanti calls export`.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    address: Address,
    /// The calls: ids of ours, or CallSids
    #[arg(required = true)]
    calls: Vec<String>,
    /// A folder, or a file that ends in `.zip`; each call gets a folder of its own in it
    #[arg(short, long, value_name = "FOLDER|FILE.zip")]
    out: PathBuf,
}

/// A page of a call's chain.
#[derive(Deserialize)]
pub(super) struct ChainPage {
    call_id: CallId,
    head: ChainHead,
    pub(super) items: Vec<ChainedEvent>,
    next: Option<String>,
}

/// A call's chain.
pub(super) struct Chain {
    pub(super) call: CallId,
    pub(super) head: ChainHead,
    pub(super) events: Vec<ChainedEvent>,
}

/// Reads a call's chain from an engine.
pub(super) async fn read(engine: &Engine, call: &str) -> anyhow::Result<Chain> {
    let path = format!("/api/calls/{}/chain", segment(call));
    let page: ChainPage = engine.get(&path).await?;
    // events that are added meanwhile belong to the next export
    let (call, head) = (page.call_id, page.head);
    let (mut events, mut next) = (page.items, page.next);
    while let Some(cursor) = next {
        let page: ChainPage = engine.get(&format!("{path}?cursor={cursor}")).await?;
        events.extend(page.items);
        next = page.next;
    }
    events.retain(|event| event.position <= head.length);
    Ok(Chain { call, head, events })
}

/// Reads the recordings of a call from an engine, by their names in the export. Also returns why others
/// are missing.
async fn recordings(engine: &Engine, record: &CallRecord) -> anyhow::Result<(Files, Vec<String>)> {
    let (mut files, mut left_out) = (Files::new(), Vec::new());
    for (recording, number) in record.recordings.iter().zip(1..) {
        if recording.kept().is_none() {
            continue;
        }
        let path = format!("/api/calls/{}/recording?number={number}", record.call_id);
        match engine.bytes(&path).await {
            Ok(bytes) => drop(files.insert(recording_name(number), bytes)),
            Err(refused @ NoAnswer::Refused { status, .. }) if status == StatusCode::NOT_FOUND => {
                left_out.push(format!(
                    "recording {number} is not in the export: {refused}"
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((files, left_out))
}

/// Where exports are written: a folder or an archive.
enum Target {
    Folder(PathBuf),
    Archive(Box<ZipWriter<fs::File>>),
}

impl Target {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.extension().is_some_and(|extension| extension == "zip") {
            let file = private(path).with_context(|| format!("cannot write `{shown}`"))?;
            return Ok(Self::Archive(Box::new(ZipWriter::new(file))));
        }
        folder(path).with_context(|| format!("cannot create the folder `{shown}`"))?;
        Ok(Self::Folder(path.to_owned()))
    }

    fn put(&mut self, call: CallId, files: &Files) -> anyhow::Result<()> {
        match self {
            Self::Folder(path) => {
                let path = path.join(call.to_string());
                folder(&path)?;
                for (name, bytes) in files {
                    let path = path.join(name);
                    let shown = path.display();
                    private(&path)
                        .and_then(|mut file| file.write_all(bytes))
                        .with_context(|| format!("cannot write `{shown}`"))?;
                }
            }
            Self::Archive(archive) => {
                for (name, bytes) in files {
                    let options = SimpleFileOptions::default().unix_permissions(0o600);
                    archive.start_file(format!("{call}/{name}"), options)?;
                    archive.write_all(bytes)?;
                }
            }
        }
        Ok(())
    }

    fn close(self) -> anyhow::Result<()> {
        if let Self::Archive(archive) = self {
            archive.finish()?;
        }
        Ok(())
    }
}

/// Creates a folder that only this user can read: an export has names, numbers and transcripts.
fn folder(path: &Path) -> std::io::Result<()> {
    match fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path)
    {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Creates a file that only this user can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        let (mut out, mut target, mut is_whole) = (std::io::stdout(), None, true);
        for call in &self.calls {
            let chain = read(&engine, call).await?;
            let record = record(chain.call, &chain.events);
            let (recordings, left_out) = recordings(&engine, &record).await?;
            let files = files(chain.call, chain.head.clone(), &chain.events, recordings)?;
            if let Err(fault) = super::package::check(&files) {
                writeln!(out, "{}  {fault}: it was not exported", chain.call)?;
                is_whole = false;
                continue;
            }
            let target = match &mut target {
                Some(target) => target,
                none => none.insert(Target::open(&self.out)?),
            };
            target.put(chain.call, &files)?;
            let ChainHead { length, hash } = &chain.head;
            writeln!(out, "{}  {length} events  {hash}", chain.call)?;
            for reason in left_out {
                writeln!(out, "{}  {reason}", chain.call)?;
            }
        }
        target.map_or(Ok(()), Target::close)?;
        Ok(if is_whole {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(BROKEN)
        })
    }
}
