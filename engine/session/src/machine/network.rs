//! Watches for missing marks and missing caller audio, which Exotel should send throughout a call.

use super::{Machine, Output};
use crate::event::Event;

/// Missing caller audio for this long is reported, once.
const NO_MEDIA_MS: u64 = 4_000;
/// Marks that are missing for this long while a call goes on are reported, once. They may be late: by
/// the network, or by a machine that is busy.
const NO_MARKS_MS: u64 = 10_000;
/// Once caller audio has stopped for this long, nobody is on the line any more.
const PEER_LOST_MS: u64 = 20_000;
/// The same if none has ever arrived: the caller may still hear the bot, and press keys.
const NEVER_CAME_MS: u64 = 60_000;

/// What has been reported in this call; each is reported once.
#[derive(Default)]
pub(super) struct Reported {
    no_media: bool,
    no_marks: bool,
    peer_lost: bool,
    /// Since when marks are missing.
    marks_missing_ms: Option<u64>,
}

impl Machine {
    /// When to check again for missing caller audio.
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

    /// Reports a network that returns no marks or sends no caller audio, once each.
    pub(super) fn watch_network(&mut self, now_ms: u64, silent_ms: u64) {
        let stopped = self.last_audio_ms.is_some();
        if self.ended {
            return;
        }
        if self.playback.lacks_marks() {
            let since_ms = *self.reported.marks_missing_ms.get_or_insert(now_ms);
            if now_ms.saturating_sub(since_ms) >= NO_MARKS_MS {
                self.report_missing_marks();
            }
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
    /// Reports a network that has returned no mark by now, once: while the call goes on, when they
    /// are missing for long, else at its end.
    pub(super) fn report_missing_marks(&mut self) {
        if !self.reported.no_marks && self.playback.lacks_marks() {
            self.reported.no_marks = true;
            self.events.push_back(Event::NoMarks);
        }
    }
}
