//! How loud echo can be on this line: while the bot plays and little comes back, its echo is at
//! most that little.

use super::minimum::Minimum;
use super::search::WINDOW;
use crate::decimate::dot;

/// Windows measured before the older half of them is forgotten: 3 s.
const WINDOWS: u32 = 16;

/// Echo may exceed the quietest window's bound by this factor (12 dB), since a line carries some
/// frequencies, and so some sounds, better than others.
const MARGIN: f32 = 16.0;

/// Echo this quiet (-26 dB) is possible on any line: handsets suppress it at times and let it
/// through at others.
const ALWAYS: f32 = 0.002_5;

/// The step in which the quietest stretch is searched for: 10 ms.
const BLOCK: usize = 40;

/// Whole blocks that a window has, wherever it begins.
const BLOCKS: usize = WINDOW / BLOCK - 1;

/// Played audio below this mean square (pre-emphasised, 4 kHz) bounds nothing: about -50 dBFS.
const AUDIBLE: f32 = 3_000.0;

/// An upper bound of the power gain from played to received audio.
#[derive(Debug)]
pub struct Loss(Minimum);

impl Default for Loss {
    fn default() -> Self {
        Self(Minimum::new(WINDOWS))
    }
}

impl Loss {
    /// Takes `heard`, [`WINDOW`] samples, and `played`, [`WINDOW`] + [`DELAYS`](super::search::DELAYS) samples, aligned as
    /// for [`Search::best`](super::search::Search::best). Whatever the delay of the echo, at least
    /// the quietest stretch of `played` has been echoed.
    pub fn push(&mut self, heard: &[f32], played: &[f32]) {
        let Some(least) = quietest(played) else {
            return;
        };
        if least < AUDIBLE * WINDOW as f32 {
            return;
        }
        self.0.push(dot(heard, heard) / least);
    }

    /// Whether echo can have this power gain. Any can until something has been measured.
    pub fn allows(&self, gain: f32) -> bool {
        self.0
            .get()
            .is_none_or(|bound| gain <= (bound * MARGIN).max(ALWAYS))
    }
}

/// A lower bound of the energy of the quietest [`WINDOW`] samples of `played`: the least energy of
/// [`BLOCKS`] blocks in a row, as many as each window contains whole.
fn quietest(played: &[f32]) -> Option<f32> {
    let energies = played.chunks(BLOCK).map(|block| dot(block, block));
    let (mut recent, mut sum, mut least) = ([0.0_f32; BLOCKS], 0.0_f64, None);
    for (n, energy) in energies.enumerate() {
        let place = recent.get_mut(n % BLOCKS)?;
        sum += f64::from(energy) - f64::from(std::mem::replace(place, energy));
        if n + 1 >= BLOCKS {
            least = Some(least.map_or(sum, |least: f64| least.min(sum)));
        }
    }
    least.map(|least| least.max(0.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::super::search::DELAYS;
    use super::*;
    use crate::test_signals::noise_f32 as floats;

    #[test]
    fn what_did_not_come_back_is_no_echo_later() {
        let played = floats(1, 9_000.0, WINDOW + DELAYS);
        let mut loss = Loss::default();
        assert!(loss.allows(1.0), "nothing is known yet");
        loss.push(&floats(2, 9.0, WINDOW), &played);
        assert!(!loss.allows(0.01));
        assert!(loss.allows(0.002), "faint echo is possible on any line");
    }

    #[test]
    fn echo_is_allowed_its_gain_and_what_is_older_is_forgotten() {
        let played = floats(1, 9_000.0, WINDOW + DELAYS);
        let mut loss = Loss::default();
        loss.push(&floats(2, 9.0, WINDOW), &played);
        for _ in 0..2 * WINDOWS {
            loss.push(&floats(2, 2_700.0, WINDOW), &played);
        }
        assert!(loss.allows(0.09));
        assert!(!loss.allows(4.0));
    }

    #[test]
    fn a_pause_of_the_bot_bounds_nothing() {
        let mut played = floats(1, 9_000.0, WINDOW + DELAYS);
        played[1_000..2_000].fill(0.0);
        let mut loss = Loss::default();
        loss.push(&floats(2, 9.0, WINDOW), &played);
        assert!(loss.allows(1.0));
    }
}
