//! `GET /api/calls/{id}/events` and `GET /api/events`: what happens to one call, or to all that are
//! live here, as server-sent events.
//!
//! Each has the event's id, so that a client which connects again with `Last-Event-ID` (as browsers
//! do by themselves) goes on behind it; its kind as `event`, and the whole event as JSON as `data`.
//! What happens on this node comes at once, what other nodes add to the call within seconds. Events
//! come in the order in which they are heard of, which need not be that of their times.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use ghanti_model::{CallEvent, CallId, EventId, EventMark};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::calls::find;

/// So many may follow events at once.
pub const FOLLOWERS: usize = 64;
/// So many events are read from the database at once.
const PAGE: u32 = 256;
/// So many events wait for a client that reads slowly.
const WAITING: usize = 64;
/// A client that takes nothing for so long is gone.
const SEND: Duration = Duration::from_secs(30);
/// The database is asked so often for what other nodes have added to a call.
const POLL: Duration = Duration::from_secs(2);
/// An event of another node may be so much older than the newest when it arrives.
const LATE_MS: u64 = 15_000;
/// So many events are known by their place to have been sent.
const KNOWN: usize = 8_192;
/// A stream is ended after this time; a client that wants more connects again.
const LONGEST: Duration = Duration::from_secs(3_600);
/// A sign of life goes to the client so often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Where a client says which event it had last.
const LAST_EVENT_ID: &str = "last-event-id";

/// The events of one call, from its first. The id is ours, or Exotel's CallSid.
pub async fn of_call(
    _: Api,
    State(app): State<App>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Path(id) = id?;
    let call = find(&app, id).await?.call_id;
    follow(app, headers, Some(call)).await
}

/// The events of all calls on this node from now on; with `Last-Event-ID` also those that the calls
/// which are live have had since.
pub async fn of_all(
    _: Api,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    follow(app, headers, None).await
}

async fn follow(
    app: App,
    headers: HeaderMap,
    call: Option<CallId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let permit = app.followers.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{FOLLOWERS} clients follow events already"),
            "close one of them, or try again later",
        )
    })?;
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(EventId::parse);
    let behind = match last {
        None => None,
        Some(last) => app
            .services
            .registry
            .archive()
            .place_of(last)
            .await
            .map_err(|error| Problem::unavailable(error.to_string()))?
            .map(|(_, mark)| mark),
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    let follower = Follower {
        app: app.clone(),
        call,
        sent: BTreeSet::new(),
        sender,
        _permit: permit,
    };
    app.tasks.spawn(follower.run(behind));
    let events = unfold(receiver, |mut receiver| async {
        let event = receiver.recv().await?;
        Some((Ok(event), receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One client that follows events.
struct Follower {
    app: App,
    /// Of which call; without one of all that are live here.
    call: Option<CallId>,
    /// The places of the events that were sent last.
    sent: BTreeSet<EventMark>,
    sender: mpsc::Sender<Event>,
    _permit: OwnedSemaphorePermit,
}

/// The client is gone.
struct Gone;

impl Follower {
    async fn run(mut self, behind: Option<EventMark>) {
        let stop = self.app.stop.clone();
        let sender = self.sender.clone();
        tokio::select! {
            _ = self.send_all(behind) => {}
            () = sender.closed() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    }

    async fn send_all(&mut self, behind: Option<EventMark>) -> Result<(), Gone> {
        // first, so that nothing is missed between what is stored and what comes
        let mut coming = self.app.services.registry.events().follow();
        self.catch_up(behind, self.call.is_some() || behind.is_some())
            .await?;
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset_at(Instant::now() + POLL);
        loop {
            tokio::select! {
                event = coming.recv() => match event {
                    Ok(event) => self.send(&event).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up(self.late(), true).await?,
                    Err(RecvError::Closed) => return Ok(()),
                },
                _ = poll.tick(), if self.call.is_some() => {
                    self.catch_up(self.late(), true).await?;
                }
            }
        }
    }

    /// Before this place nothing arrives any more.
    fn late(&self) -> Option<EventMark> {
        self.sent.last().map(|newest| EventMark {
            unix_ms: newest.unix_ms.saturating_sub(LATE_MS),
            ..*newest
        })
    }

    /// Sends what is stored, and what is on its way there.
    async fn catch_up(&mut self, behind: Option<EventMark>, wanted: bool) -> Result<(), Gone> {
        if !wanted {
            return Ok(());
        }
        let registry = &Arc::clone(&self.app.services).registry;
        let calls = match self.call {
            Some(call) => vec![call],
            None => registry.live().ids(),
        };
        for call in calls {
            let unsaved = registry.writer().unsaved(call);
            let mut from = behind;
            // a database that does not answer is asked again at the next poll
            while let Ok(page) = registry.archive().events(call, from, PAGE).await {
                for event in &page {
                    self.send(event).await?;
                }
                from = page.last().map(CallEvent::mark);
                if u32::try_from(page.len()).unwrap_or(PAGE) < PAGE {
                    break;
                }
            }
            for event in unsaved {
                if Some(event.mark()) > behind {
                    self.send(&event).await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, event: &CallEvent) -> Result<(), Gone> {
        if self.call.is_some_and(|call| call != event.call_id) || !self.sent.insert(event.mark()) {
            return Ok(());
        }
        if self.sent.len() > KNOWN {
            self.sent.pop_first();
        }
        let told = Event::default()
            .id(event.id.to_string())
            .event(event.what.kind());
        let Ok(told) = told.json_data(event) else {
            return Ok(());
        };
        let sent = tokio::time::timeout(SEND, self.sender.send(told)).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}
