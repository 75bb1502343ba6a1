//! A stand-in for the engine: it answers applets, holds streams, and keeps what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// When the bot closes the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closes {
    /// When its greeting was played.
    AfterGreeting,
    /// When a key was pressed.
    AfterKey,
    /// Never.
    Never,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub query: BTreeMap<String, String>,
}

#[derive(Clone)]
pub struct Bot {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    callbacks: Arc<Mutex<Vec<(String, Bytes)>>>,
    closes: Closes,
    agents: &'static [&'static str],
}

type Parameters = Query<BTreeMap<String, String>>;

impl Bot {
    /// Starts a bot. With agents, the Passthru after the stream leads to Connect.
    pub async fn start(closes: Closes, agents: &'static [&'static str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bot = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            callbacks: Arc::default(),
            closes,
            agents,
        };
        let app = Router::new()
            .route("/applet/{name}", get(applet))
            .route("/ws", get(stream))
            .route("/status", post(status))
            .with_state(bot.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        bot
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The applets that asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    /// The status callbacks: content type and fields.
    pub fn callbacks(&self) -> Vec<(String, ghanti_exotel::Parameters)> {
        let callbacks = self.callbacks.lock().unwrap();
        callbacks
            .iter()
            .map(|(kind, body)| {
                let read = ghanti_exotel::Parameters::from_body(Some(kind), body).unwrap();
                (kind.clone(), read)
            })
            .collect()
    }
}

async fn applet(
    State(bot): State<Bot>,
    Path(name): Path<String>,
    Query(query): Parameters,
) -> Response {
    let is_after_agent =
        query.contains_key("DialWhomNumber") && !query["DialWhomNumber"].is_empty();
    bot.asked.lock().unwrap().push(Asked {
        path: name.clone(),
        query,
    });
    match name.as_str() {
        "before" | "event" => "OK".into_response(),
        "voicebot-url" => {
            Json(json!({ "url": format!("ws://{}/ws?job=7", bot.address) })).into_response()
        }
        "after" if !bot.agents.is_empty() && !is_after_agent => StatusCode::FOUND.into_response(),
        "after" => StatusCode::OK.into_response(),
        "select" => r#"{"select":"transfer"}"#.into_response(),
        "select-json" => Json(json!({ "select": "transfer" })).into_response(),
        "connect" => Json(json!({
            "destination": { "numbers": bot.agents },
            "dial_passthru_event_url": bot.url("applet/event"),
        }))
        .into_response(),
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn status(State(bot): State<Bot>, headers: HeaderMap, body: Bytes) {
    let kind = headers[CONTENT_TYPE].to_str().unwrap().to_owned();
    bot.callbacks.lock().unwrap().push((kind, body));
}

async fn stream(State(bot): State<Bot>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| hold(bot, socket))
}

/// Plays 200 ms of a tone after `start`, and closes when it is time.
async fn hold(bot: Bot, mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        let closes = match message["event"].as_str().unwrap() {
            "start" => {
                let sid = message["stream_sid"].clone();
                let tone: Vec<u8> = (0..1_600)
                    .flat_map(|at| (((at as f32 * 0.4).sin() * 8_000.0) as i16).to_le_bytes())
                    .collect();
                let media = json!({ "event": "media", "stream_sid": sid, "media": { "payload": STANDARD.encode(tone) } });
                let mark =
                    json!({ "event": "mark", "stream_sid": sid, "mark": { "name": "greeting" } });
                for message in [media, mark] {
                    let _ = socket.send(Message::Text(message.to_string().into())).await;
                }
                false
            }
            "mark" => bot.closes == Closes::AfterGreeting,
            "dtmf" => bot.closes == Closes::AfterKey,
            _ => false,
        };
        if closes {
            let _ = socket.send(Message::Close(None)).await;
        }
    }
}
