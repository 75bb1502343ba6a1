//! Calls that wait for Exotel: for their stream after the Passthru, or for the Connect applet after
//! a transfer was decided. A call whose wait times out is closed with a problem that names the
//! cause, if the engine knows one.

use std::time::{Duration, Instant};

use ghanti_model::event::Cause;
use ghanti_model::{CallId, CallSid, CallState, EventKind};
use ghanti_session::transfer;
use ghanti_store::Binding;

use crate::admission::STREAM;
use crate::app::App;
use crate::unserved::{explain, note_unused_url};

/// A socket that opened in time receives `start`, or is given up, within this time.
const SOCKET: Duration = Duration::from_secs(11);

/// How long after the stream's end the Connect applet may take to ask for the agents. The Passthru
/// asks before it, and the Exotel flow may play an announcement between them.
const CONNECT: Duration = Duration::from_secs(30);

/// Waits for the stream of a call that the Passthru announced, and ends the call if none starts.
/// `since` is when the Passthru asked: the Voicebot applet may have failed before its call was found.
pub async fn await_stream(app: &App, call: CallId, since: Instant) {
    tokio::select! {
        () = tokio::time::sleep(STREAM) => {
            let sid = app.services.registry.get(call).await.ok().flatten().and_then(|record| record.call_sid);
            // a socket that is still open may become the stream of this call
            app.unserved.until_decided(sid.as_ref(), Instant::now() + SOCKET).await;
            conclude(app, call, since).await;
        }
        () = app.stop.cancelled() => {}
    }
}

/// Runs after a stream of this CallSid failed to start. Exotel tries twice; if no stream starts
/// within [`STREAM`] the call is over. It gets a record even if it was not known before.
pub async fn conclude_after_stream(app: &App, sid: &CallSid) {
    let since = Instant::now();
    tokio::select! {
        () = tokio::time::sleep(STREAM) => {}
        () = app.stop.cancelled() => return,
    }
    if let Ok(Some(call)) = explain(app, sid).await {
        return conclude(app, call, since).await;
    }
    if !app.unserved.has(sid) {
        return;
    }
    // no Passthru, order or other stream has created a record for this call
    let binding = Binding {
        call_id: CallId::generate(),
        order: None,
    };
    let Ok(Binding { call_id: call, .. }) = app.services.sessions.bind(sid, binding).await else {
        return;
    };
    let call_sid = sid.clone();
    app.services
        .registry
        .append(call, EventKind::Named { call_sid })
        .await;
    let _ = explain(app, sid).await;
    conclude(app, call, since).await;
}

/// Ends a call that is still waiting for its stream, and logs it with its problem.
async fn conclude(app: &App, call: CallId, since: Instant) {
    let registry = &app.services.registry;
    // the stream may have started on another node
    let Ok(Some(record)) = registry.read(call).await else {
        return;
    };
    if record.state != CallState::Pending {
        return;
    }
    if let Some(sid) = &record.call_sid {
        note_unused_url(app, sid);
        let _ = explain(app, sid).await;
    }
    let unnamed = app.unserved.unnamed_since(since);
    let overdue = EventKind::StreamOverdue {
        what: format!(
            "no stream came within {} s of the passthru",
            STREAM.as_secs()
        ),
        unnamed: unnamed.map(|problem| Cause::new(problem.name, problem.detail)),
    };
    let reported = registry.append(call, overdue).await.after.problems.pop();
    let (problem, detail) =
        reported.map_or_else(Default::default, |problem| (problem.name, problem.detail));
    let sid = record.call_sid.as_ref().map(tracing::field::display);
    tracing::error!(%call, sid, problem, detail, "a call is stuck");
}

/// Waits for the Connect applet of a call whose flow decided a transfer.
pub async fn await_connect(app: &App, call: CallId) {
    let registry = &app.services.registry;
    if !matches!(registry.get(call).await, Ok(Some(record)) if transfer::is_decided(&record)) {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(CONNECT) => {}
        // the outcome stays open: the record says only that a transfer was decided
        () = app.stop.cancelled() => return,
    }
    let Ok(Some(record)) = registry.read(call).await else {
        return;
    };
    if !transfer::is_decided(&record)
        || record
            .transfer
            .as_ref()
            .is_some_and(|transfer| !transfer.asked.is_empty())
    {
        return;
    }
    if let Some(sid) = &record.call_sid {
        let _ = explain(app, sid).await;
    }
    let change = registry.append(call, EventKind::TransferOverdue).await;
    let outcome = change.after.outcome;
    let sid = record.call_sid.as_ref().map(tracing::field::display);
    tracing::error!(%call, sid, outcome, "a transfer was decided, and the Connect applet did not ask for the agents: see the call's problems");
}
