//! How loud the line is without the caller, and whether a frame stands out from it: voice activity takes a television, a street of voices or
//! music for speech, however faint.
//!
//! The background is followed as a mean and a spread of levels over the frames that do not stand out, so that a line's even noise may come
//! near the caller's voice, and babble may not. It begins with the quietest that was heard, since nothing is known before, and a sound that
//! has no pause for two seconds becomes background, whatever it was taken for.
//!
//! Levels are dBFS of 16 ms above 150 Hz, without mains hum and offsets.

use crate::level::{SILENCE_DBFS, power_dbfs};
use crate::voice::FRAME_MS;

/// The quietest voice: below it is a line without one.
const LEAST_DBFS: f32 = -57.0;

/// The background as it is taken to be at most while too little of it was heard.
const FIRST_DBFS: f32 = -48.0;

/// So long the first guess holds.
const FIRST_FRAMES: u32 = 400 / FRAME_MS;

/// How far a voice stands out from an even noise, and from one of much spread.
const MARGIN_DB: (f32, f32) = (6.0, 13.0);

/// How many spreads it stands out.
const SPREADS: f32 = 2.2;

/// Over the quietest of the last two seconds.
const OVER_QUIETEST_DB: f32 = 9.0;

/// The background rises by this share of the difference in each frame (a second), and falls by that (a quarter of one).
const RISE: f32 = FRAME_MS as f32 / 1_000.0;
const FALL: f32 = FRAME_MS as f32 / 250.0;

/// Within a turn what is so far below its loudest is no longer of it.
const BELOW_TURN_DB: f32 = 24.0;

/// Another turn's voice may be so much fainter than the one before.
const BELOW_NEAR_DB: f32 = 14.0;

/// Whatever the last voice was, one of this level is near.
const NEAR_ENOUGH_DBFS: f32 = -34.0;

/// What is known of the last voice fades by this in each frame: 1 dB a second.
const FADE_DB: f32 = FRAME_MS as f32 / 1_000.0;

/// The corner of the high-pass, as the pole of a first-order filter: 150 Hz at 16 kHz.
const POLE: f32 = 0.943;

/// Follows one line.
#[derive(Debug, Clone)]
pub struct Background {
    /// The last sample, before and behind the high-pass.
    last: (f32, f32),
    /// Powers of the last three frames: what voice activity looks at.
    powers: [f32; 3],
    frames: u32,
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
            mean_dbfs: FIRST_DBFS,
            spread_db: 1.0,
            quietest: Quietest::default(),
            turn_dbfs: SILENCE_DBFS,
            near_dbfs: SILENCE_DBFS,
        }
    }

    /// Whether a frame of 16 kHz stands out. `of_line`: what is in it belongs to the line, and is no echo or tone that comes and goes.
    pub fn push(&mut self, frame: &[i16], voiced: bool, in_turn: bool, of_line: bool) -> bool {
        let power = self.power(frame);
        self.powers.rotate_left(1);
        if let [.., newest] = &mut self.powers {
            *newest = power;
        }
        let level_dbfs = power_dbfs(self.powers.iter().sum::<f32>() / self.powers.len() as f32);
        self.quietest.push(level_dbfs);
        self.frames = self.frames.saturating_add(1);
        let stands_out = level_dbfs >= self.least_dbfs(in_turn);
        if of_line && !(stands_out && voiced) {
            self.follow(level_dbfs);
        }
        if in_turn && stands_out && voiced {
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

    /// What a voice has to reach now.
    pub fn least_dbfs(&self, in_turn: bool) -> f32 {
        let (even_db, uneven_db) = MARGIN_DB;
        let quietest_dbfs = self.quietest.dbfs();
        let mean_dbfs = if self.frames < FIRST_FRAMES { quietest_dbfs.min(FIRST_DBFS) } else { self.mean_dbfs };
        let over_mean = mean_dbfs + (SPREADS * self.spread_db).clamp(even_db, uneven_db);
        let over_quietest = if self.quietest.is_full() { quietest_dbfs + OVER_QUIETEST_DB } else { SILENCE_DBFS };
        let over_line = over_mean.max(over_quietest).max(LEAST_DBFS);
        if in_turn {
            over_line.max(self.turn_dbfs - BELOW_TURN_DB)
        } else {
            over_line.max((self.near_dbfs - BELOW_NEAR_DB).min(NEAR_ENOUGH_DBFS))
        }
    }

    fn follow(&mut self, level_dbfs: f32) {
        let level_dbfs = level_dbfs.max(-90.0);
        if self.frames == FIRST_FRAMES {
            self.mean_dbfs = self.quietest.dbfs().max(-90.0);
        }
        let difference = level_dbfs - self.mean_dbfs;
        self.mean_dbfs += difference * if difference > 0.0 { RISE } else { FALL };
        self.spread_db += (difference.abs() - self.spread_db) * RISE;
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
    filled: usize,
}

impl Default for Quietest {
    fn default() -> Self {
        Self { stretches: [f32::INFINITY; STRETCHES], current: f32::INFINITY, frames: 0, filled: 0 }
    }
}

impl Quietest {
    fn push(&mut self, level_dbfs: f32) {
        self.current = self.current.min(level_dbfs);
        self.frames += 1;
        if self.frames == STRETCH_FRAMES {
            self.stretches.rotate_left(1);
            if let [.., newest] = &mut self.stretches {
                *newest = self.current;
            }
            (self.current, self.frames) = (f32::INFINITY, 0);
            self.filled = (self.filled + 1).min(STRETCHES);
        }
    }

    fn is_full(&self) -> bool {
        self.filled == STRETCHES
    }

    fn dbfs(&self) -> f32 {
        self.stretches.iter().copied().fold(self.current, f32::min).clamp(SILENCE_DBFS, 0.0)
    }
}
