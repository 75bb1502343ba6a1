//! `ghanti flow dev`: one flow's folder, built whenever it is saved, in an engine of its own, with a
//! conversation in the terminal.

mod author;
mod live;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ghanti_server::{Config, Folders, Mode};
use tokio::task::JoinSet;

use self::author::Author;
use self::live::Live;
use super::failure::Failure;
use super::folder::{COMPONENT, Folder};
use super::talk::{Beginning, Known, Talked, Terminal, notes};
use crate::dev::builder::Builder;
use crate::dev::screen::Screen;
use crate::dev::{Open, begin_logs, shown};
use crate::runtime::many_threads;
use crate::signals::Stop;

/// Write a flow: build it whenever it is saved, serve it, and talk with it
///
/// Runs an engine on a free port of this machine, which grants everything that the flow asks for and calls nobody. Saved prompts and flow.toml are live
/// at once, and code after its build; if it does not build, or is rejected, nothing changes. The flow's tests are run with every
/// version. A conversation is held in the terminal as by `ghanti flow talk`, and goes on with each version; `/quit` or Ctrl-C ends it all. Where input
/// is no terminal, its end ends the conversation alone.
#[derive(Args)]
pub struct Dev {
    /// The flow's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    beginning: Beginning,
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

impl Dev {
    /// Runs until stopped.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let folder = Folder::find(&self.folder).map_err(|failure| match failure {
            Failure::Use(words) => anyhow::anyhow!(words),
            failure => anyhow::anyhow!(failure.words()),
        })?;
        let config = of_author(self.beginning.source.read()?, self.listen);
        let (out, notes) = notes();
        let (screen, guard) = shown(out, &config)?;
        let logs = begin_logs(&config, &screen)?;
        let terminal = Terminal::open(false).context("cannot start a thread")?;
        let terminal = terminal.with_notes(notes);
        let done = many_threads(work(folder, config, screen, self.beginning, terminal));
        drop((logs, guard));
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// The settings of an author's engine: those of speech and of reading values are the author's; settings
/// that reach beyond this machine are removed.
fn of_author(config: Config, listen: SocketAddr) -> Config {
    let Config {
        calls,
        settings,
        flows,
        customers,
        transfer,
        speech,
        ..
    } = config;
    let mut of_author = Config {
        calls,
        settings,
        flows,
        customers,
        transfer,
        speech,
        ..Config::default()
    };
    of_author.server.listen = listen;
    // whoever stops it will start it again, so calls are not drained
    of_author.server.drain_s = Some(0);
    of_author.log.files = false;
    of_author
}

async fn work(
    folder: Folder,
    config: Config,
    screen: Arc<Screen>,
    beginning: Beginning,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let known = beginning.known(&folder.path)?;
    let live = Arc::new(Live::of(&folder));
    live.publish_component()?;
    let folders = Folders {
        data: live.data.clone(),
        flows: live.flows.clone(),
    };
    let begins = if folder.path.join(COMPONENT).is_file() {
        "loading what was built last, then building"
    } else {
        "starting; then it is built for the first time"
    };
    screen.say(&format!("{} ({}): {begins}", folder.name, folder.language));
    let open = Open::open(config, &folders, Mode::Author, &screen).await?;
    let (url, stop) = (open.url(), open.stop.clone());
    screen.say(&format!(
        "{} ({}) on {url}: what you save is live; /quit or Ctrl-C stops",
        folder.name, folder.language
    ));
    let scenario = folder.path.join("scenario.toml");
    if scenario.exists() {
        screen.say(&format!(
            "a call:  ghanti call --scenario {} --url {url} --out {}",
            scenario.display(),
            live.data.join("calls").display()
        ));
    }
    let talked = Talked::of_engine(open.catalogue(), folder.name.clone());
    let author = Arc::new(Author::of(folder, live, Arc::clone(&screen))?);
    let mut background = JoinSet::new();
    background.spawn(Arc::clone(&author).publish_prompts());
    background.spawn(Arc::clone(&author).run_tests());
    background.spawn(Builder::new(author, Arc::clone(&screen)).run());
    tokio::select! {
        served = open.serve(background, &screen) => served,
        failed = talk(talked, known, beginning, terminal, &stop) => failed,
    }
}

/// Holds the conversation, and then shows what happens until it is dropped.
async fn talk(
    mut talked: Talked,
    known: Known,
    beginning: Beginning,
    mut terminal: Terminal,
    stop: &Stop,
) -> anyhow::Result<()> {
    while talked.version().is_none() {
        tokio::select! {
            _ = talked.edited() => {}
            () = terminal.show_notes() => {}
        }
    }
    let mut session = beginning.session(known, talked, terminal).await?;
    session.run().await;
    if session.terminal.is_person() || session.terminal.has_quit {
        stop.after_calls.cancel();
    }
    session.terminal.show_notes().await;
    Ok(())
}
