//! `ghanti serve`: reads the configuration, opens services, serves until a signal, and drains.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ghanti_server::{DataLock, Folders, Front, Mode, logs, open, private};
use tokio::net::TcpListener;

use crate::config::{Serving, warn_of_ignored};
use crate::runtime::many_threads;
use crate::signals::Stop;

/// Serve calls until stopped.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    serving: Serving,
    /// The folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// For flow authors: log flows' messages in full, and start even if no flow can be loaded
    #[arg(long)]
    dev: bool,
}

impl Serve {
    /// Serves until stopped; returns once records and logs are written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // before any file is written
        private::new_files();
        let config = self.serving.read()?;
        let logs = logs::begin(&config.log)?;
        let folders = Folders {
            data: self.data,
            flows: self.flows,
        };
        let served = many_threads(async {
            // before anything else, so that a signal during startup is handled
            let stop = Stop::listen()?;
            let _lock = DataLock::take(&folders.data)?;
            let mode = if self.dev {
                Mode::Dev
            } else {
                Mode::Production
            };
            let front = Front::listen(bind(config.server.listen).await?, config)?;
            tracing::info!(address = %front.address(), "listening");
            warn_of_exposure(&front.config);
            warn_of_ignored(&front.config);
            let services = tokio::select! {
                opened = open(&front.config, &folders, mode, front.loading.clone()) => opened?,
                // no calls to drain yet
                () = stop.after_calls.cancelled() => return Ok(()),
            };
            let app = front.open(services);
            let (after_calls, at_once) = (
                stop.after_calls.cancelled_owned(),
                stop.at_once.cancelled_owned(),
            );
            front
                .serve(app, after_calls, at_once)
                .await
                .context("the server failed")
        });
        drop(logs);
        served.map(|()| ExitCode::SUCCESS)
    }
}

/// Binds the listening socket.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `{address}`: stop the program that listens there, or name another address with --listen"))
}

/// Logs a warning if others can reach the engine and not all tokens are set.
pub fn warn_of_exposure(config: &ghanti_server::Config) {
    let server = &config.server;
    let tokens = [
        &server.stream_token,
        &server.applet_token,
        &server.api_token,
    ];
    if tokens.iter().all(|token| token.is_some()) {
        return;
    }
    if !server.listen.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "insecure: whoever can reach this address can read calls and open streams; set the three tokens of `[server]`, or listen on 127.0.0.1"
        );
    } else if server.public_url.is_some() {
        tracing::warn!(
            "`public-url` is set and there are no tokens: whoever can reach it can read calls and open streams; set the three tokens of \
             `[server]` (`ghanti init` writes a configuration with random ones)"
        );
    }
}
