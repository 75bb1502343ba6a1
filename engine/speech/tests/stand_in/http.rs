//! The providers over HTTP.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};

use super::sockets;
use super::{HEARD, KEY, Mode, Shared, tone, wav};

type Asked = State<Arc<Shared>>;
type Parameters = Query<HashMap<String, String>>;

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/audio/speech", post(openai_speech))
        .route("/v1/audio/transcriptions", post(openai_words))
        .route("/text-to-speech/stream", post(sarvam_speech))
        .route("/speech-to-text-realtime/ws", get(sockets::sarvam))
        .route("/v1/speak", post(deepgram_speech))
        .route("/v1/listen", get(sockets::deepgram))
        .route("/v1/text-to-speech/{voice}/stream", post(elevenlabs_speech))
        .route("/v1/speech-to-text", post(elevenlabs_words))
        .route("/v1/text:synthesize", post(google_speech))
        .route("/v1/speech:recognize", post(google_words))
        .route("/cognitiveservices/v1", post(azure_speech))
        .route(
            "/speech/recognition/conversation/cognitiveservices/v1",
            post(azure_words),
        )
        .route("/", get(sockets::vosk))
        .with_state(shared)
}

/// Audio as it is sent: half, then the other half.
async fn spoken(mode: Mode, kind: &str, audio: Vec<u8>) -> Response {
    let half = audio.len() / 4 * 2;
    let (first, second) = (audio[..half].to_vec(), audio[half..].to_vec());
    let begun = stream::iter([Ok::<_, io::Error>(first)]);
    let body = match mode {
        Mode::Good => Body::from_stream(begun.chain(stream::iter([Ok(second)]))),
        Mode::Stalls => Body::from_stream(begun.chain(pending().into_stream())),
        Mode::Drops => {
            let broken = stream::once(async {
                // what was written goes out before the connection is closed
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                Err(io::Error::other("dropped"))
            });
            Body::from_stream(begun.chain(broken))
        }
        Mode::Silent => return pending().await,
        Mode::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Mode::Nonsense => {
            return ([(CONTENT_TYPE, "text/html")], "<p>It works!</p>").into_response();
        }
    };
    ([(CONTENT_TYPE, kind.to_owned())], body).into_response()
}

/// An answer that comes whole.
async fn whole(mode: Mode, answer: Value) -> Response {
    let text = answer.to_string();
    let (first, second) = text.split_at(text.len() / 2);
    let begun = stream::iter([Ok::<_, io::Error>(first.to_owned())]);
    let kind = [(CONTENT_TYPE, "application/json")];
    match mode {
        Mode::Good => (
            kind,
            Body::from_stream(begun.chain(stream::iter([Ok(second.to_owned())]))),
        )
            .into_response(),
        Mode::Stalls => {
            let never = stream::once(pending::<io::Result<String>>());
            (kind, Body::from_stream(begun.chain(never))).into_response()
        }
        Mode::Drops => {
            let broken = stream::iter([Err(io::Error::other("dropped"))]);
            (kind, Body::from_stream(begun.chain(broken))).into_response()
        }
        Mode::Silent => pending::<Result<Response, Infallible>>().await.unwrap(),
        Mode::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mode::Nonsense => (kind, "<p>It works!</p>").into_response(),
    }
}

/// Whether a form has a field; and how many bytes of PCM its file has.
fn form(shared: &Shared, headers: &HeaderMap, body: &[u8], fields: &[(&str, &str)]) {
    let kind = headers[CONTENT_TYPE].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = String::from_utf8_lossy(body);
    for (name, value) in fields {
        let field = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        shared.expect(text.contains(&field), &format!("field {name}"));
    }
    let end = format!("\r\n--{boundary}--\r\n");
    shared.expect(text.ends_with(&end), "the end of the form");
    let file = body
        .windows(4)
        .position(|window| window == b"RIFF")
        .unwrap();
    shared.heard(body.len() - end.len() - file - 44);
}

fn json_of(shared: &Shared, body: &[u8]) -> Value {
    let read = serde_json::from_slice(body);
    shared.expect(read.is_ok(), "a body of JSON");
    read.unwrap_or_default()
}

async fn openai_speech(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "authorization", &format!("Bearer {KEY}"));
    let asked = json_of(&shared, &body);
    shared.expect(asked["response_format"] == "pcm", "response_format");
    shared.expect(asked["voice"] == "a voice", "voice");
    shared.expect(
        asked["input"].is_string() && asked["model"].is_string(),
        "input and model",
    );
    let late = shared.text(asked["input"].as_str().unwrap_or_default());
    tokio::time::sleep(late).await;
    spoken(mode, "application/octet-stream", tone(24_000)).await
}

async fn openai_words(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "authorization", &format!("Bearer {KEY}"));
    let fields = [
        ("language", "en"),
        ("response_format", "json"),
        ("prompt", "yes please, no"),
    ];
    form(&shared, &headers, &body, &fields);
    whole(mode, json!({ "text": HEARD })).await
}

async fn sarvam_speech(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "api-subscription-key", KEY);
    let asked = json_of(&shared, &body);
    shared.expect(
        asked["target_language_code"] == "en-IN",
        "target_language_code",
    );
    shared.expect(asked["speaker"] == "a voice", "speaker");
    shared.expect(
        asked["output_audio_codec"] == "linear16",
        "output_audio_codec",
    );
    shared.expect(asked["text"].is_string(), "text");
    let rate_hz = asked["speech_sample_rate"].as_u64().unwrap_or(8_000);
    spoken(mode, "audio/L16", tone(rate_hz as u32)).await
}

async fn deepgram_speech(
    State(shared): Asked,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "authorization", &format!("Token {KEY}"));
    for (name, value) in [
        ("model", "a voice"),
        ("encoding", "linear16"),
        ("container", "none"),
    ] {
        shared.expect(query.get(name).is_some_and(|given| given == value), name);
    }
    shared.expect(json_of(&shared, &body)["text"].is_string(), "text");
    let rate_hz = query["sample_rate"].parse().unwrap();
    spoken(mode, "audio/l16", tone(rate_hz)).await
}

async fn elevenlabs_speech(
    State(shared): Asked,
    Path(voice): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "xi-api-key", KEY);
    shared.expect(voice == "a voice", "the voice in the path");
    let asked = json_of(&shared, &body);
    shared.expect(
        asked["text"].is_string() && asked["model_id"].is_string(),
        "text and model_id",
    );
    let rate_hz = query["output_format"].strip_prefix("pcm_").unwrap();
    spoken(mode, "audio/pcm", tone(rate_hz.parse().unwrap())).await
}

async fn elevenlabs_words(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "xi-api-key", KEY);
    let fields = [("model_id", "scribe_v1"), ("language_code", "en")];
    form(&shared, &headers, &body, &fields);
    let answer =
        json!({ "language_code": "eng", "language_probability": 0.98, "text": HEARD, "words": [] });
    whole(mode, answer).await
}

async fn google_speech(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "x-goog-api-key", KEY);
    let asked = json_of(&shared, &body);
    shared.expect(asked["input"]["text"].is_string(), "input.text");
    shared.expect(
        asked["voice"]["languageCode"] == "en-IN",
        "voice.languageCode",
    );
    shared.expect(
        asked["audioConfig"]["audioEncoding"] == "LINEAR16",
        "audioEncoding",
    );
    let rate_hz = asked["audioConfig"]["sampleRateHertz"].as_u64().unwrap() as u32;
    let audio = STANDARD.encode(wav(rate_hz, &tone(rate_hz)));
    whole(mode, json!({ "audioContent": audio })).await
}

async fn google_words(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "x-goog-api-key", KEY);
    let asked = json_of(&shared, &body);
    shared.expect(asked["config"]["encoding"] == "LINEAR16", "encoding");
    shared.expect(
        asked["config"]["sampleRateHertz"] == 16_000,
        "sampleRateHertz",
    );
    shared.expect(asked["config"]["languageCode"] == "en-IN", "languageCode");
    shared.expect(
        asked["config"]["speechContexts"][0]["phrases"] == json!(["yes please", "no"]),
        "speechContexts",
    );
    let audio = STANDARD.decode(asked["audio"]["content"].as_str().unwrap());
    shared.heard(audio.unwrap().len());
    let answer = json!({ "results": [{ "alternatives": [{ "transcript": HEARD, "confidence": 0.9 }], "languageCode": "en-in" }] });
    whole(mode, answer).await
}

async fn azure_speech(State(shared): Asked, headers: HeaderMap, body: Bytes) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "ocp-apim-subscription-key", KEY);
    shared.expect_header(&headers, "content-type", "application/ssml+xml");
    let text = String::from_utf8_lossy(&body);
    shared.expect(text.contains("<voice name=\"a voice\">"), "the voice");
    shared.expect(text.contains("xml:lang=\"en-IN\""), "xml:lang");
    let format = headers["x-microsoft-outputformat"].to_str().unwrap();
    let rate = format.strip_prefix("raw-").unwrap().split("khz").next();
    let rate_hz = rate.unwrap().parse::<u32>().unwrap() * 1_000;
    spoken(mode, "audio/basic", tone(rate_hz)).await
}

async fn azure_words(
    State(shared): Asked,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mode = shared.mode();
    shared.expect_header(&headers, "ocp-apim-subscription-key", KEY);
    shared.expect(
        query["language"] == "en-IN" && query["format"] == "detailed",
        "the query",
    );
    shared.expect(body.starts_with(b"RIFF"), "a WAV");
    shared.heard(body.len() - 44);
    let best = json!([{ "Confidence": 0.93, "Lexical": "yes please", "ITN": "yes please", "MaskedITN": "yes please", "Display": HEARD }]);
    let answer =
        json!({ "RecognitionStatus": "Success", "Offset": 0, "Duration": 1, "NBest": best });
    whole(mode, answer).await
}
