//! The threads that speak: each takes a sentence from the queue, reads it, and makes its samples.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use rten::ThreadPool;
use tokio::sync::{mpsc, oneshot};

use super::acoustics::Acoustics;
use super::lexicon::Lexicon;
use super::reading;
use super::waveform::Waveform;
use crate::shaping::trim::Trim;

/// Number of threads. Each speaks fifty times faster than real time or more, so two keep up with any
/// number of calls that share their prompts; more would only take CPU from the calls.
pub(super) const THREADS: usize = 2;

/// The most sentences that wait for a thread, at some 50 ms each. When it is full, utterances wait.
pub(super) const QUEUE: usize = 64;

/// The most phonemes that the model gets at once, some 25 s of speech: the longest that it was made for.
/// A longer sentence is cut at a pause, else between words.
const PHONEMES_MAX: usize = 400;

/// Silence between the parts of a sentence that had to be cut.
const CUT_MS: u32 = 80;

/// Brings the voice to the level of espeak-ng: -25 dBFS to -19.5 dBFS without pauses, with peaks just
/// below full scale.
const GAIN: f32 = 1.88;

/// Full scale.
const FULL_SCALE: f32 = 32_767.0;

/// A sentence to speak.
pub(super) struct Job {
    pub(super) sentence: String,
    pub(super) rate_hz: u32,
    /// Times the model's own pace.
    pub(super) speed: f32,
    /// Gets the samples, without silence around them. Closed if nobody wants them any more.
    pub(super) reply: oneshot::Sender<Result<Vec<i16>, String>>,
}

/// What all threads read from.
pub(super) struct Voice {
    pub(super) acoustics: Acoustics,
    pub(super) lexicon: Lexicon,
}

/// Starts the threads. They end when the sender and its clones are dropped.
pub(super) fn start(voice: Voice) -> std::io::Result<mpsc::Sender<Job>> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let (voice, queue) = (Arc::new(voice), Arc::new(Mutex::new(queue)));
    for number in 1..=THREADS {
        let (voice, queue) = (Arc::clone(&voice), Arc::clone(&queue));
        Builder::new()
            .name(format!("hibari-{number}"))
            .spawn(move || work(&voice, &queue))?;
    }
    Ok(jobs)
}

fn work(voice: &Voice, queue: &Mutex<mpsc::Receiver<Job>>) {
    // the network computes on one more thread of its own, so that a call never competes with all cores
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(job) = next else { return };
        if job.reply.is_closed() {
            continue;
        }
        // a defect of the network's runtime costs a prompt, not the thread
        let spoken = catch_unwind(AssertUnwindSafe(|| speak(voice, &job, &pool)))
            .unwrap_or_else(|_| Err("the voice panicked".to_owned()));
        let _ = job.reply.send(spoken);
    }
}

fn speak(voice: &Voice, job: &Job, pool: &Arc<ThreadPool>) -> Result<Vec<i16>, String> {
    let mut waveform = Waveform::new(job.rate_hz)
        .ok_or_else(|| format!("the voice does not speak at {} Hz", job.rate_hz))?;
    let mut samples = Vec::new();
    for part in parts(&reading::phonemes(&job.sentence, &voice.lexicon)) {
        if job.reply.is_closed() {
            return Ok(samples);
        }
        let Some(spectra) = voice.acoustics.predict(part, job.speed, pool)? else {
            continue;
        };
        if !samples.is_empty() {
            samples.resize(samples.len() + (job.rate_hz * CUT_MS / 1_000) as usize, 0);
        }
        let mut trim = Trim::new(job.rate_hz);
        // `as` saturates: the loudest peaks are clipped, never wrapped
        let rendered = waveform.render(&spectra)?;
        let loud = rendered
            .iter()
            .map(|sample| (sample * GAIN * FULL_SCALE).round() as i16);
        trim.push(loud, &mut samples);
        trim.finish(&mut samples);
    }
    Ok(samples)
}

/// Phonemes in parts that the model can take, each cut after the last pause or word that fits.
fn parts(phonemes: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = phonemes;
    while let Some((limit, _)) = rest.char_indices().nth(PHONEMES_MAX) {
        let fits = rest.get(..limit).unwrap_or_default();
        let at = fits
            .rfind([',', ';', ':', '—'])
            .map(|at| {
                at + fits
                    .get(at..)
                    .and_then(|end| end.chars().next())
                    .map_or(1, char::len_utf8)
            })
            .or_else(|| fits.rfind(' '))
            .filter(|&at| at > 0)
            .unwrap_or(limit);
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phonemes_are_cut_at_pauses_else_between_words_else_anywhere() {
        assert_eq!(parts("hˈI."), ["hˈI."]);
        assert!(parts("").is_empty());
        let clauses = format!("{}, {}", "a".repeat(300), "b".repeat(300));
        assert_eq!(parts(&clauses), [&clauses[..301], &clauses[302..]]);
        let words = ["ɪz"; 300].join(" ");
        for (phonemes, least) in [
            (words.as_str(), 2),
            (&"ɪ".repeat(1_000), 3),
            (&"—".repeat(999), 3),
        ] {
            let cut = parts(phonemes);
            assert!(
                cut.len() >= least && cut.iter().all(|part| part.chars().count() <= PHONEMES_MAX)
            );
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&cut.concat()), letters(phonemes));
        }
    }
}
