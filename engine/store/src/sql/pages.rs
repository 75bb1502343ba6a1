//! Reads many records page by page: oldest first for all calls since a time, newest first for the
//! calls of a flow.

use ghanti_model::{CallRecord, FlowName, VersionId};

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;

/// Call ids sort by time, so a page starts after the last id of the previous one, whatever is
/// written in between.
const PAGE: &str = "SELECT call_id, record FROM calls WHERE created_ms >= $1 AND call_id > $2 ORDER BY call_id LIMIT $3";
/// Sorts after every hexadecimal digit, in every collation.
const AFTER_ALL: &str = "g";
const NEWEST_OF: &str = "SELECT call_id, record FROM calls WHERE flow = $1 AND state = 'ended' AND call_id < $2 \
     ORDER BY call_id DESC LIMIT $3";
const HAS_HELD: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM calls WHERE flow = $1 AND version = $2 AND state = 'ended' LIMIT 1) AS held";
const COUNT: &str = "SELECT COUNT(*) FROM calls WHERE created_ms >= $1";

/// A page of records.
#[derive(Debug)]
pub struct Page {
    /// The readable records.
    pub records: Vec<CallRecord>,
    /// Why the others are unreadable.
    pub unreadable: Vec<StoreError>,
    /// Where the next page starts; none if this is the last page.
    pub next: Option<PageMark>,
}

/// The end of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMark(String);

impl SqlRecords {
    /// At most `limit` records created at or after `since_ms` (milliseconds since 1970), oldest
    /// first, after the mark `after` if there is one.
    pub async fn page(
        &self,
        since_ms: u64,
        after: Option<&PageMark>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let (since_ms, after, most) = (
            stored_ms(since_ms),
            after.map_or("", |mark| mark.0.as_str()),
            i64::from(limit),
        );
        let rows: Vec<(String, String)> = reading!(self, pool => sqlx::query_as(PAGE).bind(since_ms).bind(after).bind(most).fetch_all(pool))?;
        Ok(self.page_of(&rows, limit))
    }

    /// At most `limit` records of the flow's ended calls, newest first, after the mark `after` if
    /// there is one.
    pub async fn newest_of(
        &self,
        flow: &FlowName,
        after: Option<&PageMark>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let (flow, after, most) = (
            flow.as_str(),
            after.map_or(AFTER_ALL, |mark| mark.0.as_str()),
            i64::from(limit),
        );
        let rows: Vec<(String, String)> = reading!(self, pool => sqlx::query_as(NEWEST_OF).bind(flow).bind(after).bind(most).fetch_all(pool))?;
        Ok(self.page_of(&rows, limit))
    }

    /// Whether any call on this version of the flow has ended.
    pub async fn has_held(&self, flow: &FlowName, version: &VersionId) -> Result<bool, StoreError> {
        let (flow, version) = (flow.as_str(), version.as_str());
        let held: i64 = reading!(self, pool => sqlx::query_scalar(HAS_HELD).bind(flow).bind(version).fetch_one(pool))?;
        Ok(held > 0)
    }

    fn page_of(&self, rows: &[(String, String)], limit: u32) -> Page {
        let is_full = usize::try_from(limit).is_ok_and(|limit| rows.len() == limit);
        let mut page = Page {
            records: Vec::new(),
            unreadable: Vec::new(),
            next: None,
        };
        page.next = rows
            .last()
            .filter(|_| is_full)
            .map(|(call, _)| PageMark(call.clone()));
        for (call, json) in rows {
            match self.read(call, json) {
                Ok(record) => page.records.push(record),
                Err(error) => page.unreadable.push(error),
            }
        }
        page
    }

    /// How many records were created at or after `since_ms` (milliseconds since 1970).
    pub async fn count(&self, since_ms: u64) -> Result<u64, StoreError> {
        let since_ms = stored_ms(since_ms);
        let count: i64 =
            reading!(self, pool => sqlx::query_scalar(COUNT).bind(since_ms).fetch_one(pool))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
