//! What callers wait for after their answer, by how long the synthesizer thinks, with what may be said
//! next spoken while the question waits, and without.
//!
//! One call for each, against the built program over a WebSocket, with a stand-in of a provider in this
//! process. Each of its questions has words that were never spoken before, so that nothing is cached.

#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared with tests, which fail by panicking"
)]
#[path = "../../../engine/speech/tests/stand_in/mod.rs"]
mod stand_in;

use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use ghanti_speech::providers::Kind;
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use self::stand_in::{KEY, Mode, StandIn};
use crate::server::Server;
use crate::shipped::root;
use crate::table::{Table, figure};

/// How long the synthesizer thinks before its first audio.
const LATE_MS: [u64; 3] = [0, 300, 800];
/// The questions of a call.
const ABOUT: [&str; 12] = [
    "brakes", "engine", "tyres", "lights", "seats", "mirrors", "wipers", "horn", "clutch", "gears",
    "doors", "paint",
];
/// How long the caller thinks after each question: less than people do.
const THINKS: Duration = Duration::from_millis(900);
/// A call that takes longer has gone wrong.
const LONGEST: Duration = Duration::from_secs(120);
const NUMBER: &str = "09876543210";

/// What one call came to.
struct Held {
    /// From each answer to the first audio of the reply, in ms, in ascending order.
    gaps_ms: Vec<u64>,
    /// How many texts the provider was asked for, and how many characters of them ahead.
    texts: usize,
    characters: u64,
    /// Processor time of the engine.
    cpu: Duration,
}

/// Prints the table.
pub async fn run() -> anyhow::Result<()> {
    let mut columns = Vec::new();
    let mut held = Vec::new();
    for late_ms in LATE_MS {
        for when in ["off", "on"] {
            eprintln!("bench: a synthesizer of {late_ms} ms, speculation {when} ...");
            columns.push(format!("{late_ms} ms, {when}"));
            held.push(hold(late_ms, when).await?);
        }
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(
        &format!(
            "{} answers by key, the reply never spoken before; synthesizer's time to first audio, speculation",
            ABOUT.len()
        ),
        &columns,
    );
    let mut row =
        |name: &str, figure: fn(&Held) -> String| table.row(name, held.iter().map(figure));
    row("gap after an answer, ms: median", |held| {
        quantile(&held.gaps_ms, 0.5)
    });
    row("  worst", |held| quantile(&held.gaps_ms, 1.0));
    row("texts given to the synthesizer", |held| {
        held.texts.to_string()
    });
    row("  characters of them ahead", |held| {
        held.characters.to_string()
    });
    row("engine's processor time of the call, ms", |held| {
        figure(held.cpu.as_secs_f64() * 1e3)
    });
    table.note("gap: from the key to the first audio of the next question; a spoken answer ends some 0.3 to 1.2 s before, by how sure its end is");
    table.note(format!(
        "the caller answers {} ms after each question; two answers are forked, and both lead to the same words",
        THINKS.as_millis()
    ));
    table.print();
    Ok(())
}

fn quantile(sorted: &[u64], share: f64) -> String {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    let value = sorted.get(at);
    value.map_or_else(|| "none".to_owned(), u64::to_string)
}

async fn hold(late_ms: u64, when: &str) -> anyhow::Result<Held> {
    let voice = StandIn::start(Kind::OpenAi, Mode::Good).await;
    voice.is_late_by(Duration::from_millis(late_ms));
    let folder = tempfile::tempdir()?;
    let flow = folder.path().join("flows/survey");
    fs::create_dir_all(flow.join("prompts"))?;
    let component = root().join("plugins/target/fixtures/survey.wasm");
    fs::copy(&component, flow.join("flow.wasm"))
        .with_context(|| format!("`{}`: run `make flows`", component.display()))?;
    fs::write(flow.join("flow.toml"), manifest())?;
    fs::write(flow.join("prompts/en-IN.ftl"), PROMPTS)?;
    let of_speech = format!(
        "speculation = \"{when}\"\nsynthesizers = [\"own\"]\n[speech.providers.own]\nkind = \"openai\"\nurl = \"{}\"\nkey = \"{KEY}\"\nvoices = {{ en-IN = \"a voice\" }}\n",
        voice.url
    );
    let server = Server::start_speaking(folder, &of_speech).await?;
    let before = ghanti_load::process::Reading::of(server.pid())?;
    let call = tokio::time::timeout(LONGEST, call(&server))
        .await
        .context("the call goes on for ever")??;
    let after = ghanti_load::process::Reading::of(server.pid())?;
    let metrics = get(&server, "/metrics").await?;
    let characters = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ghanti_speculation_characters_total "));
    Ok(Held {
        gaps_ms: gaps(&server, &call).await?,
        texts: voice.texts().len(),
        characters: characters.context("no characters are counted")?.parse()?,
        cpu: after.own.saturating_sub(before.own),
    })
}

const PROMPTS: &str = "\
due = The bill is { $amount }.
question = Are you happy with the { $about }?
thanks = Thank you for your answers. Goodbye.

## $amount (money)
## $about (text)
";

fn manifest() -> String {
    let questions = ABOUT.map(|about| {
        format!("[questions.{about}]\nprompt = \"question\"\nwait = \"20s\"\nchoices = {{ yes = {{ key = \"1\" }}, no = {{ key = \"2\" }} }}\n")
    });
    format!(
        "[settings]\nquestions = \"{}\"\namount = \"1250000\"\n{}",
        ABOUT.join(" "),
        questions.concat()
    )
}

/// Holds the call to its end, and returns its id.
async fn call(server: &Server) -> anyhow::Result<String> {
    let client = ghanti_sim::http::client()?.build()?;
    let order = client
        .post(format!("{}/api/calls", server.base_url()))
        .json(&json!({ "phone": NUMBER, "flow": "survey", "fields": { "name": "Asha" } }))
        .send()
        .await?;
    let order: Json = order.error_for_status()?.json().await?;
    let call = order
        .pointer("/call_id")
        .and_then(Json::as_str)
        .context("no call id")?
        .to_owned();
    let sid = "speculation1";
    let passthru = format!(
        "{}/passthru?CallSid={sid}&CallFrom={NUMBER}&CustomField={call}",
        server.base_url()
    );
    client.get(passthru).send().await?.error_for_status()?;
    let url = server.base_url().replace("http://", "ws://");
    let (mut socket, _) = connect_async(format!("{url}/ws/voicebot/{sid}")).await?;
    let stream = format!("stream-{sid}");
    let format = json!({ "encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps" });
    for message in [
        json!({ "event": "connected" }),
        json!({ "event": "start", "sequence_number": "1", "stream_sid": stream, "start": { "stream_sid": stream, "call_sid": sid, "account_sid": "ghanti1", "from": NUMBER, "to": "08045000000", "media_format": format } }),
    ] {
        socket.send(Message::text(message.to_string())).await?;
    }
    let silence = json!({ "event": "media", "stream_sid": stream, "media": { "payload": "A".repeat(2_560) } });
    let key = json!({ "event": "dtmf", "dtmf": { "digit": "1", "duration": "100" } });
    let mut frames = tokio::time::interval(Duration::from_millis(120));
    let mut press_at: Option<Instant> = None;
    let mut marks = Vec::new();
    // what was sent ahead is played out before its marks come back
    let mut played_until = Instant::now();
    loop {
        let wake = press_at
            .into_iter()
            .chain(marks.first().map(|(at, _)| *at))
            .min();
        let due = wake.unwrap_or_else(|| Instant::now() + LONGEST);
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Json = serde_json::from_str(&text)?;
                    match message.pointer("/event").and_then(Json::as_str) {
                        Some("media") => {
                            let payload = message.pointer("/media/payload").and_then(Json::as_str).map_or(0, str::len);
                            let ms = payload as u64 / 4 * 3 / 16;
                            played_until = played_until.max(Instant::now()) + Duration::from_millis(ms);
                            press_at = None;
                        }
                        Some("mark") => marks.push((played_until, message)),
                        _ => {}
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(call),
                Some(Ok(_)) => {}
            },
            _ = frames.tick() => drop(socket.send(Message::text(silence.to_string())).await),
            () = tokio::time::sleep_until(due) => {
                let now = Instant::now();
                while marks.first().is_some_and(|(at, _)| *at <= now) {
                    let (_, mark) = marks.remove(0);
                    drop(socket.send(Message::text(mark.to_string())).await);
                    // the last one of what was said: nothing follows it before an answer
                    press_at = marks.is_empty().then_some(now + THINKS);
                }
                if press_at.is_some_and(|at| at <= now) {
                    press_at = None;
                    drop(socket.send(Message::text(key.to_string())).await);
                }
            }
        }
    }
}

async fn get(server: &Server, path: &str) -> anyhow::Result<String> {
    let client = ghanti_sim::http::client()?.build()?;
    let url = format!("{}{path}", server.base_url());
    Ok(client
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?)
}

/// The gaps of the call's turns, in ascending order.
async fn gaps(server: &Server, call: &str) -> anyhow::Result<Vec<u64>> {
    let given_up = Instant::now() + LONGEST;
    loop {
        let chain: Json =
            serde_json::from_str(&get(server, &format!("/api/calls/{call}/chain")).await?)?;
        let mut gaps = Vec::new();
        collect(&chain, &mut gaps);
        // the last answer is followed by thanks
        if gaps.len() >= ABOUT.len() {
            gaps.sort_unstable();
            return Ok(gaps);
        }
        if Instant::now() > given_up {
            bail!(
                "only {} of {} turns were timed: {chain:#}",
                gaps.len(),
                ABOUT.len()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Every `whole_ms` of an event; events are JSON within JSON.
fn collect(json: &Json, into: &mut Vec<u64>) {
    match json {
        Json::String(text) if text.starts_with('{') => {
            if let Ok(event) = serde_json::from_str(text) {
                collect(&event, into);
            }
        }
        Json::Object(fields) => {
            into.extend(fields.get("whole_ms").and_then(Json::as_u64));
            fields.values().for_each(|field| collect(field, into));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}
