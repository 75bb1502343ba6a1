//! A Wyoming server.

use std::future::pending;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{HEARD, Mode, Shared, tone};

const RATE_HZ: u32 = 22_050;

pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(talk(stream, Arc::clone(&shared)));
    }
}

/// Events as the Python library writes them: their data behind the line.
async fn write(stream: &mut BufReader<TcpStream>, kind: &str, data: Value, payload: &[u8]) {
    let data = data.to_string();
    let line = json!({ "type": kind, "version": "1.5.4", "data_length": data.len(), "payload_length": payload.len() });
    let bytes = [format!("{line}\n{data}").as_bytes(), payload].concat();
    // the other side may be gone
    let _ = stream.write_all(&bytes).await;
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    let mut heard = 0;
    let mut mode = Mode::Good;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return;
        }
        let event: Value = serde_json::from_str(&line).unwrap();
        let mut payload = vec![0; event["payload_length"].as_u64().unwrap_or_default() as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
        match event["type"].as_str().unwrap() {
            "synthesize" => {
                mode = shared.mode();
                shared.expect(event["data"]["voice"]["name"] == "a voice", "voice.name");
                shared.expect(event["data"]["text"].is_string(), "text");
                speak(&mut stream, mode).await;
                if mode == Mode::Drops {
                    return;
                }
            }
            "transcribe" => {
                mode = shared.mode();
                shared.expect(event["data"]["language"] == "en", "language");
            }
            "audio-start" => {
                shared.expect(
                    event["data"] == json!({ "rate": 16_000, "width": 2, "channels": 1 }),
                    "the form of the audio",
                );
            }
            "audio-chunk" => {
                heard += payload.len();
                if mode == Mode::Drops {
                    return;
                }
            }
            "audio-stop" => {
                shared.heard(heard);
                match mode {
                    Mode::Silent | Mode::Stalls => pending::<()>().await,
                    Mode::Nonsense => drop(stream.write_all(b"It works!\n").await),
                    Mode::Status(_) => {
                        write(&mut stream, "error", json!({ "text": "no" }), &[]).await;
                    }
                    _ => write(&mut stream, "transcript", json!({ "text": HEARD }), &[]).await,
                }
            }
            other => shared.expect(false, other),
        }
    }
}

async fn speak(stream: &mut BufReader<TcpStream>, mode: Mode) {
    let form = json!({ "rate": RATE_HZ, "width": 2, "channels": 1 });
    match mode {
        Mode::Silent => pending().await,
        Mode::Nonsense => drop(stream.write_all(b"It works!\n").await),
        Mode::Status(_) => write(stream, "error", json!({ "text": "no" }), &[]).await,
        _ => {
            let audio = tone(RATE_HZ);
            write(stream, "audio-start", form.clone(), &[]).await;
            let half = audio.len() / 4 * 2;
            write(stream, "audio-chunk", form.clone(), &audio[..half]).await;
            match mode {
                Mode::Stalls => pending().await,
                Mode::Drops => {}
                _ => {
                    write(stream, "audio-chunk", form, &audio[half..]).await;
                    write(stream, "audio-stop", json!({}), &[]).await;
                }
            }
        }
    }
}
