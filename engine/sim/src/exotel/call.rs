//! One outbound call: the customer's phone rings, the flow runs, callbacks report the end.

use std::sync::Arc;
use std::time::Duration;

use ghanti_model::CallStatus;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::callback::{State, send_with};
use super::exchange::Exchange;
use super::faults::DrawnFaults;
use super::flow::FlowRun;
use super::request::{ConnectRequest, Target};
use super::setup::{Behaviour, Caller, Flow};
use crate::agent::AgentAnswer;
use crate::facts::Facts;

/// An accepted call.
#[derive(Debug)]
pub struct Call {
    /// The request.
    pub request: ConnectRequest,
    /// What Exotel knows about it.
    pub facts: Facts,
    /// How the customer responds.
    pub caller: Arc<Caller>,
    /// What goes wrong.
    pub faults: DrawnFaults,
}

/// How a call ended.
#[derive(Debug)]
pub struct Ending {
    /// Its last status.
    pub status: CallStatus,
    /// A description.
    pub words: String,
    /// The agent's leg, with how long they talked.
    pub agent: Option<(AgentAnswer, Duration)>,
}

impl Ending {
    fn unanswered(status: CallStatus, words: &str) -> Self {
        Self {
            status,
            words: words.to_owned(),
            agent: None,
        }
    }
}

/// Plays a call from the first ring to the last callback.
pub async fn run(exchange: Arc<Exchange>, call: Arc<Call>) {
    let answered = ring(&exchange, &call).await;
    let ending = match answered {
        Ok(()) => answer(&exchange, &call).await,
        Err(ending) => ending,
    };
    let over = OffsetDateTime::now_utc();
    let mut answered = None;
    exchange.calls.update(&call.facts.call_sid, |log| {
        log.status = ending.status.clone();
        log.ended = Some(ending.words.clone());
        log.over = Some(over);
        answered = log.answered;
    });
    let Some(callback) = &call.request.callback else {
        return;
    };
    let lasted_s = answered.map_or(0, |from| {
        u64::try_from((over - from).whole_seconds()).unwrap_or_default()
    });
    let agent = ending
        .agent
        .map(|(answer, talks)| (CallStatus::parse(answer.status()), answer.talked_s(talks)));
    if callback.terminal || !callback.has_events() {
        let state = State {
            event: callback.terminal.then_some("terminal"),
            status: ending.status.clone(),
            answered,
            over: Some(over),
            legs: [Some((ending.status.clone(), lasted_s)), agent],
        };
        send_with(&exchange, &call, callback, state, call.faults.terminal).await;
    }
    if let Some(answered) = answered
        && call.faults.out_of_order
    {
        report_answered(&exchange, &call, answered).await;
    }
}

/// Waits for the customer to answer. How they do not is the error.
async fn ring(exchange: &Exchange, call: &Call) -> Result<(), Ending> {
    let setup = &exchange.setup;
    let default = Duration::from_secs(setup.rings_at_most_s);
    let at_most = call.request.rings_at_most.unwrap_or(default);
    let rings = call.caller.rings();
    let nobody = || Ending::unanswered(CallStatus::NoAnswer, "nobody answered");
    let (rings, result) = match call.caller.does {
        Behaviour::Failed => (
            Duration::ZERO,
            Err(Ending::unanswered(
                CallStatus::Failed,
                "the network could not connect the call",
            )),
        ),
        Behaviour::Busy => (
            rings,
            Err(Ending::unanswered(CallStatus::Busy, "the line was busy")),
        ),
        Behaviour::NoAnswer => (
            call.caller.rings_s.map_or(at_most, |_| rings),
            Err(nobody()),
        ),
        Behaviour::Answers | Behaviour::HangsUp | Behaviour::Voicemail if rings <= at_most => {
            (rings, Ok(()))
        }
        Behaviour::Answers | Behaviour::HangsUp | Behaviour::Voicemail => (at_most, Err(nobody())),
    };
    exchange.wait(rings.min(at_most)).await;
    if exchange.stop.is_cancelled() {
        return Err(Ending::unanswered(CallStatus::Failed, "the server stopped"));
    }
    result
}

/// The call is answered: runs the flow.
async fn answer(exchange: &Arc<Exchange>, call: &Arc<Call>) -> Ending {
    let (now, answered) = (Instant::now(), OffsetDateTime::now_utc());
    exchange.calls.update(&call.facts.call_sid, |log| {
        log.answered = Some(answered);
    });
    if !call.faults.out_of_order {
        // the flow does not wait for the callback's receiver
        let (of_task, call) = (Arc::clone(exchange), Arc::clone(call));
        exchange
            .tasks
            .spawn(async move { report_answered(&of_task, &call, answered).await });
    }
    let of_stream;
    let flow = match &call.request.target {
        Target::Stream(url) => {
            of_stream = Flow::of_stream(url.clone());
            &of_stream
        }
        Target::Flow(app_id) => match exchange.setup.flows.get(app_id) {
            Some(flow) => flow,
            // Exotel's reply to an app id that does not exist is not documented. A call that is
            // accepted and then fails is the harder case for the engine
            None => {
                let words = format!("there is no flow `{app_id}`");
                return Ending::unanswered(CallStatus::Failed, &words);
            }
        },
    };
    FlowRun::new(exchange, call, flow, now).run().await
}

async fn report_answered(exchange: &Arc<Exchange>, call: &Arc<Call>, answered: OffsetDateTime) {
    let Some(callback) = call
        .request
        .callback
        .as_ref()
        .filter(|asked| asked.answered)
    else {
        return;
    };
    let state = State {
        event: Some("answered"),
        status: CallStatus::InProgress,
        answered: Some(answered),
        over: None,
        legs: [Some((CallStatus::InProgress, 0)), None],
    };
    send_with(exchange, call, callback, state, call.faults.answered).await;
}
