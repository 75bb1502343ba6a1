//! Drives one live call: moves frames between the socket and the machine, caller audio to the
//! recogniser, and commands from the flow.
//!
//! There is one task per call. The flow runs in it as a separate future, which yields every few
//! milliseconds while it computes, so that caller audio never waits for it.

mod format;
mod pieces;
mod received;

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use ghanti_audio::{Decoder, FormatCheck, ResampleError};
use ghanti_exotel::OutboundWriter;
use ghanti_exotel::inbound::Start;
use ghanti_host::{FlowVersion, Limit, RunEnd};
use ghanti_model::PromptId;
use ghanti_model::event::Repeat;
use ghanti_speech::cache::PromptAudio;
use ghanti_speech::recognition::HEARINGS;
use ghanti_speech::{Hearing, Loss, Recognition, Samples, Usage};
use ghanti_store::Track;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::call::LiveCall;
use crate::doubled::Doubled;
use crate::ending::StreamEnd;
use crate::event::Event;
use crate::listening::Overheard;
use crate::machine::{Command, Completion, Machine, Output};
use crate::migration::Migration;
use crate::pace::Pace;
use crate::playback::Sending;
use crate::recorder::Recorder;
use crate::recording::CallRecording;
use crate::rendered_prompt::{Fetch, Source};
use crate::running::RunningFlow;
use crate::services::Services;
use crate::speculation;
use crate::unheard;
use crate::wire::{Unsent, Wire};
use crate::woken::Woken;

use self::pieces::{NextPiece, next_piece};

/// After how many prompts in a row that were not spoken at all a call is ended: one may be a
/// sentence that took too long, two are a synthesiser that is away. Where a synthesiser fails before
/// the caller was greeted, who would be asked something in silence, the call is ended at once.
const MUTE: u32 = 2;

/// The state of a call's task, except for the flow.
pub struct Driver<'a> {
    wire: Box<dyn Wire>,
    services: &'a Services,
    call: &'a LiveCall,
    flow: Option<Arc<FlowVersion>>,
    machine: Machine,
    writer: OutboundWriter,
    decoder: Decoder,
    /// Absent for a stream that was announced as anything but PCM.
    format_check: Option<FormatCheck>,
    recorder: Recorder,
    recording: Option<CallRecording>,
    /// While somebody listens in, or watches.
    overheard: Option<Overheard>,
    completions: mpsc::Sender<Completion>,
    pieces: FuturesUnordered<NextPiece>,
    /// What the call has used of the synthesisers.
    usage: Usage,
    /// How many prompts in a row were not spoken at all.
    unspoken: u32,
    has_spoken: bool,
    /// Whether a synthesiser failed, which is more than being late.
    is_voice_broken: bool,
    recognition: Option<Box<dyn Recognition>>,
    hearings: mpsc::Receiver<Hearing>,
    rate_hz: u32,
    invalid_frame: u32,
    pace: Pace,
    doubled: Doubled,
    payload: Vec<u8>,
    samples: Vec<i16>,
    text: String,
    stream: Option<StreamEnd>,
    track: Option<Track>,
    /// Only set to an earlier time than it has: frames put the next time-out off some fifty times a
    /// second, and one wake-up too many twice a second costs less.
    timer: Pin<Box<Sleep>>,
}

/// What happens a few times a minute, while frames come fifty times a second.
enum Rare {
    /// The flow has ended.
    Ended(RunEnd),
    /// The flow wants something.
    Command(Command),
    /// A newer version of the flow takes over.
    Newer(Box<RunningFlow>),
}

/// The arguments of [`Driver::new`].
pub struct Parts<'a> {
    /// The socket, after its `start` was received.
    pub wire: Box<dyn Wire>,
    /// What all calls share.
    pub services: &'a Services,
    /// The call.
    pub call: &'a LiveCall,
    /// Its flow.
    pub flow: Option<Arc<FlowVersion>>,
    /// The `start` message.
    pub start: &'a Start,
    /// Where completions for the flow are sent.
    pub completions: mpsc::Sender<Completion>,
}

impl<'a> Driver<'a> {
    /// A driver for a call whose stream has just started.
    pub fn new(parts: Parts<'a>) -> Result<Self, ResampleError> {
        let format = parts.start.media_format;
        let encoding = match format.encoding {
            ghanti_exotel::Encoding::Linear16 => ghanti_audio::Encoding::Pcm16,
            ghanti_exotel::Encoding::MuLaw => ghanti_audio::Encoding::MuLaw,
        };
        // no recognition is running: this closed channel is replaced when the first one starts
        let (_, hearings) = mpsc::channel(1);
        Ok(Self {
            wire: parts.wire,
            services: parts.services,
            call: parts.call,
            flow: parts.flow,
            machine: Machine::new(format.rate_hz, encoding)?,
            writer: OutboundWriter::new(parts.start),
            decoder: Decoder::new(encoding),
            format_check: (encoding == ghanti_audio::Encoding::Pcm16)
                .then(|| FormatCheck::new(format.rate_hz)),
            recorder: Recorder::of(parts.call),
            recording: CallRecording::begin(parts.services, parts.call, format.rate_hz)?,
            overheard: None,
            completions: parts.completions,
            pieces: FuturesUnordered::new(),
            usage: Usage::default(),
            unspoken: 0,
            has_spoken: false,
            is_voice_broken: false,
            recognition: None,
            hearings,
            rate_hz: format.rate_hz,
            invalid_frame: 0,
            pace: Pace::default(),
            doubled: Doubled::default(),
            payload: Vec::new(),
            samples: Vec::new(),
            text: String::new(),
            stream: None,
            track: None,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
        })
    }

    /// The call's recorder, for steps that are reached outside the driver.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Ends the call if an answering machine has it.
    pub fn look_for_voicemail(&mut self) {
        self.machine.look_for_voicemail();
    }

    /// Drives the call until the flow ends, the stream ends, or the call reaches its maximum length
    /// (`until`), or nothing is spoken any more ([`Driver::is_mute`]). In the last three cases the
    /// flow has [`LEAVE`](crate::LEAVE) to return. Returns how the flow ended; none if nothing was
    /// spoken, or the stream ended and the flow did not return in time.
    pub async fn converse(
        &mut self,
        flow: &mut RunningFlow,
        mut migration: Migration<'_>,
        commands: &mut mpsc::Receiver<Command>,
        until: Instant,
    ) -> Option<RunEnd> {
        loop {
            if self.stream.is_some() {
                commands.close();
                return tokio::time::timeout(crate::LEAVE, self.walk_out(flow, commands))
                    .await
                    .ok();
            }
            let is_mute = self.is_mute();
            if is_mute || Instant::now() >= until {
                self.machine.abandon(self.call.now_ms());
                commands.close();
                // for the flow the call is over, but the caller is still on the line
                let _ = tokio::time::timeout(crate::LEAVE, self.walk_out(flow, commands)).await;
                return (!is_mute).then_some(RunEnd::LimitExceeded {
                    what: Limit::CallLength,
                });
            }
            match self.until_flow(flow, &mut migration, commands, until).await {
                Some(Rare::Ended(end)) => return Some(end),
                Some(Rare::Command(command)) => self.machine.command(self.call.now_ms(), command),
                Some(Rare::Newer(newer)) => {
                    self.flow = Some(Arc::clone(&newer.state.version));
                    *flow = *newer;
                }
                None => continue,
            }
            self.process_outputs().await;
        }
    }

    /// Drives the call until the flow does something, or something has to be decided.
    async fn until_flow(
        &mut self,
        flow: &mut RunningFlow,
        migration: &mut Migration<'_>,
        commands: &mut mpsc::Receiver<Command>,
        until: Instant,
    ) -> Option<Rare> {
        let awaited = self.machine.awaited();
        let RunningFlow { state, run } = flow;
        let rare = pin!(async {
            tokio::select! {
                biased;
                end = run.ended() => Rare::Ended(end),
                Some(command) = commands.recv() => Rare::Command(command),
                newer = migration.next(state, awaited) => Rare::Newer(Box::new(newer)),
            }
        });
        let mut rare = Woken::new(rare);
        loop {
            tokio::select! {
                biased;
                rare = &mut rare => return Some(rare),
                () = self.step(until) => {}
            }
            self.process_outputs().await;
            let is_over = self.stream.is_some() || self.is_mute() || Instant::now() >= until;
            if is_over || self.machine.awaited() != awaited {
                return None;
            }
        }
    }

    /// Whether nothing is spoken any more: the caller hears silence, and is not to be kept on the
    /// line.
    pub fn is_mute(&self) -> bool {
        let is_broken = self.is_voice_broken && !self.has_spoken;
        self.unspoken >= if is_broken { 1 } else { MUTE }
    }

    /// Runs the flow until it returns, after its call has ended: the command in progress gets its
    /// completion, and further commands fail.
    async fn walk_out(
        &mut self,
        flow: &mut RunningFlow,
        commands: &mut mpsc::Receiver<Command>,
    ) -> RunEnd {
        loop {
            self.process_outputs().await;
            tokio::select! {
                end = flow.run.ended() => return end,
                Some(command) = commands.recv() => self.machine.command(self.call.now_ms(), command),
            }
        }
    }

    /// Plays what is still queued, then ends the stream.
    pub async fn finish(&mut self, until: Instant) {
        self.machine.command(self.call.now_ms(), Command::Finish);
        self.process_outputs().await;
        while self.stream.is_none() {
            self.step(until).await;
            self.process_outputs().await;
            if Instant::now() >= until {
                self.end(StreamEnd::TooLong);
            }
        }
    }

    /// Plays the fallback prompt in place of the flow's prompts.
    pub async fn play_fallback(&mut self, spoken: crate::rendered_prompt::RenderedPrompt) {
        let now_ms = self.call.now_ms();
        self.machine.abandon(now_ms);
        self.machine.command(now_ms, Command::Say(spoken));
        self.process_outputs().await;
    }

    /// Plays a prompt of the engine's own before those of the flow.
    pub async fn announce(&mut self, spoken: crate::rendered_prompt::RenderedPrompt) {
        self.machine.announce(self.call.now_ms(), spoken);
        self.process_outputs().await;
    }

    /// Ends the stream, unless it has ended.
    pub fn end(&mut self, end: StreamEnd) {
        if self.stream.is_none() {
            self.stream = Some(end);
            let now_ms = self.call.now_ms();
            self.machine.end(now_ms);
            self.call.monitor().close();
            if let Some(recording) = self.recording.take() {
                self.track = Some(recording.end(now_ms));
            }
        }
    }

    /// Records the events since the last step.
    pub async fn flush_events(&mut self) {
        self.process_outputs().await;
    }

    /// Why the stream ended, if it has.
    pub fn stream_end(&self) -> Option<&StreamEnd> {
        self.stream.as_ref()
    }

    /// Returns the socket, so that it can be closed, and the recording's track, to be finished
    /// after that.
    pub fn into_parts(self) -> (Box<dyn Wire>, Option<Track>) {
        self.call.monitor().close();
        let now_ms = self.call.now_ms();
        let ended = self.recording.map(|recording| recording.end(now_ms));
        (self.wire, self.track.or(ended))
    }

    /// Waits until one thing happens, at most until `until`, and hands it to the machine.
    /// Cancel-safe.
    async fn step(&mut self, until: Instant) {
        let now_ms = self.call.now_ms();
        let (due_ms, opens_at) = (self.machine.next_wake(now_ms), self.pace.opens_at(now_ms));
        let listened_ms = self.overheard.as_ref().map(|it| it.next_ms(now_ms));
        let all = [due_ms, opens_at, listened_ms].into_iter().flatten();
        let wake = all.fold(until, |wake, at_ms| self.call.instant(at_ms).min(wake));
        if self.timer.is_elapsed() || wake < self.timer.deadline() {
            self.timer.as_mut().reset(wake);
        }
        tokio::select! {
            biased;
            received = self.wire.receive(), if opens_at.is_none() => self.received(received),
            Some(hearing) = self.hearings.recv() => match hearing {
                Hearing::Lost(loss) => self.lost("recognizer-lost", &loss),
                hearing => self.machine.hearing(self.call.now_ms(), hearing),
            },
            Some((prompt, audio, piece)) = self.pieces.next() => self.piece(prompt, audio, piece),
            () = self.timer.as_mut() => {}
        }
        let now_ms = self.call.now_ms();
        if let Some(due_ms) = due_ms {
            let lateness = self.services.registry.events().lateness();
            lateness.note(now_ms.saturating_sub(due_ms));
        }
        self.machine.tick(now_ms);
        self.overhear(now_ms);
    }

    /// Passes on to those who listen in or watch what is due, while there are any.
    fn overhear(&mut self, now_ms: u64) {
        let monitor = self.call.monitor();
        match &mut self.overheard {
            Some(overheard) if monitor.is_wanted(now_ms) => overheard.pass_on(now_ms, monitor),
            Some(_) => self.overheard = None,
            None if monitor.is_wanted(now_ms) => {
                self.overheard = Overheard::begin(self.rate_hz, now_ms).ok();
            }
            None => {}
        }
    }

    fn piece(
        &mut self,
        prompt: PromptId,
        mut audio: PromptAudio,
        piece: Option<Result<Samples, String>>,
    ) {
        for loss in audio.losses() {
            self.lost("synthesizer-lost", &loss);
        }
        match piece {
            Some(Ok(samples)) => {
                self.machine.piece(prompt, samples);
                self.pieces.push(next_piece(prompt, audio));
            }
            Some(Err(reason)) => {
                self.is_voice_broken = true;
                self.machine.pieces_failed(prompt, reason);
            }
            None => self.machine.pieces_complete(prompt),
        }
    }

    /// Notes that another provider went on in the place of one.
    fn lost(&self, problem: &str, loss: &Loss) {
        self.call
            .note(problem, loss.to_string(), Repeat::OncePerSentence);
    }

    /// Performs the machine's outputs, records its events and sends what is due.
    async fn process_outputs(&mut self) {
        loop {
            while let Some(output) = self.machine.output() {
                self.perform(output).await;
            }
            while let Some(event) = self.machine.event() {
                match &event {
                    Event::PromptBegan { .. } => (self.unspoken, self.has_spoken) = (0, true),
                    Event::PromptFailed { .. } => self.unspoken += 1,
                    _ => {}
                }
                self.recorder.write(
                    self.call,
                    self.flow.as_deref().map(FlowVersion::manifest),
                    event,
                );
            }
            if self.stream.is_some() || !self.send_due().await {
                return;
            }
        }
    }

    /// Sends one frame or mark. Returns whether one was due.
    async fn send_due(&mut self) -> bool {
        let now_ms = self.call.now_ms();
        self.text.clear();
        let written = match self.machine.send(now_ms, &mut self.payload) {
            None => return false,
            Some(Sending::Frame) => {
                let (at_ms, samples) = self.machine.sent();
                if let Some(recording) = &mut self.recording {
                    recording.bot(at_ms, samples);
                }
                if let Some(overheard) = &mut self.overheard {
                    overheard.bot(at_ms, samples);
                }
                self.writer
                    .media(&self.payload, now_ms, &mut self.text)
                    .map_err(|error| error.to_string())
            }
            Some(Sending::Mark(name)) => self
                .writer
                .mark(&name, &mut self.text)
                .map_err(|error| error.to_string()),
        };
        match written {
            Ok(()) => self.transmit().await,
            Err(error) => self.call.problem("bad-outbound-frame", error),
        }
        true
    }

    async fn transmit(&mut self) {
        let Err(unsent) = self.wire.send(&self.text).await else {
            return;
        };
        if unsent == Unsent::NotRead {
            let detail = format!(
                "{unsent}, and the stream was closed: see whether everything between Exotel and the engine passes the bot's audio on"
            );
            self.call.problem("not-reading", detail);
        }
        self.end(StreamEnd::Lost);
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Fetch(fetch) => self.fetch(fetch),
            Output::Clear => {
                if let Some(recording) = &mut self.recording {
                    recording.cleared(self.call.now_ms());
                }
                if let Some(overheard) = &mut self.overheard {
                    overheard.cleared(self.call.now_ms());
                }
                self.text.clear();
                if self.writer.clear(&mut self.text).is_ok() {
                    self.transmit().await;
                }
            }
            Output::Listen(expectation) => {
                let (sender, hearings) = mpsc::channel(HEARINGS);
                self.hearings = hearings;
                self.recognition = None;
                let Some(recognizer) = &self.services.recognizer else {
                    return;
                };
                // the flow may have changed the language
                if let Some(language) = expectation.languages.first() {
                    unheard::check(self.call, Some(recognizer.as_ref()), language);
                }
                self.machine
                    .set_hears_phrases_only(recognizer.hears_phrases_only(&expectation.languages));
                self.machine.set_suppresses_noise(
                    recognizer.is_helped_by_suppression(&expectation.languages),
                );
                match recognizer.listen(expectation, sender) {
                    Ok(recognition) => self.recognition = Some(recognition),
                    Err(error) => self.machine.recognition_failed(error.to_string()),
                }
            }
            Output::Feed(samples) => {
                if let Some(recognition) = &mut self.recognition
                    && let Err(error) = recognition.feed(&samples)
                {
                    self.machine.cut(error.to_string());
                }
            }
            Output::Finish => match &mut self.recognition {
                Some(recognition) => recognition.finish(),
                None => self.machine.heard_nothing(self.call.now_ms()),
            },
            Output::Forget => {
                if let Some(recognition) = &mut self.recognition {
                    recognition.reset();
                }
            }
            Output::StopListening => self.recognition = None,
            Output::Complete(completion) => {
                // the flow takes one completion at a time, so there is room; sending fails only if
                // it has ended
                let _ = self.completions.try_send(completion);
            }
            Output::Voicemail => self.end(StreamEnd::Voicemail),
            Output::PeerLost { ever } => self.end(StreamEnd::PeerLost { ever }),
            Output::Close => {
                if self.stream.is_none() {
                    self.stream = Some(StreamEnd::Finished);
                }
            }
        }
    }

    fn fetch(&mut self, fetch: Fetch) {
        let Fetch { prompt, spoken } = fetch;
        match spoken.source {
            Source::File { samples, .. } => {
                self.machine.piece(prompt, samples);
                self.machine.pieces_complete(prompt);
            }
            Source::Words {
                utterance,
                personal,
            } => {
                let keep = speculation::keep(personal);
                let prompts = &self.services.prompts;
                let audio = prompts.fetch_for(&self.usage, &utterance, self.rate_hz, keep);
                self.pieces.push(next_piece(prompt, audio));
            }
        }
    }
}
