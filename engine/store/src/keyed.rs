//! The session store on top of any key-value store. Redis and the in-process store differ only in
//! [`KeyValue`], so that keys, values and their meaning cannot diverge.

use async_trait::async_trait;
use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::binding::{Binding, Claimant, Order, Sighting};
use crate::keys::{Key, SessionSettings};
use crate::sessions::{ORDERS_OF_A_NUMBER, SIGHTINGS_OF_A_CALL};
use crate::{SessionStore, StoreError};

/// Keys that are deleted by one command.
const DELETED_AT_ONCE: usize = 500;

/// A key-value store of texts, each with the TTL of the settings. Every function takes at most
/// [`crate::DEADLINE`].
#[async_trait]
pub(crate) trait KeyValue: Send + Sync {
    /// The store's name in errors.
    const STORE: &'static str;

    /// The key prefix and TTL.
    fn settings(&self) -> &SessionSettings;

    /// The text under a key.
    async fn get(&self, key: &Key) -> Result<Option<String>, StoreError>;

    /// The texts under several keys, in the same order.
    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<String>>, StoreError>;

    /// Writes all pairs or none, replacing existing texts.
    async fn put_all(&self, pairs: &[(Key, String)]) -> Result<(), StoreError>;

    /// Puts a text at the front of a list and keeps the first `kept`. A text that is in the list
    /// already is moved, so that none occurs twice.
    async fn push(&self, key: &Key, value: String, kept: usize) -> Result<(), StoreError>;

    /// The texts of a list, newest first; empty if there is no list.
    async fn list(&self, key: &Key) -> Result<Vec<String>, StoreError>;

    /// Writes a text unless the key exists. Returns the text that is there afterwards.
    async fn put_first(&self, key: &Key, value: String) -> Result<String, StoreError>;

    /// Deletes keys. Returns how many there were.
    async fn delete(&self, keys: &[Key]) -> Result<u64, StoreError>;

    /// Like [`KeyValue::put_first`], but at once. A store outside this process returns `value`.
    fn put_first_here(&self, _key: &Key, value: String) -> String {
        value
    }

    /// Like [`KeyValue::push`], but at once. A store outside this process does nothing.
    fn push_here(&self, _key: &Key, _value: String, _kept: usize) {}

    /// Whether the store answers.
    async fn answers(&self) -> Result<(), StoreError>;
}

/// Stores a customer's record under its call id only, so that it is not found by its number.
pub(crate) async fn put_by_call<T: KeyValue>(
    store: &T,
    customer: &CustomerRecord,
) -> Result<(), StoreError> {
    let key = store.settings().customer(customer.call_id);
    let record = written::<T>(&key, customer)?;
    store.put_all(&[(key, record)]).await
}

/// Binds a CallSid, replacing any earlier binding.
pub(crate) async fn rebind<T: KeyValue>(
    store: &T,
    sid: &CallSid,
    binding: Binding,
) -> Result<(), StoreError> {
    store
        .put_all(&[(store.settings().sid(sid), binding.to_string())])
        .await
}

#[async_trait]
impl<T: KeyValue> SessionStore for T {
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError> {
        put_by_call(self, customer).await?;
        let orders = self.settings().orders(&customer.phone);
        self.push(&orders, customer.call_id.to_string(), ORDERS_OF_A_NUMBER)
            .await
    }

    async fn customer_by_call(&self, order: CallId) -> Result<Option<CustomerRecord>, StoreError> {
        let key = self.settings().customer(order);
        self.get(&key)
            .await?
            .map(|text| read::<T, _>(&key, &text))
            .transpose()
    }

    async fn orders_of(&self, phone: &PhoneNumber) -> Result<Vec<Order>, StoreError> {
        let settings = self.settings();
        let mut ids = Vec::new();
        for key in settings.all_orders(phone) {
            for text in self.list(&key).await? {
                let id = call_id::<T>(&key, &text)?;
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = ids
            .iter()
            .flat_map(|id| [settings.customer(*id), settings.held(*id)])
            .collect();
        let texts = self.get_all(&keys).await?;
        let mut orders = Vec::with_capacity(ids.len());
        for (keys, texts) in keys.chunks(2).zip(texts.chunks(2)) {
            if let ([key, _], [Some(record), held]) = (keys, texts) {
                orders.push(Order {
                    customer: read::<T, _>(key, record)?,
                    held: held.is_some(),
                });
            }
        }
        Ok(orders)
    }

    async fn hold(&self, order: CallId) -> Result<(), StoreError> {
        self.put_all(&[(self.settings().held(order), "held".to_owned())])
            .await
    }

    async fn claim(&self, order: CallId, claimant: Claimant<'_>) -> Result<bool, StoreError> {
        let name = claimant.to_string();
        Ok(self
            .put_first(&self.settings().claim(order), name.clone())
            .await?
            == name)
    }

    fn claim_here(&self, order: CallId, claimant: Claimant<'_>) -> bool {
        let name = claimant.to_string();
        self.put_first_here(&self.settings().claim(order), name.clone()) == name
    }

    fn see_here(&self, sid: &CallSid, sighting: &Sighting) {
        let key = self.settings().seen(sid);
        if let Ok(text) = written::<T>(&key, sighting) {
            self.push_here(&key, text, SIGHTINGS_OF_A_CALL);
        }
    }

    async fn see(&self, sid: &CallSid, sighting: &Sighting) -> Result<(), StoreError> {
        let key = self.settings().seen(sid);
        let text = written::<T>(&key, sighting)?;
        self.push(&key, text, SIGHTINGS_OF_A_CALL).await
    }

    async fn sightings(&self, sid: &CallSid) -> Result<Vec<Sighting>, StoreError> {
        let key = self.settings().seen(sid);
        self.list(&key)
            .await?
            .iter()
            .map(|text| read::<T, _>(&key, text))
            .collect()
    }

    async fn bind(&self, sid: &CallSid, binding: Binding) -> Result<Binding, StoreError> {
        let key = self.settings().sid(sid);
        let bound = self.put_first(&key, binding.to_string()).await?;
        read_binding::<T>(&key, &bound)
    }

    fn bind_here(&self, sid: &CallSid, binding: Binding) -> Binding {
        let bound = self.put_first_here(&self.settings().sid(sid), binding.to_string());
        Binding::parse(&bound).unwrap_or(binding)
    }

    async fn bound(&self, sid: &CallSid) -> Result<Option<Binding>, StoreError> {
        let key = self.settings().sid(sid);
        self.get(&key)
            .await?
            .map(|text| read_binding::<T>(&key, &text))
            .transpose()
    }

    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError> {
        let key = self.settings().decision(sid);
        let text = written::<T>(&key, decision)?;
        self.put_all(&[(key, text)]).await
    }

    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError> {
        let key = self.settings().decision(sid);
        self.get(&key)
            .await?
            .map(|text| read::<T, _>(&key, &text))
            .transpose()
    }

    async fn erase(
        &self,
        phone: &PhoneNumber,
        calls: &[CallId],
        sids: &[CallSid],
    ) -> Result<u64, StoreError> {
        let settings = self.settings();
        let mut keys = settings.all_orders(phone);
        let mut ids = Vec::new();
        for orders in &keys {
            ids.extend(self.list(orders).await?);
        }
        let ordered = ids.iter().filter_map(|text| CallId::parse(text));
        for call in ordered.chain(calls.iter().copied()) {
            keys.extend([
                settings.customer(call),
                settings.held(call),
                settings.claim(call),
            ]);
        }
        for sid in sids {
            keys.extend([settings.seen(sid), settings.decision(sid)]);
        }
        let mut erased = 0;
        for keys in keys.chunks(DELETED_AT_ONCE) {
            erased += self.delete(keys).await?;
        }
        Ok(erased)
    }

    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError> {
        // the gate refuses the engine's keys already, but only with the default prefix
        if self.settings().owns(key) {
            return Ok(None);
        }
        self.get(&Key::foreign(key)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}

fn written<S: KeyValue>(key: &Key, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable::<S>(key, json_fault(&error)))
}

fn read<S: KeyValue, V: DeserializeOwned>(key: &Key, text: &str) -> Result<V, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable::<S>(key, json_fault(&error)))
}

fn call_id<S: KeyValue>(key: &Key, text: &str) -> Result<CallId, StoreError> {
    CallId::parse(text).ok_or_else(|| unreadable::<S>(key, "not a call id".to_owned()))
}

fn read_binding<S: KeyValue>(key: &Key, text: &str) -> Result<Binding, StoreError> {
    Binding::parse(text).ok_or_else(|| unreadable::<S>(key, "no call id".to_owned()))
}

fn unreadable<S: KeyValue>(key: &Key, reason: String) -> StoreError {
    StoreError::Unreadable {
        store: S::STORE,
        key: key.shown.clone(),
        reason,
    }
}

/// Where and how JSON is invalid. serde's own message may quote the stored value, which may be
/// personal data.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let fault = match error.classify() {
        Category::Io | Category::Syntax => "not JSON",
        Category::Eof => "JSON cut short",
        Category::Data => "JSON of another form",
    };
    format!("{fault}, line {} column {}", error.line(), error.column())
}
