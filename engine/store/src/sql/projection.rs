//! Whether the row of a call says what its events do: columns and record are a view of the events,
//! and a list, a report or a campaign that reads them must see the same.

use ghanti_model::chain::{self, Broken};
use ghanti_model::{CallId, CallLog, CallRecord, ChainHead, ChainedEvent, EventKind};

use super::append::dialled_ms;
use super::{Pool, SqlRecords, chain as chains, state, stored_ms};
use crate::StoreError;

const ROW: &str = "SELECT call_sid, state, flow, version, outcome, customer_number, created_ms, started_ms, ended_ms, dialled_ms, last_ms, last_id, \
     record, chain_length, chain_hash, went_wrong FROM calls WHERE call_id = $1";

/// A row of `calls`, without what does not follow from the events alone: which node holds the call,
/// when the row was written, and what was erased.
pub(super) struct CallRow {
    call_sid: Option<String>,
    state: String,
    flow: Option<String>,
    version: Option<String>,
    outcome: Option<String>,
    customer_number: Option<String>,
    created_ms: i64,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    dialled_ms: Option<i64>,
    last_ms: Option<i64>,
    last_id: Option<String>,
    record: String,
    chain_length: Option<i64>,
    chain_hash: Option<String>,
    went_wrong: i64,
}

type Columns = (
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    String,
    Option<i64>,
    Option<String>,
    i64,
);

impl From<Columns> for CallRow {
    fn from(columns: Columns) -> Self {
        let (call_sid, state, flow, version, outcome, customer_number, ..) = columns;
        let (.., last_ms, last_id, record, chain_length, chain_hash, went_wrong) = columns;
        let (_, _, _, _, _, _, created_ms, started_ms, ended_ms, dialled_ms, ..) = columns;
        Self {
            call_sid,
            state,
            flow,
            version,
            outcome,
            customer_number,
            created_ms,
            started_ms,
            ended_ms,
            dialled_ms,
            last_ms,
            last_id,
            record,
            chain_length,
            chain_hash,
            went_wrong,
        }
    }
}

impl CallRow {
    /// The head of the call's chain when the row was read.
    pub(super) fn head(&self) -> Option<ChainHead> {
        chains::head(self.chain_length, self.chain_hash.clone())
    }

    /// Compares the row with the events of its call, which may have more since it was read. Returns
    /// `None` if it cannot be compared as what it says was erased since.
    pub(super) fn check(
        &self,
        call: CallId,
        events: &[ChainedEvent],
    ) -> Option<Result<(), Broken>> {
        let known = self.head()?.length;
        let (known, since): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| event.position <= known);
        let all: Vec<_> = known.iter().filter_map(|event| event.event(call)).collect();
        if all.is_empty() && self.last_id.is_none() {
            // the record of an engine before there were events
            return Some(Ok(()));
        }
        let is_erasure = |event: &&ChainedEvent| {
            let event = event.event(call);
            event.is_some_and(|event| matches!(event.kind, EventKind::Erased(_)))
        };
        if since.iter().any(is_erasure) {
            return None;
        }
        let wrong = self.wrong_columns(&CallLog::of(call, &all));
        Some(if wrong.is_empty() {
            Ok(())
        } else {
            Err(Broken {
                position: 0,
                event: None,
                reason: format!(
                    "the row in `calls` does not say what its events do: {}",
                    wrong.join(", ")
                ),
            })
        })
    }

    fn wrong_columns(&self, log: &CallLog) -> Vec<&'static str> {
        let (record, last) = (log.record(), log.last());
        let text = |column: &Option<String>, value: Option<&str>| column.as_deref() == value;
        let time = |column: Option<i64>, value: Option<u64>| column == value.map(stored_ms);
        let number = record.customer_number.as_ref();
        let columns = [
            (
                "call_sid",
                text(
                    &self.call_sid,
                    record.call_sid.as_ref().map(|sid| sid.as_str()),
                ),
            ),
            ("state", self.state == state(record.state)),
            (
                "flow",
                text(&self.flow, record.flow.as_ref().map(|flow| flow.as_str())),
            ),
            (
                "version",
                text(
                    &self.version,
                    record.version.as_ref().map(|version| version.as_str()),
                ),
            ),
            ("outcome", text(&self.outcome, record.outcome.as_deref())),
            (
                "customer_number",
                text(&self.customer_number, number.map(|number| number.expose())),
            ),
            (
                "created_ms",
                self.created_ms == stored_ms(record.created_ms),
            ),
            ("started_ms", time(self.started_ms, record.started_ms)),
            ("ended_ms", time(self.ended_ms, record.ended_ms)),
            ("dialled_ms", self.dialled_ms == dialled_ms(record)),
            ("last_ms", time(self.last_ms, last.map(|last| last.unix_ms))),
            (
                "last_id",
                text(
                    &self.last_id,
                    last.map(|last| last.id.to_string()).as_deref(),
                ),
            ),
            (
                "went_wrong",
                self.went_wrong == i64::from(record.went_wrong()),
            ),
            ("record", is_same(&self.record, record)),
        ];
        let wrong = columns.into_iter().filter(|(_, is_right)| !is_right);
        wrong.map(|(column, _)| column).collect()
    }
}

/// Whether a stored record is this one. Both are read from JSON, so that a field that is newer than the
/// row does not count.
fn is_same(stored: &str, record: &CallRecord) -> bool {
    let folded = serde_json::to_string(record);
    let read = |json: &str| serde_json::from_str::<CallRecord>(json).ok();
    folded.is_ok_and(|folded| {
        folded == stored || read(stored).is_some_and(|stored| Some(stored) == read(&folded))
    })
}

impl SqlRecords {
    pub(super) async fn row_of(&self, call: CallId) -> Result<Option<CallRow>, StoreError> {
        let key = call.to_string();
        let row: Option<Columns> =
            reading!(self, pool => sqlx::query_as(ROW).bind(&key).fetch_optional(pool))?;
        Ok(row.map(CallRow::from))
    }

    /// Checks the chain of a call, and then whether its row says what the events do; `None` if the call
    /// is not stored.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn verify_call(
        &self,
        call: CallId,
    ) -> Result<Option<Result<chain::Intact, Broken>>, StoreError> {
        loop {
            // before the events, so that those that are added meanwhile are left out
            let Some(row) = self.row_of(call).await? else {
                return Ok(None);
            };
            let Some((head, events)) = self.chain(call, -1, chains::MOST).await? else {
                return Ok(None);
            };
            let intact = match chain::verify(call, &events, &head) {
                Ok(intact) => intact,
                Err(broken) => return Ok(Some(Err(broken))),
            };
            // it was chained just now, or erased meanwhile
            let Some(verdict) = row.check(call, &events) else {
                continue;
            };
            return Ok(Some(verdict.map(|()| intact)));
        }
    }
}
