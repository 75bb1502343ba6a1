//! Calls that are refused because the engine is full or stopping. Each is refused early enough for
//! Exotel's flow to take another branch, and has a record.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;
use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::{CallId, CallSid, EventKind, PhoneNumber, unix_ms};
use ghanti_store::Sighting;

use crate::app::App;
use crate::applet_error::AppletError;
use crate::routes::passthru::{bind, sighting_of};

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// All slots are taken or reserved.
    #[error("the engine is full: it has the maximum number of calls")]
    Full,
    /// The engine is stopping.
    #[error("the engine is stopping and takes no new calls")]
    Draining,
    /// No language of the flows is spoken.
    #[error("the engine cannot speak: no synthesiser does")]
    Mute,
}

/// Where a call asked for admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryPoint {
    /// `GET /passthru`.
    Passthru,
    /// `GET /voicebot-url`.
    VoicebotUrl,
    /// The socket's upgrade.
    Stream,
    /// `start`, on a socket that was admitted because it might have belonged to a reserved call.
    Start,
}

impl Refusal {
    /// Returns the name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Full => "full",
            Refusal::Draining => "draining",
            Refusal::Mute => "mute",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Refusal::Full => {
                "raise `max-calls` of `[server]`, or route some calls to another engine"
            }
            Refusal::Draining => "connect to another engine",
            Refusal::Mute => "see `voices` in GET /readyz, and `ghanti speech check`",
        }
    }
}

impl EntryPoint {
    /// Returns the name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            EntryPoint::Passthru => "passthru",
            EntryPoint::VoicebotUrl => "voicebot-url",
            EntryPoint::Stream => "stream",
            EntryPoint::Start => "start",
        }
    }
}

impl From<Refusal> for AppletError {
    fn from(refusal: Refusal) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            refusal.to_string(),
            refusal.hint(),
        )
    }
}

/// Counts of refused calls by entry point and reason.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<(EntryPoint, Refusal), u64>>);

impl Refusals {
    /// Returns all non-zero counts.
    pub fn all(&self) -> BTreeMap<(EntryPoint, Refusal), u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, entry_point: EntryPoint, refusal: Refusal) {
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((entry_point, refusal))
            .or_default() += 1;
    }
}

/// Decides whether the call of an applet's request may continue to its stream. If so, a slot is
/// reserved for it, unless it is live and has one. Only where no slot is left for a call of which
/// nothing is known, it is looked up whether there is an order for it, for as long as a start may
/// take.
///
/// # Errors
///
/// The call cannot be admitted.
pub async fn admit(app: &App, request: &PassthruRequest) -> Result<(), Refusal> {
    let sid = request.call_sid.as_ref();
    match (reserve(app, sid, None), sid) {
        (Err(Refusal::Full), Some(sid)) => match order_of(app, request).await {
            Some(order) => reserve(app, Some(sid), Some(order)),
            None => Err(Refusal::Full),
        },
        (reserved, _) => reserved,
    }
}

fn reserve(app: &App, sid: Option<&CallSid>, order: Option<CallId>) -> Result<(), Refusal> {
    let now = Instant::now();
    let is_live = |sid: &CallSid| app.services.registry.live().by_sid(sid).is_some();
    match sid {
        Some(sid) if is_live(sid) => Ok(()),
        Some(sid) if app.draining.is_cancelled() && !app.admission.is_reserved(sid, now) => {
            Err(Refusal::Draining)
        }
        _ if app.mute.is_whole() => Err(Refusal::Mute),
        Some(sid) => {
            let reserved = app.admission.reserve(sid, order, now);
            reserved.map_err(|_| Refusal::Full)
        }
        None if app.draining.is_cancelled() => Err(Refusal::Draining),
        // nothing to reserve it by; its stream takes a slot if one is still free
        None if app.admission.has_slot(now) => Ok(()),
        None => Err(Refusal::Full),
    }
}

/// The stored order of a request's call: one that it names, else an open one of a number in it.
async fn order_of(app: &App, request: &PassthruRequest) -> Option<CallId> {
    let _permit = app.background.try_acquire().ok()?;
    let sessions = app.services.sessions.as_ref();
    let Sighting { orders, ends } = sighting_of(request);
    let known = async {
        for order in orders {
            if let Ok(Some(customer)) = sessions.customer_by_call(order).await {
                return Some(customer.call_id);
            }
        }
        let numbers = ends.into_iter().flat_map(|ends| [ends.from, ends.to]);
        let numbers: Vec<PhoneNumber> = numbers.flatten().collect();
        for number in numbers {
            let orders = sessions.orders_of(&number).await.unwrap_or_default();
            if let Some(order) = orders.iter().find(|order| !order.held) {
                return Some(order.customer.call_id);
            }
        }
        None
    };
    tokio::time::timeout(app.services.settings.look_up, known)
        .await
        .ok()
        .flatten()
}

/// Counts and logs a refusal, and records it with the call in the background.
pub fn refused(app: &App, entry_point: EntryPoint, refusal: Refusal, request: PassthruRequest) {
    app.refusals.count(entry_point, refusal);
    let sid = request.call_sid.as_ref().map(tracing::field::display);
    tracing::warn!(
        sid,
        entry_point = entry_point.name(),
        reason = refusal.name(),
        hint = refusal.hint(),
        "a call was refused"
    );
    let Ok(permit) = app.background.clone().try_acquire_owned() else {
        tracing::warn!(
            sid,
            entry_point = entry_point.name(),
            "a refused call was not recorded: too many background tasks are running"
        );
        return;
    };
    let passthru_ms = (entry_point == EntryPoint::Passthru).then(unix_ms);
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        if let Some(call) = bind(&app, request, passthru_ms).await {
            record(&app, call, entry_point, refusal).await;
        }
        drop(permit);
    });
}

/// Refuses a socket whose path is all that is known of it: a CallSid, our own id, or neither.
pub fn refused_stream(app: &App, refusal: Refusal, session: &str) {
    if CallId::parse(session).is_none() && session != NO_SID {
        let request = PassthruRequest {
            call_sid: CallSid::parse(session).ok(),
            ..PassthruRequest::default()
        };
        return refused(app, EntryPoint::Stream, refusal, request);
    }
    app.refusals.count(EntryPoint::Stream, refusal);
    let call = CallId::parse(session);
    tracing::warn!(
        call = call.map(tracing::field::display),
        session,
        reason = refusal.name(),
        hint = refusal.hint(),
        "a stream was refused"
    );
    if let (Some(call), Ok(permit)) = (call, app.background.clone().try_acquire_owned()) {
        let app = app.clone();
        app.tasks.clone().spawn(async move {
            record(&app, call, EntryPoint::Stream, refusal).await;
            drop(permit);
        });
    }
}

/// The session in the stream's URL for a request without a CallSid.
pub const NO_SID: &str = "call";

async fn record(app: &App, call: CallId, entry_point: EntryPoint, refusal: Refusal) {
    let refused = EventKind::Refused {
        reason: refusal.to_string(),
        detail: format!("{refusal} (`{}`): {}", entry_point.name(), refusal.hint()),
    };
    app.services.registry.append(call, refused).await;
}
