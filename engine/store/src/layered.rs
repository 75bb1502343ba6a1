//! Sessions in Redis with a copy in process, so that calls seen by this process are found even
//! while Redis is down.

use async_trait::async_trait;
use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};

use crate::binding::{Binding, Claimant, Order, Sighting};
use crate::keyed::{put_by_call, rebind};
use crate::{MemorySessions, RedisSessions, SessionStore, StoreError, StoreMeter};

/// The in-process store in front of Redis.
///
/// Writes go to both. A write that fails in Redis only is logged and counts as stored. What belongs
/// to one call (its record, binding and decision) is read in process first. The orders of a number
/// may have been stored by another node, so the in-process store cannot know all of them: while
/// Redis is down, reading them is an error.
pub struct LayeredSessions {
    near: MemorySessions,
    far: RedisSessions,
}

impl LayeredSessions {
    /// Puts `near`, the in-process store, in front of `far`.
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

    async fn orders_of(&self, phone: &PhoneNumber) -> Result<Vec<Order>, StoreError> {
        let mut orders = self.far.orders_of(phone).await?;
        for near in self.near.orders_of(phone).await? {
            match orders
                .iter_mut()
                .find(|order| order.customer.call_id == near.customer.call_id)
            {
                Some(order) => order.held |= near.held,
                // stored while Redis was down
                None => orders.push(near),
            }
        }
        Ok(orders)
    }

    async fn hold(&self, order: CallId) -> Result<(), StoreError> {
        self.near.hold(order).await?;
        tolerate(self.far.hold(order).await);
        Ok(())
    }

    async fn claim(&self, order: CallId, claimant: Claimant<'_>) -> Result<bool, StoreError> {
        if !self.near.claim_here(order, claimant) {
            return Ok(false);
        }
        Ok(self
            .far
            .claim(order, claimant)
            .await
            .unwrap_or_else(|error| {
                tolerate(Err(error));
                true
            }))
    }

    fn claim_here(&self, order: CallId, claimant: Claimant<'_>) -> bool {
        self.near.claim_here(order, claimant)
    }

    fn see_here(&self, sid: &CallSid, sighting: &Sighting) {
        self.near.see_here(sid, sighting);
    }

    async fn see(&self, sid: &CallSid, sighting: &Sighting) -> Result<(), StoreError> {
        self.near.see(sid, sighting).await?;
        tolerate(self.far.see(sid, sighting).await);
        Ok(())
    }

    async fn sightings(&self, sid: &CallSid) -> Result<Vec<Sighting>, StoreError> {
        let mut seen = self.near.sightings(sid).await?;
        if seen.iter().all(|sighting| sighting.orders.is_empty()) {
            // a request to another node may have named the order
            let far = self.far.sightings(sid).await?;
            seen.extend(
                far.into_iter()
                    .filter(|sighting| !sighting.orders.is_empty()),
            );
        }
        Ok(seen)
    }

    async fn bind(&self, sid: &CallSid, binding: Binding) -> Result<Binding, StoreError> {
        let here = self.near.bind_here(sid, binding);
        match self.far.bind(sid, here).await {
            Ok(bound) => {
                if bound != here {
                    rebind(&self.near, sid, bound).await?;
                }
                Ok(bound)
            }
            Err(error) => {
                tolerate(Err(error));
                Ok(here)
            }
        }
    }

    fn bind_here(&self, sid: &CallSid, binding: Binding) -> Binding {
        self.near.bind_here(sid, binding)
    }

    async fn bound(&self, sid: &CallSid) -> Result<Option<Binding>, StoreError> {
        match self.near.bound(sid).await? {
            Some(binding) => Ok(Some(binding)),
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

    /// Unlike other writes, one that fails in Redis fails: what was to be erased is still there.
    async fn erase(
        &self,
        phone: &PhoneNumber,
        calls: &[CallId],
        sids: &[CallSid],
    ) -> Result<u64, StoreError> {
        let far = self.far.erase(phone, calls, sids).await?;
        Ok(far + self.near.erase(phone, calls, sids).await?)
    }

    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError> {
        // other programs write these keys, and only to Redis
        self.far.lookup(key).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.far.ping().await
    }

    fn meter(&self) -> Option<&StoreMeter> {
        Some(self.far.failed())
    }
}
