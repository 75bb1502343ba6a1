//! Live updates of pages by server-sent events.
//!
//! A fragment is rendered again when something has happened, at most every [`PAUSE`]. It is made of
//! data in memory, and at most one fragment waits for a browser, so that a slow browser delays nobody:
//! the next fragment has everything that it missed.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use ghanti_console::{Live, Load, Now, Site, Store, call_state, now, now_state};
use ghanti_model::{CallEvent, CallId, CallRecord, CallState, Outcome};
use ghanti_session::LiveCall;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::session::Viewer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::calls::find;
use crate::routes::events::permit;
use crate::segments::{BadPath, Segments};

/// Maximum number of live calls on the page.
const SHOWN: usize = 24;
/// Lines of each call's transcript.
const LINES: usize = 3;
/// Minimum time between two fragments.
const PAUSE: Duration = Duration::from_millis(300);
/// A fragment is rendered again after this time, even if nothing has happened: durations grow, and
/// voices rise and fall.
const REFRESH: Duration = Duration::from_secs(1);
/// A browser that accepts no fragment for this long is disconnected.
const SEND: Duration = Duration::from_secs(30);
/// Maximum duration of a response. Browsers connect again by themselves.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Interval of keep-alive comments.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the result of a check of the stores is shown.
const KNOWN: Duration = Duration::from_secs(10);

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Response {
    let site = viewer.site(&app, viewer.unmasks(&app, query.as_deref(), uri.path()));
    let shown = watched(&app, stores(&app).await);
    viewer.page(StatusCode::OK, now(&site, &shown))
}

/// Streams the page's changing fragment.
pub(super) async fn of_all(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let site = viewer.site(&app, viewer.unmasks(&app, query.as_deref(), uri.path()));
    follow(app, site, None)
}

/// Streams the changing fragment of a call's page.
pub(super) async fn of_call(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let call = find(&app, &id).await?.call_id;
    let site = viewer.site(&app, viewer.unmasks(&app, query.as_deref(), uri.path()));
    follow(app, site, Some(call))
}

/// Follows one call, or all.
fn follow(app: App, site: Site, call: Option<CallId>) -> Result<Response, Problem> {
    let permit = permit(&app)?;
    let (sender, receiver) = mpsc::channel(1);
    let coming = app.services.registry.events().follow();
    let (tasks, stop) = (app.tasks.clone(), app.stop.clone());
    let follower = Follower {
        app,
        site,
        sender: sender.clone(),
        last: String::new(),
        _permit: permit,
    };
    tasks.spawn(async move {
        tokio::select! {
            _ = follower.run(call, coming) => {}
            () = sender.closed() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    });
    let parts = unfold(receiver, |mut receiver| async {
        let fragment: Event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(fragment), receiver))
    });
    let answer = Sse::new(parts).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(answer.into_response())
}

/// A browser that receives updates.
struct Follower {
    app: App,
    site: Site,
    sender: mpsc::Sender<Event>,
    /// The fragment that was sent last.
    last: String,
    _permit: OwnedSemaphorePermit,
}

/// The browser is gone or too slow, or nothing can change any more.
struct Over;

impl Follower {
    async fn run(
        mut self,
        call: Option<CallId>,
        mut coming: Receiver<Arc<CallEvent>>,
    ) -> Result<(), Over> {
        let mut known = (Instant::now(), stores(&self.app).await);
        loop {
            self.site.now_ms = ghanti_model::unix_ms();
            match call {
                None => {
                    if known.0.elapsed() > KNOWN {
                        known = (Instant::now(), stores(&self.app).await);
                    }
                    let fragment = now_state(&self.site, &watched(&self.app, known.1.clone()));
                    self.send(fragment.into_string()).await?;
                }
                Some(call) => self.send_call(call).await?,
            }
            changed(&mut coming, call).await;
            tokio::time::sleep(PAUSE).await;
            // the next fragment includes everything that has happened meanwhile
            coming = coming.resubscribe();
        }
    }

    /// Sends a call's present state, and an event when it has ended.
    async fn send_call(&mut self, call: CallId) -> Result<(), Over> {
        let registry = &Arc::clone(&self.app.services).registry;
        let live = registry.live().by_id(call);
        let levels = live.as_deref().and_then(levels);
        let record = match live {
            Some(live) => Some(spoken(&live.record())),
            // the database may be unavailable for a while
            None => registry.read(call).await.ok().flatten(),
        };
        let Some(record) = record else {
            return Ok(());
        };
        let fragment = call_state(&self.site, &record, levels);
        self.send(fragment.into_string()).await?;
        if is_over(&record) {
            self.send_event(Event::default().event("ended").data(""))
                .await?;
            return Err(Over);
        }
        Ok(())
    }

    async fn send(&mut self, fragment: String) -> Result<(), Over> {
        if fragment == self.last {
            return Ok(());
        }
        self.send_event(Event::default().event("part").data(&fragment))
            .await?;
        self.last = fragment;
        Ok(())
    }

    async fn send_event(&self, event: Event) -> Result<(), Over> {
        let reported = tokio::time::timeout(SEND, self.sender.send(event)).await;
        reported.map_err(|_| Over)?.map_err(|_| Over)
    }
}

/// Whether nothing that the page shows will change. A transfer goes on after the conversation.
fn is_over(record: &CallRecord) -> bool {
    record.state == CallState::Ended && !record.has_outcome(Outcome::TransferDecided)
}

/// Waits for an event, of the call if there is one, or until [`REFRESH`] has passed.
async fn changed(coming: &mut Receiver<Arc<CallEvent>>, call: Option<CallId>) {
    let happened = async {
        loop {
            match coming.recv().await {
                Ok(event) if call.is_some_and(|call| call != event.call_id) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(REFRESH, happened).await;
}

/// The parts of a record that a live call's page shows; the journal, which may be large, is not copied.
fn spoken(record: &CallRecord) -> CallRecord {
    CallRecord {
        call_sid: record.call_sid.clone(),
        state: record.state,
        direction: record.direction,
        customer_number: record.customer_number.clone(),
        flow: record.flow.clone(),
        language: record.language.clone(),
        outcome: record.outcome.clone(),
        detail: record.detail.clone(),
        transcript: record.transcript.clone(),
        started_ms: record.started_ms,
        ended_ms: record.ended_ms,
        ..CallRecord::new(record.call_id, record.created_ms)
    }
}

/// The state of the stores.
async fn stores(app: &App) -> Vec<Store> {
    let services = &app.services;
    let (sessions, records) =
        tokio::join!(services.sessions.ping(), services.registry.archive().ping());
    [("sessions", sessions), ("records", records)]
        .into_iter()
        .map(|(name, answer)| Store {
            name,
            away: answer.err().map(|error| error.to_string()),
        })
        .collect()
}

/// The state of the engine, and at most `most` of its newest live calls.
pub(in crate::routes) async fn now_of(app: &App, most: usize) -> Now {
    state(app, stores(app).await, most, false)
}

/// The same for the page, which shows how loud calls are.
fn watched(app: &App, stores: Vec<Store>) -> Now {
    Now {
        load: app.history.load(),
        ..state(app, stores, SHOWN, true)
    }
}

/// How loud both sides of a call are, which its task looks at from now on for a while.
pub(super) fn levels(call: &LiveCall) -> Option<(u8, u8)> {
    let levels = call.monitor().levels(call.now_ms())?;
    Some((levels.caller, levels.bot))
}

fn state(app: &App, stores: Vec<Store>, most: usize, is_watched: bool) -> Now {
    let live = app.services.registry.live();
    let mut ids = live.ids();
    // ids sort by time
    ids.sort_by_key(|id| Reverse(*id));
    let (_, awaited) = app.admission.in_use(Instant::now());
    let calls = ids.iter().take(most).filter_map(|id| live.by_id(*id));
    let refusals = app.refusals.all().into_iter();
    Now {
        live: ids.len(),
        calls: calls
            .map(|call| Live {
                levels: if is_watched { levels(&call) } else { None },
                ..card(&call.record())
            })
            .collect(),
        awaited,
        most: app.admission.slots(),
        is_draining: app.draining.is_cancelled(),
        limited_by: app.limited_by.clone(),
        refusals: refusals
            .map(|((at, why), count)| (at.name(), why.name(), count))
            .collect(),
        stores,
        load: Load::default(),
    }
}

fn card(record: &CallRecord) -> Live {
    let lines = &record.transcript;
    let last = lines.get(lines.len().saturating_sub(LINES)..);
    Live {
        call_id: record.call_id,
        direction: record.direction,
        number: record.customer_number.clone(),
        flow: record.flow.as_ref().map(ToString::to_string),
        version: record.version.as_ref().map(ToString::to_string),
        language: record.language.as_ref().map(ToString::to_string),
        step: record
            .steps
            .last()
            .map(|entry| entry.step.name().to_owned()),
        started_ms: record.started_ms.unwrap_or(record.created_ms),
        last: last.unwrap_or_default().to_vec(),
        problems: record.problems.len(),
        levels: None,
    }
}
