//! `ghanti call`: simulates Exotel and a caller, shows the conversation as it happens, and reports
//! whether each outcome was the expected one.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ghanti_server::speech::open_recognizer;
use ghanti_server::{Config, DataLock, Folders, Front, Mode, Secret, logs, open};
use ghanti_sim::{CallReport, Scenario, View, run_with};
use tokio::sync::oneshot;

use crate::config::Source;
use crate::runtime::many_threads;
use crate::serve::bind;

/// Simulate Exotel and a caller. Exits with 0 if every call went as its scenario expects, and with
/// 1 otherwise.
#[derive(Args)]
pub struct Call {
    #[command(flatten)]
    source: Source,
    /// A scenario: the customer, and how they respond; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    scenario: Vec<PathBuf>,
    /// The engine's URL; if absent, an engine is started for these calls
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
    /// The folder for recordings, transcripts, journals and wire logs, with a folder for each
    /// scenario
    #[arg(long, value_name = "DIR", default_value = "data/calls")]
    out: PathBuf,
    /// The started engine's folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The started engine's folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
}

impl Call {
    /// Runs all scenarios in sequence.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        many_threads(self.play(config))
    }

    async fn play(self, mut config: Config) -> anyhow::Result<ExitCode> {
        let scenarios = self
            .scenario
            .iter()
            .map(|file| read(file))
            .collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(url) = &self.url {
            return self.against(url, &scenarios, &config).await;
        }
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.server.public_url = None;
        // webhooks and alerts must not report simulated calls as customers'
        config.webhooks.clear();
        // the console shows the conversation, so the engine logs to its files only
        let _logs = logs::begin_files_only(&config.log)?;
        let _lock = DataLock::take(&self.data)?;
        let folders = Folders {
            data: self.data.clone(),
            flows: self.flows.clone(),
        };
        let front = Front::listen(bind(config.server.listen).await?, config.clone())?;
        let services = open(&config, &folders, Mode::Production, front.loading.clone()).await?;
        let app = front.open(services);
        let url = format!("http://{}{}", front.address(), config.server.path);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let engine = tokio::spawn(front.serve(app, stopped, std::future::pending()));
        let played = self.against(&url, &scenarios, &config).await;
        drop(stop);
        engine
            .await
            .context("the engine's task panicked")?
            .context("the engine failed")?;
        played
    }

    async fn against(
        &self,
        url: &str,
        scenarios: &[(String, Scenario)],
        config: &Config,
    ) -> anyhow::Result<ExitCode> {
        let url = &with_tokens(url, config);
        let view = View::new(std::io::stdout());
        let recognizer = if scenarios
            .iter()
            .any(|(_, scenario)| needs_recognition(scenario))
        {
            open_recognizer(config).await?
        } else {
            None
        };
        let mut all_ok = true;
        for (name, scenario) in scenarios {
            let folder = self.out.join(name);
            let listener: Option<Arc<_>> =
                recognizer.clone().filter(|_| needs_recognition(scenario));
            let report = run_with(scenario, url, &folder, &view, listener.as_deref())
                .await
                .with_context(|| format!("cannot play `{name}`"))?;
            all_ok &= report.ok;
            show(&report)?;
        }
        Ok(if all_ok {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Adds the configuration's tokens to the engine's URL, unless the URL has credentials.
pub fn with_tokens(url: &str, config: &Config) -> String {
    let server = &config.server;
    let in_url = |token: &Option<Secret>| token.as_ref().map_or_else(String::new, Secret::in_url);
    match url.split_once("://") {
        Some((scheme, rest))
            if !rest.contains('@')
                && (server.applet_token.is_some() || server.api_token.is_some()) =>
        {
            format!(
                "{scheme}://{}:{}@{rest}",
                in_url(&server.applet_token),
                in_url(&server.api_token)
            )
        }
        _ => url.to_owned(),
    }
}

/// Whether to recognise the bot's audio: phrases that it must never say are searched for there too.
fn needs_recognition(scenario: &Scenario) -> bool {
    !scenario.expect_transcript.bot_never_says.is_empty()
}

fn read(file: &Path) -> anyhow::Result<(String, Scenario)> {
    let scenario = Scenario::load(file)?;
    let name = file.file_stem().map_or_else(
        || "call".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    Ok((name, scenario))
}

fn show(report: &CallReport) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let ms = |ms: Option<u64>| ms.map_or_else(|| "none".to_owned(), |ms| format!("{ms} ms"));
    writeln!(out)?;
    writeln!(
        out,
        "outcome      {} (expected {})",
        report.outcome.as_deref().unwrap_or("none"),
        report.expected
    )?;
    if let Some(agent) = &report.agent {
        writeln!(out, "agent        {}", agent.expose())?;
    }
    writeln!(
        out,
        "first audio  {} after start",
        ms(report.first_audio_ms)
    )?;
    let responses: Vec<String> = report
        .response_ms
        .iter()
        .map(|ms| format!("{ms} ms"))
        .collect();
    writeln!(
        out,
        "responses    {}",
        if responses.is_empty() {
            "none".to_owned()
        } else {
            responses.join(", ")
        }
    )?;
    writeln!(out, "recording    {}", report.files.recording.display())?;
    writeln!(out, "transcript   {}", report.files.transcript.display())?;
    for complaint in &report.complaints {
        writeln!(out, "WRONG        {complaint}")?;
    }
    writeln!(out)
}
