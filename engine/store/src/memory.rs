//! Sessions and customers in process: the default if no Redis is configured. They are lost when the
//! process ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
// Tokio's clock, so that tests can pause and advance it
use tokio::time::Instant;

use crate::StoreError;
use crate::keyed::KeyValue;
use crate::keys::{Key, SessionSettings};

/// The most keys kept. A call needs seven, of some 300 bytes each, so this is enough for 50,000
/// calls in about 150 MB. When the store is full, the key that would expire first is dropped.
pub const MAX_KEYS: usize = 350_000;
/// The most bytes of keys and values, with a fixed number for each entry: what an engine holds of
/// callers must not depend on how much somebody puts into an order. Beyond it, too, the key that
/// would expire first is dropped.
pub const MAX_BYTES: usize = 256 << 20;
/// What a key takes besides its texts: the nodes of two maps.
const KEY_BYTES: usize = 160;
/// Separates the texts of a list; neither ids nor single-line JSON contain it.
const NEXT: &str = "\n";

/// The session store in process.
pub struct MemorySessions {
    settings: SessionSettings,
    max_keys: usize,
    max_bytes: usize,
    texts: Mutex<Texts>,
}

impl MemorySessions {
    /// An empty store of at most [`MAX_KEYS`] keys.
    pub fn new(settings: SessionSettings) -> Self {
        Self::with_max_keys(settings, MAX_KEYS)
    }

    /// An empty store of at most `max_keys` keys.
    pub fn with_max_keys(settings: SessionSettings, max_keys: usize) -> Self {
        Self {
            settings,
            max_keys,
            max_bytes: MAX_BYTES,
            texts: Mutex::default(),
        }
    }

    /// The same store with at most so many bytes instead of [`MAX_BYTES`].
    #[cfg(test)]
    fn with_max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Stores a value under a key that is not the engine's, for `lookup`, as other programs do in
    /// Redis.
    pub fn put(&self, key: &str, value: &str) {
        self.keep(key, value.to_owned());
    }

    /// The number of unexpired keys.
    pub fn len(&self) -> usize {
        self.live().by_key.len()
    }

    /// Whether there are no unexpired keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keep(&self, key: &str, value: String) {
        let mut texts = self.live();
        self.keep_in(&mut texts, key, value);
    }

    fn keep_in(&self, texts: &mut Texts, key: &str, value: String) {
        texts.remove(key);
        let bytes = bytes_of(key, &value);
        while texts.by_key.len() >= self.max_keys.max(1)
            || (texts.bytes + bytes > self.max_bytes && !texts.by_key.is_empty())
        {
            texts.remove_first_to_expire();
        }
        texts.insert(key, value, Instant::now() + self.settings.ttl);
    }

    /// Locks the texts after dropping the expired ones.
    fn live(&self) -> MutexGuard<'_, Texts> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.remove_expired(Instant::now());
        texts
    }
}

#[async_trait]
impl KeyValue for MemorySessions {
    const STORE: &'static str = "the in-process session store";

    fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StoreError> {
        Ok(self
            .live()
            .by_key
            .get(&key.text)
            .map(|text| text.value.clone()))
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<String>>, StoreError> {
        let texts = self.live();
        Ok(keys
            .iter()
            .map(|key| texts.by_key.get(&key.text).map(|text| text.value.clone()))
            .collect())
    }

    async fn push(&self, key: &Key, value: String, kept: usize) -> Result<(), StoreError> {
        self.push_here(key, value, kept);
        Ok(())
    }

    async fn list(&self, key: &Key) -> Result<Vec<String>, StoreError> {
        Ok(self
            .get(key)
            .await?
            .map(|text| text.split(NEXT).map(str::to_owned).collect())
            .unwrap_or_default())
    }

    async fn put_all(&self, pairs: &[(Key, String)]) -> Result<(), StoreError> {
        let mut texts = self.live();
        for (key, value) in pairs {
            self.keep_in(&mut texts, &key.text, value.clone());
        }
        Ok(())
    }

    async fn delete(&self, keys: &[Key]) -> Result<u64, StoreError> {
        let mut texts = self.live();
        let before = texts.by_key.len();
        for key in keys {
            texts.remove(&key.text);
        }
        Ok(u64::try_from(before - texts.by_key.len()).unwrap_or_default())
    }

    async fn put_first(&self, key: &Key, value: String) -> Result<String, StoreError> {
        Ok(self.put_first_here(key, value))
    }

    fn put_first_here(&self, key: &Key, value: String) -> String {
        let mut texts = self.live();
        if let Some(first) = texts.by_key.get(&key.text) {
            return first.value.clone();
        }
        self.keep_in(&mut texts, &key.text, value.clone());
        value
    }

    fn push_here(&self, key: &Key, value: String, kept: usize) {
        let mut texts = self.live();
        let older = texts
            .by_key
            .get(&key.text)
            .map(|text| text.value.clone())
            .unwrap_or_default();
        let older = older
            .split(NEXT)
            .filter(|text| !text.is_empty() && *text != value)
            .take(kept.saturating_sub(1));
        let list: Vec<&str> = std::iter::once(value.as_str()).chain(older).collect();
        let list = list.join(NEXT);
        self.keep_in(&mut texts, &key.text, list);
    }

    async fn answers(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// When a text expires. The number orders texts that expire at the same instant, oldest first.
type Expiry = (Instant, u64);

struct Text {
    value: String,
    expiry: Expiry,
}

/// Texts by key, and their keys by expiry. Both always have the same keys.
#[derive(Default)]
struct Texts {
    by_key: HashMap<String, Text>,
    by_expiry: BTreeMap<Expiry, String>,
    written: u64,
    /// What all take.
    bytes: usize,
}

impl Texts {
    fn insert(&mut self, key: &str, value: String, expires: Instant) {
        self.written += 1;
        self.bytes += bytes_of(key, &value);
        let expiry = (expires, self.written);
        self.by_expiry.insert(expiry, key.to_owned());
        self.by_key.insert(key.to_owned(), Text { value, expiry });
    }

    fn remove(&mut self, key: &str) {
        if let Some(text) = self.by_key.remove(key) {
            self.by_expiry.remove(&text.expiry);
            self.bytes -= bytes_of(key, &text.value);
        }
    }

    fn remove_first_to_expire(&mut self) {
        if let Some((_, key)) = self.by_expiry.pop_first()
            && let Some(text) = self.by_key.remove(&key)
        {
            self.bytes -= bytes_of(&key, &text.value);
        }
    }

    fn remove_expired(&mut self, now: Instant) {
        while self
            .by_expiry
            .first_key_value()
            .is_some_and(|((expires, _), _)| *expires <= now)
        {
            self.remove_first_to_expire();
        }
    }
}

/// A key is in both maps.
fn bytes_of(key: &str, value: &str) -> usize {
    2 * key.len() + value.len() + KEY_BYTES
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ghanti_model::{CallId, CallSid};

    use super::*;
    use crate::{Binding, SessionStore};

    fn settings(ttl_s: u64) -> SessionSettings {
        SessionSettings {
            ttl: Duration::from_secs(ttl_s),
            ..SessionSettings::default()
        }
    }

    fn sid(name: &str) -> CallSid {
        CallSid::parse(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_gone_when_its_ttl_is_over() {
        let store = MemorySessions::new(settings(60));
        store
            .bind(
                &sid("a"),
                Binding {
                    call_id: CallId::generate(),
                    order: None,
                },
            )
            .await
            .unwrap();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(store.bound(&sid("a")).await.unwrap().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(store.bound(&sid("a")).await.unwrap(), None);
        assert!(store.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn writing_again_begins_a_new_ttl() {
        let store = MemorySessions::new(settings(60));
        store.put("crm:1", "old");
        tokio::time::advance(Duration::from_secs(40)).await;
        store.put("crm:1", "new");
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(store.lookup("crm:1").await.unwrap().as_deref(), Some("new"));
    }

    #[tokio::test]
    async fn large_orders_do_not_take_more_than_the_store_may_have() {
        let store = MemorySessions::new(settings(60)).with_max_bytes(1 << 20);
        let large = "x".repeat(64 << 10);
        for order in 0..200 {
            store.put(&format!("order-{order}"), &large);
            store.put("small", "kept by being written again");
        }
        assert!(store.live().bytes <= 1 << 20);
        assert_eq!(store.len(), 16, "as many as fit, and the small one");
        assert!(store.lookup("small").await.unwrap().is_some());
        let gone: Vec<String> = (0..200).map(|order| format!("order-{order}")).collect();
        gone.iter().for_each(|order| store.live().remove(order));
        store.live().remove("small");
        assert_eq!(store.live().bytes, 0);
    }

    #[tokio::test]
    async fn a_full_store_gives_up_what_would_expire_first() {
        let store = MemorySessions::with_max_keys(settings(60), 2);
        for name in ["first", "second", "third"] {
            store.put(name, "x");
        }
        assert_eq!(store.len(), 2);
        assert_eq!(store.lookup("first").await.unwrap(), None);
        assert!(store.lookup("third").await.unwrap().is_some());
    }
}
