//! Events and records of calls in SQLite or PostgreSQL: the same tables and statements for both.
//!
//! Each statement or transaction is bounded by [`DEADLINE`], including the wait for a connection.
//! Nothing is retried here; [`crate::EventWriter`] does that.

// Run one statement on whichever database there is, `reading!` what changes nothing. The pools have
// different types but the same methods. They stand above the modules, which use them too.
macro_rules! reading {
    ($self:expr, $pool:ident => $statement:expr) => {
        match &$self.pool {
            Pool::Sqlite(pools) => {
                let $pool = &pools.readers;
                $self.bounded($statement).await
            }
            Pool::Postgres($pool) => $self.bounded($statement).await,
        }
    };
}
macro_rules! writing {
    ($self:expr, $pool:ident => $statement:expr) => {
        match &$self.pool {
            Pool::Sqlite(pools) => {
                let $pool = &pools.writer;
                $self.bounded($statement).await
            }
            Pool::Postgres($pool) => $self.bounded($statement).await,
        }
    };
}

// Runs in a transaction what takes its connection: one function for each database, whose bodies are
// the same. The transaction is committed if the answer satisfies the condition, and else rolled back.
macro_rules! in_transaction {
    ($self:expr, $sqlite:ident | $postgres:ident, ($($argument:expr),*), $is_kept:expr) => {
        match &$self.pool {
            Pool::Sqlite(pools) => {
                $self
                    .bounded(async {
                        // a transaction that reads first and writes then fails where another writes in between
                        let mut transaction = pools.writer.begin_with("BEGIN IMMEDIATE").await?;
                        let answer = $sqlite(&mut transaction, $($argument),*).await?;
                        if $is_kept(&answer) {
                            transaction.commit().await?;
                        }
                        Ok(answer)
                    })
                    .await
            }
            Pool::Postgres(pool) => {
                $self
                    .bounded(async {
                        let mut transaction = pool.begin().await?;
                        let answer = $postgres(&mut transaction, $($argument),*).await?;
                        if $is_kept(&answer) {
                            transaction.commit().await?;
                        }
                        Ok(answer)
                    })
                    .await
            }
        }
    };
}

mod append;
mod attempts;
mod audit;
mod campaigns;
mod chain;
mod claims;
mod connect;
mod deliveries;
mod erase;
mod file;
mod lists;
mod members;
mod migrations;
mod nodes;
mod pages;
mod progress;
mod projection;
mod pseudonym;
mod retention;
mod search;
mod tasks;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, CallState, EventId, EventMark, NodeId,
    PhoneNumber,
};
use sqlx::{PgPool, SqlitePool};

use self::file::DatabaseFile;
use self::pseudonym::Pseudonyms;
use crate::keyed::json_fault;
use crate::outbox::Outbox;
use crate::{
    CallRecords, DEADLINE, DialRequestKey, DoNotCall, NodeLease, NumberKey, OpenError,
    REQUEST_KEPT_MS, StoreError, StoreMeter,
};

pub use attempts::{AttemptResult, InProgress, NewAttempt};
pub use audit::AuditEntry;
pub use chain::{BrokenCall, ChainChecks};
pub use deliveries::{DEAD_KEPT_MS, UNKNOWN_KEPT_MS};
pub use erase::{CallErased, NumberErased, Occurrence};
pub use pages::{Page, PageMark};
pub use retention::{Aged, Ages};

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";

const BY_ID: &str = "SELECT record, last_ms, last_id FROM calls WHERE call_id = $1";
const BY_SID: &str = "SELECT record, last_ms, last_id FROM calls WHERE call_sid = $1 ORDER BY created_ms DESC, call_id DESC LIMIT 1";
const NEWEST: &str =
    "SELECT call_id, record FROM calls ORDER BY created_ms DESC, call_id DESC LIMIT $1 OFFSET $2";
/// How many of them are read at once: each may have a journal of megabytes, which is dropped.
const NEWEST_AT_ONCE: usize = 16;
const ENDED_OF: &str = "SELECT call_id, record FROM calls WHERE customer_number = $1 AND state = 'ended' \
     ORDER BY created_ms DESC, call_id DESC LIMIT $2";
// a record is saved several times; a request that was lifted must stay lifted
const WISH: &str = "INSERT INTO do_not_call (call_id, phone, since_ms) VALUES ($1, $2, $3) ON CONFLICT (call_id) DO NOTHING";
const WISH_OF: &str = "SELECT call_id, since_ms FROM do_not_call WHERE phone IN ($1, $2) AND lifted_ms IS NULL ORDER BY since_ms DESC LIMIT 1";
const FORGET_REQUESTS: &str = "DELETE FROM dial_requests WHERE unix_ms < $1";
const CLAIM_REQUEST: &str = "INSERT INTO dial_requests (key_hash, body_hash, call_id, unix_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (key_hash) DO NOTHING";
const REQUEST: &str = "SELECT body_hash, call_id FROM dial_requests WHERE key_hash = $1";
const LIFT: &str =
    "UPDATE do_not_call SET lifted_ms = $2 WHERE phone IN ($1, $3) AND lifted_ms IS NULL";

/// A record, and the time and id of the newest event in it.
type Row = (String, Option<i64>, Option<String>);

enum Pool {
    Sqlite(SqlitePools),
    Postgres(PgPool),
}

/// SQLite lets one write at a time, and any number read beside it. Those that write wait for the
/// one connection in the order in which they came, and no reader waits for them.
struct SqlitePools {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Pool {
    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => SQLITE,
            Self::Postgres(_) => POSTGRES,
        }
    }
}

/// Events and records of calls in a database.
pub struct SqlRecords {
    pool: Pool,
    file: Option<DatabaseFile>,
    pseudonyms: Pseudonyms,
    outbox: Option<Arc<dyn Outbox>>,
    late: AtomicU64,
    meter: StoreMeter,
}

impl SqlRecords {
    /// Opens the database at `url` (`postgres://…` or `sqlite://…`) or, without one, the file
    /// `ghanti.db` in `data_dir`, and runs the migrations. A missing file is created; a missing
    /// folder is an error.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, OpenError> {
        Self::open_trusting(url, data_dir, None).await
    }

    /// Like [`open`](Self::open); certificates in `ca_file`, in PEM, are trusted besides the
    /// system's, and PostgreSQL is then connected to with the certificate and its name checked
    /// unless the URL says otherwise.
    pub fn open_trusting<'a>(
        url: Option<&'a str>,
        data_dir: &'a Path,
        ca_file: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Self, OpenError>> {
        Self::connect(url, data_dir, ca_file).boxed()
    }

    async fn connect(
        url: Option<&str>,
        data_dir: &Path,
        ca_file: Option<&Path>,
    ) -> Result<Self, OpenError> {
        let (pool, file) = connect::connect(url, data_dir, ca_file).await?;
        let pseudonyms = Pseudonyms::open(&pool)
            .await
            .map_err(|error| OpenError::Migration {
                store: pool.name(),
                reason: error.to_string(),
            })?;
        let meter = StoreMeter::new(match pool {
            Pool::Sqlite(_) => "sqlite",
            Pool::Postgres(_) => "postgresql",
        });
        Ok(Self {
            pool,
            file: file.and_then(DatabaseFile::of),
            meter,
            pseudonyms,
            outbox: None,
            late: AtomicU64::new(0),
        })
    }

    /// What numbers in the keys of the session store are hashed with: all engines of this database
    /// have the same.
    pub fn number_key(&self) -> NumberKey {
        NumberKey::new(
            self.pseudonyms
                .of_purpose("numbers in keys of the session store"),
        )
    }

    /// Writes messages about the calls whose events are added from now on.
    #[must_use]
    pub fn with_outbox(self, outbox: Arc<dyn Outbox>) -> Self {
        Self {
            outbox: Some(outbox),
            ..self
        }
    }

    /// Closes all connections after the statements in progress. SQLite then merges its write-ahead
    /// log into the file.
    pub async fn close(&self) {
        match &self.pool {
            // the last connection that is closed merges the log, which one that only reads cannot
            Pool::Sqlite(SqlitePools { writer, readers }) => {
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    fn store(&self) -> &'static str {
        self.pool.name()
    }

    async fn bounded<T>(
        &self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        let gone = self.file.as_ref().and_then(DatabaseFile::gone);
        if let Some(reason) = gone {
            self.meter.failed();
            return Err(StoreError::Unavailable {
                store: self.store(),
                reason,
            });
        }
        let reason = match tokio::time::timeout(DEADLINE, statement).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", DEADLINE.as_millis()),
        };
        self.meter.failed();
        Err(StoreError::Unavailable {
            store: self.store(),
            reason,
        })
    }

    /// How often the database has failed.
    pub fn meter(&self) -> &StoreMeter {
        &self.meter
    }

    fn read(&self, key: &str, json: &str) -> Result<CallRecord, StoreError> {
        serde_json::from_str(json).map_err(|error| self.unreadable(key, &error))
    }

    /// Skips unreadable records with a warning, so that they do not hide the others.
    fn readable(&self, rows: &[(String, String)]) -> Vec<CallRecord> {
        let readable = |(call, json): &(String, String)| {
            self.read(call, json)
                .inspect_err(
                    |error| tracing::warn!(call, %error, "an unreadable record was skipped"),
                )
                .ok()
        };
        rows.iter().filter_map(readable).collect()
    }

    fn unreadable(&self, key: &str, error: &serde_json::Error) -> StoreError {
        StoreError::Unreadable {
            store: self.store(),
            key: key.to_owned(),
            reason: json_fault(error),
        }
    }

    async fn keep_wish(&self, phone: &PhoneNumber, wish: DoNotCall) -> Result<(), StoreError> {
        writing!(self, pool => async {
            let query = sqlx::query(WISH).bind(wish.call_id.to_string()).bind(phone.expose()).bind(stored_ms(wish.since_ms));
            query.execute(pool).await.map(drop)
        })
    }

    /// Reads a record, with the position of its newest event.
    fn log(&self, key: &str, row: &Row) -> Result<CallLog, StoreError> {
        let (json, last_ms, last_id) = row;
        Ok(CallLog::resume(
            self.read(key, json)?,
            append::mark(*last_ms, last_id.as_deref()),
        ))
    }
}

#[async_trait]
impl CallRecords for SqlRecords {
    async fn append(&self, events: &[Arc<CallEvent>]) -> Result<(), StoreError> {
        self.append_all(events).await
    }

    async fn events(
        &self,
        call: CallId,
        after: Option<EventMark>,
        limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError> {
        self.events_of(call, after, limit).await
    }

    async fn place_of(&self, event: EventId) -> Result<Option<(CallId, EventMark)>, StoreError> {
        self.place(event).await
    }

    async fn log_by_id(&self, call: CallId) -> Result<Option<CallLog>, StoreError> {
        let key = call.to_string();
        let row: Option<Row> =
            reading!(self, pool => sqlx::query_as(BY_ID).bind(&key).fetch_optional(pool))?;
        row.map(|row| self.log(&key, &row)).transpose()
    }

    async fn log_by_sid(&self, sid: &CallSid) -> Result<Option<CallLog>, StoreError> {
        let row: Option<Row> =
            reading!(self, pool => sqlx::query_as(BY_SID).bind(sid.as_str()).fetch_optional(pool))?;
        row.map(|row| self.log(sid.as_str(), &row)).transpose()
    }

    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError> {
        let mut newest = Vec::new();
        let limit = i64::from(limit);
        for skipped in (0..limit).step_by(NEWEST_AT_ONCE) {
            let at_once = i64::try_from(NEWEST_AT_ONCE).unwrap_or(i64::MAX);
            let wanted = at_once.min(limit - skipped);
            let rows: Vec<(String, String)> = reading!(self, pool => sqlx::query_as(NEWEST).bind(wanted).bind(skipped).fetch_all(pool))?;
            let records = self.readable(&rows).into_iter();
            newest.extend(records.map(|record| CallRecord {
                journal: None,
                ..record
            }));
            if rows.len() < NEWEST_AT_ONCE {
                break;
            }
        }
        Ok(newest)
    }

    async fn ended_of(
        &self,
        phone: &PhoneNumber,
        limit: u32,
    ) -> Result<Vec<CallRecord>, StoreError> {
        let (phone, limit) = (phone.expose(), i64::from(limit));
        let rows: Vec<(String, String)> = reading!(self, pool => sqlx::query_as(ENDED_OF).bind(phone).bind(limit).fetch_all(pool))?;
        Ok(self.readable(&rows))
    }

    async fn heartbeat(
        &self,
        node: NodeId,
        now_unix_ms: u64,
        lease_until_ms: u64,
    ) -> Result<(), StoreError> {
        self.renew(node, now_unix_ms, lease_until_ms).await
    }

    async fn last_heartbeat(&self, node: NodeId) -> Result<Option<u64>, StoreError> {
        self.heartbeat_of(node).await
    }

    async fn leases(&self) -> Result<Vec<NodeLease>, StoreError> {
        self.all_leases().await
    }

    async fn close_abandoned(
        &self,
        node: NodeId,
        gone: &[NodeId],
        now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        self.close_calls_of_the_dead(node, gone, now_unix_ms).await
    }

    async fn claim_resumption(
        &self,
        call: CallId,
        nth: u32,
        node: NodeId,
        now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        self.claim_to_resume(call, nth, node, now_unix_ms).await
    }

    async fn claim_call_sid(
        &self,
        sid: &CallSid,
        call: CallId,
        now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        self.claim_found(sid, call, now_unix_ms).await
    }

    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        let erased = self.pseudonyms.of_number(phone);
        let row: Option<(String, i64)> = reading!(self, pool => sqlx::query_as(WISH_OF).bind(phone.expose()).bind(&erased).fetch_optional(pool))?;
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
        let erased = self.pseudonyms.of_number(phone);
        writing!(self, pool => async {
            let done = sqlx::query(LIFT).bind(phone.expose()).bind(stored_ms(now_unix_ms)).bind(&erased).execute(pool).await?;
            Ok(done.rows_affected())
        })
    }

    async fn claim_request(
        &self,
        request: &DialRequestKey,
        now_unix_ms: u64,
    ) -> Result<DialRequestKey, StoreError> {
        let DialRequestKey {
            key_hash,
            body_hash,
            call_id,
        } = request;
        let expired = stored_ms(now_unix_ms.saturating_sub(REQUEST_KEPT_MS));
        writing!(self, pool => async {
            sqlx::query(FORGET_REQUESTS).bind(expired).execute(pool).await.map(drop)
        })?;
        // of two at once, the database lets one in, and both read its row
        writing!(self, pool => async {
            let claim = sqlx::query(CLAIM_REQUEST).bind(key_hash).bind(body_hash);
            let claim = claim.bind(call_id.to_string()).bind(stored_ms(now_unix_ms));
            claim.execute(pool).await.map(drop)
        })?;
        let (body_hash, call): (String, String) =
            reading!(self, pool => sqlx::query_as(REQUEST).bind(key_hash).fetch_one(pool))?;
        let call_id = CallId::parse(&call).ok_or_else(|| StoreError::Unreadable {
            store: self.store(),
            key: "dial_requests".to_owned(),
            reason: "no call's id".to_owned(),
        })?;
        Ok(DialRequestKey {
            key_hash: key_hash.clone(),
            body_hash,
            call_id,
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        reading!(self, pool => async { sqlx::query("SELECT 1").execute(pool).await.map(drop) })
    }
}

/// Returns the state as spelled in the column and in the JSON.
fn state(state: CallState) -> &'static str {
    match state {
        CallState::Pending => "pending",
        CallState::Live => "live",
        CallState::Ended => "ended",
    }
}

/// For transactions whose answer is always kept.
fn always<T>(_: &T) -> bool {
    true
}

/// Converts to `i64`, since SQL has no unsigned integers.
fn stored_ms(unix_ms: u64) -> i64 {
    i64::try_from(unix_ms).unwrap_or(i64::MAX)
}
