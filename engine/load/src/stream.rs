//! The stream of one call: the caller's frames out, the bot's audio in, timed as the network plays it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_exotel::far_end::Stream as StreamFacts;
use ghanti_exotel::media::{FRAME_MAX_BYTES, FRAME_MULTIPLE_BYTES};
use ghanti_exotel::{FarEnd, Media, Outbound, parse_outbound};
use ghanti_model::Line;
use ghanti_sim::applets::Applets;
use ghanti_sim::director::Director;
use ghanti_sim::heard::Heard;
use ghanti_sim::scenario::Action;
use ghanti_sim::socket::{Incoming, Socket};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::callers::Caller;
use crate::clock::{TICK_MS, Ticks};
use crate::measures::{Figure, Measures};
use crate::playout::Playout;
use crate::speech::{Frames, Sounds, Utterance};

/// A call whose bot is not audible by then is lost: callers hang up on silence.
pub const FIRST_AUDIO: Duration = Duration::from_secs(10);

/// How long a key is held.
const KEY_HELD_MS: u64 = 120;
/// Time from one key to the next.
const KEY_EVERY_MS: u64 = 400;

/// How often a record is read while a step waits for it.
const RECORD_EVERY_MS: u64 = 250;

/// Audio of the bot that begins this shortly before the end of the caller's speech answers it.
const LAST_WORDS_US: u64 = 500_000;

/// How much of the bot's speech may be unplayed when it closes the stream: rounding of its last frame.
const UNHEARD_US: u64 = 100_000;

/// Room for a message's keys and numbers beside its audio.
const MESSAGE_BYTES: usize = 192;

/// Different faults that are kept of a call.
const FAULTS: usize = 8;

/// The reason in the `stop` of real calls.
const STOP_REASON: &str = "canceled or call ended";

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The bot closed it.
    Bot,
    /// The caller hung up, by a step or after their time.
    Caller,
    /// The caller of a scenario hung up because it went on for too long.
    OutOfTime,
    /// The load is over.
    Cut,
    /// The bot was not heard in time, and the caller hung up.
    Mute,
    /// The connection broke.
    Broken(String),
}

/// A stream that is over.
#[derive(Debug)]
pub struct Streamed {
    /// How it ended.
    pub end: End,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// Steps of the caller that never became due.
    pub steps_left: usize,
    /// What the bot sent that Exotel cannot handle.
    pub faults: Vec<String>,
}

/// What a stream is played with.
pub struct Playing<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The audio of all callers.
    pub sounds: &'a Sounds,
    /// The form of its frames.
    pub frames: Frames,
    /// The clock.
    pub ticks: Ticks,
    /// Where values go.
    pub measures: &'a Measures,
    /// The call's number.
    pub nth: u64,
    /// Cancelled when the load is over.
    pub over: &'a CancellationToken,
    /// The engine and the call's id there, where steps wait for the record.
    pub record: Option<(Applets, String)>,
}

/// Plays a stream on an open socket to its end.
pub async fn play(mut socket: Socket, facts: StreamFacts, playing: Playing<'_>) -> Streamed {
    let mut call = Call {
        stream_sid: facts.stream_sid.to_string(),
        far_end: FarEnd::new(facts),
        director: Director::new(playing.caller.steps.clone()),
        heard: Heard::new(playing.frames.rate_hz),
        playout: Playout::default(),
        record: Record::new(playing.record.clone()),
        saying: None,
        keys: Vec::new(),
        speech_ends_us: None,
        frames_sent: 0,
        since_frame_ms: 0,
        interrupts_us: None,
        worst_us: None,
        gaps: 0,
        is_heard: false,
        faults: Vec::new(),
        bytes: Vec::new(),
        samples: Vec::new(),
        started: Instant::now(),
        now_us: 0,
        playing,
    };
    let end = call.run(&mut socket).await.unwrap_or_else(End::Broken);
    if !matches!(end, End::Bot | End::Broken(_)) {
        let mut text = String::new();
        let _ = call.far_end.stop(STOP_REASON, &mut text);
        // whoever hangs up does not look whether the line still stands
        let _ = socket.send(text).await;
        socket.cut().await;
    }
    call.finish(end)
}

struct Call<'a> {
    playing: Playing<'a>,
    stream_sid: String,
    far_end: FarEnd,
    director: Director,
    heard: Heard,
    playout: Playout,
    record: Record,
    /// What is being said, and how many of its frames were sent.
    saying: Option<(Arc<Utterance>, usize)>,
    /// Keys to press, the last one first, with the time of each.
    keys: Vec<(u64, char)>,
    /// When the caller's speech ends that the bot has not answered yet.
    speech_ends_us: Option<u64>,
    frames_sent: u64,
    since_frame_ms: u64,
    /// When the caller began to speak over the bot, until it stops.
    interrupts_us: Option<u64>,
    worst_us: Option<u64>,
    gaps: u64,
    is_heard: bool,
    faults: Vec<String>,
    bytes: Vec<u8>,
    samples: Vec<i16>,
    started: Instant,
    now_us: u64,
}

impl Call<'_> {
    async fn run(&mut self, socket: &mut Socket) -> Result<End, String> {
        let mut text = String::new();
        // formatting into a `String` cannot fail, here and below
        let _ = self.far_end.connected(&mut text);
        socket.send(std::mem::take(&mut text)).await?;
        let _ = self.far_end.start(&mut text);
        socket.send(text).await?;
        self.started = Instant::now();
        self.playing.ticks.from_now();
        loop {
            tokio::select! {
                biased;
                due = self.playing.ticks.next() => {
                    self.now_us = due.saturating_duration_since(self.started).as_micros() as u64;
                    if let Some(end) = self.tick(due, socket).await? {
                        return Ok(end);
                    }
                }
                incoming = socket.next() => match incoming {
                    Incoming::Text(text) => self.incoming(&text),
                    Incoming::Binary(_) => self.fault("a binary message: Exotel knows text only"),
                    Incoming::Closed => return Ok(End::Bot),
                    Incoming::Broken(reason) => return Err(reason),
                },
            }
        }
    }

    /// What happens every [`TICK_MS`].
    async fn tick(&mut self, due: Instant, socket: &mut Socket) -> Result<Option<End>, String> {
        while let Some(name) = self.playout.reached(self.now_us) {
            let mut text = String::new();
            let _ = self.far_end.mark(&name, &mut text);
            socket.send(text).await?;
            self.count(|set| set.counts.marks += 1);
        }
        self.hear();
        if let Some(end) = self.over().or_else(|| self.act()) {
            return Ok(Some(end));
        }
        while let Some((_, key)) = self.keys.pop_if(|(at_us, _)| *at_us <= self.now_us) {
            let mut text = String::new();
            let _ = self.far_end.dtmf(key, KEY_HELD_MS, &mut text);
            socket.send(text).await?;
        }
        self.since_frame_ms += TICK_MS;
        if self.since_frame_ms >= self.playing.frames.ms {
            self.since_frame_ms = 0;
            let text = self.frame();
            socket.send(text).await?;
            let late_us = due.elapsed().as_micros() as u64;
            self.count(|set| {
                set.counts.frames_sent += 1;
                set.record(Figure::Own, late_us);
            });
        }
        Ok(None)
    }

    /// The next frame of the caller, as a message. It was spoken in the time before now.
    fn frame(&mut self) -> String {
        let frame_ms = self.playing.frames.ms;
        let begins_us = self.now_us.saturating_sub(frame_ms * 1_000);
        let begun = self.saying.as_ref().filter(|(_, sent)| *sent == 0);
        if let Some(lasts_ms) = begun.map(|(utterance, _)| utterance.lasts_ms) {
            self.begin_to_speak(begins_us, lasts_ms);
        }
        let noise = self
            .playing
            .sounds
            .noise(self.frames_sent + self.playing.nth * 37);
        let said = self.saying.as_ref();
        let payload = said.and_then(|(utterance, sent)| utterance.frames.get(*sent));
        let payload = payload.map_or(noise, AsRef::as_ref);
        let mut text = String::with_capacity(payload.len() + MESSAGE_BYTES);
        let at_ms = self.frames_sent * frame_ms;
        let _ = self.far_end.media_in_base64(payload, at_ms, &mut text);
        self.frames_sent += 1;
        self.saying = self
            .saying
            .take()
            .map(|(utterance, sent)| (utterance, sent + 1))
            .filter(|(utterance, sent)| *sent < utterance.frames.len());
        text
    }

    fn begin_to_speak(&mut self, onset_us: u64, lasts_ms: u64) {
        self.director.acts(onset_us / 1_000 + lasts_ms);
        let interrupts =
            self.playout.plays(self.now_us) && !self.heard.is_silent(self.now_us / 1_000);
        if interrupts {
            self.interrupts_us = Some(onset_us);
            self.count(|set| set.counts.interruptions += 1);
        }
        // whoever talks over the bot does not wait for its next sound
        self.speech_ends_us = (!interrupts).then_some(onset_us + lasts_ms * 1_000);
    }

    /// Takes what the caller has heard by now.
    fn hear(&mut self) {
        while let Some(span) = self.playout.heard(self.now_us) {
            if !self.is_heard {
                self.is_heard = true;
                self.count(|set| set.record(Figure::FirstAudio, span.first_us));
            }
            self.heard
                .bot_audible(span.first_us / 1_000, span.last_us / 1_000);
            if let Some(us) = self
                .speech_ends_us
                .take()
                .and_then(|ends_us| response(ends_us, span.first_us))
            {
                self.count(|set| set.record(Figure::Response, us));
            }
        }
        if self.heard.is_silent(self.now_us / 1_000) {
            self.interrupts_us = None;
        }
    }

    fn over(&self) -> Option<End> {
        let Playing { caller, over, .. } = &self.playing;
        if over.is_cancelled() {
            return Some(End::Cut);
        }
        if !self.is_heard && self.now_us >= FIRST_AUDIO.as_micros() as u64 {
            return Some(End::Mute);
        }
        let end = match caller.scenario {
            Some(_) => End::OutOfTime,
            None => End::Caller,
        };
        (self.now_us >= caller.holds_ms * 1_000).then_some(end)
    }

    /// Takes the caller's next step, if it is due.
    fn act(&mut self) -> Option<End> {
        let now_ms = self.now_us / 1_000;
        if self.director.waits_for_record() {
            self.record.look(now_ms);
        }
        if self.saying.is_some() {
            return None;
        }
        let action = self
            .director
            .due(now_ms, &self.heard, &self.record.transcript)?;
        let Playing { caller, sounds, .. } = &self.playing;
        match action {
            Action::Say(words) => {
                let utterance = sounds.utterance(&caller.voice, &words)?;
                self.director.acts(now_ms + utterance.lasts_ms);
                self.saying = Some((utterance, 0));
            }
            Action::Keys(keys) => {
                let pressed = keys
                    .chars()
                    .zip(0..)
                    .map(|(key, nth)| (self.now_us + nth * KEY_EVERY_MS * 1_000, key));
                self.keys = pressed.collect();
                self.keys.reverse();
                self.director
                    .acts(now_ms + keys.len() as u64 * KEY_EVERY_MS);
            }
            Action::Silence => {}
            Action::HangUp => return Some(End::Caller),
        }
        None
    }

    fn incoming(&mut self, text: &str) {
        let now_us = self.started.elapsed().as_micros() as u64;
        match parse_outbound(text) {
            Ok(Outbound::Media(media)) => self.media(&media, now_us),
            Ok(Outbound::Mark(mark)) => self.playout.mark(mark.name.into_owned()),
            Ok(Outbound::Clear) => {
                self.playout.clear(now_us);
                if let Some(onset_us) = self.interrupts_us.take() {
                    self.count(|set| {
                        set.counts.cleared += 1;
                        set.record(Figure::Clear, now_us.saturating_sub(onset_us));
                    });
                }
            }
            Ok(Outbound::Unknown { .. }) => {
                self.fault("an event that Exotel does not know: send `media`, `mark` or `clear`");
            }
            Err(error) => self.fault(&error.to_string()),
        }
    }

    fn media(&mut self, media: &Media<'_>, now_us: u64) {
        if media.stream_sid.as_deref() != Some(self.stream_sid.as_str()) {
            return self.fault("`media` without the `stream_sid` of `start`: Exotel ignores it");
        }
        if media.decode_into(&mut self.bytes).is_err() {
            return self.fault("a `media` payload that is not base64");
        }
        if self.bytes.len() > FRAME_MAX_BYTES
            || !self.bytes.len().is_multiple_of(FRAME_MULTIPLE_BYTES)
        {
            self.fault(
                "a frame that Exotel stumbles over: send a multiple of 320 bytes, up to 100,000",
            );
        }
        self.samples.clear();
        self.samples
            .extend(self.bytes.chunks_exact(2).map(|pair| match pair {
                [low, high] => i16::from_le_bytes([*low, *high]),
                _ => 0,
            }));
        let arrival = self
            .playout
            .media(now_us, &self.samples, self.playing.frames.rate_hz);
        self.worst_us = self.worst_us.max(arrival.late_us);
        self.gaps += u64::from(arrival.gap_us().is_some());
        self.count(|set| {
            set.counts.frames_received += 1;
            let values = [
                (Figure::Late, arrival.late_us),
                (Figure::Reserve, arrival.reserve_us),
                (Figure::Pace, arrival.pace_us),
                (Figure::Gap, arrival.gap_us()),
            ];
            for (figure, us) in values {
                if let Some(us) = us {
                    set.record(figure, us);
                }
            }
        });
    }

    fn count(&self, add: impl FnOnce(&mut crate::measures::Set)) {
        self.playing.measures.of_call(self.playing.nth, add);
    }

    fn fault(&mut self, fault: &str) {
        if self.faults.len() < FAULTS && !self.faults.iter().any(|known| known == fault) {
            self.faults.push(fault.to_owned());
        }
    }

    fn finish(mut self, end: End) -> Streamed {
        let lasted_us = self.started.elapsed().as_micros() as u64;
        if end == End::Bot && self.playout.unheard_us(lasted_us) > UNHEARD_US {
            self.fault("the bot closed the stream before its audio was heard");
        }
        let (worst_us, gaps) = (self.worst_us, self.gaps);
        self.count(|set| {
            if let Some(us) = worst_us {
                set.record(Figure::WorstOfCall, us);
            }
            set.counts.gaps += gaps;
            set.counts.with_gaps += u64::from(gaps > 0);
        });
        // who closes at once was never heard
        let end = match end {
            End::Bot if !self.is_heard => {
                self.now_us = lasted_us;
                self.hear();
                if self.is_heard { End::Bot } else { End::Mute }
            }
            other => other,
        };
        Streamed {
            end,
            lasted_ms: lasted_us / 1_000,
            steps_left: self.director.remaining(),
            faults: self.faults,
        }
    }
}

/// The time from the end of the caller's speech to the bot's answer; 0 for one that begins in the last
/// words, as bots do that answer at once. Earlier audio is no answer.
fn response(speech_ends_us: u64, first_us: u64) -> Option<u64> {
    (first_us + LAST_WORDS_US >= speech_ends_us).then(|| first_us.saturating_sub(speech_ends_us))
}

/// The transcript in the call's record, read only while a step waits for it.
struct Record {
    of: Option<(Applets, String)>,
    transcript: Vec<Line>,
    asked: Option<oneshot::Receiver<Vec<Line>>>,
    asked_ms: u64,
}

impl Record {
    fn new(of: Option<(Applets, String)>) -> Self {
        Self {
            of,
            transcript: Vec::new(),
            asked: None,
            asked_ms: 0,
        }
    }

    /// Takes an answer that has come, and asks again when it is time.
    fn look(&mut self, now_ms: u64) {
        if let Some(asked) = &mut self.asked {
            match asked.try_recv() {
                Ok(transcript) => self.transcript = transcript,
                Err(oneshot::error::TryRecvError::Empty) => return,
                Err(oneshot::error::TryRecvError::Closed) => {}
            }
            self.asked = None;
        }
        let Some((applets, id)) = self
            .of
            .clone()
            .filter(|_| now_ms >= self.asked_ms + RECORD_EVERY_MS)
        else {
            return;
        };
        let (answer, asked) = oneshot::channel();
        (self.asked, self.asked_ms) = (Some(asked), now_ms);
        tokio::spawn(async move {
            if let Some(record) = applets.record(&id).await {
                // the call may be over
                let _ = answer.send(record.transcript);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_timed_from_the_last_word_and_may_begin_in_it() {
        const MS: u64 = 1_000;
        for (first_ms, answered_ms) in [
            (2_600, Some(600)),
            (2_000, Some(0)),
            (1_600, Some(0)),
            // the bot went on by itself
            (1_400, None),
        ] {
            assert_eq!(
                response(2_000 * MS, first_ms * MS),
                answered_ms.map(|ms: u64| ms * MS)
            );
        }
    }
}
