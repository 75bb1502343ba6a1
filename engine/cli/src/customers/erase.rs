//! `ghanti customers erase`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::engine::{Address, Engine};
use crate::runtime::one_thread;

/// Maximum length of a line on standard input in bytes.
const LINE_BYTES: u64 = 256;

/// The arguments of `ghanti customers erase`.
#[derive(Args)]
pub struct Erase {
    #[command(flatten)]
    address: Address,
    /// The customer's number, such as +919876543210; `-` reads it from standard input, so that it
    /// does not appear in the process list
    phone: String,
}

/// The engine's answer.
#[derive(Deserialize)]
struct Answer {
    erased: BTreeMap<String, u64>,
    next: Option<String>,
}

/// The kinds of erased data, in the order in which they are shown.
const KINDS: [(&str, &str); 11] = [
    ("customers", "customers of lists"),
    ("campaign_customers", "customers of campaigns"),
    ("attempts", "attempts of campaigns"),
    ("sessions", "keys of the session store"),
    ("calls", "calls"),
    ("events", "events of calls"),
    ("messages", "webhook messages"),
    ("recordings", "recordings of calls"),
    (
        "recordings_elsewhere",
        "recordings that other engines delete from their data folders within minutes",
    ),
    ("files", "files of the spool"),
    ("wishes", "do-not-call requests, kept under a keyed hash"),
];

impl Erase {
    /// Erases, and shows what was erased.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let phone = match self.phone.as_str() {
            "-" => line()?,
            phone => phone.to_owned(),
        };
        let engine = Engine::new(&self.address)?;
        one_thread(async {
            let (mut erased, mut after) = (BTreeMap::<String, u64>::new(), String::new());
            loop {
                let body = json!({ "phone": phone, "cursor": after });
                let request = engine
                    .request(Method::POST, "/api/customers/erase")
                    .json(&body);
                let answer: Answer = engine.send(request).await?;
                for (place, count) in answer.erased {
                    *erased.entry(place).or_default() += count;
                }
                match answer.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            let mut out = std::io::stdout();
            for (place, name) in KINDS {
                let count = erased.get(place).copied().unwrap_or_default();
                writeln!(out, "{count:>6} {name}")?;
            }
            if erased.values().all(|count| *count == 0) {
                writeln!(out, "there is no data (any more) for this number")?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn line() -> anyhow::Result<String> {
    use std::io::{BufRead, Read};
    let mut line = String::new();
    let input = std::io::stdin().lock().take(LINE_BYTES);
    std::io::BufReader::new(input)
        .read_line(&mut line)
        .context("cannot read the number from standard input")?;
    let line = line.trim();
    if line.is_empty() {
        bail!("standard input has no number");
    }
    Ok(line.to_owned())
}
