//! The Voicebot and the Stream applet: gets the stream's URL, connects to it, and runs the
//! caller.

use std::collections::HashMap;
use std::sync::Arc;

use ghanti_audio::Encoding;
use ghanti_exotel::MediaFormat;
use reqwest::Url;
use tokio::time::Instant;

use super::calls::{AppletLog, StreamLog};
use super::flow::FlowRun;
use super::setup::{Address, Behaviour, Sends};
use crate::conversation::{Caller, Carries, Keep, Network, Played, play};
use crate::facts::{EndedBy, Facts};
use crate::listener::Silent;
use crate::room::Room;
use crate::scenario::Action;
use crate::stream_url;
use crate::voice::VoiceError;
use crate::watch::RecordWatch;
use crate::wire::Wire;
use crate::wire_log::WireLog;

/// How a stream is carried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried {
    /// The sample rate in Hz, if not the URL's.
    pub(super) rate_hz: Option<u32>,
    /// The one that `start` states, if another.
    pub(super) announced_rate_hz: Option<u32>,
    /// How the caller's audio is encoded.
    pub(super) sends: Sends,
    /// Which directions it has.
    pub(super) carries: Carries,
}

/// The result of a stream, for the applets after it.
#[derive(Debug)]
pub struct Streamed {
    ended_by: EndedBy,
    lasted_s: u64,
    url: Option<Url>,
    /// `Stream[Error]` and `Stream[DetailedStatus]`, if it failed.
    failure: Option<(&'static str, String)>,
}

impl Streamed {
    /// There was no stream.
    fn failed(url: Option<Url>, failure: (&'static str, String)) -> Self {
        Self {
            ended_by: EndedBy::Nobody,
            lasted_s: 0,
            url,
            failure: Some(failure),
        }
    }

    /// Whether the caller ended it.
    pub(super) fn has_hung_up(&self) -> bool {
        self.ended_by == EndedBy::User
    }

    /// The parameters of an applet after it.
    pub(super) fn parameters(&self, facts: &Facts) -> Vec<(&'static str, String)> {
        let mut parameters = facts.after_stream(self.ended_by, self.lasted_s);
        if let Some(url) = &self.url {
            parameters.push(("Stream[StreamUrl]", url.to_string()));
        }
        parameters.extend(self.failure.clone());
        parameters
    }
}

/// Runs a stream to its end.
pub(super) async fn run(
    course: &FlowRun<'_>,
    asked: &Address,
    carried: Carried,
    log: &mut AppletLog,
) -> Streamed {
    let url = match asked.0.scheme() {
        "ws" | "wss" => {
            log.url = Some(asked.to_string());
            Ok(asked.0.clone())
        }
        _ => {
            let request = "the dynamic URL of the stream";
            let answer = course.ask(request, asked, log).await;
            answer.and_then(|answer| answer.stream_url(request))
        }
    };
    let url = match url {
        Ok(url) => match carried.rate_hz {
            Some(rate_hz) => stream_url::with_rate(url, rate_hz),
            None => url,
        },
        Err(fault) => {
            log.problem = Some(fault.to_string());
            return Streamed::failed(None, ("Stream[Error]", fault.to_string()));
        }
    };
    let Some(_permit) = course.exchange.take_stream() else {
        let throttled = "Streaming_call_throttled".to_owned();
        log.problem = Some(throttled.clone());
        return Streamed::failed(Some(url), ("Stream[DetailedStatus]", throttled));
    };
    match talk(course, &url, carried).await {
        Ok(played) => {
            let streamed = Streamed {
                ended_by: played.ended_by,
                lasted_s: played.lasted_ms / 1_000,
                url: Some(url),
                failure: (played.ended_by == EndedBy::Nobody)
                    .then(|| ("Stream[Error]", "the connection was lost".to_owned())),
            };
            log.stream = Some(StreamLog {
                ended_by: played.ended_by,
                lasted_ms: played.lasted_ms,
                first_audio_ms: played.heard.first_audio_ms(),
                gaps: played.gaps,
                steps_left: played.steps_left,
                faults: played.faults,
            });
            streamed
        }
        Err(reason) => {
            log.problem = Some(reason.clone());
            // the text of a real one begins like this
            let error = format!("3009 failed to establish ws conn: {reason}");
            Streamed::failed(Some(url), ("Stream[Error]", error))
        }
    }
}

/// Connects and runs the caller. The error is why there is no stream.
async fn talk(course: &FlowRun<'_>, url: &Url, carried: Carried) -> Result<Played, String> {
    let (exchange, call) = (course.exchange, course.call);
    let (parameters, too_many) = stream_url::parameters(url);
    let format = stream_url::format(url);
    // before the handshake, as the bot expects a caller who is on the line
    let voice = |error: VoiceError| error.to_string();
    let speech = speech(course, format.rate_hz).await.map_err(voice)?;
    let opening = opening(course, format.rate_hz).await.map_err(voice)?;
    let room = Room::new(&call.caller.line, format.rate_hz)
        .await
        .map_err(voice)?;
    let reported = MediaFormat {
        rate_hz: carried.announced_rate_hz.unwrap_or(format.rate_hz),
        ..format
    };
    let stream = call.facts.stream(parameters, reported);
    let wire = Wire::open_through(exchange.http.proxy(), url, stream, WireLog::off())
        .await?
        .encoded(match carried.sends {
            Sends::Pcm => Encoding::Pcm16,
            Sends::MuLaw => Encoding::MuLaw,
        });
    let watch = match &exchange.engine {
        Some(engine) if call.caller.needs_record() => {
            RecordWatch::begin(engine.clone(), call.facts.call_sid.to_string())
        }
        _ => RecordWatch::nothing(),
    };
    let rest = course.gone_at.saturating_duration_since(Instant::now());
    let caller = Caller {
        opening,
        steps: call.caller.steps.clone(),
        speech,
        room,
        limit_ms: rest.as_millis() as u64,
        rate_hz: format.rate_hz,
        watch,
        listener: &Silent,
        network: Network {
            frame_ms: call.caller.frame_ms(),
            carries: carried.carries,
            lost_at_ms: call.faults.stream_lost_at_ms,
            hang_up: exchange.stop.clone(),
            keep: Keep::Measurements,
        },
    };
    let mut played = play(wire, caller).await;
    played.faults.extend(too_many);
    Ok(played)
}

async fn speech(
    course: &FlowRun<'_>,
    rate_hz: u32,
) -> Result<HashMap<String, Arc<[i16]>>, VoiceError> {
    let caller = &course.call.caller;
    let mut speech = HashMap::new();
    for step in &caller.steps {
        if let Action::Say(words) = &step.action {
            let samples = course.exchange.speech.of(&caller.voice, words, rate_hz);
            speech.insert(words.clone(), samples.await?);
        }
    }
    Ok(speech)
}

/// The greeting of a voicemail.
async fn opening(course: &FlowRun<'_>, rate_hz: u32) -> Result<Option<Arc<[i16]>>, VoiceError> {
    let caller = &course.call.caller;
    if caller.does != Behaviour::Voicemail {
        return Ok(None);
    }
    let greeting = caller.greeting.as_deref();
    let speech = &course.exchange.speech;
    speech
        .voicemail(&caller.voice, greeting, rate_hz)
        .await
        .map(Some)
}
