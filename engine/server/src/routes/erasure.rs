//! `POST /api/customers/erase`: erases the data about a person, by their number.
//!
//! The number is in the body, so that it appears in no URL and no log. One request erases everything
//! that is found by the number, and searches some of the calls for its digits; to search the next
//! ones, send `next` of the answer as `cursor`. `docs/retention.md` describes what is erased and what
//! is not.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use ghanti_campaign::Plan;
use ghanti_model::event::DialAnswer;
use ghanti_model::{
    CallId, CallSid, CallState, DialState, Erasable, EventKind, NodeId, PhoneNumber, unix_ms,
};
use ghanti_store::{CallRecords, Occurrence, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::config::Config;
use crate::problem::{Kind, Problem};
use crate::recordings;

/// Number of calls that one request searches for the digits: their events are read within the deadline
/// of one statement.
const SEARCHED: u32 = 250;
/// How long to wait for the events of a call that are not stored yet.
const SAVED: Duration = Duration::from_secs(2);
/// A call that has not begun this long after its order will not begin, in milliseconds: its status
/// callback was lost.
const OVERDUE_MS: u64 = 2 * 3_600_000;
/// Minimum number of digits: a short code has fewer, and its digits are part of many other numbers.
const DIGITS: usize = 10;

/// The reason recorded for a call that was ordered but not dialled.
const NOT_DIALLED: &str = "the customer was erased before the call was dialled";
/// The reason recorded for a call that was dialled long ago.
const NOT_BEGUN: &str = "the customer was erased, and the call had not begun";

const FIX: &str = r#"send {"phone": "+91…"}"#;

/// The body of the request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Erasure)]
struct Body {
    /// Their number, in any spelling, of at least ten digits.
    phone: String,
    /// `next` of the answer before.
    #[serde(default)]
    cursor: String,
}

/// How much was erased, by kind of data.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Erased {
    /// Customers of lists.
    customers: u64,
    /// Customers of campaigns.
    campaign_customers: u64,
    /// Attempts of campaigns.
    attempts: u64,
    /// Keys of the session store.
    sessions: u64,
    /// Calls with erased content.
    calls: u64,
    /// Events of them.
    events: u64,
    /// Webhook messages that were pending or given up.
    messages: u64,
    /// Recordings in this engine's data folder.
    recordings: u64,
    /// Recordings in the data folders of other engines, each of which deletes its own within minutes.
    recordings_elsewhere: u64,
    /// Files of the spool that could not be read.
    files: u64,
    /// Do-not-call entries, which are kept under a keyed hash.
    wishes: u64,
}

/// The result of one request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasedPart {
    /// Counts, by kind of data.
    erased: Erased,
    /// `cursor` of the next request; null once all calls have been searched.
    #[schema(required)]
    next: Option<String>,
}

/// Erases the data about a person: everything that is found by the number, and its mentions in some of
/// the other calls.
///
/// # Errors
///
/// 400 for an invalid body, 409 while the person is being called or if the number is an agent's or one
/// to call from, 503 if a store does not answer: the same request, sent again, then erases the rest.
#[utoipa::path(
    post,
    path = "/api/customers/erase",
    tag = "customers",
    operation_id = "customers_erase",
    request_body = inline(Body),
    responses(
        (status = 200, description = "what was erased", body = ErasedPart),
        (status = 400, description = "`body-not-json`, `body-not-expected`, `body-not-read`, `unusable-phone`"),
        (status = 401, description = "`unauthorized`"),
        (status = 409, description = "`being-called`, `own-number`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn erase(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer<ErasedPart>, Problem> {
    // neither error contains a value
    let body: Body = serde_json::from_slice(&body?).map_err(|error| Problem::json(&error, FIX))?;
    let phone = number(&body.phone)?;
    if let Some(whose) = own(&app.config, &phone) {
        return Err(not_a_customer(whose));
    }
    let flows = app.services.catalogue.versions();
    let is_agents = flows.values().any(|flow| {
        let mut targets = flow.manifest().grants.transfer.iter().flatten();
        targets.any(|(_, numbers)| numbers.contains(&phone))
    });
    if is_agents {
        return Err(not_a_customer("`[grants.transfer]` of a flow"));
    }
    // of the newest 200 campaigns
    let campaigns = app.records.campaigns().await.map_err(unavailable)?;
    if campaigns
        .iter()
        .any(|campaign| dials_from(&campaign.plan, &phone))
    {
        return Err(not_a_customer("`caller-ids` of a campaign"));
    }
    save_pending(&app, &phone).await?;
    let mut calls = Vec::new();
    if body.cursor.is_empty() {
        calls = app
            .records
            .calls_of_number(&phone)
            .await
            .map_err(unavailable)?;
    }
    let (mentions, next) = app
        .records
        .calls_that_mention(&phone, &body.cursor, SEARCHED)
        .await
        .map_err(unavailable)?;
    calls.extend(mentions);
    let mut erasure = Erasure {
        app: &app,
        phone: &phone,
        now_ms: unix_ms(),
        erased: Erased::default(),
    };
    erasure.refuse_live(&calls)?;
    let calls: BTreeSet<CallId> = calls.iter().map(|call| call.call_id).collect();
    if body.cursor.is_empty() {
        erasure.number().await?;
    }
    let mut sids = Vec::new();
    for &call in &calls {
        sids.extend(erasure.call(call).await?);
    }
    let calls: Vec<CallId> = calls.into_iter().collect();
    if body.cursor.is_empty() || !calls.is_empty() {
        let sessions = &app.services.sessions;
        let keys = sessions.erase(&phone, &calls, &sids).await;
        erasure.erased.sessions = keys.map_err(unavailable)?;
    }
    app.services.registry.forget_wish(&phone);
    if next.is_none() {
        app.records.forget_erased().await.map_err(unavailable)?;
    }
    let erased = erasure.erased;
    tracing::info!(number = %phone, ?erased, "personal data of a customer was erased");
    Ok(Answer(ErasedPart { erased, next }))
}

/// Refuses while a call with the number is live on this node, and saves pending events about the
/// number, so that they are found in the database.
async fn save_pending(app: &App, phone: &PhoneNumber) -> Result<(), Problem> {
    let registry = &app.services.registry;
    let is_theirs = |call: &CallId| {
        let live = registry.live().by_id(*call);
        live.is_some_and(|live| live.record().customer_number.as_ref() == Some(phone))
    };
    if let Some(call) = registry.live().ids().into_iter().find(is_theirs) {
        return Err(busy(Some(call)));
    }
    // which number the others belong to is known once they are stored
    let is_anothers = |call: &CallId| {
        let number = registry
            .in_memory(*call)
            .and_then(|log| log.into_record().customer_number);
        number.is_some_and(|number| number != *phone)
    };
    let stored = async {
        for call in registry.writer().calls_behind() {
            if !is_anothers(&call) && !registry.writer().stored(call, SAVED).await {
                return false;
            }
        }
        true
    };
    if tokio::time::timeout(SAVED, stored).await != Ok(true) {
        return Err(Problem::unavailable(
            "nothing was erased: events of calls are not stored yet",
        ));
    }
    Ok(())
}

fn unsaved_yet(call: CallId) -> Problem {
    Problem::unavailable(format!(
        "not everything was erased: events of call {call} are not stored yet"
    ))
}

fn unavailable(error: StoreError) -> Problem {
    Problem::unavailable(format!("not everything was erased: {error}"))
}

/// Reads the number of a person.
fn number(text: &str) -> Result<PhoneNumber, Problem> {
    let phone = PhoneNumber::parse(text)
        .map_err(|error| Problem::new(Kind::UnusablePhone, error.to_string(), FIX))?;
    let digits = phone.expose().trim_start_matches('+').len();
    if digits < DIGITS {
        return Err(Problem::new(
            Kind::UnusablePhone,
            format!("nothing was erased: the number has {digits} digits, fewer than {DIGITS}"),
            FIX,
        ));
    }
    Ok(phone)
}

/// The setting that contains the number, if it is not a customer's: it appears in calls of many
/// customers, which would all be erased.
fn own(config: &Config, phone: &PhoneNumber) -> Option<&'static str> {
    let of_flows = || {
        config
            .flows
            .values()
            .flat_map(|flow| flow.transfer.values())
    };
    if config.exotel.caller_id.as_ref() == Some(phone) {
        Some("`caller-id` of `[exotel]`")
    } else if config.calls.agents.contains(phone) {
        Some("`agents` of `[calls]`")
    } else if config
        .transfer
        .values()
        .any(|to| to.numbers.contains(phone))
    {
        Some("`numbers` of a `[transfer.NAME]`")
    } else if of_flows().any(|numbers| numbers.contains(phone)) {
        Some("a `[flows.NAME.transfer]`")
    } else {
        None
    }
}

/// Whether a campaign with this plan calls from the number.
fn dials_from(plan: &str, phone: &PhoneNumber) -> bool {
    serde_json::from_str::<Plan>(plan).is_ok_and(|plan| plan.caller_ids.contains(phone))
}

fn not_a_customer(whose: &str) -> Problem {
    Problem::new(
        Kind::OwnNumber,
        format!("nothing was erased: the number is in {whose}"),
        "send a customer's number; if this one is now a customer's, remove it there first",
    )
}

struct Erasure<'a> {
    app: &'a App,
    phone: &'a PhoneNumber,
    now_ms: u64,
    erased: Erased,
}

impl Erasure<'_> {
    /// Refuses while one of the calls is live or about to be: its events would be stored after the
    /// erasure.
    fn refuse_live(&self, calls: &[Occurrence]) -> Result<(), Problem> {
        let live = self.app.services.registry.live();
        let is_in_progress = |call: &&Occurrence| {
            let is_recent = call.created_ms.saturating_add(OVERDUE_MS) > self.now_ms;
            live.by_id(call.call_id).is_some()
                || (call.is_open && is_recent && !self.withdraw(call.call_id))
        };
        match calls.iter().find(is_in_progress) {
            Some(call) => Err(busy(Some(call.call_id))),
            None => Ok(()),
        }
    }

    /// Withdraws a call that waits to be dialled by this node. Returns whether there was one.
    fn withdraw(&self, call: CallId) -> bool {
        let dialler = self.app.dialler.as_ref();
        dialler.is_some_and(|dialler| dialler.withdraw(call))
    }

    async fn number(&mut self) -> Result<(), Problem> {
        let erased = self.app.records.erase_number(self.phone, self.now_ms).await;
        let Some(erased) = erased.map_err(unavailable)? else {
            return Err(busy(None));
        };
        self.erased.customers = erased.customers;
        self.erased.campaign_customers = erased.campaign_customers;
        self.erased.attempts = erased.attempts;
        self.erased.wishes = erased.wishes;
        Ok(())
    }

    /// Ends a call that was ordered and has not begun: the data that it would need is erased.
    async fn end(&self, call: CallId) -> Result<(), Problem> {
        let registry = &self.app.services.registry;
        let record = registry.read(call).await.map_err(unavailable)?;
        let Some(record) = record.filter(|record| record.state == CallState::Pending) else {
            return Ok(());
        };
        let was_dialled =
            record.call_sid.is_some() || !matches!(record.dial, None | Some(DialState::Waiting));
        let end = if was_dialled {
            EventKind::StreamOverdue {
                what: NOT_BEGUN.to_owned(),
                unnamed: None,
            }
        } else {
            EventKind::Dialled(DialAnswer::Refused {
                reason: NOT_DIALLED.to_owned(),
            })
        };
        registry.append(call, end).await;
        Ok(())
    }

    /// Erases a call, and returns its CallSid.
    async fn call(&mut self, call: CallId) -> Result<Option<CallSid>, Problem> {
        self.end(call).await?;
        let registry = &self.app.services.registry;
        let writer = registry.writer();
        let known = registry.get(call).await.map_err(unavailable)?;
        let recordings = known.map(|record| record.recordings).unwrap_or_default();
        let (here, elsewhere) = recordings::erase(&self.app.services, call, &recordings)
            .await
            .map_err(|reason| {
                Problem::unavailable(format!("not everything was erased: {reason}"))
            })?;
        self.erased.recordings += here;
        self.erased.recordings_elsewhere += elsewhere;
        if !writer.stored(call, SAVED).await {
            return Err(unsaved_yet(call));
        }
        let node = self
            .app
            .services
            .lease
            .as_ref()
            .map_or(NodeId::NONE, |lease| lease.node());
        let records = &self.app.records;
        let erased = records
            .erase_call(call, Erasable::Personal, node, self.now_ms)
            .await
            .map_err(unavailable)?;
        registry.forget(call);
        let file = writer.remove_unreadable(call).await.map_err(|error| {
            Problem::unavailable(format!("a file of the spool was not erased: {error}"))
        })?;
        self.erased.calls += u64::from(erased.events > 0);
        self.erased.events += erased.events;
        self.erased.messages += erased.messages;
        self.erased.files += u64::from(file);
        let record = records.by_id(call).await.map_err(unavailable)?;
        Ok(record.and_then(|record| record.call_sid))
    }
}

fn busy(call: Option<CallId>) -> Problem {
    let which = call
        .map(|call| format!(", in call {call}"))
        .unwrap_or_default();
    Problem::new(
        Kind::BeingCalled,
        format!("the customer is being called{which}: nothing was erased"),
        "wait for the end of the call, and send the request again",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::config::read;

    #[test]
    fn a_short_code_is_not_erased() {
        for short in ["17957", "0000017957", "198765432", "+291 2345"] {
            let refused = number(short).unwrap_err();
            assert!(format!("{refused:?}").contains("UnusablePhone"), "{short}");
        }
        for whole in ["98765 43210", "+14129162450"] {
            assert!(number(whole).is_ok(), "{whole}");
        }
    }

    #[test]
    fn the_engines_own_numbers_are_not_erased() {
        let text = "[calls]\nagents = ['08040001111']\n[exotel]\naccount-sid = 'a'\napi-key = 'k'\napi-token = 't'\n\
            caller-id = '08047112233'\nflow-id = 1\n[transfer.legal]\nnumbers = ['08040002222']\n\
            [flows.emi.transfer]\ndefault = ['08040003333']\n";
        let config = read(text, []).unwrap();
        let own = |text: &str| own(&config, &PhoneNumber::parse(text).unwrap());
        for (number, reported) in [
            ("08047112233", "`caller-id`"),
            ("+918040001111", "`agents`"),
            ("8040002222", "`[transfer.NAME]`"),
            ("08040003333", "`[flows.NAME.transfer]`"),
        ] {
            assert!(own(number).unwrap().contains(reported), "{number}");
        }
        assert_eq!(own("9876543210"), None);
        let plan = r#"{"caller-ids": ["08045678901"]}"#;
        let dials = |text: &str| dials_from(plan, &PhoneNumber::parse(text).unwrap());
        assert!(dials("8045678901") && !dials("9876543210"));
    }
}
