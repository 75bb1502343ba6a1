//! A session store like Redis with an in-process copy, whose Redis can be made to hang.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};
use ghanti_store::{
    Binding, Claimant, MemorySessions, Order, SessionSettings, SessionStore, Sighting, StoreError,
};

/// The in-process copy answers at once; everything else waits for Redis.
pub struct Silent {
    near: MemorySessions,
    hangs: AtomicBool,
}

impl Default for Silent {
    fn default() -> Self {
        Self {
            near: MemorySessions::new(SessionSettings::default()),
            hangs: AtomicBool::new(false),
        }
    }
}

impl Silent {
    pub fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    async fn redis(&self) {
        if self.hangs.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl SessionStore for Silent {
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError> {
        self.near.put_customer(customer).await
    }

    async fn customer_by_call(&self, order: CallId) -> Result<Option<CustomerRecord>, StoreError> {
        let near = self.near.customer_by_call(order).await?;
        if near.is_none() {
            self.redis().await;
        }
        Ok(near)
    }

    async fn orders_of(&self, phone: &PhoneNumber) -> Result<Vec<Order>, StoreError> {
        self.redis().await;
        self.near.orders_of(phone).await
    }

    async fn hold(&self, order: CallId) -> Result<(), StoreError> {
        self.near.hold(order).await
    }

    async fn claim(&self, order: CallId, claimant: Claimant<'_>) -> Result<bool, StoreError> {
        let is_ours = self.near.claim_here(order, claimant);
        self.redis().await;
        Ok(is_ours)
    }

    fn claim_here(&self, order: CallId, claimant: Claimant<'_>) -> bool {
        self.near.claim_here(order, claimant)
    }

    fn see_here(&self, sid: &CallSid, sighting: &Sighting) {
        self.near.see_here(sid, sighting);
    }

    async fn see(&self, sid: &CallSid, sighting: &Sighting) -> Result<(), StoreError> {
        self.near.see(sid, sighting).await
    }

    async fn sightings(&self, sid: &CallSid) -> Result<Vec<Sighting>, StoreError> {
        let near = self.near.sightings(sid).await?;
        if near.iter().all(|sighting| sighting.orders.is_empty()) {
            self.redis().await;
        }
        Ok(near)
    }

    async fn bind(&self, sid: &CallSid, binding: Binding) -> Result<Binding, StoreError> {
        let bound = self.near.bind_here(sid, binding);
        self.redis().await;
        Ok(bound)
    }

    fn bind_here(&self, sid: &CallSid, binding: Binding) -> Binding {
        self.near.bind_here(sid, binding)
    }

    async fn bound(&self, sid: &CallSid) -> Result<Option<Binding>, StoreError> {
        let near = self.near.bound(sid).await?;
        if near.is_none() {
            self.redis().await;
        }
        Ok(near)
    }

    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError> {
        self.near.put_decision(sid, decision).await
    }

    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError> {
        self.near.decision(sid).await
    }

    async fn erase(
        &self,
        phone: &PhoneNumber,
        calls: &[CallId],
        sids: &[CallSid],
    ) -> Result<u64, StoreError> {
        self.near.erase(phone, calls, sids).await
    }

    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.near.lookup(key).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis().await;
        Ok(())
    }
}
