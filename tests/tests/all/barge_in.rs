//! Callers who make a sound while the bot speaks, through the built program with real speech. Time is
//! that of the line's audio: both sides are counted in samples, whatever the machine takes.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt, StreamExt};
use ghanti_sim::caller_audio::CallerAudio;
use ghanti_sim::heard::{TURN_SILENCE_MS, audible_span};
use ghanti_sim::playback::Playback;
use ghanti_sim::room::{Line, Room};
use ghanti_sim::voice::Voice;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Engine, Setup, start_of};

const RATE_HZ: u32 = 8_000;
const FRAME_MS: usize = 20;
/// The sample at a time.
const fn at(ms: usize) -> usize {
    ms * RATE_HZ as usize / 1_000
}
/// How soon a voice silences the bot: the word's first sounds, and the way there and back.
const SILENT_WITHIN_MS: usize = 400;
/// A prompt goes on so soon after the sound that paused it.
const GOES_ON_WITHIN_MS: usize = 1_100;
/// The caller makes their sound so long after the bot's first one.
const INTO_MS: usize = 2_000;

/// A call, as it sounded.
struct Call {
    /// The call's id in the engine.
    id: String,
    /// What the caller heard, from the bot's first sound on.
    bot: Vec<i16>,
    /// When the bot was told to be silent, in samples of that.
    clears: Vec<usize>,
}

impl Call {
    /// The bot's last sound before a silence as long as between two of its turns, from a time on.
    fn fell_silent(&self, from: usize) -> usize {
        let frame = at(FRAME_MS);
        let sounds: Vec<usize> = self.bot[from..]
            .chunks(frame)
            .enumerate()
            .filter_map(|(nth, samples)| Some(from + nth * frame + audible_span(samples)?.1))
            .collect();
        let silence = at(TURN_SILENCE_MS as usize);
        let before = sounds.windows(2).find(|pair| pair[1] - pair[0] >= silence);
        before.map_or_else(|| *sounds.last().unwrap(), |pair| pair[0])
    }

    /// The bot's first sound from a time on.
    fn speaks(&self, from: usize) -> usize {
        let first = |(nth, sample): (usize, &i16)| {
            audible_span(std::slice::from_ref(sample)).map(|_| from + nth)
        };
        self.bot[from..].iter().enumerate().find_map(first).unwrap()
    }
}

/// A customer is called who makes this sound a while after the bot's first one, if any; and hangs up
/// after so many milliseconds of the bot.
async fn called(engine: &Engine, nth: u32, room: &Line, sound: &[i16], lasts_ms: usize) -> Call {
    let (sid, phone) = (format!("barge-{nth}"), format!("+9198765711{nth:02}"));
    let id = engine.customer(&phone, Some("emi-reminder")).await;
    let url = format!("ws://{}/ws/voicebot/{sid}", engine.address());
    let (mut socket, _) = connect_async(url).await.unwrap();
    for message in [json!({ "event": "connected" }), start_of(&sid, &phone)] {
        let message = Message::text(message.to_string());
        socket.send(message).await.unwrap();
    }
    let mut room = Room::new(room, RATE_HZ).await.unwrap();
    let (mut playback, mut caller) = (Playback::default(), CallerAudio::default());
    let (mut bot, mut clears, mut begins) = (Vec::new(), Vec::new(), None);
    let mut ticks = interval(Duration::from_millis(FRAME_MS as u64));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => {
                let mut frame = vec![0; at(FRAME_MS)];
                let mut messages: Vec<Value> = playback
                    .play(&mut frame)
                    .into_iter()
                    .map(|name| json!({ "event": "mark", "stream_sid": sid, "mark": { "name": name } }))
                    .collect();
                begins = begins.or_else(|| Some(bot.len() + audible_span(&frame)?.0));
                bot.extend_from_slice(&frame);
                if let Some(begins) = begins {
                    if bot.len() / frame.len() == (begins + at(INTO_MS)) / frame.len() {
                        caller.say(sound.into());
                    }
                    if bot.len() >= begins + at(lasts_ms) {
                        break;
                    }
                }
                caller.fill(&mut frame);
                room.fill(&bot, &mut frame);
                let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                let payload = BASE64_STANDARD.encode(bytes);
                messages.push(json!({ "event": "media", "stream_sid": sid, "media": { "payload": payload } }));
                for message in messages {
                    socket.send(Message::text(message.to_string())).await.unwrap();
                }
            }
            message = socket.next() => {
                let Some(Ok(Message::Text(text))) = message else { break };
                let message: Value = serde_json::from_str(&text).unwrap();
                match message["event"].as_str().unwrap() {
                    "media" => {
                        let bytes = BASE64_STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap();
                        let samples = bytes.as_chunks::<2>().0.iter();
                        playback.media(samples.map(|sample| i16::from_le_bytes(*sample)).collect());
                    }
                    "mark" => playback.mark(message["mark"]["name"].as_str().unwrap().to_owned()),
                    "clear" => {
                        playback.clear();
                        clears.push(bot.len());
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
    let stop = json!({ "event": "stop", "sequence_number": "9", "stop": { "call_sid": sid, "reason": "callended" } });
    drop(socket.send(Message::text(stop.to_string())).await);
    let begins = begins.expect("the bot said nothing");
    Call {
        id,
        bot: bot.split_off(begins),
        clears: clears.into_iter().map(|clear| clear - begins).collect(),
    }
}

/// The engine, and what the greeting sounds like to who only listens.
async fn greeted() -> (Engine, Vec<i16>) {
    let engine = Setup::new("").start();
    let call = called(&engine, 0, &Line::default(), &[], 9_000).await;
    assert!(call.clears.is_empty());
    let until = call.fell_silent(0) + 1;
    assert!((at(4_000)..at(8_500)).contains(&until), "{until}");
    let mut greeting = call.bot;
    greeting.truncate(until);
    (engine, greeting)
}

/// What kinds of events of prompts a call had, in their order.
async fn reported(engine: &Engine, call: &Call) -> (Value, Vec<String>) {
    let record = engine.ended(&call.id).await;
    let path = engine.url(&format!("/api/calls/{}/events", call.id));
    let mut events = engine.http().get(path).send().await.unwrap();
    let mut reported = String::new();
    while !reported.contains("\"kind\":\"stream-closed\"") {
        let more = tokio::time::timeout(crate::support::PATIENCE, events.chunk());
        let more = more.await.expect("no end").unwrap().expect("no end");
        reported += &String::from_utf8_lossy(&more);
    }
    let kinds = reported.split("\"kind\":\"").skip(1);
    let kinds = kinds.map(|rest| rest.split('"').next().unwrap().to_owned());
    let of_prompts = |kind: &String| kind.starts_with("prompt-") || kind == "barged-in";
    (record, kinds.filter(of_prompts).collect())
}

/// Three bursts of noise that begin suddenly and fade.
fn cough() -> Vec<i16> {
    let (mut state, burst) = (7_u32, at(280));
    (0..3 * burst)
        .map(|nth| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as f32 / 32_768.0 - 1.0;
            let fades = (-5.0 * (nth % burst) as f32 / burst as f32).exp();
            (9_000.0 * noise * fades) as i16
        })
        .collect()
}

async fn says(words: &str) -> Vec<i16> {
    let voice = Voice::default();
    voice.speak(words, RATE_HZ).await.unwrap().to_vec()
}

/// Where the rest of the greeting is in what was heard after a pause, in samples of the greeting.
fn goes_on_from(greeting: &[i16], rest: &[i16]) -> usize {
    let window = &rest[..at(300)];
    let from = greeting
        .windows(window.len())
        .position(|heard| heard == window);
    let from = from.expect("what follows the pause is none of the greeting");
    let same = rest.iter().zip(&greeting[from..]);
    assert!(same.clone().count() >= greeting.len() - from);
    assert!(same.into_iter().all(|(heard, said)| heard == said));
    from
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cough_over_the_greeting_leaves_it_whole() {
    let (engine, greeting) = greeted().await;
    let call = called(&engine, 1, &Line::default(), &cough(), 9_500).await;
    if call.clears.is_empty() {
        assert!(call.bot[..greeting.len()] == greeting[..]);
    } else {
        let resumed = call.speaks(call.clears[0]);
        assert!(goes_on_from(&greeting, &call.bot[resumed..]) <= call.clears[0]);
    }
    let (record, _) = reported(&engine, &call).await;
    assert_eq!(record["transcript"][0]["heard"], "whole", "{record:#}");
    assert_eq!(record["transcript"][1], Value::Null, "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hmm_over_the_greeting_pauses_it_and_it_goes_on_from_where_it_was() {
    let (engine, greeting) = greeted().await;
    let hmm = says("okay").await;
    let call = called(&engine, 1, &Line::default(), &hmm, 11_500).await;
    let (record, kinds) = reported(&engine, &call).await;
    let [paused] = call.clears[..] else {
        panic!("{:?}: {record:#}", call.clears)
    };
    assert!(paused <= at(INTO_MS + SILENT_WITHIN_MS), "{paused}");
    let resumed = call.speaks(paused);
    assert!(
        resumed <= at(INTO_MS + GOES_ON_WITHIN_MS) + hmm.len(),
        "{resumed}"
    );
    let from = goes_on_from(&greeting, &call.bot[resumed..]);
    assert!(
        from <= paused && paused - from <= at(1_000),
        "paused at {paused}, goes on from {from}"
    );
    assert_eq!(record["transcript"][0]["heard"], "whole", "{record:#}");
    assert_eq!(
        kinds[..4],
        [
            "prompt-started",
            "prompt-paused",
            "prompt-resumed",
            "prompt-played"
        ],
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_over_the_greeting_silences_it_at_once_and_for_good() {
    let (engine, greeting) = greeted().await;
    let words = says("wrong number").await;
    let call = called(&engine, 1, &Line::default(), &words, 9_000).await;
    let (record, kinds) = reported(&engine, &call).await;
    let silent = call.fell_silent(at(INTO_MS));
    assert!(
        silent <= at(INTO_MS + SILENT_WITHIN_MS) && silent < greeting.len(),
        "{} ms after the first sound: {record:#}",
        silent.saturating_sub(at(INTO_MS)) * 1_000 / RATE_HZ as usize
    );
    assert_eq!(record["transcript"][0]["heard"], "partial", "{record:#}");
    assert_eq!(record["transcript"][2]["name"], "apology-wrong-person");
    let paused = [
        "prompt-started",
        "prompt-paused",
        "barged-in",
        "prompt-played",
    ];
    assert_eq!(kinds[..4], paused, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bots_echo_pauses_neither_the_greeting_nor_what_follows_a_pause() {
    let (engine, greeting) = greeted().await;
    let line = Line {
        echo_db: Some(-15.0),
        echo_ms: 180,
        background_dbfs: None,
    };
    let call = called(&engine, 1, &line, &[], 9_000).await;
    assert!(call.clears.is_empty(), "{:?}", call.clears);
    assert!(call.bot[..greeting.len()] == greeting[..]);
    let okay = says("okay").await;
    let call = called(&engine, 2, &line, &okay, 11_500).await;
    let (record, kinds) = reported(&engine, &call).await;
    assert!(call.clears.len() <= 1, "{:?}: {kinds:?}", call.clears);
    assert_eq!(record["transcript"][0]["heard"], "whole", "{record:#}");
}
