//! `ghanti top`: the live calls of a running engine as a table that is drawn again each second.

mod screen;
mod settings;
mod table;

use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use ghanti_model::unix_ms;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use self::screen::Screen;
use self::table::{Size, table};
use crate::engine::{Address, Engine, List, NoAnswer};
use crate::runtime::one_thread;

/// How often the table is drawn.
const REDRAW: Duration = Duration::from_secs(1);
/// How long to wait for an engine that does not answer any more.
const UNREACHABLE: Duration = Duration::from_secs(120);
/// Maximum number of live calls in the table: the engine's maximum.
const CALLS: usize = 200;
/// Number of calls that have ended below the table.
const ENDED: usize = 5;
/// The size of what is no terminal.
const PAPER: Size = Size {
    rows: usize::MAX,
    columns: usize::MAX,
};

/// Show the live calls as a table that is drawn again each second
///
/// Above it are slots, refusals, languages that nobody speaks and how late recognition is, below it the calls
/// that ended last. `q` or Ctrl-C ends it. Without a terminal the table is written once.
#[derive(Args)]
pub struct Top {
    #[command(flatten)]
    address: Address,
    /// Write the table once
    #[arg(long)]
    once: bool,
    /// Write the same as one JSON object, once
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked, where the token may see them
    #[arg(long)]
    numbers: bool,
}

/// What the engine says of itself.
struct Look {
    now: Value,
    ended: Vec<Value>,
}

impl Top {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            let engine = Engine::new(&self.address)?;
            let is_once = self.once || self.json || !std::io::stdout().is_terminal();
            if is_once {
                self.write(&engine).await?;
            } else {
                self.watch(&engine).await?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn write(&self, engine: &Engine) -> anyhow::Result<()> {
        let look = look(engine, CALLS).await?;
        let text = if self.json {
            json!({ "now": look.now, "ended": look.ended }).to_string() + "\n"
        } else {
            self.drawn(engine, &look, PAPER, None)
        };
        Ok(std::io::stdout().write_all(text.as_bytes())?)
    }

    fn drawn(&self, engine: &Engine, look: &Look, size: Size, trouble: Option<&str>) -> String {
        let head = format!("ghanti top  {}", engine.base());
        let head = trouble.map_or(head.clone(), |trouble| format!("{head}  {trouble}"));
        table(
            &head,
            &look.now,
            &look.ended,
            (unix_ms(), self.numbers),
            size,
        )
    }

    /// Draws the table until `q`, Ctrl-C or SIGTERM.
    async fn watch(&self, engine: &Engine) -> anyhow::Result<()> {
        // before the terminal is changed, so that an error is one
        let mut shown = look(engine, CALLS).await?;
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let mut screen = Screen::open()?;
        let mut trouble: Option<(Instant, NoAnswer)> = None;
        loop {
            let words = trouble.as_ref().map(|(_, error)| error.to_string());
            let size = screen.size();
            screen.draw(&self.drawn(engine, &shown, size, words.as_deref()))?;
            tokio::select! {
                () = tokio::time::sleep(REDRAW) => {}
                () = screen.ended() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
            }
            let looked = tokio::select! {
                looked = look(engine, size.rows.clamp(1, CALLS)) => looked,
                () = screen.ended() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
            };
            match looked {
                Ok(looked) => (shown, trouble) = (looked, None),
                Err(error) if error.is_temporary() => {
                    let since = trouble.map_or_else(Instant::now, |(since, _)| since);
                    if since.elapsed() > UNREACHABLE {
                        return Err(error.into());
                    }
                    trouble = Some((since, error));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Asks the engine for at most this many live calls, and for those that ended last.
async fn look(engine: &Engine, calls: usize) -> Result<Look, NoAnswer> {
    let get = |path: String| engine.request(Method::GET, &path);
    let now = engine.send(get(format!("/api/now?limit={calls}")));
    let ended = engine.send(get(format!("/api/calls?state=ended&limit={ENDED}")));
    let (now, ended): (Result<Value, _>, Result<List<Value>, _>) = tokio::join!(now, ended);
    // while the database is away, the live calls are shown
    let ended = ended.map_or_else(|_| Vec::new(), |ended| ended.items);
    Ok(Look { now: now?, ended })
}
