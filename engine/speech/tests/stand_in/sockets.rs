//! The recognisers over WebSockets.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{HEARD, KEY, Mode, Shared};

type Asked = State<Arc<Shared>>;
type Parameters = Query<HashMap<String, String>>;

/// What a provider sends: for a piece of audio, and after the end.
struct Wire {
    partial: Value,
    last: Vec<Value>,
    audio: fn(&Message) -> Option<Vec<u8>>,
    is_end: fn(&Message) -> bool,
}

fn upgraded(shared: Arc<Shared>, upgrade: WebSocketUpgrade, wire: Wire) -> Response {
    match shared.mode() {
        Mode::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        mode => upgrade.on_upgrade(move |socket| talk(shared, socket, mode, wire)),
    }
}

async fn talk(shared: Arc<Shared>, mut socket: WebSocket, mode: Mode, wire: Wire) {
    let mut bytes = 0;
    while let Some(Ok(message)) = socket.recv().await {
        if let Some(audio) = (wire.audio)(&message) {
            bytes += audio.len();
            shared.piece(&audio);
            match mode {
                Mode::Drops => return,
                Mode::Silent => continue,
                Mode::Nonsense => {
                    let _ = socket.send(Message::text("It works!")).await;
                }
                _ => {
                    let _ = socket.send(Message::text(wire.partial.to_string())).await;
                }
            }
        } else if (wire.is_end)(&message) {
            if matches!(mode, Mode::Silent | Mode::Stalls) {
                pending::<()>().await;
            }
            shared.heard(bytes);
            for last in &wire.last {
                if socket.send(Message::text(last.to_string())).await.is_err() {
                    return;
                }
            }
            let _ = socket.send(Message::Close(None)).await;
        }
    }
}

fn binary(message: &Message) -> Option<Vec<u8>> {
    match message {
        Message::Binary(bytes) => Some(bytes.to_vec()),
        _ => None,
    }
}

fn json_of(message: &Message) -> Value {
    match message {
        Message::Text(text) => serde_json::from_str(text.as_str()).unwrap_or_default(),
        _ => Value::Null,
    }
}

pub async fn vosk(State(shared): Asked, upgrade: WebSocketUpgrade) -> Response {
    let wire = Wire {
        partial: json!({ "partial": "yes" }),
        last: vec![
            json!({ "result": [{ "conf": 0.9, "word": "yes" }, { "conf": 0.7, "word": "please" }], "text": "yes please" }),
        ],
        audio: binary,
        // as the server itself does: byte by byte
        is_end: |message| matches!(message, Message::Text(text) if text.as_str() == "{\"eof\" : 1}"),
    };
    upgraded(shared, upgrade, wire)
}

pub async fn deepgram(
    State(shared): Asked,
    Query(query): Parameters,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    shared.expect_header(&headers, "authorization", &format!("Token {KEY}"));
    for (name, value) in [
        ("language", "en-IN"),
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
    ] {
        shared.expect(query.get(name).is_some_and(|given| given == value), name);
    }
    shared.expect(query.contains_key("keyterm"), "keyterm");
    let results = |transcript: &str, is_final: bool| json!({ "type": "Results", "channel_index": [0, 1], "is_final": is_final, "channel": { "alternatives": [{ "transcript": transcript, "confidence": 0.95 }] } });
    let wire = Wire {
        partial: results("yes", false),
        last: vec![
            results("yes", true),
            results("please", true),
            json!({ "type": "Metadata", "request_id": "8c8e", "channels": 1 }),
        ],
        audio: binary,
        is_end: |message| json_of(message)["type"] == "CloseStream",
    };
    upgraded(shared, upgrade, wire)
}

pub async fn sarvam(
    State(shared): Asked,
    Query(query): Parameters,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    shared.expect_header(&headers, "api-subscription-key", KEY);
    for (name, value) in [
        ("endpointing", "manual"),
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
        ("language_code", "en-IN"),
    ] {
        shared.expect(query.get(name).is_some_and(|given| given == value), name);
    }
    let wire = Wire {
        partial: json!({ "event": "transcript.partial", "text": "yes", "language": "en-IN" }),
        last: vec![
            json!({ "event": "transcript.final", "text": HEARD, "language": "en-IN" }),
            json!({ "event": "session.end", "audio_duration_s": 1.0 }),
        ],
        audio: |message| {
            let event = json_of(message);
            let audio = event["audio"]
                .as_str()
                .filter(|_| event["event"] == "audio_input")?;
            STANDARD.decode(audio).ok()
        },
        is_end: |message| json_of(message)["event"] == "speech_end",
    };
    upgraded(shared, upgrade, wire)
}
