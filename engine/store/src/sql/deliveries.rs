//! Webhook messages in the database: taken by one node at a time, delivered, tried again later, or
//! given up.
//!
//! Messages of one endpoint and call are sent in the order in which they were written, so only the
//! first of them may be taken. Once the first has failed, the others have the same time for the next
//! attempt, which keeps those that wait for a receiver that is down out of the query for what is due.

use ghanti_model::CallId;

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::outbox::{Backlog, Claimed, DeadLetter};

pub(super) const WRITE: &str = "INSERT INTO webhook_deliveries (id, endpoint, call_id, kind, body, created_ms, next_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, COALESCE((SELECT MAX(next_ms) FROM webhook_deliveries \
     WHERE endpoint = $2 AND call_id = $3 AND dead_ms IS NULL AND error IS NOT NULL), $6))";
const NEXT: &str =
    "SELECT MIN(next_ms) FROM webhook_deliveries WHERE endpoint = $1 AND dead_ms IS NULL";
// SQLite has one writer at a time; PostgreSQL passes over what another node is taking
const CLAIM_IN_SQLITE: &str = "UPDATE webhook_deliveries SET next_ms = $3, attempts = attempts + 1 WHERE seq IN ( \
     SELECT due.seq FROM webhook_deliveries due WHERE due.endpoint = $1 AND due.dead_ms IS NULL AND due.next_ms <= $2 AND NOT EXISTS ( \
     SELECT 1 FROM webhook_deliveries earlier WHERE earlier.endpoint = due.endpoint AND earlier.call_id = due.call_id \
     AND earlier.dead_ms IS NULL AND earlier.seq < due.seq) ORDER BY due.next_ms, due.seq LIMIT $4) \
     RETURNING seq, id, call_id, kind, body, created_ms, attempts";
// (a subquery of UPDATE may be run more than once and then claims more than its limit)
const CLAIM_IN_POSTGRES: &str = "WITH due AS MATERIALIZED ( \
     SELECT due.seq FROM webhook_deliveries due WHERE due.endpoint = $1 AND due.dead_ms IS NULL AND due.next_ms <= $2 AND NOT EXISTS ( \
     SELECT 1 FROM webhook_deliveries earlier WHERE earlier.endpoint = due.endpoint AND earlier.call_id = due.call_id \
     AND earlier.dead_ms IS NULL AND earlier.seq < due.seq) ORDER BY due.next_ms, due.seq LIMIT $4 FOR UPDATE SKIP LOCKED) \
     UPDATE webhook_deliveries AS d SET next_ms = $3, attempts = d.attempts + 1 FROM due WHERE d.seq = due.seq \
     RETURNING d.seq, d.id, d.call_id, d.kind, d.body, d.created_ms, d.attempts";
const DELIVERED: &str = "DELETE FROM webhook_deliveries WHERE seq = $1 AND attempts = $2";
const FAILED: &str = "UPDATE webhook_deliveries SET error = $3, dead_ms = $4 WHERE seq = $1 AND attempts = $2 AND dead_ms IS NULL";
// the first message of a call, and those that wait for it
const AGAIN: &str = "UPDATE webhook_deliveries SET next_ms = $3 WHERE endpoint = $1 AND call_id = $2 AND dead_ms IS NULL";
const DEAD: &str = "SELECT id, endpoint, call_id, kind, created_ms, attempts, dead_ms, error FROM webhook_deliveries \
     WHERE dead_ms IS NOT NULL AND (dead_ms, id) < ($1, $2) ORDER BY dead_ms DESC, id DESC LIMIT $3";
const REVIVE: &str = "UPDATE webhook_deliveries SET dead_ms = NULL, attempts = 0, created_ms = $2, next_ms = $2 WHERE id = $1 AND dead_ms IS NOT NULL";
const BACKLOG: &str =
    "SELECT endpoint, COUNT(*), COUNT(dead_ms) FROM webhook_deliveries GROUP BY endpoint";
const UNKNOWN: &str = "UPDATE webhook_deliveries SET dead_ms = $2, error = $3 WHERE endpoint = $1 AND dead_ms IS NULL AND created_ms < $4";
const FORGET: &str = "DELETE FROM webhook_deliveries WHERE dead_ms < $1";

/// How long a message that was given up is kept, in milliseconds: 30 days.
pub const DEAD_KEPT_MS: u64 = 30 * 86_400_000;
/// After how long a message for an endpoint that the configuration no longer has is given up, in
/// milliseconds: a day, so that a node whose configuration is older gives up nothing.
pub const UNKNOWN_KEPT_MS: u64 = 86_400_000;
/// The longest reason that is kept, in characters.
const ERROR_CHARACTERS: usize = 300;

/// A taken message's row.
type ClaimedRow = (i64, String, String, String, String, i64, i64);
/// A dead letter's row.
type DeadRow = (
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Option<String>,
);

impl SqlRecords {
    /// Returns when the next message of an endpoint may be sent, in milliseconds since
    /// 1970-01-01T00:00:00Z; `None` if none is to be delivered.
    pub async fn next_delivery(&self, endpoint: &str) -> Result<Option<u64>, StoreError> {
        let (next_ms,): (Option<i64>,) =
            reading!(self, pool => sqlx::query_as(NEXT).bind(endpoint).fetch_one(pool))?;
        Ok(next_ms.map(|ms| u64::try_from(ms).unwrap_or_default()))
    }

    /// Takes at most `limit` messages of an endpoint that are due. No other node takes them before
    /// `until_ms`. Both times are in milliseconds since 1970-01-01T00:00:00Z.
    pub async fn claim_deliveries(
        &self,
        endpoint: &str,
        now_ms: u64,
        until_ms: u64,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (now_ms, until_ms, limit) = (stored_ms(now_ms), stored_ms(until_ms), i64::from(limit));
        let rows: Vec<ClaimedRow> = match &self.pool {
            Pool::Sqlite(pools) => {
                let claim = sqlx::query_as(CLAIM_IN_SQLITE).bind(endpoint).bind(now_ms);
                let claim = claim.bind(until_ms).bind(limit);
                self.bounded(claim.fetch_all(&pools.writer)).await?
            }
            Pool::Postgres(pool) => {
                let claim = sqlx::query_as(CLAIM_IN_POSTGRES)
                    .bind(endpoint)
                    .bind(now_ms);
                let claim = claim.bind(until_ms).bind(limit);
                self.bounded(claim.fetch_all(pool)).await?
            }
        };
        let mut claimed: Vec<_> = rows
            .into_iter()
            .map(
                |(seq, id, call_id, kind, body, created_ms, attempts)| Claimed {
                    seq,
                    id,
                    endpoint: endpoint.to_owned(),
                    call_id: CallId::parse(&call_id),
                    kind,
                    body,
                    created_ms: u64::try_from(created_ms).unwrap_or_default(),
                    attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                },
            )
            .collect();
        claimed.sort_by_key(|message| message.seq);
        Ok(claimed)
    }

    /// Deletes a message that was delivered; the next one of its call may be sent at once. Does
    /// nothing if another node has taken the message since.
    pub async fn delivered(&self, claimed: &Claimed, now_ms: u64) -> Result<(), StoreError> {
        let (seq, attempts) = (claimed.seq, i64::from(claimed.attempts));
        writing!(self, pool => async {
            // in one transaction: once the message is gone, another node may take the next one, whose
            // time must not be changed any more
            let mut transaction = pool.begin().await?;
            let delete = sqlx::query(DELIVERED).bind(seq).bind(attempts);
            if delete.execute(&mut *transaction).await?.rows_affected() > 0 {
                let again = sqlx::query(AGAIN).bind(&claimed.endpoint).bind(call_of(claimed));
                again.bind(stored_ms(now_ms)).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
    }

    /// Keeps why an attempt failed. The message and those after it are tried at `again_ms`.
    pub async fn failed(
        &self,
        claimed: &Claimed,
        error: &str,
        again_ms: u64,
    ) -> Result<(), StoreError> {
        self.not_delivered(claimed, error, None, again_ms).await
    }

    /// Gives a message up: it becomes a dead letter, and the next one of its call may be sent.
    pub async fn give_up(
        &self,
        claimed: &Claimed,
        error: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.not_delivered(claimed, error, Some(now_ms), now_ms)
            .await
    }

    async fn not_delivered(
        &self,
        claimed: &Claimed,
        error: &str,
        dead_ms: Option<u64>,
        next_ms: u64,
    ) -> Result<(), StoreError> {
        let (seq, attempts) = (claimed.seq, i64::from(claimed.attempts));
        let error: String = error.chars().take(ERROR_CHARACTERS).collect();
        writing!(self, pool => async {
            let mut transaction = pool.begin().await?;
            let failed = sqlx::query(FAILED).bind(seq).bind(attempts).bind(&error);
            let failed = failed.bind(dead_ms.map(stored_ms));
            if failed.execute(&mut *transaction).await?.rows_affected() > 0 {
                let again = sqlx::query(AGAIN).bind(&claimed.endpoint).bind(call_of(claimed));
                again.bind(stored_ms(next_ms)).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
    }

    /// Returns the messages that were given up last, at most `limit`, newest first: those after the
    /// time and id `after` or, without, the newest.
    pub async fn dead_letters(
        &self,
        after: Option<(u64, &str)>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (dead_ms, id) = after.map_or((i64::MAX, ""), |(ms, id)| (stored_ms(ms), id));
        let rows: Vec<DeadRow> = reading!(self, pool => {
            sqlx::query_as(DEAD).bind(dead_ms).bind(id).bind(i64::from(limit)).fetch_all(pool)
        })?;
        let ms = |ms: i64| u64::try_from(ms).unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(
                |(id, endpoint, call_id, kind, created_ms, attempts, dead_ms, error)| DeadLetter {
                    id,
                    endpoint,
                    call_id,
                    kind,
                    created_ms: ms(created_ms),
                    attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                    dead_ms: ms(dead_ms),
                    error: error.unwrap_or_default(),
                },
            )
            .collect())
    }

    /// Has a dead letter sent again, as if it were new. Returns whether there is one with this id.
    pub async fn revive(&self, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let revived = writing!(self, pool => async {
            let revive = sqlx::query(REVIVE).bind(id).bind(stored_ms(now_ms));
            Ok(revive.execute(pool).await?.rows_affected())
        })?;
        Ok(revived > 0)
    }

    /// Returns how many messages each endpoint has.
    pub async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let rows: Vec<(String, i64, i64)> =
            reading!(self, pool => sqlx::query_as(BACKLOG).fetch_all(pool))?;
        Ok(rows
            .into_iter()
            .map(|(endpoint, all, dead)| Backlog {
                endpoint,
                waiting: u64::try_from(all.saturating_sub(dead)).unwrap_or_default(),
                dead: u64::try_from(dead).unwrap_or_default(),
            })
            .collect())
    }

    /// Gives up messages for endpoints that are none of `known` ([`UNKNOWN_KEPT_MS`]), and deletes
    /// dead letters that are older than [`DEAD_KEPT_MS`].
    pub async fn tidy_deliveries(&self, known: &[String], now_ms: u64) -> Result<(), StoreError> {
        let unknown_ms = stored_ms(now_ms.saturating_sub(UNKNOWN_KEPT_MS));
        for Backlog { endpoint, .. } in self.backlog().await? {
            if known.contains(&endpoint) {
                continue;
            }
            let error = format!("the configuration has no `[webhooks.{endpoint}]`");
            writing!(self, pool => async {
                let unknown = sqlx::query(UNKNOWN).bind(&endpoint).bind(stored_ms(now_ms));
                unknown.bind(&error).bind(unknown_ms).execute(pool).await.map(drop)
            })?;
        }
        let forgotten_ms = stored_ms(now_ms.saturating_sub(DEAD_KEPT_MS));
        writing!(self, pool => async {
            sqlx::query(FORGET).bind(forgotten_ms).execute(pool).await.map(drop)
        })
    }
}

fn call_of(claimed: &Claimed) -> String {
    claimed
        .call_id
        .map_or_else(String::new, |call| call.to_string())
}
