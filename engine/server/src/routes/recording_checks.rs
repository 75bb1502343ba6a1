//! `/api/recordings/checks`: whether the files of recordings are those that the calls' events name.

use axum::extract::{RawQuery, State};
use ghanti_model::{CallId, DeletedFor, Recording, RecordingState};
use ghanti_store::{CallRecords, RecordingName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::query::Query;
use crate::routes::recording::is_own;

/// Calls that one request looks at.
const CALLS: u32 = 200;
/// After so many bytes of recordings a request ends, before its client's patience does.
const BYTES: u64 = 256 << 20;

/// The results of checking the recordings of some calls.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct RecordingChecks {
    /// How many files are as they were recorded.
    pub intact: u64,
    /// How many were deleted because of their age, as their calls say.
    pub deleted_for_age: u64,
    /// How many were deleted with the erasure of a person, as their calls say.
    pub deleted_for_erasure: u64,
    /// Files that were changed or are missing.
    pub broken: Vec<NamedRecording>,
    /// Files that could not be checked, such as those in the data folder of another engine.
    pub unchecked: Vec<NamedRecording>,
    /// The call after which to go on; none at the end.
    pub next: Option<String>,
}

/// A recording with which something is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedRecording {
    /// Its call.
    pub call_id: CallId,
    /// The file's name.
    pub file: String,
    /// What is wrong, and what can be done.
    pub reason: String,
}

/// What is known of one recording.
enum Verdict {
    Intact,
    Deleted(DeletedFor),
    Broken(String),
    Unchecked(String),
    /// There is nothing to be checked.
    NoFile,
}

/// Checks the recordings of the next calls, by id: 200 calls at a time, or as many as have 256 MiB of
/// recordings.
///
/// # Errors
///
/// 400 for an unusable query, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/recordings/checks",
    tag = "calls",
    operation_id = "recordings_verify",
    params(
        ("cursor" = Option<String>, Query, description = "`next` of the answer before"),
    ),
    responses(
        (status = 200, description = "what was found", body = RecordingChecks),
        (status = 400, description = "`unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn verify(
    _: Api,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Answer<RecordingChecks>, Problem> {
    let query = Query::read(query.as_deref(), &["cursor"])?;
    let after = query.text("cursor").unwrap_or_default();
    let calls = app.records.calls_after(after, CALLS).await;
    let calls = calls.map_err(Problem::unavailable)?;
    let is_full = u32::try_from(calls.len()).is_ok_and(|length| length >= CALLS);
    let mut checks = RecordingChecks::default();
    let (mut last, mut bytes) = (None, 0_u64);
    for call_id in calls {
        if bytes >= BYTES {
            checks.next = last;
            return Ok(Answer(checks));
        }
        let record = app.records.by_id(call_id).await;
        // a call may have been deleted meanwhile
        if let Some(record) = record.map_err(Problem::unavailable)? {
            for recording in &record.recordings {
                let verdict = check(&app, call_id, recording).await;
                if matches!(verdict, Verdict::Intact | Verdict::Broken(_)) {
                    bytes = bytes.saturating_add(recording.bytes);
                }
                checks.count(call_id, recording, verdict);
            }
        }
        last = Some(call_id.to_string());
    }
    checks.next = last.filter(|_| is_full);
    Ok(Answer(checks))
}

impl RecordingChecks {
    fn count(&mut self, call_id: CallId, recording: &Recording, verdict: Verdict) {
        let named = |reason| NamedRecording {
            call_id,
            file: recording.file.clone(),
            reason,
        };
        match verdict {
            Verdict::Intact => self.intact += 1,
            Verdict::Deleted(DeletedFor::Age) => self.deleted_for_age += 1,
            Verdict::Deleted(DeletedFor::Erasure) => self.deleted_for_erasure += 1,
            Verdict::Broken(reason) => self.broken.push(named(reason)),
            Verdict::Unchecked(reason) => self.unchecked.push(named(reason)),
            Verdict::NoFile => {}
        }
    }
}

async fn check(app: &App, call: CallId, recording: &Recording) -> Verdict {
    if recording.state == RecordingState::Deleted {
        return Verdict::Deleted(recording.deleted_for.unwrap_or(DeletedFor::Age));
    }
    // one that goes on has no digest yet, and one that was never written no file
    let Some(expected) = recording.kept() else {
        return Verdict::NoFile;
    };
    let name = RecordingName::parse(&recording.file).filter(|name| name.call == call);
    let Some(name) = name else {
        return Verdict::Broken("the record names a file that is no recording".to_owned());
    };
    match app.services.recordings.digest(name).await {
        Ok(Some((found, _))) if found == expected => Verdict::Intact,
        Ok(Some((_, bytes))) => Verdict::Broken(format!(
            "the file was changed: it has {bytes} bytes and another SHA-256 than the call's events have; bring it back from a backup"
        )),
        Ok(None) => absent(app, call, recording).await,
        Err(error) => Verdict::Unchecked(format!(
            "the file cannot be read: {error}; let the engine's user read it"
        )),
    }
}

/// What a file is that is not in this engine's data folder.
async fn absent(app: &App, call: CallId, recording: &Recording) -> Verdict {
    // it may have been deleted since its record was read
    let again = app.records.by_id(call).await.ok().flatten();
    let now = again.and_then(|record| {
        let mut all = record.recordings.into_iter();
        all.find(|known| known.file == recording.file)
    });
    if let Some(why) = now.and_then(|now| now.deleted_for) {
        return Verdict::Deleted(why);
    }
    match &recording.engine {
        _ if is_own(app, recording) => Verdict::Broken(
            "the file is missing from the data folder: bring it back from a backup".to_owned(),
        ),
        Some(engine) => Verdict::Unchecked(format!(
            "the file is in the data folder of the engine `{engine}`: run this there too"
        )),
        None => Verdict::Unchecked(
            "the file is not in this engine's data folder: run this on the engine that held the call too"
                .to_owned(),
        ),
    }
}
