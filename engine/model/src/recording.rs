//! The engine's own recordings of a call, as its record names them. The audio is in a file of the
//! engine that held the stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::NodeId;

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingState {
    /// It was begun. If the call has ended, the engine stopped before it ended the recording: an
    /// engine that starts in the same data folder says what is left of it.
    Begun,
    /// It lasts as long as its stream, except for what `lost_ms` counts.
    Complete,
    /// It ends before its stream: no room or time was left for it, or the disk failed.
    Cut,
    /// Its engine died during the call. It ends where the engine did, within some seconds.
    Mended,
    /// There is no file.
    Missing,
    /// The file was deleted.
    Deleted,
}

/// Why a recording was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeletedFor {
    /// It was older than `[retention]` allows.
    Age,
    /// The customer was erased.
    Erasure,
}

/// One recording: a WAV file of two channels at 8 kHz, the caller left, and right what was played to
/// them. A call that another engine went on with has one for each stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recording {
    /// The file's name in the folder `recordings` of the engine's data folder.
    pub file: String,
    /// The engine in whose data folder it is, by the id that it had then: a restarted engine has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The name of that engine; absent from recordings of older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Where it begins, in milliseconds since the start of the call, as lines of the transcript are
    /// counted.
    pub at_ms: u64,
    /// What became of it.
    pub state: RecordingState,
    /// The SHA-256 of the file, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The length of the file.
    #[serde(default)]
    pub bytes: u64,
    /// How long it lasts.
    #[serde(default)]
    pub length_ms: u64,
    /// How much of it is silent because the disk did not keep up.
    #[serde(default)]
    pub lost_ms: u64,
    /// When the file was deleted, in milliseconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_ms: Option<u64>,
    /// Why it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_for: Option<DeletedFor>,
}

impl Recording {
    /// One that begins at this time of the call.
    pub fn begun(file: String, at_ms: u64) -> Self {
        Self {
            file,
            node: None,
            engine: None,
            at_ms,
            state: RecordingState::Begun,
            sha256: None,
            bytes: 0,
            length_ms: 0,
            lost_ms: 0,
            deleted_ms: None,
            deleted_for: None,
        }
    }

    /// Its digest, if there is a file.
    pub fn kept(&self) -> Option<&str> {
        let is_there = matches!(
            self.state,
            RecordingState::Complete | RecordingState::Cut | RecordingState::Mended
        );
        self.sha256.as_deref().filter(|_| is_there)
    }
}
