//! What has to be known of a call before its flow starts: which call it is, its customer, and the
//! version that runs it; also of a call that another engine began.

use std::sync::Arc;

use ghanti_catalogue::Pinned;
use ghanti_exotel::inbound::Start;
use ghanti_journal::SharedJournal;
use ghanti_manifest::{CustomerReading, FieldProblem};
use ghanti_model::event::{Repeat, StreamResumed, StreamStarted};
use ghanti_model::fold::{SECOND_STREAM, SECOND_STREAM_DETAIL};
use ghanti_model::{
    CallFacts, CallId, CallLog, CallRecord, CustomerRecord, Direction, EventKind, Extent, FlowName,
    Language, NodeId, Speaker, customer_digest, unix_ms,
};
use ghanti_replay::resumed;

use crate::call::LiveCall;
use crate::find::{Found, Sought, find, sighting_of};
use crate::resumption::{Resumable, is_gone, is_same_caller, recalled_customer, resumable};
use crate::services::Services;
use crate::wire::Wire;

/// A call with everything that has to be known before its flow starts.
pub(crate) struct Prepared {
    pub(crate) call: Arc<LiveCall>,
    pub(crate) facts: CallFacts,
    pub(crate) customer: Option<CustomerRecord>,
    /// The flow with its journal, or why there is none.
    pub(crate) flow: Result<(Pinned, SharedJournal), String>,
    /// Whether another engine began it.
    pub(crate) is_resumed: bool,
}

/// Finds the call, its flow and its customer. Returns `None` if the stream is refused because the
/// call already has, or had, one.
pub(crate) async fn prepared(
    wire: &mut dyn Wire,
    services: &Services,
    session: &str,
    start: &Start,
    passed_over: usize,
) -> Option<Prepared> {
    let mut gone = None;
    loop {
        let held = match prepare(services, session, start, passed_over, gone).await {
            Ok(prepared) => return prepared,
            Err(held) => held,
        };
        let HeldElsewhere { node, record } = *held;
        tracing::info!(%node, "a stream began of a call that another engine holds: waiting whether it is gone");
        if gone == Some(node) || !is_gone(wire, services, node).await {
            refuse_second(services, &record).await;
            return None;
        }
        gone = Some(node);
    }
}

/// A call at another engine, which may be gone.
struct HeldElsewhere {
    node: NodeId,
    record: CallRecord,
}

/// One try of [`prepared`]. `gone` is an engine that is known to have stopped.
///
/// # Errors
/// The other engine of the call, if it is not known whether it has stopped.
async fn prepare(
    services: &Services,
    session: &str,
    start: &Start,
    passed_over: usize,
    gone: Option<NodeId>,
) -> Result<Option<Prepared>, Box<HeldElsewhere>> {
    let sought = Sought {
        sid: start.call_sid.as_ref(),
        session,
        stream: Some(&start.stream_sid),
        sighting: sighting_of(start),
        within: services.settings.look_up,
    };
    if let Some(sid) = &start.call_sid {
        // what it finds is then in memory, too
        services
            .arrivals
            .recorded(sid, services.settings.look_up)
            .await;
    }
    let mut found = find(services, sought).await;
    let mut problems = found.problems();
    let now_ms = unix_ms();
    let log = match std::mem::replace(&mut found.earlier, Ok(None)) {
        Ok(Some(earlier)) if earlier.record().started_ms.is_some() => {
            let here = services.registry.events().node();
            let goes_on = match resumable(earlier.record(), here, gone, now_ms) {
                // the caller may have said who they are: nobody else goes on with it
                Resumable::Yes => match is_same_caller(earlier.record(), &found, start) {
                    Some(true) => {
                        let claimed = services.registry.claim_resumption(earlier.record()).await;
                        claimed.map_err(|error| {
                            format!("{error}; whether another engine goes on with it is not known")
                        })
                    }
                    Some(false) => Ok(false),
                    None => Err("whether it is the same caller cannot be read".to_owned()),
                },
                Resumable::Perhaps(node)
                    if services.registry.live().by_id(found.call_id).is_none() =>
                {
                    let record = earlier.into_record();
                    return Err(Box::new(HeldElsewhere { node, record }));
                }
                Resumable::Perhaps(_) | Resumable::No => Ok(false),
            };
            match goes_on {
                Ok(true) => return Ok(Some(resume(services, found, earlier, start, now_ms))),
                // if it goes on, then elsewhere
                Ok(false) => {
                    refuse_second(services, earlier.record()).await;
                    return Ok(None);
                }
                Err(why) => {
                    let cut = earlier.record().call_id;
                    problems.push((
                        "store-unavailable",
                        format!("the engine of call {cut} has stopped, and the caller began anew here: {why}"),
                    ));
                    CallLog::new(CallId::generate())
                }
            }
        }
        Ok(Some(earlier)) => earlier,
        Ok(None) => CallLog::new(found.call_id),
        // under a new id, since the call may already have, or have had, a stream
        Err(error) => {
            problems.push((
                "store-unavailable",
                format!("{error}; whether there was a record of this call already is not known"),
            ));
            CallLog::new(CallId::generate())
        }
    };
    let mut facts = facts(log.record(), &found, start);
    let wanted = found.flow.as_ref();
    let flow = services.catalogue.choose(&facts, wanted);
    let flow = flow.map_err(|no_flow| no_flow.to_string()).map(|version| {
        let journal = version.journal(facts.call_id);
        (version, journal)
    });
    let chosen = flow.as_ref().ok().map(|(version, _)| version);
    let (customer, unreadable) = by_manifest(found.customer, chosen, now_ms, services);
    facts.language = customer_language(customer.as_ref());
    if let Some(version) = chosen {
        facts.language = spoken(&facts.language, &version.languages);
    }
    let journal = flow.as_ref().ok().map(|(_, journal)| journal.clone());
    let started = StreamStarted {
        stream_sid: start.stream_sid.clone(),
        call_sid: facts.call_sid.clone(),
        order: found.order,
        direction: Some(facts.direction),
        customer_number: facts.customer_number.clone(),
        line_number: facts.line_number.clone(),
        flow: chosen.map(|version| version.name.clone()),
        version: chosen.map(|version| version.id.clone()),
        language: facts.language.clone(),
        customer: identity(customer.as_ref(), chosen),
        journal: journal.as_ref().map(SharedJournal::header),
    };
    let call = LiveCall::new(log, journal, now_ms);
    call.emit(EventKind::StreamStarted(Box::new(started)));
    for (name, detail) in problems {
        call.note(name, detail, Repeat::OncePerSentence);
    }
    if passed_over > 0 {
        call.problem(
            "bad-frame",
            format!("{passed_over} frames before `start` were ignored"),
        );
    }
    for field in unreadable {
        call.problem(
            "unusable-field",
            format!("{field}; the flow was not given it"),
        );
    }
    Ok(Some(Prepared {
        call,
        facts,
        customer,
        flow,
        is_resumed: false,
    }))
}

/// Goes on with a call whose engine has stopped, on the version that it ran on.
fn resume(
    services: &Services,
    mut found: Found,
    earlier: CallLog,
    start: &Start,
    now_ms: u64,
) -> Prepared {
    let record = earlier.record();
    let recalled = recalled_customer(record, &found);
    let problems = match &recalled {
        Some(_) => found.failures(),
        None => found.problems(),
    };
    found.number.clone_from(&record.customer_number);
    found.customer = recalled.or(found.customer);
    let mut facts = facts(record, &found, start);
    let pinned = record
        .flow
        .as_ref()
        .zip(record.version.as_ref())
        .and_then(|(flow, version)| services.catalogue.pin(flow, version));
    let (journal, entries) = record.journal.as_ref().map(resumed).unzip();
    let known: Vec<_> = record
        .transcript
        .iter()
        .filter(|line| line.speaker == Speaker::Bot && line.heard == Some(Extent::Whole))
        .map(|line| line.name.clone())
        .collect();
    let (customer, _) = by_manifest(found.customer, pinned.as_ref(), now_ms, services);
    facts.language = record
        .language
        .clone()
        .unwrap_or_else(|| customer_language(customer.as_ref()));
    let flow = pinned.zip(journal).ok_or_else(|| {
        let name = record.flow.as_ref().map(FlowName::as_str).unwrap_or_default();
        format!("the version of `{name}` that held this call on another engine is not loaded here: give all engines the same flows")
    });
    let journal = flow.as_ref().ok().map(|(_, journal)| journal.clone());
    tracing::info!(call = %record.call_id, entries, "going on with a call whose engine has stopped");
    let call = LiveCall::new(earlier, journal, now_ms);
    for template in known {
        call.hears(&template);
    }
    call.emit(EventKind::StreamResumed(StreamResumed {
        stream_sid: start.stream_sid.clone(),
        entries: entries.unwrap_or_default(),
    }));
    for (name, detail) in problems {
        call.note(name, detail, Repeat::OncePerSentence);
    }
    Prepared {
        call,
        facts,
        customer,
        flow,
        is_resumed: true,
    }
}

fn facts(known: &CallRecord, found: &Found, start: &Start) -> CallFacts {
    let direction = known.direction.unwrap_or(if found.order.is_some() {
        Direction::Outbound
    } else {
        Direction::Inbound
    });
    CallFacts {
        call_id: known.call_id,
        call_sid: found.sid.clone().or_else(|| known.call_sid.clone()),
        direction,
        // the number on the line may differ from the one that was ordered
        customer_number: found.number.clone(),
        line_number: found.line.clone().or_else(|| known.line_number.clone()),
        language: customer_language(found.customer.as_ref()),
        parameters: start.custom_parameters.clone(),
    }
}

/// Logs a second stream of a call, which is refused, and notes it in the call's record.
async fn refuse_second(services: &Services, earlier: &CallRecord) {
    let (call, state) = (earlier.call_id, earlier.state);
    let sid = earlier.call_sid.as_ref().map(tracing::field::display);
    tracing::warn!(%call, sid, ?state, "a second stream of a call was closed: one call has one stream");
    let (detail, repeat) = (SECOND_STREAM_DETAIL.to_owned(), Repeat::OncePerName);
    if earlier.takes(SECOND_STREAM, &detail, repeat) {
        let second = EventKind::problem(unix_ms(), SECOND_STREAM, detail, repeat);
        services.registry.append(call, second).await;
    }
}

/// Reads the customer's record again by the manifest of the pinned version: it may have been stored
/// for another version, or by another program.
fn by_manifest(
    customer: Option<CustomerRecord>,
    version: Option<&Pinned>,
    now_ms: u64,
    services: &Services,
) -> (Option<CustomerRecord>, Vec<FieldProblem>) {
    let (customer, version) = match (customer, version) {
        (Some(customer), Some(version)) => (customer, version),
        (customer, _) => return (customer, Vec::new()),
    };
    let schema = &version.manifest().customer;
    let dates = services.settings.date_rules(now_ms);
    let CustomerReading { fields, problems } = schema.read(&customer.fields, dates);
    (Some(CustomerRecord { fields, ..customer }), problems)
}

/// A digest of the data that determines which record a call has.
fn identity(customer: Option<&CustomerRecord>, version: Option<&Pinned>) -> Option<String> {
    let schema = &version?.manifest().customer;
    customer_digest(schema.identifying(&customer?.fields))
}

/// The language of the flow in which a call begins: the customer's, with their region or another
/// one, else the flow's default.
fn spoken(wanted: &Language, languages: &[Language]) -> Language {
    let related = || {
        languages
            .iter()
            .find(|language| language.primary() == wanted.primary())
    };
    languages
        .iter()
        .find(|language| *language == wanted)
        .or_else(related)
        .or(languages.first())
        .unwrap_or(wanted)
        .clone()
}

fn customer_language(customer: Option<&CustomerRecord>) -> Language {
    customer
        .and_then(|customer| customer.fields.get("language"))
        .and_then(|tag| Language::parse(tag.expose()).ok())
        .unwrap_or_else(Language::english)
}
