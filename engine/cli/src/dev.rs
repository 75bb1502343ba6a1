//! `ghanti dev`: serves calls, builds plugins when their sources change, and shows builds,
//! versions, calls and logs as one stream of lines.

pub mod build;
pub mod builder;
mod builds;
mod calls;
pub mod compilers;
mod event_format;
mod events;
pub mod line;
mod project;
pub mod screen;
pub mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ghanti_catalogue::Catalogue;
use ghanti_server::{App, Config, DataLock, Folders, Front, Mode, logs, open};
use tokio::task::JoinSet;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::Targets;

use crate::config::{Serving, warn_of_ignored};
use crate::engine::reached_at;
use crate::runtime::many_threads;
use crate::serve::{bind, warn_of_exposure};
use crate::signals::Stop;
use builder::{BUILD, Builder, Plugins};
use event_format::EventFormat;
use project::Project;
use screen::Screen;

/// The scenario suggested in the startup message, if the file exists.
const SCENARIO: &str = "tests/scenarios/agrees.toml";

/// Serve calls while flows are being written: build plugins when their sources change, and show
/// what happens, line by line.
#[derive(Args)]
pub struct Dev {
    #[command(flatten)]
    serving: Serving,
    /// The folder of the plugins' sources, inside the project's folder
    #[arg(long, value_name = "DIR", default_value = "plugins")]
    plugins: PathBuf,
    /// The command that builds a plugin, run by `sh` in the project's folder: $1 is the plugin's
    /// name, $2 the folder of flows
    #[arg(long, value_name = "COMMAND", long_help = build_help())]
    build: Option<String>,
    /// The folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
}

fn build_help() -> String {
    format!(
        "The command that builds a plugin, for `sh` in the project's folder: $1 is the plugin's name, $2 the folder of flows. It puts $2/$1/flow.wasm, \
         flow.toml, prompts and tests in place by renaming, and only where they have changed; ends with 0 when it could, and says otherwise why not [default: {BUILD}]"
    )
}

impl Dev {
    /// Serves and builds until stopped; returns once records and logs are written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = self.serving.read()?;
        // an author stops the engine to restart it, so calls are not drained
        config.server.drain_s = Some(0);
        let (screen, shown) = shown(std::io::stdout(), &config)?;
        let logs = begin_logs(&config, &screen)?;
        let served = many_threads(self.serve(config, screen));
        drop((logs, shown));
        served.map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self, config: Config, screen: Arc<Screen>) -> anyhow::Result<()> {
        let plugins = Plugins::of(Project::find(&self.plugins, &self.flows)?, self.build)?;
        let names: Vec<_> = plugins
            .all()?
            .iter()
            .map(|(name, language)| format!("{name} ({language})"))
            .collect();
        let names = if names.is_empty() {
            "no plugin yet".to_owned()
        } else {
            names.join(", ")
        };
        screen.say(&format!("watching {}: {names}", self.plugins.display()));
        let folders = Folders {
            data: self.data,
            flows: self.flows,
        };
        let open = Open::open(config, &folders, Mode::Dev, &screen).await?;
        let url = open.url();
        screen.say(&format!(
            "serving {url}: {}; Ctrl-C stops",
            flows_taking_calls(screen.flows())
        ));
        screen.say(&format!(
            "a call:  {} call --scenario {} --url {url}",
            program(),
            scenario()
        ));
        screen.say(&format!(
            "what to paste into Exotel's applets:  curl {url}/websocket-url"
        ));
        let mut building = JoinSet::new();
        building.spawn(Builder::new(Arc::new(plugins), Arc::clone(&screen)).run());
        open.serve(building, &screen).await
    }
}

/// A screen for an engine with this configuration, and a guard that flushes it when dropped.
pub fn shown(
    out: impl std::io::Write + Send + 'static,
    config: &Config,
) -> anyhow::Result<(Arc<Screen>, WorkerGuard)> {
    let format = EventFormat::new(wanted()?);
    let (screen, shown) = Screen::open(out, format, config.calls.zone());
    Ok((Arc::new(screen), shown))
}

/// Begins to log, to files and to the screen.
pub fn begin_logs(config: &Config, screen: &Arc<Screen>) -> anyhow::Result<logs::Logs> {
    let listener = events::listener(Arc::clone(screen), wanted()?);
    Ok(logs::begin_with(&config.log, Some(listener))?)
}

/// An open engine whose calls are shown.
pub struct Open {
    /// Its stop signals.
    pub stop: Stop,
    front: Front,
    app: App,
    _lock: DataLock,
}

impl Open {
    /// Opens an engine.
    pub async fn open(
        config: Config,
        folders: &Folders,
        mode: Mode,
        screen: &Arc<Screen>,
    ) -> anyhow::Result<Self> {
        let stop = Stop::listen()?;
        let lock = DataLock::take(&folders.data)?;
        let front = Front::listen(bind(config.server.listen).await?, config)?;
        let services = open(&front.config, folders, mode, front.loading.clone()).await?;
        let app = front.open(services);
        let (calls, shown) = (app.services.registry.events().follow(), Arc::clone(screen));
        tokio::spawn(async move { shown.follow(calls).await });
        warn_of_exposure(&front.config);
        warn_of_ignored(&front.config);
        Ok(Self {
            stop,
            front,
            app,
            _lock: lock,
        })
    }

    /// The flows that it has loaded.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.app.services.catalogue)
    }

    /// Its URL on this machine.
    pub fn url(&self) -> String {
        let path = &self.front.config.server.path;
        format!("http://{}{path}", reached_at(self.front.address()))
    }

    /// Serves until it is stopped, then ends the background tasks.
    pub async fn serve(
        self,
        mut background: JoinSet<()>,
        screen: &Arc<Screen>,
    ) -> anyhow::Result<()> {
        let stopped = self.stop.after_calls.cancelled_owned();
        let telling = Arc::clone(screen);
        let shutdown = async move {
            stopped.await;
            telling.say("stopping");
            background.shutdown().await;
        };
        self.front
            .serve(self.app, shutdown, self.stop.at_once.cancelled_owned())
            .await
            .context("the server failed")?;
        screen.say("stopped");
        Ok(())
    }
}

/// The log events to show in addition to warnings, from `RUST_LOG`.
fn wanted() -> anyhow::Result<Targets> {
    match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => wanted.parse().with_context(|| {
            format!(
                "RUST_LOG is `{wanted}`, which is not a valid level: write `info`, or `ghanti_session=debug`"
            )
        }),
        _ => Ok(Targets::new()),
    }
}

fn flows_taking_calls(flows: usize) -> String {
    match flows {
        0 => "no flow takes calls yet".to_owned(),
        1 => "1 flow takes calls".to_owned(),
        flows => format!("{flows} flows take calls"),
    }
}

fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "ghanti".to_owned())
}

fn scenario() -> &'static str {
    if Path::new(SCENARIO).exists() {
        SCENARIO
    } else {
        "FILE"
    }
}
