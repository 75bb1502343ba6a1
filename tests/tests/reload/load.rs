//! Many concurrent calls from one process, whose timing is counted by phases of the test. Each sends 20 ms frames in real time,
//! plays what it receives, and returns the marks.
//!
//! Kept light, so that it measures the engine and not itself: one task per call, the caller's audio
//! shared by all calls, and the bot's audio only counted. It does not check Exotel's rules;
//! [`ghanti_sim::run()`] does.

mod bot_audio;
mod report;

use std::sync::Arc;
use std::time::Duration;

use ghanti_exotel::far_end::FarEnd;
use ghanti_exotel::{Outbound, parse_outbound};
use ghanti_model::{CallId, CallRecord, PhoneNumber};
use reqwest::Url;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::bot_audio::BotAudio;
use self::report::Tally;
pub use self::report::{BotFrames, LoadReport};
use ghanti_sim::agent::AgentAnswer;
use ghanti_sim::applets::{Applets, EngineError};
use ghanti_sim::caller_audio::CallerAudio;
use ghanti_sim::conversation::FRAME_MS;
use ghanti_sim::facts::{EndedBy, Facts};
use ghanti_sim::scenario::{Customer, Direction};
use ghanti_sim::socket::{Incoming, Socket};
use ghanti_sim::stream_url;

/// The pause between keys.
const PAUSE_MS: u64 = 4_000;

/// How long a key is held.
const KEY_HELD_MS: u64 = 120;

/// Number of attempts to store a record in an engine that answers 503.
const ORDER_TRIES: u32 = 10;
/// Pause between these attempts.
const ORDER_AGAIN: Duration = Duration::from_secs(1);

/// A load to generate.
#[derive(Debug, Clone)]
pub struct Load {
    /// Number of concurrent calls.
    pub calls: usize,
    /// Maximum duration, in seconds, after which all callers hang up. A call that ends earlier is
    /// followed by another one.
    pub seconds: u64,
    /// Interval between the first calls, so that they do not all start at once.
    pub ramp: Duration,
    /// The key that each caller presses, repeatedly.
    pub press: char,
    /// The customer's record for the calls. Each caller gets a phone number of their own.
    pub customer: Customer,
}

/// What the callers do, until the load's duration is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// They call repeatedly. The bot's audio is counted towards the phase of this number, so that
    /// the phases of a run can be compared.
    Calling {
        /// The phase's number, from 0.
        phase: usize,
    },
    /// No new calls; calls in progress continue to their own end.
    LastCalls {
        /// The phase's number, as in `Calling`.
        phase: usize,
    },
}

impl Stage {
    fn phase(self) -> usize {
        match self {
            Stage::Calling { phase } | Stage::LastCalls { phase } => phase,
        }
    }
}

/// Runs the load against the engine at `base_url`. The callers follow the stages.
pub async fn load_in_stages(
    load: &Load,
    base_url: &str,
    stages: watch::Receiver<Stage>,
) -> Result<LoadReport, EngineError> {
    let applets = Applets::new(base_url)?;
    let rate_hz = ghanti_exotel::MediaFormat::default().rate_hz;
    let frames: Arc<[Vec<u8>]> = caller_frames(rate_hz).into();
    let until = Instant::now() + Duration::from_secs(load.seconds);
    let mut tasks = JoinSet::new();
    for nth in 0..load.calls {
        let caller = LoadCaller {
            nth,
            applets: applets.clone(),
            frames: Arc::clone(&frames),
            press: load.press,
            customer: customer_of(nth, &load.customer),
            until,
            stages: stages.clone(),
        };
        let after = load.ramp * u32::try_from(nth).unwrap_or(u32::MAX);
        tasks.spawn(caller.call_again_and_again(after));
    }
    let mut all = Tally::default();
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok(tally) => all.add(tally),
            Err(error) => all.problem(error.to_string()),
        }
    }
    Ok(all.report())
}

fn customer_of(nth: usize, pattern: &Customer) -> Customer {
    let mut customer = pattern.clone();
    if let Ok(phone) = PhoneNumber::parse(&format!("+9170{nth:08}")) {
        customer.phone = phone;
    }
    customer
}

/// A line on which nobody speaks, as frames ready to send. A key is pressed at their beginning.
fn caller_frames(rate_hz: u32) -> Vec<Vec<u8>> {
    let mut caller_audio = CallerAudio::default();
    let mut frame = vec![0; (u64::from(rate_hz) * FRAME_MS / 1000) as usize];
    (0..PAUSE_MS / FRAME_MS)
        .map(|_| {
            caller_audio.fill(&mut frame);
            frame
                .iter()
                .flat_map(|sample: &i16| sample.to_le_bytes())
                .collect()
        })
        .collect()
}

struct LoadCaller {
    nth: usize,
    applets: Applets,
    frames: Arc<[Vec<u8>]>,
    press: char,
    customer: Customer,
    until: Instant,
    stages: watch::Receiver<Stage>,
}

impl LoadCaller {
    async fn call_again_and_again(self, after: Duration) -> Tally {
        let mut tally = Tally::default();
        tokio::time::sleep(after).await;
        while Instant::now() < self.until && matches!(*self.stages.borrow(), Stage::Calling { .. })
        {
            tally.report.calls += 1;
            if let Err(problem) = self.call(&mut tally).await {
                tally.problem(problem);
                // an engine that refuses calls must not be called in a tight loop
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tally
    }

    async fn call(&self, tally: &mut Tally) -> Result<(), String> {
        let call_id = self.order().await.map_err(|error| error.to_string())?;
        let facts = Facts::new(call_id, self.customer.phone.clone(), Direction::Outbound)
            .map_err(|error| error.to_string())?;
        self.applets
            .passthru(&facts)
            .await
            .map_err(|fault| fault.to_string())?;
        let url = self
            .applets
            .voicebot_url(&facts)
            .await
            .map_err(|fault| fault.to_string())?;
        let ended_by = self.stream(&url, &facts, tally).await?;
        let goes_on = self
            .applets
            .passthru_after(&facts, ended_by, 0)
            .await
            .map_err(|fault| fault.to_string())?;
        if goes_on && ended_by == EndedBy::Bot {
            let connected = self
                .applets
                .connect(&facts)
                .await
                .map_err(|fault| fault.to_string())?;
            if let Some(agent) = connected.numbers.first() {
                let answers = AgentAnswer::Answers;
                self.applets
                    .passthru_after_connect(&facts, agent, answers)
                    .await
                    .map_err(|fault| fault.to_string())?;
            }
        }
        let is_settled =
            |record: &CallRecord| !goes_on || record.outcome.as_deref() != Some("transfer-decided");
        let record = self
            .applets
            .final_record(&call_id.to_string(), is_settled)
            .await;
        let outcome = record
            .and_then(|record| record.outcome)
            .unwrap_or_else(|| "in-progress".to_owned());
        *tally.report.outcomes.entry(outcome).or_default() += 1;
        Ok(())
    }

    /// Stores the customer's record, retrying after a 503 as a real client of the API does.
    async fn order(&self) -> Result<CallId, EngineError> {
        let mut tries = 1;
        loop {
            match self.applets.store_customer(&self.customer).await {
                Err(EngineError::Refused { status: 503, .. }) if tries < ORDER_TRIES => tries += 1,
                stored => return stored,
            }
            tokio::time::sleep(ORDER_AGAIN).await;
        }
    }

    async fn stream(&self, url: &Url, facts: &Facts, tally: &mut Tally) -> Result<EndedBy, String> {
        let stream = facts.stream(stream_url::parameters(url).0, stream_url::format(url));
        let bytes_per_ms = stream.media_format.bytes_per_ms();
        let mut far_end = FarEnd::new(stream);
        let mut socket = Socket::open(url).await?;
        let mut text = String::new();
        // formatting into a `String` cannot fail
        let _ = far_end.connected(&mut text);
        socket.send(std::mem::take(&mut text)).await?;
        let _ = far_end.start(&mut text);
        socket.send(std::mem::take(&mut text)).await?;

        let started = Instant::now();
        let mut ticks = interval_at(started, Duration::from_millis(FRAME_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut bot = BotAudio::default();
        // the same audio, timed by the bot's own timestamps
        let mut sent = BotAudio::default();
        // so that callers do not all press their key at the same moment
        let mut frames = self
            .frames
            .iter()
            .enumerate()
            .cycle()
            .skip(self.nth * 37 % self.frames.len().max(1));
        let mut now_ms = 0;
        while Instant::now() < self.until {
            tokio::select! {
                biased;
                due = ticks.tick() => {
                    tally.late_us.push(due.elapsed().as_micros() as u64);
                    for name in bot.played(now_ms * 1_000) {
                        let _ = far_end.mark(&name, &mut text);
                        socket.send(std::mem::take(&mut text)).await?;
                        tally.report.marks += 1;
                    }
                    let Some((at, frame)) = frames.next() else { return Err("the caller has no audio".to_owned()) };
                    if at == 0 {
                        let _ = far_end.dtmf(self.press, KEY_HELD_MS, &mut text);
                        socket.send(std::mem::take(&mut text)).await?;
                    }
                    let _ = far_end.media(frame, now_ms, &mut text);
                    socket.send(std::mem::take(&mut text)).await?;
                    tally.report.frames_sent += 1;
                    now_ms += FRAME_MS;
                }
                incoming = socket.next() => match incoming {
                    Incoming::Text(message) => match parse_outbound(&message) {
                        Ok(Outbound::Media(media)) => {
                            let ms = (media.payload.trim_end_matches('=').len() * 3 / 4 / bytes_per_ms.max(1)) as u64;
                            tally.report.bot_audio_ms += ms;
                            let now_us = started.elapsed().as_micros() as u64;
                            let sent_us = media.timestamp_ms.map_or(now_us, |sent_ms| sent_ms * 1_000);
                            let phase = self.stages.borrow().phase();
                            if tally.frames(phase).count(bot.media(now_us, ms), sent.media(sent_us, ms)) {
                                tally.first_media_ms.push(now_us / 1_000);
                            }
                        }
                        Ok(Outbound::Mark(mark)) => {
                            // one within a prompt has a number behind its own
                            if !mark.name.contains('.') {
                                sent.end_of_prompt();
                            }
                            bot.mark(mark.name.to_string());
                        }
                        Ok(Outbound::Clear) => {
                            sent.clear();
                            bot.clear();
                        }
                        Ok(Outbound::Unknown { event }) => tally.problem(format!("an event `{event}`")),
                        Err(error) => tally.problem(error.to_string()),
                    },
                    Incoming::Binary(_) => tally.problem("a binary message".to_owned()),
                    Incoming::Closed => return Ok(EndedBy::Bot),
                    Incoming::Broken(reason) => return Err(reason),
                },
            }
        }
        let _ = far_end.stop("canceled or call ended", &mut text);
        socket.send(text).await?;
        socket.cut().await;
        Ok(EndedBy::User)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_number_of_their_own() {
        let customer = toml::from_str("phone = \"+919876500001\"").unwrap();
        assert_eq!(customer_of(7, &customer).phone.expose(), "+917000000007");
    }

    #[test]
    fn there_are_frames_for_the_pause_between_keys() {
        let frames = caller_frames(8_000);
        assert_eq!(frames.len(), 200);
        assert!(frames.iter().all(|frame| frame.len() == 320));
    }
}
