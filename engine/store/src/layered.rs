//! Sessions in Redis, with a copy near: a call that this process has seen is found again even while Redis is away.

use async_trait::async_trait;
use samvaad_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};

use crate::keyed::put_by_call;
use crate::{MemorySessions, RedisSessions, SessionStore, StoreError};

/// Two stores as one. What is written goes to both, and counts as stored when the near one has it and the far one failed: the error is told
/// in the log. What belongs to one call (its record, its binding, its decision) is read near first; a number's newest record may have been
/// written by another engine, so it is read far first.
pub struct LayeredSessions {
    near: MemorySessions,
    far: RedisSessions,
}

impl LayeredSessions {
    /// Puts a near store before a far one.
    pub fn new(near: MemorySessions, far: RedisSessions) -> Self {
        Self { near, far }
    }
}

fn tolerate(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(%error, "kept in this process alone: other engines will not find it");
    }
}

#[async_trait]
impl SessionStore for LayeredSessions {
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError> {
        self.near.put_customer(customer).await?;
        tolerate(self.far.put_customer(customer).await);
        Ok(())
    }

    async fn customer_by_call(&self, call: CallId) -> Result<Option<CustomerRecord>, StoreError> {
        match self.near.customer_by_call(call).await? {
            Some(customer) => Ok(Some(customer)),
            None => {
                let found = self.far.customer_by_call(call).await?;
                if let Some(customer) = &found {
                    put_by_call(&self.near, customer).await?;
                }
                Ok(found)
            }
        }
    }

    async fn customer_by_phone(&self, phone: &PhoneNumber) -> Result<Option<CustomerRecord>, StoreError> {
        match self.far.customer_by_phone(phone).await {
            Ok(Some(customer)) => {
                self.near.put_customer(&customer).await?;
                Ok(Some(customer))
            }
            Ok(None) => self.near.customer_by_phone(phone).await,
            Err(error) => match self.near.customer_by_phone(phone).await? {
                Some(customer) => Ok(Some(customer)),
                None => Err(error),
            },
        }
    }

    async fn bind(&self, sid: &CallSid, call: CallId) -> Result<CallId, StoreError> {
        match self.far.bind(sid, call).await {
            Ok(bound) => self.near.bind(sid, bound).await,
            Err(error) => {
                tolerate(Err(error));
                self.near.bind(sid, call).await
            }
        }
    }

    async fn bound(&self, sid: &CallSid) -> Result<Option<CallId>, StoreError> {
        match self.near.bound(sid).await? {
            Some(call) => Ok(Some(call)),
            None => self.far.bound(sid).await,
        }
    }

    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError> {
        self.near.put_decision(sid, decision).await?;
        tolerate(self.far.put_decision(sid, decision).await);
        Ok(())
    }

    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError> {
        match self.near.decision(sid).await? {
            Some(decision) => Ok(Some(decision)),
            None => self.far.decision(sid).await,
        }
    }

    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.far.lookup(key).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.far.ping().await
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::SessionSettings;
    use crate::testing::RedisServer;

    fn customer(phone: &str) -> CustomerRecord {
        CustomerRecord { call_id: CallId::generate(), phone: PhoneNumber::parse(phone).unwrap(), flow: None, fields: BTreeMap::new() }
    }

    async fn layered(url: &str) -> LayeredSessions {
        let settings = SessionSettings::default();
        LayeredSessions::new(MemorySessions::new(settings.clone()), RedisSessions::connect(url, settings).await.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_that_was_seen_here_is_found_while_redis_is_away() {
        let mut redis = RedisServer::start();
        let store = layered(&redis.url()).await;
        let (customer, sid) = (customer("9876500001"), CallSid::parse("sid1").unwrap());
        store.put_customer(&customer).await.unwrap();
        store.bind(&sid, customer.call_id).await.unwrap();
        redis.kill();
        assert_eq!(store.bound(&sid).await.unwrap(), Some(customer.call_id));
        assert_eq!(store.customer_by_call(customer.call_id).await.unwrap(), Some(customer.clone()));
        assert_eq!(store.customer_by_phone(&customer.phone).await.unwrap(), Some(customer));
        store.put_decision(&sid, &Decision::HangUp).await.unwrap();
        assert_eq!(store.decision(&sid).await.unwrap(), Some(Decision::HangUp));
        assert!(store.ping().await.is_err(), "whoever asks is told that Redis is away");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_number_has_the_newest_record_of_any_engine() {
        let redis = RedisServer::start();
        let (here, there) = (layered(&redis.url()).await, layered(&redis.url()).await);
        let (older, newer) = (customer("9876500001"), customer("+919876500001"));
        here.put_customer(&older).await.unwrap();
        there.put_customer(&newer).await.unwrap();
        assert_eq!(here.customer_by_phone(&older.phone).await.unwrap(), Some(newer));
        assert_eq!(here.customer_by_call(older.call_id).await.unwrap(), Some(older));
    }
}
