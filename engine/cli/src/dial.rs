//! `ghanti dial`: asks a running engine to dial a customer, and shows the result of the call.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ghanti_model::{CallId, CallRecord, CallState, Outcome, Problem, unix_ms};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::engine::{Address, Engine};
use crate::runtime::one_thread;

/// The exit code if nobody was dialled, or the call was not connected.
const NOT_DIALLED: u8 = 1;
/// How long to wait for an agent after the conversation: a phone rings for half a minute, and several
/// may ring one after another.
const AGENT: Duration = Duration::from_secs(120);
/// The poll interval.
const POLL: Duration = Duration::from_millis(500);

/// Dial a customer through a running engine
///
/// Waits for the call's outcome. The engine needs an account in `[exotel]`. Exits with 0 once the call has ended, and with 1 if it was not dialled.
#[derive(Args)]
pub struct Dial {
    #[command(flatten)]
    address: Address,
    /// The customer's number, such as +919876543210
    phone: String,
    /// The flow that talks to them; by default the engine chooses
    #[arg(long)]
    flow: Option<String>,
    /// A field of the customer's record, such as `name=Priya`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    field: Vec<(String, String)>,
    /// Makes the command safe to repeat: a call with the same key is dialled once
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// Do not wait for the call's end
    #[arg(long)]
    no_wait: bool,
}

/// Whether an agent may still answer a call that ended at this time, in milliseconds since 1970.
fn is_recent(ended_ms: Option<u64>) -> bool {
    ended_ms
        .is_some_and(|ended_ms| Duration::from_millis(unix_ms().saturating_sub(ended_ms)) < AGENT)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=VALUE, such as `name=Priya`")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Dial {
    /// Dials, and waits.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            let engine = Engine::new(&self.address)?;
            let mut out = std::io::stdout();
            let call = self.order(&engine).await?;
            writeln!(out, "call {call}")?;
            if self.no_wait {
                return Ok(ExitCode::SUCCESS);
            }
            let mut shown = 0;
            loop {
                let record: CallRecord = engine.get(&format!("/api/calls/{call}")).await?;
                for Problem { name, detail, .. } in record.problems.iter().skip(shown) {
                    writeln!(out, "{name}: {detail}")?;
                }
                shown = record.problems.len();
                let own = record.own_outcome();
                let is_with_agent = own == Some(Outcome::TransferDecided);
                if let (Some(outcome), CallState::Ended) = (record.outcome, record.state)
                    && !(is_with_agent && is_recent(record.ended_ms))
                {
                    writeln!(out, "{outcome}")?;
                    return Ok(if own == Some(Outcome::NotDialled) {
                        ExitCode::from(NOT_DIALLED)
                    } else {
                        ExitCode::SUCCESS
                    });
                }
                tokio::time::sleep(POLL).await;
            }
        })
    }

    /// Orders the call, and returns its id.
    async fn order(&self, engine: &Engine) -> anyhow::Result<CallId> {
        let fields: Map<String, Value> = self
            .field
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut body = json!({ "phone": self.phone, "fields": fields, "dial": true });
        if let (Some(flow), Some(body)) = (&self.flow, body.as_object_mut()) {
            body.insert("flow".to_owned(), json!(flow));
        }
        let mut request = engine.request(Method::POST, "/api/calls").json(&body);
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        let answer: Ordered = engine.send(request).await?;
        Ok(answer.call_id)
    }
}

/// The engine's answer to an order.
#[derive(Deserialize)]
struct Ordered {
    call_id: CallId,
}
