//! Tasks that one node does at a time.

use ghanti_model::NodeId;

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;

const CLAIM: &str = "INSERT INTO tasks (name, node, until_ms) VALUES ($1, $2, $4) \
     ON CONFLICT (name) DO UPDATE SET node = excluded.node, until_ms = excluded.until_ms WHERE tasks.until_ms <= $3 OR tasks.node = excluded.node";

impl SqlRecords {
    /// Claims a task for a node until a time. Returns whether the node has it: while another node's
    /// time is not over, it does not.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_task(
        &self,
        task: &str,
        node: NodeId,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<bool, StoreError> {
        let (node, now_ms, until_ms) = (node.to_string(), stored_ms(now_ms), stored_ms(until_ms));
        writing!(self, pool => async {
            let claim = sqlx::query(CLAIM).bind(task).bind(&node).bind(now_ms).bind(until_ms);
            Ok(claim.execute(pool).await?.rows_affected() == 1)
        })
    }
}
