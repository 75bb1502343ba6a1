//! WAV files, codecs, resampling, and the listener, with whatever samples.
#![no_main]

use ghanti_audio::{Decoder, Encoding, Listener, TurnSettings, convert, g711, wav};
use libfuzzer_sys::fuzz_target;

/// Rates of the wire, in Hz.
const RATES: [u32; 3] = [8_000, 16_000, 24_000];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let rate = RATES[usize::from(kind >> 4) % RATES.len()];
    match kind % 4 {
        0 => {
            let _ = wav::check(bytes);
            if let Ok(samples) = wav::decode(bytes, rate) {
                // no more than two samples of each byte, at three times the rate
                assert!(samples.len() <= bytes.len().saturating_mul(48).saturating_add(48_000));
            }
        }
        1 => {
            let mut samples = Vec::new();
            g711::decode_into(bytes, &mut samples);
            let mut codes = Vec::new();
            g711::encode_into(&samples, &mut codes);
            let mut again = Vec::new();
            g711::decode_into(&codes, &mut again);
            assert_eq!(samples, again);
        }
        2 => {
            let mut decoder = Decoder::new(Encoding::Pcm16);
            let mut samples = Vec::new();
            // cut anywhere, also within a sample
            let (first, second) = bytes.split_at(bytes.len() / 3);
            decoder.decode(first, &mut samples);
            decoder.decode(second, &mut samples);
            assert_eq!(samples.len(), bytes.len() / 2);
            let _ = convert(&samples, rate, 16_000);
        }
        _ => {
            let Ok(mut listener) = Listener::new(rate, TurnSettings::default()) else {
                return;
            };
            let mut samples = Vec::new();
            Decoder::new(Encoding::Pcm16).decode(bytes, &mut samples);
            let mut now_ms = 0;
            for (at, frame) in samples.chunks(usize::from(kind).max(1) * 8).enumerate() {
                if at % 3 == 0 {
                    listener.played(now_ms, frame);
                }
                listener.listen(now_ms, frame, |_| {});
                now_ms += u64::from(kind);
            }
        }
    }
});
