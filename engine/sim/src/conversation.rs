//! The stream of one call in real time: every 20 ms a frame of the bot is played, a step of the
//! scenario may become due, and a frame of the caller is sent.
//!
//! A single task. Frames keep to a fixed time base: after a late frame the next ones follow at
//! once, so timing does not drift.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ghanti_model::Line;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::applets::EndedBy;
use crate::caller_audio::CallerAudio;
use crate::director::Director;
use crate::fault::WireFault;
use crate::heard::Heard;
use crate::listener::{Event, Listener, Who};
use crate::playback::Playback;
use crate::room::Room;
use crate::scenario::{Action, Step};
use crate::watch::RecordWatch;
use crate::wire::{Gone, Wire};
use crate::wire_check::FromBot;

/// Duration of a frame, as measured in real calls.
pub const FRAME_MS: u64 = 20;

/// How long a key is held.
const KEY_HELD_MS: u64 = 120;
/// Time from one key to the next.
const KEY_EVERY_MS: u64 = 400;

/// How much of the bot's speech may be unplayed when it closes the stream: rounding of its last
/// frame.
const UNHEARD_MS: u64 = 100;

/// A prepared caller.
pub struct Caller<'a> {
    /// The caller's steps.
    pub steps: Vec<Step>,
    /// The caller's speech, by text, at the stream's rate.
    pub speech: HashMap<String, Arc<[i16]>>,
    /// Other sound on the line.
    pub room: Room,
    /// After how long the caller hangs up.
    pub limit_ms: u64,
    /// The stream's sample rate.
    pub rate_hz: u32,
    /// Follows the transcript in the record while the call runs.
    pub watch: RecordWatch,
    /// Receives events as they happen.
    pub listener: &'a dyn Listener,
}

/// The result of a stream.
pub struct Played {
    /// Who ended it.
    pub ended_by: EndedBy,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// Whether the caller hung up because of the time limit.
    pub out_of_time: bool,
    /// Number of steps that never became due.
    pub steps_left: usize,
    /// Measurements of turns and response times.
    pub heard: Heard,
    /// How often the bot's speech was interrupted because the buffer was empty.
    pub gaps: u32,
    /// The stream's sample rate.
    pub rate_hz: u32,
    /// What the caller said.
    pub caller_audio: Vec<i16>,
    /// What the caller heard, of the same length.
    pub bot_audio: Vec<i16>,
    /// Violations of Exotel's rules.
    pub faults: Vec<WireFault>,
    /// All messages, one per line.
    pub wire_log: String,
    /// How many lines of the transcript were shown.
    pub lines_shown: usize,
}

/// Why a stream ended.
enum End {
    Bot,
    Caller,
    OutOfTime,
    Broken(String),
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Closed => End::Bot,
            Gone::Broken(reason) => End::Broken(reason),
        }
    }
}

/// Runs a call on an open stream until one side ends it.
pub async fn play(mut wire: Wire, caller: Caller<'_>) -> Played {
    let mut call = Conversation {
        director: Director::new(caller.steps.clone()),
        heard: Heard::new(caller.rate_hz),
        playback: Playback::default(),
        speech: CallerAudio::default(),
        keys: VecDeque::new(),
        frame: vec![0; (u64::from(caller.rate_hz) * FRAME_MS / 1000) as usize],
        caller_audio: Vec::new(),
        bot_audio: Vec::new(),
        now_ms: 0,
        lines_shown: 0,
        caller,
    };
    let end = match call.run(&mut wire).await {
        Ok(end) => end,
        Err(gone) => gone.into(),
    };
    call.finish(wire, end).await
}

struct Conversation<'a> {
    caller: Caller<'a>,
    director: Director,
    heard: Heard,
    playback: Playback,
    speech: CallerAudio,
    /// Keys to press, with the time of each.
    keys: VecDeque<(u64, char)>,
    frame: Vec<i16>,
    caller_audio: Vec<i16>,
    bot_audio: Vec<i16>,
    now_ms: u64,
    lines_shown: usize,
}

impl Conversation<'_> {
    async fn run(&mut self, wire: &mut Wire) -> Result<End, Gone> {
        let started = wire.begin().await?;
        let mut ticks = interval_at(started, Duration::from_millis(FRAME_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    if let Some(end) = self.tick(wire).await? {
                        return Ok(end);
                    }
                    self.now_ms += FRAME_MS;
                }
                message = wire.next() => match message? {
                    Some(FromBot::Media(samples)) => self.playback.media(samples),
                    Some(FromBot::Mark(name)) => self.playback.mark(name),
                    Some(FromBot::Clear) => drop(self.playback.clear()),
                    None => {}
                },
            }
        }
    }

    /// Processes one frame of both sides.
    async fn tick(&mut self, wire: &mut Wire) -> Result<Option<End>, Gone> {
        for mark in self.playback.play(&mut self.frame) {
            wire.mark(&mark).await?;
        }
        self.heard.bot(self.now_ms, &self.frame);
        self.bot_audio.extend_from_slice(&self.frame);

        let transcript = self.caller.watch.transcript();
        self.show(&transcript);
        if let Some(action) = self.director.due(self.now_ms, &self.heard, &transcript)
            && let Some(end) = self.act(&action)
        {
            return Ok(Some(end));
        }
        if self.now_ms >= self.caller.limit_ms {
            self.tell(Who::Caller, "is out of patience and hangs up".to_owned());
            return Ok(Some(End::OutOfTime));
        }
        while let Some((_, key)) = self.keys.pop_front_if(|(due_ms, _)| *due_ms <= self.now_ms) {
            wire.dtmf(key, KEY_HELD_MS).await?;
        }

        if let Some(samples) = self.speech.fill(&mut self.frame) {
            let into_ms = samples as u64 * 1000 / u64::from(self.caller.rate_hz);
            self.heard.caller_fell_silent(self.now_ms + into_ms);
        }
        self.caller.room.fill(&self.bot_audio, &mut self.frame);
        self.caller_audio.extend_from_slice(&self.frame);
        wire.media(&self.frame, self.now_ms).await?;
        Ok(None)
    }

    /// Starts a step's action.
    fn act(&mut self, action: &Action) -> Option<End> {
        match action {
            Action::Say(words) => {
                self.tell(Who::Caller, format!("“{words}”"));
                if let Some(samples) = self.caller.speech.get(words) {
                    self.heard.caller_speaks();
                    self.director.acts(
                        self.now_ms + samples.len() as u64 * 1000 / u64::from(self.caller.rate_hz),
                    );
                    self.speech.say(Arc::clone(samples));
                }
            }
            Action::Keys(keys) => {
                self.tell(Who::Caller, format!("presses {keys}"));
                self.keys.extend(
                    keys.chars()
                        .zip(0..)
                        .map(|(key, nth)| (self.now_ms + nth * KEY_EVERY_MS, key)),
                );
                self.director
                    .acts(self.now_ms + keys.len() as u64 * KEY_EVERY_MS);
            }
            Action::Silence => self.tell(Who::Caller, "stays silent".to_owned()),
            Action::HangUp => {
                self.tell(Who::Caller, "hangs up".to_owned());
                return Some(End::Caller);
            }
        }
        None
    }

    async fn finish(mut self, wire: Wire, end: End) -> Played {
        let (mut check, log) = match &end {
            End::Caller | End::OutOfTime => wire.hang_up().await,
            End::Bot | End::Broken(_) => wire.ended(),
        };
        match &end {
            End::Bot => {
                let ms = self.playback.audible_waiting_samples() as u64 * 1000
                    / u64::from(self.caller.rate_hz);
                if ms > UNHEARD_MS {
                    check.breach(WireFault::ClosedTooEarly { ms });
                }
                self.tell(Who::Exotel, "the bot has closed the stream".to_owned());
            }
            End::Broken(reason) => check.breach(WireFault::Broken {
                reason: reason.clone(),
            }),
            End::Caller | End::OutOfTime => {}
        }
        self.show(&self.caller.watch.transcript());
        Played {
            ended_by: if matches!(end, End::Bot | End::Broken(_)) {
                EndedBy::Bot
            } else {
                EndedBy::User
            },
            lasted_ms: self.now_ms,
            out_of_time: matches!(end, End::OutOfTime),
            steps_left: self.director.remaining(),
            gaps: self.playback.gaps(),
            heard: self.heard,
            rate_hz: self.caller.rate_hz,
            caller_audio: self.caller_audio,
            bot_audio: self.bot_audio,
            faults: check.into_faults(),
            wire_log: log.into_lines(),
            lines_shown: self.lines_shown,
        }
    }

    /// Shows the lines of the transcript that have not been shown yet.
    fn show(&mut self, transcript: &[Line]) {
        for line in transcript.iter().skip(self.lines_shown) {
            self.caller.listener.event(&Event::of_line(line));
        }
        self.lines_shown = self.lines_shown.max(transcript.len());
    }

    fn tell(&self, who: Who, text: String) {
        self.caller.listener.event(&Event {
            at_ms: Some(self.now_ms),
            who,
            text,
        });
    }
}
