//! What the caller's ear makes of the bot's audio as it is played: turns, and how long answers
//! take.
//!
//! Pure: samples and their time are arguments.

/// Silence of this length after audio ends a turn of the bot. Longer than a synthesiser's pause
/// between sentences.
pub const TURN_SILENCE_MS: u64 = 700;

/// A sample above this amplitude is audible: -45 dBFS.
const AUDIBLE: u16 = 184;

/// Where the bot was audible so shortly before the caller's last word, he was interrupting it: no
/// answer can be timed there.
const OVERLAP_MS: u64 = 500;

/// Whether a sample is above -45 dBFS.
pub fn is_audible(sample: i16) -> bool {
    sample.unsigned_abs() > AUDIBLE
}

/// The first and the last audible sample of a frame, by index.
fn audible_span(frame: &[i16]) -> Option<(usize, usize)> {
    let first = frame.iter().position(|&sample| is_audible(sample))?;
    let last = frame.iter().rposition(|&sample| is_audible(sample))?;
    Some((first, last))
}

/// Listens to both sides of a call. Times are milliseconds from the stream's `start`.
#[derive(Debug)]
pub struct Heard {
    rate_hz: u32,
    first_audio_ms: Option<u64>,
    turn_began_ms: Option<u64>,
    last_audible_ms: Option<u64>,
    caller_fell_silent_ms: Option<u64>,
    response_ms: Vec<u64>,
}

impl Heard {
    /// At the stream's `start`.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz,
            first_audio_ms: None,
            turn_began_ms: None,
            last_audible_ms: None,
            caller_fell_silent_ms: None,
            response_ms: Vec::new(),
        }
    }

    /// A frame of the bot's audio, as the caller hears it from `at_ms` on.
    pub fn bot(&mut self, at_ms: u64, frame: &[i16]) {
        let Some((first, last)) = audible_span(frame) else {
            return;
        };
        let (first_ms, last_ms) = (at_ms + self.span_ms(first), at_ms + self.span_ms(last));
        if self.is_silent(first_ms) {
            self.turn_began_ms = Some(first_ms);
        }
        if let Some(silent_ms) = self.caller_fell_silent_ms.take() {
            self.response_ms.push(first_ms.saturating_sub(silent_ms));
        }
        self.first_audio_ms.get_or_insert(first_ms);
        self.last_audible_ms = Some(last_ms);
    }

    /// The caller's last audible sample of what he says now was heard at `at_ms`.
    pub fn caller_fell_silent(&mut self, at_ms: u64) {
        let interrupted = self
            .last_audible_ms
            .is_some_and(|last_ms| last_ms + OVERLAP_MS > at_ms);
        self.caller_fell_silent_ms = (!interrupted).then_some(at_ms);
    }

    /// The caller speaks again before any answer: that one cannot be timed.
    pub fn caller_speaks(&mut self) {
        self.caller_fell_silent_ms = None;
    }

    /// Whether the bot has not been heard for [`TURN_SILENCE_MS`], or not yet at all.
    pub fn is_silent(&self, now_ms: u64) -> bool {
        self.last_audible_ms
            .is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= TURN_SILENCE_MS)
    }

    /// When the bot's newest turn began.
    pub fn turn_began_ms(&self) -> Option<u64> {
        self.turn_began_ms
    }

    /// When the bot was last heard.
    pub fn last_audible_ms(&self) -> Option<u64> {
        self.last_audible_ms
    }

    /// From `start` to the first audible sample.
    pub fn first_audio_ms(&self) -> Option<u64> {
        self.first_audio_ms
    }

    /// From the caller's last audible sample to the bot's next one, for each answer that could be
    /// timed.
    pub fn response_ms(&self) -> &[u64] {
        &self.response_ms
    }

    fn span_ms(&self, samples: usize) -> u64 {
        samples as u64 * 1000 / u64::from(self.rate_hz.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: [i16; 160] = [3000; 160];
    const QUIET: [i16; 160] = [100; 160];

    #[test]
    fn audio_counts_from_its_first_audible_sample() {
        let mut heard = Heard::new(8_000);
        heard.bot(0, &QUIET);
        let mut frame = QUIET;
        frame[80] = -3000;
        heard.bot(20, &frame);
        assert_eq!(heard.first_audio_ms(), Some(30));
    }

    #[test]
    fn a_pause_ends_a_turn_only_when_it_is_long() {
        let mut heard = Heard::new(8_000);
        assert!(heard.is_silent(0), "nothing was heard yet");
        heard.bot(100, &LOUD);
        assert!(!heard.is_silent(119 + 699));
        heard.bot(800, &LOUD);
        assert_eq!(
            heard.turn_began_ms(),
            Some(100),
            "a pause of 680 ms is within the turn"
        );
        assert!(heard.is_silent(819 + 700));
        heard.bot(1600, &LOUD);
        assert_eq!(heard.turn_began_ms(), Some(1600));
    }

    #[test]
    fn an_answer_is_timed_from_the_last_word_to_the_next_sound() {
        let mut heard = Heard::new(8_000);
        heard.bot(0, &LOUD);
        heard.caller_fell_silent(2000);
        heard.bot(2020, &QUIET);
        heard.bot(2600, &LOUD);
        heard.bot(2620, &LOUD);
        assert_eq!(heard.response_ms(), [600]);
    }

    #[test]
    fn an_interruption_has_no_response_time() {
        let mut heard = Heard::new(8_000);
        heard.bot(1900, &LOUD);
        heard.caller_fell_silent(2000);
        heard.bot(2600, &LOUD);
        assert!(heard.response_ms().is_empty());
    }
}
