//! The files of recordings beside their calls: what an engine that died has left is named by the
//! calls' records, and what is too old or was to be erased is deleted, which the records say too.

use std::time::Duration;

use ghanti_model::{CallId, DeletedFor, EventKind, Recording, RecordingState};
use ghanti_session::Services;
use ghanti_session::recording::{kept, told};
use ghanti_store::{RecordingName, SqlRecords, StoreError};

/// A file whose call is not in the database is deleted when it is so old, in milliseconds: the call's
/// events may be waiting in a spool.
const UNKNOWN_KEPT_MS: u64 = 7 * 86_400_000;
/// How many files are looked at without a pause.
const STEP: usize = 100;
/// The pause between two such steps, so that calls come first.
const BREATH: Duration = Duration::from_millis(100);

/// Ends the recordings that an earlier engine in this data folder has not ended.
pub(crate) async fn mend(services: &Services, unended: Vec<RecordingName>) {
    for name in unended {
        let record = match services.registry.get(name.call).await {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(call = %name.call, %error, "a recording that was not ended is looked at again at the next start");
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
                tracing::info!(call = %name.call, length_ms = recorded.length_ms, "a recording that was not ended was looked at");
                told(services, name, recorded).await;
            }
            // the engine died between telling and renaming
            Some(RecordingState::Complete | RecordingState::Cut | RecordingState::Mended) => {
                kept(services, name).await;
            }
            Some(RecordingState::Deleted) | None => {
                tracing::warn!(call = %name.call, "a recording that no record has is deleted");
                let _ = removed(services, name).await;
            }
        }
    }
}

/// Deletes the recordings of a call that are in this data folder, as its record will say. Returns how
/// many there were, and how many others are where another engine has its data.
///
/// # Errors
/// The disk's, in words.
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

/// Deletes a recording, as its call's record will say. Returns whether it was in this data folder.
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
        tracing::error!(call = %name.call, %error, "a recording cannot be deleted: see who owns the files in the folder of recordings");
        format!("a recording cannot be deleted: {error}")
    })
}

/// Deletes the recordings in this data folder that are older than `before_ms`, and those of persons
/// who were erased by another engine. Returns how many.
///
/// # Errors
/// The database does not answer; what is left is found by the next run.
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
        if nth % STEP == STEP - 1 {
            tokio::time::sleep(BREATH).await;
        }
        if services.registry.live().by_id(name.call).is_some() {
            continue;
        }
        let is_old = before_ms.is_some_and(|before_ms| name.began_ms < before_ms);
        let is_stray = name.began_ms.saturating_add(UNKNOWN_KEPT_MS) < now_ms;
        let gone = match records.is_person_erased(name.call).await? {
            Some(_) if is_old => delete(services, name, DeletedFor::Age).await,
            Some(true) => delete(services, name, DeletedFor::Erasure).await,
            // an event would bring the call back
            None if is_old || is_stray => removed(services, name).await,
            Some(false) | None => Ok(false),
        };
        deleted += u64::from(gone.unwrap_or(false));
    }
    Ok(deleted)
}
