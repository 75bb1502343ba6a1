//! Many callers who end their answers within one second: who is understood, how late, and what
//! becomes of those whom the recogniser cannot serve in time.
//!
//! Each caller has a machine of their own, as a call has, and they share a worker of the recogniser
//! for each of two cores. Time is that of two cores that do nothing else, however busy the machine
//! is: a frame of 20 ms is over when each worker has computed for 20 ms, less its share of what the
//! machines took, or has nothing to do.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_audio::{Encoding, g711};
use ghanti_model::Reply;
use ghanti_session::event::Event;
use ghanti_session::machine::{Command, Completion, Machine, Output};
use ghanti_session::{Sending, fallback_prompt};
use ghanti_speech::recognition::HEARINGS;
use ghanti_speech::{Hearing, Recognition, RecognitionError, Recognizer, Vosk};
use tokio::sync::mpsc;

use crate::caller::{self, RATE_HZ, samples};
use crate::corpus::Sentence;
use crate::report::{Report, percent, quantiles};
use crate::{hearer, question};

const CROWDS: [usize; 4] = [25, 75, 100, 200];
const CORES: usize = 2;
/// How soon it is looked again how far a worker is.
const POLL: Duration = Duration::from_micros(200);
/// Within which all of a crowd end their answers.
const TOGETHER_MS: u64 = 1_000;
const FRAME_MS: u64 = 20;
/// How long the question's prompt and the engine's own words last.
const PROMPT_MS: u32 = 400;
/// When the first of them ends, from the begin of their calls.
const FIRST_ENDS_MS: u64 = 4_000;
/// After that long whoever has no answer is counted as lost.
const LONGEST_MS: u64 = 60_000;
/// What they say, and the choices that are right.
const ANSWERS: [(&str, &str); 6] = [
    ("yes that's me", "yes"),
    ("yes speaking", "yes"),
    ("no", "no"),
    ("wrong number", "wrong-person"),
    ("connect me to an agent", "agent"),
    ("call me later", "later"),
];

/// Plays all crowds.
pub fn run(report: &mut Report) {
    let mut workers: Vec<Worker> = (0..CORES).map(|_| Worker::open()).collect();
    let mut rows = Vec::new();
    for callers in CROWDS {
        eprintln!("bench: crowd of {callers} ...");
        let crowd = answer_at_once(&mut workers, callers);
        for member in &crowd {
            let Member { reply, means, .. } = member;
            report.rows(
                "crowd",
                &format!(
                    "{callers}\t{means}\t{reply}\t{:?}",
                    member.answered_after_ms
                ),
            );
        }
        let count = |is: fn(&Member) -> bool| crowd.iter().filter(|member| is(member)).count();
        let delays = crowd
            .iter()
            .filter_map(|member| member.answered_after_ms)
            .collect();
        let mut cells = vec![
            callers.to_string(),
            percent(count(|member| member.reply == member.means), callers),
            count(|member| member.not_understood > 0).to_string(),
            count(|member| member.asked_to_wait > 0).to_string(),
            count(|member| member.failures > 0).to_string(),
        ];
        cells.extend(quantiles(delays));
        rows.push(cells);
    }
    report.table(
        "Answers that end within one second, on two cores: from the last sound to the answer, in ms",
        &[
            "callers",
            "right answers",
            "told that they were not understood",
            "asked to wait",
            "asked again",
            "p50",
            "p90",
            "p99",
        ],
        &rows,
    );
}

/// A caller of a crowd.
struct Member {
    machine: Machine,
    recognition: Option<Box<dyn Recognition>>,
    hearings: Option<mpsc::Receiver<Hearing>>,
    heard: Vec<Hearing>,
    /// Utterances that are over and have no words yet.
    awaited: usize,
    clip: Vec<i16>,
    begins_ms: u64,
    means: &'static str,
    playing_until_ms: u64,
    marks: Vec<(u64, String)>,
    reply: String,
    not_understood: u32,
    asked_to_wait: u32,
    failures: u32,
    answered_after_ms: Option<i64>,
}

fn answer_at_once(workers: &mut [Worker], callers: usize) -> Vec<Member> {
    let voices = caller::all_voices(crate::corpus::Spoken::En);
    let mut crowd: Vec<Member> = (0..callers)
        .map(|index| {
            let (words, means) = ANSWERS[index % ANSWERS.len()];
            // the two that are understood best
            let voice = voices[index % 2];
            let clip = caller::says(voice, &Sentence::plain("crowd", words));
            let ends_ms = FIRST_ENDS_MS + TOGETHER_MS * index as u64 / callers as u64;
            Member::new(clip, ends_ms, means)
        })
        .collect();
    for now_ms in (0..LONGEST_MS).step_by(FRAME_MS as usize) {
        let began = cpu(&own_thread());
        for (index, member) in crowd.iter_mut().enumerate() {
            member.frame(&mut workers[index % CORES], now_ms);
        }
        let took = cpu(&own_thread()) - began;
        let frame = Duration::from_millis(FRAME_MS);
        let share = frame.saturating_sub(took / CORES as u32);
        for (at, worker) in workers.iter_mut().enumerate() {
            let mut of_it = crowd.iter_mut().skip(at).step_by(CORES).collect::<Vec<_>>();
            worker.work(share, &mut of_it);
        }
        if crowd.iter().all(|member| !member.reply.is_empty()) {
            break;
        }
    }
    crowd
}

/// A worker of the recogniser, with a core of its own.
struct Worker {
    vosk: Vosk,
    /// Where the kernel says how long its thread has computed.
    thread: PathBuf,
    /// How long it had computed when the frame began, but for what it is ahead.
    since: Duration,
}

impl Worker {
    fn open() -> Self {
        let before = threads();
        let vosk = hearer::open(1);
        let is_new = |thread: &PathBuf| {
            !before.contains(thread)
                && fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "vosk-1")
        };
        // a thread names itself
        let thread = loop {
            match threads().into_iter().find(is_new) {
                Some(thread) => break thread,
                None => std::thread::sleep(POLL),
            }
        };
        let since = cpu(&thread);
        Self {
            vosk,
            thread,
            since,
        }
    }

    /// Lets it compute for as long as that, or until it has nothing to do.
    fn work(&mut self, share: Duration, crowd: &mut [&mut Member]) {
        loop {
            let mut is_awaited = false;
            for member in &mut *crowd {
                member.take_hearings();
                is_awaited |= member.awaited > 0;
            }
            let spent = cpu(&self.thread);
            if spent >= self.since + share {
                self.since += share;
                return;
            }
            if self.vosk.backlog().is_zero() && !is_awaited {
                self.since = spent;
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

fn threads() -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().path()).collect()
}

fn own_thread() -> PathBuf {
    PathBuf::from("/proc/thread-self")
}

/// How long a thread has computed.
fn cpu(thread: &std::path::Path) -> Duration {
    let reported = fs::read_to_string(thread.join("schedstat")).unwrap();
    let ns = reported.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_nanos(ns)
}

impl Member {
    fn new(clip: Vec<i16>, ends_ms: u64, means: &'static str) -> Self {
        let length_ms = caller::audible(&clip).end;
        let mut machine = Machine::new(RATE_HZ, Encoding::MuLaw).unwrap();
        machine.command(0, Command::Ask(Box::new(question::identity())));
        Self {
            machine,
            recognition: None,
            hearings: None,
            heard: Vec::new(),
            awaited: 0,
            clip,
            begins_ms: ends_ms - length_ms,
            means,
            playing_until_ms: 0,
            marks: Vec::new(),
            reply: String::new(),
            not_understood: 0,
            asked_to_wait: 0,
            failures: 0,
            answered_after_ms: None,
        }
    }

    fn ends_ms(&self) -> u64 {
        self.begins_ms + caller::audible(&self.clip).end
    }

    /// 20 ms of the caller, and what follows from them.
    fn frame(&mut self, worker: &mut Worker, now_ms: u64) {
        if !self.reply.is_empty() {
            return;
        }
        let mut frame = [0_i16; 160];
        // a line has a little noise
        for (at, sample) in frame.iter_mut().enumerate() {
            *sample = [3, -5, 8, -2, 0, -7, 5][(at + now_ms as usize) % 7];
        }
        if let Some(since_ms) = now_ms.checked_sub(self.begins_ms) {
            let from = samples(since_ms as u32);
            let said = self.clip.iter().skip(from);
            for (sample, said) in frame.iter_mut().zip(said) {
                *sample = sample.saturating_add(*said);
            }
        }
        let frame = frame.map(|sample| g711::decode(g711::encode(sample)));
        let due = self.marks.iter().take_while(|(at_ms, _)| *at_ms <= now_ms);
        let due = due.count();
        for (_, mark) in self.marks.drain(..due) {
            self.machine.mark(now_ms, &mark);
        }
        self.machine.audio(now_ms, &frame);
        self.take_hearings();
        for hearing in std::mem::take(&mut self.heard) {
            self.machine.hearing(now_ms, hearing);
        }
        self.machine.tick(now_ms);
        self.settle(worker, now_ms);
    }

    /// Takes what the recogniser has said.
    fn take_hearings(&mut self) {
        let heard = self
            .hearings
            .as_mut()
            .map(|hearings| std::iter::from_fn(|| hearings.try_recv().ok()));
        for hearing in heard.into_iter().flatten() {
            if matches!(hearing, Hearing::Final(_) | Hearing::Failed(_)) {
                self.awaited = self.awaited.saturating_sub(1);
            }
            self.heard.push(hearing);
        }
    }

    fn settle(&mut self, worker: &mut Worker, now_ms: u64) {
        let mut frame = Vec::new();
        loop {
            while let Some(output) = self.machine.output() {
                self.perform(worker, now_ms, output);
            }
            while let Some(event) = self.machine.event() {
                match event {
                    Event::PromptBegan { template, .. } => match template.as_str() {
                        "no-match" => self.not_understood += 1,
                        fallback_prompt::ONE_MOMENT => self.asked_to_wait += 1,
                        _ => {}
                    },
                    Event::RecognitionFailed { .. } => self.failures += 1,
                    _ => {}
                }
            }
            let plays_at_ms = self.playing_until_ms.max(now_ms);
            match self.machine.send(now_ms, &mut frame) {
                Some(Sending::Frame) => {
                    self.playing_until_ms =
                        plays_at_ms + frame.len() as u64 * 1_000 / u64::from(RATE_HZ);
                }
                Some(Sending::Mark(mark)) => self.marks.push((plays_at_ms, mark)),
                None => return,
            }
        }
    }

    fn perform(&mut self, worker: &mut Worker, now_ms: u64, output: Output) {
        match output {
            Output::Fetch(fetch) => {
                self.machine.piece(fetch.prompt, caller::bot(PROMPT_MS));
                self.machine.pieces_complete(fetch.prompt);
            }
            Output::Clear => {
                self.playing_until_ms = now_ms;
                for (at_ms, _) in &mut self.marks {
                    *at_ms = now_ms;
                }
            }
            Output::Listen(expectation) => {
                let (sender, hearings) = mpsc::channel(HEARINGS);
                self.hearings = Some(hearings);
                self.awaited = 0;
                self.recognition = Some(worker.vosk.listen(expectation, sender).unwrap());
            }
            Output::Feed(samples) => {
                if let Some(recognition) = &mut self.recognition
                    && recognition.feed(&samples) == Err(RecognitionError::Overloaded)
                {
                    self.failures += 1;
                }
            }
            Output::Finish => {
                if let Some(recognition) = &mut self.recognition {
                    recognition.finish();
                    self.awaited += 1;
                }
            }
            Output::Forget => {
                if let Some(recognition) = &mut self.recognition {
                    recognition.reset();
                }
            }
            Output::StopListening => {
                self.recognition = None;
                self.awaited = 0;
            }
            Output::Complete(Completion::Answered(answer)) => {
                self.answered_after_ms = Some(now_ms as i64 - self.ends_ms() as i64);
                self.reply = match answer.reply {
                    Reply::Choice(choice) => choice,
                    other => other.to_string(),
                };
            }
            Output::Complete(_) | Output::Close | Output::PeerLost { .. } | Output::Voicemail => {}
        }
    }
}
