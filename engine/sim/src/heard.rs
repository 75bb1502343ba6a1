//! What the caller hears of the bot's audio as it is played: turns and response times.
//!
//! Pure: samples and time are arguments.

/// Silence after audio that ends a turn of the bot. Longer than a synthesizer's pause between
/// sentences.
pub const TURN_SILENCE_MS: u64 = 700;

/// Samples with a greater amplitude are audible: -45 dBFS.
const AUDIBLE: u16 = 184;

/// If the bot was audible this shortly before the caller's speech ended, the caller was
/// interrupting it, and no response time can be measured.
const OVERLAP_MS: u64 = 500;

/// Whether a sample is above -45 dBFS.
pub fn is_audible(sample: i16) -> bool {
    sample.unsigned_abs() > AUDIBLE
}

/// The indices of the first and the last audible sample of a frame.
pub fn audible_span(frame: &[i16]) -> Option<(usize, usize)> {
    let first = frame.iter().position(|&sample| is_audible(sample))?;
    let last = frame.iter().rposition(|&sample| is_audible(sample))?;
    Some((first, last))
}

/// Measures both sides of a call. Times are in milliseconds from the stream's `start`.
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
    /// Starts at the stream's `start`.
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

    /// Processes a frame of the bot's audio, which the caller hears from `at_ms` on.
    pub fn bot(&mut self, at_ms: u64, frame: &[i16]) {
        if let Some((first, last)) = audible_span(frame) {
            self.bot_audible(at_ms + self.span_ms(first), at_ms + self.span_ms(last));
        }
    }

    /// Processes audio of the bot that is audible from one time to another.
    pub fn bot_audible(&mut self, first_ms: u64, last_ms: u64) {
        if self.is_silent(first_ms) {
            self.turn_began_ms = Some(first_ms);
        }
        if let Some(silent_ms) = self.caller_fell_silent_ms.take() {
            self.response_ms.push(first_ms.saturating_sub(silent_ms));
        }
        self.first_audio_ms.get_or_insert(first_ms);
        self.last_audible_ms = Some(last_ms);
    }

    /// Records that the caller's speech ended: its last audible sample was sent at `at_ms`.
    pub fn caller_fell_silent(&mut self, at_ms: u64) {
        let interrupted = self
            .last_audible_ms
            .is_some_and(|last_ms| last_ms + OVERLAP_MS > at_ms);
        self.caller_fell_silent_ms = (!interrupted).then_some(at_ms);
    }

    /// Records that the caller speaks again before a response, which then cannot be measured.
    pub fn caller_speaks(&mut self) {
        self.caller_fell_silent_ms = None;
    }

    /// Whether the bot has been silent for [`TURN_SILENCE_MS`], or has not been heard yet.
    pub fn is_silent(&self, now_ms: u64) -> bool {
        self.last_audible_ms
            .is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= TURN_SILENCE_MS)
    }

    /// When the bot's latest turn began.
    pub fn turn_began_ms(&self) -> Option<u64> {
        self.turn_began_ms
    }

    /// When the bot was last audible.
    pub fn last_audible_ms(&self) -> Option<u64> {
        self.last_audible_ms
    }

    /// When the bot was first audible.
    pub fn first_audio_ms(&self) -> Option<u64> {
        self.first_audio_ms
    }

    /// Times from the caller's last audible sample to the bot's next one, for each response that
    /// could be measured.
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
