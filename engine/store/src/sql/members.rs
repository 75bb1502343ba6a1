//! Customers of campaigns: enrolled from the list, claimed when they are due, and put back.

use std::collections::BTreeMap;

use ghanti_model::{CallId, Masked, NodeId, PhoneNumber};
use sqlx::{PgConnection, SqliteConnection};

use super::campaigns::count;
use super::{Pool, SqlRecords, always, lists, stored_ms};
use crate::StoreError;
use crate::campaigns::{DueCustomer, NextStep, Reported};
use crate::lists::CustomerKey;

const CURSOR: &str = "SELECT campaigns.list, enrolled_after, enrolled_changes, changes FROM campaigns \
     JOIN customer_lists ON customer_lists.name = campaigns.list WHERE campaigns.name = $1";
const ENROL: &str = "INSERT INTO campaign_customers (campaign, customer, phone, state, due_ms, attempts, changed_ms) \
     SELECT $1, customer, phone, 'waiting', $2, 0, $2 FROM customers WHERE list = $3 AND customer > $4 ORDER BY customer LIMIT $5 \
     ON CONFLICT (campaign, customer) DO NOTHING";
const LAST: &str = "SELECT MAX(customer), COUNT(*) FROM \
     (SELECT customer FROM customers WHERE list = $1 AND customer > $2 ORDER BY customer LIMIT $3) AS chunk";
const ENROLLED: &str =
    "UPDATE campaigns SET enrolled_after = $2, enrolled_changes = $3 WHERE name = $1";
// two nodes that claim at the same time get different customers
// (a subquery of UPDATE may be run more than once and then claims more than its limit)
const CLAIM_IN_POSTGRES: &str = "WITH due AS MATERIALIZED (SELECT customer FROM campaign_customers WHERE campaign = $1 AND state = 'waiting' \
     AND due_ms <= $3 AND (lease_until_ms IS NULL OR lease_until_ms < $3) ORDER BY due_ms, customer LIMIT $5 FOR UPDATE SKIP LOCKED) \
     UPDATE campaign_customers SET node = $2, lease_until_ms = $4 FROM due \
     WHERE campaign_customers.campaign = $1 AND campaign_customers.customer = due.customer \
     RETURNING campaign_customers.customer, campaign_customers.phone, campaign_customers.attempts";
const CLAIM_IN_SQLITE: &str = "UPDATE campaign_customers SET node = $2, lease_until_ms = $4 WHERE campaign = $1 AND customer IN \
     (SELECT customer FROM campaign_customers WHERE campaign = $1 AND state = 'waiting' AND due_ms <= $3 \
      AND (lease_until_ms IS NULL OR lease_until_ms < $3) ORDER BY due_ms, customer LIMIT $5) \
     RETURNING customer, phone, attempts";
const POSTPONE: &str = "UPDATE campaign_customers SET state = $4, due_ms = $5, reason = $6, node = NULL, lease_until_ms = NULL, changed_ms = $7 \
     WHERE campaign = $1 AND customer = $2 AND state = 'waiting' AND node = $3";
const REPORT: &str = "SELECT customer, phone, state, attempts, outcome, reason, due_ms, call_id FROM campaign_customers \
     WHERE campaign = $1 AND customer > $2 AND phone <> '' ORDER BY customer LIMIT $3";

type Cursor = (String, Option<String>, Option<i64>, i64);
type ReportRow = (
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    i64,
    Option<String>,
);

/// Enrols the next customers on a connection. Returns whether there may be more.
macro_rules! enrol {
    ($name:ident, $connection:ty) => {
        async fn $name(
            connection: &mut $connection,
            campaign: &str,
            at_once: u32,
            now_ms: i64,
        ) -> Result<bool, sqlx::Error> {
            let cursor: Option<Cursor> = sqlx::query_as(CURSOR)
                .bind(campaign)
                .fetch_optional(&mut *connection)
                .await?;
            let Some((list, after, enrolled, changes)) = cursor else {
                return Ok(false);
            };
            let after = match after {
                Some(after) => after,
                None if enrolled == Some(changes) => return Ok(false),
                // the list was written to since: its new customers are found among all
                None => String::new(),
            };
            let at_once = i64::from(at_once);
            sqlx::query(ENROL)
                .bind(campaign)
                .bind(now_ms)
                .bind(&list)
                .bind(&after)
                .bind(at_once)
                .execute(&mut *connection)
                .await?;
            let (last, found): (Option<String>, i64) = sqlx::query_as(LAST)
                .bind(&list)
                .bind(&after)
                .bind(at_once)
                .fetch_one(&mut *connection)
                .await?;
            let has_more = found == at_once;
            // what is written to the list while it is enrolled makes it enrolled again
            let changes = if after.is_empty() {
                Some(changes)
            } else {
                enrolled
            };
            sqlx::query(ENROLLED)
                .bind(campaign)
                .bind(last.filter(|_| has_more))
                .bind(changes)
                .execute(&mut *connection)
                .await?;
            Ok(has_more)
        }
    };
}

enrol!(enrol_in_sqlite, SqliteConnection);
enrol!(enrol_in_postgres, PgConnection);

impl SqlRecords {
    /// Enrols the next customers of a campaign's list, at most `at_once`. Returns whether there may
    /// be more. Customers that are added to the list later are enrolled too.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enrol(
        &self,
        campaign: &str,
        at_once: u32,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let now_ms = stored_ms(now_ms);
        in_transaction!(
            self,
            enrol_in_sqlite | enrol_in_postgres,
            (campaign, at_once, now_ms),
            always
        )
    }

    /// Claims customers of a campaign who are due, at most `at_once`, for this node until a time.
    ///
    /// # Errors
    /// The database does not answer, or a row is unreadable.
    pub async fn claim_due(
        &self,
        (campaign, list): (&str, &str),
        node: NodeId,
        (now_ms, lease_until_ms): (u64, u64),
        at_once: u32,
    ) -> Result<Vec<DueCustomer>, StoreError> {
        let (node, now_ms, until_ms) = (
            node.to_string(),
            stored_ms(now_ms),
            stored_ms(lease_until_ms),
        );
        let claim = match &self.pool {
            Pool::Sqlite(_) => CLAIM_IN_SQLITE,
            Pool::Postgres(_) => CLAIM_IN_POSTGRES,
        };
        let rows: Vec<(String, String, i64)> = writing!(self, pool => {
            let query = sqlx::query_as(claim).bind(campaign).bind(node).bind(now_ms);
            query.bind(until_ms).bind(i64::from(at_once)).fetch_all(pool)
        })?;
        let keys: Vec<String> = rows.iter().map(|(key, ..)| key.clone()).collect();
        let fields = self.fields_of(list, &keys).await?;
        let claimed = |(key, phone, attempts): (String, String, i64)| {
            let json = fields.get(&key).map_or("{}", String::as_str);
            let fields: BTreeMap<String, Masked> =
                serde_json::from_str(json).map_err(|error| self.unreadable("customers", &error))?;
            Ok(DueCustomer {
                key: lists::key(key),
                phone: self.phone(phone)?,
                fields,
                attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            })
        };
        rows.into_iter().map(claimed).collect()
    }

    /// Releases a customer whom this node has claimed: they are called later, or not any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn postpone(
        &self,
        campaign: &str,
        key: &CustomerKey,
        node: NodeId,
        next: &NextStep,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (state, due_ms, reason) = columns(next);
        writing!(self, pool => async {
            let query = sqlx::query(POSTPONE).bind(campaign).bind(key.as_str()).bind(node.to_string());
            let query = query.bind(state).bind(due_ms).bind(reason).bind(stored_ms(now_ms));
            query.execute(pool).await.map(drop)
        })
    }

    /// The customers of a campaign by key, at most `at_most`, after `after` if there is one; without
    /// those who were erased.
    ///
    /// # Errors
    /// The database does not answer, or a row is unreadable.
    pub async fn report(
        &self,
        campaign: &str,
        after: Option<&CustomerKey>,
        at_most: u32,
    ) -> Result<Vec<Reported>, StoreError> {
        let after = after.map_or("", CustomerKey::as_str);
        let rows: Vec<ReportRow> = reading!(self, pool => {
            sqlx::query_as(REPORT).bind(campaign).bind(after).bind(i64::from(at_most)).fetch_all(pool)
        })?;
        let reported = |(key, phone, state, attempts, outcome, reason, due_ms, call): ReportRow| {
            Ok(Reported {
                key: lists::key(key),
                phone: self.phone(phone)?,
                state,
                attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                outcome,
                reason,
                due_ms: count(due_ms),
                call_id: call.as_deref().and_then(CallId::parse),
            })
        };
        rows.into_iter().map(reported).collect()
    }

    fn phone(&self, stored: String) -> Result<PhoneNumber, StoreError> {
        PhoneNumber::parse(&stored).map_err(|error| StoreError::Unreadable {
            store: self.store(),
            key: "phone".to_owned(),
            reason: error.to_string(),
        })
    }
}

/// State, due time and reason of a customer, as columns.
pub(super) fn columns(next: &NextStep) -> (&'static str, i64, Option<&str>) {
    match next {
        NextStep::Again { due_ms, reason } => ("waiting", stored_ms(*due_ms), Some(reason)),
        NextStep::Done { reason } => ("done", 0, reason.as_deref()),
    }
}
