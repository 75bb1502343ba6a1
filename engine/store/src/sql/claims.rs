//! What one of several engines gets, decided by the database in one statement: to go on with a call
//! whose engine has stopped.

use ghanti_model::{CallId, NodeId};

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;

// one whose node died before its event was stored goes to the next
const RESUME: &str = "INSERT INTO resumptions (call_id, nth, node, claimed_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (call_id, nth) DO UPDATE SET node = excluded.node, claimed_ms = excluded.claimed_ms WHERE resumptions.node = excluded.node \
     OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.node = resumptions.node AND nodes.lease_until_ms > excluded.claimed_ms)";

impl SqlRecords {
    pub(super) async fn claim_to_resume(
        &self,
        call: CallId,
        nth: u32,
        node: NodeId,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let (call, node, now_ms) = (call.to_string(), node.to_string(), stored_ms(now_ms));
        on_either!(self, pool => async {
            let claim = sqlx::query(RESUME).bind(&call).bind(i64::from(nth)).bind(&node).bind(now_ms);
            Ok(claim.execute(pool).await?.rows_affected() == 1)
        })
    }
}
