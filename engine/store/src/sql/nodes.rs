//! Leases of nodes, and the end of calls on nodes that are gone.

use std::sync::Arc;

use ghanti_model::{CallEvent, CallId, EventId, EventKind, NodeId};

use super::{Pool, SqlRecords, append, stored_ms};
use crate::{CallRecords, NodeLease, StoreError};

const RENEW: &str = "INSERT INTO nodes (node, started_ms, heartbeat_ms, lease_until_ms) VALUES ($1, $2, $2, $3) \
     ON CONFLICT (node) DO UPDATE SET heartbeat_ms = excluded.heartbeat_ms, lease_until_ms = excluded.lease_until_ms";
const HEARTBEAT_OF: &str =
    "SELECT heartbeat_ms FROM nodes WHERE node = $1 AND lease_until_ms > heartbeat_ms";
const LEASES: &str = "SELECT node, heartbeat_ms, lease_until_ms FROM nodes ORDER BY node";
/// `$2` has the ids of the nodes that are gone, one after the other.
const ABANDONED: &str = "SELECT call_id, last_ms, last_id FROM calls \
     WHERE (state = 'live' OR (state = 'pending' AND node IS NOT NULL)) AND call_id > $1 \
     AND ($2 LIKE '%' || node || '%' OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.node = calls.node)) \
     ORDER BY call_id LIMIT $3";

const FORGET: &str = "DELETE FROM nodes WHERE lease_until_ms < $1 AND $2 LIKE '%' || node || '%'";

/// How long the row of a node that is gone is kept, in milliseconds.
const KEPT_MS: u64 = 86_400_000;
/// Maximum number of abandoned calls that are ended in one transaction.
const AT_ONCE: i64 = 100;

impl SqlRecords {
    pub(super) async fn renew(
        &self,
        node: NodeId,
        now_unix_ms: u64,
        lease_until_ms: u64,
    ) -> Result<(), StoreError> {
        let (node, now_ms, until_ms) = (
            node.to_string(),
            stored_ms(now_unix_ms),
            stored_ms(lease_until_ms),
        );
        writing!(self, pool => async { sqlx::query(RENEW).bind(node).bind(now_ms).bind(until_ms).execute(pool).await.map(drop) })
    }

    /// A lease that was given up ends with its last heartbeat.
    pub(super) async fn heartbeat_of(&self, node: NodeId) -> Result<Option<u64>, StoreError> {
        let node = node.to_string();
        let row: Option<(i64,)> =
            reading!(self, pool => sqlx::query_as(HEARTBEAT_OF).bind(&node).fetch_optional(pool))?;
        Ok(row.map(|(heartbeat_ms,)| u64::try_from(heartbeat_ms).unwrap_or_default()))
    }

    pub(super) async fn all_leases(&self) -> Result<Vec<NodeLease>, StoreError> {
        let rows: Vec<(String, i64, i64)> =
            reading!(self, pool => sqlx::query_as(LEASES).fetch_all(pool))?;
        let leases = rows
            .into_iter()
            .filter_map(|(node, heartbeat_ms, until_ms)| {
                Some(NodeLease {
                    node: NodeId::parse(&node)?,
                    heartbeat_ms: u64::try_from(heartbeat_ms).unwrap_or_default(),
                    is_given_up: until_ms <= heartbeat_ms,
                })
            });
        Ok(leases.collect())
    }

    /// Ends these calls by adding an event to each. Events that their node may still add are kept
    /// too.
    pub(super) async fn close_calls_of_the_dead(
        &self,
        node: NodeId,
        gone: &[NodeId],
        now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        type Row = (String, Option<i64>, Option<String>);
        let gone: String = gone.iter().map(NodeId::to_string).collect();
        let (mut after, mut ended) = (String::new(), 0);
        loop {
            let rows: Vec<Row> = reading!(self, pool => sqlx::query_as(ABANDONED).bind(&after).bind(&gone).bind(AT_ONCE).fetch_all(pool))?;
            let Some((last, ..)) = rows.last() else {
                self.forget_nodes(now_unix_ms.saturating_sub(KEPT_MS), &gone)
                    .await?;
                return Ok(ended);
            };
            after.clone_from(last);
            let abandoned = rows.iter().filter_map(|(call, last_ms, last_id)| {
                let last = append::mark(*last_ms, last_id.as_deref());
                Some(Arc::new(CallEvent {
                    id: EventId::generate(),
                    call_id: CallId::parse(call)?,
                    node,
                    // after every event that is stored of the call, whatever the clocks say
                    unix_ms: last.map_or(now_unix_ms, |last| {
                        now_unix_ms.max(last.unix_ms.saturating_add(1))
                    }),
                    kind: EventKind::Abandoned,
                }))
            });
            let events: Vec<_> = abandoned.collect();
            self.append(&events).await?;
            ended += u64::try_from(events.len()).unwrap_or_default();
        }
    }

    /// Removes the rows of nodes that are gone and whose lease expired before this time.
    async fn forget_nodes(&self, before_ms: u64, gone: &str) -> Result<(), StoreError> {
        let before_ms = stored_ms(before_ms);
        writing!(self, pool => async { sqlx::query(FORGET).bind(before_ms).bind(gone).execute(pool).await.map(drop) })
    }
}
