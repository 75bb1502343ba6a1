//! The Connect applet with a dynamic URL: requests the numbers to dial, and dials them (support article
//! 3000096873).

use std::time::Duration;

use ghanti_model::PhoneNumber;

use super::calls::{AgentLog, AppletLog};
use super::flow::FlowRun;
use super::setup::{Connect, Go};
use crate::agent::{AgentAnswer, agent_event};
use crate::exotel_http::Connected;

/// Maximum number of agents that one Connect applet dials, since the URL may be requested again after
/// each attempt.
const AGENTS_MAX: usize = 20;
/// How long an agent's phone rings if the answer does not say.
const RINGS_AT_MOST: Duration = Duration::from_secs(30);

/// The result of a Connect applet.
#[derive(Debug)]
pub(super) struct Dialled {
    /// The branch.
    pub(super) go: Go,
    /// The agent who was dialled last, how they responded, and how long they talked.
    pub(super) last: Option<(PhoneNumber, AgentAnswer, Duration)>,
}

/// Dials agents until one answers, all have been dialled, or the caller hangs up.
pub(super) async fn run(course: &FlowRun<'_>, connect: &Connect, log: &mut AppletLog) -> Dialled {
    let mut last = None;
    while log.agents.len() < AGENTS_MAX {
        let Some(connected) = ask(course, connect, log).await else {
            // an answer that Exotel rejects ends the flow
            return Dialled {
                go: Go::HangUp,
                last,
            };
        };
        if connected.numbers.is_empty() && last.is_none() {
            return Dialled {
                go: connect.nobody_dialled.clone(),
                last,
            };
        }
        let asks_again = connected.fetch_after_attempt && !connected.numbers.is_empty();
        for number in connected.numbers.iter().take(AGENTS_MAX) {
            let (answer, talked) = dial(course, connect, &connected, number, log).await;
            last = Some((number.clone(), answer, talked));
            if answer == AgentAnswer::Answers {
                return Dialled {
                    go: connect.after_talk.clone(),
                    last,
                };
            }
            if course.is_gone() {
                break;
            }
        }
        if !asks_again || course.is_gone() {
            break;
        }
    }
    Dialled {
        go: connect.nobody_answers.clone(),
        last,
    }
}

/// Requests the URL, and the fallback if that has no usable answer.
async fn ask(course: &FlowRun<'_>, connect: &Connect, log: &mut AppletLog) -> Option<Connected> {
    let request = "the Connect applet";
    for url in [Some(&connect.url), connect.fallback_url.as_ref()]
        .into_iter()
        .flatten()
    {
        let answer = course.ask(request, url, log).await;
        match answer.and_then(|answer| answer.connected(request)) {
            Ok(connected) => return Some(connected),
            Err(fault) => log.problem = Some(fault.to_string()),
        }
    }
    None
}

async fn dial(
    course: &FlowRun<'_>,
    connect: &Connect,
    connected: &Connected,
    number: &PhoneNumber,
    log: &mut AppletLog,
) -> (AgentAnswer, Duration) {
    let nth = log.agents.len();
    let agents = &connect.agents;
    let mut answer = agents
        .get(nth)
        .or(agents.last())
        .copied()
        .or(course.call.caller.agent)
        .unwrap_or_default();
    let at_most = connected.rings_at_most.unwrap_or(RINGS_AT_MOST);
    let rings = Duration::from_secs_f64(connect.rings_s);
    let mut entry = AgentLog {
        number: number.clone(),
        answer,
        faults: Vec::new(),
    };
    if answer == AgentAnswer::Answers && rings > at_most {
        answer = AgentAnswer::NoAnswer;
        entry.answer = answer;
    }
    let mut talked = Duration::ZERO;
    for event in answer.events() {
        if let Some(url) = &connected.events {
            let reported = agent_event(
                &course.exchange.http,
                url,
                &course.call.facts,
                number,
                event,
            )
            .await;
            entry.faults.extend(reported.err());
        }
        match (*event, answer) {
            ("Ringing", AgentAnswer::NoAnswer) => wait(course, at_most).await,
            ("Ringing", AgentAnswer::Answers | AgentAnswer::Busy) => {
                wait(course, rings.min(at_most)).await;
            }
            ("Answered", _) => {
                talked = Duration::from_secs_f64(connect.talks_s);
                wait(course, talked).await;
            }
            _ => {}
        }
    }
    log.agents.push(entry);
    (answer, talked)
}

/// Waits for this time, or until the caller hangs up.
async fn wait(course: &FlowRun<'_>, time: Duration) {
    tokio::select! {
        () = course.exchange.wait(time) => {}
        () = course.exchange.wait_until(course.gone_at) => {}
    }
}
