//! One call as Exotel makes it: the order, Passthru, the stream's URL, the stream, the applets after it; and
//! the verdict on the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ghanti_model::{CallId, CallRecord, CallState, Masked, Outcome, PhoneNumber};
use ghanti_sim::agent::AgentAnswer;
use ghanti_sim::applets::{Applets, EngineError};
use ghanti_sim::facts::{EndedBy, Facts};
use ghanti_sim::fault::WireFault;
use ghanti_sim::scenario::{Customer, Direction};
use ghanti_sim::socket::Socket;
use ghanti_sim::{stream_url, verdict};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use crate::callers::Caller;
use crate::clock::Clock;
use crate::measures::Measures;
use crate::speech::{Frames, Sounds};
use crate::stream::{End, Playing, Streamed, play};
use crate::target::Target;

/// Placeholder in a customer's fields for the call's number.
const NTH: &str = "{n}";

/// Number of attempts to store an order if the engine is overloaded.
const ORDER_TRIES: u32 = 10;
/// The pause between them.
const ORDER_AGAIN: Duration = Duration::from_secs(1);

/// Ends of calls that are the engine's fault, or the network's, whatever the flow.
const BAD_OUTCOMES: [Outcome; 10] = [
    Outcome::ConnectionLost,
    Outcome::EngineFailed,
    Outcome::EngineStopped,
    Outcome::FlowFailed,
    Outcome::NeverConnected,
    Outcome::NoFlow,
    Outcome::NoMedia,
    Outcome::NoVoice,
    Outcome::PeerLost,
    Outcome::RefusedBusy,
];

/// What all calls of a stage share.
pub struct Shared {
    /// The bot that they call.
    pub target: Target,
    /// The callers' audio.
    pub sounds: Arc<Sounds>,
    /// The form of its frames.
    pub frames: Frames,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Where values go.
    pub measures: Measures,
    /// Streams that are open.
    pub live: AtomicU64,
    /// Cancelled when the stage is over.
    pub over: CancellationToken,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It went as expected.
    Good,
    /// It ended otherwise, or with messages that Exotel cannot handle.
    Wrong(Vec<String>),
    /// The bot did not accept it.
    Refused(String),
    /// No audio within the bound.
    Mute,
    /// The connection broke.
    Dropped(String),
}

/// Makes a call.
pub async fn call(shared: Arc<Shared>, nth: u64, caller: Arc<Caller>) {
    shared.measures.of_call(nth, |set| set.counts.offered += 1);
    let (verdict, outcome) = match &shared.target {
        Target::Engine(applets) => through_engine(&shared, applets, nth, &caller).await,
        Target::Socket(url) => (on_socket(&shared, url, nth, &caller).await, None),
    };
    shared.measures.of_call(nth, |set| {
        if let Some(outcome) = outcome {
            *set.outcomes.entry(outcome).or_default() += 1;
        }
        match verdict {
            Verdict::Good => set.counts.good += 1,
            Verdict::Wrong(faults) => {
                set.counts.wrong += 1;
                for fault in faults {
                    set.problem(format!("wrong: {}: {fault}", caller.name));
                }
            }
            Verdict::Refused(reason) => {
                set.counts.refused += 1;
                set.problem(format!("refused: {reason}"));
            }
            Verdict::Mute => {
                set.counts.mute += 1;
                set.problem("mute: nothing was heard of the bot".to_owned());
            }
            Verdict::Dropped(reason) => {
                set.counts.dropped += 1;
                set.problem(format!("dropped: {reason}"));
            }
        }
    });
}

/// A call to a bare socket.
async fn on_socket(shared: &Shared, url: &Url, nth: u64, caller: &Caller) -> Verdict {
    let phone = customer_of(nth, &caller.customer).phone;
    let facts = match Facts::new(CallId::generate(), phone, caller.direction) {
        Ok(facts) => facts,
        Err(error) => return Verdict::Refused(error.to_string()),
    };
    match stream(shared, url, nth, caller, &facts, None).await {
        Ok(streamed) => judged(caller, &streamed, None),
        Err(verdict) => verdict,
    }
}

/// A call to an engine, with its outcome in the engine's record.
async fn through_engine(
    shared: &Shared,
    applets: &Applets,
    nth: u64,
    caller: &Caller,
) -> (Verdict, Option<String>) {
    let customer = customer_of(nth, &caller.customer);
    let ordered = if caller.known {
        order(shared, applets, &customer).await
    } else {
        Ok(CallId::generate())
    };
    let call_id = match ordered {
        Ok(call_id) => call_id,
        Err(error) => return (unordered(&error), None),
    };
    let facts = match Facts::new(call_id, customer.phone.clone(), caller.direction) {
        Ok(facts) => facts,
        Err(error) => return (Verdict::Wrong(vec![error.to_string()]), None),
    };
    let record_id = if caller.known && caller.direction == Direction::Outbound {
        call_id.to_string()
    } else {
        facts.call_sid.to_string()
    };
    let mut faults = Vec::new();
    match applets.passthru(&facts).await {
        Ok(()) => {}
        Err(WireFault::Refused { words }) => return (Verdict::Refused(words), None),
        // Exotel continues after a Passthru that fails
        Err(fault) => faults.push(fault.to_string()),
    }
    let url = match applets.voicebot_url(&facts).await {
        Ok(url) => url,
        Err(fault) => return (Verdict::Refused(fault.to_string()), None),
    };
    let record = (applets.clone(), record_id.clone());
    let streamed = match stream(shared, &url, nth, caller, &facts, Some(record)).await {
        Ok(streamed) => streamed,
        Err(verdict) => return (verdict, None),
    };
    let goes_on = after(applets, &facts, &streamed, caller, &mut faults).await;
    let is_settled =
        |record: &CallRecord| !goes_on || record.outcome.as_deref() != Some("transfer-decided");
    let record = applets.final_record(&record_id, is_settled).await;
    let outcome = record.as_ref().and_then(|record| record.outcome.clone());
    let verdict = match judged(caller, &streamed, Some(record.as_ref())) {
        Verdict::Good if !faults.is_empty() => Verdict::Wrong(faults),
        Verdict::Wrong(mut wrong) => {
            wrong.append(&mut faults);
            Verdict::Wrong(wrong)
        }
        other => other,
    };
    (verdict, outcome)
}

/// A call whose order was not stored: the engine is overloaded, or the order is invalid.
fn unordered(error: &EngineError) -> Verdict {
    match error {
        EngineError::Refused { status, .. } if !matches!(status, 429 | 503) => {
            Verdict::Wrong(vec![error.to_string()])
        }
        _ => Verdict::Refused(error.to_string()),
    }
}

/// Stores the customer's record, again after a 503 as a client of the API does.
async fn order(
    shared: &Shared,
    applets: &Applets,
    customer: &Customer,
) -> Result<CallId, EngineError> {
    let mut tries = 1;
    loop {
        match applets.store_customer(customer).await {
            Err(EngineError::Refused { status: 503, .. })
                if tries < ORDER_TRIES && !shared.over.is_cancelled() =>
            {
                tries += 1;
            }
            stored => return stored,
        }
        tokio::time::sleep(ORDER_AGAIN).await;
    }
}

async fn stream(
    shared: &Shared,
    url: &Url,
    nth: u64,
    caller: &Caller,
    facts: &Facts,
    record: Option<(Applets, String)>,
) -> Result<Streamed, Verdict> {
    let format = stream_url::format(url);
    let url = if format.rate_hz == shared.frames.rate_hz {
        url.clone()
    } else {
        stream_url::with_rate(url.clone(), shared.frames.rate_hz)
    };
    let (parameters, too_many) = stream_url::parameters(&url);
    let facts = facts.stream(parameters, stream_url::format(&url));
    let socket = Socket::open(&url).await.map_err(Verdict::Refused)?;
    shared.measures.of_call(nth, |set| set.counts.taken += 1);
    let playing = Playing {
        caller,
        sounds: &shared.sounds,
        frames: shared.frames,
        ticks: shared.clock.ticks(nth),
        measures: &shared.measures,
        nth,
        over: &shared.over,
        record,
    };
    let _live = Live::new(&shared.live);
    let mut streamed = play(socket, facts, playing).await;
    streamed
        .faults
        .extend(too_many.map(|fault| fault.to_string()));
    Ok(streamed)
}

/// Counts a stream while it is open.
struct Live<'a>(&'a AtomicU64);

impl<'a> Live<'a> {
    fn new(live: &'a AtomicU64) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        Self(live)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Exotel's applets after the stream. Returns whether the call continued with an agent.
async fn after(
    applets: &Applets,
    facts: &Facts,
    streamed: &Streamed,
    caller: &Caller,
    faults: &mut Vec<String>,
) -> bool {
    let ended_by = match streamed.end {
        End::Bot => EndedBy::Bot,
        End::Caller | End::OutOfTime | End::Cut | End::Mute => EndedBy::User,
        End::Broken(_) => EndedBy::Nobody,
    };
    let lasted_s = streamed.lasted_ms / 1_000;
    let mut note = |fault: WireFault| faults.push(fault.to_string());
    let goes_on = applets
        .passthru_after(facts, ended_by, lasted_s)
        .await
        .map_err(&mut note)
        .unwrap_or(false)
        && ended_by == EndedBy::Bot;
    let mut talked = None;
    if goes_on {
        let answer = caller
            .scenario
            .as_ref()
            .map_or(AgentAnswer::Answers, |scenario| scenario.agent);
        let connected = applets.connect(facts).await.map_err(&mut note);
        let agent = connected
            .ok()
            .and_then(|connected| connected.numbers.into_iter().next());
        if let Some(agent) = agent {
            let reports = applets.passthru_after_connect(facts, &agent, answer).await;
            let _ = reports.map_err(&mut note);
            talked = Some(answer);
        }
    }
    let _ = applets
        .status(facts, lasted_s, talked)
        .await
        .map_err(&mut note);
    goes_on
}

/// The verdict on a call whose stream has ended. `record` is the engine's, if an engine was called.
fn judged(caller: &Caller, streamed: &Streamed, record: Option<Option<&CallRecord>>) -> Verdict {
    let mut wrong = streamed.faults.clone();
    match &streamed.end {
        End::Mute => return Verdict::Mute,
        End::Broken(reason) => return Verdict::Dropped(reason.clone()),
        End::OutOfTime => wrong.push("the call did not end in time".to_owned()),
        End::Bot | End::Caller if caller.scenario.is_some() && streamed.steps_left > 0 => {
            wrong.push(format!(
                "the call ended before the caller's last {} steps were due",
                streamed.steps_left
            ));
        }
        End::Bot | End::Caller | End::Cut => {}
    }
    match record {
        None => {}
        Some(None) => wrong.push("the engine has no record of the call".to_owned()),
        Some(Some(record)) => wrong.extend(of_record(caller, streamed, record)),
    }
    if wrong.is_empty() {
        Verdict::Good
    } else {
        Verdict::Wrong(wrong)
    }
}

fn of_record(caller: &Caller, streamed: &Streamed, record: &CallRecord) -> Vec<String> {
    match &caller.scenario {
        // the generator has ended the call, not its caller
        Some(scenario) if streamed.end != End::Cut => verdict::of_record(scenario, record, &[]),
        _ => {
            let mut wrong = Vec::new();
            if record.state != CallState::Ended {
                wrong.push("the call's record was not closed".to_owned());
            }
            let outcome = record.outcome.as_deref().unwrap_or("none");
            if Outcome::parse(outcome).is_some_and(|outcome| BAD_OUTCOMES.contains(&outcome)) {
                wrong.push(format!("the outcome is `{outcome}`"));
            }
            wrong
        }
    }
}

/// The customer of the `nth` call: with a number of their own, and the number of the call in the place
/// of `{n}`.
fn customer_of(nth: u64, pattern: &Customer) -> Customer {
    let mut customer = pattern.clone();
    if let Ok(phone) = PhoneNumber::parse(&format!("+9170{:08}", nth % 100_000_000)) {
        customer.phone = phone;
    }
    for value in customer.fields.values_mut() {
        if value.expose().contains(NTH) {
            *value = Masked::new(value.expose().replace(NTH, &nth.to_string()));
        }
    }
    customer
}

#[cfg(test)]
mod tests {
    use ghanti_sim::Scenario;

    use super::*;

    fn customer() -> Customer {
        toml::from_str("phone = \"+919876500001\"\n[fields]\nname = \"Asha {n}\"\nstate = \"Goa\"")
            .unwrap()
    }

    fn streamed(end: End, steps_left: usize) -> Streamed {
        Streamed {
            end,
            lasted_ms: 5_000,
            steps_left,
            faults: Vec::new(),
        }
    }

    fn record(outcome: &str) -> CallRecord {
        let mut record = CallRecord::new(CallId::generate(), 0);
        (record.state, record.outcome) = (CallState::Ended, Some(outcome.to_owned()));
        record
    }

    #[test]
    fn each_customer_has_a_number_and_a_name_of_their_own() {
        let customer = customer_of(7, &customer());
        assert_eq!(customer.phone.expose(), "+917000000007");
        assert_eq!(customer.fields["name"].expose(), "Asha 7");
        assert_eq!(customer.fields["state"].expose(), "Goa");
    }

    #[test]
    fn a_lost_call_is_lost_whatever_its_record_says() {
        let caller = Caller::built_in("silent", &customer(), 5_000).unwrap();
        let good = record("completed");
        let judge = |end, record| judged(&caller, &streamed(end, 3), record);
        assert_eq!(judge(End::Mute, Some(Some(&good))), Verdict::Mute);
        assert_eq!(
            judge(End::Broken("reset".to_owned()), None),
            Verdict::Dropped("reset".to_owned())
        );
        for end in [End::Bot, End::Caller, End::Cut] {
            assert_eq!(judge(end, Some(Some(&good))), Verdict::Good);
        }
    }

    #[test]
    fn an_order_that_cannot_be_stored_is_wrong_and_no_refusal_of_a_busy_engine() {
        let refused = |status| {
            let body = String::new();
            unordered(&EngineError::Refused { status, body })
        };
        assert!(matches!(refused(400), Verdict::Wrong(_)));
        assert!(matches!(refused(503), Verdict::Refused(_)));
    }

    #[test]
    fn a_call_that_the_engine_failed_is_wrong() {
        let caller = Caller::built_in("silent", &customer(), 5_000).unwrap();
        let judge =
            |record: Option<&CallRecord>| judged(&caller, &streamed(End::Bot, 0), Some(record));
        for (outcome, is_good) in [
            ("no-answer", true),
            ("hung-up", true),
            ("flow-failed", false),
            ("peer-lost", false),
        ] {
            let record = record(outcome);
            assert_eq!(judge(Some(&record)) == Verdict::Good, is_good, "{outcome}");
        }
        assert_ne!(judge(None), Verdict::Good);
    }

    #[test]
    fn a_scenario_is_held_to_its_end_unless_the_load_is_over() {
        let text = "title = \"t\"\nexpect = \"declined\"\n[customer]\nphone = \"+919876500001\"\n\
                    [[caller]]\nsay = \"no\"\n";
        let scenario = Scenario::parse(text, "t").unwrap();
        let caller = Caller::of_scenario("t", scenario);
        let judge = |end, steps_left, outcome: &str| {
            judged(
                &caller,
                &streamed(end, steps_left),
                Some(Some(&record(outcome))),
            )
        };
        assert_eq!(judge(End::Bot, 0, "declined"), Verdict::Good);
        assert_eq!(judge(End::Cut, 1, "hung-up"), Verdict::Good);
        for (end, steps_left, outcome) in [
            (End::Bot, 0, "no-answer"),
            (End::Bot, 1, "declined"),
            (End::OutOfTime, 0, "declined"),
        ] {
            let verdict = judge(end.clone(), steps_left, outcome);
            assert!(
                matches!(&verdict, Verdict::Wrong(wrong) if wrong.len() == 1),
                "{verdict:?}"
            );
        }
    }
}
