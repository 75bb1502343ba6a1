//! The audit log: who changed what through the API, and who looked at what is masked. Rows are only
//! added, and go by age.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;

const ADD: &str = "INSERT INTO audit (unix_ms, token, role, action, path, status, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const PAGE: &str = "SELECT seq, unix_ms, token, role, action, path, status, detail FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
const AGED: &str = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE unix_ms < $1 ORDER BY unix_ms LIMIT $2)";

type Row = (
    i64,
    i64,
    String,
    String,
    String,
    String,
    i64,
    Option<String>,
);

/// Something that the holder of a token did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The token's name: of `[tokens]`, or `api-token`; `anyone` where the API is open.
    pub token: String,
    /// Its role.
    pub role: String,
    /// A method of HTTP, or what was done in the console, such as `unmask`.
    pub action: String,
    /// The path of the request; `NUMBER` stands for a phone number.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// What was changed to what, where the path does not say it: of a candidate's share, the version and
    /// the share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl SqlRecords {
    /// Adds an entry.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        writing!(self, pool => async {
            let add = sqlx::query(ADD).bind(stored_ms(entry.unix_ms)).bind(&entry.token);
            let add = add.bind(&entry.role).bind(&entry.action).bind(&entry.path);
            add.bind(i64::from(entry.status)).bind(&entry.detail).execute(pool).await.map(drop)
        })
    }

    /// The newest entries before a position, with their positions; newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn audit_page(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        let rows: Vec<Row> = reading!(self, pool => {
            let page = sqlx::query_as(PAGE).bind(before.unwrap_or(i64::MAX));
            page.bind(i64::from(limit)).fetch_all(pool)
        })?;
        let entry = |(seq, unix_ms, token, role, action, path, status, detail): Row| {
            let entry = AuditEntry {
                unix_ms: u64::try_from(unix_ms).unwrap_or_default(),
                token,
                role,
                action,
                path,
                status: u16::try_from(status).unwrap_or_default(),
                detail,
            };
            (seq, entry)
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Deletes the oldest entries before a time, at most `limit`. Returns how many.
    pub(super) async fn remove_audit(&self, before_ms: u64, limit: u32) -> Result<u64, StoreError> {
        writing!(self, pool => async {
            let aged = sqlx::query(AGED).bind(stored_ms(before_ms)).bind(i64::from(limit));
            aged.execute(pool).await.map(|done| done.rows_affected())
        })
    }
}
