//! No input makes a parser panic: random bytes, samples cut off at every byte, samples with random
//! changes, deeply nested and huge ones. The generator is seeded, so failures are reproducible.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use ghanti_exotel::applet::{ConnectReply, PassthruRequest};
use ghanti_exotel::rest::{ActiveStreams, parse_reply};
use ghanti_exotel::status::StatusCallback;
use ghanti_exotel::{Inbound, Outbound, OutboundWriter, ParseError, inbound, parse_outbound};

const SAMPLES: &str = include_str!("data/exotel.jsonl");
/// A status callback with its boundary, `b`.
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"CallSid\"\r\n\r\nc1\r\n\
                    --b\r\nContent-Disposition: form-data; filename=\"a\\\"b\"; name=Status\r\nContent-Type: text/plain\r\n\r\nbusy\r\n--b--\r\n";

/// Fragments of JSON and forms: random bytes alone rarely get past the first brace.
const PIECES: [&str; 32] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\u0000",
    "\\ud800",
    "\\",
    "null",
    "true",
    "-1",
    "1e308",
    "18446744073709551616",
    "0.5",
    "%",
    "%5B",
    "%FF",
    "&",
    "=",
    "Legs[",
    "Stream=",
    "\"event\":\"media\"",
    "\"event\":\"start\"",
    "\"media\":{",
    "\"payload\":\"",
    "\u{0}",
    "\u{feff}",
    "क",
    "\r\n",
    "--b",
];

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Passes the bytes to every parser, and uses the results: media is decoded, a start makes a
/// writer.
fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut audio = Vec::new();
    match inbound::parse(&text) {
        Ok(Inbound::Media(media)) => drop(media.decode_into(&mut audio)),
        Ok(Inbound::Start(start)) => {
            let mut out = String::new();
            OutboundWriter::new(&start)
                .media(&[0; 9600], 0, &mut out)
                .ok();
            OutboundWriter::new(&start).mark(&text, &mut out).unwrap();
        }
        Ok(other) => drop(format!("{other:?}")),
        Err(error) => drop(error.to_string()),
    }
    if let Ok(Outbound::Media(media)) = parse_outbound(&text) {
        media.decode_into(&mut audio).ok();
    }
    let request = PassthruRequest::parse(&text);
    drop((format!("{request:?}"), request.custom_parameters()));
    for content_type in [
        None,
        Some("application/json"),
        Some("multipart/form-data; boundary=b"),
        Some(text.as_ref()),
    ] {
        StatusCallback::from_body(content_type, bytes).ok();
    }
    ConnectReply::parse(&text).ok();
    parse_reply(&text).ok();
    ActiveStreams::parse(&text).ok();
}

fn messages() -> Vec<String> {
    let message = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].to_string()
    };
    let samples = SAMPLES.lines().map(message);
    samples.chain([FORM.to_owned()]).collect()
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(1);
    for _ in 0..20_000 {
        let length = random.below(64);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        feed(&bytes);
    }
}

#[test]
fn random_pieces_never_panic() {
    let mut random = Random(2);
    for _ in 0..20_000 {
        let count = random.below(24);
        let text: String = (0..count)
            .map(|_| PIECES[random.below(PIECES.len())])
            .collect();
        feed(text.as_bytes());
    }
}

#[test]
fn samples_cut_off_anywhere_never_panic() {
    for message in messages() {
        for end in 0..message.len() {
            feed(&message.as_bytes()[..end]);
        }
    }
}

#[test]
fn changed_samples_never_panic() {
    let mut random = Random(3);
    let messages = messages();
    for _ in 0..30_000 {
        let mut bytes = messages[random.below(messages.len())].clone().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => drop(bytes.remove(at)),
                2 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
                _ => {
                    let other = messages[random.below(messages.len())].as_bytes();
                    let from = random.below(other.len());
                    drop(bytes.splice(at..at, other[from..].iter().take(20).copied()));
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        feed(&bytes);
    }
}

#[test]
fn depth_is_passed_over_or_refused_but_never_fatal() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [1, 100, 1_000, 40_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            feed(deep.as_bytes());
            for key in ["x", "event", "media", "start", "stream_sid"] {
                feed(
                    format!(r#"{{"{key}":{deep},"event":"media","media":{{"payload":"AA=="}}}}"#)
                        .as_bytes(),
                );
            }
        }
    }
}

#[test]
fn a_huge_message_is_refused_before_it_is_read() {
    let huge = format!(
        r#"{{"event":"media","media":{{"payload":"{}"}}}}"#,
        "A".repeat(10_000_000)
    );
    assert!(matches!(
        inbound::parse(&huge),
        Err(ParseError::TooLong { .. })
    ));
    assert!(matches!(
        parse_outbound(&huge),
        Err(ParseError::TooLong { .. })
    ));
    assert!(matches!(
        StatusCallback::from_body(None, huge.as_bytes()),
        Err(ParseError::TooLong { .. })
    ));
}
