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
