//! `ghanti calls tail`: follows calls while they go on, a line for each thing that happens.

use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::event_text::{may_end, member, number, words};
use super::text::{shown, time};
use crate::engine::{Address, Engine, segment};
use crate::stream::{Event, Events};

/// The pause before a connection that is lost is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long to wait for an engine that does not answer.
const UNREACHABLE: Duration = Duration::from_secs(120);
/// Maximum number of calls of which number and flow are kept; those of others are asked for again.
const CALLS: usize = 2_000;
/// How many events are remembered, so that none is shown twice after a connection was lost.
const KNOWN: usize = 1_024;

/// The arguments of `ghanti calls tail`.
#[derive(Args)]
pub struct Tail {
    #[command(flatten)]
    address: Address,
    /// Only this call, from its beginning: its id, or Exotel's CallSid
    #[arg(long, value_name = "ID", conflicts_with = "flow")]
    call: Option<String>,
    /// Only calls of this flow
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// Show numbers unmasked, where the token may see them
    #[arg(long)]
    numbers: bool,
    /// Write the events themselves, one JSON object per line
    #[arg(long)]
    json: bool,
}

/// What is known of a call.
#[derive(Default)]
struct Call {
    flow: Option<String>,
    number: Option<String>,
    started_ms: Option<u64>,
    /// The outcome that was shown last.
    outcome: Option<String>,
}

impl Call {
    /// Takes what a record or an event says of it.
    fn learn(&mut self, said: &Value) {
        let text = |name: &str| member(said, name).map(str::to_owned);
        self.flow = text("flow").or(self.flow.take());
        self.number = text("customer_number").or(self.number.take());
        let started_ms = said.get("started_ms").and_then(Value::as_u64);
        self.started_ms = started_ms.or(self.started_ms);
    }
}

/// The reader of the output is gone.
struct Closed;

impl Tail {
    /// Follows until Ctrl-C, or until nobody reads the output any more.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        tokio::select! {
            done = self.follow(&engine) => done,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    }

    async fn follow(&self, engine: &Engine) -> anyhow::Result<ExitCode> {
        let path = match &self.call {
            Some(call) => format!("/api/calls/{}/events", segment(call)),
            None => "/api/events".to_owned(),
        };
        let (mut seen, mut last) = (Seen::default(), None::<String>);
        let (mut is_begun, mut lost) = (false, None::<Instant>);
        loop {
            match Events::open(engine, &path, last.as_deref()).await {
                Ok(mut events) => {
                    if !is_begun || lost.is_some() {
                        note(&format!("following {}; Ctrl-C ends", engine.base()));
                    }
                    (is_begun, lost) = (true, None);
                    while let Some(event) = events.next().await? {
                        if !event.id.is_empty() {
                            last = Some(event.id.clone());
                        }
                        if let Err(Closed) = self.show(engine, &mut seen, &event).await {
                            return Ok(ExitCode::SUCCESS);
                        }
                    }
                }
                Err(error) if error.is_temporary() && is_begun => {
                    let error = anyhow::Error::from(error);
                    let since = *lost.get_or_insert_with(|| {
                        note(&format!("{error:#}; waiting for it"));
                        Instant::now()
                    });
                    if since.elapsed() > UNREACHABLE {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Shows an event.
    async fn show(&self, engine: &Engine, seen: &mut Seen, event: &Event) -> Result<(), Closed> {
        if !seen.is_new(&event.id) {
            return Ok(());
        }
        if self.json && self.flow.is_none() {
            return write(&event.json);
        }
        let id = event.text("/call_id");
        let call = seen.call(engine, id).await;
        if let Some(said) = event.whole.get("data") {
            call.learn(said);
        }
        if event.kind() == "stream-started" {
            call.started_ms = call.started_ms.or(Some(event.number("/unix_ms")));
        }
        if self.flow.is_some() && self.flow != call.flow {
            return Ok(());
        }
        if self.json {
            return write(&event.json);
        }
        let at = time(event.number("/unix_ms"));
        let about = format!(
            "{at}  {id}  {:<10}",
            number(call.number.as_deref(), self.numbers)
        );
        if let Some(words) = words(event) {
            write(&format!("{about}  {words}"))?;
        }
        if may_end(event)
            && let Some(words) = ended(engine, id, call).await
        {
            write(&format!("{about}  {words}"))?;
        }
        Ok(())
    }
}

/// The outcome of a call, if it is over and this was not shown yet.
async fn ended(engine: &Engine, id: &str, call: &mut Call) -> Option<String> {
    let record = record(engine, id).await?;
    let outcome = member(&record, "outcome").map(shown)?;
    if member(&record, "state") != Some("ended") || call.outcome.as_ref() == Some(&outcome) {
        return None;
    }
    call.learn(&record);
    let ended_ms = record.get("ended_ms").and_then(Value::as_u64);
    let lasted_ms = ended_ms.zip(call.started_ms);
    let words = match (&call.outcome, lasted_ms) {
        (Some(_), _) => format!("outcome: {outcome}"),
        (None, Some((ended_ms, started_ms))) => {
            let seconds = ended_ms.saturating_sub(started_ms) / 1_000;
            format!("ended: {outcome} after {seconds} s")
        }
        (None, None) => format!("ended: {outcome}"),
    };
    call.outcome = Some(outcome);
    Some(words)
}

/// A call's record; `None` if the engine does not answer with it.
async fn record(engine: &Engine, id: &str) -> Option<Value> {
    engine
        .get(&format!("/api/calls/{}", segment(id)))
        .await
        .ok()
}

/// What was seen.
#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, Call>,
    events: VecDeque<String>,
}

impl Seen {
    /// Whether an event was not seen before.
    fn is_new(&mut self, id: &str) -> bool {
        if self.events.iter().any(|known| known == id) {
            return false;
        }
        if self.events.len() >= KNOWN {
            self.events.pop_front();
        }
        self.events.push_back(id.to_owned());
        true
    }

    /// What is known of a call. For one that began earlier, the engine is asked.
    async fn call(&mut self, engine: &Engine, id: &str) -> &mut Call {
        if !self.calls.contains_key(id) {
            if self.calls.len() >= CALLS {
                // ids sort by time, so the first is the oldest
                self.calls.pop_first();
            }
            let mut call = Call::default();
            if let Some(record) = record(engine, id).await {
                call.learn(&record);
            }
            self.calls.insert(id.to_owned(), call);
        }
        self.calls.entry(id.to_owned()).or_default()
    }
}

/// Writes a line for who follows, which is no part of the output.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn write(line: &str) -> Result<(), Closed> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed),
        // there is nobody to report it to
        _ => Ok(()),
    }
}
