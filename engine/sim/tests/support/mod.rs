//! A small bot for the simulator to call: the engine's routes, with the stream scripted by the
//! test.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::{CallId, CallRecord, CallState, Extent, Language, Line, Masked, Speaker};
use ghanti_sim::{CallReport, Scenario, Silent};
use serde_json::{Value, json};

/// What the bot has seen, and the record that it returns.
pub struct Seen {
    pub requests: Vec<(String, HashMap<String, String>, HeaderMap)>,
    pub status_form: String,
    pub record: CallRecord,
    pub handshakes: u32,
    pub refuse_handshakes: u32,
    pub agent: Option<String>,
    pub stream_query: String,
}

/// Duration of one frame of the caller's audio.
pub const FRAME_MS: u64 = 20;

pub type Shared = Arc<Mutex<Seen>>;
type Script = Arc<dyn Fn(BotEnd) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

#[derive(Clone)]
struct App {
    seen: Shared,
    script: Script,
    address: std::net::SocketAddr,
}

/// The bot's end of the stream.
pub struct BotEnd {
    socket: WebSocket,
    pub seen: Shared,
    pub sid: String,
    pub began: Instant,
}

impl BotEnd {
    /// The next message of Exotel; `None` when the stream has ended, with or without a close.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.recv().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) => panic!("Exotel never sends a close"),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Reads up to an event. Returns it with the milliseconds of the caller's audio before it: the
    /// simulator's own time, by which it plays, returns marks and presses keys. On a busy machine
    /// it lags behind real time and catches up.
    pub async fn until(&mut self, event: &str) -> (Value, u64) {
        let mut audio_ms = 0;
        loop {
            let message = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended before `{event}`"));
            if message["event"] == event {
                return (message, audio_ms);
            }
            if message["event"] == "media" {
                audio_ms += FRAME_MS;
            }
        }
    }

    /// Reads this much of the caller's audio, and nothing else.
    pub async fn hear(&mut self, ms: u64) {
        for _ in 0..ms / FRAME_MS {
            assert_eq!(self.next().await.unwrap()["event"], "media");
        }
    }

    /// Reads `connected` and `start`.
    pub async fn started(&mut self) -> Value {
        assert_eq!(self.next().await.unwrap(), json!({ "event": "connected" }));
        let start = self.next().await.unwrap();
        assert_eq!(start["event"], "start");
        self.sid = start["stream_sid"].as_str().unwrap().to_owned();
        self.began = Instant::now();
        start
    }

    /// Sends a tone in frames of 100 ms, all at once. On a busy machine the simulator may be late
    /// to take them, which it counts as gaps.
    pub async fn tone(&mut self, ms: usize) {
        for _ in 0..ms / 100 {
            let samples = (0..800).flat_map(|at| ((at as f32 * 0.4).sin() * 8000.0).to_le_i16());
            self.media(samples.collect()).await;
        }
    }

    pub async fn media(&mut self, bytes: Vec<u8>) {
        self.send(json!({ "event": "media", "stream_sid": self.sid, "media": { "payload": STANDARD.encode(bytes) } })).await;
    }

    pub async fn mark(&mut self, name: &str) {
        self.send(json!({ "event": "mark", "stream_sid": self.sid, "mark": { "name": name } }))
            .await;
    }

    pub async fn clear(&mut self) {
        self.send(json!({ "event": "clear", "stream_sid": self.sid }))
            .await;
    }

    pub async fn send(&mut self, message: Value) {
        self.socket
            .send(Message::Text(message.to_string().into()))
            .await
            .unwrap();
    }

    /// Adds a line to the transcript, as the engine does while the call runs.
    pub fn line(&self, name: &str, text: &str, at_ms: u64) {
        self.seen.lock().unwrap().record.transcript.push(Line {
            at_ms,
            lasted_ms: 0,
            speaker: Speaker::Bot,
            text: Masked::new(text),
            language: Language::english(),
            name: name.to_owned(),
            heard: Some(Extent::Whole),
            confidence: None,
        });
    }

    /// Closes the stream normally.
    pub async fn close(mut self) {
        let _ = self.socket.send(Message::Close(None)).await;
        while let Some(Ok(_)) = self.socket.recv().await {}
    }
}

trait ToLe {
    fn to_le_i16(self) -> [u8; 2];
}

impl ToLe for f32 {
    fn to_le_i16(self) -> [u8; 2] {
        (self as i16).to_le_bytes()
    }
}

/// Runs a scenario against a scripted bot. The record ends with the outcome `done`.
pub async fn play<F, Fut>(scenario: &str, script: F) -> (CallReport, Shared, tempfile::TempDir)
where
    F: Fn(BotEnd) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    play_prepared(scenario, |_| {}, script).await
}

/// Like [`play`], with the bot's state prepared first.
pub async fn play_prepared<F, Fut>(
    scenario: &str,
    prepare: impl FnOnce(&mut Seen),
    script: F,
) -> (CallReport, Shared, tempfile::TempDir)
where
    F: Fn(BotEnd) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (base_url, seen) = serve(script).await;
    prepare(&mut seen.lock().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let head = "title = \"test\"\nexpect = \"done\"\nmax-seconds = 20\n";
    let scenario = Scenario::parse(&format!("{head}{scenario}"), "test").unwrap();
    let report = ghanti_sim::run(&scenario, &base_url, folder.path(), &Silent)
        .await
        .unwrap();
    (report, seen, folder)
}

/// Starts a bot on a port of its own.
pub async fn serve<F, Fut>(script: F) -> (String, Shared)
where
    F: Fn(BotEnd) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let seen = Arc::new(Mutex::new(Seen {
        requests: Vec::new(),
        status_form: String::new(),
        record: CallRecord::new(CallId::generate(), 0),
        handshakes: 0,
        refuse_handshakes: 0,
        agent: None,
        stream_query: String::new(),
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script: Script = Arc::new(move |end| Box::pin(script(end)));
    let app =
        Router::new()
            .route(
                "/api/calls",
                post(|State(app): State<App>| async move {
                    Json(json!({ "call_id": app.seen.lock().unwrap().record.call_id }))
                }),
            )
            .route(
                "/api/calls/{id}",
                get(|State(app): State<App>| async move {
                    Json(app.seen.lock().unwrap().record.clone())
                }),
            )
            .route("/passthru", get(passthru))
            .route("/voicebot-url", get(voicebot_url))
            .route("/passthru/after", get(passthru_after))
            .route("/connect", get(connect))
            .route(
                "/status",
                post(|State(app): State<App>, form: String| async move {
                    app.seen.lock().unwrap().status_form = form
                }),
            )
            .route("/ws", get(stream))
            .with_state(App {
                seen: seen.clone(),
                script,
                address,
            });
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), seen)
}

type Parameters = Query<HashMap<String, String>>;

async fn passthru(
    State(app): State<App>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> &'static str {
    app.seen
        .lock()
        .unwrap()
        .requests
        .push(("passthru".to_owned(), parameters, headers));
    "OK"
}

async fn voicebot_url(State(app): State<App>) -> Json<Value> {
    Json(
        json!({ "url": format!("ws://{}/ws?{}", app.address, app.seen.lock().unwrap().stream_query) }),
    )
}

async fn passthru_after(
    State(app): State<App>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> StatusCode {
    let mut seen = app.seen.lock().unwrap();
    // the Passthru after Connect ends the flow
    let is_after_connect = seen.requests.iter().any(|(path, ..)| path == "connect");
    seen.requests
        .push(("after".to_owned(), parameters, headers));
    if seen.agent.is_some() && !is_after_connect {
        StatusCode::FOUND
    } else {
        StatusCode::OK
    }
}

async fn connect(
    State(app): State<App>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Json<Value> {
    let mut seen = app.seen.lock().unwrap();
    seen.requests
        .push(("connect".to_owned(), parameters, headers));
    Json(
        json!({ "fetch_after_attempt": false, "destination": { "numbers": seen.agent.iter().collect::<Vec<_>>() } }),
    )
}

async fn stream(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    {
        let mut seen = app.seen.lock().unwrap();
        seen.handshakes += 1;
        if seen.handshakes <= seen.refuse_handshakes {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    upgrade.on_upgrade(|socket| async move {
        let seen = app.seen.clone();
        (app.script)(BotEnd {
            socket,
            seen: seen.clone(),
            sid: String::new(),
            began: Instant::now(),
        })
        .await;
        let mut seen = seen.lock().unwrap();
        seen.record.state = CallState::Ended;
        seen.record.outcome = Some("done".to_owned());
    })
}

/// The two sides of a recording: caller, bot.
pub fn sides(recording: &Path) -> (Vec<i16>, Vec<i16>) {
    let mut reader = hound::WavReader::open(recording).unwrap();
    assert_eq!(reader.spec().channels, 2);
    let samples: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
    (
        samples.iter().copied().step_by(2).collect(),
        samples.iter().copied().skip(1).step_by(2).collect(),
    )
}

/// How many milliseconds of a side are audible, in steps of 20.
pub fn audible_ms(side: &[i16], rate_hz: usize) -> usize {
    side.chunks(rate_hz / 50)
        .filter(|frame| {
            frame
                .iter()
                .any(|&sample| ghanti_sim::heard::is_audible(sample))
        })
        .count()
        * 20
}
