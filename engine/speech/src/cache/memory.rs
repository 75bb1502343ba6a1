//! Prompts in memory: the least recently played are evicted first.

use hashlink::LruCache;
use tokio::time::Instant;

use super::audio::Speech;
use super::key::Key;

/// A cache bounded by the bytes of its samples.
pub(super) struct Memory {
    limit_bytes: usize,
    held_bytes: usize,
    prompts: LruCache<Key, Held>,
}

struct Held {
    speech: Speech,
    /// When a personal prompt expires.
    until: Option<Instant>,
    /// Whether it was spoken ahead, and nobody has asked for it yet.
    is_ahead: bool,
}

impl Memory {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            held_bytes: 0,
            prompts: LruCache::new_unbounded(),
        }
    }

    /// Looks up a prompt and marks it as played.
    pub(super) fn get(&mut self, key: &Key, now: Instant) -> Option<Speech> {
        let held = self.prompts.get(key)?;
        held.until
            .is_none_or(|until| now < until)
            .then(|| held.speech.clone())
    }

    /// Whether a prompt is there, without marking it as played.
    pub(super) fn has(&self, key: &Key, now: Instant) -> bool {
        let held = self.prompts.peek(key);
        held.is_some_and(|held| held.until.is_none_or(|until| now < until))
    }

    /// Whether a prompt was spoken ahead and is asked for now for the first time.
    pub(super) fn is_first_use(&mut self, key: &Key) -> bool {
        let held = self.prompts.get_mut(key);
        held.is_some_and(|held| std::mem::take(&mut held.is_ahead))
    }

    /// Adds a complete prompt, unless it exceeds the whole limit. `is_ahead` says that it was spoken
    /// ahead, and nobody has asked for it yet.
    pub(super) fn insert(
        &mut self,
        key: Key,
        speech: Speech,
        until: Option<Instant>,
        is_ahead: bool,
    ) {
        let bytes = bytes_of(&speech);
        if bytes > self.limit_bytes {
            return;
        }
        self.held_bytes += bytes;
        if let Some(replaced) = self.prompts.insert(
            key,
            Held {
                speech,
                until,
                is_ahead,
            },
        ) {
            self.held_bytes -= bytes_of(&replaced.speech);
        }
        while self.held_bytes > self.limit_bytes
            && let Some((_, oldest)) = self.prompts.remove_lru()
        {
            self.held_bytes -= bytes_of(&oldest.speech);
        }
    }

    /// Removes a prompt that has expired; one that was inserted again meanwhile stays.
    pub(super) fn expire(&mut self, key: &Key, now: Instant) {
        let over = self
            .prompts
            .peek(key)
            .is_some_and(|held| held.until.is_some_and(|until| until <= now));
        if let Some(held) = over.then(|| self.prompts.remove(key)).flatten() {
            self.held_bytes -= bytes_of(&held.speech);
        }
    }

    /// Bytes of samples currently held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

fn bytes_of(speech: &Speech) -> usize {
    speech.iter().map(|piece| size_of_val::<[i16]>(piece)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ghanti_model::Language;

    use super::*;
    use crate::cache::Keep;
    use crate::synthesis::Utterance;

    fn key(text: &str) -> Key {
        Key::new(
            "double",
            "",
            &Utterance {
                text: text.into(),
                language: Language::english(),
                voice: None,
            },
            8_000,
            Keep::Shared,
        )
    }

    fn speech(samples: usize) -> Speech {
        Arc::from([Arc::from(vec![7i16; samples])])
    }

    #[tokio::test]
    async fn the_least_recently_played_goes_first() {
        let now = Instant::now();
        let mut memory = Memory::new(600);
        memory.insert(key("a"), speech(100), None, false);
        memory.insert(key("b"), speech(100), None, false);
        memory.insert(key("c"), speech(100), None, false);
        memory.get(&key("a"), now);
        memory.insert(key("d"), speech(100), None, false);
        let held: Vec<bool> = ["a", "b", "c", "d"]
            .iter()
            .map(|text| memory.get(&key(text), now).is_some())
            .collect();
        assert_eq!(held, [true, false, true, true]);
        assert_eq!(memory.held_bytes(), 600);
    }

    #[tokio::test]
    async fn one_prompt_never_empties_the_memory() {
        let mut memory = Memory::new(600);
        memory.insert(key("a"), speech(100), None, false);
        memory.insert(key("long"), speech(1_000), None, false);
        assert!(memory.get(&key("a"), Instant::now()).is_some());
        assert!(memory.get(&key("long"), Instant::now()).is_none());
    }

    #[tokio::test]
    async fn replacing_a_prompt_counts_it_once() {
        let mut memory = Memory::new(600);
        memory.insert(key("a"), speech(100), None, false);
        memory.insert(key("a"), speech(200), None, false);
        assert_eq!(memory.held_bytes(), 400);
    }
}
