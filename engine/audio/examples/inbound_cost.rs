//! What hearing one call costs: CPU time per second of audio, for each step of the inbound path, and for all.
//! `cargo run --release -p samvaad-audio --example inbound_cost`
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::time::{Duration, Instant};

use samvaad_audio::{Decoder, Encoding, ResampleError, Resampler, TurnDetector, TurnSettings, VoiceActivity};

const SECONDS: u32 = 600;

fn main() -> Result<(), ResampleError> {
    for rate_hz in [8_000, 16_000, 24_000] {
        let step = f64::from(500) * std::f64::consts::TAU / f64::from(rate_hz);
        let tone: Vec<i16> = (0..rate_hz / 50).map(|n| (8_000.0 * (step * f64::from(n)).sin()) as i16).collect();
        let mut message = Vec::new();
        Encoding::Pcm16.encode(&tone, &mut message);

        let mut decoder = Decoder::new(Encoding::Pcm16);
        let mut resampler = Resampler::new(rate_hz, 16_000)?;
        let mut voice = VoiceActivity::new();
        let mut turns = TurnDetector::new(TurnSettings::default());
        let (mut pcm, mut pcm_16k, mut events) = (Vec::new(), Vec::new(), 0);
        let mut spent = [Duration::ZERO; 3];
        for n in 0..u64::from(SECONDS * 50) {
            pcm.clear();
            pcm_16k.clear();
            let started = Instant::now();
            decoder.decode(&message, &mut pcm);
            let decoded = Instant::now();
            resampler.push(&pcm, &mut pcm_16k);
            let resampled = Instant::now();
            voice.push(&pcm_16k, |frame| events += u32::from(turns.push(frame, n * 20).is_some()));
            for (sum, took) in spent.iter_mut().zip([decoded - started, resampled - decoded, resampled.elapsed()]) {
                *sum += took;
            }
        }
        let [decoding, resampling, judging] = spent.map(|sum| sum / SECONDS);
        let all = spent.iter().sum::<Duration>() / SECONDS;
        println!(
            "{rate_hz:>5} Hz: decode {decoding:?}, resample {resampling:?}, voice and turns {judging:?}; {all:?} per second of audio, \
             {:.0} calls a core ({events} turn events)",
            1.0 / all.as_secs_f64()
        );
    }
    Ok(())
}
