//! Campaigns and their states.

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::campaigns::{Campaign, CampaignState, Tally};

/// Maximum number of campaigns that are shown or run.
const CAMPAIGNS: i64 = 200;

const ADD: &str = "INSERT INTO campaigns (name, list, flow, plan, state, created_ms, changed_ms, enrolled_after, next_ms) \
     SELECT $1, $2, $3, $4, 'draft', $5, $5, '', 0 WHERE EXISTS (SELECT 1 FROM customer_lists WHERE name = $2 AND flow = $3) \
     ON CONFLICT (name) DO NOTHING";
const ONE: &str = "SELECT name, list, flow, plan, state, reason, created_ms, started_ms, ended_ms, changed_ms, next_ms FROM campaigns WHERE name = $1";
const NEWEST: &str = "SELECT name, list, flow, plan, state, reason, created_ms, started_ms, ended_ms, changed_ms, next_ms FROM campaigns \
     ORDER BY created_ms DESC, name LIMIT $1";
const RUNNING: &str = "SELECT name, list, flow, plan, state, reason, created_ms, started_ms, ended_ms, changed_ms, next_ms FROM campaigns \
     WHERE state = 'running' ORDER BY name LIMIT $1";
const CHANGE: &str = "UPDATE campaigns SET state = $3, reason = $4, changed_ms = $5, \
     started_ms = CASE WHEN $3 = 'running' THEN COALESCE(started_ms, $5) ELSE started_ms END, \
     ended_ms = CASE WHEN $3 IN ('cancelled', 'finished') THEN $5 ELSE NULL END WHERE name = $1 AND state = $2";
const FINISH: &str = "UPDATE campaigns SET state = 'finished', reason = NULL, changed_ms = $2, ended_ms = $2 \
     WHERE name = $1 AND state = 'running' AND enrolled_after IS NULL \
     AND enrolled_changes = (SELECT changes FROM customer_lists WHERE customer_lists.name = campaigns.list) \
     AND NOT EXISTS (SELECT 1 FROM campaign_customers WHERE campaign = $1 AND state <> 'done')";
const TALLY: &str = "SELECT state, outcome, COUNT(*) FROM campaign_customers WHERE campaign = $1 GROUP BY state, outcome ORDER BY state, outcome";

type Row = (
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
);

impl SqlRecords {
    /// Makes a campaign for the customers of a list. Returns whether it was made: its name must be
    /// free and the list must be of its flow.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_campaign(
        &self,
        name: &str,
        (list, flow): (&str, &str),
        plan: &str,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        writing!(self, pool => async {
            let add = sqlx::query(ADD).bind(name).bind(list).bind(flow).bind(plan).bind(stored_ms(now_ms));
            Ok(add.execute(pool).await?.rows_affected() == 1)
        })
    }

    /// A campaign by its name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn campaign(&self, name: &str) -> Result<Option<Campaign>, StoreError> {
        let row: Option<Row> =
            reading!(self, pool => sqlx::query_as(ONE).bind(name).fetch_optional(pool))?;
        Ok(row.map(campaign))
    }

    /// The newest campaigns, at most 200.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, StoreError> {
        let rows: Vec<Row> =
            reading!(self, pool => sqlx::query_as(NEWEST).bind(CAMPAIGNS).fetch_all(pool))?;
        Ok(rows.into_iter().map(campaign).collect())
    }

    /// The running campaigns, at most 200.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn running_campaigns(&self) -> Result<Vec<Campaign>, StoreError> {
        let rows: Vec<Row> =
            reading!(self, pool => sqlx::query_as(RUNNING).bind(CAMPAIGNS).fetch_all(pool))?;
        Ok(rows.into_iter().map(campaign).collect())
    }

    /// Changes a campaign's state if it is the expected one. Returns whether it was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn change_campaign(
        &self,
        name: &str,
        (from, to): (CampaignState, CampaignState),
        reason: Option<&str>,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        writing!(self, pool => async {
            let change = sqlx::query(CHANGE).bind(name).bind(from.as_str()).bind(to.as_str());
            let change = change.bind(reason).bind(stored_ms(now_ms));
            Ok(change.execute(pool).await?.rows_affected() == 1)
        })
    }

    /// Finishes a running campaign if all customers of its list are done. Returns whether it was
    /// finished now.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn finish_campaign(&self, name: &str, now_ms: u64) -> Result<bool, StoreError> {
        writing!(self, pool => async {
            let finish = sqlx::query(FINISH).bind(name).bind(stored_ms(now_ms));
            Ok(finish.execute(pool).await?.rows_affected() == 1)
        })
    }

    /// How many customers of a campaign are in which state, with which outcome.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn tally(&self, campaign: &str) -> Result<Vec<Tally>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> =
            reading!(self, pool => sqlx::query_as(TALLY).bind(campaign).fetch_all(pool))?;
        let tally = |(state, outcome, customers)| Tally {
            state,
            outcome,
            customers: count(customers),
        };
        Ok(rows.into_iter().map(tally).collect())
    }
}

/// Reads a number that is never negative.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn campaign(row: Row) -> Campaign {
    let (name, list, flow, plan, state, reason, created, started, ended, changed, next) = row;
    // a state of a newer engine: nothing is done for the campaign
    let state = CampaignState::stored(&state).unwrap_or(CampaignState::Paused);
    Campaign {
        name,
        list,
        flow,
        plan,
        state,
        reason,
        created_ms: count(created),
        started_ms: started.map(count),
        ended_ms: ended.map(count),
        changed_ms: count(changed),
        next_ms: count(next),
    }
}
