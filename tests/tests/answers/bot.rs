//! What the bot says in its default English voice, read back at a telephone's 8 kHz.

use std::f32::consts::PI;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ghanti_audio::g711;
use ghanti_language::speak;
use ghanti_model::{Language, Money, Value};
use ghanti_speech::{
    Expectation, Hearing, Hibari, HibariSettings, SynthesisError, Synthesizer, Utterance,
};
use time::{Date, Month};

use crate::hearer;
use crate::root;

/// Of each kind.
const TEXTS: usize = 20;
/// How many of them have to be read back, word by word.
const UNDERSTOOD: usize = TEXTS * 95 / 100;

const NUMBERS: &str = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
     sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand";
const DAYS: &str = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth \
     fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth";
const MONTHS: &str =
    "january february march april may june july august september october november december";

/// One kind of value: the sentence around it, the recogniser's words, and values from random numbers.
struct Kind {
    name: &'static str,
    before: &'static str,
    words: String,
    value: fn(&mut Random) -> Value,
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn kinds() -> [Kind; 3] {
    [
        Kind {
            name: "digits",
            before: "Your reference number is",
            words: NUMBERS.split_inclusive("nine ").next().unwrap().to_owned(),
            value: |random| {
                let length = [4, 6, 10][random.below(3) as usize];
                let digits: String = (0..length).map(|_| random.below(10).to_string()).collect();
                Value::Digits(digits.as_str().into())
            },
        },
        Kind {
            name: "amounts",
            before: "The amount due is",
            // the recogniser's dictionary has no crore and no paise, and lakh only as "lack"
            words: format!("{NUMBERS} lock core rupees rupee paisa and"),
            value: |random| {
                let bound = [1_000, 100_000, 10_000_000, 1_000_000_000][random.below(4) as usize];
                let paise = if random.below(2) == 0 {
                    0
                } else {
                    random.below(100)
                };
                let minor = i64::try_from((1 + random.below(bound)) * 100 + paise).unwrap();
                let currency = "INR".to_owned();
                Value::Money(Money { minor, currency })
            },
        },
        Kind {
            name: "dates",
            before: "Your payment is due on the",
            words: format!("{NUMBERS} {DAYS} {MONTHS} of"),
            value: |random| {
                let year = 2024 + i32::try_from(random.below(6)).unwrap();
                let day = u16::try_from(1 + random.below(365)).unwrap();
                Value::Date(Date::from_ordinal_date(year, day).unwrap())
            },
        },
    ]
}

/// The words in the recogniser's spelling.
fn spelled(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphabetic());
    words
        .filter(|word| !word.is_empty())
        .map(|word| match word.to_lowercase().as_str() {
            "lakh" => "lock".to_owned(),
            "crore" => "core".to_owned(),
            "paise" => "paisa".to_owned(),
            "rupee" => "rupees".to_owned(),
            other => other.to_owned(),
        })
        .collect()
}

/// How long a busy machine may take for a sentence: how well it is understood has nothing to do with
/// that.
const PATIENCE: Duration = Duration::from_secs(300);

async fn spoken(voice: &Hibari, utterance: &Utterance) -> Result<Vec<i16>, SynthesisError> {
    let mut pieces = voice.synthesize(utterance, 8_000).await?;
    let mut samples = Vec::new();
    while let Some(piece) = pieces.recv().await {
        samples.extend_from_slice(&piece?);
    }
    Ok(samples)
}

/// What it says through μ-law at 8 kHz on a line with faint noise, at the recogniser's 16 kHz.
async fn said(voice: &Hibari, text: &str, random: &mut Random) -> Vec<i16> {
    let utterance = Utterance {
        text: text.into(),
        language: Language::english(),
        voice: None,
    };
    let mut line = vec![0; 1_600];
    line.extend(spoken(voice, &utterance).await.unwrap());
    line.extend([0; 4_000]);
    for sample in &mut line {
        // -66 dBFS; this recogniser has no dither, and hears badly beside digital silence
        let noise = i16::try_from(random.below(57)).unwrap() - 28;
        *sample = g711::decode(g711::encode(sample.saturating_add(noise)));
    }
    doubled(&line)
}

/// Samples at twice the rate, by a filter of 41 taps. Its edge at 4 kHz is a soft one: beyond a sharp one this
/// recogniser, which was trained on 16 kHz, takes some "fifty" for "sixty".
fn doubled(samples: &[i16]) -> Vec<i16> {
    const HALF: i32 = 20;
    let tap = |at: i32| {
        let (turn, place) = (PI * at as f32 / 2.0, at as f32 / (HALF + 1) as f32);
        let sinc = if at == 0 { 1.0 } else { turn.sin() / turn };
        sinc * (0.5 + 0.5 * (PI * place).cos())
    };
    let taps: Vec<f32> = (-HALF..=HALF).map(tap).collect();
    let at = |place: i32| match usize::try_from(place) {
        Ok(place) if place % 2 == 0 => samples.get(place / 2).copied().unwrap_or(0),
        _ => 0,
    };
    let filtered = |place: i32| {
        let places = place - HALF..=place + HALF;
        let sum: f32 = places
            .zip(&taps)
            .map(|(place, tap)| f32::from(at(place)) * tap)
            .sum();
        sum.round() as i16
    };
    (0..2 * i32::try_from(samples.len()).unwrap())
        .map(filtered)
        .collect()
}

#[test]
fn digits_amounts_and_dates_of_the_bot_are_understood_on_a_telephone_line() {
    let folder = std::env::var_os("GHANTI_TOOLS")
        .map_or_else(|| root().join(".tools"), PathBuf::from)
        .join("hibari");
    let settings = HibariSettings {
        folder,
        words_per_minute: 155,
        deadline: PATIENCE,
    };
    let voice = Hibari::open(&settings).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let today = Date::from_calendar_date(2026, Month::November, 28).unwrap();
    let hearer = hearer::one();
    for kind in kinds() {
        let (mut random, mut noise) = (Random(7), Random(11));
        let mut missed = Vec::new();
        for _ in 0..TEXTS {
            let value = speak(&(kind.value)(&mut random), &Language::english(), today).unwrap();
            let samples = runtime.block_on(said(
                &voice,
                &format!("{} {value}.", kind.before),
                &mut noise,
            ));
            let words = format!("{} {}", kind.words, kind.before.to_lowercase());
            let mut listening = hearer.listen(Expectation {
                languages: vec![Language::english()],
                phrases: words.split_whitespace().map(str::to_owned).collect(),
                decoys: Arc::default(),
            });
            let mut heard = hearer.feed(&mut listening, &samples);
            heard.extend(listening.finish());
            let Some(Hearing::Final(heard)) = heard.pop() else {
                panic!("nothing was heard of {value}");
            };
            let (heard, expected) = (spelled(heard.text.expose()), spelled(&value));
            if !heard.ends_with(&expected) {
                missed.push(format!(
                    "{} was heard as {}",
                    expected.join(" "),
                    heard.join(" ")
                ));
            }
        }
        let understood = TEXTS - missed.len();
        assert!(
            understood >= UNDERSTOOD,
            "{}: {understood} of {TEXTS}: {missed:#?}",
            kind.name
        );
    }
}
