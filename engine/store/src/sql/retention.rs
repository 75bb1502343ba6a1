//! Erases and deletes by age, in batches that are small enough not to delay live calls.

use std::sync::atomic::Ordering;

use ghanti_model::{CallId, CallSid, Erasable, NodeId, PhoneNumber};
use serde::Serialize;

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;

// the first condition is the index's
const WITH_JOURNAL: &str = "SELECT call_id FROM calls WHERE erased < 1 AND created_ms < $1 AND state <> 'live' ORDER BY created_ms LIMIT $2";
const WITH_WORDS: &str = "SELECT call_id FROM calls WHERE erased < 2 AND created_ms < $1 AND state <> 'live' ORDER BY created_ms LIMIT $2";
const ERASED: &str = "SELECT (SELECT COUNT(*) FROM call_events WHERE call_events.call_id = calls.call_id AND kind = 'erased' \
     AND payload LIKE '%\"personal\"%') FROM calls WHERE call_id = $1";
const OLD: &str = "SELECT call_id FROM calls WHERE created_ms < $1 AND state <> 'live' ORDER BY created_ms LIMIT $2";
const WISH: &str = "SELECT phone FROM do_not_call WHERE call_id = $1";
const HIDE_WISH: &str = "UPDATE do_not_call SET phone = $2 WHERE call_id = $1";
const DELETE: [&str; 4] = [
    "DELETE FROM resumptions WHERE call_id = $1",
    "DELETE FROM webhook_deliveries WHERE call_id = $1",
    "DELETE FROM call_events WHERE call_id = $1",
    "DELETE FROM calls WHERE call_id = $1",
];
const SID: &str = "SELECT call_sid FROM calls WHERE call_id = $1";
const REMEMBER: &str = "INSERT INTO deleted_calls (hash, deleted_ms) VALUES ($1, $2) \
     ON CONFLICT (hash) DO UPDATE SET deleted_ms = excluded.deleted_ms";
const WAS_DELETED: &str = "SELECT COUNT(*) FROM deleted_calls WHERE hash IN ($1, $2)";
const FORGET_DELETED: &str = "DELETE FROM deleted_calls WHERE deleted_ms < $1";
const CUSTOMERS: &str = "DELETE FROM customers WHERE (list, customer) IN (SELECT list, customer FROM customers WHERE changed_ms < $1 \
     AND NOT EXISTS (SELECT 1 FROM campaigns WHERE campaigns.list = customers.list AND campaigns.state NOT IN ('cancelled', 'finished')) \
     ORDER BY changed_ms LIMIT $2)";
const MEMBERS: &str = "DELETE FROM campaign_customers WHERE (campaign, customer) IN (SELECT campaign, customer FROM campaign_customers \
     JOIN campaigns ON campaigns.name = campaign WHERE campaigns.state IN ('cancelled', 'finished') AND campaigns.ended_ms < $1 LIMIT $2)";
const ATTEMPTS: &str = "DELETE FROM attempts WHERE call_id IN (SELECT call_id FROM attempts JOIN campaigns ON campaigns.name = campaign \
     WHERE campaigns.state IN ('cancelled', 'finished') AND campaigns.ended_ms < $1 AND settled_ms IS NOT NULL LIMIT $2)";

/// For how long it is kept that a call was deleted, in milliseconds: 90 days. What Exotel reports of a
/// call after that makes a record of its own.
const DELETED_KEPT_MS: u64 = 90 * 24 * 3_600_000;

/// What is older than these times goes, in milliseconds since 1970-01-01T00:00:00Z. `None` keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages {
    /// Journals of calls.
    pub journals_ms: Option<u64>,
    /// Everything personal of calls.
    pub transcripts_ms: Option<u64>,
    /// Customers of lists that no campaign needs, and of campaigns that have ended.
    pub customers_ms: Option<u64>,
    /// Calls.
    pub calls_ms: Option<u64>,
    /// The audit log.
    pub audit_ms: Option<u64>,
}

/// What one step has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Aged {
    /// Calls whose journal was erased.
    pub journals: u64,
    /// Calls whose personal data was erased.
    pub transcripts: u64,
    /// Customers of lists and campaigns.
    pub customers: u64,
    /// Calls that were deleted.
    pub calls: u64,
    /// Entries of the audit log.
    pub audit: u64,
}

impl Aged {
    /// Whether nothing was removed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another step has removed.
    pub fn add(&mut self, other: Self) {
        self.journals += other.journals;
        self.transcripts += other.transcripts;
        self.customers += other.customers;
        self.calls += other.calls;
        self.audit += other.audit;
    }
}

impl SqlRecords {
    /// Removes the next of what is too old: at most `limit` of each kind. Returns what was removed;
    /// nothing if no more is too old. What was begun when the database fails is found again by the
    /// next step.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_aged(
        &self,
        ages: &Ages,
        node: NodeId,
        now_ms: u64,
        limit: u32,
    ) -> Result<Aged, StoreError> {
        let mut aged = Aged::default();
        if let Some(before_ms) = ages.calls_ms {
            for call in self.calls_before(OLD, before_ms, limit).await? {
                self.delete_call(call, now_ms).await?;
                aged.calls += 1;
            }
            let before_ms = stored_ms(now_ms.saturating_sub(DELETED_KEPT_MS));
            writing!(self, pool => async { sqlx::query(FORGET_DELETED).bind(before_ms).execute(pool).await.map(drop) })?;
        }
        if let Some(before_ms) = ages.transcripts_ms {
            for call in self.calls_before(WITH_WORDS, before_ms, limit).await? {
                self.erase_call(call, Erasable::Personal, node, now_ms)
                    .await?;
                aged.transcripts += 1;
            }
        }
        if let Some(before_ms) = ages.journals_ms {
            for call in self.calls_before(WITH_JOURNAL, before_ms, limit).await? {
                self.erase_call(call, Erasable::Journal, node, now_ms)
                    .await?;
                aged.journals += 1;
            }
        }
        if let Some(before_ms) = ages.audit_ms {
            aged.audit += self.remove_audit(before_ms, limit).await?;
        }
        if let Some(before_ms) = ages.customers_ms {
            for statement in [CUSTOMERS, MEMBERS, ATTEMPTS] {
                aged.customers += self.delete_before(statement, before_ms, limit).await?;
            }
        }
        Ok(aged)
    }

    /// Whether everything personal of a call was ever erased; `None` if there is no such call.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_person_erased(&self, call: CallId) -> Result<Option<bool>, StoreError> {
        let key = call.to_string();
        let erased: Option<(i64,)> = reading!(self, pool => {
            sqlx::query_as(ERASED).bind(&key).fetch_optional(pool)
        })?;
        Ok(erased.map(|(erasures,)| erasures > 0))
    }

    async fn calls_before(
        &self,
        statement: &'static str,
        before_ms: u64,
        limit: u32,
    ) -> Result<Vec<CallId>, StoreError> {
        let (before_ms, limit) = (stored_ms(before_ms), i64::from(limit));
        let rows: Vec<(String,)> = reading!(self, pool => {
            sqlx::query_as(statement).bind(before_ms).bind(limit).fetch_all(pool)
        })?;
        Ok(rows
            .iter()
            .filter_map(|(call,)| CallId::parse(call))
            .collect())
    }

    async fn delete_before(
        &self,
        statement: &'static str,
        before_ms: u64,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let (before_ms, limit) = (stored_ms(before_ms), i64::from(limit));
        writing!(self, pool => async {
            let deleted = sqlx::query(statement).bind(before_ms).bind(limit).execute(pool).await?;
            Ok(deleted.rows_affected())
        })
    }

    /// Whether a call was deleted by its age, by its id or its CallSid.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn was_deleted(
        &self,
        call: Option<CallId>,
        sid: Option<&CallSid>,
    ) -> Result<bool, StoreError> {
        let call = call.map(|call| self.pseudonyms.of_call(&call.to_string()));
        let sid = sid.map(|sid| self.pseudonyms.of_call(sid.as_str()));
        let (found,): (i64,) = reading!(self, pool => {
            sqlx::query_as(WAS_DELETED).bind(&call).bind(&sid).fetch_one(pool)
        })?;
        Ok(found > 0)
    }

    /// Counts a report of a call that was deleted by its age, which is not stored.
    pub fn note_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were since the database was opened.
    pub fn late_reports(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Deletes a call with its events. A do-not-call request stays, under a keyed hash, and so does
    /// for a while that there was the call.
    async fn delete_call(&self, call: CallId, now_ms: u64) -> Result<(), StoreError> {
        let key = call.to_string();
        let wish: Option<(String,)> = reading!(self, pool => {
            sqlx::query_as(WISH).bind(&key).fetch_optional(pool)
        })?;
        if let Some(phone) = wish.and_then(|(phone,)| PhoneNumber::parse(&phone).ok()) {
            let pseudonym = self.pseudonyms.of_number(&phone);
            writing!(self, pool => async {
                sqlx::query(HIDE_WISH).bind(&key).bind(&pseudonym).execute(pool).await.map(drop)
            })?;
        }
        writing!(self, pool => async {
            let mut transaction = pool.begin().await?;
            let sid: Option<(Option<String>,)> =
                sqlx::query_as(SID).bind(&key).fetch_optional(&mut *transaction).await?;
            let sid = sid.and_then(|(sid,)| sid);
            for id in [Some(&key), sid.as_ref()].into_iter().flatten() {
                let hash = self.pseudonyms.of_call(id);
                sqlx::query(REMEMBER).bind(hash).bind(stored_ms(now_ms)).execute(&mut *transaction).await?;
            }
            for statement in DELETE {
                sqlx::query(statement).bind(&key).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
    }
}
