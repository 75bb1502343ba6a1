//! What one of several engines or calls gets, decided by the database in one statement: to go on with
//! a call whose engine has stopped, and to be the call of a CallSid that Exotel lists.

use ghanti_model::{CallId, CallSid, NodeId};

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::lease::LEASE;

// one whose node died before its event was stored goes to the next
const RESUME: &str = "INSERT INTO resumptions (call_id, nth, node, claimed_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (call_id, nth) DO UPDATE SET node = excluded.node, claimed_ms = excluded.claimed_ms WHERE resumptions.node = excluded.node \
     OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.node = resumptions.node AND nodes.lease_until_ms > excluded.claimed_ms)";
const FIND: &str = "INSERT INTO found_calls (call_sid, call_id, found_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (call_sid) DO UPDATE SET found_ms = excluded.found_ms WHERE found_calls.call_id = excluded.call_id";
const FORGET_FOUND: &str = "DELETE FROM found_calls WHERE found_ms < $1";

/// For how long it is kept which call a CallSid was found for, in milliseconds: a day. By then the
/// call's record has its CallSid.
const FOUND_KEPT_MS: u64 = 24 * 3_600_000;

impl SqlRecords {
    pub(super) async fn claim_to_resume(
        &self,
        call: CallId,
        nth: u32,
        node: NodeId,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        // whose own renewals are late would lose the call at once to the next that asks
        let lease_ms = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        self.renew(node, now_ms, now_ms.saturating_add(lease_ms))
            .await?;
        let (call, node, now_ms) = (call.to_string(), node.to_string(), stored_ms(now_ms));
        writing!(self, pool => async {
            let claim = sqlx::query(RESUME).bind(&call).bind(i64::from(nth)).bind(&node).bind(now_ms);
            Ok(claim.execute(pool).await?.rows_affected() == 1)
        })
    }

    pub(super) async fn claim_found(
        &self,
        sid: &CallSid,
        call: CallId,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let (call, expired) = (call.to_string(), now_ms.saturating_sub(FOUND_KEPT_MS));
        writing!(self, pool => async {
            sqlx::query(FORGET_FOUND).bind(stored_ms(expired)).execute(pool).await?;
            let claim = sqlx::query(FIND).bind(sid.as_str()).bind(&call).bind(stored_ms(now_ms));
            Ok(claim.execute(pool).await?.rows_affected() == 1)
        })
    }
}
