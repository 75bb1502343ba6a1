//! One call from end to end, as Exotel makes it: customer, Passthru, stream URL, stream, Passthru
//! after the bot, Connect, the agent, status callback; then the verdict.

use std::collections::HashMap;
use std::path::Path;

use ghanti_model::{CallId, CallRecord, Language, PhoneNumber};
use ghanti_speech::Recognizer;
use reqwest::Url;

use crate::agent::AgentAnswer;
use crate::applets::{Applets, EngineError};
use crate::bot_words::{self, BotWordsError};
use crate::conversation::{Caller, Network, Played, play};
use crate::exotel_http::Connected;
use crate::facts::{EndedBy, Facts};
use crate::fault::WireFault;
use crate::listener::{Event, Listener, Who};
use crate::report::{CallReport, Files, WriteError};
use crate::room::Room;
use crate::scenario::{Action, Scenario};
use crate::stream_url;
use crate::verdict::complaints;
use crate::voice::VoiceError;
use crate::watch::RecordWatch;
use crate::wire::Wire;
use crate::wire_log::WireLog;

/// The scenario could not be run. What the engine does wrong during a call is not an error; it is
/// in the report.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each is what it holds")]
pub enum RunError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Voice(#[from] VoiceError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("cannot recognise the bot's words: {0}")]
    BotWords(#[from] BotWordsError),
    #[error(transparent)]
    Id(#[from] ghanti_model::id::NotAnId),
}

/// Runs a scenario against the engine at `base_url` and writes the results to `out_dir`.
pub async fn run(
    scenario: &Scenario,
    base_url: &str,
    out_dir: &Path,
    listener: &dyn Listener,
) -> Result<CallReport, RunError> {
    run_with(scenario, base_url, out_dir, listener, None).await
}

/// Like [`run`](fn@run). A recognizer also transcribes the bot's audio afterwards, for
/// `bot-never-says`.
pub async fn run_with(
    scenario: &Scenario,
    base_url: &str,
    out_dir: &Path,
    listener: &dyn Listener,
    recognizer: Option<&dyn Recognizer>,
) -> Result<CallReport, RunError> {
    let files = Files::in_folder(out_dir)?;
    let applets = Applets::new(base_url)?;
    let call_id = if scenario.known {
        applets.store_customer(&scenario.customer).await?
    } else {
        CallId::generate()
    };
    let facts = Facts::new(call_id, scenario.customer.phone.clone(), scenario.direction)?;
    // an unknown caller's call gets an id from the engine, so its record is found by CallSid
    let record_id = if scenario.known {
        call_id.to_string()
    } else {
        facts.call_sid.to_string()
    };
    let mut call = Call {
        scenario,
        applets,
        facts,
        record_id,
        listener,
        faults: Vec::new(),
    };

    call.emit(format!(
        "calls {}: {}",
        scenario.customer.phone, scenario.title
    ));
    let played = call.stream().await?;
    let agent = call.after(played.as_ref()).await;

    // the engine processes Exotel's reports after it has answered them
    let is_settled = |record: &CallRecord| {
        agent.is_none() || record.outcome.as_deref() != Some("transfer-decided")
    };
    let record = call.applets.final_record(&call.record_id, is_settled).await;
    let shown = played.as_ref().map_or(0, |played| played.lines_shown);
    let transcript = record
        .as_ref()
        .map_or_else(Vec::new, |record| record.transcript.clone());
    transcript
        .iter()
        .skip(shown)
        .for_each(|line| listener.event(&Event::of_line(line)));

    let bot_words = match (recognizer, &played) {
        (Some(recognizer), Some(played)) => {
            let language = record
                .as_ref()
                .and_then(|record| record.language.clone())
                .unwrap_or_else(Language::english);
            bot_words::recognize(recognizer, &language, &played.bot_audio, played.rate_hz).await?
        }
        _ => Vec::new(),
    };
    let complaints = complaints(
        scenario,
        record.as_ref(),
        played.as_ref(),
        agent.as_ref(),
        &call.faults,
        &bot_words,
    );
    let report = CallReport {
        title: scenario.title.clone(),
        outcome: record.as_ref().and_then(|record| record.outcome.clone()),
        expected: scenario.expect.clone(),
        ok: complaints.is_empty(),
        complaints,
        agent,
        first_audio_ms: played
            .as_ref()
            .and_then(|played| played.heard.first_audio_ms()),
        response_ms: played
            .as_ref()
            .map_or_else(Vec::new, |played| played.heard.response_ms().to_vec()),
        gaps: played.as_ref().map_or(0, |played| played.gaps),
        lasted_ms: played.as_ref().map_or(0, |played| played.lasted_ms),
        wire_faults: call.faults,
        transcript,
        bot_words,
        files: files.clone(),
    };
    files.write(&report, record.as_ref(), played.as_ref())?;
    Ok(report)
}

/// A call in progress.
struct Call<'a> {
    scenario: &'a Scenario,
    applets: Applets,
    facts: Facts,
    record_id: String,
    listener: &'a dyn Listener,
    faults: Vec<WireFault>,
}

impl Call<'_> {
    /// Runs the call up to the end of the stream. `None` if there was no stream.
    async fn stream(&mut self) -> Result<Option<Played>, RunError> {
        // Exotel continues after a Passthru that fails, but not after one that refuses the call
        let passthru = self.applets.passthru(&self.facts).await;
        let is_refused = matches!(passthru, Err(WireFault::Refused { .. }));
        self.note(passthru);
        if is_refused {
            return Ok(None);
        }
        let url = self.applets.voicebot_url(&self.facts).await;
        let Some(url) = self.note(url) else {
            return Ok(None);
        };
        let url = match self.scenario.sample_rate_hz {
            Some(rate_hz) => stream_url::with_rate(url, rate_hz),
            None => url,
        };
        let (parameters, too_many) = stream_url::parameters(&url);
        self.faults.extend(too_many);
        let format = stream_url::format(&url);

        let mut speech = HashMap::new();
        for step in &self.scenario.caller {
            if let Action::Say(words) = &step.action
                && !speech.contains_key(words)
            {
                speech.insert(
                    words.clone(),
                    self.scenario.voice.speak(words, format.rate_hz).await?,
                );
            }
        }
        let stream = self.facts.stream(parameters, format);
        let wire = match Wire::open(&url, stream, WireLog::default()).await {
            Ok(wire) => wire,
            Err(reason) => {
                self.faults.push(WireFault::Handshake { reason });
                return Ok(None);
            }
        };
        self.emit(format!("the stream is open at {} Hz", format.rate_hz));
        let caller = Caller {
            opening: None,
            steps: self.scenario.caller.clone(),
            speech,
            room: Room::new(&self.scenario.line, format.rate_hz).await?,
            limit_ms: self.scenario.max_seconds * 1000,
            rate_hz: format.rate_hz,
            watch: RecordWatch::begin(self.applets.clone(), self.record_id.clone()),
            listener: self.listener,
            network: Network::default(),
        };
        let mut played = play(wire, caller).await;
        self.faults.append(&mut played.faults);
        Ok(Some(played))
    }

    /// Runs the applets after the stream. Exotel reaches Connect only if the Passthru selects that
    /// branch and the caller has not hung up. Returns the agent's number that was dialled.
    async fn after(&mut self, played: Option<&Played>) -> Option<PhoneNumber> {
        let (ended_by, lasted_s) = played.map_or((EndedBy::Nobody, 0), |played| {
            (played.ended_by, played.lasted_ms / 1000)
        });
        let goes_on = self
            .applets
            .passthru_after(&self.facts, ended_by, lasted_s)
            .await;
        let goes_on = self.note(goes_on).unwrap_or(false);
        let mut agent = None;
        if goes_on && ended_by != EndedBy::User {
            let connected = self.applets.connect(&self.facts).await;
            let Connected {
                numbers, events, ..
            } = self.note(connected).unwrap_or_default();
            agent = numbers.into_iter().next();
            match &agent {
                Some(number) => self.agent(number, events.as_ref()).await,
                None => self.emit("gets no agent to connect".to_owned()),
            }
        } else {
            self.emit("the call ends here".to_owned());
        }
        let answer = agent.as_ref().map(|_| self.scenario.agent);
        let reported = self.applets.status(&self.facts, lasted_s, answer).await;
        self.note(reported);
        agent
    }

    /// The agent responds as the scenario says, and Exotel reports it.
    async fn agent(&mut self, number: &PhoneNumber, events: Option<&Url>) {
        let answer = self.scenario.agent;
        self.emit(match answer {
            AgentAnswer::Answers => format!("connects the agent at {number}, who answers"),
            AgentAnswer::Busy => format!("dials the agent at {number}, whose line is busy"),
            AgentAnswer::NoAnswer => format!("dials the agent at {number}, who does not answer"),
        });
        if let Some(url) = events {
            let reported = self
                .applets
                .agent_events(url, &self.facts, number, answer)
                .await;
            self.note(reported);
        }
        let reported = self
            .applets
            .passthru_after_connect(&self.facts, number, answer)
            .await;
        self.note(reported);
    }

    fn note<T>(&mut self, result: Result<T, WireFault>) -> Option<T> {
        result.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn emit(&self, text: String) {
        self.listener.event(&Event {
            at_ms: None,
            who: Who::Exotel,
            text,
        });
    }
}
