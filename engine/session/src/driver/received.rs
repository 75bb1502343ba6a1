//! What the driver makes of what was received on the socket.

use ghanti_exotel::inbound::{self, Inbound};
use ghanti_model::event::Repeat;

use crate::ending::StreamEnd;
use crate::pace::Message;
use crate::wire::Received;

use super::{Driver, format};

/// Invalid frames reported per call; further ones are ignored silently, since a broken peer may
/// send fifty a second.
const INVALID_FRAMES: u32 = 8;

impl Driver<'_> {
    pub(super) fn received(&mut self, received: Received) {
        let now_ms = self.call.now_ms();
        let message = match received {
            Received::Closed => return self.end(StreamEnd::Lost),
            Received::Broken(why) => {
                self.call.problem(why.name, why.detail);
                return self.end(StreamEnd::Lost);
            }
            Received::Control => Message::Other,
            Received::Binary(bytes) => self.invalid_frame(format!(
                "a binary frame of {bytes} bytes was ignored: Exotel sends text frames only"
            )),
            Received::Text(text) => match inbound::parse(text.as_str()) {
                Ok(message) if self.doubled.is_again(&message) => {
                    let detail = "messages of the stream come twice, and the second of each is ignored: see what is between Exotel and the engine";
                    self.call
                        .note("doubled", detail.to_owned(), Repeat::OncePerName);
                    Message::Other
                }
                Ok(Inbound::Media(media)) => {
                    self.payload.clear();
                    match media.decode_into(&mut self.payload) {
                        Ok(()) => {
                            self.check_format(now_ms);
                            self.samples.clear();
                            self.decoder.decode(&self.payload, &mut self.samples);
                            self.machine.audio(now_ms, &self.samples);
                            if let Some(recording) = &mut self.recording {
                                recording.caller(now_ms, &self.samples);
                            }
                            if let Some(overheard) = &mut self.overheard {
                                overheard.caller(now_ms, &self.samples);
                            }
                            let samples = self.samples.len() as u64;
                            Message::Audio(samples * 1_000 / u64::from(self.rate_hz))
                        }
                        Err(error) => self.invalid_frame(error.to_string()),
                    }
                }
                Ok(Inbound::Mark(mark)) => {
                    self.machine.mark(now_ms, &mark.name);
                    Message::Other
                }
                Ok(Inbound::Dtmf(dtmf)) => {
                    self.machine.key(now_ms, dtmf.digit);
                    Message::Key
                }
                Ok(Inbound::Stop(stop)) => {
                    tracing::debug!(call = %self.call.id(), reason = stop.reason.as_deref(), "stop");
                    return self.end(StreamEnd::HungUp);
                }
                Ok(Inbound::Start(_)) => self.invalid_frame(
                    "a second `start` was ignored: one socket carries one stream".to_owned(),
                ),
                Ok(Inbound::Connected | Inbound::Clear | Inbound::Unknown { .. }) => Message::Other,
                Err(error) => self.invalid_frame(error.to_string()),
            },
        };
        if self.pace.take(now_ms, message) {
            let detail = "the stream sends faster than a call can: it is read as fast as real time allows; see what else than Exotel connects here";
            self.call
                .note("too-fast", detail.to_owned(), Repeat::OncePerName);
        }
    }

    /// Notes that the caller's audio is not in the format that `start` announced.
    fn check_format(&mut self, now_ms: u64) {
        let check = self.format_check.as_mut();
        let Some(mismatch) = check.and_then(|check| check.take(now_ms, &self.payload)) else {
            return;
        };
        let (name, detail) = format::problem(mismatch, self.rate_hz);
        self.call.note(name, detail, Repeat::OncePerName);
    }

    /// Reports a frame that is none of the stream's, the first few times.
    fn invalid_frame(&mut self, detail: String) -> Message {
        self.invalid_frame += 1;
        if self.invalid_frame <= INVALID_FRAMES {
            self.call.problem("bad-frame", detail);
        }
        Message::Other
    }
}
