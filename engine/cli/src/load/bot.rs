//! The bot's process: an engine or the floor that is started for a load, in a process of its own, or one
//! that runs already.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use ghanti_load::process::listener;
use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// The floor's message before its address, once it listens.
pub const FLOOR_LISTENS: &str = "the floor listens at ws://";

/// Timeout for an engine to start: a flow in Python is compiled within half a minute.
const READY: Duration = Duration::from_secs(180);
/// Poll interval for its output.
const POLL: Duration = Duration::from_millis(50);
/// Timeout for it to end.
const END: Duration = Duration::from_secs(15);
/// Timeout for a bot to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Lines of a failed engine's log that are shown.
const LAST_LINES: usize = 8;

/// Log messages of the started engine: its address, and that it is ready.
const LISTENS: &str = "listening address=";
const IS_READY: &str = "ready: calls are taken";

/// A process that was started for a load.
pub struct Started {
    child: Child,
    pid: u32,
    url: String,
    /// Its data folder, deleted with it.
    _folder: Option<tempfile::TempDir>,
}

impl Started {
    /// Starts the floor.
    pub async fn floor() -> anyhow::Result<Self> {
        let mut child = this_program()?
            .args(["load", "--echo-server"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start the floor")?;
        let out = child.stdout.take().context("the floor has no output")?;
        let line = timeout(READY, BufReader::new(out).lines().next_line()).await;
        let line = line.ok().and_then(io::Result::ok).flatten();
        let Some(address) = line
            .as_deref()
            .and_then(|line| line.strip_prefix(FLOOR_LISTENS))
        else {
            bail!("the floor did not start: try `ghanti load --echo-server`");
        };
        Ok(Self {
            pid: child.id().context("the floor has ended")?,
            url: format!("ws://{address}/"),
            child,
            _folder: None,
        })
    }

    /// Starts an engine with default settings, on a free port of this machine, and waits until it takes
    /// calls. Of the environment only settings of speech are passed to it, so that no load reaches
    /// the operator's database.
    pub async fn engine(flows: &Path, data: Option<&Path>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let (config, console) = (
            folder.path().join("ghanti.toml"),
            folder.path().join("console.txt"),
        );
        let logs = folder.path().join("logs");
        let text = format!("[log]\nfolder = {:?}\n", logs.display().to_string());
        std::fs::write(&config, text).context("cannot write a temporary configuration")?;
        let log = std::fs::File::create(&console).context("cannot write a temporary log")?;
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        let mut command = this_program()?;
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .arg("--data")
            .arg(data)
            .arg("--flows")
            .arg(flows)
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(log);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let is_setting = name.starts_with("GHANTI_");
            if is_setting && !name.starts_with("GHANTI_SPEECH_") && name != "GHANTI_TOOLS" {
                command.env_remove(name.as_ref());
            }
        }
        let mut child = command.spawn().context("cannot start an engine")?;
        let address = ready(&mut child, &console).await?;
        Ok(Self {
            pid: child.id().context("the engine has ended")?,
            url: format!("http://{address}"),
            child,
            _folder: Some(folder),
        })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Stops it with a signal, as an operator would.
    pub async fn stop(mut self) {
        if let Some(pid) = Pid::from_raw(self.pid as i32) {
            // it may have ended
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(END, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// This program, as a child that ends with its handle. It is in a process group of its own, so that a
/// Ctrl-C in the terminal ends the calls first.
fn this_program() -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// Waits until an engine takes calls. Returns its address.
async fn ready(child: &mut Child, console: &PathBuf) -> anyhow::Result<String> {
    let until_ready = async {
        loop {
            let reported = tokio::fs::read_to_string(console).await.unwrap_or_default();
            let address = reported.split_once(LISTENS).map(|(_, rest)| rest);
            let address = address.and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = address.filter(|_| reported.contains(IS_READY)) {
                return Ok(address.to_owned());
            }
            if let Some(status) = child.try_wait()? {
                let lines: Vec<&str> = reported.lines().collect();
                let last = lines.get(lines.len().saturating_sub(LAST_LINES)..);
                bail!(
                    "the engine did not start ({status}):\n{}",
                    last.unwrap_or_default().join("\n")
                );
            }
            sleep(POLL).await;
        }
    };
    timeout(READY, until_ready).await.unwrap_or_else(|_| {
        bail!(
            "the engine was not ready within {} s: start one with `ghanti serve`, and give its URL",
            READY.as_secs()
        )
    })
}

/// Connects to the bot at a URL once, so that a load against a wrong address ends at once. Returns its addresses.
pub async fn reachable(url: &str) -> anyhow::Result<Vec<SocketAddr>> {
    let shown = ghanti_load::target::shown(url);
    let parsed = Url::parse(url).ok();
    let at = parsed.as_ref().and_then(|url| {
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let port = url.port().or(match url.scheme() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        })?;
        Some((host, port))
    });
    let Some(at) = at else {
        bail!(
            "`{shown}` is not the URL of a bot: give an engine's address, such as `http://127.0.0.1:8000`, or a socket's, such as `ws://127.0.0.1:8765/media`"
        );
    };
    let silent = || {
        format!(
            "nothing answers at `{shown}`: start the bot (`ghanti serve`), or leave the URL out to start an engine"
        )
    };
    let addresses: Vec<SocketAddr> = timeout(CONNECT, lookup_host(at))
        .await
        .with_context(silent)?
        .with_context(silent)?
        .collect();
    let connected = timeout(CONNECT, TcpStream::connect(addresses.as_slice())).await;
    connected.with_context(silent)?.with_context(silent)?;
    Ok(addresses)
}

/// The process of this machine that listens at one of these addresses.
pub fn listening(addresses: &[SocketAddr]) -> Option<u32> {
    addresses.iter().copied().find_map(listener)
}
