//! `ghanti health`: whether an engine answers, for containers and scripts that have no HTTP client.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_sim::http::client;

use crate::config::Source;
use crate::engine::reached_at;
use crate::runtime::one_thread;

/// Timeout of a response, after which the engine is unhealthy. Readiness checks the stores, which may
/// take a second.
const REPLY: Duration = Duration::from_secs(4);

/// Check whether an engine answers (/healthz)
///
/// Exits with 0 if it does, and with 1 otherwise. The engine's address and path are those of its
/// configuration.
#[derive(Args)]
pub struct Health {
    #[command(flatten)]
    source: Source,
    /// Check whether calls can be handled without restrictions (/readyz), and print the response
    #[arg(long)]
    ready: bool,
    /// The engine's URL, without `path`; by default `listen` of `[server]`
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

impl Health {
    /// Checks, and prints the response.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let server = self.source.read()?.server;
        let base = self
            .url
            .unwrap_or_else(|| format!("http://{}", reached_at(server.listen)));
        let path = if self.ready { "/readyz" } else { "/healthz" };
        let url = format!("{}{}{path}", base.trim_end_matches('/'), server.path);
        let (status, body) = one_thread(async {
            let request = client()?.timeout(REPLY).build()?.get(&url);
            let response = request.send().await.with_context(|| {
                format!("no engine answers at `{url}`: start it with `ghanti serve`, or name it with --url")
            })?;
            anyhow::Ok((response.status(), response.text().await?))
        })?;
        writeln!(std::io::stdout(), "{body}")?;
        if !status.is_success() {
            bail!("`{url}` answers {status}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
