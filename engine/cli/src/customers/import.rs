//! `ghanti customers import`: reads a list, finds its columns, and sends its rows to a running
//! engine.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use ghanti_import::batch::Request;
use ghanti_import::{Columns, Header, ListFile, RejectsFile};
use tokio::signal::unix::{SignalKind, signal};

use super::NOTHING_DONE;
use super::engine::{REPLY, schema};
use super::report::{Counts, Progress, unused, used};
use super::sending::{Read, read, store};
use crate::engine::{Address, Engine, NoAnswer};
use crate::runtime::one_thread;

/// The exit code if some rows were rejected, or not all were sent.
const SOME_REJECTED: u8 = 1;

/// Store a list of customers from a CSV or XLSX file in a running engine. Exits with 0 once all rows
/// are stored, with 1 if some were rejected, and with 2 if nothing could be done.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    address: Address,
    /// The list: CSV in UTF-8, or an Excel workbook (.xlsx)
    file: PathBuf,
    /// The list's name; an import adds to the list
    #[arg(long, value_name = "NAME")]
    list: String,
    /// The flow that will talk to them, whose `[customer]` says what a record has
    #[arg(long, value_name = "NAME")]
    flow: String,
    /// The column of a field, such as `amount=EMI Amount`, or `amount=#5` for the fifth; may be given
    /// several times
    #[arg(long, value_name = "FIELD=HEADER", value_parser = pair)]
    map: Vec<(String, String)>,
    /// The sheet of a workbook, if several have rows
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Where to write rejected rows; by default FILE.rejects.csv
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Only show what would be stored and rejected
    #[arg(long)]
    check: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, header) = text
        .split_once('=')
        .ok_or("write FIELD=HEADER, such as `amount=EMI Amount`")?;
    Ok((field.trim().to_owned(), header.to_owned()))
}

/// How an import ended before the list did.
enum Stopped {
    /// A signal.
    Signal,
    /// Something is wrong.
    Error(anyhow::Error),
}

impl Import {
    /// Imports.
    ///
    /// # Errors
    /// Nothing was done. Later failures are reported on standard error and by the exit code.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let list = ListFile::open(&self.file, self.sheet.as_deref())?;
        let engine = Engine::with_timeout(&self.address, REPLY)?;
        one_thread(self.import(list, &engine))
    }

    async fn import(&self, list: ListFile, engine: &Engine) -> anyhow::Result<ExitCode> {
        let schema = schema(engine, &self.flow).await?;
        let header = list.header().clone();
        let columns = Columns::find(&header, &schema.fields(), &self.map)
            .map_err(|error| anyhow!("`{}`: {error}", self.file.display()))?;
        let mut rejects = RejectsFile::new(&self.rejects_path(), &self.file, &header)?;
        let progress = Progress::begin();
        if let Some(names) = unused(&columns, &header) {
            progress.print(&format!(
                "not sent, since the flow does not use them: {names}"
            ));
        }
        if !columns.absent.is_empty() {
            progress.print(&format!("no column is {}", quoted(&columns.absent)));
        }
        let as_what = used(&columns, &header);
        let batches = read(list, columns, schema.has_phone());
        let mut counts = Counts::default();
        let ended = self
            .send(engine, batches, &mut counts, &mut rejects, &progress)
            .await;
        progress.end();
        if counts.is_empty() {
            return match ended {
                Ok(()) => Err(anyhow!(
                    "`{}` has no rows below its header in line {}",
                    self.file.display(),
                    header.line
                )),
                Err(Stopped::Error(error)) => Err(error),
                Err(Stopped::Signal) => Err(anyhow!("interrupted before a row was stored")),
            };
        }
        let summary = counts.summary(self.check, &as_what, &rejects);
        let _ = std::io::stdout().write_all(summary.as_bytes());
        Ok(ExitCode::from(self.report_end(ended, &counts, &header)))
    }

    async fn send(
        &self,
        engine: &Engine,
        mut batches: tokio::sync::mpsc::Receiver<Read>,
        counts: &mut Counts,
        rejects: &mut RejectsFile,
        progress: &Progress,
    ) -> Result<(), Stopped> {
        let error = |error: anyhow::Error| Stopped::Error(error);
        let request = Request {
            list: self.list.clone(),
            flow: self.flow.clone(),
            import: uuid::Uuid::now_v7().to_string(),
            check: self.check,
        };
        let listen = |kind| {
            signal(kind)
                .context("cannot listen for signals")
                .map_err(error)
        };
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut stopped = std::pin::pin!(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        loop {
            let read = tokio::select! {
                read = batches.recv() => read,
                () = &mut stopped => return Err(Stopped::Signal),
            };
            let mut batch = match read {
                Some(Read::Batch(batch)) => batch,
                Some(Read::End(end)) => return end.map_err(|why| error(why.into())),
                None => {
                    return Err(error(anyhow!(
                        "the list cannot be read further: open it in a spreadsheet program, and save it again"
                    )));
                }
            };
            let pausing = |what: &str, wait: std::time::Duration| {
                progress.print(&format!("{what}; trying again in {} s", wait.as_secs_f32()));
            };
            let answer = if batch.customers.is_empty() {
                None
            } else {
                let answer = tokio::select! {
                    answer = store(engine, &request, &batch, pausing) => answer,
                    () = &mut stopped => return Err(Stopped::Signal),
                };
                Some(answer.map_err(|why: NoAnswer| error(why.into()))?)
            };
            counts.add(&mut batch, answer, rejects).map_err(error)?;
            progress.show(counts);
        }
    }

    /// Reports how the import ended; returns the exit code.
    fn report_end(&self, ended: Result<(), Stopped>, counts: &Counts, header: &Header) -> u8 {
        let (why, error) = match ended {
            Ok(()) if counts.is_all_stored() => return 0,
            Ok(()) => return SOME_REJECTED,
            Err(Stopped::Signal) => ("interrupted", None),
            Err(Stopped::Error(error)) => ("stopped", Some(error)),
        };
        let mut words = String::new();
        if let Some(error) = error {
            words = format!("ghanti: {error:#}\n");
        }
        let last = counts.last_line.unwrap_or(header.line);
        words.push_str(&format!(
            "ghanti: {why} after line {last}: import the list again; customers that are already stored stay unchanged\n"
        ));
        let _ = std::io::stderr().write_all(words.as_bytes());
        if counts.last_line.is_some() {
            SOME_REJECTED
        } else {
            NOTHING_DONE
        }
    }

    fn rejects_path(&self) -> PathBuf {
        self.rejects.clone().unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".rejects.csv");
            name.into()
        })
    }
}

fn quoted(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}
