//! Audio processing: telephone encodings, resampling, voice activity, turns, framing, the playout
//! clock, recordings.
//!
//! Samples are PCM16 mono (`i16`), rates are in hertz, times are milliseconds (`u64`) on any clock
//! the caller chooses; both are arguments. Nothing here reads a clock, does I/O (except writing a
//! WAV to a given writer), spawns or waits.
//!
//! Invariants:
//! - The inbound path (bytes, samples, 16 kHz, echo, voice activity, turns) and framing allocate
//!   nothing per frame once their buffers have grown; checked by `tests/steady_state.rs`.
//! - Splitting a stream into pieces, of any length, does not change the result.
//! - Functions that fill a buffer *append*, unless documented to replace.

pub mod answering_machine;
pub mod arrival;
pub mod background;
pub mod convert;
pub mod cursor;
mod decimate;
pub mod echo;
pub mod encoding;
pub mod format_check;
pub mod framer;
pub mod g711;
pub mod gate;
pub mod level;
pub mod listener;
pub mod noise;
pub mod pcm;
pub mod pitch;
pub mod playout;
pub mod recording;
pub mod resample;
pub mod streaming;
#[cfg(test)]
mod test_signals;
pub mod tone;
pub mod turn;
pub mod voice;
pub mod wav;
pub mod word;

pub use arrival::Arrival;
pub use convert::convert;
pub use cursor::PromptCursor;
pub use echo::EchoGuard;
pub use encoding::{Decoder, Encoding};
pub use format_check::{FormatCheck, Mismatch};
pub use framer::{FrameInfo, Framer};
pub use listener::Listener;
pub use noise::{NoiseSpectrum, NoiseSuppressor};
pub use playout::{MARK_GRACE_MS, MarksFull, PlayoutClock};
pub use recording::{RecordingError, StereoRecording};
pub use resample::{RECORDING_HZ, ResampleError, Resampler};
pub use streaming::StreamResampler;
pub use turn::{TurnDetector, TurnEvent, TurnSettings};
pub use voice::{VoiceActivity, VoiceFrame};
pub use word::word_began;
