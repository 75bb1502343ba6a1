//! Erases what the database says of a person: of one call, and of everything that is kept by a
//! number.
//!
//! Events stay, with what is left of their payloads; the call's record is folded from them again,
//! and an event of the call records what was erased, so that its hash chain can still be checked.

use std::collections::BTreeSet;

use ghanti_model::chain::verify;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallState, ChainedEvent, Erasable, Erased, EventId,
    EventKind, NodeId, PhoneNumber,
};
use serde::Serialize;
use sqlx::{PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};

use super::append::{self, Projection};
use super::{Pool, SqlRecords, always, chain, pseudonym, stored_ms};
use crate::{CallRecords, StoreError};

// an order that no node dials or has heard of is no call yet
const OF_NUMBER: &str = "SELECT call_id, CAST(CASE WHEN state = 'live' OR (state = 'pending' AND node IS NOT NULL) THEN 1 ELSE 0 END AS BIGINT), \
     created_ms FROM calls WHERE customer_number = $1 OR call_id IN (SELECT call_id FROM attempts WHERE phone = $1)";
const PAGE: &str = "SELECT call_id FROM calls WHERE call_id > $1 ORDER BY call_id LIMIT $2";
// a first sieve: whether the digits are the number is seen in what is found
const MENTION: &str = "SELECT call_id, record FROM calls WHERE call_id > $1 AND call_id <= $2 AND record LIKE $3 \
     UNION ALL SELECT call_id, payload FROM call_events WHERE call_id > $1 AND call_id <= $2 AND payload LIKE $3";
const STATE: &str = "SELECT call_id, CAST(CASE WHEN state = 'live' OR (state = 'pending' AND node IS NOT NULL) THEN 1 ELSE 0 END AS BIGINT), \
     created_ms FROM calls WHERE call_id = $1";
const EVENTS: &str = "SELECT COALESCE(position, 0), id, node, unix_ms, kind, payload, salt, payload_hash, COALESCE(chain_hash, '') \
     FROM call_events WHERE call_id = $1 ORDER BY COALESCE(position, 0), unix_ms, id";
const REPLACE: &str = "UPDATE call_events SET payload = changed.column2, salt = NULL FROM (";
const BY_ID: &str = ") AS changed WHERE call_events.id = changed.column1";
const ERASED: &str = "UPDATE calls SET erased = $2 WHERE call_id = $1";
const MESSAGES: &str = "DELETE FROM webhook_deliveries WHERE call_id = $1";

const CUSTOMERS: &str = "DELETE FROM customers WHERE phone = $1";
const IN_PROGRESS: &str = "SELECT COUNT(*) FROM attempts WHERE phone = $1 AND settled_ms IS NULL";
const MEMBERS: &str = "SELECT DISTINCT customer FROM campaign_customers WHERE phone = $1 \
     UNION SELECT customer FROM attempts WHERE phone = $1";
const MEMBER: &str = "UPDATE campaign_customers SET phone = '', customer = $3, \
     outcome = CASE WHEN state = 'waiting' THEN 'erased' ELSE outcome END, reason = NULL, state = 'done', node = NULL, lease_until_ms = NULL, \
     changed_ms = $4 WHERE phone = $1 AND customer = $2";
const ATTEMPT: &str =
    "UPDATE attempts SET phone = '', customer = $3 WHERE phone = $1 AND customer = $2";
const WISHES: &str = "UPDATE do_not_call SET phone = $2 WHERE phone = $1";
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Events that are changed by one statement.
const AT_ONCE: usize = 200;
/// Digits of an Indian number without its country.
const INDIAN_DIGITS: usize = 10;

type EventRow = (
    i64,
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
);

/// A call in which a number occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The call.
    pub call_id: CallId,
    /// Whether it is live, or is dialled or awaited by a node.
    pub is_open: bool,
    /// When it was created, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
}

/// What was erased, by the place where it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NumberErased {
    /// Customers of lists.
    pub customers: u64,
    /// Customers of campaigns. Those who waited are done, with the outcome `erased`.
    pub campaign_customers: u64,
    /// Attempts to call.
    pub attempts: u64,
    /// Wishes not to be called, in which a keyed hash now stands in place of the number.
    pub wishes: u64,
}

/// What was erased of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallErased {
    /// Events whose payload was replaced.
    pub events: u64,
    /// Webhook messages that waited or were given up.
    pub messages: u64,
}

/// What is to be erased of a call, by whom, and when.
#[derive(Debug, Clone, Copy)]
struct Order {
    call: CallId,
    what: Erasable,
    node: NodeId,
    now_ms: u64,
    /// Whether the record is unreadable, and has to be folded again whatever is erased.
    refolds: bool,
}

fn stored(row: EventRow) -> ChainedEvent {
    let (position, id, node, unix_ms, kind, payload, salt, payload_hash, hash) = row;
    ChainedEvent {
        position: u64::try_from(position).unwrap_or_default(),
        id,
        node,
        unix_ms,
        kind,
        payload,
        salt,
        payload_hash,
        hash,
    }
}

fn occurrence((call, open, created): (String, i64, i64)) -> Option<Occurrence> {
    Some(Occurrence {
        call_id: CallId::parse(&call)?,
        is_open: open > 0,
        created_ms: u64::try_from(created).unwrap_or_default(),
    })
}

/// The digits that every spelling of a number has: of an Indian one the last ten, of another one all.
fn national(phone: &PhoneNumber) -> &str {
    let number = phone.expose();
    number
        .strip_prefix("+91")
        .filter(|national| national.len() == INDIAN_DIGITS)
        .unwrap_or_else(|| number.trim_start_matches('+'))
}

/// Whether a text has the number in some spelling, with no further digit before or after it: the same
/// digits are also part of longer numbers, such as times.
fn mentions(text: &str, phone: &PhoneNumber) -> bool {
    let digits = |number: &PhoneNumber| number.expose().trim_start_matches('+').to_owned();
    let wanted = digits(phone);
    let mut before = None;
    for part in text.split_inclusive(|character: char| !character.is_ascii_digit()) {
        let number = part.trim_end_matches(|character: char| !character.is_ascii_digit());
        let plus = if before == Some('+') { "+" } else { "" };
        let is_long = number.len() >= national(phone).len();
        if is_long
            && PhoneNumber::parse(&format!("{plus}{number}"))
                .is_ok_and(|number| digits(&number) == wanted)
        {
            return true;
        }
        before = part.chars().next_back();
    }
    false
}

/// Replaces what is to be erased in the events of a call. Returns the ids of those that changed.
fn replace(order: Order, events: &mut [ChainedEvent]) -> Result<Vec<usize>, sqlx::Error> {
    let mut changed = Vec::new();
    for (at, event) in events.iter_mut().enumerate() {
        let Some(payload) = &event.payload else {
            continue;
        };
        let kind = match serde_json::from_str::<EventKind>(payload) {
            Ok(kind) => kind.without(order.what),
            // what it says is unknown
            Err(_) => Some(EventKind::Other {
                kind: event.kind.clone(),
                data: serde_json::Value::Null,
            }),
        };
        if let Some(kind) = kind {
            let left = serde_json::to_string(&kind)
                .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
            if event.payload.as_ref() != Some(&left) {
                (event.payload, event.salt) = (Some(left), None);
                changed.push(at);
            }
        }
    }
    Ok(changed)
}

macro_rules! erase {
    ($call:ident, $number:ident, $connection:ty, $database:ty, $lock:expr, $place:path, $add:path, $project:path) => {
        async fn $call(
            connection: &mut $connection,
            order: Order,
        ) -> Result<CallErased, sqlx::Error> {
            let key = order.call.to_string();
            let mut erased = CallErased::default();
            let row: Option<(Option<i64>, Option<String>)> = sqlx::query_as($lock)
                .bind(&key)
                .fetch_optional(&mut *connection)
                .await?;
            let Some((length, hash)) = row else {
                return Ok(erased);
            };
            let head = match chain::head(length, hash) {
                Some(head) => head,
                None => $place(&mut *connection, order.call).await?,
            };
            let rows: Vec<EventRow> = sqlx::query_as(EVENTS)
                .bind(&key)
                .fetch_all(&mut *connection)
                .await?;
            let mut events: Vec<_> = rows.into_iter().map(stored).collect();
            let is_intact = verify(order.call, &events, &head).is_ok();
            let changed = replace(order, &mut events)?;
            for changed in changed.chunks(AT_ONCE) {
                let mut query = QueryBuilder::<$database>::new(REPLACE);
                let changed = changed.iter().filter_map(|&at| events.get(at));
                query.push_values(changed, |mut values, event| {
                    values
                        .push_bind(event.id.as_str())
                        .push_bind(event.payload.as_deref());
                });
                query.push(BY_ID);
                query.build().execute(&mut *connection).await?;
            }
            erased.events = u64::try_from(changed.len()).unwrap_or(u64::MAX);
            if !changed.is_empty() || order.refolds {
                let reported = erased_event(order, &events, is_intact);
                let row = chain::row(&reported, &head)?;
                $add(&mut *connection, &key, &row).await?;
                let stored = events.iter().filter_map(|event| event.event(order.call));
                let all: Vec<_> = stored.chain([reported]).collect();
                let log = CallLog::of(order.call, &all);
                let head = row.head();
                let projection = Projection::of(&log, &head)?;
                $project(&mut *connection, &key, projection).await?;
            }
            let level = match order.what {
                Erasable::Journal => 1_i64,
                Erasable::Personal => 2,
            };
            sqlx::query(ERASED)
                .bind(&key)
                .bind(level)
                .execute(&mut *connection)
                .await?;
            if order.what == Erasable::Personal {
                let messages = sqlx::query(MESSAGES)
                    .bind(&key)
                    .execute(&mut *connection)
                    .await?;
                erased.messages = messages.rows_affected();
            }
            Ok(erased)
        }

        /// Erases what is kept by a number; `None` while the person is being called.
        async fn $number(
            connection: &mut $connection,
            phone: &str,
            pseudonym: &str,
            now_ms: i64,
        ) -> Result<Option<NumberErased>, sqlx::Error> {
            let (calling,): (i64,) = sqlx::query_as(IN_PROGRESS)
                .bind(phone)
                .fetch_one(&mut *connection)
                .await?;
            if calling > 0 {
                return Ok(None);
            }
            let customers = sqlx::query(CUSTOMERS)
                .bind(phone)
                .execute(&mut *connection)
                .await?;
            let mut erased = NumberErased {
                customers: customers.rows_affected(),
                ..NumberErased::default()
            };
            let members: Vec<(String,)> = sqlx::query_as(MEMBERS)
                .bind(phone)
                .fetch_all(&mut *connection)
                .await?;
            for (customer,) in members {
                let pseudonym = pseudonym::of_customer()?;
                let member = sqlx::query(MEMBER)
                    .bind(phone)
                    .bind(&customer)
                    .bind(&pseudonym)
                    .bind(now_ms)
                    .execute(&mut *connection)
                    .await?;
                erased.campaign_customers += member.rows_affected();
                let attempts = sqlx::query(ATTEMPT)
                    .bind(phone)
                    .bind(&customer)
                    .bind(&pseudonym)
                    .execute(&mut *connection)
                    .await?;
                erased.attempts += attempts.rows_affected();
            }
            let wishes = sqlx::query(WISHES)
                .bind(phone)
                .bind(pseudonym)
                .execute(&mut *connection)
                .await?;
            erased.wishes = wishes.rows_affected();
            Ok(Some(erased))
        }
    };
}

erase!(
    erase_call_in_sqlite,
    erase_number_in_sqlite,
    SqliteConnection,
    Sqlite,
    chain::LOCK_IN_SQLITE,
    chain::place_in_sqlite,
    append::add_in_sqlite,
    append::project_in_sqlite
);
erase!(
    erase_call_in_postgres,
    erase_number_in_postgres,
    PgConnection,
    Postgres,
    chain::LOCK_IN_POSTGRES,
    chain::place_in_postgres,
    append::add_in_postgres,
    append::project_in_postgres
);

/// The event that says what is erased, after all others of the call.
fn erased_event(order: Order, events: &[ChainedEvent], is_intact: bool) -> CallEvent {
    let newest = events.iter().map(|event| event.unix_ms).max();
    let newest_ms = newest
        .and_then(|ms| u64::try_from(ms).ok())
        .unwrap_or_default();
    let mut erased = Erased::of(order.what, events);
    if !is_intact {
        // what was changed before is not covered up by an erasure: no digest is empty
        erased.digest.clear();
    }
    CallEvent {
        id: EventId::generate(),
        call_id: order.call,
        node: order.node,
        unix_ms: order.now_ms.max(newest_ms.saturating_add(1)),
        kind: EventKind::Erased(erased),
    }
}

impl SqlRecords {
    /// The calls with a number: those it was called in, and those that campaigns dialled for it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn calls_of_number(
        &self,
        phone: &PhoneNumber,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let rows: Vec<(String, i64, i64)> = reading!(self, pool => {
            sqlx::query_as(OF_NUMBER).bind(phone.expose()).fetch_all(pool)
        })?;
        Ok(rows.into_iter().filter_map(occurrence).collect())
    }

    /// Of the next `limit` calls after the id `after`, which is empty at first: those whose events or
    /// record have the number anywhere, in any spelling without spaces. Also returns after which call
    /// to go on.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn calls_that_mention(
        &self,
        phone: &PhoneNumber,
        after: &str,
        limit: u32,
    ) -> Result<(Vec<Occurrence>, Option<String>), StoreError> {
        let most = i64::from(limit);
        let page: Vec<(String,)> = reading!(self, pool => {
            sqlx::query_as(PAGE).bind(after).bind(most).fetch_all(pool)
        })?;
        let Some((last,)) = page.last().cloned() else {
            return Ok((Vec::new(), None));
        };
        let pattern = format!("%{}%", national(phone));
        let found: Vec<(String, String)> = reading!(self, pool => {
            sqlx::query_as(MENTION).bind(after).bind(&last).bind(&pattern).fetch_all(pool)
        })?;
        let found = found
            .into_iter()
            .filter_map(|(call, text)| mentions(&text, phone).then_some(call));
        let mut calls = Vec::new();
        for call in found.collect::<BTreeSet<_>>() {
            let row: Option<(String, i64, i64)> = reading!(self, pool => {
                sqlx::query_as(STATE).bind(&call).fetch_optional(pool)
            })?;
            calls.extend(row.and_then(occurrence));
        }
        let is_full = usize::try_from(limit).is_ok_and(|limit| page.len() == limit);
        Ok((calls, is_full.then_some(last)))
    }

    /// Erases what a call's events say of persons. A second time there is nothing to erase.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn erase_call(
        &self,
        call: CallId,
        what: Erasable,
        node: NodeId,
        now_ms: u64,
    ) -> Result<CallErased, StoreError> {
        let refolds = match self.log_by_id(call).await {
            // a record of an engine without events becomes the first event, and is erased as one
            Ok(Some(log)) if log.last().is_none() => {
                self.import(log.record()).await?;
                false
            }
            Ok(_) => false,
            Err(StoreError::Unreadable { .. }) => {
                if self.events(call, None, 1).await?.is_empty() {
                    let nothing = CallRecord {
                        state: CallState::Ended,
                        ..CallRecord::new(call, 0)
                    };
                    self.import(&nothing).await?;
                }
                true
            }
            Err(error) => return Err(error),
        };
        let order = Order {
            call,
            what,
            node,
            now_ms,
            refolds,
        };
        in_transaction!(
            self,
            erase_call_in_sqlite | erase_call_in_postgres,
            (order),
            always
        )
    }

    /// Erases what lists, campaigns and attempts say of a number; `None` while it is being called. A
    /// do-not-call request is kept under a keyed hash of the number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn erase_number(
        &self,
        phone: &PhoneNumber,
        now_ms: u64,
    ) -> Result<Option<NumberErased>, StoreError> {
        let pseudonym = self.pseudonyms.of_number(phone);
        in_transaction!(
            self,
            erase_number_in_sqlite | erase_number_in_postgres,
            (phone.expose(), &pseudonym, stored_ms(now_ms)),
            always
        )
    }

    /// Takes what was erased out of SQLite's write-ahead log too. In PostgreSQL, `VACUUM` and the
    /// retention of its own log do that.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_erased(&self) -> Result<(), StoreError> {
        match &self.pool {
            Pool::Sqlite(pools) => {
                self.bounded(async {
                    sqlx::query(CHECKPOINT)
                        .execute(&pools.writer)
                        .await
                        .map(drop)
                })
                .await
            }
            Pool::Postgres(_) => Ok(()),
        }
    }
}
