//! Adds events and updates the records folded from them, in one transaction.
//!
//! The row of a call in `calls` is locked before its events are added, so that the record includes
//! the events of both if two nodes add to one call at the same time. A call without a row gets one
//! first. Calls are locked in the order of their ids, so that two writers cannot deadlock.
//!
//! What the events change is compared with the record before them in the same transaction: the
//! messages that an [`Outbox`] makes of it are written with them, once.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_model::fold::Applied;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, CallState, ChainHead, ChainedEvent, DialState,
    EventId, EventKind, EventMark, NodeId, unix_ms,
};
use sqlx::{PgConnection, SqliteConnection};

use super::deliveries::WRITE;
use super::pseudonym::Pseudonyms;
use super::{Pool, SqlRecords, WISH, always, chain, state, stored_ms};
use crate::outbox::{Message, Outbox, RecordGist};
use crate::{DoNotCall, StoreError};

const PLACE: &str = "INSERT INTO calls (call_id, state, created_ms, updated_ms, record) VALUES ($1, 'pending', $2, $3, '') \
     ON CONFLICT (call_id) DO NOTHING";
const PLACE_UNLESS_DELETED: &str = "INSERT INTO calls (call_id, state, created_ms, updated_ms, record) \
     SELECT $1, 'pending', $2, $3, '' WHERE NOT EXISTS (SELECT 1 FROM deleted_calls WHERE hash = $4) ON CONFLICT (call_id) DO NOTHING";
// SQLite needs no lock on the row: the transaction has locked the whole database
const LOCK_IN_SQLITE: &str = "SELECT state, record, last_ms, last_id, chain_length, chain_hash FROM calls WHERE call_id = $1";
const LOCK_IN_POSTGRES: &str = "SELECT state, record, last_ms, last_id, chain_length, chain_hash FROM calls WHERE call_id = $1 FOR UPDATE";
const ADD: &str = "INSERT INTO call_events (id, call_id, node, unix_ms, kind, payload, payload_hash, salt, position, chain_hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (id) DO NOTHING";
const ALL: &str = "SELECT id, node, unix_ms, kind, payload FROM call_events WHERE call_id = $1";
const BEHIND: &str = "SELECT id, node, unix_ms, kind, payload FROM call_events \
     WHERE call_id = $1 AND (unix_ms > $2 OR (unix_ms = $2 AND id > $3)) ORDER BY unix_ms, id LIMIT $4";
const PLACE_OF: &str = "SELECT call_id, unix_ms FROM call_events WHERE id = $1";
const PROJECT: &str = "UPDATE calls SET call_sid = $2, state = $3, flow = $4, version = $5, outcome = $6, customer_number = $7, created_ms = $8, \
     started_ms = $9, ended_ms = $10, updated_ms = $11, record = $12, last_ms = $13, last_id = $14, node = COALESCE($15, node), \
     dialled_ms = $16, chain_length = $17, chain_hash = $18, erased = 0, went_wrong = $19 WHERE call_id = $1";

/// An event's row: id, node, time, kind and payload.
type EventRow = (String, String, i64, String, Option<String>);
/// A call's row: state, record, the time and id of the newest event in the record, and the head of
/// the chain.
type CallRow = (
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

/// Returns the position of the newest event in a record, if it has one.
pub(super) fn mark(last_ms: Option<i64>, last_id: Option<&str>) -> Option<EventMark> {
    Some(EventMark {
        unix_ms: u64::try_from(last_ms?).ok()?,
        id: EventId::parse(last_id?)?,
    })
}

/// What is stored of a call before events are added to it.
struct Known {
    log: CallLog,
    /// The event that imports a record from an engine version without events.
    imported: Option<CallEvent>,
    /// Such a record in the row, if it is unreadable: it is left as it is.
    unreadable: Option<String>,
    /// Whether the record has to be folded again from all stored events.
    has_to_fold: bool,
}

impl Known {
    fn of(call: CallId, row: CallRow, events: &[&CallEvent]) -> Self {
        let (state, json, last_ms, last_id, ..) = row;
        let mut known = Self {
            log: CallLog::new(call),
            imported: None,
            unreadable: None,
            has_to_fold: false,
        };
        if json.is_empty() {
            return known;
        }
        let last = mark(last_ms, last_id.as_deref());
        match (serde_json::from_str::<CallRecord>(&json), last) {
            (Ok(record), Some(last)) => known.log = CallLog::resume(record, Some(last)),
            (Err(_), Some(_)) => known.has_to_fold = true,
            // a record that is being imported now is newer than the one in the row
            (_, None)
                if events
                    .iter()
                    .any(|event| matches!(event.kind, EventKind::Imported(_))) => {}
            (Ok(record), None) => {
                let event = CallEvent::imported(CallRecord {
                    call_id: call,
                    ..record
                });
                known.log.apply(&event);
                known.imported = Some(event);
            }
            (Err(error), None) => {
                let error = crate::keyed::json_fault(&error);
                tracing::warn!(%call, error, "the record of a call from an older engine is unreadable and was left unchanged");
                let mut record = CallRecord::new(call, 0);
                if state == "live" {
                    record.state = CallState::Live;
                }
                known.log = CallLog::resume(record, None);
                known.unreadable = Some(json);
            }
        }
        known
    }

    /// What the messages depend on, before new events; `None` if there are to be no messages. The
    /// import of a record makes none: what it reports happened long ago.
    fn gist(&self, outbox: Option<&dyn Outbox>, events: &[&CallEvent]) -> Option<RecordGist> {
        let is_import = |event: &&CallEvent| matches!(event.kind, EventKind::Imported(_));
        (outbox.is_some() && !events.iter().any(is_import))
            .then(|| RecordGist::of(self.log.record()))
    }

    /// The messages of what new events have changed.
    fn messages(
        &self,
        outbox: Option<&dyn Outbox>,
        before: Option<RecordGist>,
        chain: &ChainHead,
    ) -> Vec<Message> {
        let (Some(outbox), Some(before)) = (outbox, before) else {
            return Vec::new();
        };
        let newest_ms = self.log.last().map_or_else(unix_ms, |last| last.unix_ms);
        outbox.messages(&before, self.log.record(), chain, newest_ms)
    }

    /// Applies new events. Returns whether the record has to be folded again from all stored
    /// events.
    fn take(&mut self, events: &[&CallEvent]) -> bool {
        for event in events {
            self.has_to_fold |= self.log.apply(event) == Applied::Behind;
        }
        self.has_to_fold
    }
}

/// The node that has the call after these events: the one that took its stream or, before that,
/// the one that waits for it or dials. `None` if the events do not change it.
fn holder(record: &CallRecord, events: &[&CallEvent]) -> Option<NodeId> {
    let waits = |event: &&&CallEvent| match &event.kind {
        EventKind::AppletAsked(asked) => asked.is_passthru,
        EventKind::Requested(requested) => requested.dials,
        EventKind::Dialling => true,
        _ => false,
    };
    record
        .node
        .or_else(|| events.iter().rev().find(waits).map(|event| event.node))
}

/// When the call was dialled by the engine, as a column: when it was requested, as it is dialled
/// within moments. `None` if it was certainly not.
pub(super) fn dialled_ms(record: &CallRecord) -> Option<i64> {
    match record.dial? {
        DialState::Waiting | DialState::Refused => None,
        DialState::Asked | DialState::Accepted | DialState::Unknown => {
            Some(stored_ms(record.created_ms))
        }
    }
}

/// Reads an event from its row; `None` if its id is invalid. If its payload is erased or
/// unreadable, only the kind is known ([`EventKind::Other`]).
fn event(call: CallId, (id, node, unix_ms, name, payload): EventRow) -> Option<CallEvent> {
    let kind = payload
        .and_then(|payload| serde_json::from_str(&payload).ok())
        .unwrap_or(EventKind::Other {
            kind: name,
            data: serde_json::Value::Null,
        });
    Some(CallEvent {
        id: EventId::parse(&id)?,
        call_id: call,
        node: NodeId::parse(&node).unwrap_or(NodeId::NONE),
        unix_ms: u64::try_from(unix_ms).unwrap_or_default(),
        kind,
    })
}

/// The row of a call, as it follows from its events.
pub(super) struct Projection<'c> {
    record: &'c CallRecord,
    last: Option<EventMark>,
    json: String,
    /// The node that has the call, if the events say so.
    holder: Option<NodeId>,
    head: &'c ChainHead,
}

impl<'c> Projection<'c> {
    pub(super) fn of(log: &'c CallLog, head: &'c ChainHead) -> Result<Self, sqlx::Error> {
        let record = log.record();
        let json =
            serde_json::to_string(record).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        Ok(Self {
            record,
            last: log.last(),
            json,
            holder: None,
            head,
        })
    }
}

/// Whether a call may begin with an event. All others are of a call that was there: if it was deleted,
/// it stays so.
fn may_begin(event: &CallEvent) -> bool {
    matches!(
        event.kind,
        EventKind::Imported(_)
            | EventKind::Requested(_)
            | EventKind::Attributed { .. }
            | EventKind::Named { .. }
            | EventKind::Dialling
            | EventKind::Dialled(_)
            | EventKind::AppletAsked(_)
            | EventKind::Refused { .. }
            | EventKind::StreamStarted(_)
            | EventKind::StreamResumed(_)
    )
}

/// What was written with events.
#[derive(Default)]
struct Written {
    /// How many messages.
    messages: usize,
    /// Calls that were deleted, with the number of events that came late for them.
    late: Vec<(CallId, usize)>,
    /// The heads of the chains of calls that may have ended.
    ended: Vec<(CallId, Option<CallSid>, ChainHead)>,
}

/// Adds events of calls on a connection, and returns what was written with them. The two connections have different types but the same methods.
macro_rules! steps {
    ($name:ident, $add:ident, $project:ident, $connection:ty, $lock:expr, $place:path) => {
        /// Adds an event's row, unless it is stored already. Returns whether it was added.
        pub(super) async fn $add(
            connection: &mut $connection,
            call: &str,
            row: &ChainedEvent,
        ) -> Result<bool, sqlx::Error> {
            let added = sqlx::query(ADD)
                .bind(&row.id)
                .bind(call)
                .bind(&row.node)
                .bind(row.unix_ms)
                .bind(&row.kind)
                .bind(&row.payload)
                .bind(&row.payload_hash)
                .bind(&row.salt)
                .bind(stored_ms(row.position))
                .bind(&row.hash)
                .execute(&mut *connection)
                .await?;
            Ok(added.rows_affected() == 1)
        }

        /// Stores what follows from the events of a call.
        pub(super) async fn $project(
            connection: &mut $connection,
            call: &str,
            projection: Projection<'_>,
        ) -> Result<(), sqlx::Error> {
            let Projection {
                record,
                last,
                json,
                holder,
                head,
            } = projection;
            sqlx::query(PROJECT)
                .bind(call)
                .bind(record.call_sid.as_ref().map(|sid| sid.as_str()))
                .bind(state(record.state))
                .bind(record.flow.as_ref().map(|flow| flow.as_str()))
                .bind(record.version.as_ref().map(|version| version.as_str()))
                .bind(record.outcome.as_deref())
                .bind(
                    record
                        .customer_number
                        .as_ref()
                        .map(|number| number.expose()),
                )
                .bind(stored_ms(record.created_ms))
                .bind(record.started_ms.map(stored_ms))
                .bind(record.ended_ms.map(stored_ms))
                .bind(stored_ms(unix_ms()))
                .bind(json)
                .bind(last.map(|last| stored_ms(last.unix_ms)))
                .bind(last.map(|last| last.id.to_string()))
                .bind(holder.map(|node| node.to_string()))
                .bind(dialled_ms(record))
                .bind(stored_ms(head.length))
                .bind(&head.hash)
                .bind(i64::from(record.went_wrong()))
                .execute(&mut *connection)
                .await
                .map(drop)
        }

        async fn $name(
            connection: &mut $connection,
            calls: &BTreeMap<CallId, Vec<&CallEvent>>,
            outbox: Option<&dyn Outbox>,
            pseudonyms: &Pseudonyms,
        ) -> Result<Written, sqlx::Error> {
            let mut written = Written::default();
            for (&call, events) in calls {
                let key = call.to_string();
                let first_ms = events.first().map_or(0, |event| event.unix_ms);
                let may_begin = events.iter().any(|event| may_begin(event));
                let place = if may_begin {
                    PLACE
                } else {
                    PLACE_UNLESS_DELETED
                };
                let place = sqlx::query(place)
                    .bind(&key)
                    .bind(stored_ms(first_ms))
                    .bind(stored_ms(unix_ms()));
                let place = if may_begin {
                    place
                } else {
                    place.bind(pseudonyms.of_call(&key))
                };
                place.execute(&mut *connection).await?;
                let row: Option<CallRow> = sqlx::query_as($lock)
                    .bind(&key)
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(row) = row else {
                    written.late.push((call, events.len()));
                    continue;
                };
                let mut head = match chain::head(row.4, row.5.clone()) {
                    Some(head) => head,
                    None if row.1.is_empty() => ChainHead::default(),
                    // stored by an engine before there were chains
                    None => $place(&mut *connection, call).await?,
                };
                let mut known = Known::of(call, row, events);
                let before = known.gist(outbox, events);
                for event in known.imported.iter().chain(events.iter().copied()) {
                    let row = chain::row(event, &head)?;
                    let is_new = $add(&mut *connection, &key, &row).await?;
                    // it may be stored already
                    if is_new {
                        head = row.head();
                    }
                }
                if known.take(events) {
                    let rows: Vec<EventRow> = sqlx::query_as(ALL)
                        .bind(&key)
                        .fetch_all(&mut *connection)
                        .await?;
                    let all: Vec<_> = rows
                        .into_iter()
                        .filter_map(|row| event(call, row))
                        .collect();
                    known.log = CallLog::of(call, &all);
                }
                let messages = known.messages(outbox, before, &head);
                let mut projection = Projection::of(&known.log, &head)?;
                if let Some(unreadable) = known.unreadable {
                    projection.json = unreadable;
                }
                let record = known.log.record();
                projection.holder = holder(record, events);
                $project(&mut *connection, &key, projection).await?;
                if let (Some(wish), Some(phone)) = (DoNotCall::of(record), &record.customer_number)
                {
                    sqlx::query(WISH)
                        .bind(wish.call_id.to_string())
                        .bind(phone.expose())
                        .bind(stored_ms(wish.since_ms))
                        .execute(&mut *connection)
                        .await?;
                }
                for message in &messages {
                    sqlx::query(WRITE)
                        .bind(&message.id)
                        .bind(&message.endpoint)
                        .bind(&key)
                        .bind(&message.kind)
                        .bind(&message.body)
                        .bind(stored_ms(unix_ms()))
                        .execute(&mut *connection)
                        .await?;
                }
                written.messages += messages.len();
                if events.iter().any(|event| event.kind.ends_call()) {
                    written.ended.push((call, record.call_sid.clone(), head));
                }
            }
            Ok(written)
        }
    };
}

steps!(
    append_in_sqlite,
    add_in_sqlite,
    project_in_sqlite,
    SqliteConnection,
    LOCK_IN_SQLITE,
    chain::place_in_sqlite
);
steps!(
    append_in_postgres,
    add_in_postgres,
    project_in_postgres,
    PgConnection,
    LOCK_IN_POSTGRES,
    chain::place_in_postgres
);

impl SqlRecords {
    pub(super) async fn append_all(&self, events: &[Arc<CallEvent>]) -> Result<(), StoreError> {
        let mut calls = BTreeMap::<CallId, Vec<&CallEvent>>::new();
        for event in events {
            calls.entry(event.call_id).or_default().push(event);
        }
        for events in calls.values_mut() {
            events.sort_by_key(|event| event.mark());
            events.dedup_by_key(|event| event.id);
        }
        let outbox = self.outbox.as_deref();
        let Written {
            messages,
            late,
            ended,
        } = in_transaction!(
            self,
            append_in_sqlite | append_in_postgres,
            (&calls, outbox, &self.pseudonyms),
            always
        )?;
        for (call, events) in late {
            self.note_late();
            tracing::info!(%call, events, "what was reported late of a call that was deleted by its age is not stored");
        }
        for (call, sid, ChainHead { length, hash }) in ended {
            let sid = sid.map(tracing::field::display);
            // kept in a log elsewhere, it shows whether the whole chain was replaced
            tracing::info!(%call, sid, events = length, chain = hash, "the events of a call are stored");
        }
        if let Some(outbox) = outbox.filter(|_| messages > 0) {
            outbox.saved();
        }
        Ok(())
    }

    pub(super) async fn events_of(
        &self,
        call: CallId,
        after: Option<EventMark>,
        limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError> {
        let key = call.to_string();
        let (after_ms, after_id) = after.map_or((-1, String::new()), |mark| {
            (stored_ms(mark.unix_ms), mark.id.to_string())
        });
        let limit = i64::from(limit);
        let rows: Vec<EventRow> = reading!(self, pool => {
            let query = sqlx::query_as(BEHIND).bind(&key).bind(after_ms);
            query.bind(&after_id).bind(limit).fetch_all(pool)
        })?;
        Ok(rows
            .into_iter()
            .filter_map(|row| event(call, row))
            .collect())
    }

    pub(super) async fn place(
        &self,
        event: EventId,
    ) -> Result<Option<(CallId, EventMark)>, StoreError> {
        let id = event.to_string();
        let row: Option<(String, i64)> =
            reading!(self, pool => sqlx::query_as(PLACE_OF).bind(&id).fetch_optional(pool))?;
        Ok(row.and_then(|(call, unix_ms)| {
            let unix_ms = u64::try_from(unix_ms).ok()?;
            Some((CallId::parse(&call)?, EventMark { unix_ms, id: event }))
        }))
    }
}
