//! Tests with the real English voice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::{Arc, LazyLock};

use ghanti_audio::level::{peak_dbfs, rms_dbfs};
use ghanti_speech::{
    CacheSettings, Espeak, Hibari, HibariSettings, Keep, OfflineVoices, PromptCache,
    SynthesisError, Synthesizer, Utterance,
};
use tokio::time::timeout;

use common::{Ear, PATIENCE, expect, resample, tools, utterance, vosk};

fn settings() -> HibariSettings {
    HibariSettings {
        folder: tools().join("hibari"),
        words_per_minute: 155,
        deadline: PATIENCE,
    }
}

fn open() -> Hibari {
    Hibari::open(&settings()).unwrap_or_else(|error| panic!("{error}"))
}

/// The voice, opened once.
fn voice() -> &'static Hibari {
    static VOICE: LazyLock<Hibari> = LazyLock::new(open);
    &VOICE
}

async fn spoken(
    voice: &dyn Synthesizer,
    utterance: &Utterance,
    rate_hz: u32,
) -> Result<Vec<i16>, SynthesisError> {
    let mut pieces = voice.synthesize(utterance, rate_hz).await?;
    let mut samples = Vec::new();
    while let Some(piece) = timeout(PATIENCE, pieces.recv())
        .await
        .expect("no piece came")
    {
        let piece = piece?;
        assert!(!piece.is_empty() && piece.len() <= rate_hz as usize / 5);
        samples.extend_from_slice(&piece);
    }
    Ok(samples)
}

/// The first and the last sample that is not silence.
fn sound_in(samples: &[i16]) -> (usize, usize) {
    let loud = |sample: &i16| sample.unsigned_abs() > 104;
    (
        samples.iter().position(loud).expect("nothing was spoken"),
        samples.iter().rposition(loud).expect("nothing was spoken"),
    )
}

#[tokio::test]
async fn a_sentence_has_the_same_length_and_level_at_every_rate_and_little_silence_around_it() {
    let text =
        "Your instalment of twelve thousand five hundred rupees is due on the fifth of December.";
    for rate_hz in [8_000, 16_000, 24_000] {
        let samples = spoken(voice(), &utterance("en-IN", text), rate_hz)
            .await
            .unwrap();
        let (first, last) = sound_in(&samples);
        let ms = |samples: usize| samples * 1_000 / rate_hz as usize;
        assert!(
            ms(first) <= 45 && ms(samples.len() - last) <= 130,
            "{rate_hz}"
        );
        assert!(
            (5_000..8_000).contains(&ms(last - first)),
            "{rate_hz}: {} ms",
            ms(last - first)
        );
        let level = rms_dbfs(&samples[first..last]);
        // espeak-ng's is -17.7 to -20.3 dBFS without its pauses
        assert!((-23.0..-18.0).contains(&level), "{rate_hz}: {level} dBFS");
        assert!(
            peak_dbfs(&samples) > -6.0,
            "{rate_hz}: {}",
            peak_dbfs(&samples)
        );
    }
}

#[tokio::test]
async fn what_it_says_on_a_telephone_line_is_intelligible() {
    let text = "Would you like to speak to an agent about your loan?";
    let samples = spoken(voice(), &utterance("en-IN", text), 8_000)
        .await
        .unwrap();
    let mut ear = Ear::new(vosk(), expect(&["en-IN"], &[]));
    let mut heard = vec![0; 3_200];
    heard.extend(resample(&samples, 8_000, 16_000));
    heard.extend([0; 8_000]);
    let (words, _) = ear.listen_to(&heard).await;
    assert_eq!(
        words.text.expose(),
        "would you like to speak to an agent about your loan"
    );
}

#[tokio::test]
async fn the_same_words_are_the_same_samples_and_another_pace_is_another_length() {
    let say = utterance("en-IN", "Please wait for a moment.");
    let samples = spoken(voice(), &say, 8_000).await.unwrap();
    assert_eq!(samples, spoken(voice(), &say, 8_000).await.unwrap());
    let fast = Hibari::open(&HibariSettings {
        words_per_minute: 250,
        ..settings()
    })
    .unwrap();
    let short = spoken(&fast, &say, 8_000).await.unwrap();
    assert!(
        short.len() * 10 < samples.len() * 9,
        "{} of {}",
        short.len(),
        samples.len()
    );
    assert_ne!(fast.name(), voice().name());
}

#[tokio::test]
async fn the_first_sentence_comes_while_the_others_are_made() {
    let text = "Please wait. ".repeat(300);
    let mut pieces = voice()
        .synthesize(&utterance("en-IN", &text), 8_000)
        .await
        .unwrap();
    let first = timeout(PATIENCE, pieces.recv())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.len(), 800);
    // the receiver takes no more: the rest waits in the channel, and is dropped with it
    drop(pieces);
    let next = spoken(voice(), &utterance("en-IN", "Hello."), 8_000)
        .await
        .unwrap();
    assert!(!next.is_empty());
}

#[tokio::test]
async fn utterances_whose_receiver_is_gone_are_not_spoken() {
    let voice = open();
    let long = utterance(
        "en-IN",
        &"one, two, three, four, five, six, seven, eight. ".repeat(60),
    );
    for _ in 0..500 {
        drop(voice.synthesize(&long, 8_000).await.unwrap());
    }
    // half an hour of speech each: they would hold up the next one beyond its deadline
    let next = spoken(&voice, &utterance("en-IN", "Hello."), 8_000).await;
    assert!(next.is_ok_and(|samples| !samples.is_empty()));
}

#[tokio::test]
async fn whatever_a_text_has_in_it_is_spoken_or_left_out() {
    for silent in ["", "   ", "?!", "\u{0}", "…", "\u{1f600}"] {
        let samples = spoken(voice(), &utterance("en-IN", silent), 8_000)
            .await
            .unwrap();
        assert!(samples.is_empty(), "{silent:?}");
    }
    let long_word = "a".repeat(4_000);
    let no_pause = "and ".repeat(1_000);
    for odd in [
        &long_word,
        &no_pause,
        "x",
        "[[h@l@U]]",
        "-5",
        "<b>hello</b>",
        "B12 & 100% @ 10:30",
        "99999999999999999999999",
    ] {
        let samples = spoken(voice(), &utterance("en-IN", odd), 8_000)
            .await
            .unwrap();
        assert!(!samples.is_empty(), "{odd:.20}");
    }
}

#[tokio::test]
async fn other_languages_letters_voices_and_rates_are_refused() {
    let other_voice = Utterance {
        voice: Some("en-gb".to_owned()),
        ..utterance("en-IN", "hello")
    };
    for not_its_own in [
        utterance("hi-IN", "hello"),
        utterance("en-IN", "Hello प्रिया"),
        other_voice,
    ] {
        assert_eq!(
            spoken(voice(), &not_its_own, 8_000).await,
            Err(SynthesisError::NoVoice(not_its_own.language.clone()))
        );
    }
    let refused = spoken(voice(), &utterance("en-IN", "hello"), 11_025).await;
    assert!(
        matches!(refused, Err(SynthesisError::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn english_is_spoken_by_the_natural_voice_and_all_else_by_espeak() {
    let voices = OfflineVoices::new(Some(Arc::new(open())), Espeak::default());
    for (tag, text, natural) in [
        ("en-IN", "Good morning.", true),
        ("en-US", "Good morning.", true),
        ("en-IN", "Good morning, प्रिया.", false),
        ("hi-IN", "नमस्ते।", false),
    ] {
        let say = utterance(tag, text);
        assert_eq!(voices.voice(&say).starts_with("hibari"), natural, "{text}");
        assert!(
            !spoken(&voices, &say, 8_000).await.unwrap().is_empty(),
            "{text}"
        );
    }
    let without = OfflineVoices::new(None, Espeak::default());
    assert!(
        without
            .voice(&utterance("en-IN", "hello"))
            .starts_with("espeak")
    );
}

#[tokio::test]
async fn prompts_kept_of_one_voice_are_not_played_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let say = utterance("en-IN", "Good morning.");
    let mut lengths = Vec::new();
    for natural in [Some(Arc::new(open())), None] {
        let voices = Arc::new(OfflineVoices::new(natural, Espeak::default()));
        let settings = CacheSettings {
            folder: Some(folder.path().to_owned()),
            ..CacheSettings::default()
        };
        let mut audio = PromptCache::new(voices, settings).fetch(&say, 8_000, Keep::Shared);
        let mut length = 0;
        while let Some(piece) = audio.next().await {
            length += piece.unwrap().len();
        }
        lengths.push(length);
    }
    assert_ne!(lengths[0], lengths[1]);
}

#[test]
fn a_folder_without_the_voice_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |folder: &std::path::Path| HibariSettings {
        folder: folder.to_owned(),
        ..settings()
    };
    let refused = |folder: &std::path::Path| match Hibari::open(&at(folder)) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    };
    assert!(refused(folder.path()).contains("make setup"));
    for file in [
        "hibari.onnx",
        "vocab.json",
        "lexicon_us_gold.json.gz",
        "lexicon_us_silver.json.gz",
    ] {
        for kept in std::fs::read_dir(tools().join("hibari"))
            .unwrap()
            .map(Result::unwrap)
        {
            std::fs::copy(kept.path(), folder.path().join(kept.file_name())).unwrap();
        }
        std::fs::write(folder.path().join(file), b"something else").unwrap();
        assert!(refused(folder.path()).contains(file), "{file}");
    }
}
