//! The hash chains of calls: what is read to check or export one, and the chaining of events that
//! were stored by an engine before there were chains.

use ghanti_model::chain::{self, Broken, Intact};
use ghanti_model::{CallEvent, CallId, ChainHead, ChainedEvent};
use serde::Serialize;
use sqlx::{PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};
use utoipa::ToSchema;

use super::{Pool, SqlRecords, always, stored_ms};
use crate::StoreError;

// head and events in one statement, so that both are of one moment
const CHAIN: &str = "SELECT calls.chain_length, calls.chain_hash, id, call_events.node, unix_ms, kind, payload, salt, payload_hash, position, \
     call_events.chain_hash FROM calls LEFT JOIN call_events ON call_events.call_id = calls.call_id AND COALESCE(position, 0) > $2 \
     WHERE calls.call_id = $1 ORDER BY COALESCE(position, 0), unix_ms, id LIMIT $3";
const NEXT: &str = "SELECT call_id FROM calls WHERE call_id > $1 ORDER BY call_id LIMIT $2";
const UNCHAINED: &str = "SELECT call_id FROM calls WHERE chain_hash IS NULL AND chain_length IS NULL ORDER BY call_id LIMIT $1";
// SQLite needs no lock on the row: the transaction has locked the whole database
pub(super) const LOCK_IN_SQLITE: &str =
    "SELECT chain_length, chain_hash FROM calls WHERE call_id = $1";
pub(super) const LOCK_IN_POSTGRES: &str =
    "SELECT chain_length, chain_hash FROM calls WHERE call_id = $1 FOR UPDATE";
// an engine without chains writes neither of the three
const STORED: &str = "SELECT id, unix_ms, node, kind, payload_hash, \
     CAST(CASE WHEN position IS NULL AND salt IS NULL AND chain_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) \
     FROM call_events WHERE call_id = $1 ORDER BY unix_ms, id";
const PLACE: &str =
    "UPDATE call_events SET position = placed.column2, chain_hash = placed.column3 FROM (";
const BY_ID: &str = ") AS placed WHERE call_events.id = placed.column1";
const HEAD: &str = "UPDATE calls SET chain_length = $2, chain_hash = $3 WHERE call_id = $1";

/// Bytes of a salt: what an erased payload said cannot be guessed from its hash.
const SALT_BYTES: usize = 16;
/// Events that are chained by one statement.
const AT_ONCE: usize = 500;
/// The most events of a call that are checked together.
pub(super) const MOST: u32 = 1_000_000;

/// The chain's head of a call and one of its events.
type ChainRow = (
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

/// The results of checking some calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainChecks {
    /// How many calls were checked.
    pub calls: u64,
    /// What the intact ones have together.
    #[serde(flatten)]
    pub intact: Intact,
    /// Those in which something was changed.
    pub broken: Vec<BrokenCall>,
    /// The call after which to go on; none at the end.
    pub next: Option<String>,
}

/// A call in which something was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrokenCall {
    /// Its id, as the database has it.
    pub call_id: String,
    /// Where, and what.
    #[serde(flatten)]
    pub broken: Broken,
}

/// Reads a head; `None` of a call that is not chained.
pub(super) fn head(length: Option<i64>, hash: Option<String>) -> Option<ChainHead> {
    // with one of the two it was changed by hand, and is no head of any chain
    (length.is_some() || hash.is_some()).then(|| ChainHead {
        length: length
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or_default(),
        hash: hash.unwrap_or_default(),
    })
}

fn row_of(row: ChainRow) -> Option<ChainedEvent> {
    let (_, _, id, node, unix_ms, kind, payload, salt, payload_hash, position, hash) = row;
    Some(ChainedEvent {
        position: position
            .and_then(|position| u64::try_from(position).ok())
            .unwrap_or_default(),
        id: id?,
        node: node?,
        unix_ms: unix_ms?,
        kind: kind?,
        payload,
        salt,
        payload_hash: payload_hash?,
        hash: hash.unwrap_or_default(),
    })
}

/// The row of an event that is added to a chain with this head.
pub(super) fn row(event: &CallEvent, head: &ChainHead) -> Result<ChainedEvent, sqlx::Error> {
    let payload =
        serde_json::to_string(&event.kind).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| sqlx::Error::Encode(error.to_string().into()))?;
    let salt = chain::hexadecimal(&salt);
    let mut row = ChainedEvent {
        position: 0,
        id: event.id.to_string(),
        node: event.node.to_string(),
        unix_ms: stored_ms(event.unix_ms),
        kind: event.kind.name().to_owned(),
        payload_hash: chain::payload_hash(&salt, &payload),
        payload: Some(payload),
        salt: Some(salt),
        hash: String::new(),
    };
    let head = head.with(event.call_id, &row.link());
    (row.position, row.hash) = (head.length, head.hash);
    Ok(row)
}

/// The head of a call whose own was removed: of no chain, so that the call is broken for good.
fn removed_head() -> ChainHead {
    ChainHead {
        length: 0,
        hash: String::new(),
    }
}

/// Chains the stored events of a call without a head, whose row is locked, in the order of their
/// times. Returns the head, which the caller stores. If an event was chained before, somebody removed
/// the head: chaining the call anew would cover up what else they did.
macro_rules! place {
    ($name:ident, $chain:ident, $lock:expr, $connection:ty, $database:ty) => {
        pub(super) async fn $name(
            connection: &mut $connection,
            call: CallId,
        ) -> Result<ChainHead, sqlx::Error> {
            let stored: Vec<(String, i64, String, String, String, i64)> = sqlx::query_as(STORED)
                .bind(call.to_string())
                .fetch_all(&mut *connection)
                .await?;
            if stored.iter().any(|(.., chained)| *chained > 0) {
                return Ok(removed_head());
            }
            let mut head = ChainHead::default();
            for events in stored.chunks(AT_ONCE) {
                let mut placed = Vec::with_capacity(events.len());
                for (id, unix_ms, node, kind, payload_hash, _) in events {
                    let unix_ms = *unix_ms;
                    head = head.with(
                        call,
                        &chain::Link {
                            id,
                            unix_ms,
                            node,
                            kind,
                            payload_hash,
                        },
                    );
                    placed.push((id, head.clone()));
                }
                let mut query = QueryBuilder::<$database>::new(PLACE);
                query.push_values(placed, |mut values, (id, head)| {
                    values
                        .push_bind(id.as_str())
                        .push_bind(stored_ms(head.length))
                        .push_bind(head.hash);
                });
                query.push(BY_ID);
                query.build().execute(&mut *connection).await?;
            }
            Ok(head)
        }

        /// Chains a call, unless it is chained already.
        async fn $chain(connection: &mut $connection, call: CallId) -> Result<(), sqlx::Error> {
            let key = call.to_string();
            let row: Option<(Option<i64>, Option<String>)> = sqlx::query_as($lock)
                .bind(&key)
                .fetch_optional(&mut *connection)
                .await?;
            if row.is_some_and(|(length, hash)| head(length, hash).is_none()) {
                let head = $name(connection, call).await?;
                sqlx::query(HEAD)
                    .bind(&key)
                    .bind(stored_ms(head.length))
                    .bind(head.hash)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        }
    };
}

place!(
    place_in_sqlite,
    chain_in_sqlite,
    LOCK_IN_SQLITE,
    SqliteConnection,
    Sqlite
);
place!(
    place_in_postgres,
    chain_in_postgres,
    LOCK_IN_POSTGRES,
    PgConnection,
    Postgres
);

impl SqlRecords {
    /// Chains the events of a call that were stored by an engine before there were chains.
    async fn chain_call(&self, call: CallId) -> Result<(), StoreError> {
        in_transaction!(self, chain_in_sqlite | chain_in_postgres, (call), always)
    }

    /// Chains the events of calls that are not chained yet, at most `limit` of them. Returns how many
    /// there were.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn chain_older(&self, limit: u32) -> Result<u64, StoreError> {
        let limit = i64::from(limit);
        let calls: Vec<(String,)> =
            reading!(self, pool => sqlx::query_as(UNCHAINED).bind(limit).fetch_all(pool))?;
        let mut chained = 0;
        for call in calls.iter().filter_map(|(call,)| CallId::parse(call)) {
            self.chain_call(call).await?;
            chained += 1;
        }
        Ok(chained)
    }

    /// The head of a call's chain, and at most `limit` of its events after a position: all for -1,
    /// with 0 all that have a position. `None` if the call is not stored.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn chain(
        &self,
        call: CallId,
        after: i64,
        limit: u32,
    ) -> Result<Option<(ChainHead, Vec<ChainedEvent>)>, StoreError> {
        let (key, limit) = (call.to_string(), i64::from(limit));
        loop {
            let rows: Vec<ChainRow> = reading!(self, pool => {
                sqlx::query_as(CHAIN).bind(&key).bind(after).bind(limit).fetch_all(pool)
            })?;
            let Some((length, hash, ..)) = rows.first() else {
                return Ok(None);
            };
            let Some(head) = head(*length, hash.clone()) else {
                self.chain_call(call).await?;
                continue;
            };
            return Ok(Some((head, rows.into_iter().filter_map(row_of).collect())));
        }
    }

    /// The next calls by id after `after`, which is empty at first, at most `limit`. Ids that are
    /// none of the engine's are left out; [`verify_chains`](Self::verify_chains) reports them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn calls_after(&self, after: &str, limit: u32) -> Result<Vec<CallId>, StoreError> {
        let most = i64::from(limit);
        let calls: Vec<(String,)> = reading!(self, pool => {
            sqlx::query_as(NEXT).bind(after).bind(most).fetch_all(pool)
        })?;
        let ids = calls.iter().filter_map(|(call,)| CallId::parse(call));
        Ok(ids.collect())
    }

    /// Checks at most `limit` calls after the id `after`, which is empty at first: their chains, and
    /// their rows.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn verify_chains(&self, after: &str, limit: u32) -> Result<ChainChecks, StoreError> {
        let most = i64::from(limit);
        let calls: Vec<(String,)> = reading!(self, pool => {
            sqlx::query_as(NEXT).bind(after).bind(most).fetch_all(pool)
        })?;
        let is_full = usize::try_from(limit).is_ok_and(|limit| calls.len() == limit);
        let mut checks = ChainChecks {
            next: calls.last().filter(|_| is_full).map(|(call,)| call.clone()),
            ..ChainChecks::default()
        };
        for (call_id,) in calls {
            let verdict = match CallId::parse(&call_id) {
                Some(call) => self.verify_call(call).await?,
                None => Some(Err(Broken {
                    position: 0,
                    event: None,
                    reason: "the call's id is none of the engine's".to_owned(),
                })),
            };
            // a call may have been deleted meanwhile
            let Some(verdict) = verdict else { continue };
            checks.calls += 1;
            match verdict {
                Ok(intact) => {
                    checks.intact.events += intact.events;
                    checks.intact.erased += intact.erased;
                }
                Err(broken) => checks.broken.push(BrokenCall { call_id, broken }),
            }
        }
        Ok(checks)
    }
}
