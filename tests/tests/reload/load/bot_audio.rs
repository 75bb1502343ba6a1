//! The timing of the bot's audio as the network receives it: when it has been played, how late
//! frames arrive, and where the buffer runs dry.
//!
//! Audio is counted, not kept. Times are microseconds since `start`, given as arguments.

use std::collections::VecDeque;

/// Timing of the bot's audio in one stream.
#[derive(Debug, Default)]
pub(super) struct BotAudio {
    /// When everything received so far will have been played.
    until_us: Option<u64>,
    marks: VecDeque<(u64, String)>,
    /// When the prompt's next frame is due; `None` before its first.
    due_us: Option<u64>,
}

/// The timing of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The first frame of the call.
    FirstOfCall,
    /// The first frame of a prompt, for which no due time is known.
    FirstOfPrompt,
    /// A frame that continues a prompt. It is due one frame after the previous one, counted from
    /// the prompt's earliest frame.
    Paced {
        /// How late it arrived, in microseconds.
        late_us: u64,
    },
    /// A frame that arrived after the buffer had run dry: the caller heard a gap within a prompt.
    AfterGap {
        /// Length of the gap, in microseconds.
        gap_us: u64,
    },
}

impl BotAudio {
    /// Adds a frame of `ms` milliseconds.
    pub(super) fn media(&mut self, now_us: u64, ms: u64) -> Frame {
        let played_us = self.until_us.unwrap_or_default();
        let frame = match (self.until_us, self.due_us) {
            (None, _) => Frame::FirstOfCall,
            (Some(_), None) => Frame::FirstOfPrompt,
            (Some(_), Some(_)) if now_us > played_us => Frame::AfterGap {
                gap_us: now_us - played_us,
            },
            (Some(_), Some(due_us)) => Frame::Paced {
                late_us: now_us.saturating_sub(due_us),
            },
        };
        let lasts_us = ms * 1_000;
        self.until_us = Some(played_us.max(now_us) + lasts_us);
        // an early frame sets the pace; a late one does not excuse those after it, unless a gap has
        // delayed them all
        let due_us = self
            .due_us
            .filter(|_| !matches!(frame, Frame::AfterGap { .. }))
            .unwrap_or(now_us);
        self.due_us = Some(due_us.min(now_us) + lasts_us);
        frame
    }

    /// Marks the end of a prompt: the next frame belongs to another one.
    pub(super) fn end_of_prompt(&mut self) {
        self.due_us = None;
    }

    /// Adds a mark, which ends a prompt.
    pub(super) fn mark(&mut self, name: String) {
        self.end_of_prompt();
        self.marks
            .push_back((self.until_us.unwrap_or_default(), name));
    }

    /// Drops everything not yet played, with its marks.
    pub(super) fn clear(&mut self) {
        self.end_of_prompt();
        self.until_us = self.until_us.map(|_| 0);
        self.marks.clear();
    }

    /// Returns the marks whose audio has been played.
    pub(super) fn played(&mut self, now_us: u64) -> impl Iterator<Item = String> {
        std::iter::from_fn(move || {
            self.marks
                .pop_front_if(|(due_us, _)| *due_us <= now_us)
                .map(|(_, name)| name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    #[test]
    fn marks_wait_for_the_audio_before_them() {
        let mut audio = BotAudio::default();
        audio.media(0, 200);
        audio.media(20 * MS, 200);
        audio.mark("a".to_owned());
        assert_eq!(audio.played(399 * MS).count(), 0);
        assert_eq!(audio.played(400 * MS).collect::<Vec<_>>(), ["a"]);
        audio.media(500 * MS, 100);
        audio.mark("b".to_owned());
        audio.clear();
        assert_eq!(audio.played(9_000 * MS).count(), 0);
    }

    #[test]
    fn a_frame_is_late_by_the_pace_of_its_own_prompt() {
        let mut audio = BotAudio::default();
        // three at once, as a bot does that sends ahead, then one every 100 ms
        let came: Vec<_> = [0, 0, 0, 100, 203, 300]
            .map(|at_ms| audio.media(at_ms * MS, 100))
            .into();
        let paced = |late_ms| Frame::Paced {
            late_us: late_ms * MS,
        };
        assert_eq!(
            came,
            [
                Frame::FirstOfCall,
                paced(0),
                paced(0),
                paced(0),
                paced(3),
                paced(0)
            ]
        );
    }

    #[test]
    fn a_gap_within_a_prompt_is_reported_and_silence_between_prompts_is_none() {
        let mut audio = BotAudio::default();
        audio.media(0, 100);
        assert_eq!(
            audio.media(130 * MS, 100),
            Frame::AfterGap { gap_us: 30 * MS }
        );
        assert_eq!(audio.media(230 * MS, 100), Frame::Paced { late_us: 0 });
        audio.mark("end".to_owned());
        assert_eq!(audio.media(5_000 * MS, 100), Frame::FirstOfPrompt);
    }
}
