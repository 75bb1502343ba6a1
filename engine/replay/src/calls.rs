//! Reads recorded calls from the database or from a file.

use std::path::{Path, PathBuf};

use ghanti_model::{CallId, CallRecord, CallSid, Journal, Masked};
use ghanti_store::{CallRecords, SqlRecords};
use serde_json::Value as Json;

use crate::error::ReplayError;

/// A recorded call: its journal, and its record if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) journal: Journal,
    pub(crate) record: Option<CallRecord>,
}

/// The SQLite file in the data folder, used if the configuration names no database.
const FILE: &str = "ghanti.db";

pub(crate) struct Calls {
    database: Option<Masked>,
    ca_file: Option<PathBuf>,
    data: PathBuf,
}

impl Calls {
    pub(crate) fn new(database: Option<Masked>, ca_file: Option<PathBuf>, data: PathBuf) -> Self {
        Self {
            database,
            ca_file,
            data,
        }
    }

    /// Opens the database of records. A missing SQLite file is an error: creating it would yield an
    /// empty database.
    pub(crate) async fn records(&self) -> Result<SqlRecords, ReplayError> {
        if self.database.is_none() && !self.data.join(FILE).exists() {
            return Err(ReplayError::NoRecords(self.data.clone()));
        }
        let url = self.database.as_ref().map(Masked::expose);
        Ok(SqlRecords::open_trusting(url, &self.data, self.ca_file.as_deref()).await?)
    }

    pub(crate) async fn find(&self, call: &str) -> Result<Recorded, ReplayError> {
        let file = Path::new(call);
        if file.exists() {
            return from_file(file);
        }
        let found = match (CallId::parse(call), CallSid::parse(call)) {
            (Some(id), _) => self.records().await?.by_id(id).await?,
            (None, Ok(sid)) => self.records().await?.by_sid(&sid).await?,
            (None, Err(_)) => return Err(ReplayError::NotACall(call.to_owned())),
        };
        from_record(found.ok_or_else(|| ReplayError::NoCall(call.to_owned()))?)
    }
}

pub(crate) fn from_record(mut record: CallRecord) -> Result<Recorded, ReplayError> {
    let call = record.call_id.to_string();
    let journal = record
        .journal
        .take()
        .ok_or_else(|| ReplayError::NoJournal(call.clone()))?;
    journal
        .header
        .check()
        .map_err(|reason| ReplayError::Journal { call, reason })?;
    Ok(Recorded {
        journal,
        record: Some(record),
    })
}

/// Reads a journal by itself, or a call's record as `GET /api/calls/{id}` returns it.
fn from_file(file: &Path) -> Result<Recorded, ReplayError> {
    let unreadable = |reason: String| ReplayError::File {
        file: file.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let json: Json = serde_json::from_str(&text)
        .map_err(|_| unreadable("it is no JSON: give a call's journal or record".to_owned()))?;
    let named = || file.display().to_string();
    let read = |json: Json| {
        Journal::read(json).map_err(|reason| ReplayError::Journal {
            call: named(),
            reason,
        })
    };
    match json {
        Json::Null => Err(ReplayError::NoJournal(named())),
        Json::Object(mut fields) if fields.contains_key("journal") => {
            // read first, since a journal of a later format would fail to parse as part of a record
            let journal = match fields.insert("journal".to_owned(), Json::Null) {
                None | Some(Json::Null) => return Err(ReplayError::NoJournal(named())),
                Some(journal) => read(journal)?,
            };
            let malformed = |_| {
                unreadable(
                    "it holds a journal and is no record of a call: give the one or the other"
                        .to_owned(),
                )
            };
            let record = serde_json::from_value(Json::Object(fields)).map_err(malformed)?;
            Ok(Recorded {
                journal,
                record: Some(record),
            })
        }
        journal => Ok(Recorded {
            journal: read(journal)?,
            record: None,
        }),
    }
}
