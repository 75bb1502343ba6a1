//! Attempts to call customers of campaigns: begun before Exotel is asked, closed when the call is
//! over.

use ghanti_model::{CallId, NodeId, PhoneNumber};
use sqlx::{PgConnection, SqliteConnection};

use super::campaigns::count;
use super::members::columns;
use super::{Pool, SqlRecords, always, lists, stored_ms};
use crate::StoreError;
use crate::campaigns::{Begun, DialHistory, NextStep, OpenAttempt, Reached};
use crate::lists::CustomerKey;

// SQLite needs no lock on the row: the transaction has locked the whole database
const LOCK_IN_SQLITE: &str = "SELECT state, next_ms FROM campaigns WHERE name = $1";
const LOCK_IN_POSTGRES: &str = "SELECT state, next_ms FROM campaigns WHERE name = $1 FOR UPDATE";
// a call was dialled, perhaps, and nothing was reported of it since
macro_rules! is_quiet {
    () => {
        "calls.state = 'pending' AND calls.dialled_ms IS NOT NULL AND calls.last_ms < $1"
    };
}
const IN_PROGRESS: &str = concat!(
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN ",
    is_quiet!(),
    " THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN calls.state = 'ended' THEN 1 ELSE 0 END), 0) FROM attempts \
     LEFT JOIN calls ON calls.call_id = attempts.call_id WHERE settled_ms IS NULL AND campaign = $2"
);
const TAKE: &str = "UPDATE campaign_customers SET state = 'calling', attempts = attempts + 1, call_id = $5, reason = NULL, node = NULL, \
     lease_until_ms = NULL, changed_ms = $4 WHERE campaign = $1 AND customer = $2 AND state = 'waiting' AND node = $3 AND lease_until_ms > $4 \
     RETURNING attempts";
const ADD: &str = "INSERT INTO attempts (call_id, campaign, customer, number, phone, node, began_ms, counts) VALUES ($1, $2, $3, $4, $5, $6, $7, 1) \
     ON CONFLICT DO NOTHING";
const PACE: &str = "UPDATE campaigns SET next_ms = $2 WHERE name = $1";
const OPEN: &str = "SELECT attempts.call_id, campaign, customer, phone, number, began_ms, calls.updated_ms FROM attempts \
     LEFT JOIN calls ON calls.call_id = attempts.call_id WHERE settled_ms IS NULL AND attempts.call_id > $1 \
     AND (calls.call_id IS NULL OR calls.state = 'ended') ORDER BY attempts.call_id LIMIT $2";
const SETTLE: &str = "UPDATE attempts SET settled_ms = $2, outcome = $3, counts = $4, not_before_ms = $5, reached = $6 WHERE call_id = $1 AND settled_ms IS NULL \
     RETURNING campaign, customer";
const GO_ON: &str = "UPDATE campaign_customers SET state = $4, due_ms = $5, reason = $6, outcome = $7, changed_ms = $8 \
     WHERE campaign = $1 AND customer = $2 AND state = 'calling' AND call_id = $3";
const RINGING: &str = concat!(
    "SELECT COUNT(*) FROM attempts LEFT JOIN calls ON calls.call_id = attempts.call_id \
     WHERE settled_ms IS NULL AND (calls.call_id IS NULL OR calls.state = 'pending' AND NOT (",
    is_quiet!(),
    "))"
);
const HISTORY: &str = "SELECT COALESCE(SUM(CASE WHEN began_ms >= $2 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN began_ms >= $3 THEN 1 ELSE 0 END), 0), \
     COUNT(*), COALESCE(SUM(CASE WHEN campaign = $4 AND customer = $5 THEN 1 ELSE 0 END), 0), MAX(began_ms), MAX(not_before_ms) FROM \
     (SELECT began_ms, campaign, customer, not_before_ms FROM attempts WHERE phone = $1 AND counts = 1 \
      UNION ALL SELECT dialled_ms, NULL, NULL, NULL FROM calls WHERE customer_number = $1 AND dialled_ms IS NOT NULL \
      AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.call_id = calls.call_id)) AS dials";
const OUTCOMES: &str = "SELECT outcome FROM attempts WHERE campaign = $1 AND settled_ms >= $2 AND outcome IS NOT NULL ORDER BY settled_ms DESC LIMIT $3";

/// Attempts of a campaign that are not closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InProgress {
    /// All.
    pub all: u64,
    /// Of them, those that were dialled, perhaps, and of which nothing was heard for longer than a
    /// phone rings.
    pub quiet: u64,
    /// Of them, calls whose conversation is over and that are with an agent.
    pub with_agents: u64,
}

impl InProgress {
    /// How many of the campaign's places are taken, of `at_once`. Quiet calls hold none, so that a
    /// campaign goes on while it is found out what became of them; but as many as there are places at
    /// the most, for no Exotel that answers nothing is asked on and on.
    pub fn taken(self, at_once: u32) -> u64 {
        self.all - self.quiet.min(at_once.into())
    }
}

type OpenRow = (String, String, String, String, i64, i64, Option<i64>);

/// An attempt that is about to be begun.
pub struct NewAttempt<'a> {
    /// The campaign.
    pub campaign: &'a str,
    /// The customer, whom `node` has claimed.
    pub key: &'a CustomerKey,
    /// Their number.
    pub phone: &'a PhoneNumber,
    /// The id of the call.
    pub call_id: CallId,
    /// This node.
    pub node: NodeId,
    /// The most calls of the campaign that may be in progress, this one included.
    pub at_once: u32,
    /// The least time between two dials of the campaign, in milliseconds.
    pub pace_ms: u64,
    /// The time before which a call without any report is no longer ringing, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub quiet_ms: u64,
}

/// The result of an attempt.
pub struct AttemptResult<'a> {
    /// The outcome.
    pub outcome: &'a str,
    /// Whether it counts as a call to the customer: not if they certainly were not dialled.
    pub counts: bool,
    /// How far it came.
    pub reached: Reached,
    /// What happens with the customer.
    pub next: NextStep,
    /// No campaign calls their number before this time, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub not_before_ms: Option<u64>,
}

fn in_progress((all, quiet, with_agents): (i64, i64, i64)) -> InProgress {
    InProgress {
        all: count(all),
        quiet: count(quiet),
        with_agents: count(with_agents),
    }
}

macro_rules! begin {
    ($name:ident, $connection:ty, $lock:expr) => {
        async fn $name(
            connection: &mut $connection,
            new: &NewAttempt<'_>,
            now_ms: i64,
        ) -> Result<Begun, sqlx::Error> {
            let campaign: Option<(String, i64)> = sqlx::query_as($lock)
                .bind(new.campaign)
                .fetch_optional(&mut *connection)
                .await?;
            let next_ms = match campaign {
                Some((state, next_ms)) if state == "running" => next_ms,
                _ => return Ok(Begun::NotRunning),
            };
            if next_ms > now_ms {
                return Ok(Begun::NotBefore(count(next_ms)));
            }
            let row = sqlx::query_as(IN_PROGRESS)
                .bind(stored_ms(new.quiet_ms))
                .bind(new.campaign)
                .fetch_one(&mut *connection)
                .await?;
            if in_progress(row).taken(new.at_once) >= u64::from(new.at_once) {
                return Ok(Begun::Full);
            }
            let taken: Option<(i64,)> = sqlx::query_as(TAKE)
                .bind(new.campaign)
                .bind(new.key.as_str())
                .bind(new.node.to_string())
                .bind(now_ms)
                .bind(new.call_id.to_string())
                .fetch_optional(&mut *connection)
                .await?;
            let Some((number,)) = taken else {
                return Ok(Begun::NotHeld);
            };
            let added = sqlx::query(ADD)
                .bind(new.call_id.to_string())
                .bind(new.campaign)
                .bind(new.key.as_str())
                .bind(number)
                .bind(new.phone.expose())
                .bind(new.node.to_string())
                .bind(now_ms)
                .execute(&mut *connection)
                .await?;
            if added.rows_affected() == 0 {
                return Ok(Begun::BeingCalled);
            }
            sqlx::query(PACE)
                .bind(new.campaign)
                .bind(now_ms.saturating_add(stored_ms(new.pace_ms)))
                .execute(&mut *connection)
                .await?;
            Ok(Begun::Yes)
        }
    };
}

begin!(begin_in_sqlite, SqliteConnection, LOCK_IN_SQLITE);
begin!(begin_in_postgres, PgConnection, LOCK_IN_POSTGRES);

macro_rules! settle {
    ($name:ident, $connection:ty) => {
        async fn $name(
            connection: &mut $connection,
            call: CallId,
            settlement: &AttemptResult<'_>,
            now_ms: i64,
        ) -> Result<bool, sqlx::Error> {
            let call = call.to_string();
            let settled: Option<(String, String)> = sqlx::query_as(SETTLE)
                .bind(&call)
                .bind(now_ms)
                .bind(settlement.outcome)
                .bind(i64::from(settlement.counts))
                .bind(settlement.not_before_ms.map(stored_ms))
                .bind(settlement.reached.stored())
                .fetch_optional(&mut *connection)
                .await?;
            let Some((campaign, customer)) = settled else {
                return Ok(false);
            };
            let (state, due_ms, reason) = columns(&settlement.next);
            sqlx::query(GO_ON)
                .bind(campaign)
                .bind(customer)
                .bind(&call)
                .bind(state)
                .bind(due_ms)
                .bind(reason)
                .bind(settlement.outcome)
                .bind(now_ms)
                .execute(&mut *connection)
                .await?;
            Ok(true)
        }
    };
}

settle!(settle_in_sqlite, SqliteConnection);
settle!(settle_in_postgres, PgConnection);

impl SqlRecords {
    /// Begins an attempt, if the campaign runs and has room for it. Only after this returned
    /// [`Begun::Yes`] may the customer be dialled, and nobody else may dial them until the attempt
    /// is closed.
    ///
    /// # Errors
    /// The database does not answer: whether the attempt is written is unknown, so nobody may be
    /// dialled. If it is, it is closed as one of which no call is recorded.
    pub async fn begin_attempt(
        &self,
        new: &NewAttempt<'_>,
        now_ms: u64,
    ) -> Result<Begun, StoreError> {
        let now_ms = stored_ms(now_ms);
        in_transaction!(
            self,
            begin_in_sqlite | begin_in_postgres,
            (new, now_ms),
            |begun: &Begun| *begun == Begun::Yes
        )
    }

    /// Open attempts whose call is over, or of which no call is recorded; by
    /// call, at most `at_most`, after the call `after` if there is one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open_attempts(
        &self,
        after: Option<CallId>,
        at_most: u32,
    ) -> Result<Vec<OpenAttempt>, StoreError> {
        let after = after.map_or(String::new(), |call| call.to_string());
        let rows: Vec<OpenRow> = reading!(self, pool => {
            sqlx::query_as(OPEN).bind(&after).bind(i64::from(at_most)).fetch_all(pool)
        })?;
        let open = |(call, campaign, customer, phone, number, began_ms, changed_ms): OpenRow| {
            Some(OpenAttempt {
                call_id: CallId::parse(&call)?,
                campaign,
                key: lists::key(customer),
                phone: PhoneNumber::parse(&phone).ok()?,
                number: u32::try_from(number).unwrap_or(u32::MAX),
                began_ms: count(began_ms),
                changed_ms: changed_ms.map(count),
            })
        };
        Ok(rows.into_iter().filter_map(open).collect())
    }

    /// Closes an attempt. Returns whether it was closed now: another node may have done it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn finish_attempt(
        &self,
        call: CallId,
        settlement: &AttemptResult<'_>,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let now_ms = stored_ms(now_ms);
        in_transaction!(
            self,
            settle_in_sqlite | settle_in_postgres,
            (call, settlement, now_ms),
            always
        )
    }

    /// The calls that were dialled to a number, for campaigns or by request: since two times, in all,
    /// and of this campaign to this customer. A call that is in progress counts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn dial_history(
        &self,
        phone: &PhoneNumber,
        (day_ms, week_ms): (u64, u64),
        (campaign, key): (&str, &CustomerKey),
    ) -> Result<DialHistory, StoreError> {
        type Row = (i64, i64, i64, i64, Option<i64>, Option<i64>);
        let (today, week, in_all, of_campaign, last, not_before): Row = reading!(self, pool => {
            let query = sqlx::query_as(HISTORY).bind(phone.expose()).bind(stored_ms(day_ms)).bind(stored_ms(week_ms));
            query.bind(campaign).bind(key.as_str()).fetch_one(pool)
        })?;
        let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(DialHistory {
            today: number(today),
            week: number(week),
            in_all: number(in_all),
            of_campaign: number(of_campaign),
            last_ms: last.map(count),
            not_before_ms: not_before.map(count),
        })
    }

    /// How many attempts of all campaigns have a call that is not connected yet and may still be:
    /// something was heard of it since `quiet_ms`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ringing(&self, quiet_ms: u64) -> Result<u64, StoreError> {
        let quiet_ms = stored_ms(quiet_ms);
        let (calls,): (i64,) = reading!(self, pool => {
            sqlx::query_as(RINGING).bind(quiet_ms).fetch_one(pool)
        })?;
        Ok(count(calls))
    }

    /// How many attempts of a campaign are in progress. A call that waits for its stream is quiet if
    /// nothing was heard of it since `quiet_ms`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn in_progress(
        &self,
        campaign: &str,
        quiet_ms: u64,
    ) -> Result<InProgress, StoreError> {
        let quiet_ms = stored_ms(quiet_ms);
        let row = reading!(self, pool => {
            sqlx::query_as(IN_PROGRESS).bind(quiet_ms).bind(campaign).fetch_one(pool)
        })?;
        Ok(in_progress(row))
    }

    /// The outcomes of a campaign's attempts that were closed since a time, newest first, at most
    /// `at_most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_outcomes(
        &self,
        campaign: &str,
        since_ms: u64,
        at_most: u32,
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = reading!(self, pool => {
            sqlx::query_as(OUTCOMES).bind(campaign).bind(stored_ms(since_ms)).bind(i64::from(at_most)).fetch_all(pool)
        })?;
        Ok(rows.into_iter().map(|(outcome,)| outcome).collect())
    }
}
