//! One call, from its accepted socket to its last event.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_exotel::inbound::Start;
use ghanti_host::{FlowVersion, Limit, RunEnd};
use ghanti_manifest::{FailureWords, OnFailureThen};
use ghanti_model::{
    CallId, CallSid, Decision, Direction, EventKind, Language, Outcome, PhoneNumber, Step, unix_ms,
};
use ghanti_store::Track;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tracing::Instrument;

use crate::call::LiveCall;
use crate::connect::{NoStart, await_start};
use crate::driver::{Driver, Parts};
use crate::ending::{StreamEnd, describe, flow_end};
use crate::fallback_prompt::{self, Why, fallback_prompt};
use crate::live::ConversationParts;
use crate::log_lines::FLOW_FAILED;
use crate::migration::Migration;
use crate::postmortem;
use crate::prepare::{Prepared, prepared};
use crate::recorder::last_position;
use crate::recording;
use crate::running::RunningFlow;
use crate::services::Services;
use crate::standing::Standing;
use crate::unheard;
use crate::wire::Wire;
use crate::woken::Woken;

/// How long storing the decision may delay closing the socket. Exotel's next applet asks for the
/// decision as soon as the socket closes.
const DECISION: Duration = Duration::from_secs(1);
/// How long the last prompts may play after the flow has ended, even past the call's limit.
const APOLOGY: Duration = Duration::from_secs(30);

/// The problem of a call in which nothing could be spoken.
const NO_VOICE: &str = "no-voice";

/// What is kept from a call's admission to its end.
pub type Permit = Box<dyn std::any::Any + Send>;
type Admit<'a> = Box<dyn FnOnce(&Start) -> Option<Permit> + Send + 'a>;

/// The result of running a call on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// A call took place, and its events have been handed to the writer.
    Ended {
        /// The call.
        call: CallId,
        /// Exotel's id of the call, if known.
        sid: Option<CallSid>,
    },
    /// The stream was refused: the call was not admitted, or already has or had a stream.
    Refused,
    /// No usable `start` arrived.
    NotStarted(NoStart),
}

/// Runs one call on an accepted socket to its end, and returns once its events have been handed to
/// the writer.
///
/// `session` is the last segment of the socket's path. `admit` decides whether the call may start,
/// and returns a permit that is kept until the call ends. `stop` resolves when the engine shuts
/// down.
///
/// One boxed future per call, made by a function without type parameters: so the whole of a call is
/// compiled in this crate, rather than in the one that has the socket.
pub fn run_call<'a>(
    wire: Box<dyn Wire>,
    services: &'a Services,
    session: &'a str,
    admit: impl FnOnce(&Start) -> Option<Permit> + Send + 'a,
    stop: impl Future<Output = ()> + Send + 'a,
) -> BoxFuture<'a, Ran> {
    boxed(wire, services, session, Box::new(admit), stop.boxed())
}

fn boxed<'a>(
    wire: Box<dyn Wire>,
    services: &'a Services,
    session: &'a str,
    admit: Admit<'a>,
    stop: BoxFuture<'a, ()>,
) -> BoxFuture<'a, Ran> {
    run(wire, services, session, admit, stop).boxed()
}

async fn run<'a>(
    mut wire: Box<dyn Wire>,
    services: &'a Services,
    session: &'a str,
    admit: Admit<'a>,
    stop: BoxFuture<'a, ()>,
) -> Ran {
    let (open, track, ran) = match await_start(&mut *wire).await {
        Ok((start, passed_over)) => match admit(&start) {
            Some(_permit) => {
                match prepared(&mut *wire, services, session, &start, passed_over).await {
                    Some(prepared) => {
                        // on every log line of this call, including the flow's own
                        let sid = prepared.call.record().call_sid.clone();
                        let span = tracing::error_span!("call", call = %prepared.call.id(), sid = sid.map(display));
                        prepared
                            .hold(wire, services, &start, stop)
                            .instrument(span)
                            .await
                    }
                    None => (Some(wire), None, Ran::Refused),
                }
            }
            None => (Some(wire), None, Ran::Refused),
        },
        Err(error) => {
            tracing::warn!(%error, session = short(session), "a stream did not start");
            (Some(wire), None, Ran::NotStarted(error))
        }
    };
    // closed last, after the permit is dropped: a slow peer must not delay the admission of others
    if let Some(mut wire) = open {
        wire.close().await;
    }
    if let Some(track) = track {
        recording::ended(services, track).await;
    }
    ran
}

/// Shortens a session for the log: a client can put anything into the path.
fn short(session: &str) -> &str {
    session
        .split_at_checked(64)
        .map_or(session, |(short, _)| short)
}

impl Prepared {
    /// Runs the call and ends its record. Returns the socket for closing, unless it is gone, and
    /// the recording, to be finished once nobody waits for it.
    async fn hold(
        self,
        wire: Box<dyn Wire>,
        services: &Services,
        start: &Start,
        stop: BoxFuture<'_, ()>,
    ) -> (Option<Box<dyn Wire>>, Option<Track>, Ran) {
        let call = Arc::clone(&self.call);
        if !services.registry.begin(&call) {
            tracing::warn!(call = %call.id(), "a second stream of a live call was closed: one call has one stream");
            return (Some(wire), None, Ran::Refused);
        }
        unheard::check(&call, services.recognizer.as_deref(), &self.facts.language);
        if let Some(order) = self.customer.as_ref().map(|customer| customer.call_id) {
            let sessions = Arc::clone(&services.sessions);
            // not awaited: the call must not wait for the store, which has its own time limit
            let hold = async move {
                sessions.hold(order).await.inspect_err(
                    |error| tracing::error!(%error, "an order whose record a flow got stays open"),
                )
            };
            tokio::spawn(hold.in_current_span());
        }
        let held = std::panic::AssertUnwindSafe(self.converse(wire, services, start, stop))
            .catch_unwind()
            .await;
        if held.is_err() {
            call.problem(
                "engine-panic",
                "the engine failed in this call: report it with the log of this time".to_owned(),
            );
            call.emit(EventKind::EngineEnded {
                outcome: Outcome::EngineFailed.to_string(),
                hang_up: true,
            });
        }
        call.emit(EventKind::StreamClosed);
        services.registry.end(&call);
        let sid = call.record().call_sid.clone();
        let (wire, track) = held.ok().flatten().unzip();
        (
            wire,
            track.flatten(),
            Ran::Ended {
                call: call.id(),
                sid,
            },
        )
    }

    async fn converse(
        self,
        wire: Box<dyn Wire>,
        services: &Services,
        start: &Start,
        stop: BoxFuture<'_, ()>,
    ) -> Option<(Box<dyn Wire>, Option<Track>)> {
        let Self {
            call,
            facts,
            customer,
            flow,
            is_resumed,
        } = self;
        // one command and completion at a time: the flow is straight-line code and waits for each
        let (command_sender, mut commands) = mpsc::channel(1);
        let (completion_sender, completions) = mpsc::channel(1);
        let pinned = flow.as_ref().ok().map(|(version, _)| Arc::clone(version));
        let parts = Parts {
            wire,
            services,
            call: &call,
            flow: pinned,
            start,
            completions: completion_sender,
        };
        let mut driver = match Driver::new(parts) {
            Ok(driver) => driver,
            Err(error) => {
                call.problem(
                    "unusable-audio",
                    format!(
                        "{error}; set the Voicebot applet's sample rate to 8000, 16000 or 24000"
                    ),
                );
                call.emit(EventKind::EngineEnded {
                    outcome: Outcome::ConnectionLost.to_string(),
                    hang_up: false,
                });
                return None;
            }
        };
        driver.recorder().step(&call, Step::StreamConnected);
        if customer.is_some() {
            driver.recorder().step(&call, Step::CustomerLoaded);
        }
        let was_dialled = facts.direction == Direction::Outbound || call.record().order.is_some();
        if was_dialled && !is_resumed && services.settings.ends_at_voicemail {
            driver.look_for_voicemail();
        }
        let run = match flow {
            Ok((version, journal)) => {
                let longest = services.settings.longest.min(Duration::from_secs(
                    version.manifest().limits.call_minutes * 60,
                ));
                // a call that goes on has lasted already
                let lasted = Duration::from_millis(call.lasted_before_ms());
                let until = Instant::now() + longest.saturating_sub(lasted);
                let standing = if is_resumed {
                    let record = call.record();
                    Standing::resumed(!record.established.is_empty(), record.acting.clone())
                } else {
                    Standing::default()
                };
                let parts = ConversationParts {
                    call: Arc::clone(&call),
                    facts,
                    customer,
                    sessions: Arc::clone(&services.sessions),
                    records: Arc::clone(services.registry.archive()),
                    actions: Arc::clone(&services.actions),
                    files: services.files.clone(),
                    commands: command_sender,
                    completions: Arc::new(Mutex::new(completions)),
                    rate_hz: start.media_format.rate_hz,
                    zone: services.settings.zone.clone(),
                    date_order: services.settings.date_order,
                    targets: Arc::clone(&services.settings.targets),
                    recognizer: services.recognizer.clone(),
                    speculation: services.speculator.of_call(&services.prompts),
                    standing: Arc::new(std::sync::Mutex::new(standing)),
                };
                if is_resumed {
                    let language = parts.facts.language.clone();
                    driver.announce(fallback_prompt::resumed(&language)).await;
                }
                let conversation = parts.conversation(Arc::clone(&version), None);
                let mut running = RunningFlow::new(version, journal, conversation);
                let held = async {
                    let run = driver
                        .converse(
                            &mut running,
                            Migration::new(services, &parts),
                            &mut commands,
                            until,
                        )
                        .await;
                    if driver.is_mute() {
                        say_nothing_more(&call, services, &running.state.version);
                    } else if let Some(run) = &run {
                        report_failure(&call, &running.state.version, run);
                        services
                            .catalogue
                            .report(&running.state.version, run, unix_ms());
                        if is_failure(run) {
                            play_fallback(
                                &mut driver,
                                &call,
                                services,
                                Some(&running.state.version),
                                why(run),
                            )
                            .await;
                        }
                    }
                    let was_mute = driver.is_mute();
                    driver.finish(until.max(Instant::now() + APOLOGY)).await;
                    if driver.is_mute() && !was_mute {
                        say_nothing_more(&call, services, &running.state.version);
                    }
                    run
                };
                let from_outside = pin!(async {
                    tokio::select! {
                        () = stop => {}
                        () = call.hung_up() => {}
                    }
                });
                let mut from_outside = Woken::new(from_outside);
                tokio::select! {
                    biased;
                    () = &mut from_outside => None,
                    run = held => run,
                }
            }
            Err(no_flow) => {
                call.problem("no-flow", no_flow);
                call.emit(EventKind::EngineEnded {
                    outcome: Outcome::NoFlow.to_string(),
                    hang_up: false,
                });
                play_fallback(&mut driver, &call, services, None, Why::Failed).await;
                driver.finish(Instant::now() + APOLOGY).await;
                Some(RunEnd::Returned)
            }
        };
        let from_outside = if call.is_hung_up() {
            StreamEnd::EndedByOperator
        } else {
            StreamEnd::EngineStopped
        };
        // has no effect if the stream has ended already
        driver.end(from_outside.clone());
        driver.flush_events().await;
        let stream = driver.stream_end().cloned().unwrap_or(from_outside);
        call.emit(EventKind::ConversationEnded {
            stream,
            flow: run.as_ref().map(flow_end),
            last_position: last_position(&call),
            began_ms: call.journal().and_then(|journal| journal.header().began_ms),
        });
        if driver.is_mute() {
            // whatever the flow made of a call in which nothing was heard
            call.emit(EventKind::EngineEnded {
                outcome: Outcome::NoVoice.to_string(),
                hang_up: false,
            });
        }
        driver.recorder().step(&call, Step::Completed);
        keep_decision(&call, services).await;
        Some(driver.into_parts())
    }
}

/// Whether the caller is owed words. A flow that goes on with a call and does not repeat what it did
/// has failed as well.
fn is_failure(run: &RunEnd) -> bool {
    run.is_failure() || matches!(run, RunEnd::Diverged(_))
}

fn why(run: &RunEnd) -> Why {
    if matches!(
        run,
        RunEnd::LimitExceeded {
            what: Limit::CallLength
        }
    ) {
        Why::TooLong
    } else {
        Why::Failed
    }
}

/// Adds the problem, and the report for the flow's author, of a run that failed.
fn report_failure(call: &LiveCall, version: &FlowVersion, run: &RunEnd) {
    if !is_failure(run) {
        return;
    }
    if why(run) == Why::TooLong {
        call.problem("too-long", describe(run));
        return;
    }
    call.problem(FLOW_FAILED, describe(run));
    if let Some(journal) = call.journal() {
        let report = postmortem::report(
            &journal,
            version.name.clone(),
            version.id.clone(),
            run,
            version.shows_logs(),
        );
        call.emit(EventKind::FlowFailed(Box::new(report)));
    }
}

/// Ends a call in which nothing is spoken any more. What follows is what the flow has decided, else
/// what its manifest says of failures.
fn say_nothing_more(call: &LiveCall, services: &Services, version: &FlowVersion) {
    call.problem(
        NO_VOICE,
        "nothing could be spoken, and the call was ended instead of keeping the caller in silence: see why the prompts failed, and `ghanti speech check`"
            .to_owned(),
    );
    if call.record().decision.is_none() {
        call.emit(EventKind::Decided(after_failure(services, Some(version))));
    }
}

/// What follows on a failure, according to the manifest's `[on-failure]`.
fn after_failure(services: &Services, version: Option<&FlowVersion>) -> Decision {
    let numbers = agents(services, version);
    let wants_transfer =
        version.is_none_or(|version| version.manifest().on_failure.then == OnFailureThen::Transfer);
    if !wants_transfer || numbers.is_empty() {
        return Decision::HangUp;
    }
    let settings = &services.settings;
    let now_ms = unix_ms();
    let offset = settings.zone.offset_minutes(now_ms);
    let opened = settings
        .targets
        .open("default".to_owned(), numbers, now_ms, offset);
    opened.unwrap_or(Decision::HangUp)
}

/// Plays the fallback prompt in the caller's language, and decides what follows according to the
/// manifest's `[on-failure]`.
async fn play_fallback(
    driver: &mut Driver<'_>,
    call: &LiveCall,
    services: &Services,
    version: Option<&FlowVersion>,
    why: Why,
) {
    let language = call
        .record()
        .language
        .clone()
        .unwrap_or_else(Language::english);
    let decision = after_failure(services, version);
    let transfer = matches!(decision, Decision::Transfer { .. });
    call.emit(EventKind::Decided(decision));
    let own = version.and_then(|version| {
        version
            .manifest()
            .on_failure
            .say
            .as_ref()
            .and_then(|words| own_words(version, words, &language))
    });
    driver
        .play_fallback(own.unwrap_or_else(|| fallback_prompt(&language, why, transfer)))
        .await;
}

fn own_words(
    version: &FlowVersion,
    words: &FailureWords,
    language: &Language,
) -> Option<crate::rendered_prompt::RenderedPrompt> {
    let (language, text) = match words {
        FailureWords::Text(text) => (version.languages.first().unwrap_or(language), text.clone()),
        FailureWords::Template(name) => (language, version.prompts.render_plain(name, language)?),
    };
    Some(crate::fallback_prompt::words(language.clone(), text))
}

fn agents(services: &Services, version: Option<&FlowVersion>) -> Vec<PhoneNumber> {
    version
        .and_then(|version| version.manifest().grants.transfer.as_ref())
        .and_then(|targets| targets.get("default"))
        .filter(|numbers| !numbers.is_empty())
        .cloned()
        .unwrap_or_else(|| services.settings.default_agents.clone())
}

async fn keep_decision(call: &LiveCall, services: &Services) {
    let (sid, decision) = {
        let record = call.record();
        (record.call_sid.clone(), record.decision.clone())
    };
    let (Some(sid), Some(decision)) = (sid, decision) else {
        return;
    };
    match tokio::time::timeout(DECISION, services.sessions.put_decision(&sid, &decision)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => call.problem(
            "store-unavailable",
            format!("{error}; the applets after the bot answer from the record"),
        ),
        Err(_) => call.problem(
            "store-unavailable",
            format!("storing the decision took over {} ms", DECISION.as_millis()),
        ),
    }
}
