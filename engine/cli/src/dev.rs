//! `ghanti dev`: serves calls, builds plugins when their sources change, and shows builds,
//! versions, calls and logs as one stream of lines.

pub mod build;
mod builder;
mod builds;
mod calls;
pub mod compilers;
mod event_format;
mod events;
mod line;
mod project;
mod screen;
mod sources;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ghanti_server::{Config, DataLock, Folders, Front, Mode, logs, open};
use tokio::task::JoinSet;
use tracing_subscriber::filter::Targets;

use crate::config::{Serving, warn_of_ignored};
use crate::runtime::many_threads;
use crate::serve::{bind, warn_of_exposure};
use crate::signals::Stop;
use builder::{BUILD, Builder};
use event_format::EventFormat;
use line::{Line, Subject, Tone};
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
        "What builds a plugin, for `sh` in the project's folder: $1 is the plugin's name, $2 the folder of flows. It puts $2/$1/flow.wasm, \
         flow.toml, prompts and tests in place by renaming, and only where they have changed; ends with 0 when it could, and says otherwise why not [default: {BUILD}]"
    )
}

impl Dev {
    /// Serves and builds until stopped; returns once records and logs are written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = self.serving.read()?;
        // an author stops the engine to restart it, so calls are not drained
        config.server.drain_s = Some(0);
        let (screen, shown) =
            Screen::open(EventFormat::new(wanted()?), config.calls.offset_minutes);
        let screen = Arc::new(screen);
        let logs = logs::begin_with(
            &config.log,
            Some(events::listener(Arc::clone(&screen), wanted()?)),
        )?;
        let served = many_threads(self.serve(config, screen));
        drop((logs, shown));
        served.map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self, config: Config, screen: Arc<Screen>) -> anyhow::Result<()> {
        let builder = Builder::open(
            Project::find(&self.plugins, &self.flows)?,
            self.build,
            Arc::clone(&screen),
        )?;
        let say = |words: &str| screen.tell(Line::new(Subject::Dev, "", words, Tone::Plain));
        let plugins: Vec<_> = builder
            .plugins()?
            .iter()
            .map(|(name, language)| format!("{name} ({language})"))
            .collect();
        let plugins = if plugins.is_empty() {
            "no plugin yet".to_owned()
        } else {
            plugins.join(", ")
        };
        say(&format!("watching {}: {plugins}", self.plugins.display()));
        let folders = Folders {
            data: self.data,
            flows: self.flows,
        };
        let stop = Stop::listen()?;
        let _lock = DataLock::take(&folders.data)?;
        let front = Front::listen(bind(config.server.listen).await?, config)?;
        let services = open(&front.config, &folders, Mode::Dev, front.loading.clone()).await?;
        let app = front.open(services);
        let (calls, shown) = (app.services.registry.events().follow(), Arc::clone(&screen));
        tokio::spawn(async move { shown.follow(calls).await });
        warn_of_exposure(&front.config);
        warn_of_ignored(&front.config);
        let url = format!(
            "http://{}{}",
            reachable(front.address()),
            front.config.server.path
        );
        say(&format!(
            "serving {url}: {}; Ctrl-C stops",
            taking(screen.flows())
        ));
        say(&format!(
            "a call:  {} call --scenario {} --url {url}",
            program(),
            scenario()
        ));
        say(&format!(
            "what to paste into Exotel's applets:  curl {url}/websocket-url"
        ));
        let stopped = stop.after_calls.cancelled_owned();
        let mut building = JoinSet::new();
        building.spawn(builder.run());
        let telling = Arc::clone(&screen);
        let shutdown = async move {
            stopped.await;
            telling.tell(Line::new(Subject::Dev, "", "stopping", Tone::Plain));
            building.shutdown().await;
        };
        front
            .serve(app, shutdown, stop.at_once.cancelled_owned())
            .await
            .context("the server failed")?;
        say("stopped");
        Ok(())
    }
}

/// The log events to show in addition to warnings, from `RUST_LOG`.
fn wanted() -> anyhow::Result<Targets> {
    match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => wanted.parse().with_context(|| {
            format!(
                "RUST_LOG is `{wanted}`, which is no level: write `info`, or `ghanti_session=debug`"
            )
        }),
        _ => Ok(Targets::new()),
    }
}

fn taking(flows: usize) -> String {
    match flows {
        0 => "no flow takes calls yet".to_owned(),
        1 => "1 flow takes calls".to_owned(),
        flows => format!("{flows} flows take calls"),
    }
}

/// An address for callers on this machine: an unspecified address is replaced by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
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
