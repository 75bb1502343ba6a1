//! `samvaad serve`: read settings, open, log the bound address, run until a signal, drain.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use samvaad_server::{App, Folders, Mode, logs, open, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Source;

/// Serve calls until told to stop.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    source: Source,
    /// The address to listen on; `listen` of `[server]` otherwise
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// For a flow's author: show what flows log in full, and begin without any flow that can be loaded
    #[arg(long)]
    dev: bool,
}

impl Serve {
    /// Serves; returns when all is written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = self.source.read()?;
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        let logs = logs::begin(&config.log)?;
        let folders = Folders { data: self.data, flows: self.flows };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
        let served = runtime.block_on(async {
            let services = open(&config, &folders, if self.dev { Mode::Dev } else { Mode::Production }).await?;
            let listener = bind(config.server.listen).await?;
            tracing::info!(address = %listener.local_addr()?, "listening");
            warn_of_open_doors(&config);
            serve(listener, App::new(config, services), stopped()?).await.context("the server failed")
        });
        drop(logs);
        served.map(|()| ExitCode::SUCCESS)
    }
}

/// Listens.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `{address}`: end what listens there, or name another address with --listen"))
}

/// Says that anyone can read calls, where it is so.
pub fn warn_of_open_doors(config: &samvaad_server::Config) {
    if config.server.api_token.is_none() && !config.server.listen.ip().is_loopback() {
        tracing::warn!("anyone who reaches this address can read calls: set `api-token` of `[server]`, or listen on 127.0.0.1");
    }
}

/// Resolves at the first SIGINT or SIGTERM.
pub fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
