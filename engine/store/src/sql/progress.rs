//! How far a campaign has come, counted from its customers and attempts, and what campaigns did with a number.

use ghanti_model::{CallId, PhoneNumber};

use super::campaigns::count;
use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::campaigns::{AttemptOf, HourlyOutcome, MemberOf, Progress};

/// Maximum number of rows of outcomes by the hour.
const OUTCOMES: i64 = 1_000;
/// Maximum number of attempts, and of campaigns, of a number.
const OF_NUMBER: i64 = 50;
/// Milliseconds.
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

const LISTED: &str = "SELECT (SELECT COUNT(*) FROM customers WHERE customers.list = campaigns.list), \
     (SELECT COUNT(*) FROM campaign_customers WHERE campaign = campaigns.name) FROM campaigns WHERE name = $1";
const LEFT: &str = "SELECT CAST(COALESCE(SUM(CASE WHEN attempts < $2 THEN $2 - attempts ELSE 0 END), 0) AS BIGINT) FROM campaign_customers \
     WHERE campaign = $1 AND state <> 'done'";
const FUNNEL: &str = "SELECT COALESCE(SUM(CASE WHEN counts > 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN reached >= 1 THEN 1 ELSE 0 END), 0), \
     COALESCE(SUM(CASE WHEN reached >= 2 THEN 1 ELSE 0 END), 0) FROM \
     (SELECT MAX(counts) AS counts, MAX(reached) AS reached FROM attempts WHERE campaign = $1 GROUP BY customer) AS tried";
const PACE: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN began_ms >= $3 THEN 1 ELSE 0 END), 0) FROM attempts WHERE campaign = $1 AND began_ms >= $2";
const HOURS: &str = "SELECT (settled_ms + $3) / 3600000 AS hour, outcome, COUNT(*) FROM attempts WHERE campaign = $1 AND settled_ms >= $2 \
     AND outcome IS NOT NULL GROUP BY (settled_ms + $3) / 3600000, outcome ORDER BY hour DESC, outcome LIMIT $4";
const ATTEMPTS: &str = "SELECT campaign, number, began_ms, outcome, call_id FROM attempts WHERE phone = $1 ORDER BY began_ms DESC LIMIT $2";
const MEMBERS: &str = "SELECT campaign, state, due_ms, attempts, outcome, reason FROM campaign_customers WHERE phone = $1 ORDER BY campaign LIMIT $2";

impl SqlRecords {
    /// How far a campaign has come; `None` if there is none with this name. `attempts` is how often one customer may
    /// be called.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn progress(
        &self,
        campaign: &str,
        attempts: u32,
        now_ms: u64,
    ) -> Result<Option<Progress>, StoreError> {
        let now_ms = stored_ms(now_ms);
        let listed: Option<(i64, i64)> = reading!(self, pool => {
            sqlx::query_as(LISTED).bind(campaign).fetch_optional(pool)
        })?;
        let Some((listed, enrolled)) = listed else {
            return Ok(None);
        };
        let (left,): (i64,) = reading!(self, pool => {
            sqlx::query_as(LEFT).bind(campaign).bind(i64::from(attempts)).fetch_one(pool)
        })?;
        let (dialled, answered, identified): (i64, i64, i64) =
            reading!(self, pool => sqlx::query_as(FUNNEL).bind(campaign).fetch_one(pool))?;
        let (of_hour, of_minute): (i64, i64) = reading!(self, pool => {
            let query = sqlx::query_as(PACE).bind(campaign).bind(now_ms.saturating_sub(HOUR));
            query.bind(now_ms.saturating_sub(MINUTE)).fetch_one(pool)
        })?;
        let unenrolled = count(listed).saturating_sub(count(enrolled));
        Ok(Some(Progress {
            // a list may have been removed since
            listed: count(listed.max(enrolled)),
            dialled: count(dialled),
            answered: count(answered),
            identified: count(identified),
            attempts_left: count(left).saturating_add(unenrolled.saturating_mul(attempts.into())),
            dialled_last_hour: count(of_hour),
            dialled_last_minute: count(of_minute),
        }))
    }

    /// The outcomes of the attempts of a campaign that were closed since a time, by the hour of a clock that is
    /// `offset_minutes` ahead of UTC; the newest hour first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn hourly_outcomes(
        &self,
        campaign: &str,
        since_ms: u64,
        offset_minutes: i16,
    ) -> Result<Vec<HourlyOutcome>, StoreError> {
        let offset_ms = i64::from(offset_minutes) * MINUTE;
        let rows: Vec<(i64, String, i64)> = reading!(self, pool => {
            let query = sqlx::query_as(HOURS).bind(campaign).bind(stored_ms(since_ms));
            query.bind(offset_ms).bind(OUTCOMES).fetch_all(pool)
        })?;
        let outcome = |(hour, outcome, calls): (i64, String, i64)| HourlyOutcome {
            hour_ms: count(hour.saturating_mul(HOUR).saturating_sub(offset_ms)),
            outcome,
            calls: count(calls),
        };
        Ok(rows.into_iter().map(outcome).collect())
    }

    /// The newest attempts of campaigns to call a number, newest first, at most 50.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn attempts_of(&self, phone: &PhoneNumber) -> Result<Vec<AttemptOf>, StoreError> {
        type Row = (String, i64, i64, Option<String>, String);
        let rows: Vec<Row> = reading!(self, pool => {
            sqlx::query_as(ATTEMPTS).bind(phone.expose()).bind(OF_NUMBER).fetch_all(pool)
        })?;
        let attempt = |(campaign, number, began_ms, outcome, call): Row| {
            Some(AttemptOf {
                campaign,
                number: u32::try_from(number).unwrap_or(u32::MAX),
                began_ms: count(began_ms),
                outcome,
                call_id: CallId::parse(&call)?,
            })
        };
        Ok(rows.into_iter().filter_map(attempt).collect())
    }

    /// The campaigns that have a number among their customers, by name, at most 50.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn campaigns_of(&self, phone: &PhoneNumber) -> Result<Vec<MemberOf>, StoreError> {
        type Row = (String, String, i64, i64, Option<String>, Option<String>);
        let rows: Vec<Row> = reading!(self, pool => {
            sqlx::query_as(MEMBERS).bind(phone.expose()).bind(OF_NUMBER).fetch_all(pool)
        })?;
        let member = |(campaign, state, due_ms, attempts, outcome, reason): Row| MemberOf {
            due_ms: (state == "waiting").then(|| count(due_ms)),
            campaign,
            state,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            outcome,
            reason,
        };
        Ok(rows.into_iter().map(member).collect())
    }
}
