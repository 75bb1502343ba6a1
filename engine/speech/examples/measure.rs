//! Prints the cost of speech on this machine: `cargo run --release -p ghanti-speech --example
//! measure`.
//!
//! Synthesis: time to the first piece, speed, and level in each language. Recognition: loading the
//! model, creating a recogniser, speed, and time from the end of an utterance to its words. Needs
//! the tools installed by `make setup`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use ghanti_model::Language;
use ghanti_speech::{
    Espeak, Expectation, Hearing, Hibari, HibariSettings, RecognitionError, Recognizer,
    Synthesizer, Utterance, Vosk, VoskSettings, hibari,
};
use tokio::sync::mpsc;

const SENTENCES: [(&str, &str); 11] = [
    (
        "en-IN",
        "Your instalment of twelve thousand five hundred rupees is due on the fifth of December.",
    ),
    (
        "hi-IN",
        "आपकी बारह हज़ार पाँच सौ रुपये की किस्त पाँच दिसंबर को देय है।",
    ),
    (
        "ta-IN",
        "உங்கள் தவணை பன்னிரண்டாயிரத்து ஐநூறு ரூபாய் டிசம்பர் ஐந்தாம் தேதி செலுத்த வேண்டும்.",
    ),
    (
        "te-IN",
        "మీ వాయిదా పన్నెండు వేల ఐదు వందల రూపాయలు డిసెంబర్ ఐదున చెల్లించాలి.",
    ),
    (
        "mr-IN",
        "तुमचा बारा हजार पाचशे रुपयांचा हप्ता पाच डिसेंबरला देय आहे.",
    ),
    (
        "kn-IN",
        "ನಿಮ್ಮ ಹನ್ನೆರಡು ಸಾವಿರದ ಐನೂರು ರೂಪಾಯಿ ಕಂತು ಡಿಸೆಂಬರ್ ಐದರಂದು ಪಾವತಿಸಬೇಕು.",
    ),
    (
        "ml-IN",
        "നിങ്ങളുടെ പന്ത്രണ്ടായിരത്തി അഞ്ഞൂറ് രൂപയുടെ തവണ ഡിസംബർ അഞ്ചിന് അടയ്ക്കണം.",
    ),
    ("bn-IN", "আপনার বারো হাজার পাঁচশো টাকার কিস্তি পাঁচই ডিসেম্বর দিতে হবে।"),
    (
        "gu-IN",
        "તમારો બાર હજાર પાંચસો રૂપિયાનો હપ્તો પાંચમી ડિસેમ્બરે ભરવાનો છે.",
    ),
    ("pa-IN", "ਤੁਹਾਡੀ ਬਾਰਾਂ ਹਜ਼ਾਰ ਪੰਜ ਸੌ ਰੁਪਏ ਦੀ ਕਿਸ਼ਤ ਪੰਜ ਦਸੰਬਰ ਨੂੰ ਦੇਣੀ ਹੈ।"),
    (
        "or-IN",
        "ଆପଣଙ୍କର ବାର ହଜାର ପାଞ୍ଚ ଶହ ଟଙ୍କାର କିସ୍ତି ଡିସେମ୍ବର ପାଞ୍ଚ ତାରିଖରେ ଦେୟ।",
    ),
];

/// Some 12 s of the English voice, in three sentences.
const PROMPT: &str = "Your instalment of one lakh twenty-five thousand rupees and fifty paise is due on the fifth of December. \
     Your reference number is four, seven, one, nine. Would you like to pay it today, or shall we call you back later?";

const RUNS: u32 = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let english = synthesis().await?;
    recognition(&wide(&english)?).await
}

/// The folder that `make setup` fills.
fn tools() -> PathBuf {
    std::env::var_os("GHANTI_TOOLS").map_or_else(|| PathBuf::from(".tools"), PathBuf::from)
}

/// Speaks every sentence; returns the English one at 8 kHz.
async fn synthesis() -> anyhow::Result<Vec<i16>> {
    println!(
        "synthesis at 8 kHz   first piece      whole    speech     RTF   level dBFS   peak dBFS"
    );
    let espeak = Espeak::default();
    let begun = Instant::now();
    let natural = Hibari::open(&HibariSettings {
        folder: tools().join("hibari"),
        words_per_minute: 155,
        deadline: hibari::DEADLINE,
    })?;
    println!("the English voice was loaded in {:.1?}", begun.elapsed());
    let [english_sentence, ..] = SENTENCES;
    let of_natural = [english_sentence, ("en-IN", PROMPT)]
        .map(|(tag, text)| (&natural as &dyn Synthesizer, tag, text));
    let of_espeak = SENTENCES.map(|(tag, text)| (&espeak as &dyn Synthesizer, tag, text));
    let mut english = Vec::new();
    for (synthesizer, tag, text) in of_natural.into_iter().chain(of_espeak) {
        let utterance = Utterance {
            text: text.into(),
            language: Language::parse(tag)?,
            voice: None,
        };
        let (mut first, mut whole, mut samples) = (Duration::ZERO, Duration::ZERO, Vec::new());
        for _ in 0..RUNS {
            samples.clear();
            let begun = Instant::now();
            let mut pieces = synthesizer.synthesize(&utterance, 8_000).await?;
            while let Some(piece) = pieces.recv().await {
                if samples.is_empty() {
                    first += begun.elapsed() / RUNS;
                }
                samples.extend_from_slice(&piece?);
            }
            whole += begun.elapsed() / RUNS;
        }
        let seconds = samples.len() as f64 / 8_000.0;
        let peak = samples
            .iter()
            .map(|sample| sample.unsigned_abs())
            .max()
            .unwrap_or(1);
        println!(
            "{tag:>19}  {first:>10.1?}  {whole:>9.1?}  {seconds:>6.2} s  {:>6.4}  {:>11.1}  {:>10.1}",
            whole.as_secs_f64() / seconds,
            speech_level_dbfs(&samples),
            20.0 * (f64::from(peak) / 32_768.0).log10()
        );
        if english.is_empty() {
            english = samples;
        }
    }
    Ok(english)
}

/// The level of the 20 ms frames within 30 dB of the loudest, which leaves out pauses.
fn speech_level_dbfs(samples: &[i16]) -> f64 {
    let power = |frame: &[i16]| {
        frame
            .iter()
            .map(|&sample| (f64::from(sample) / 32_768.0).powi(2))
            .sum::<f64>()
            / frame.len() as f64
    };
    let powers: Vec<f64> = samples.chunks_exact(160).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f64::max);
    let speech: Vec<f64> = powers
        .into_iter()
        .filter(|&power| power > loudest / 1_000.0)
        .collect();
    10.0 * (speech.iter().sum::<f64>() / speech.len() as f64).log10()
}

async fn recognition(samples: &[i16]) -> anyhow::Result<()> {
    let tools = tools().join("vosk");
    let models = [(
        Language::english(),
        tools.join("vosk-model-small-en-us-0.15"),
    )]
    .into();
    let begun = Instant::now();
    let vosk = Vosk::open(VoskSettings {
        library: tools.join("libvosk.so"),
        models,
        workers: 1,
    })?;
    println!(
        "\nrecognition          opening library and model: {:.0?}",
        begun.elapsed()
    );
    println!("                          listen to first word ready      RTF   finish to final");
    let closed = [
        "yes",
        "yes speaking",
        "no",
        "repeat please",
        "connect me to an agent",
        "call me later",
        "wrong number",
        "twelve thousand",
    ];
    measure(&vosk, "grammar", &closed, samples).await?;
    measure(&vosk, "free", &[], samples).await
}

async fn measure(vosk: &Vosk, name: &str, phrases: &[&str], samples: &[i16]) -> anyhow::Result<()> {
    let expectation = Expectation {
        languages: vec![Language::english()],
        phrases: phrases.iter().map(|&phrase| phrase.to_owned()).collect(),
        decoys: Arc::default(),
    };
    let (mut made, mut decoded, mut finished) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..RUNS {
        let (sender, mut hearings) = mpsc::channel(256);
        // an utterance without samples is answered as soon as the recogniser has been created
        let begun = Instant::now();
        let mut recognition = vosk.listen(expectation.clone(), sender)?;
        recognition.finish();
        until_final(&mut hearings).await?;
        made += begun.elapsed() / RUNS;

        let begun = Instant::now();
        for frame in samples.chunks(320) {
            while recognition.feed(frame) == Err(RecognitionError::Overloaded) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        recognition.finish();
        until_final(&mut hearings).await?;
        decoded += begun.elapsed() / RUNS;

        // one second of speech in real time, so that nothing is pending when it ends
        for frame in samples
            .get(..16_000)
            .context("the sentence lasts over a second")?
            .chunks(1_600)
        {
            recognition.feed(frame)?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let begun = Instant::now();
        recognition.finish();
        until_final(&mut hearings).await?;
        finished += begun.elapsed() / RUNS;
    }
    let rtf = decoded.as_secs_f64() / (samples.len() as f64 / 16_000.0);
    println!("{name:>19}  {made:>30.1?}  {rtf:>10.3}  {finished:>16.1?}");
    Ok(())
}

async fn until_final(hearings: &mut mpsc::Receiver<Hearing>) -> anyhow::Result<()> {
    loop {
        match hearings.recv().await.context("the recogniser is gone")? {
            Hearing::Partial(_) => {}
            Hearing::Final(_) => return Ok(()),
            Hearing::Lost(_) => {}
            Hearing::Failed(error) => return Err(anyhow!(error)),
        }
    }
}

/// From 8 to 16 kHz.
fn wide(samples: &[i16]) -> anyhow::Result<Vec<i16>> {
    Ok(ghanti_audio::convert(samples, 8_000, 16_000)?)
}
