//! Measures the cost of listening to one call: CPU time per second of audio on a silent line, with
//! a speaking caller, and with a speaking bot with and without echo, compared with voice activity
//! alone. `cargo run --release -p ghanti-audio --example inbound_cost`
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::time::{Duration, Instant};

use ghanti_audio::{Listener, TurnSettings, VoiceActivity, convert};

const SECONDS: u32 = 120;

/// An outbound frame.
const SENT_MS: u32 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words = |bytes: &[u8]| {
        hound::WavReader::new(bytes)?
            .samples()
            .collect::<Result<Vec<i16>, _>>()
    };
    let (bot, caller) = (
        words(include_bytes!("../tests/data/greeting_en_8k.wav"))?,
        words(include_bytes!("../tests/data/agent_please_8k.wav"))?,
    );
    for rate_hz in [8_000, 16_000, 24_000] {
        let second = |samples: &[i16], gain: f32| -> Result<Vec<i16>, Box<dyn std::error::Error>> {
            let samples = convert(samples, 8_000, rate_hz)?;
            Ok(samples
                .iter()
                .map(|sample| (f32::from(*sample) * gain) as i16)
                .cycle()
                .take((rate_hz * SECONDS) as usize)
                .collect())
        };
        let silence = vec![0; (rate_hz * SECONDS) as usize];
        let (bot, echo, caller) = (
            second(&bot, 1.0)?,
            second(&bot, 0.1)?,
            second(&caller, 1.0)?,
        );
        println!(
            "{rate_hz:>5} Hz: voice activity alone {:?}",
            alone(&convert(&caller, rate_hz, 16_000)?) / SECONDS
        );
        for (name, line, played) in [
            ("silence", &silence, None),
            ("a caller", &caller, None),
            ("the bot, without echo", &silence, Some(&bot)),
            ("the bot and its echo", &echo, Some(&bot)),
            ("a caller over the bot", &caller, Some(&bot)),
        ] {
            let (spent, events) = heard(rate_hz, line, played)?;
            println!(
                "  {name}: {:?} per second of audio ({events} turn events)",
                spent / SECONDS
            );
        }
    }
    Ok(())
}

fn alone(samples_16k: &[i16]) -> Duration {
    let (mut activity, mut frames) = (VoiceActivity::new(), 0);
    let started = Instant::now();
    activity.push(samples_16k, |frame| frames += u32::from(frame.speech));
    std::hint::black_box(frames);
    started.elapsed()
}

fn heard(
    rate_hz: u32,
    line: &[i16],
    played: Option<&Vec<i16>>,
) -> Result<(Duration, u32), Box<dyn std::error::Error>> {
    let mut listener = Listener::new(rate_hz, TurnSettings::default())?;
    let mut sent = played
        .into_iter()
        .flat_map(|samples| samples.chunks((rate_hz * SENT_MS / 1_000) as usize));
    let mut events = 0;
    let started = Instant::now();
    for (n, samples) in (0_u64..).zip(line.chunks(rate_hz as usize / 50)) {
        if n.is_multiple_of(u64::from(SENT_MS / 20))
            && let Some(frame) = sent.next()
        {
            listener.played(n * 20, frame);
        }
        listener.listen((n + 1) * 20, samples, |_| events += 1);
    }
    Ok((started.elapsed(), events))
}
