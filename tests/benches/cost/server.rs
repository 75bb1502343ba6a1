//! `target/release/ghanti serve` as a child process, with its own configuration, data and logs in a
//! temporary folder.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value as Json;

use crate::shipped::{root, shipped};

/// How long it may take to be ready: compiling the flows and reading the speech model take about a
/// second.
const READY: Duration = Duration::from_secs(30);
/// How long it may take to end.
const END: Duration = Duration::from_secs(5);

/// What it writes to standard error, in its folder.
const ERRORS: &str = "stderr";

/// A running engine; it ends with this.
pub struct Server {
    child: Child,
    base_url: String,
    folder: tempfile::TempDir,
}

/// The built program, beside which this bench lies.
fn program() -> anyhow::Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let release = bench
        .parent()
        .and_then(Path::parent)
        .context("this bench lies in no folder")?;
    let program = release.join("ghanti");
    if !program.is_file() {
        bail!("`{}` is not there: run `make build`", program.display());
    }
    Ok(program)
}

impl Server {
    /// Starts it with a recogniser of `[speech]` and the shipped flow in Rust, and waits until it
    /// is ready.
    pub async fn start(recognizer: &str) -> anyhow::Result<Self> {
        Self::start_with(recognizer, "").await
    }

    /// The same with these lines of `[server]`.
    pub async fn start_with(recognizer: &str, of_server: &str) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, recognizer, of_server).await
    }

    /// The same in a folder whose `data` may have a database already.
    pub async fn start_in(
        folder: tempfile::TempDir,
        recognizer: &str,
        of_server: &str,
    ) -> anyhow::Result<Self> {
        shipped("emi-reminder", &folder.path().join("flows"))?;
        let of_speech = format!("recognizer = \"{recognizer}\"\n");
        Self::start_of(folder, of_server, &of_speech).await
    }

    /// Starts it with these lines of `[speech]` and without a recogniser, in a folder that has its
    /// flows.
    pub async fn start_speaking(
        folder: tempfile::TempDir,
        of_speech: &str,
    ) -> anyhow::Result<Self> {
        let of_speech = format!("recognizer = \"none\"\n{of_speech}");
        Self::start_of(folder, "", &of_speech).await
    }

    async fn start_of(
        folder: tempfile::TempDir,
        of_server: &str,
        of_speech: &str,
    ) -> anyhow::Result<Self> {
        let config = folder.path().join("ghanti.toml");
        let logs = toml::Value::from(folder.path().join("logs").to_string_lossy().as_ref());
        fs::write(
            &config,
            format!("[server]\n{of_server}\n[speech]\n{of_speech}\n[log]\nfolder = {logs}\n"),
        )?;
        // free at this moment; nobody else on this machine is likely to take it within the next
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program()?);
        command
            .current_dir(root())
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .arg("--listen")
            .arg(address.to_string());
        command
            .arg("--flows")
            .arg(folder.path().join("flows"))
            .arg("--data")
            .arg(folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join(ERRORS))?);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GHANTI_"))
        {
            command.env_remove(name);
        }
        let child = command.spawn().context("cannot start `ghanti serve`")?;
        let mut server = Self {
            child,
            base_url: format!("http://{address}"),
            folder,
        };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.is_ready().await.unwrap_or(false) {
            if let Some(status) = self.child.try_wait()? {
                let why = fs::read_to_string(self.folder.path().join(ERRORS)).unwrap_or_default();
                bail!("`ghanti serve` ended with {status}: {why}");
            }
            if began.elapsed() > READY {
                bail!("`ghanti serve` was not ready within {} s", READY.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Whether it admits calls: until then `/readyz` has other fields.
    async fn is_ready(&self) -> anyhow::Result<bool> {
        let ready: Json = ghanti_sim::http::client()?
            .build()?
            .get(format!("{}/readyz", self.base_url))
            .send()
            .await?
            .json()
            .await?;
        Ok(ready.get("live_calls").is_some())
    }

    /// Its folder of flows.
    pub fn flows(&self) -> PathBuf {
        self.folder.path().join("flows")
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // as an operator ends it; `Child::kill` would leave espeak-ng processes behind
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let began = Instant::now();
        while began.elapsed() < END && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
