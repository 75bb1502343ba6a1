//! Calls that are not taken, because the engine is full or stopping: each is told in time for
//! Exotel's flow to take another way, and has a record.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;
use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::{CallId, CallSid, Happened};

use crate::app::App;
use crate::problem;
use crate::routes::passthru::bind;

/// The outcome of a call that was not taken.
pub use ghanti_session::network::REFUSED_BUSY as OUTCOME;

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// All places are taken or promised.
    #[error("the engine is full: it holds as many calls as it may")]
    Full,
    /// The engine is about to stop.
    #[error("the engine is stopping and takes no new calls")]
    Draining,
}

/// Where a call asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryPoint {
    /// `GET /passthru`.
    Passthru,
    /// `GET /voicebot-url`.
    VoicebotUrl,
    /// The socket's upgrade.
    Stream,
    /// `start`, on a socket that could have been another call's.
    Start,
}

impl Refusal {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Full => "full",
            Refusal::Draining => "draining",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Refusal::Full => {
                "raise `max-calls` of `[server]`, or lead some calls to another engine"
            }
            Refusal::Draining => "connect to another engine",
        }
    }
}

impl EntryPoint {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            EntryPoint::Passthru => "passthru",
            EntryPoint::VoicebotUrl => "voicebot-url",
            EntryPoint::Stream => "stream",
            EntryPoint::Start => "start",
        }
    }
}

impl From<Refusal> for problem::Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            refusal.to_string(),
            refusal.hint(),
        )
    }
}

/// How many were refused, where and why.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<(EntryPoint, Refusal), u64>>);

impl Refusals {
    /// All counts, but those of zero.
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

/// Whether the call that an applet asks for may go on to its stream; its place is then kept. A live
/// call has its place.
pub fn admit(app: &App, sid: Option<&CallSid>) -> Result<(), Refusal> {
    let now = Instant::now();
    let is_live = |sid: &CallSid| app.services.registry.live().by_sid(sid).is_some();
    match sid {
        Some(sid) if is_live(sid) => Ok(()),
        Some(sid) if app.draining.is_cancelled() && !app.admission.is_promised(sid, now) => {
            Err(Refusal::Draining)
        }
        Some(sid) => app.admission.promise(sid, now).map_err(|_| Refusal::Full),
        None if app.draining.is_cancelled() => Err(Refusal::Draining),
        // no place can be kept for it; its stream takes one, if there still is one
        None if app.admission.has_place(now) => Ok(()),
        None => Err(Refusal::Full),
    }
}

/// Counts and tells a refusal, and gives the call its record behind the answer.
pub fn refused(app: &App, entry_point: EntryPoint, refusal: Refusal, request: PassthruRequest) {
    app.refusals.count(entry_point, refusal);
    tracing::warn!(sid = ?request.call_sid, entry_point = entry_point.name(), reason = refusal.name(), hint = refusal.hint(), "a call was refused");
    let Ok(permit) = app.background.clone().try_acquire_owned() else {
        tracing::warn!(
            entry_point = entry_point.name(),
            "a refused call was not recorded: too many are being worked on"
        );
        return;
    };
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        if let Some(call) = bind(&app, request, entry_point == EntryPoint::Passthru).await {
            record(&app, call, entry_point, refusal).await;
        }
        drop(permit);
    });
}

/// A socket was refused of which only its path is known: a CallSid, our own id, or nothing of use.
pub fn refused_stream(app: &App, refusal: Refusal, session: &str) {
    if CallId::parse(session).is_none() && session != ANYONE {
        let request = PassthruRequest {
            call_sid: CallSid::parse(session).ok(),
            ..PassthruRequest::default()
        };
        return refused(app, EntryPoint::Stream, refusal, request);
    }
    app.refusals.count(EntryPoint::Stream, refusal);
    tracing::warn!(
        session,
        reason = refusal.name(),
        hint = refusal.hint(),
        "a stream was refused"
    );
    if let (Some(call), Ok(permit)) = (
        CallId::parse(session),
        app.background.clone().try_acquire_owned(),
    ) {
        let app = app.clone();
        app.tasks.clone().spawn(async move {
            record(&app, call, EntryPoint::Stream, refusal).await;
            drop(permit);
        });
    }
}

/// The session in the URL of a call that told no CallSid.
pub const ANYONE: &str = "call";

async fn record(app: &App, call: CallId, entry_point: EntryPoint, refusal: Refusal) {
    let refused = Happened::Refused {
        reason: refusal.to_string(),
        detail: format!("{refusal} (`{}`): {}", entry_point.name(), refusal.hint()),
    };
    app.services.registry.append(call, refused).await;
}
