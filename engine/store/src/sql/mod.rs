//! Call records in SQLite or PostgreSQL: the same table and statements for both.
//!
//! Each statement is bounded by [`DEADLINE`], including the wait for a connection. Nothing is
//! retried here; [`crate::RecordWriter`] does that.

mod connect;
mod migrations;
mod pages;

use std::path::Path;

use async_trait::async_trait;
use ghanti_model::{CallId, CallRecord, CallSid, CallState, PhoneNumber, unix_ms};
use sqlx::{PgPool, SqlitePool};

use crate::keyed::json_fault;
use crate::records::{ENGINE_STOPPED, abandon};
use crate::{CallRecords, DEADLINE, DoNotCall, OpenError, StoreError};

pub use pages::{Page, PageMark};

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";

const SAVE: &str = "INSERT INTO calls (call_id, call_sid, state, flow, version, outcome, customer_number, created_ms, started_ms, ended_ms, \
     updated_ms, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (call_id) DO UPDATE SET call_sid = excluded.call_sid, state = excluded.state, flow = excluded.flow, \
     version = excluded.version, outcome = excluded.outcome, customer_number = excluded.customer_number, \
     created_ms = excluded.created_ms, started_ms = excluded.started_ms, ended_ms = excluded.ended_ms, \
     updated_ms = excluded.updated_ms, record = excluded.record";
const BY_ID: &str = "SELECT record FROM calls WHERE call_id = $1";
const BY_SID: &str =
    "SELECT record FROM calls WHERE call_sid = $1 ORDER BY created_ms DESC, call_id DESC LIMIT 1";
const NEWEST: &str =
    "SELECT call_id, record FROM calls ORDER BY created_ms DESC, call_id DESC LIMIT $1";
const LIVE: &str =
    "SELECT call_id, record FROM calls WHERE state = 'live' ORDER BY call_id LIMIT $1";
// only if still live: the call's real end may have been saved from the spool meanwhile
const END: &str = "UPDATE calls SET state = $2, outcome = $3, ended_ms = $4, updated_ms = $5, record = $6 WHERE call_id = $1 AND state = 'live'";
// a record is saved several times; a request that was lifted must stay lifted
const WISH: &str = "INSERT INTO do_not_call (call_id, phone, since_ms) VALUES ($1, $2, $3) ON CONFLICT (call_id) DO NOTHING";
const WISH_OF: &str = "SELECT call_id, since_ms FROM do_not_call WHERE phone = $1 AND lifted_ms IS NULL ORDER BY since_ms DESC LIMIT 1";
const LIFT: &str = "UPDATE do_not_call SET lifted_ms = $2 WHERE phone = $1 AND lifted_ms IS NULL";

/// How many abandoned records are loaded into memory at once.
const ABANDONED_AT_ONCE: i64 = 100;

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Call records in a database.
pub struct SqlRecords {
    pool: Pool,
}

/// Runs one statement on whichever pool there is. The two pools have different types but the same
/// methods.
macro_rules! on_either {
    ($self:expr, $pool:ident => $statement:expr) => {
        match &$self.pool {
            Pool::Sqlite($pool) => $self.bounded($statement).await,
            Pool::Postgres($pool) => $self.bounded($statement).await,
        }
    };
}

impl SqlRecords {
    /// Opens the database at `url` (`postgres://…` or `sqlite://…`) or, without one, the file
    /// `ghanti.db` in `data_dir`, and runs the migrations. A missing file is created; a missing
    /// folder is an error.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            pool: connect::connect(url, data_dir).await?,
        })
    }

    /// Closes all connections after the statements in progress. SQLite then merges its write-ahead
    /// log into the file.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    fn store(&self) -> &'static str {
        match &self.pool {
            Pool::Sqlite(_) => SQLITE,
            Pool::Postgres(_) => POSTGRES,
        }
    }

    async fn bounded<T>(
        &self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        let reason = match tokio::time::timeout(DEADLINE, statement).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", DEADLINE.as_millis()),
        };
        Err(StoreError::Unavailable {
            store: self.store(),
            reason,
        })
    }

    fn read(&self, key: &str, json: &str) -> Result<CallRecord, StoreError> {
        serde_json::from_str(json).map_err(|error| self.unreadable(key, &error))
    }

    fn written(&self, record: &CallRecord) -> Result<String, StoreError> {
        serde_json::to_string(record)
            .map_err(|error| self.unreadable(&record.call_id.to_string(), &error))
    }

    fn unreadable(&self, key: &str, error: &serde_json::Error) -> StoreError {
        StoreError::Unreadable {
            store: self.store(),
            key: key.to_owned(),
            reason: json_fault(error),
        }
    }

    async fn keep_wish(&self, phone: &PhoneNumber, wish: DoNotCall) -> Result<(), StoreError> {
        on_either!(self, pool => async {
            let query = sqlx::query(WISH).bind(wish.call_id.to_string()).bind(phone.expose()).bind(stored_ms(wish.since_ms));
            query.execute(pool).await.map(drop)
        })
    }

    /// Ends one record. If its JSON is unreadable, only the columns are updated, so that the call
    /// does not stay live.
    async fn end(&self, call: &str, json: &str, now_unix_ms: u64) -> Result<u64, StoreError> {
        let record = match self.read(call, json) {
            Ok(mut record) => {
                abandon(&mut record, now_unix_ms);
                self.written(&record)?
            }
            Err(error) => {
                tracing::warn!(call, %error, "an abandoned call's record is unreadable and was left as it is");
                json.to_owned()
            }
        };
        on_either!(self, pool => async {
            let done = sqlx::query(END)
                .bind(call)
                .bind(state(CallState::Ended))
                .bind(ENGINE_STOPPED)
                .bind(stored_ms(now_unix_ms))
                .bind(stored_ms(unix_ms()))
                .bind(&record)
                .execute(pool)
                .await?;
            Ok(done.rows_affected())
        })
    }
}

#[async_trait]
impl CallRecords for SqlRecords {
    async fn save(&self, record: &CallRecord) -> Result<(), StoreError> {
        let json = self.written(record)?;
        if let (Some(wish), Some(phone)) = (DoNotCall::of(record), &record.customer_number) {
            self.keep_wish(phone, wish).await?;
        }
        on_either!(self, pool => async {
            sqlx::query(SAVE)
                .bind(record.call_id.to_string())
                .bind(record.call_sid.as_ref().map(CallSid::as_str))
                .bind(state(record.state))
                .bind(record.flow.as_ref().map(|flow| flow.as_str()))
                .bind(record.version.as_ref().map(|version| version.as_str()))
                .bind(record.outcome.as_deref())
                .bind(record.customer_number.as_ref().map(|number| number.expose()))
                .bind(stored_ms(record.created_ms))
                .bind(record.started_ms.map(stored_ms))
                .bind(record.ended_ms.map(stored_ms))
                .bind(stored_ms(unix_ms()))
                .bind(&json)
                .execute(pool)
                .await
                .map(drop)
        })
    }

    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        let key = call.to_string();
        let json: Option<String> =
            on_either!(self, pool => sqlx::query_scalar(BY_ID).bind(&key).fetch_optional(pool))?;
        json.map(|json| self.read(&key, &json)).transpose()
    }

    async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        let json: Option<String> = on_either!(self, pool => sqlx::query_scalar(BY_SID).bind(sid.as_str()).fetch_optional(pool))?;
        json.map(|json| self.read(sid.as_str(), &json)).transpose()
    }

    /// An unreadable record is skipped with a warning, so that it does not hide the others.
    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError> {
        let limit = i64::from(limit);
        let rows: Vec<(String, String)> =
            on_either!(self, pool => sqlx::query_as(NEWEST).bind(limit).fetch_all(pool))?;
        let readable = |(call, json): &(String, String)| {
            self.read(call, json)
                .inspect_err(|error| tracing::warn!(call, %error, "a record was passed over"))
                .ok()
        };
        Ok(rows.iter().filter_map(readable).collect())
    }

    async fn end_abandoned(&self, now_unix_ms: u64) -> Result<u64, StoreError> {
        let mut ended = 0;
        loop {
            let rows: Vec<(String, String)> = on_either!(self, pool => sqlx::query_as(LIVE).bind(ABANDONED_AT_ONCE).fetch_all(pool))?;
            if rows.is_empty() {
                return Ok(ended);
            }
            for (call, json) in &rows {
                ended += self.end(call, json, now_unix_ms).await?;
            }
        }
    }

    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        let row: Option<(String, i64)> = on_either!(self, pool => sqlx::query_as(WISH_OF).bind(phone.expose()).fetch_optional(pool))?;
        let wish = |(call, since_ms): (String, i64)| {
            let unreadable = || StoreError::Unreadable {
                store: self.store(),
                key: "do_not_call".to_owned(),
                reason: "no call's id".to_owned(),
            };
            let call_id = CallId::parse(&call).ok_or_else(unreadable)?;
            Ok(DoNotCall {
                call_id,
                since_ms: u64::try_from(since_ms).unwrap_or_default(),
            })
        };
        row.map(wish).transpose()
    }

    async fn lift_do_not_call(
        &self,
        phone: &PhoneNumber,
        unsaved: Option<DoNotCall>,
        now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        if let Some(wish) = unsaved {
            self.keep_wish(phone, wish).await?;
        }
        on_either!(self, pool => async {
            let done = sqlx::query(LIFT).bind(phone.expose()).bind(stored_ms(now_unix_ms)).execute(pool).await?;
            Ok(done.rows_affected())
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        on_either!(self, pool => async { sqlx::query("SELECT 1").execute(pool).await.map(drop) })
    }
}

/// The state as spelled in the column and in the JSON.
fn state(state: CallState) -> &'static str {
    match state {
        CallState::Pending => "pending",
        CallState::Live => "live",
        CallState::Ended => "ended",
    }
}

/// Converts to `i64`, since SQL has no unsigned integers.
fn stored_ms(unix_ms: u64) -> i64 {
    i64::try_from(unix_ms).unwrap_or(i64::MAX)
}
