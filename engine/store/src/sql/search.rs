//! Reads the list of calls, a page at a time, by an index for whatever is asked for.
//!
//! The statement is put together from constants. Of several conditions the most selective one is
//! left to an index, and the others are written so that none is used for them: SQLite keeps no
//! statistics, and would take the index of the state as readily as that of the number.

use ghanti_model::{CallId, CallState, PhoneNumber};
use sqlx::AssertSqlSafe;

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::search::{CallFilter, CallPage, CallPlace, CallSummary, Gist};

const COLUMNS: &str = "SELECT calls.call_id, call_sid, calls.state, flow, version, calls.outcome, customer_number, created_ms, started_ms, ended_ms, \
     record, attempts.campaign FROM ";
const OF_ALL: &str = "calls LEFT JOIN attempts ON attempts.call_id = calls.call_id";
const OF_A_CAMPAIGN: &str = "attempts JOIN calls ON calls.call_id = attempts.call_id";
const KNOWS_OUTCOME: &str =
    "SELECT COUNT(*) FROM (SELECT 1 FROM calls WHERE outcome = $1 LIMIT 1) AS known";

/// Columns that a condition may be on, the most selective first.
const BY_TEXT: [&str; 5] = [
    "call_sid",
    "customer_number",
    "version",
    "calls.outcome",
    "flow",
];

/// The columns of [`COLUMNS`], in their order.
type Row = (
    String,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    String,
    Option<String>,
);

/// A value that is bound.
enum Bound {
    Text(String),
    Number(i64),
}

/// A statement and its values, in order.
struct Statement {
    sql: String,
    values: Vec<Bound>,
}

impl Statement {
    /// Adds a value, and returns its placeholder.
    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn text(&mut self, value: &str) -> String {
        self.bind(Bound::Text(value.to_owned()))
    }

    fn ms(&mut self, value: u64) -> String {
        self.bind(Bound::Number(stored_ms(value)))
    }

    fn of(filter: &CallFilter, after: Option<CallPlace>, rows: i64) -> Self {
        let mut statement = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        let mut conditions = Vec::new();
        // few calls go on: their index stands before all but those of one number or CallSid
        let is_of_few = matches!(filter.state, Some(CallState::Pending | CallState::Live))
            && filter.campaign.is_none()
            && filter.call_sid.is_none()
            && filter.phone.is_none();
        // so are those that went wrong
        let is_of_wrong = filter.problems == Some(true)
            && !is_of_few
            && filter.campaign.is_none()
            && filter.call_sid.is_none()
            && filter.phone.is_none();
        let mut is_led = is_of_few || is_of_wrong;
        if let Some(campaign) = &filter.campaign {
            conditions.push(format!("attempts.campaign = {}", statement.text(campaign)));
            is_led = true;
        }
        let texts = [
            filter.call_sid.as_ref().map(|sid| sid.as_str()),
            filter.phone.as_ref().map(PhoneNumber::expose),
            filter.version.as_ref().map(|version| version.as_str()),
            filter.outcome.as_deref(),
            filter.flow.as_ref().map(|flow| flow.as_str()),
        ];
        for (column, value) in BY_TEXT.into_iter().zip(texts) {
            let Some(value) = value else { continue };
            let value = statement.text(value);
            conditions.push(if is_led {
                format!("COALESCE({column}, '') = {value}")
            } else {
                format!("{column} = {value}")
            });
            is_led = true;
        }
        // literals, so that both databases see that the index of the calls that go on has them
        conditions.extend(filter.state.map(|state| {
            let own = format!("COALESCE(calls.state, '') = '{}'", super::state(state));
            match state {
                CallState::Pending | CallState::Live if is_of_few => {
                    format!("calls.state <> 'ended' AND {own}")
                }
                _ => own,
            }
        }));
        conditions.extend(filter.problems.map(|problems| {
            if is_of_wrong {
                "calls.went_wrong = 1".to_owned()
            } else {
                format!("COALESCE(calls.went_wrong, 0) = {}", i64::from(problems))
            }
        }));
        if let Some(since) = filter.since_ms {
            conditions.push(format!("created_ms >= {}", statement.ms(since)));
        }
        if let Some(until) = filter.until_ms {
            conditions.push(format!("created_ms < {}", statement.ms(until)));
        }
        let (tables, order) = if filter.campaign.is_some() {
            // a call is created right after its attempt, which has the same id: these sort by time
            if let Some(after) = after {
                let id = statement.text(&after.call_id.to_string());
                conditions.push(format!("attempts.call_id < {id}"));
            }
            (OF_A_CAMPAIGN, "attempts.call_id DESC")
        } else {
            if let Some(after) = after {
                let (ms, id) = (
                    statement.ms(after.created_ms),
                    statement.text(&after.call_id.to_string()),
                );
                conditions.push(format!("(created_ms, calls.call_id) < ({ms}, {id})"));
            }
            (OF_ALL, "created_ms DESC, calls.call_id DESC")
        };
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let limit = statement.bind(Bound::Number(rows));
        statement.sql = format!("{COLUMNS}{tables}{conditions} ORDER BY {order} LIMIT {limit}");
        statement
    }
}

macro_rules! rows {
    ($statement:expr, $pool:expr) => {{
        let Statement { sql, values } = $statement;
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
        for value in values {
            query = match value {
                Bound::Text(text) => query.bind(text),
                Bound::Number(number) => query.bind(number),
            };
        }
        query.fetch_all($pool)
    }};
}

impl SqlRecords {
    /// At most `limit` calls that fit, newest first: those after the place `after` or, without
    /// one, the newest. Of a campaign, in the order of the attempts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn search(
        &self,
        filter: &CallFilter,
        after: Option<CallPlace>,
        limit: u32,
    ) -> Result<CallPage, StoreError> {
        let statement = Statement::of(filter, after, i64::from(limit) + 1);
        let rows: Vec<Row> = reading!(self, pool => rows!(statement, pool))?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > wanted;
        let calls: Vec<CallSummary> = rows
            .into_iter()
            .take(wanted)
            .filter_map(|row| {
                // one row that somebody has spoilt does not hide the others
                let read = self.summary(row);
                read.inspect_err(|error| tracing::warn!(%error, "a call was left out of a list"))
                    .ok()
            })
            .collect();
        let next = calls.last().filter(|_| is_more).map(CallSummary::place);
        Ok(CallPage { calls, next })
    }

    /// Whether any call has ended with this outcome.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn knows_outcome(&self, outcome: &str) -> Result<bool, StoreError> {
        let known: i64 = reading!(self, pool => sqlx::query_scalar(KNOWS_OUTCOME).bind(outcome).fetch_one(pool))?;
        Ok(known > 0)
    }

    fn summary(&self, row: Row) -> Result<CallSummary, StoreError> {
        let (
            call_id,
            call_sid,
            stored_state,
            flow,
            version,
            outcome,
            customer_number,
            created_ms,
            started_ms,
            ended_ms,
            record,
            campaign,
        ) = row;
        let ms = |ms: i64| u64::try_from(ms).unwrap_or_default();
        let call_id = CallId::parse(&call_id).ok_or_else(|| StoreError::Unreadable {
            store: self.store(),
            key: "calls".to_owned(),
            reason: "no call's id".to_owned(),
        })?;
        // the columns are enough for a call whose record cannot be read
        let gist: Gist = serde_json::from_str(&record).unwrap_or_default();
        Ok(CallSummary {
            call_id,
            order: gist.order,
            call_sid: call_sid.and_then(|sid| sid.try_into().ok()),
            campaign,
            state: state(&stored_state),
            direction: gist.direction,
            customer_number: customer_number.and_then(|phone| phone.try_into().ok()),
            flow: flow.and_then(|flow| flow.try_into().ok()),
            version: version.and_then(|version| version.try_into().ok()),
            language: gist.language,
            outcome,
            disposition: gist.disposition,
            dial: gist.dial,
            problems: u32::try_from(gist.problems.len()).unwrap_or(u32::MAX),
            created_ms: ms(created_ms),
            started_ms: started_ms.map(ms),
            ended_ms: ended_ms.map(ms),
        })
    }
}

/// Reads a state as the column has it.
fn state(stored: &str) -> CallState {
    [CallState::Pending, CallState::Live]
        .into_iter()
        .find(|state| super::state(*state) == stored)
        .unwrap_or(CallState::Ended)
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallSid, FlowName, VersionId};
    use sqlx::{Connection, Row as _, SqliteConnection};

    use super::*;
    use crate::sql::migrations;

    type Change = fn(&mut CallFilter);

    /// SQLite has no statistics, so that its plans are the same in a database without calls.
    #[tokio::test]
    async fn each_filter_has_an_index_and_nothing_is_sorted() {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrations::sqlite().run(&mut database).await.unwrap();
        let cases: [(Change, &str); 15] = [
            (|_| {}, "calls_by_time"),
            (|f| f.call_sid = CallSid::parse("a").ok(), "calls_by_sid"),
            (
                |f| f.phone = PhoneNumber::parse("9876543210").ok(),
                "calls_by_number",
            ),
            (
                |f| f.version = VersionId::parse("aa").ok(),
                "calls_of_version",
            ),
            (|f| f.outcome = Some("busy".to_owned()), "calls_of_outcome"),
            (|f| f.flow = FlowName::parse("emi").ok(), "calls_of_flow"),
            (|f| f.state = Some(CallState::Live), "calls_that_go_on"),
            (|f| f.state = Some(CallState::Ended), "calls_by_time"),
            (
                |f| {
                    f.flow = FlowName::parse("emi").ok();
                    f.outcome = Some("busy".to_owned());
                    f.state = Some(CallState::Live);
                },
                "calls_that_go_on",
            ),
            (
                |f| f.campaign = Some("december".to_owned()),
                "attempts_of_campaign",
            ),
            (|f| f.problems = Some(true), "calls_that_went_wrong"),
            (
                |f| {
                    f.problems = Some(true);
                    f.flow = FlowName::parse("emi").ok();
                    f.outcome = Some("busy".to_owned());
                    f.state = Some(CallState::Ended);
                    f.since_ms = Some(5);
                },
                "calls_that_went_wrong",
            ),
            (|f| f.problems = Some(false), "calls_by_time"),
            (
                |f| (f.since_ms, f.until_ms) = (Some(5), Some(9)),
                "calls_by_time",
            ),
            (
                |f| {
                    f.phone = PhoneNumber::parse("9876543210").ok();
                    f.outcome = Some("busy".to_owned());
                    f.flow = FlowName::parse("emi").ok();
                    f.state = Some(CallState::Pending);
                },
                "calls_by_number",
            ),
        ];
        let after = CallPlace {
            created_ms: 7,
            call_id: CallId::generate(),
        };
        for (change, index) in cases {
            let mut filter = CallFilter::default();
            change(&mut filter);
            for after in [None, Some(after)] {
                let Statement { sql, values } = Statement::of(&filter, after, 51);
                let mut query = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
                for value in values {
                    query = match value {
                        Bound::Text(text) => query.bind(text),
                        Bound::Number(number) => query.bind(number),
                    };
                }
                let plan = query.fetch_all(&mut database).await.unwrap();
                let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
                let reported = steps.join("; ");
                assert!(reported.contains(index), "{filter:?}: {reported}");
                // of calls with one number or CallSid, which are few, those of one millisecond
                let sorts = reported.contains("TEMP B-TREE") && !reported.contains("LAST TERM");
                assert!(!sorts, "{filter:?}: {reported}");
            }
        }
    }
}
