//! What the network owes: marks behind what was sent, and the caller's audio, all the time.

use super::{Machine, Output};
use crate::event::Event;

/// When no audio has come for so long, something is wrong on the way: it is reported once.
const NO_MEDIA_MS: u64 = 4_000;
/// When audio has stopped for so long, nobody is there any more.
const PEER_LOST_MS: u64 = 20_000;
/// The same where none has ever come: the caller may hear the bot, and have keys.
const NEVER_CAME_MS: u64 = 60_000;

/// What is reported once in a call.
#[derive(Default)]
pub(super) struct Reported {
    no_media: bool,
    no_marks: bool,
    peer_lost: bool,
}

impl Machine {
    /// When missing audio has to be looked at again.
    pub(super) fn network_wake(&self) -> Option<u64> {
        let silent_since_ms = self.last_audio_ms.unwrap_or(0);
        match (self.reported.no_media, self.reported.peer_lost) {
            (false, _) => Some(silent_since_ms + NO_MEDIA_MS),
            (true, false) => Some(silent_since_ms + self.lost_after_ms()),
            (true, true) => None,
        }
    }

    fn lost_after_ms(&self) -> u64 {
        if self.last_audio_ms.is_some() {
            PEER_LOST_MS
        } else {
            NEVER_CAME_MS
        }
    }

    /// Reports, once each, a network that returns no marks or brings no audio.
    pub(super) fn watch_network(&mut self, silent_ms: u64) {
        let stopped = self.last_audio_ms.is_some();
        if self.ended {
            return;
        }
        if !self.reported.no_marks && self.playback.lacks_marks() {
            self.reported.no_marks = true;
            self.events.push_back(Event::NoMarks);
        }
        if !self.reported.no_media && silent_ms >= NO_MEDIA_MS {
            self.reported.no_media = true;
            self.events.push_back(Event::NoMedia { stopped });
        }
        if !self.reported.peer_lost && silent_ms >= self.lost_after_ms() {
            self.reported.peer_lost = true;
            self.outputs.push_back(Output::PeerLost { ever: stopped });
        }
    }
}
