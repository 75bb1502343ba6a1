//! How loud the line is without the caller, and whether a frame stands out from it: voice activity
//! takes a television, a street of voices or music for speech, however faint.
//!
//! The background is followed as a mean and a spread of levels over the frames that do not stand
//! out, so that a line's even noise may come near the caller's voice, and babble may not. It begins
//! with the quietest that was heard, since nothing is known before, and a sound that has no pause
//! for two seconds becomes background, whatever it was taken for.
//!
//! Levels are dBFS of 16 ms above 150 Hz, without mains hum and offsets.

use crate::level::{SILENCE_DBFS, power_dbfs};
use crate::voice::FRAME_MS;

/// The quietest voice: below it is a line without one.
const LEAST_DBFS: f32 = -57.0;

/// To interrupt the bot takes a voice of this level: 20 dB under a usual one, ITU-T P.56 puts a
/// telephone's speech at -30 to -16 dBFS. A fainter one can answer, when the bot has finished.
const INTERRUPTING_DBFS: f32 = -34.0;

/// How far a voice stands out from an even noise, and from one of much spread.
const MARGIN_DB: (f32, f32) = (5.0, 13.0);

/// How many spreads it stands out.
const SPREADS: f32 = 2.2;

/// Over the quietest of the last two seconds, or of what was heard so far, if that is so many
/// frames.
const OVER_QUIETEST_DB: f32 = 8.0;
const LEAST_FRAMES: u32 = 128 / FRAME_MS;

/// The background rises by this share of the difference in each frame (a second), and falls by that
/// (a quarter of one).
const RISE: f32 = FRAME_MS as f32 / 1_000.0;
const FALL: f32 = FRAME_MS as f32 / 250.0;

/// Within a turn what is so far below its loudest is no longer of it.
const BELOW_TURN_DB: f32 = 17.0;

/// Another turn's voice may be so much fainter than the one before.
const BELOW_NEAR_DB: f32 = 14.0;

/// Whatever the last voice was, one of this level is near.
const NEAR_ENOUGH_DBFS: f32 = -30.0;

/// What is known of the last voice fades by this in each frame: 1 dB a second.
const FADE_DB: f32 = FRAME_MS as f32 / 1_000.0;

/// A line without noise is taken to have this much.
const FAINT_DBFS: f32 = -80.0;

/// The corner of the high-pass, as the pole of a first-order filter: 150 Hz at 16 kHz.
const POLE: f32 = 0.943;

/// What is known of a frame besides its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameFacts {
    /// Voice activity found speech that is no echo.
    pub speech: bool,
    /// A turn of the caller is in progress.
    pub in_turn: bool,
    /// What the bot says is being heard.
    pub bot_plays: bool,
    /// What is in it is neither echo nor a tone, which come and go: it belongs to the line, or to
    /// the caller.
    pub of_line: bool,
}

/// Follows one line.
#[derive(Debug, Clone)]
pub struct Background {
    /// The last sample, before and behind the high-pass.
    last: (f32, f32),
    /// Powers of the last three frames: what voice activity looks at.
    powers: [f32; 3],
    frames: u32,
    /// Frames that were followed.
    followed: u32,
    mean_dbfs: f32,
    spread_db: f32,
    quietest: Quietest,
    /// The loudest of the running turn, and of the last ones.
    turn_dbfs: f32,
    near_dbfs: f32,
}

impl Default for Background {
    fn default() -> Self {
        Self::new()
    }
}

impl Background {
    /// Of a line of which nothing is known.
    pub fn new() -> Self {
        Self {
            last: (0.0, 0.0),
            powers: [0.0; 3],
            frames: 0,
            followed: 0,
            mean_dbfs: FAINT_DBFS,
            spread_db: 4.0,
            quietest: Quietest::default(),
            turn_dbfs: SILENCE_DBFS,
            near_dbfs: SILENCE_DBFS,
        }
    }

    /// Whether a frame of 16 kHz stands out.
    pub fn push(&mut self, frame: &[i16], facts: FrameFacts) -> bool {
        let FrameFacts {
            speech,
            in_turn,
            of_line,
            ..
        } = facts;
        let power = self.power(frame);
        self.powers.rotate_left(1);
        let [.., newest] = &mut self.powers;
        *newest = power;
        let level_dbfs = power_dbfs(self.powers.iter().sum::<f32>() / self.powers.len() as f32);
        self.quietest.push(level_dbfs);
        self.frames = self.frames.saturating_add(1);
        let stands_out = level_dbfs >= self.least_dbfs(facts);
        if of_line && !(stands_out && speech) {
            self.follow(level_dbfs);
        }
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

    /// How loud the line is without the caller.
    pub fn mean_dbfs(&self) -> f32 {
        self.mean_dbfs
    }

    /// What a voice has to reach.
    fn least_dbfs(&self, facts: FrameFacts) -> f32 {
        let (even_db, uneven_db) = MARGIN_DB;
        let over_mean = self.mean_dbfs + (SPREADS * self.spread_db).clamp(even_db, uneven_db);
        let over_quietest = if self.frames >= LEAST_FRAMES {
            self.quietest.dbfs() + OVER_QUIETEST_DB
        } else {
            SILENCE_DBFS
        };
        let over_line = over_mean.max(over_quietest).max(LEAST_DBFS);
        if facts.in_turn {
            return over_line.max(self.turn_dbfs - BELOW_TURN_DB);
        }
        let near_dbfs = (self.near_dbfs - BELOW_NEAR_DB).min(NEAR_ENOUGH_DBFS);
        over_line.max(if facts.bot_plays {
            near_dbfs.max(INTERRUPTING_DBFS)
        } else {
            near_dbfs
        })
    }

    fn follow(&mut self, level_dbfs: f32) {
        self.followed = self.followed.saturating_add(1);
        let difference = level_dbfs.max(FAINT_DBFS) - self.mean_dbfs;
        // the first ones count alike
        let least = 1.0 / self.followed as f32;
        self.mean_dbfs += difference * least.max(if difference > 0.0 { RISE } else { FALL });
        if self.followed > 1 {
            self.spread_db += (difference.abs() - self.spread_db) * RISE;
        }
    }

    fn power(&mut self, frame: &[i16]) -> f32 {
        let (mut last_in, mut last_out) = self.last;
        let mut sum = 0.0;
        for &sample in frame {
            let sample = f32::from(sample);
            last_out = sample - last_in + POLE * last_out;
            last_in = sample;
            sum += last_out * last_out;
        }
        self.last = (last_in, last_out);
        sum / frame.len().max(1) as f32
    }
}

/// Stretches whose quietest frame is kept: eight of a quarter second.
const STRETCHES: usize = 8;
const STRETCH_FRAMES: u32 = 16;

/// The quietest of the last two seconds.
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
