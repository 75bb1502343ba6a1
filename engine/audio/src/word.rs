//! Where a paused prompt goes on: at the start of the word that was being said.

/// The audio is looked at in blocks of 10 ms.
const BLOCKS_PER_S: usize = 100;

/// So many quiet blocks are a gap between words, or the stop within one: 30 ms.
const GAP_BLOCKS: usize = 3;

/// A block is quiet at this share of the loudest one's power: 23 dB below it.
const QUIET: f32 = 0.005;

/// How many samples before the end of `samples`, at this rate, the word begins that is being said
/// there: where the last gap ends, 10 ms early. Without a gap it is the quietest moment.
pub fn word_began(samples: &[i16], rate_hz: u32) -> usize {
    let block = (rate_hz as usize / BLOCKS_PER_S).max(1);
    // from the newest block to the oldest
    let powers: Vec<f32> = samples
        .rchunks_exact(block)
        .map(|block| block.iter().map(|sample| f32::from(*sample).powi(2)).sum())
        .collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let is_quiet = |power: &f32| *power <= loudest * QUIET;
    let gap = powers
        .windows(GAP_BLOCKS)
        .position(|gap| gap.iter().all(is_quiet))
        .map(|at| at + 1);
    let quietest = || {
        powers
            .iter()
            .enumerate()
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(at, _)| at)
    };
    gap.or_else(quietest).unwrap_or_default() * block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{noise, sine};

    fn word(ms: u32) -> Vec<i16> {
        sine(8_000, 300, 8_000.0, ms)
    }

    #[test]
    fn a_word_begins_behind_the_last_gap() {
        let said = [word(200), noise(1, 20.0, 400), word(150)].concat();
        assert_eq!(word_began(&said, 8_000), 1_200 + 80);
        let at_once = [word(200), noise(1, 20.0, 400)].concat();
        assert_eq!(
            word_began(&at_once, 8_000),
            80,
            "the next word has not begun"
        );
    }

    #[test]
    fn without_a_gap_it_is_the_quietest_moment() {
        let soft = sine(8_000, 300, 2_000.0, 20);
        let said = [word(200), soft, word(100)].concat();
        assert!((800..=1_000).contains(&word_began(&said, 8_000)));
        assert_eq!(word_began(&[], 8_000), 0);
        assert_eq!(word_began(&[7; 10], 8_000), 0, "less than a block");
    }
}
