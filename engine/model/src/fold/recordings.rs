//! What became of the engine's own recordings of a call.

use crate::event::{Recorded, Repeat};
use crate::{CallRecord, DeletedFor, NodeId, Recording, RecordingState};

/// Maximum number of recordings that a record keeps: one for each stream of a call.
const RECORDINGS: usize = 8;
/// Problem of a call whose recording is not whole.
const INCOMPLETE: &str = "recording-incomplete";

impl CallRecord {
    pub(super) fn recording_begun(
        &mut self,
        file: &str,
        at_ms: u64,
        (node, engine): (NodeId, Option<&String>),
    ) {
        let is_known = self.recordings.iter().any(|known| known.file == file);
        if !is_known && self.recordings.len() < RECORDINGS {
            self.recordings.push(Recording {
                node: Some(node),
                engine: engine.cloned(),
                ..Recording::begun(file.to_owned(), at_ms)
            });
        }
    }

    pub(super) fn recorded(&mut self, recorded: &Recorded, now_ms: u64) {
        let Some(recording) = self.recording(&recorded.file) else {
            return;
        };
        // an engine that was slow to end it may have said that there is none
        let may_change = [RecordingState::Begun, RecordingState::Missing];
        if !may_change.contains(&recording.state) {
            return;
        }
        recording.state = recorded.state;
        recording.sha256.clone_from(&recorded.sha256);
        recording.bytes = recorded.bytes;
        recording.length_ms = recorded.length_ms;
        recording.lost_ms = recorded.lost_ms;
        let lost_ms = recorded.lost_ms;
        let reason = recorded.reason.as_deref().unwrap_or_default();
        let detail = match recorded.state {
            RecordingState::Missing => format!("the call was not recorded: {reason}"),
            RecordingState::Cut => format!(
                "the recording ends after {} ms: {reason}",
                recorded.length_ms
            ),
            RecordingState::Mended => "the recording ends where its engine died".to_owned(),
            _ if lost_ms > 0 => format!(
                "{lost_ms} ms of the recording are silent, as the disk did not keep up: see what else writes to the data folder's disk"
            ),
            _ => return,
        };
        self.note_cause(INCOMPLETE, &detail, Repeat::OncePerSentence, now_ms);
    }

    pub(super) fn recording_deleted(&mut self, file: &str, why: DeletedFor, now_ms: u64) {
        if let Some(recording) = self.recording(file) {
            recording.state = RecordingState::Deleted;
            recording.deleted_ms = Some(now_ms);
            recording.deleted_for = Some(why);
        }
    }

    fn recording(&mut self, file: &str) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|known| known.file == file)
    }
}
