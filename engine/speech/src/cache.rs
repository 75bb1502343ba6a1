//! The prompt cache: a prompt spoken once is then played from memory or disk.
//!
//! A prompt comes from memory, else from disk, else from the synthesizer. Concurrent calls for the
//! same prompt share one synthesis and play it while it is produced. Only complete prompts are
//! kept. Disk errors are logged and never cost a call its prompt. Personal prompts
//! ([`Keep::Personal`]) are never written to disk.

mod audio;
mod disk;
mod key;
mod memory;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

pub use self::audio::PromptAudio;
use self::audio::{Follower, Growth};
use self::disk::Disk;
use self::key::Key;
use self::memory::Memory;
use crate::synthesis::{Samples, SynthesisError, Synthesizer, Utterance};

/// How long a personal prompt stays in memory: long enough to be synthesized while the caller is
/// still speaking, or to be repeated when they ask for it.
const PERSONAL_KEPT: Duration = Duration::from_secs(60);

/// How long to wait for the synthesizer's next piece. Providers have their own deadlines; this one
/// does not depend on them.
const PIECE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// A synthesizer with a cache. Clones share it. Its methods need a Tokio runtime.
#[derive(Clone)]
pub struct PromptCache {
    shared: Arc<Shared>,
}

struct Shared {
    synthesizer: Arc<dyn Synthesizer>,
    disk: Option<Disk>,
    prompts: Mutex<Prompts>,
}

struct Prompts {
    memory: Memory,
    /// Prompts being read or synthesized.
    growing: HashMap<Key, Growing>,
}

struct Growing {
    growth: Arc<Growth>,
    grown: watch::Receiver<()>,
}

impl PromptCache {
    /// An empty cache in front of a synthesizer. The folder is not accessed before the first
    /// prompt.
    pub fn new(synthesizer: Arc<dyn Synthesizer>, settings: CacheSettings) -> Self {
        let prompts = Prompts {
            memory: Memory::new(settings.memory_bytes),
            growing: HashMap::new(),
        };
        let disk = settings
            .folder
            .map(|folder| Disk::new(folder, settings.disk_bytes));
        Self {
            shared: Arc::new(Shared {
                synthesizer,
                disk,
                prompts: Mutex::new(prompts),
            }),
        }
    }

    /// The audio of an utterance at `rate_hz`. Returns immediately; audio that is not in memory
    /// streams in while it is read or synthesized.
    pub fn fetch(&self, utterance: &Utterance, rate_hz: u32, keep: Keep) -> PromptAudio {
        let name = self.shared.synthesizer.name_for(utterance);
        let key = Key::new(name, utterance, rate_hz, keep);
        let mut prompts = self.shared.prompts();
        if let Some(speech) = prompts.memory.get(&key, Instant::now()) {
            return PromptAudio::whole(speech);
        }
        if let Some(growing) = prompts.growing.get(&key) {
            return PromptAudio::growing(Follower::new(&growing.growth, growing.grown.clone()));
        }
        let (grow, grown) = watch::channel(());
        let growth = Arc::<Growth>::default();
        let audio = PromptAudio::growing(Follower::new(&growth, grown.clone()));
        prompts.growing.insert(
            key,
            Growing {
                growth: Arc::clone(&growth),
                grown,
            },
        );
        drop(prompts);
        tokio::spawn(
            Making {
                shared: Arc::clone(&self.shared),
                key,
                growth,
                grow,
            }
            .run(utterance.clone(), rate_hz),
        );
        audio
    }

    /// Loads shared prompts before a call needs them, one at a time so that calls take precedence.
    /// All are tried; the first failure is returned.
    pub async fn prewarm(
        &self,
        utterances: &[Utterance],
        rate_hz: u32,
    ) -> Result<(), SynthesisError> {
        let mut outcome = Ok(());
        for utterance in utterances {
            let mut audio = self.fetch(utterance, rate_hz, Keep::Shared);
            while let Some(piece) = audio.next().await {
                outcome = outcome.and(piece.map(|_| ()));
            }
        }
        outcome
    }

    /// Bytes of samples currently in memory.
    pub fn memory_bytes(&self) -> usize {
        self.shared.prompts().memory.held_bytes()
    }
}

impl Shared {
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
    key: Key,
    growth: Arc<Growth>,
    grow: watch::Sender<()>,
}

impl Making {
    async fn run(self, utterance: Utterance, rate_hz: u32) {
        let key = self.key;
        let stored = self
            .shared
            .on_disk(key, move |disk| disk.read(&key))
            .await
            .flatten();
        let is_new = stored.is_none();
        let made = match stored {
            Some(samples) => {
                self.add(samples);
                Ok(())
            }
            None => self.synthesize(&utterance, rate_hz).await,
        };
        let whole = made.is_ok();
        let speech = self.growth.speech();
        self.growth.end(made);
        if whole {
            let until = (key.keep == Keep::Personal).then(|| Instant::now() + PERSONAL_KEPT);
            self.shared
                .prompts()
                .memory
                .insert(key, Arc::clone(&speech), until);
            if let Some(until) = until {
                tokio::spawn(forget_at(until, key, Arc::downgrade(&self.shared)));
            }
        }
        let shared = Arc::clone(&self.shared);
        // from here on, requests find the prompt in memory or start a new synthesis
        drop(self);
        if whole && is_new {
            shared
                .on_disk(key, move |disk| disk.write(&key, &speech))
                .await;
        }
    }

    async fn synthesize(&self, utterance: &Utterance, rate_hz: u32) -> Result<(), SynthesisError> {
        let too_slow = |_| {
            SynthesisError::TooSlow(u64::try_from(PIECE_TIMEOUT.as_millis()).unwrap_or(u64::MAX))
        };
        let synthesis = self.shared.synthesizer.synthesize(utterance, rate_hz);
        let mut pieces = timeout(PIECE_TIMEOUT, synthesis)
            .await
            .map_err(too_slow)??;
        while let Some(piece) = timeout(PIECE_TIMEOUT, pieces.recv())
            .await
            .map_err(too_slow)?
        {
            self.add(piece?);
        }
        Ok(())
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
