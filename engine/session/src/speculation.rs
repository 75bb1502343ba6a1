//! Speculation: while a question waits, the flow runs ahead on each likely answer, and what it would
//! say next is spoken before the caller has answered. With a synthesiser over the network the bot's
//! next words then begin as soon as those of a fast one.
//!
//! A fork repeats the call's journal, has its answer, and runs to its next wait on a thread of its own
//! with low priority ([`thread`]). It performs nothing ([`forked`]), and nothing of it is seen in the
//! call: no event, no journal entry, no log line, no failure of its version. Only the prompt cache
//! knows afterwards what it would have said, under the same key under which the call asks for it.
//!
//! All of it is bounded: by question, by call and in the process, in number, computing and characters.
//! The call itself never waits for any of it.

mod counts;
mod forked;
mod likely;
mod preparing;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ghanti_host::FlowVersion;
use ghanti_journal::SharedJournal;
use ghanti_model::{FlowName, Prompt, Question, Reply};
use ghanti_replay::Waits;
use ghanti_speech::cache::{Keep, PromptCache};
use ghanti_speech::{Usage, Utterance};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::counts::Counts;
pub use self::counts::{ForkEnd, PromptResult, SpeculationCounts};
pub(crate) use self::forked::Known;
use self::likely::{Likelihood, replies};
use self::preparing::Preparing;
use self::thread::Job;
use crate::question::Asked;
use crate::rendered_prompt::{RenderedPrompt, Source};

/// The most answers of one question on which the flow runs ahead: the likely ones of most questions.
/// What is said to the others is spoken when it is needed.
const ANSWERS: usize = 4;
/// The most forks of one call: those of some thirty questions. A flow that asks for longer goes in a
/// circle.
const FORKS: u32 = 128;
/// How many questions may wait for their forks. Where there are more they come too late anyway.
const QUEUE: usize = 64;
/// The prompts of a question's forks that were handed out and are not yet taken.
const HANDED_OUT: usize = 16;
/// How many prompts are spoken ahead at once for all calls: what a provider of speech allows an
/// account is for the calls.
const AT_ONCE: usize = 8;

/// When flows run ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speculation {
    /// Only while callers wait for the synthesiser that speaks: one over the network that is slow.
    #[default]
    Auto,
    /// At every question.
    On,
    /// Never.
    Off,
}

/// When flows run ahead, and how much may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeculationSettings {
    /// When.
    pub when: Speculation,
    /// The most characters of one call that are given to a synthesiser ahead.
    pub characters: u64,
}

/// Lets flows run ahead. Clones share its thread, and what it has counted and learned.
#[derive(Clone)]
pub struct Speculator {
    settings: SpeculationSettings,
    shared: Arc<Shared>,
    /// None where flows never run ahead.
    jobs: Option<mpsc::Sender<Job>>,
}

struct Shared {
    counts: Counts,
    likelihood: Likelihood,
    /// Prompts that are being spoken ahead.
    speaking: Arc<Semaphore>,
}

impl Default for Speculator {
    /// One that never lets a flow run ahead.
    fn default() -> Self {
        Self::new(
            SpeculationSettings {
                when: Speculation::Off,
                characters: 0,
            },
            None,
        )
    }
}

impl Speculator {
    /// Starts its thread, unless flows never run ahead. The thread ends with the last clone.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(settings: SpeculationSettings) -> std::io::Result<Self> {
        if settings.when == Speculation::Off {
            return Ok(Self::new(settings, None));
        }
        let (sender, jobs) = mpsc::channel(QUEUE);
        let speculator = Self::new(settings, Some(sender));
        thread::start(jobs, speculator.shared.counts.clone())?;
        Ok(speculator)
    }

    fn new(settings: SpeculationSettings, jobs: Option<mpsc::Sender<Job>>) -> Self {
        Self {
            settings,
            shared: Arc::new(Shared {
                counts: Counts::default(),
                likelihood: Likelihood::default(),
                speaking: Arc::new(Semaphore::new(AT_ONCE)),
            }),
            jobs,
        }
    }

    /// What became of forks and of their prompts since the engine started.
    pub fn counts(&self) -> SpeculationCounts {
        self.shared.counts.read()
    }

    /// For one call, whose prompts are spoken through this cache.
    pub(crate) fn of_call(&self, prompts: &PromptCache) -> CallSpeculation {
        CallSpeculation {
            speculator: self.clone(),
            prompts: prompts.clone(),
            budget: Arc::new(Budget {
                forks: AtomicU32::new(FORKS),
                characters: AtomicU64::new(self.settings.characters),
            }),
            usage: Usage::ahead(),
        }
    }
}

/// What is left of what one call may have ahead.
struct Budget {
    forks: AtomicU32,
    characters: AtomicU64,
}

impl Budget {
    /// How many of so many forks there may be.
    fn take_forks(&self, wanted: usize) -> usize {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let left = self
            .forks
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(wanted))
            });
        usize::try_from(left.unwrap_or_else(|left| left).min(wanted)).unwrap_or(0)
    }

    /// Whether so many characters may be spoken: all of them or none.
    fn take_characters(&self, wanted: u64) -> bool {
        self.characters
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(wanted)
            })
            .is_ok()
    }
}

/// Lets the flow of one call run ahead. Clones are of the same call.
#[derive(Clone)]
pub(crate) struct CallSpeculation {
    speculator: Speculator,
    prompts: PromptCache,
    budget: Arc<Budget>,
    /// What its prompts that were spoken ahead have used of the synthesisers.
    usage: Usage,
}

/// What a question may be followed by, before it is asked.
pub(crate) struct Outlook {
    replies: Vec<Reply>,
    /// What the host says to who asks back, and asks then.
    pub(crate) sides: Vec<Prompt>,
}

/// A question that begins to wait.
pub(crate) struct Begun {
    pub(crate) outlook: Outlook,
    /// The rendered prompts of the outlook.
    pub(crate) sides: Vec<RenderedPrompt>,
    pub(crate) version: Arc<FlowVersion>,
    pub(crate) running: SharedJournal,
    pub(crate) known: Known,
}

/// What runs ahead of one question. Dropping it ends that: forks end at once, and no further prompt
/// is begun. Those that are being spoken are spoken to their end, as one of them may be what the
/// call asks for next.
pub(crate) struct RunningAhead {
    _goes_on: oneshot::Sender<()>,
}

impl CallSpeculation {
    /// What may follow a question, if the flow is to run ahead at it.
    pub(crate) fn outlook(&self, question: &Question) -> Option<Outlook> {
        let sides = question.side_answers.iter();
        self.is_wanted().then(|| Outlook {
            replies: replies(question),
            sides: sides
                .flat_map(|side| side.say.iter().chain([&side.then]))
                .cloned()
                .collect(),
        })
    }

    /// The same of a question that is answered by keys, which are not known before.
    pub(crate) fn outlook_of_keys(&self, asks_again: bool) -> Option<Outlook> {
        self.is_wanted().then(|| Outlook {
            replies: if asks_again {
                Vec::new()
            } else {
                vec![Reply::NoInput]
            },
            sides: Vec::new(),
        })
    }

    fn is_wanted(&self) -> bool {
        self.speculator.jobs.is_some()
            && match self.speculator.settings.when {
                Speculation::Auto => self.prompts.is_slow(),
                Speculation::On => true,
                Speculation::Off => false,
            }
    }

    /// Lets the flow run ahead of a question that begins to wait.
    pub(crate) fn begin(&self, begun: Begun, asked: &Asked) -> Option<RunningAhead> {
        let Begun {
            outlook,
            sides,
            version,
            running,
            known,
        } = begun;
        let shared = &self.speculator.shared;
        let mut replies = outlook.replies;
        let likelihood = &shared.likelihood;
        likelihood.order(&version.name, &asked.name, &mut replies);
        replies.truncate(ANSWERS);
        let (said, handed_out) = mpsc::channel(HANDED_OUT);
        let rate_hz = known.rate_hz;
        let jobs = self.speculator.jobs.as_ref()?;
        // none while the host asks whether it has understood a value: that is another question
        if let Some(waits) = Waits::at(&running, &asked.name) {
            replies.truncate(self.budget.take_forks(replies.len()));
            let wanted = replies.len();
            let job = Job {
                version,
                waits,
                replies,
                known,
                said,
            };
            if wanted > 0 && jobs.try_send(job).is_err() {
                // there are too many: the call goes on without
                shared.counts.forks(ForkEnd::Dropped, wanted);
            }
        }
        let (goes_on, over) = oneshot::channel();
        let again = [asked.no_match.front(), asked.no_input.front()];
        let preparing = Preparing {
            prompts: self.prompts.clone(),
            budget: Arc::clone(&self.budget),
            usage: self.usage.clone(),
            rate_hz,
            counts: shared.counts.clone(),
            speaking: Arc::clone(&shared.speaking),
        };
        let asked_now = Said::of(asked.prompt.clone());
        let first = asked.acknowledge.clone().and_then(Said::of);
        let last = again.into_iter().flatten().cloned().chain(sides);
        let last: Vec<Said> = last.filter_map(Said::of).collect();
        tokio::spawn(preparing.run(over, asked_now, first, handed_out, last));
        Some(RunningAhead { _goes_on: goes_on })
    }

    /// Learns from an answer which ones are likely.
    pub(crate) fn learn(&self, flow: &FlowName, question: &str, reply: &Reply) {
        if self.speculator.jobs.is_some() {
            self.speculator
                .shared
                .likelihood
                .learn(flow, question, reply);
        }
    }
}

/// Words that may be said next, as the prompt cache is asked for them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    utterance: Utterance,
    keep: Keep,
}

impl Said {
    /// `None` for an audio file, which nobody has to make.
    fn of(prompt: RenderedPrompt) -> Option<Self> {
        match prompt.source {
            Source::Words {
                utterance,
                personal,
            } => Some(Self {
                utterance,
                keep: keep(personal),
            }),
            Source::File { .. } => None,
        }
    }

    /// What a provider counts of it.
    fn characters(&self) -> u64 {
        u64::try_from(self.utterance.text.expose().chars().count()).unwrap_or(u64::MAX)
    }
}

/// How the audio of a prompt may be kept.
pub(crate) fn keep(personal: bool) -> Keep {
    if personal {
        Keep::Personal
    } else {
        Keep::Shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_its_forks_and_characters_and_no_more() {
        let budget = Budget {
            forks: AtomicU32::new(6),
            characters: AtomicU64::new(100),
        };
        assert_eq!([4, 4, 4].map(|wanted| budget.take_forks(wanted)), [4, 2, 0]);
        // what does not fit is not begun, and something shorter may still fit
        let taken = [60, 50, 40, 1].map(|wanted| budget.take_characters(wanted));
        assert_eq!(taken, [true, false, true, false]);
    }

    #[test]
    fn one_that_is_off_has_no_thread_and_wants_nothing() {
        let off = Speculator::start(SpeculationSettings {
            when: Speculation::Off,
            characters: 4_000,
        });
        assert!(off.unwrap().jobs.is_none());
        assert!(Speculator::default().jobs.is_none());
    }
}
