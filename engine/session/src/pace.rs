//! How fast a stream may send: audio as fast as it is spoken, keys as fast as a person presses them.
//!
//! A stream that is faster is not read for as long as it is ahead, so that the sender waits (TCP's
//! flow control) and the engine spends no more on its call than on any other. Nothing is lost. A
//! network that stalls and then delivers everything at once is not held up.

/// How far a stream may be ahead of real time: a stall of this length is caught up at once, 10 s.
const AHEAD_MS: u64 = 10_000;
/// How much audio a stream may send per 100 ms: 125 ms, so that messages other than audio have room
/// beside it.
const GIVEN_PERCENT: u64 = 125;
/// What a message counts at least: 200 a second at 20 ms of audio each come as four times real time.
const MESSAGE_MS: u64 = 5;
/// What a key counts: 25 a second.
const KEY_MS: u64 = 50;

/// What a message is to its stream's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// So many milliseconds of audio.
    Audio(u64),
    /// A key.
    Key,
    /// Anything else.
    Other,
}

/// The pace of one stream. Times are in milliseconds since its start.
#[derive(Debug, Default)]
pub struct Pace {
    /// How far it was ahead at `at_ms`, in hundredths of a millisecond.
    ahead: u64,
    at_ms: u64,
}

impl Pace {
    /// A message was received. Returns whether the stream is too far ahead now.
    pub fn take(&mut self, now_ms: u64, message: Message) -> bool {
        let counts_ms = match message {
            Message::Audio(ms) => ms.max(MESSAGE_MS),
            Message::Key => KEY_MS,
            Message::Other => MESSAGE_MS,
        };
        self.ahead = self.ahead(now_ms).saturating_add(counts_ms * 100);
        self.at_ms = self.at_ms.max(now_ms);
        self.ahead > AHEAD_MS * 100
    }

    /// When the stream may be read again; nothing if it may now.
    pub fn opens_at(&self, now_ms: u64) -> Option<u64> {
        let beyond = self.ahead(now_ms).saturating_sub(AHEAD_MS * 100);
        (beyond > 0).then(|| now_ms + beyond.div_ceil(GIVEN_PERCENT))
    }

    fn ahead(&self, now_ms: u64) -> u64 {
        let given = now_ms.saturating_sub(self.at_ms) * GIVEN_PERCENT;
        self.ahead.saturating_sub(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages a stream that sends as fast as it may gets through in so many seconds.
    fn taken(message: Message, seconds: u64) -> u64 {
        let mut pace = Pace::default();
        let mut taken = 0;
        for now_ms in 0..seconds * 1_000 {
            while pace.opens_at(now_ms).is_none() {
                pace.take(now_ms, message);
                taken += 1;
            }
        }
        taken
    }

    #[test]
    fn audio_in_real_time_with_marks_is_never_held_up() {
        let mut pace = Pace::default();
        for frame in 0..180_000_u64 {
            let now_ms = frame * 20;
            assert_eq!(pace.opens_at(now_ms), None, "after {now_ms} ms");
            assert!(!pace.take(now_ms, Message::Audio(20)));
            if frame % 25 == 0 {
                pace.take(now_ms, Message::Other);
            }
        }
    }

    #[test]
    fn a_stall_is_caught_up_at_once() {
        let mut pace = Pace::default();
        pace.take(0, Message::Audio(20));
        for _ in 0..9_000 / 20 {
            assert_eq!(pace.opens_at(9_000), None);
            pace.take(9_000, Message::Audio(20));
        }
    }

    #[test]
    fn what_is_faster_is_bounded() {
        for (message, least, most) in [
            // ten seconds at once, and 1.25 times real time
            (Message::Audio(20), 4_200, 4_300),
            (Message::Audio(0), 16_900, 17_100),
            (Message::Other, 16_900, 17_100),
            (Message::Key, 1_690, 1_710),
        ] {
            let taken = taken(message, 60);
            assert!((least..most).contains(&taken), "{message:?}: {taken}");
        }
    }
}
