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
use tokio_util::sync::CancellationToken;

use crate::caller_audio::CallerAudio;
use crate::director::Director;
use crate::facts::EndedBy;
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
    /// What the caller says as soon as the stream is open, as a voicemail does.
    pub opening: Option<Arc<[i16]>>,
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
    /// How the network carries the stream.
    pub network: Network,
}

/// How the network carries a stream.
#[derive(Debug, Clone)]
pub struct Network {
    /// Milliseconds of the caller's audio in one message. Longer frames make calls cheaper.
    pub frame_ms: u64,
    /// Which directions the stream has.
    pub carries: Carries,
    /// When the connection is lost: it ends with no `stop`, and Exotel goes on to the next applet.
    pub lost_at_ms: Option<u64>,
    /// Cancelled when the caller has to hang up at once.
    pub hang_up: CancellationToken,
    /// What is recorded of the call.
    pub keep: Keep,
}

/// Which directions a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// The Voicebot applet's stream: audio both ways, keys and marks.
    BothWays,
    /// The Stream applet's stream: only the caller's audio. What the bot sends is ignored.
    CallerOnly,
}

/// What is recorded of a call, in memory until it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The audio of both sides and all messages.
    Everything,
    /// Only measurements, so that thousands of calls fit into memory.
    Measurements,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            frame_ms: FRAME_MS,
            carries: Carries::BothWays,
            lost_at_ms: None,
            hang_up: CancellationToken::new(),
            keep: Keep::Everything,
        }
    }
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
    /// The caller's audio, if it was recorded.
    pub caller_audio: Vec<i16>,
    /// The audio that the caller heard, of the same length, if it was recorded.
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
    /// The connection was lost on Exotel's side.
    Lost,
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
        frame: vec![0; (u64::from(caller.rate_hz) * caller.network.frame_ms / 1000) as usize],
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
        let frame_ms = self.caller.network.frame_ms;
        let is_one_way = self.caller.network.carries == Carries::CallerOnly;
        if let Some(opening) = self.caller.opening.take() {
            self.speech.say(opening);
        }
        let mut ticks = interval_at(started, Duration::from_millis(frame_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    if let Some(end) = self.tick(wire).await? {
                        return Ok(end);
                    }
                    self.now_ms += frame_ms;
                }
                message = wire.next() => match message? {
                    _ if is_one_way => {}
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
        let keeps = self.caller.network.keep == Keep::Everything;
        if keeps || self.caller.room.has_echo() {
            self.bot_audio.extend_from_slice(&self.frame);
        }

        let transcript = self.caller.watch.transcript();
        self.show(&transcript);
        if let Some(action) = self.director.due(self.now_ms, &self.heard, &transcript)
            && let Some(end) = self.act(&action)
        {
            return Ok(Some(end));
        }
        if let Some(end) = self.ended_by_network() {
            return Ok(Some(end));
        }
        if self.now_ms >= self.caller.limit_ms {
            self.emit(Who::Caller, "hangs up at the time limit".to_owned());
            return Ok(Some(End::OutOfTime));
        }
        while let Some((_, key)) = self.keys.pop_front_if(|(due_ms, _)| *due_ms <= self.now_ms) {
            if self.caller.network.carries == Carries::BothWays {
                wire.dtmf(key, KEY_HELD_MS).await?;
            }
        }

        if let Some(samples) = self.speech.fill(&mut self.frame) {
            let into_ms = samples as u64 * 1000 / u64::from(self.caller.rate_hz);
            self.heard.caller_fell_silent(self.now_ms + into_ms);
        }
        self.caller.room.fill(&self.bot_audio, &mut self.frame);
        if keeps {
            self.caller_audio.extend_from_slice(&self.frame);
        }
        wire.media(&self.frame, self.now_ms).await?;
        Ok(None)
    }

    fn ended_by_network(&self) -> Option<End> {
        let network = &self.caller.network;
        if network.hang_up.is_cancelled() {
            self.emit(Who::Caller, "hangs up".to_owned());
            return Some(End::Caller);
        }
        let is_lost = network.lost_at_ms.is_some_and(|at| self.now_ms >= at);
        is_lost.then_some(End::Lost)
    }

    /// Starts a step's action.
    fn act(&mut self, action: &Action) -> Option<End> {
        match action {
            Action::Say(words) => {
                self.emit(Who::Caller, format!("“{words}”"));
                if let Some(samples) = self.caller.speech.get(words) {
                    self.heard.caller_speaks();
                    self.director.acts(
                        self.now_ms + samples.len() as u64 * 1000 / u64::from(self.caller.rate_hz),
                    );
                    self.speech.say(Arc::clone(samples));
                }
            }
            Action::Keys(keys) => {
                self.emit(Who::Caller, format!("presses {keys}"));
                self.keys.extend(
                    keys.chars()
                        .zip(0..)
                        .map(|(key, nth)| (self.now_ms + nth * KEY_EVERY_MS, key)),
                );
                self.director
                    .acts(self.now_ms + keys.len() as u64 * KEY_EVERY_MS);
            }
            Action::Silence => self.emit(Who::Caller, "stays silent".to_owned()),
            Action::HangUp => {
                self.emit(Who::Caller, "hangs up".to_owned());
                return Some(End::Caller);
            }
        }
        None
    }

    async fn finish(mut self, wire: Wire, end: End) -> Played {
        let (mut check, log) = match &end {
            End::Caller | End::OutOfTime => wire.hang_up().await,
            End::Lost => wire.lose().await,
            End::Bot | End::Broken(_) => wire.ended(),
        };
        match &end {
            End::Bot => {
                let ms = self.playback.audible_waiting_samples() as u64 * 1000
                    / u64::from(self.caller.rate_hz);
                if ms > UNHEARD_MS {
                    check.violation(WireFault::ClosedTooEarly { ms });
                }
                self.emit(Who::Exotel, "the bot has closed the stream".to_owned());
            }
            End::Broken(reason) => check.violation(WireFault::Broken {
                reason: reason.clone(),
            }),
            End::Caller | End::OutOfTime | End::Lost => {}
        }
        self.show(&self.caller.watch.transcript());
        Played {
            ended_by: match end {
                End::Bot | End::Broken(_) => EndedBy::Bot,
                End::Caller | End::OutOfTime => EndedBy::User,
                End::Lost => EndedBy::Nobody,
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

    fn emit(&self, who: Who, text: String) {
        self.caller.listener.event(&Event {
            at_ms: Some(self.now_ms),
            who,
            text,
        });
    }
}
