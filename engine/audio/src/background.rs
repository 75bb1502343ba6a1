//! The level of the line without the caller, and whether a frame stands out from it. Voice activity
//! reports a television, voices in the street or music as speech, however faint.
//!
//! The background is tracked as mean and spread of the levels of frames that do not stand out, so
//! that steady noise may come close to the caller's voice and babble may not. Until there is
//! history, the quietest level so far is used; and a sound without a pause for two seconds becomes
//! background, whatever it is.
//!
//! Levels are dBFS over the last three frames (48 ms), high-passed at 150 Hz to remove mains hum
//! and offsets.

use crate::level::{SILENCE_DBFS, power_dbfs};
use crate::voice::FRAME_MS;

/// The quietest level counted as a voice.
const LEAST_DBFS: f32 = -57.0;

/// The level a voice needs to interrupt the bot. Telephone speech is at -30 to -16 dBFS (ITU-T P.56).
/// A fainter voice can be somebody in the background, and can still answer once the bot has finished …
const INTERRUPTING_DBFS: f32 = -31.0;

/// … and interrupts, too, on a line without echo that has been quiet: where nothing else is heard, it
/// is the caller's. It has to be as loud as this, …
const FAINTEST_INTERRUPTING_DBFS: f32 = -50.0;

/// … so much over the line's mean, and so much over the loudest sound in the background.
const INTERRUPTING_OVER_MEAN_DB: f32 = 15.0;
const INTERRUPTING_OVER_LOUDEST_DB: f32 = 8.0;

/// A line is known after the bot has played for a second. An echo would have come back by then.
const KNOWN_FRAMES: u32 = 1_000 / FRAME_MS;

/// The smallest and largest margin over the mean, for steady noise and for noise with a large
/// spread.
const MARGIN_DB: (f32, f32) = (5.0, 13.0);

/// The margin over the mean, in multiples of the spread.
const SPREADS: f32 = 2.2;

/// The margin over the quietest level of the last two seconds, applied once [`LEAST_FRAMES`] frames
/// have been seen.
const OVER_QUIETEST_DB: f32 = 8.0;
const LEAST_FRAMES: u32 = 128 / FRAME_MS;

/// Per frame the mean rises by the first fraction of the difference (time constant one second) and
/// falls by the second (a quarter of a second).
const RISE: f32 = FRAME_MS as f32 / 1_000.0;
const FALL: f32 = FRAME_MS as f32 / 250.0;

/// Within a turn, sound this far below the turn's loudest level is not part of it.
const BELOW_TURN_DB: f32 = 17.0;

/// A new turn may be this much fainter than previous turns.
const BELOW_NEAR_DB: f32 = 14.0;

/// A voice at this level is accepted however loud previous turns were.
const NEAR_ENOUGH_DBFS: f32 = -30.0;

/// The remembered levels of previous turns and of the background decay by this per frame: 1 dB per second.
const FADE_DB: f32 = FRAME_MS as f32 / 1_000.0;

/// Frames this far below the level of a voice are not examined for one.
const GATE_DB: f32 = 3.0;

/// The lowest background level assumed.
const FAINT_DBFS: f32 = -80.0;

/// The pole of the first-order high-pass: 150 Hz at 16 kHz.
const POLE: f32 = 0.943;

/// Its first four powers.
const POLES: [f32; 4] = [
    POLE,
    POLE * POLE,
    POLE * POLE * POLE,
    POLE * POLE * POLE * POLE,
];

/// What is known about a frame besides its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameFacts {
    /// Voice activity found speech that is not echo.
    pub speech: bool,
    /// A caller turn is in progress.
    pub in_turn: bool,
    /// The bot is audible.
    pub bot_plays: bool,
    /// The bot has been heard on the line.
    pub has_echo: bool,
    /// The frame is neither echo nor a tone, which are transient: it is line noise or the caller.
    pub of_line: bool,
}

/// Tracks the background of one line.
#[derive(Debug, Clone)]
pub struct Background {
    /// The last input and output sample of the high-pass.
    last: (f32, f32),
    /// Powers of the last three frames, roughly the span that voice activity looks at.
    powers: [f32; 3],
    /// The level of the last three frames.
    level_dbfs: f32,
    frames: u32,
    /// Frames included in the mean.
    followed: u32,
    mean_dbfs: f32,
    spread_db: f32,
    quietest: Quietest,
    loudest: Loudest,
    /// Frames while the bot played.
    played: u32,
    has_echo: bool,
    /// The loudest level of the current turn, and the decaying one of previous turns.
    turn_dbfs: f32,
    near_dbfs: f32,
}

impl Default for Background {
    fn default() -> Self {
        Self::new()
    }
}

impl Background {
    /// A tracker without history.
    pub fn new() -> Self {
        Self {
            last: (0.0, 0.0),
            powers: [0.0; 3],
            level_dbfs: SILENCE_DBFS,
            frames: 0,
            followed: 0,
            mean_dbfs: FAINT_DBFS,
            spread_db: 4.0,
            quietest: Quietest::default(),
            loudest: Loudest::default(),
            played: 0,
            has_echo: false,
            turn_dbfs: SILENCE_DBFS,
            near_dbfs: SILENCE_DBFS,
        }
    }

    /// Takes a frame at 16 kHz. What else is known of it comes with [`judge`](Self::judge), which has to
    /// follow.
    pub fn push(&mut self, frame: &[i16]) {
        let power = self.power(frame);
        self.powers.rotate_left(1);
        let [.., newest] = &mut self.powers;
        *newest = power;
        self.level_dbfs = power_dbfs(self.powers.iter().sum::<f32>() / self.powers.len() as f32);
        self.quietest.push(self.level_dbfs);
        self.frames = self.frames.saturating_add(1);
    }

    /// The level of the last three frames, in dBFS.
    pub fn level_dbfs(&self) -> f32 {
        self.level_dbfs
    }

    /// Whether the last frame is loud enough to be a voice, whatever else is known of it.
    pub fn is_loud(&self) -> bool {
        self.level_dbfs >= self.over_line_dbfs() - GATE_DB
    }

    /// Whether the last frame stands out.
    pub fn judge(&mut self, facts: FrameFacts) -> bool {
        let FrameFacts {
            speech,
            in_turn,
            of_line,
            ..
        } = facts;
        let level_dbfs = self.level_dbfs;
        self.played = self.played.saturating_add(facts.bot_plays.into());
        self.has_echo = facts.has_echo;
        let stands_out = level_dbfs >= self.least_dbfs(facts);
        let is_background = of_line && !(stands_out && speech);
        if is_background {
            self.follow(level_dbfs);
        }
        self.loudest.push(if is_background && !in_turn {
            level_dbfs
        } else {
            SILENCE_DBFS
        });
        if in_turn && stands_out && speech {
            self.turn_dbfs = self.turn_dbfs.max(level_dbfs);
        } else if !in_turn {
            if self.turn_dbfs > SILENCE_DBFS {
                self.near_dbfs = self.near_dbfs.max(self.turn_dbfs);
                self.turn_dbfs = SILENCE_DBFS;
            }
            self.near_dbfs -= FADE_DB;
        }
        stands_out
    }

    /// The level of the line without the caller.
    pub fn mean_dbfs(&self) -> f32 {
        self.mean_dbfs
    }

    /// The level a voice has to reach to be heard over the line's own sound.
    fn over_line_dbfs(&self) -> f32 {
        let (even_db, uneven_db) = MARGIN_DB;
        let over_mean = self.mean_dbfs + (SPREADS * self.spread_db).clamp(even_db, uneven_db);
        let over_quietest = if self.frames >= LEAST_FRAMES {
            self.quietest.dbfs() + OVER_QUIETEST_DB
        } else {
            SILENCE_DBFS
        };
        over_mean.max(over_quietest).max(LEAST_DBFS)
    }

    /// The level a voice has to reach.
    fn least_dbfs(&self, facts: FrameFacts) -> f32 {
        let over_line = self.over_line_dbfs();
        if facts.in_turn {
            return over_line.max(self.turn_dbfs - BELOW_TURN_DB);
        }
        let near_dbfs = (self.near_dbfs - BELOW_NEAR_DB).min(NEAR_ENOUGH_DBFS);
        over_line.max(if facts.bot_plays {
            near_dbfs.max(self.interrupting_dbfs())
        } else {
            near_dbfs
        })
    }

    /// The level a voice needs to interrupt the bot.
    pub fn interrupting_dbfs(&self) -> f32 {
        if self.has_echo || self.played < KNOWN_FRAMES {
            return INTERRUPTING_DBFS;
        }
        let over_mean = self.mean_dbfs + INTERRUPTING_OVER_MEAN_DB;
        let over_loudest = self.loudest.dbfs + INTERRUPTING_OVER_LOUDEST_DB;
        over_mean
            .max(over_loudest)
            .clamp(FAINTEST_INTERRUPTING_DBFS, INTERRUPTING_DBFS)
    }

    fn follow(&mut self, level_dbfs: f32) {
        self.followed = self.followed.saturating_add(1);
        let difference = level_dbfs.max(FAINT_DBFS) - self.mean_dbfs;
        // a plain average until there is enough history
        let least = 1.0 / self.followed as f32;
        self.mean_dbfs += difference * least.max(if difference > 0.0 { RISE } else { FALL });
        if self.followed > 1 {
            self.spread_db += (difference.abs() - self.spread_db) * RISE;
        }
    }

    fn power(&mut self, frame: &[i16]) -> f32 {
        let (mut last_in, mut last_out) = self.last;
        let mut sum = 0.0;
        // each output needs the one before it; four at a time need only the last of the four before
        let (fours, rest) = frame.as_chunks::<4>();
        for four in fours {
            let [a, b, c, d] = four.map(f32::from);
            let a_out = a - last_in;
            let b_out = (b - a) + POLE * a_out;
            let c_out = (c - b) + POLE * b_out;
            let d_out = (d - c) + POLE * c_out;
            let outs = [
                a_out + POLES[0] * last_out,
                b_out + POLES[1] * last_out,
                c_out + POLES[2] * last_out,
                d_out + POLES[3] * last_out,
            ];
            sum +=
                (outs[0] * outs[0] + outs[1] * outs[1]) + (outs[2] * outs[2] + outs[3] * outs[3]);
            (last_in, last_out) = (d, outs[3]);
        }
        for &sample in rest {
            let sample = f32::from(sample);
            last_out = sample - last_in + POLE * last_out;
            last_in = sample;
            sum += last_out * last_out;
        }
        self.last = (last_in, last_out);
        sum / frame.len().max(1) as f32
    }
}

/// The minimum is kept per stretch: eight stretches of a quarter second.
const STRETCHES: usize = 8;
const STRETCH_FRAMES: u32 = 16;

/// The quietest level of the last two seconds.
#[derive(Debug, Clone)]
struct Quietest {
    stretches: [f32; STRETCHES],
    current: f32,
    frames: u32,
}

impl Default for Quietest {
    fn default() -> Self {
        Self {
            stretches: [f32::INFINITY; STRETCHES],
            current: f32::INFINITY,
            frames: 0,
        }
    }
}

impl Quietest {
    fn push(&mut self, level_dbfs: f32) {
        self.current = self.current.min(level_dbfs);
        self.frames += 1;
        if self.frames == STRETCH_FRAMES {
            self.stretches.rotate_left(1);
            let [.., newest] = &mut self.stretches;
            *newest = self.current;
            (self.current, self.frames) = (f32::INFINITY, 0);
        }
    }

    fn dbfs(&self) -> f32 {
        self.stretches
            .iter()
            .copied()
            .fold(self.current, f32::min)
            .clamp(SILENCE_DBFS, 0.0)
    }
}

/// The loudest level of the background, decaying. It lags by one to two stretches, so that the first
/// faint sound of a word does not count against the word.
#[derive(Debug, Clone)]
struct Loudest {
    dbfs: f32,
    last: f32,
    current: f32,
    frames: u32,
}

impl Default for Loudest {
    fn default() -> Self {
        Self {
            dbfs: SILENCE_DBFS,
            last: SILENCE_DBFS,
            current: SILENCE_DBFS,
            frames: 0,
        }
    }
}

impl Loudest {
    fn push(&mut self, level_dbfs: f32) {
        self.dbfs -= FADE_DB;
        self.current = self.current.max(level_dbfs);
        self.frames += 1;
        if self.frames == STRETCH_FRAMES {
            self.dbfs = self.dbfs.max(self.last);
            self.last = self.current;
            (self.current, self.frames) = (SILENCE_DBFS, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_that_of_the_high_passed_samples() {
        let samples = crate::test_signals::noise(5, 3_000.0, 1_003);
        let (mut last_in, mut last_out, mut sum) = (0.0_f64, 0.0_f64, 0.0_f64);
        for sample in samples.iter().map(|sample| f64::from(*sample)) {
            last_out = sample - last_in + f64::from(POLE) * last_out;
            last_in = sample;
            sum += last_out * last_out;
        }
        let mut background = Background::new();
        let (first, second) = samples.split_at(501);
        let energy = background.power(first) * 501.0 + background.power(second) * 502.0;
        assert!(
            (f64::from(energy) / sum - 1.0).abs() < 1e-4,
            "{energy} and {sum}"
        );
    }
}
