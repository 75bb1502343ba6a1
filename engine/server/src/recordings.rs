//! Keeps the files of recordings and the calls' records consistent: recordings that an engine left
//! unfinished are completed and recorded, and recordings that are too old or were erased are deleted,
//! which is recorded as well.

use std::time::Duration;

use ghanti_model::{CallId, DeletedFor, EventKind, Recording, RecordingState};
use ghanti_session::Services;
use ghanti_session::recording::{finish_file, record_result};
use ghanti_store::{RecordingName, SqlRecords, StoreError};

/// The age at which a file whose call is not in the database is deleted, in milliseconds: the call's
/// events may still be in a spool.
const UNKNOWN_KEPT_MS: u64 = 7 * 86_400_000;
/// Number of files that are checked without a pause.
const BATCH: usize = 100;
/// The pause between two such batches, so that calls come first.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// Completes the recordings that an earlier engine in this data folder left unfinished.
pub(crate) async fn recover(services: &Services, unended: Vec<RecordingName>) {
    for name in unended {
        let record = match services.registry.get(name.call).await {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(call = %name.call, %error, "an unfinished recording could not be completed; the next start tries again");
                continue;
            }
        };
        let file = name.to_string();
        let known = record.and_then(|record| {
            let mut all = record.recordings.into_iter();
            all.find(|recording| recording.file == file)
        });
        match known.map(|recording| recording.state) {
            Some(RecordingState::Begun | RecordingState::Missing) => {
                let recorded = services.recordings.mend(name).await;
                tracing::info!(call = %name.call, length_ms = recorded.length_ms, "an unfinished recording was completed");
                record_result(services, name, recorded).await;
            }
            // the engine died between recording the event and renaming the file
            Some(RecordingState::Complete | RecordingState::Cut | RecordingState::Mended) => {
                finish_file(services, name).await;
            }
            Some(RecordingState::Deleted) | None => {
                tracing::warn!(call = %name.call, "a recording without a record is deleted");
                let _ = removed(services, name).await;
            }
        }
    }
}

/// Deletes the recordings of a call that are in this data folder, and records that. Returns how many
/// were deleted, and how many are in the data folders of other engines.
///
/// # Errors
/// The error of the file system, as text.
pub(crate) async fn erase(
    services: &Services,
    call: CallId,
    recordings: &[Recording],
) -> Result<(u64, u64), String> {
    let (mut here, mut elsewhere) = (0, 0);
    for recording in recordings {
        let name = RecordingName::parse(&recording.file).filter(|name| name.call == call);
        let Some(name) = name.filter(|_| recording.state != RecordingState::Deleted) else {
            continue;
        };
        if delete(services, name, DeletedFor::Erasure).await? {
            here += 1;
        } else {
            elsewhere += u64::from(recording.kept().is_some());
        }
    }
    Ok((here, elsewhere))
}

/// Deletes a recording, and records that. Returns whether it was in this data folder.
async fn delete(services: &Services, name: RecordingName, why: DeletedFor) -> Result<bool, String> {
    let was_there = removed(services, name).await?;
    if was_there {
        let file = name.to_string();
        let deleted = EventKind::RecordingDeleted { file, why };
        services.registry.append(name.call, deleted).await;
    }
    Ok(was_there)
}

async fn removed(services: &Services, name: RecordingName) -> Result<bool, String> {
    let removed = services.recordings.remove(name).await;
    removed.map_err(|error| {
        tracing::error!(call = %name.call, %error, "a recording cannot be deleted: check the owner of the files in the folder of recordings");
        format!("a recording cannot be deleted: {error}")
    })
}

/// Deletes the recordings in this data folder that are older than `before_ms`, and those of people
/// whom another engine has erased. Returns how many.
///
/// # Errors
/// The database does not answer; the next run deletes the rest.
pub(crate) async fn sweep(
    services: &Services,
    records: &SqlRecords,
    before_ms: Option<u64>,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let names = match services.recordings.list().await {
        Ok(names) => names,
        Err(error) => {
            tracing::error!(%error, "the folder of recordings cannot be read: let the engine's user read it");
            return Ok(0);
        }
    };
    let mut deleted = 0;
    for (nth, name) in names.into_iter().enumerate() {
        if nth % BATCH == BATCH - 1 {
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        if services.registry.live().by_id(name.call).is_some() {
            continue;
        }
        let is_old = before_ms.is_some_and(|before_ms| name.began_ms < before_ms);
        let is_orphaned = name.began_ms.saturating_add(UNKNOWN_KEPT_MS) < now_ms;
        let gone = match records.is_person_erased(name.call).await? {
            Some(_) if is_old => delete(services, name, DeletedFor::Age).await,
            Some(true) => delete(services, name, DeletedFor::Erasure).await,
            // no event is recorded: it would create the call again
            None if is_old || is_orphaned => removed(services, name).await,
            Some(false) | None => Ok(false),
        };
        deleted += u64::from(gone.unwrap_or(false));
    }
    Ok(deleted)
}
