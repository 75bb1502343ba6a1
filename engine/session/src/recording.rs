//! The recording of a live call: puts what was heard on both sides in its place in time, and hands it
//! over once nothing of it can change any more.
//!
//! Sans-I/O, as the machine is: time is an argument, in milliseconds since the stream's start, and
//! the [`Track`] that takes the audio never waits. The caller is on the left, at the time at which
//! they spoke (a burst after a stall of the network is where it was spoken). Right is what was
//! played to them by the playout clock: what a barge-in or the end of the call cut off was not, and
//! is silent.

use std::time::Duration;

use ghanti_audio::{RECORDING_HZ, ResampleError};
use ghanti_model::EventKind;
use ghanti_model::event::Recorded;
use ghanti_store::{RecordingName, Track};

use crate::both_sides::BothSides;
use crate::call::LiveCall;
use crate::services::Services;

/// After this time nothing of a recording changes: longer than audio is sent ahead, and than a burst
/// of the caller's audio is usually late.
const SETTLED_MS: u64 = 3_000;
/// How much is handed over at once: a second.
const PIECE: usize = RECORDING_HZ as usize;
/// How long to wait for the digest to be stored with the call. Until it is, the file is one that the
/// next engine looks at.
const SAVED: Duration = Duration::from_secs(5);

/// The recording of one stream.
pub struct CallRecording {
    sides: BothSides,
    longest_ms: u64,
    track: Track,
}

impl CallRecording {
    /// Begins to record a stream whose start was now, where calls are recorded; says so in the call's
    /// record.
    ///
    /// # Errors
    /// The stream's rate cannot be resampled, so that there is no call either.
    pub fn begin(
        services: &Services,
        call: &LiveCall,
        rate_hz: u32,
    ) -> Result<Option<Self>, ResampleError> {
        let sides = BothSides::new(rate_hz, 0)?;
        let name = RecordingName {
            call: call.id(),
            began_ms: call.unix_ms(0),
        };
        let Some(track) = services.recordings.begin(name) else {
            return Ok(None);
        };
        call.emit(EventKind::RecordingBegun {
            file: name.to_string(),
            at_ms: call.lasted_before_ms(),
            engine: Some(services.settings.engine.clone()),
        });
        let longest = services.settings.longest_recording.as_millis();
        Ok(Some(Self {
            sides,
            longest_ms: u64::try_from(longest).unwrap_or(u64::MAX),
            track,
        }))
    }

    /// Takes what the caller said, at the call's rate, which has arrived by now.
    pub fn caller(&mut self, now_ms: u64, samples: &[i16]) {
        self.sides.caller(now_ms, samples);
        self.pass_on(now_ms.saturating_sub(SETTLED_MS));
    }

    /// Takes what was sent, at the call's rate, and is played from `at_ms` on.
    pub fn bot(&mut self, at_ms: u64, samples: &[i16]) {
        self.sides.bot(at_ms, samples);
    }

    /// What was sent and not played by now never will be.
    pub fn cleared(&mut self, now_ms: u64) {
        self.sides.cleared(now_ms);
    }

    /// Hands over whole pieces that lie before a time.
    fn pass_on(&mut self, before_ms: u64) {
        let per_piece = PIECE as u64 * 1_000 / u64::from(RECORDING_HZ);
        let before_ms = before_ms.min(self.longest_ms) / per_piece * per_piece;
        loop {
            let mut piece = Vec::new();
            if self.sides.take(before_ms, PIECE, &mut piece) == 0 {
                return;
            }
            self.track.write(piece);
        }
    }

    /// Ends the recording now, and returns the track, which is to be ended too. The rest is as long
    /// as was recorded, and no longer than the longest recording.
    pub fn end(mut self, now_ms: u64) -> Track {
        self.sides.ended(now_ms.min(self.longest_ms));
        self.pass_on(now_ms);
        let mut rest = Vec::new();
        self.sides
            .take(now_ms.min(self.longest_ms), PIECE, &mut rest);
        if !rest.is_empty() {
            self.track.write(rest);
        }
        self.track
    }
}

/// Ends a recording after its call, and adds it to the call's record.
pub async fn ended(services: &Services, track: Track) {
    let name = track.name();
    let recorded = track.end().await;
    record_result(services, name, recorded).await;
}

/// Adds a recording to the call's record, and then gives the file its final name.
pub async fn record_result(services: &Services, name: RecordingName, recorded: Recorded) {
    let has_file = recorded.sha256.is_some();
    let event = EventKind::Recorded(Box::new(recorded));
    services.registry.append(name.call, event).await;
    if has_file && services.registry.writer().saved(name.call, SAVED).await {
        finish_file(services, name).await;
    }
}

/// Gives the file of a recording that is in the call's record its final name.
pub async fn finish_file(services: &Services, name: RecordingName) {
    if let Err(error) = services.recordings.keep(name).await {
        tracing::warn!(call = %name.call, %error, "a recording keeps its preliminary name; trying again at the next start");
    }
}
