//! The two sides of a recording as a picture.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::words::Words;

/// Into how many pieces a recording is cut; of each the loudest sample is shown.
pub const PEAKS: usize = 480;
/// The height of a side above and below its middle, in units of the picture.
const HALF: u32 = 24;

/// The picture, of the loudest sample of each piece, the caller above, the bot below.
pub fn waveform(words: &Words, caller: &[u16], bot: &[u16]) -> Markup {
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="waveform" viewBox={ "0 0 " (PEAKS) " " (4 * HALF) } preserveAspectRatio="none"
            role="img" aria-label=(words.waveform) {
            path class="caller" d=(outline(caller, HALF)) {}
            path class="bot" d=(outline(bot, 3 * HALF)) {}
            line class="playhead" x1="0" x2="0" y1="0" y2=(4 * HALF) {}
        }
    }
}

/// A stroke for each piece, around a middle.
fn outline(peaks: &[u16], middle: u32) -> String {
    // the loudest of the side fills it, as a telephone's levels differ by calls
    let most = u32::from(peaks.iter().copied().max().unwrap_or_default()).max(1_500);
    let mut path = String::with_capacity(peaks.len() * 16);
    for (at, peak) in peaks.iter().take(PEAKS).enumerate() {
        let half = (u32::from(*peak) * (HALF - 2) / most).max(1);
        // writing to a text cannot fail
        let _ = write!(path, "M{at} {}V{}", middle - half, middle + half);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    #[test]
    fn each_side_is_within_its_half_and_silence_is_a_line() {
        let drawn = waveform(&ENGLISH, &[0, 32_768, 500], &[0; 3]).into_string();
        assert!(drawn.contains("M0 23V25M1 2V46M2 23V25"), "{drawn}");
        assert!(drawn.contains("M0 71V73M1 71V73M2 71V73"), "{drawn}");
        assert!(!drawn.contains("style="), "{drawn}");
    }
}
