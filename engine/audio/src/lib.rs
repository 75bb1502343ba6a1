//! Audio as arithmetic: telephone encodings, resampling, voice activity, turns, framing, the
//! playout clock, recordings.
//!
//! Samples are PCM16 mono (`i16`), rates are in hertz, times are milliseconds (`u64`) on a clock of
//! the caller's choosing, and both come as arguments. Nothing here reads a clock, does I/O (save
//! writing a WAV to a writer it is given), spawns or waits.
//!
//! Invariants:
//! - Nothing of the inbound path (bytes, samples, 16 kHz, echo, voice activity, turns) nor of
//!   framing allocates per frame once its buffers have grown; `tests/steady_state.rs` counts.
//! - Feeding a stream in pieces gives what feeding it whole gives, whatever the pieces' lengths.
//! - Functions that fill a buffer *append*, except where they say that they replace.

pub mod background;
pub mod convert;
mod decimate;
pub mod echo;
pub mod encoding;
pub mod framer;
pub mod g711;
pub mod level;
pub mod listener;
pub mod pcm;
pub mod pitch;
pub mod playout;
pub mod recording;
pub mod resample;
#[cfg(test)]
mod test_signals;
pub mod tone;
pub mod turn;
pub mod voice;

pub use convert::convert;
pub use echo::EchoGuard;
pub use encoding::{Decoder, Encoding};
pub use framer::{FrameInfo, Framer, PromptCursor};
pub use listener::Listener;
pub use playout::{MARK_GRACE_MS, MarksFull, PlayoutClock};
pub use recording::{RecordingError, StereoRecording};
pub use resample::{ResampleError, Resampler};
pub use turn::{TurnDetector, TurnEvent, TurnSettings};
pub use voice::{VoiceActivity, VoiceFrame};
