//! Speech: the recogniser in grammar mode as a question of a flow uses it, espeak-ng, and the
//! prompt cache.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ghanti_language::ChoiceMatcher;
use ghanti_load::process::{Reading, pss_kib};
use ghanti_model::{Choice, Language};
use ghanti_sim::voice::Voice;
use ghanti_speech::{
    CacheSettings, Espeak, Expectation, Hearing, Keep, PromptCache, Recognition, Recognizer,
    Synthesizer, Utterance, Vosk, VoskSettings,
};
use tokio::sync::mpsc;

use crate::shipped::root;
use crate::table::{Table, figure, ns, time};
use crate::timing::{Spread, each};

const RUNS: usize = 20;
/// Recognisers at once, whose memory is measured.
const HELD: usize = 30;
const SENTENCE: &str = "Thank you. Your monthly instalment of twelve thousand five hundred rupees is due on the fifth of December.";

/// Prints the table.
pub async fn run() -> anyhow::Result<()> {
    eprintln!("bench: speech ...");
    let mut table = Table::new("speech", &["p50", "p99"]);
    recognition(&mut table).await?;
    synthesis(&mut table).await?;
    table.print();
    Ok(())
}

async fn recognition(table: &mut Table) -> anyhow::Result<()> {
    let vosk = open()?;
    let expectation = identity()?;
    let answer = Voice::default().speak("yes, speaking", 16_000).await?;
    let (mut made, mut finished) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (sender, mut hearings) = mpsc::channel(64);
        // an utterance without samples is answered as soon as the recogniser is made
        let began = Instant::now();
        let mut recognition = vosk.listen(expectation.clone(), sender)?;
        recognition.finish();
        until_final(&mut hearings).await?;
        made.push(began.elapsed());
        // in real time, so that nothing waits to be decoded when the caller ends
        for piece in answer.chunks(320) {
            recognition.feed(piece)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let began = Instant::now();
        recognition.finish();
        until_final(&mut hearings).await?;
        finished.push(began.elapsed());
    }
    let before = Reading::of(std::process::id())?;
    let (kib, held) = hold(&vosk, &expectation, &answer).await?;
    let spent = Reading::of(std::process::id())?
        .own
        .saturating_sub(before.own);

    let (made, finished) = (Spread::of(made), Spread::of(finished));
    let phrases = expectation.phrases.len();
    table.row(
        &format!("recogniser made, a grammar of {phrases} phrases"),
        [time(made.p50()), time(made.p99())],
    );
    table.row(
        "from the end of an answer to its words",
        [time(finished.p50()), time(finished.p99())],
    );
    let seconds = answer.len() as f64 / 16_000.0 * HELD as f64;
    let made_s = made.p50().as_secs_f64() * HELD as f64;
    table.note(format!(
        "decoding takes {} of a core while the caller speaks; a recogniser that has heard an answer holds {} KiB (PSS)",
        figure((spent.as_secs_f64() - made_s).max(0.0) / seconds),
        figure(kib)
    ));
    drop(held);
    Ok(())
}

/// The memory of each of many recognisers once it has heard an answer.
async fn hold(
    vosk: &Vosk,
    expectation: &Expectation,
    answer: &[i16],
) -> anyhow::Result<(f64, Vec<Box<dyn Recognition>>)> {
    let own = std::process::id();
    let before = pss_kib(own)?;
    let mut held = Vec::new();
    for _ in 0..HELD {
        let (sender, mut hearings) = mpsc::channel(64);
        let mut recognition = vosk.listen(expectation.clone(), sender)?;
        recognition.feed(answer)?;
        recognition.finish();
        until_final(&mut hearings).await?;
        held.push(recognition);
    }
    Ok(((pss_kib(own)? as f64 - before as f64) / HELD as f64, held))
}

fn open() -> anyhow::Result<Vosk> {
    let tools = std::env::var_os("GHANTI_TOOLS")
        .map_or_else(|| root().join(".tools"), PathBuf::from)
        .join("vosk");
    let models = [(
        Language::english(),
        tools.join("vosk-model-small-en-us-0.15"),
    )]
    .into();
    Ok(Vosk::open(VoskSettings {
        library: tools.join("libvosk.so"),
        models,
        workers: 1,
    })?)
}

/// What emi-reminder's first question expects.
fn identity() -> anyhow::Result<Expectation> {
    let choice = |name: &str| Choice {
        id: name.to_owned(),
        lexicon: Some(name.to_owned()),
        phrases: Vec::new(),
        key: None,
    };
    let choices = ["yes", "no", "wrong-person", "who", "later"].map(choice);
    let languages = vec![Language::english(), Language::parse("hi-IN")?];
    let matcher = ChoiceMatcher::new(&choices, &languages)?;
    let (phrases, decoys) = (matcher.phrases(), matcher.decoys());
    Ok(Expectation {
        languages,
        phrases: phrases.into(),
        decoys: decoys.into(),
    })
}

async fn until_final(hearings: &mut mpsc::Receiver<Hearing>) -> anyhow::Result<()> {
    loop {
        match hearings.recv().await.context("the recogniser is gone")? {
            Hearing::Partial(_) => {}
            Hearing::Final(_) => return Ok(()),
            Hearing::Lost(_) => {}
            Hearing::Failed(error) => bail!(error),
        }
    }
}

async fn synthesis(table: &mut Table) -> anyhow::Result<()> {
    let espeak = Arc::new(Espeak::default());
    let utterance = |text: &str| Utterance {
        text: text.into(),
        language: Language::english(),
        voice: None,
    };
    let (mut first, mut whole, mut samples) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        let began = Instant::now();
        let mut pieces = espeak.synthesize(&utterance(SENTENCE), 8_000).await?;
        samples = pieces
            .recv()
            .await
            .context("espeak-ng made no speech")??
            .len();
        first.push(began.elapsed());
        while let Some(piece) = pieces.recv().await {
            samples += piece?.len();
        }
        whole.push(began.elapsed());
    }
    let (first, whole) = (Spread::of(first), Spread::of(whole));
    let seconds = samples as f64 / 8_000.0;
    table.row(
        "espeak-ng: first samples of a sentence",
        [time(first.p50()), time(first.p99())],
    );
    table.row(
        &format!("  all {} s of it", figure(seconds)),
        [time(whole.p50()), time(whole.p99())],
    );

    let cache = PromptCache::new(espeak, CacheSettings::default());
    cache.warm(&utterance(SENTENCE), 8_000).await?;
    let wanted = utterance(SENTENCE);
    let hit = each(&[(); 2_000], |()| {
        drop(std::hint::black_box(
            cache.fetch(&wanted, 8_000, Keep::Shared).ready(),
        ))
    });
    table.row(
        "prompt cache: first samples of a prompt in memory",
        [ns(hit.ns), String::new()],
    );
    table.note(format!(
        "a cached prompt is there {} times sooner than a new one, and takes {} allocations",
        figure(first.p50().as_secs_f64() * 1e9 / hit.ns),
        figure(hit.allocations)
    ));
    Ok(())
}
