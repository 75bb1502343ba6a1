//! The session store over anything that keeps texts under keys. Redis and the in-process store differ in [`KeyValue`] alone, so that keys,
//! values and meanings cannot drift apart.

use async_trait::async_trait;
use samvaad_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{Key, SessionSettings};
use crate::{SessionStore, StoreError};

/// Texts under keys, each with the TTL of the settings. Every function is bounded by [`crate::DEADLINE`].
#[async_trait]
pub(crate) trait KeyValue: Send + Sync {
    /// What errors call it.
    const STORE: &'static str;

    /// Prefix and TTL.
    fn settings(&self) -> &SessionSettings;

    /// The text of a key.
    async fn get(&self, key: &Key) -> Result<Option<String>, StoreError>;

    /// Writes all pairs or none; what was there is replaced.
    async fn put_all(&self, pairs: &[(Key, String)]) -> Result<(), StoreError>;

    /// Writes where nothing is yet. Returns what is there afterwards.
    async fn put_first(&self, key: &Key, value: String) -> Result<String, StoreError>;

    /// Whether it answers.
    async fn answers(&self) -> Result<(), StoreError>;
}

/// Keeps a customer's record under its call alone: the number's newest record stays what it was.
pub(crate) async fn put_by_call<T: KeyValue>(store: &T, customer: &CustomerRecord) -> Result<(), StoreError> {
    let key = store.settings().customer(customer.call_id);
    let record = written::<T>(&key, customer)?;
    store.put_all(&[(key, record)]).await
}

#[async_trait]
impl<T: KeyValue> SessionStore for T {
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError> {
        let by_call = self.settings().customer(customer.call_id);
        let by_phone = self.settings().phone(&customer.phone);
        let record = written::<T>(&by_call, customer)?;
        self.put_all(&[(by_call, record), (by_phone, customer.call_id.to_string())]).await
    }

    async fn customer_by_call(&self, call: CallId) -> Result<Option<CustomerRecord>, StoreError> {
        let key = self.settings().customer(call);
        self.get(&key).await?.map(|text| read::<T, _>(&key, &text)).transpose()
    }

    async fn customer_by_phone(&self, phone: &PhoneNumber) -> Result<Option<CustomerRecord>, StoreError> {
        let key = self.settings().phone(phone);
        match self.get(&key).await? {
            Some(text) => self.customer_by_call(call_id::<T>(&key, &text)?).await,
            None => Ok(None),
        }
    }

    async fn bind(&self, sid: &CallSid, call: CallId) -> Result<CallId, StoreError> {
        let key = self.settings().sid(sid);
        let bound = self.put_first(&key, call.to_string()).await?;
        call_id::<T>(&key, &bound)
    }

    async fn bound(&self, sid: &CallSid) -> Result<Option<CallId>, StoreError> {
        let key = self.settings().sid(sid);
        self.get(&key).await?.map(|text| call_id::<T>(&key, &text)).transpose()
    }

    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError> {
        let key = self.settings().decision(sid);
        let text = written::<T>(&key, decision)?;
        self.put_all(&[(key, text)]).await
    }

    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError> {
        let key = self.settings().decision(sid);
        self.get(&key).await?.map(|text| read::<T, _>(&key, &text)).transpose()
    }

    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError> {
        // the gate refuses them before, by the default prefix; here the prefix is known
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

fn unreadable<S: KeyValue>(key: &Key, reason: String) -> StoreError {
    StoreError::Unreadable { store: S::STORE, key: key.shown.clone(), reason }
}

/// Where the JSON is wrong, and how. serde's own message may quote a stored value, and a stored value may be personal.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let fault = match error.classify() {
        Category::Io | Category::Syntax => "not JSON",
        Category::Eof => "JSON cut short",
        Category::Data => "JSON of another form",
    };
    format!("{fault}, line {} column {}", error.line(), error.column())
}
