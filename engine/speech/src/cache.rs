//! The prompt cache: a prompt spoken once is then played from memory or disk.
//!
//! A prompt comes from memory, else from disk, else from the synthesizer; where there are several,
//! each has its own copies, and one that is made by two of them is not kept. Concurrent calls for the
//! same prompt share one synthesis and play it while it is produced. Only complete prompts are
//! kept. Disk errors are logged and never cost a call its prompt. Personal prompts
//! ([`Keep::Personal`]) are never written to disk.

mod ahead;
mod audio;
mod disk;
mod key;
mod memory;

use std::collections::HashMap;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ghanti_model::Language;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

pub use self::audio::PromptAudio;
use self::audio::{Follower, Growth};
use self::disk::Disk;
use self::key::Key;
use self::memory::Memory;
use crate::failover::Voices;
use crate::failover::voices::Voice;
use crate::fault::{FailureCount, Fault, Loss};
use crate::synthesis::{Samples, SynthesisError, Synthesizer, Utterance};
use crate::turns::{Claim, Usage};

/// How long a personal prompt stays in memory: long enough to be synthesized while the caller is
/// still speaking, or to be repeated when they ask for it.
const PERSONAL_KEPT: Duration = Duration::from_secs(60);

/// Limits of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// The most bytes of samples in memory. A minute of speech at 8 kHz is just under one million.
    pub memory_bytes: usize,
    /// The folder that keeps shared prompts across restarts, created if missing. Absent: no disk
    /// cache.
    pub folder: Option<PathBuf>,
    /// The most bytes in that folder.
    pub disk_bytes: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            folder: None,
            disk_bytes: 512 << 20,
        }
    }
}

/// How a prompt may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// For every call: in memory and on disk.
    Shared,
    /// Contains a customer's name, amount or digits: in memory only, for a minute.
    Personal,
}

/// The result for a prompt that was spoken ahead of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmed {
    /// It was spoken, and is on disk now.
    New,
    /// It was there.
    Kept,
    /// It was spoken and is not on disk: there is none, it cannot be written, or more than one voice
    /// had to speak.
    Lost,
}

/// A synthesizer with a cache. Clones share it. Its methods need a Tokio runtime.
#[derive(Clone)]
pub struct PromptCache {
    shared: Arc<Shared>,
}

struct Shared {
    voices: Voices,
    disk: Option<Disk>,
    prompts: Mutex<Prompts>,
    /// How many prompts that were spoken ahead were asked for.
    used_ahead: AtomicU64,
}

struct Prompts {
    memory: Memory,
    /// Prompts being read or synthesized.
    growing: HashMap<Key, Growing>,
}

struct Growing {
    growth: Arc<Growth>,
    grown: watch::Receiver<()>,
    claim: Claim,
    /// Whether it is spoken ahead, and nobody has asked for it yet.
    is_ahead: bool,
}

impl PromptCache {
    /// An empty cache in front of a synthesizer of this machine. The folder is not accessed before
    /// the first prompt.
    pub fn new(synthesizer: Arc<dyn Synthesizer>, settings: CacheSettings) -> Self {
        Self::of(Voices::of(synthesizer), settings)
    }

    /// An empty cache in front of several synthesizers.
    pub fn of(voices: Voices, settings: CacheSettings) -> Self {
        let prompts = Prompts {
            memory: Memory::new(settings.memory_bytes),
            growing: HashMap::new(),
        };
        let disk = settings
            .folder
            .map(|folder| Disk::new(folder, settings.disk_bytes));
        Self {
            shared: Arc::new(Shared {
                voices,
                disk,
                prompts: Mutex::new(prompts),
                used_ahead: AtomicU64::new(0),
            }),
        }
    }

    /// The audio of an utterance at `rate_hz`, as of a call that has asked for nothing before.
    pub fn fetch(&self, utterance: &Utterance, rate_hz: u32, keep: Keep) -> PromptAudio {
        self.fetch_for(&Usage::default(), utterance, rate_hz, keep)
    }

    /// The audio of an utterance at `rate_hz`, for a call. Returns immediately; audio that is not
    /// in memory streams in while it is read or synthesized, the latter when it is the call's turn.
    pub fn fetch_for(
        &self,
        call: &Usage,
        utterance: &Utterance,
        rate_hz: u32,
        keep: Keep,
    ) -> PromptAudio {
        let (audio, making) = self.find(call, utterance, rate_hz, keep, false);
        if let Some((making, keys)) = making {
            tokio::spawn(making.run(keys, utterance.clone(), rate_hz));
        }
        audio
    }

    /// The audio of an utterance, and what still has to be run for it, by the prompt's keys.
    /// `is_ahead` says that nobody is to hear it yet.
    fn find(
        &self,
        call: &Usage,
        utterance: &Utterance,
        rate_hz: u32,
        keep: Keep,
        is_ahead: bool,
    ) -> (PromptAudio, Option<(Making, Vec<Key>)>) {
        let keys = self.shared.keys(utterance, rate_hz, keep);
        let mut prompts = self.shared.prompts();
        for (key, voice) in keys.iter().zip(self.shared.voices.all()) {
            if let Some(speech) = prompts.memory.get(key, Instant::now()) {
                if !is_ahead && prompts.memory.is_first_use(key) {
                    self.shared.count_use();
                }
                return (PromptAudio::whole(speech), None);
            }
            // one that is left alone does not speak: the next one's copy will do
            if voice.is_ready() {
                break;
            }
        }
        let Some(&key) = keys.first() else {
            return (PromptAudio::failed(none_speaks()), None);
        };
        if let Some(growing) = prompts.growing.get_mut(&key) {
            let interest = growing.claim.join(call);
            let follower = Follower::new(&growing.growth, growing.grown.clone(), interest);
            if !is_ahead && mem::take(&mut growing.is_ahead) {
                self.shared.count_use();
                drop(prompts);
                // it may have waited for others, and comes before them now
                self.shared.voices.serve();
            }
            return (PromptAudio::growing(follower), None);
        }
        let (grow, grown) = watch::channel(());
        let claim = Claim::default();
        let interest = claim.join(call);
        let growth = Arc::<Growth>::default();
        let audio = PromptAudio::growing(Follower::new(&growth, grown.clone(), interest));
        prompts.growing.insert(
            key,
            Growing {
                growth: Arc::clone(&growth),
                grown,
                claim: claim.clone(),
                is_ahead,
            },
        );
        drop(prompts);
        let making = Making {
            shared: Arc::clone(&self.shared),
            key,
            growth,
            grow,
            claim,
            lost: Vec::new(),
        };
        (audio, Some((making, keys)))
    }

    /// Has a shared prompt spoken and written to disk before a call needs it, unless it is there.
    /// Returns the result and which voices failed meanwhile.
    ///
    /// # Errors
    /// No voice could speak it.
    pub async fn warm(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<(Warmed, Vec<Loss>), SynthesisError> {
        let call = Usage::default();
        let (mut audio, making) = self.find(&call, utterance, rate_hz, Keep::Shared, false);
        let warmed = match making {
            Some((making, keys)) => making.run(keys, utterance.clone(), rate_hz).await,
            None => Warmed::Kept,
        };
        while let Some(piece) = audio.next().await {
            piece?;
        }
        Ok((warmed, audio.losses()))
    }

    /// Whether a language is spoken, tried with one word where this machine is to speak it; `None`
    /// where that is not known.
    pub async fn try_out(
        &self,
        language: &Language,
        rate_hz: u32,
    ) -> Option<Result<(), SynthesisError>> {
        self.shared.voices.try_out(language, rate_hz).await
    }

    /// How often each synthesizer failed, by kind of fault.
    pub fn failures(&self) -> Vec<FailureCount> {
        self.shared.voices.failures()
    }

    /// How many prompts are being read or synthesized now.
    pub fn growing(&self) -> usize {
        self.shared.prompts().growing.len()
    }

    /// Bytes of samples currently in memory.
    pub fn memory_bytes(&self) -> usize {
        self.shared.prompts().memory.held_bytes()
    }
}

fn none_speaks() -> SynthesisError {
    SynthesisError::Unavailable("no synthesizer is configured".to_owned())
}

impl Shared {
    /// The prompt's key for each voice.
    fn keys(&self, utterance: &Utterance, rate_hz: u32, keep: Keep) -> Vec<Key> {
        let voices = self.voices.all().enumerate();
        let key = |(at, voice): (usize, &Voice)| {
            let utterance = self.voices.utterance_of(at, utterance);
            let spoken = voice.synthesizer();
            let (name, voice) = (spoken.name(), spoken.voice(&utterance));
            Key::new(name, &voice, &utterance, rate_hz, keep)
        };
        voices.map(key).collect()
    }

    fn prompts(&self) -> MutexGuard<'_, Prompts> {
        self.prompts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accesses the disk on a blocking thread. `None` without a disk, for a personal prompt, or on
    /// a disk error.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        key: Key,
        act: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        if key.keep == Keep::Personal || self.disk.is_none() {
            return None;
        }
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || shared.disk.as_ref().map(act)).await;
        match done.ok()?? {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::warn!(prompt = ?key, %error, "the folder of prompts cannot be used; going on without it");
                None
            }
        }
    }
}

/// The task that produces a prompt for everyone waiting for it.
struct Making {
    shared: Arc<Shared>,
    /// Of the preferred voice: what the prompt is known by while it is made.
    key: Key,
    growth: Arc<Growth>,
    grow: watch::Sender<()>,
    /// Which calls want it.
    claim: Claim,
    /// Voices that failed, and why, until another one speaks in their place.
    lost: Vec<(String, String)>,
}

impl Making {
    async fn run(mut self, keys: Vec<Key>, utterance: Utterance, rate_hz: u32) -> Warmed {
        let made = self.make(&keys, &utterance, rate_hz).await;
        let speech = self.growth.speech();
        let (end, kept) = match made {
            Ok(kept) => (Ok(()), kept),
            Err(error) => (Err(error), None),
        };
        self.growth.end(end);
        if let Some((key, _)) = kept {
            let until = (key.keep == Keep::Personal).then(|| Instant::now() + PERSONAL_KEPT);
            let mut prompts = self.shared.prompts();
            let growing = prompts.growing.get(&self.key);
            let is_ahead = growing.is_some_and(|growing| growing.is_ahead);
            let speech = Arc::clone(&speech);
            prompts.memory.insert(key, speech, until, is_ahead);
            drop(prompts);
            if let Some(until) = until {
                tokio::spawn(forget_at(until, key, Arc::downgrade(&self.shared)));
            }
        }
        let shared = Arc::clone(&self.shared);
        // from here on, requests find the prompt in memory or start a new synthesis
        drop(self);
        match kept {
            Some((key, true)) => {
                let written = shared.on_disk(key, move |disk| disk.write(&key, &speech));
                match written.await {
                    Some(true) => Warmed::New,
                    _ => Warmed::Lost,
                }
            }
            Some((_, false)) => Warmed::Kept,
            None => Warmed::Lost,
        }
    }

    /// Reads or synthesizes the prompt. Returns what it is kept by and whether it is new to the disk;
    /// nothing where more than one voice had to speak.
    async fn make(
        &mut self,
        keys: &[Key],
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<Option<(Key, bool)>, SynthesisError> {
        let shared = Arc::clone(&self.shared);
        let mut parts = shared.voices.parts(utterance.text.expose());
        let mut spoken_by_others = false;
        let mut failed = none_speaks();
        let voices = || shared.voices.all().enumerate().zip(keys);
        // those that are left alone are asked all the same where no other one speaks
        let mut resting = Vec::new();
        for is_last_resort in [false, true] {
            for ((at, voice), &key) in voices() {
                if is_last_resort && !resting.contains(&at) {
                    continue;
                }
                if self.growth.is_empty()
                    && let Some(samples) = self.kept(key).await
                {
                    self.taken_over_by(voice);
                    samples.into_iter().for_each(|piece| self.add(piece));
                    return Ok(Some((key, false)));
                }
                if !is_last_resort && !voice.admits() {
                    resting.push(at);
                    self.lost
                        .push((voice.name().to_owned(), Fault::Resting.to_string()));
                    continue;
                }
                let utterance = shared.voices.utterance_of(at, utterance);
                let before = self.growth.length();
                let spoken = {
                    let claim = self.claim.clone();
                    let making = &mut *self;
                    let mut deliver = |piece| {
                        making.taken_over_by(voice);
                        making.add(piece);
                    };
                    voice
                        .speak(&mut parts, &utterance, rate_hz, &claim, &mut deliver)
                        .await
                };
                match spoken {
                    Ok(()) => return Ok((!spoken_by_others).then_some((key, true))),
                    // another one may have a voice: nothing is lost
                    Err(error @ SynthesisError::NoVoice(_)) => failed = error,
                    Err(error) => {
                        self.lost.push((voice.name().to_owned(), error.to_string()));
                        failed = error;
                    }
                }
                spoken_by_others |= self.growth.length() > before;
            }
        }
        Err(failed)
    }

    /// The prompt in memory or on disk.
    async fn kept(&self, key: Key) -> Option<Vec<Samples>> {
        let known = self.shared.prompts().memory.get(&key, Instant::now());
        if let Some(speech) = known {
            return Some(speech.to_vec());
        }
        let stored = self.shared.on_disk(key, move |disk| disk.read(&key)).await;
        Some(vec![stored.flatten()?])
    }

    /// Tells of the voices that were lost before this one spoke.
    fn taken_over_by(&mut self, voice: &Voice) {
        for (provider, reason) in mem::take(&mut self.lost) {
            self.growth.lose(Loss {
                provider,
                reason,
                next: voice.name().to_owned(),
            });
        }
    }

    fn add(&self, piece: Samples) {
        self.growth.push(piece);
        self.grow.send_replace(());
    }
}

impl Drop for Making {
    /// Runs however the task ends, so that no follower waits forever and the next request starts a
    /// new synthesis.
    fn drop(&mut self) {
        self.growth.end(Err(SynthesisError::Unavailable(
            "the synthesis was given up".to_owned(),
        )));
        self.shared.prompts().growing.remove(&self.key);
        self.grow.send_replace(());
    }
}

async fn forget_at(until: Instant, key: Key, shared: Weak<Shared>) {
    sleep_until(until).await;
    if let Some(shared) = shared.upgrade() {
        shared.prompts().memory.expire(&key, Instant::now());
    }
}
