//! The media path of one call without its socket: what a caller's frame and the bot's frame cost,
//! and their steps.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, bail};
use ghanti_audio::level::gain;
use ghanti_audio::{
    Decoder, Encoding, Listener, Resampler, TurnDetector, TurnSettings, VoiceActivity,
};
use ghanti_exotel::far_end::{FarEnd, Stream};
use ghanti_exotel::{Inbound, MediaFormat, OutboundWriter, Start, inbound};
use ghanti_model::{AccountSid, CallSid, Language, StreamSid};
use ghanti_session::fallback_prompt::{Why, fallback_prompt};
use ghanti_session::machine::{Command, Machine, Output};
use ghanti_sim::voice::Voice;

use crate::calls::Silent;
use crate::table::{Table, figure, ns};
use crate::timing::{Cost, each};

const RATE_HZ: u32 = 8_000;
const CALLER_FRAME_MS: u64 = 20;
const BOT_FRAME_MS: u64 = 100;
/// The caller speaks once and is then silent, so that about a third of all frames are speech.
const ROUND_MS: usize = 4_000;
const ROUNDS: usize = 10;
/// What lines sound like on which nobody speaks, in dBFS.
const SILENT_LINE: f32 = -68.0;
const NOISY_LINE: f32 = -45.0;
/// The bot's prompt, long enough for every frame that is measured.
const PROMPT_S: usize = 1_200;

/// Prints the table; `silent` is what the whole engine spends, where that was measured.
pub async fn run(silent: Option<&Silent>) -> anyhow::Result<()> {
    eprintln!("bench: media path ...");
    let (start, frames) = caller().await?;
    let mut table = Table::new(
        "media path of one call, without its socket",
        &["time", "allocations"],
    );
    let mut row = |name: &str, cost: Cost| table.row(name, [ns(cost.ns), figure(cost.allocations)]);

    let hear = hear(&frames)?;
    row("caller's frame of 20 ms, all of it", hear);
    let mut payload = Vec::new();
    row(
        "  JSON",
        each(&frames, |text| drop(black_box(inbound::parse(text)))),
    );
    row(
        "  JSON and base64",
        each(&frames, |text| base64(text, &mut payload)),
    );
    let (mut bytes, mut pcm, mut wide) = (Vec::new(), Vec::new(), Vec::new());
    for text in &frames {
        base64(text, &mut payload);
        bytes.push(payload.clone());
    }
    let mut decoder = Decoder::new(Encoding::Pcm16);
    let mut samples = Vec::new();
    row(
        "  PCM",
        each(&bytes, |bytes| decode(&mut decoder, bytes, &mut samples)),
    );
    for bytes in &bytes {
        decode(&mut decoder, bytes, &mut samples);
        pcm.push(samples.clone());
    }
    let mut resampler = Resampler::new(RATE_HZ, 16_000)?;
    row(
        "  to 16 kHz",
        each(&pcm, |pcm| resample(&mut resampler, pcm, &mut samples)),
    );
    for pcm in &pcm {
        resample(&mut resampler, pcm, &mut samples);
        wide.push(samples.clone());
    }
    let (mut voice, mut turns, mut now_ms) = (
        VoiceActivity::new(),
        TurnDetector::new(TurnSettings::default()),
        0,
    );
    row(
        "  voice activity and turns",
        each(&wide, |wide| {
            now_ms += CALLER_FRAME_MS;
            voice.push(wide, |frame| {
                black_box(turns.push(frame, now_ms));
            });
        }),
    );
    for (line, name) in [
        (SILENT_LINE, "  all of both, on a silent line"),
        (NOISY_LINE, "  all of both, on a noisy line"),
    ] {
        let mut listener = Listener::new(RATE_HZ, TurnSettings::default())?;
        let frames = white_noise(line);
        row(
            name,
            each(&frames, |pcm| {
                now_ms += CALLER_FRAME_MS;
                listener.listen(now_ms, pcm, |event| {
                    black_box(event);
                });
            }),
        );
    }
    let speak = speak(&start)?;
    row("bot's frame of 100 ms, all of it", speak);

    let per_second_ms =
        (hear.ns * 1e3 / CALLER_FRAME_MS as f64 + speak.ns * 1e3 / BOT_FRAME_MS as f64) / 1e6;
    table.note(format!(
        "a second of both sides: {} ms, which is {} calls a core",
        figure(per_second_ms),
        figure(1e3 / per_second_ms)
    ));
    if let Some(Silent { per_call_ms }) = silent {
        table.note(format!(
            "that is {} % of the {} ms that the engine spent on a second of a silent caller's call: the rest is sockets, timers and the flow",
            figure(100.0 * per_second_ms / per_call_ms),
            figure(*per_call_ms)
        ));
    }
    table.print();
    Ok(())
}

/// Frames of a line on which nobody speaks, at 8 kHz.
fn white_noise(dbfs: f32) -> Vec<Vec<i16>> {
    let amplitude = gain(dbfs) * 32_768.0 * 3_f32.sqrt();
    let mut state = 1_u32;
    let samples: Vec<i16> = (0..RATE_HZ as usize * ROUND_MS / 1_000)
        .map(|_| {
            // Numerical Recipes' generator
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (amplitude * ((state >> 8) as f32 / 8_388_608.0 - 1.0)) as i16
        })
        .collect();
    samples
        .chunks_exact(RATE_HZ as usize * CALLER_FRAME_MS as usize / 1_000)
        .map(<[i16]>::to_vec)
        .collect()
}

/// `start`, and the texts of a caller's frames as they come over the socket.
async fn caller() -> anyhow::Result<(Start, Vec<String>)> {
    let media_format = MediaFormat {
        rate_hz: RATE_HZ,
        ..MediaFormat::default()
    };
    let mut far_end = FarEnd::new(Stream {
        stream_sid: StreamSid::parse("95be037f0ff02b427c3a4a59ae721a6p")?,
        call_sid: CallSid::parse("85be037f0ff02b427c3a4a59ae721a6p")?,
        account_sid: AccountSid::parse("ghanti1")?,
        from: "09876500001".into(),
        to: "08045000000".into(),
        custom_parameters: Vec::new(),
        media_format,
    });
    let mut text = String::new();
    far_end.start(&mut text)?;
    let Inbound::Start(start) = inbound::parse(&text)? else {
        bail!("`start` is not read as one")
    };

    let mut round = Voice::default()
        .speak("yes, speaking", RATE_HZ)
        .await?
        .to_vec();
    round.resize(RATE_HZ as usize * ROUND_MS / 1_000, 0);
    let mut texts = Vec::new();
    for frame in round
        .repeat(ROUNDS)
        .chunks_exact(RATE_HZ as usize * CALLER_FRAME_MS as usize / 1_000)
    {
        let bytes: Vec<u8> = frame
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let mut text = String::new();
        far_end.media(&bytes, texts.len() as u64 * CALLER_FRAME_MS, &mut text)?;
        texts.push(text);
    }
    Ok((start, texts))
}

fn base64(text: &str, payload: &mut Vec<u8>) {
    if let Ok(Inbound::Media(media)) = inbound::parse(text) {
        let _ = black_box(media.decode_into(payload));
    }
}

fn decode(decoder: &mut Decoder, bytes: &[u8], samples: &mut Vec<i16>) {
    samples.clear();
    decoder.decode(bytes, samples);
}

fn resample(resampler: &mut Resampler, pcm: &[i16], wide: &mut Vec<i16>) {
    wide.clear();
    resampler.push(pcm, wide);
}

/// From a frame's text to the machine's next wish, as the driver does it.
fn hear(frames: &[String]) -> anyhow::Result<Cost> {
    let mut machine = Machine::new(RATE_HZ, Encoding::Pcm16)?;
    let mut decoder = Decoder::new(Encoding::Pcm16);
    let (mut payload, mut samples, mut out, mut now_ms) = (Vec::new(), Vec::new(), Vec::new(), 0);
    Ok(each(frames, |text| {
        now_ms += CALLER_FRAME_MS;
        base64(text, &mut payload);
        decode(&mut decoder, &payload, &mut samples);
        machine.audio(now_ms, &samples);
        machine.tick(now_ms);
        while machine.output().is_some() || machine.event().is_some() {}
        black_box(machine.send(now_ms, &mut out));
        black_box(machine.next_wake(now_ms));
    }))
}

/// From a prompt's samples to a frame's text.
fn speak(start: &Start) -> anyhow::Result<Cost> {
    let mut machine = Machine::new(RATE_HZ, Encoding::Pcm16)?;
    machine.command(
        0,
        Command::Say(fallback_prompt(&Language::english(), Why::Failed, false)),
    );
    let prompt = loop {
        match machine.output().context("the machine fetches no prompt")? {
            Output::Fetch(fetch) => break fetch.prompt,
            _ => continue,
        }
    };
    let samples: Arc<[i16]> = (0..RATE_HZ as usize * PROMPT_S)
        .map(|at| (at % 64) as i16 * 100)
        .collect();
    machine.piece(prompt, samples);
    machine.pieces_complete(prompt);
    let mut writer = OutboundWriter::new(start);
    let (mut frame, mut text, mut now_ms, mut sent) = (Vec::new(), String::new(), 0, 0_u32);
    // the lead is sent first, so that from here on every step sends one frame
    while machine.send(now_ms, &mut frame).is_some() {}
    let steps = [(); 500];
    let cost = each(&steps, |()| {
        now_ms += BOT_FRAME_MS;
        text.clear();
        if machine.send(now_ms, &mut frame).is_some()
            && writer.media(&frame, now_ms, &mut text).is_ok()
        {
            sent += 1;
        }
        while machine.output().is_some() || machine.event().is_some() {}
        black_box(machine.next_wake(now_ms));
    });
    // the first batch is for warming up
    if sent as usize != steps.len() * 16 {
        bail!("the bot sent {sent} frames, not one for each step");
    }
    Ok(cost)
}
