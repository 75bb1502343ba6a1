//! Calls that wait for Exotel: for their stream after the Passthru, for the Connect applet after a
//! transfer was decided. What never comes within its time is told with the call, with its cause
//! where the engine knows one.

use std::time::{Duration, Instant};

use ghanti_model::event::Cause;
use ghanti_model::{CallId, CallSid, CallState, Happened};
use ghanti_session::transfer;
use ghanti_store::Binding;

use crate::admission::STREAM;
use crate::app::App;
use crate::unserved::explain;

/// A socket that opened in time starts, or is given up, within this time.
const SOCKET: Duration = Duration::from_secs(11);

/// After the stream's end the Passthru and the Connect applet ask within turns, or after an
/// announcement between them.
const CONNECT: Duration = Duration::from_secs(30);

/// Waits for the stream of a call that the Passthru told of, and ends the call where there is none.
pub async fn await_stream(app: &App, call: CallId) {
    let since = Instant::now();
    tokio::select! {
        () = tokio::time::sleep(STREAM) => {
            let sid = app.services.registry.get(call).await.ok().flatten().and_then(|record| record.call_sid);
            app.unserved.until_decided(sid.as_ref(), Instant::now() + SOCKET).await;
            conclude(app, call, since).await;
        }
        () = app.stop.cancelled() => {}
    }
}

/// A stream of this CallSid did not start. Exotel tries twice; after that the call is over, and has
/// a record in any case.
pub async fn conclude_after_stream(app: &App, sid: &CallSid) {
    let since = Instant::now();
    tokio::select! {
        () = tokio::time::sleep(STREAM) => {}
        () = app.stop.cancelled() => return,
    }
    if let Some(call) = explain(app, sid).await {
        return conclude(app, call, since).await;
    }
    if !app.unserved.has(sid) {
        return;
    }
    // no Passthru, no order, no other stream
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
        .append(call, Happened::Named { call_sid })
        .await;
    explain(app, sid).await;
    conclude(app, call, since).await;
}

async fn conclude(app: &App, call: CallId, since: Instant) {
    let registry = &app.services.registry;
    // its stream may have come to another node
    let Ok(Some(record)) = registry.read(call).await else {
        return;
    };
    if record.state != CallState::Pending {
        return;
    }
    if let Some(sid) = &record.call_sid {
        explain(app, sid).await;
    }
    let unnamed = app.unserved.unnamed_since(since);
    let overdue = Happened::StreamOverdue {
        what: format!(
            "no stream came within {} s of the passthru",
            STREAM.as_secs()
        ),
        unnamed: unnamed.map(|problem| Cause::new(problem.name, problem.detail)),
    };
    let told = registry.append(call, overdue).await.after.problems.pop();
    let (problem, detail) =
        told.map_or_else(Default::default, |problem| (problem.name, problem.detail));
    let sid = record.call_sid.as_ref().map(tracing::field::display);
    tracing::error!(%call, sid, problem, detail, "a call is stuck");
}

/// Waits for the Connect applet of a call whose flow has decided a transfer.
pub async fn await_connect(app: &App, call: CallId) {
    let registry = &app.services.registry;
    if !matches!(registry.get(call).await, Ok(Some(record)) if transfer::is_decided(&record)) {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(CONNECT) => {}
        // what is not known stays so: the record says that a transfer was decided
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
        explain(app, sid).await;
    }
    let change = registry.append(call, Happened::TransferOverdue).await;
    let outcome = change.after.outcome;
    let sid = record.call_sid.as_ref().map(tracing::field::display);
    tracing::error!(%call, sid, outcome, "a transfer was decided, and nobody asked for the agents: see the call's problems");
}
