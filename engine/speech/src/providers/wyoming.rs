//! Wyoming: piper, faster-whisper, vosk and other servers of the Open Home Foundation
//! (github.com/OHF-Voice/wyoming, README).
//!
//! Events over TCP: a line of JSON, then `data_length` bytes of more JSON and `payload_length` bytes
//! of audio. `synthesize` is answered by `audio-start`, `audio-chunk`… and `audio-stop`; `transcribe`,
//! `audio-start`, `audio-chunk`… and `audio-stop` by `transcript`. There is no key and no TLS: such a
//! server belongs on this machine or the own network. Phrases are not used, and there is no
//! confidence; words before the end are not asked for.

use async_trait::async_trait;
use ghanti_model::Language;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::connections::{CONNECT, read, unreachable_in_time};
use super::recognizer::{Heard, Transcriber, Words, pcm};
use super::synthesizer::{Speaker, Speech, Text};
use super::{ProviderSettings, Remote, with};
use crate::fault::Fault;
use crate::recognition::RATE_HZ;

const USUAL_URL: &str = "tcp://127.0.0.1:10200";
/// The longest line, and the longest data of an event.
const EVENT_BYTES: u64 = 64 << 10;
/// The longest payload of an event: ten seconds at 48 kHz.
const PAYLOAD_BYTES: u64 = 960_000;

struct Event {
    kind: String,
    data: Value,
    payload: Vec<u8>,
}

impl Event {
    fn number(&self, name: &str) -> Option<u32> {
        let number = self.data.get(name).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    }
}

async fn connect(
    settings: &ProviderSettings,
) -> Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf), Fault> {
    let url = settings.base(USUAL_URL);
    let address = url.strip_prefix("tcp://").unwrap_or(&url);
    let stream = timeout(CONNECT, TcpStream::connect(address))
        .await
        .map_err(|_| unreachable_in_time())?
        .map_err(|error| Fault::Unreachable(error.kind().to_string()))?;
    // pieces of audio are to go at once; without it they are only later
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    Ok((BufReader::new(from), to))
}

async fn write(
    to: &mut OwnedWriteHalf,
    kind: &str,
    data: Value,
    payload: &[u8],
) -> Result<(), Fault> {
    let length = (!payload.is_empty()).then(|| json!(payload.len()));
    let event = with(
        json!({ "type": kind, "data": data }),
        "payload_length",
        length,
    );
    let mut bytes = event.to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(payload);
    to.write_all(&bytes)
        .await
        .map_err(|error| Fault::Broken(error.kind().to_string()))
}

/// The next event.
async fn next(from: &mut BufReader<OwnedReadHalf>) -> Result<Event, Fault> {
    let broken = |error: std::io::Error| Fault::Broken(error.kind().to_string());
    let mut line = Vec::new();
    let mut bounded = from.take(EVENT_BYTES);
    bounded.read_until(b'\n', &mut line).await.map_err(broken)?;
    if line.is_empty() {
        return Err(Fault::Broken("the connection was closed".to_owned()));
    }
    let head: Value = read(&line)?;
    let length = |name: &str, most: u64| {
        let length = head.get(name).and_then(Value::as_u64).unwrap_or_default();
        if length > most {
            return Err(Fault::Nonsense(format!("`{name}` is over {most}")));
        }
        usize::try_from(length).map_err(|_| Fault::Nonsense(format!("`{name}` is too long")))
    };
    let mut more = vec![0; length("data_length", EVENT_BYTES)?];
    from.read_exact(&mut more).await.map_err(broken)?;
    let mut payload = vec![0; length("payload_length", PAYLOAD_BYTES)?];
    from.read_exact(&mut payload).await.map_err(broken)?;
    let mut data = head.get("data").cloned().unwrap_or_else(|| json!({}));
    if !more.is_empty()
        && let (Value::Object(data), Value::Object(more)) = (&mut data, read::<Value>(&more)?)
    {
        data.extend(more);
    }
    let kind = head.get("type").and_then(Value::as_str);
    Ok(Event {
        kind: kind
            .ok_or_else(|| Fault::Nonsense("an event without a type".to_owned()))?
            .to_owned(),
        data,
        payload,
    })
}

/// Speaks.
pub(super) struct Voice(pub(super) Remote);

#[async_trait]
impl Speaker for Voice {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Empty for the voice that the server takes for the language.
    fn voice(&self, language: &Language) -> Option<String> {
        let voice = self.0.settings.voice(language).unwrap_or_default();
        let known: &[&str] = if self.0.settings.voices.is_empty() {
            &["en"]
        } else {
            &[]
        };
        let has = self.0.settings.has(language, known);
        (has && (!voice.is_empty() || self.0.settings.voices.is_empty())).then(|| voice.to_owned())
    }

    fn model(&self) -> &str {
        ""
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let (mut from, mut to) = connect(&self.0.settings).await?;
        // what holds for one line holds for one event: no line of the text begins another
        let words = text.words.replace(['\n', '\r'], " ");
        let voice = if text.voice.is_empty() {
            json!({ "language": text.language.primary() })
        } else {
            json!({ "name": text.voice })
        };
        let data = json!({ "text": words, "voice": voice });
        write(&mut to, "synthesize", data, &[]).await?;
        loop {
            let event = next(&mut from).await?;
            match event.kind.as_str() {
                "audio-start" => {
                    let form = (event.number("width"), event.number("channels"));
                    let rate_hz = event.number("rate").filter(|rate| *rate > 0);
                    match (form, rate_hz) {
                        ((Some(2), Some(1)), Some(rate_hz)) => speech.is_pcm(rate_hz)?,
                        _ => {
                            return Err(Fault::Nonsense("audio that is not PCM16 mono".to_owned()));
                        }
                    }
                }
                "audio-chunk" => speech.push(&event.payload).await?,
                "audio-stop" => return Ok(()),
                "error" => return Err(Fault::Reported),
                _ => {}
            }
        }
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[async_trait]
impl Transcriber for Listener {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.0.settings.has(language, &["en"])
    }

    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault> {
        let (mut from, mut to) = connect(&self.0.settings).await?;
        let form = json!({ "rate": RATE_HZ, "width": 2, "channels": 1 });
        let transcribe = json!({ "language": heard.language.primary() });
        let model = self.0.settings.recognition_model.as_ref();
        let transcribe = with(transcribe, "name", model.map(|model| json!(model)));
        write(&mut to, "transcribe", transcribe, &[]).await?;
        write(&mut to, "audio-start", form.clone(), &[]).await?;
        while let Some(piece) = heard.next().await {
            write(&mut to, "audio-chunk", form.clone(), &pcm(&piece)).await?;
        }
        write(&mut to, "audio-stop", json!({}), &[]).await?;
        loop {
            let event = next(&mut from).await?;
            match event.kind.as_str() {
                "transcript" => {
                    let text = event.data.get("text").and_then(Value::as_str);
                    let text =
                        text.ok_or_else(|| Fault::Nonsense("no text of a transcript".to_owned()))?;
                    return Ok(Words {
                        text: text.to_owned(),
                        ..Words::default()
                    });
                }
                "error" => return Err(Fault::Reported),
                _ => {}
            }
        }
    }
}
