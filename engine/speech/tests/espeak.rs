//! Tests with the real espeak-ng.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::PathBuf;

use ghanti_speech::{Espeak, EspeakSettings, SynthesisError, Synthesizer, Utterance};
use tokio::time::timeout;

use common::{Ear, PATIENCE, expect, resample, utterance, vosk};

async fn spoken(
    espeak: &Espeak,
    utterance: &Utterance,
    rate_hz: u32,
) -> Result<Vec<i16>, SynthesisError> {
    let mut pieces = espeak.synthesize(utterance, rate_hz).await?;
    let mut samples = Vec::new();
    while let Some(piece) = timeout(PATIENCE, pieces.recv())
        .await
        .expect("no piece came")
    {
        let piece = piece?;
        assert!(
            !piece.is_empty() && piece.len() <= rate_hz as usize / 5,
            "a piece of {} samples",
            piece.len()
        );
        samples.extend_from_slice(&piece);
    }
    Ok(samples)
}

fn espeak_at(program: &str) -> Espeak {
    Espeak::new(EspeakSettings {
        program: PathBuf::from(program),
        ..EspeakSettings::default()
    })
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
async fn all_eleven_languages_are_spoken() {
    let espeak = Espeak::default();
    let greetings = [
        ("en-IN", "Good morning, this is a call from your bank."),
        ("hi-IN", "नमस्ते, यह आपके बैंक से कॉल है।"),
        ("ta-IN", "வணக்கம், இது உங்கள் வங்கியிலிருந்து அழைப்பு."),
        ("te-IN", "నమస్కారం, ఇది మీ బ్యాంకు నుండి కాల్."),
        ("mr-IN", "नमस्कार, हा तुमच्या बँकेकडून कॉल आहे."),
        ("kn-IN", "ನಮಸ್ಕಾರ, ಇದು ನಿಮ್ಮ ಬ್ಯಾಂಕಿನಿಂದ ಕರೆ."),
        ("ml-IN", "നമസ്കാരം, ഇത് നിങ്ങളുടെ ബാങ്കിൽ നിന്നുള്ള കോളാണ്."),
        ("bn-IN", "নমস্কার, এটি আপনার ব্যাংক থেকে কল।"),
        ("gu-IN", "નમસ્તે, આ તમારી બેંકમાંથી કૉલ છે."),
        ("pa-IN", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ, ਇਹ ਤੁਹਾਡੇ ਬੈਂਕ ਤੋਂ ਕਾਲ ਹੈ।"),
        ("or-IN", "ନମସ୍କାର, ଏହା ଆପଣଙ୍କ ବ୍ୟାଙ୍କରୁ କଲ୍।"),
    ];
    for (tag, text) in greetings {
        let samples = spoken(&espeak, &utterance(tag, text), 8_000).await.unwrap();
        let (first, last) = sound_in(&samples);
        assert!(
            last - first > 8_000,
            "{tag}: over a second of speech, not {} samples",
            last - first
        );
    }
}

#[tokio::test]
async fn silence_around_the_words_is_short_at_every_rate() {
    let espeak = Espeak::default();
    for rate_hz in [8_000, 16_000, 24_000] {
        let samples = spoken(&espeak, &utterance("en-IN", "Please wait."), rate_hz)
            .await
            .unwrap();
        let (first, last) = sound_in(&samples);
        let ms = |samples: usize| samples * 1_000 / rate_hz as usize;
        assert!(
            ms(first) <= 40 && ms(samples.len() - last) <= 121,
            "{rate_hz}: {} and {} ms",
            ms(first),
            ms(samples.len() - last)
        );
        assert!(
            (500..1_500).contains(&ms(last - first)),
            "{rate_hz}: {} ms",
            ms(last - first)
        );
    }
}

#[tokio::test]
async fn what_it_says_on_a_telephone_line_is_intelligible() {
    let samples = spoken(
        &Espeak::default(),
        &utterance(
            "en-IN",
            "Would you like to speak to an agent about your loan?",
        ),
        8_000,
    )
    .await
    .unwrap();
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &[]));
    let (heard, _) = ear.listen_to(&resample(&samples, 8_000, 16_000)).await;
    let heard: Vec<&str> = heard.text.expose().split(' ').collect();
    let expected = [
        "would", "you", "like", "to", "speak", "to", "an", "agent", "about", "your", "loan",
    ];
    let right = expected.iter().filter(|word| heard.contains(word)).count();
    assert!(
        right >= 8,
        "{right} of {} words in {heard:?}",
        expected.len()
    );
}

#[tokio::test]
async fn brackets_and_control_characters_are_no_commands() {
    let espeak = Espeak::default();
    let plain = spoken(&espeak, &utterance("en-IN", "hello world"), 8_000)
        .await
        .unwrap();
    let hidden = spoken(&espeak, &utterance("en-IN", "hello\0 world"), 8_000)
        .await
        .unwrap();
    assert!(
        hidden.len() + 1_600 > plain.len(),
        "the text does not end at a zero: {} of {}",
        hidden.len(),
        plain.len()
    );
    let phonemes = spoken(&espeak, &utterance("en-IN", "[[h@l'oU w'3:ld]]"), 8_000)
        .await
        .unwrap();
    assert!(
        phonemes.len().abs_diff(plain.len()) > 1_600,
        "the brackets were taken for phoneme names"
    );
}

#[tokio::test]
async fn no_words_are_no_speech_and_no_error() {
    for text in ["", "  ", "\n"] {
        assert!(
            spoken(&Espeak::default(), &utterance("en-IN", text), 8_000)
                .await
                .unwrap()
                .is_empty(),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn more_utterances_than_processes_are_all_spoken() {
    let espeak = std::sync::Arc::new(Espeak::default());
    let speaking: Vec<_> = (0..20)
        .map(|number| {
            let espeak = std::sync::Arc::clone(&espeak);
            tokio::spawn(async move {
                spoken(
                    &espeak,
                    &utterance("en-IN", &format!("Number {number}.")),
                    8_000,
                )
                .await
            })
        })
        .collect();
    for task in speaking {
        assert!(task.await.unwrap().unwrap().len() > 2_000);
    }
}

#[tokio::test]
async fn a_missing_program_says_what_to_install() {
    let error = spoken(
        &espeak_at("/nowhere/espeak-ng"),
        &utterance("en-IN", "hello"),
        8_000,
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "speech synthesis is not available: there is no program `/nowhere/espeak-ng`: install the `espeak-ng` package, or set [speech] synthesizer"
    );
}

#[tokio::test]
async fn a_program_that_fails_is_reported_in_its_own_words() {
    let no_such_voice = Utterance {
        voice: Some("xx-none".to_owned()),
        ..utterance("en-IN", "hello")
    };
    let error = spoken(&Espeak::default(), &no_such_voice, 8_000)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("voice does not exist"), "{error}");
    let error = spoken(&espeak_at("cat"), &utterance("en-IN", "hello"), 8_000)
        .await
        .unwrap_err();
    assert!(matches!(error, SynthesisError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_voice_that_is_a_path_and_a_language_without_a_voice_are_refused() {
    let path = Utterance {
        voice: Some("../../etc/passwd".to_owned()),
        ..utterance("en-IN", "hello")
    };
    assert!(matches!(
        spoken(&Espeak::default(), &path, 8_000).await,
        Err(SynthesisError::Unavailable(_))
    ));
    let unknown = utterance("xx-IN", "hello");
    assert_eq!(
        spoken(&Espeak::default(), &unknown, 8_000).await,
        Err(SynthesisError::NoVoice(unknown.language))
    );
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_process_and_frees_its_place() {
    let espeak = Espeak::default();
    let long = utterance("en-IN", &"one two three four five six seven. ".repeat(100));
    for _ in 0..12 {
        let mut pieces = espeak.synthesize(&long, 8_000).await.unwrap();
        assert!(
            timeout(PATIENCE, pieces.recv())
                .await
                .unwrap()
                .unwrap()
                .is_ok()
        );
    }
    assert!(
        !spoken(&espeak, &utterance("en-IN", "hello"), 8_000)
            .await
            .unwrap()
            .is_empty()
    );
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_program_that_hangs_is_given_up_after_its_deadline() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("hangs");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = spoken(
        &espeak_at(program.to_str().unwrap()),
        &utterance("en-IN", "hello"),
        8_000,
    )
    .await
    .unwrap_err();
    assert_eq!(error, SynthesisError::TooSlow(5_000));
}
