//! The bot's audio as the network plays it: when each frame was due, where the audio ran dry, what the
//! caller hears when, and which marks have been reached.
//!
//! Pure: times are microseconds since `start`, as arguments. Frames are played one after another; the
//! first of an utterance when it arrives, each other one when the one before it has been played, or
//! when it arrives if that is later.

use std::collections::VecDeque;

use ghanti_sim::heard::{TURN_SILENCE_MS, audible_span};

/// Audio is looked through in pieces of this length, so that pauses within a long message are found.
const PIECE_MS: usize = 100;

/// The longest pause between two frames that is no gap: players conceal a lost packet of 20 ms, and
/// half of one is not heard.
pub const GAP_US: u64 = 10_000;

/// Timing of the bot's audio in one stream.
#[derive(Debug, Default)]
pub struct Playout {
    /// When everything received so far will have been played.
    until_us: Option<u64>,
    /// Whether the newest frame is not followed by a mark, so that running dry is heard.
    within: bool,
    /// When the next frame of the utterance is due by the utterance's own pace.
    pace_us: Option<u64>,
    /// Whether the bot has sent a mark: one that sends none ends its utterances by silence.
    marks_utterances: bool,
    marks: VecDeque<(u64, String)>,
    audible: VecDeque<Span>,
}

/// From when to when the bot is audible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first audible sample.
    pub first_us: u64,
    /// The last audible sample.
    pub last_us: u64,
}

/// The timing of a frame's arrival.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrival {
    /// How much too late for its playout it arrived: so long the caller heard nothing. 0 in time;
    /// `None` for the first frame of an utterance, which is due at no time.
    pub late_us: Option<u64>,
    /// How much audio was still to be played when it arrived. `None` where nothing was.
    pub reserve_us: Option<u64>,
    /// How late it is by the pace of the utterance's own earliest frame, which shows jitter that
    /// the audio sent ahead hides from the caller.
    pub pace_us: Option<u64>,
}

impl Arrival {
    /// The length of the gap before it, if there is one.
    pub fn gap_us(&self) -> Option<u64> {
        self.late_us.filter(|late_us| *late_us > GAP_US)
    }
}

impl Playout {
    /// Takes a frame of the bot.
    pub fn media(&mut self, now_us: u64, samples: &[i16], rate_hz: u32) -> Arrival {
        let us = |samples: usize| samples as u64 * 1_000_000 / u64::from(rate_hz.max(1));
        let played_us = self.until_us.unwrap_or_default();
        let dry_us = now_us.saturating_sub(played_us);
        let is_first = !self.within
            || self.until_us.is_none()
            || (!self.marks_utterances && dry_us >= TURN_SILENCE_MS * 1_000);
        let arrival = Arrival {
            late_us: (!is_first || dry_us == 0)
                .then_some(dry_us)
                .filter(|_| self.until_us.is_some()),
            reserve_us: played_us.checked_sub(now_us).filter(|us| *us > 0),
            pace_us: self
                .pace_us
                .filter(|_| !is_first && dry_us <= GAP_US)
                .map(|due_us| now_us.saturating_sub(due_us)),
        };
        let (begins_us, lasts_us) = (played_us.max(now_us), us(samples.len()));
        // an early frame sets the pace; a late one does not excuse those after it
        let due_us = arrival
            .pace_us
            .map_or(now_us, |late_us| now_us.saturating_sub(late_us));
        self.pace_us = Some(due_us + lasts_us);
        self.until_us = Some(begins_us + lasts_us);
        self.within = true;
        let piece = (rate_hz as usize * PIECE_MS / 1_000).max(1);
        for (nth, samples) in samples.chunks(piece).enumerate() {
            if let Some((first, last)) = audible_span(samples) {
                self.audible.push_back(Span {
                    first_us: begins_us + us(nth * piece + first),
                    last_us: begins_us + us(nth * piece + last),
                });
            }
        }
        arrival
    }

    /// Takes a mark, which ends an utterance.
    pub fn mark(&mut self, name: String) {
        (self.within, self.pace_us, self.marks_utterances) = (false, None, true);
        self.marks
            .push_back((self.until_us.unwrap_or_default(), name));
    }

    /// Drops everything not yet played, with its marks.
    pub fn clear(&mut self, now_us: u64) {
        (self.within, self.pace_us) = (false, None);
        self.until_us = self.until_us.map(|until_us| until_us.min(now_us));
        self.marks.clear();
        self.audible.retain(|span| span.first_us <= now_us);
    }

    /// The next mark whose audio has been played.
    pub fn reached(&mut self, now_us: u64) -> Option<String> {
        let due = self.marks.pop_front_if(|(due_us, _)| *due_us <= now_us);
        due.map(|(_, name)| name)
    }

    /// The next audible piece whose playing has begun.
    pub fn heard(&mut self, now_us: u64) -> Option<Span> {
        self.audible.pop_front_if(|span| span.first_us <= now_us)
    }

    /// How much of what the caller would have heard is not played yet.
    pub fn unheard_us(&self, now_us: u64) -> u64 {
        self.audible
            .back()
            .map_or(0, |span| span.last_us.saturating_sub(now_us))
    }

    /// Whether there is audio left to play.
    pub fn plays(&self, now_us: u64) -> bool {
        self.until_us.is_some_and(|until_us| until_us > now_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;
    const RATE_HZ: u32 = 8_000;

    fn frame(ms: usize) -> Vec<i16> {
        vec![3_000; ms * 8]
    }

    /// How the frames of 100 ms that arrive at these times, in ms, are judged: late, reserve, pace.
    fn judged(at_ms: &[u64]) -> Vec<[Option<u64>; 3]> {
        let mut playout = Playout::default();
        at_ms
            .iter()
            .map(|at| {
                let came = playout.media(at * MS, &frame(100), RATE_HZ);
                [came.late_us, came.reserve_us, came.pace_us].map(|us| us.map(|us| us / MS))
            })
            .collect()
    }

    #[test]
    fn what_is_sent_ahead_is_in_reserve_and_jitter_behind_it_is_not_heard() {
        assert_eq!(
            judged(&[0, 0, 0, 100, 230, 300]),
            [
                [None, None, None],
                [Some(0), Some(100), Some(0)],
                [Some(0), Some(200), Some(0)],
                [Some(0), Some(200), Some(0)],
                [Some(0), Some(170), Some(30)],
                [Some(0), Some(200), Some(0)],
            ]
        );
    }

    #[test]
    fn a_late_frame_is_heard_as_a_gap_once_and_delays_all_after_it() {
        assert_eq!(
            judged(&[0, 100, 260, 360, 460]),
            [
                [None, None, None],
                [Some(0), None, Some(0)],
                [Some(60), None, None],
                [Some(0), None, Some(0)],
                [Some(0), None, Some(0)],
            ]
        );
        let late = |late_us| Arrival {
            late_us: Some(late_us),
            ..Arrival::default()
        };
        assert_eq!(late(60 * MS).gap_us(), Some(60 * MS));
        assert_eq!(late(GAP_US).gap_us(), None);
    }

    #[test]
    fn silence_behind_a_mark_is_no_gap() {
        let mut playout = Playout::default();
        playout.media(0, &frame(100), RATE_HZ);
        playout.mark("end".to_owned());
        let next = playout.media(5_000 * MS, &frame(100), RATE_HZ);
        assert_eq!(next, Arrival::default());
        // but within an utterance of a bot that marks its ends a long one is
        assert_eq!(
            playout.media(6_000 * MS, &frame(100), RATE_HZ).gap_us(),
            Some(900 * MS)
        );
    }

    #[test]
    fn a_bot_without_marks_begins_anew_after_a_long_silence() {
        let mut playout = Playout::default();
        playout.media(0, &frame(100), RATE_HZ);
        let gap = playout.media(250 * MS, &frame(100), RATE_HZ);
        assert_eq!(gap.gap_us(), Some(150 * MS));
        let next = playout.media(2_000 * MS, &frame(100), RATE_HZ);
        assert_eq!(next, Arrival::default());
    }

    #[test]
    fn marks_come_back_when_the_audio_before_them_was_played() {
        let mut playout = Playout::default();
        playout.media(0, &frame(200), RATE_HZ);
        playout.media(20 * MS, &frame(200), RATE_HZ);
        playout.mark("a".to_owned());
        assert_eq!(playout.reached(399 * MS), None);
        assert_eq!(playout.reached(400 * MS).as_deref(), Some("a"));
        playout.media(500 * MS, &frame(100), RATE_HZ);
        playout.mark("b".to_owned());
        playout.clear(510 * MS);
        assert_eq!(playout.reached(9_000 * MS), None);
        assert!(!playout.plays(511 * MS));
    }

    #[test]
    fn audio_is_heard_when_it_is_played_and_not_when_it_came() {
        let mut playout = Playout::default();
        let mut samples = frame(300);
        samples[..400].fill(0);
        samples[800..1_600].fill(0);
        playout.media(10 * MS, &samples, RATE_HZ);
        let span = |first_us, last_us| Some(Span { first_us, last_us });
        assert_eq!(playout.heard(59 * MS), None);
        assert_eq!(playout.heard(60 * MS), span(60_000, 109_875));
        assert_eq!(playout.heard(60 * MS), None);
        assert_eq!(playout.unheard_us(60 * MS), 249_875);
        // the middle piece is silent
        assert_eq!(playout.heard(210 * MS), span(210_000, 309_875));
        playout.media(310 * MS, &frame(100), RATE_HZ);
        playout.clear(305 * MS);
        assert_eq!(playout.heard(900 * MS), None);
    }
}
