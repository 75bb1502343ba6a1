//! What a call's record says of audio that is not in the format that `start` announced.

use ghanti_audio::Mismatch;

/// The name of the problem, and what to do about it.
pub(super) fn problem(mismatch: Mismatch, announced_hz: u32) -> (&'static str, String) {
    match mismatch {
        Mismatch::Rate(rate_hz) => (
            "wrong-sample-rate",
            format!(
                "`start` announced audio of {announced_hz} Hz, and audio of {rate_hz} Hz arrives, so that nothing is understood: set the Voicebot \
                 applet's sample rate, and `sample-rate-hz` of `[calls]`, to the same value"
            ),
        ),
        Mismatch::MuLaw => (
            "mu-law-audio",
            "`start` announced PCM and μ-law arrives, so that nothing is understood: have the stream sent as 16-bit linear PCM"
                .to_owned(),
        ),
    }
}
