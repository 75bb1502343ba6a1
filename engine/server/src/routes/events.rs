//! `GET /api/calls/{id}/events` and `GET /api/events`: the events of one call, or of all calls on
//! this node, as server-sent events (HTML Standard, section 9.2).
//!
//! Each has the event's id as `id`, its kind as `event`, and the whole event as JSON as `data`. A
//! client that reconnects with `Last-Event-ID`, as browsers do by themselves, gets the events after
//! that one; an id that is not stored is ignored. Events of this node are sent at once, those that
//! other nodes add to the one call within seconds. Events are sent in the order in which they
//! become known here, which need not be the order of their times.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use ghanti_model::{CallEvent, CallId, EventId, EventMark, NodeId};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};
use utoipa::ToSchema;

use crate::access::Api;
use crate::app::App;
use crate::masked::mask;
use crate::problem::{Kind, Problem};
use crate::routes::calls::find;
use crate::segments::{BadPath, Segments};
use crate::times;

/// Maximum number of clients that follow events at the same time.
pub const FOLLOWERS: usize = 64;
/// Number of events that are read from the database at a time.
const PAGE: u32 = 256;
/// Maximum number of events queued for a slow client.
const WAITING: usize = 64;
/// A client that accepts no event for this long is disconnected.
const SEND: Duration = Duration::from_secs(30);
/// Interval at which the database is polled for events that other nodes have added to a call.
const POLL: Duration = Duration::from_secs(2);
/// How much older than the newest event sent, in milliseconds, an event of another node may be when
/// it is stored. If it is older, it is not sent.
const LATE_MS: u64 = 15_000;
/// How many sent events are remembered, so that none of them is sent again.
const KNOWN: usize = 8_192;
/// Maximum duration of a response. A client that wants more connects again.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Interval of keep-alive comments.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Request header with the id of the last event that the client has received.
const LAST_EVENT_ID: &str = "last-event-id";

/// An event of a call.
#[derive(Serialize, ToSchema)]
#[schema(as = CallEvent)]
pub struct EventMessage {
    id: EventId,
    call_id: CallId,
    /// The engine that recorded it.
    node: NodeId,
    /// When it was recorded.
    unix_ms: u64,
    /// What happened, such as `prompt-played`.
    kind: String,
    /// Details, depending on the kind; absent if the kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// Streams the events of one call, from its first or, with `Last-Event-ID`, after that one. The id
/// is ours or Exotel's CallSid.
///
/// # Errors
///
/// 400 if the id is neither, 404 for an unknown call, 503 if the database does not answer or too
/// many clients follow events.
#[utoipa::path(
    get,
    path = "/api/calls/{id}/events",
    tag = "events",
    operation_id = "events_of_call",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
        ("last-event-id" = Option<String>, Header, description = "the id of the last event that the client has"),
    ),
    responses(
        (status = 200, description = "server-sent events: `id`, `event` (the kind), and `data`, an event as JSON", content_type = "text/event-stream", body = EventMessage),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 503, description = "`store-unavailable`, `too-many-followers`"),
    )
)]
pub async fn of_call(
    api: Api,
    State(app): State<App>,
    headers: HeaderMap,
    id: Result<Segments<String>, BadPath>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Segments(id) = id?;
    let call = find(&app, &id).await?.call_id;
    follow(app, headers, Some(call), api.is_masked()).await
}

/// Streams the events of all calls on this node from now on; with `Last-Event-ID`, also later events of calls
/// that are live now.
///
/// # Errors
///
/// 503 if the database does not answer or too many clients follow events.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "events",
    operation_id = "events_of_all",
    params(
        ("last-event-id" = Option<String>, Header, description = "the id of the last event that the client has"),
    ),
    responses(
        (status = 200, description = "server-sent events, as of a call", content_type = "text/event-stream", body = EventMessage),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`, `too-many-followers`"),
    )
)]
pub async fn of_all(
    api: Api,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    follow(app, headers, None, api.is_masked()).await
}

/// Takes a permit for one more client that follows events.
///
/// # Errors
/// 503 if there are [`FOLLOWERS`] already.
pub(super) fn permit(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    app.followers.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            Kind::TooManyFollowers,
            format!("{FOLLOWERS} clients follow events already"),
            "close one of them, or try again later",
        )
    })
}

async fn follow(
    app: App,
    headers: HeaderMap,
    call: Option<CallId>,
    is_masked: bool,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let permit = permit(&app)?;
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(EventId::parse);
    let registry = &app.services.registry;
    // first, so that no event is missed between the stored and the new ones
    let coming = registry.events().follow();
    // the unsaved events are searched first: an event may be saved meanwhile, but not the reverse
    let after = match last.map(|last| (last, registry.writer().position(last))) {
        None => None,
        Some((_, Some(unsaved))) => Some(unsaved),
        Some((last, None)) => registry
            .archive()
            .place_of(last)
            .await
            .map_err(Problem::unavailable)?
            .map(|(_, mark)| mark),
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    let follower = Follower {
        app: app.clone(),
        call,
        is_masked,
        sent: BTreeSet::new(),
        unread: None,
        start: after,
        sender,
        _permit: permit,
    };
    app.tasks.spawn(follower.run(coming));
    let events = unfold(receiver, |mut receiver| async {
        let event = receiver.recv().await?;
        Some((Ok(event), receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A client that follows events.
struct Follower {
    app: App,
    /// The call; `None` for all calls on this node.
    call: Option<CallId>,
    /// Whether the client is shown what is not personal alone.
    is_masked: bool,
    /// The positions of the events that were sent last.
    sent: BTreeSet<EventMark>,
    /// The position of the client's last event before it connected.
    start: Option<EventMark>,
    /// The position after which to read again, because the database did not answer.
    unread: Option<Option<EventMark>>,
    sender: mpsc::Sender<Event>,
    _permit: OwnedSemaphorePermit,
}

/// The client is gone, or too slow.
struct Gone;

impl Follower {
    async fn run(mut self, coming: broadcast::Receiver<Arc<CallEvent>>) {
        let stop = self.app.stop.clone();
        let sender = self.sender.clone();
        tokio::select! {
            _ = self.send_all(coming) => {}
            () = sender.closed() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    }

    async fn send_all(
        &mut self,
        mut coming: broadcast::Receiver<Arc<CallEvent>>,
    ) -> Result<(), Gone> {
        if self.call.is_some() || self.start.is_some() {
            self.catch_up(self.start).await?;
        }
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset_at(Instant::now() + POLL);
        loop {
            tokio::select! {
                event = coming.recv() => match event {
                    Ok(event) => self.send(&event).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up(self.late()).await?,
                    Err(RecvError::Closed) => return Ok(()),
                },
                _ = poll.tick(), if self.call.is_some() || self.unread.is_some() => {
                    self.catch_up(self.late()).await?;
                }
            }
        }
    }

    /// Returns the position after which to read again, for events that other nodes store late.
    fn late(&self) -> Option<EventMark> {
        let late = self.sent.last().map(|newest| EventMark {
            unix_ms: newest.unix_ms.saturating_sub(LATE_MS),
            ..*newest
        });
        late.max(self.start)
    }

    /// Sends the events that are stored and those in the writer's queue. Spooled events are in
    /// neither.
    async fn catch_up(&mut self, after: Option<EventMark>) -> Result<(), Gone> {
        let after = self.unread.take().map_or(after, |unread| unread.min(after));
        let registry = &Arc::clone(&self.app.services).registry;
        let calls = match self.call {
            Some(call) => vec![call],
            None => registry.live().ids(),
        };
        for call in calls {
            let unsaved = registry.writer().unsaved(call);
            let mut from = after;
            loop {
                let Ok(page) = registry.archive().events(call, from, PAGE).await else {
                    self.unread = Some(after);
                    break;
                };
                for event in &page {
                    self.send(event).await?;
                }
                from = page.last().map(CallEvent::mark);
                if u32::try_from(page.len()).unwrap_or(PAGE) < PAGE {
                    break;
                }
            }
            for event in unsaved {
                if Some(event.mark()) > after {
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
        let reported = Event::default()
            .id(event.id.to_string())
            .event(event.kind.name());
        let Some(mut data) = json_of(event) else {
            return Ok(());
        };
        times::add(&mut data);
        if self.is_masked {
            mask(&mut data);
        }
        let reported = reported.data(data.to_string());
        let sent = tokio::time::timeout(SEND, self.sender.send(reported)).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}

/// The event as JSON.
fn json_of(event: &CallEvent) -> Option<Value> {
    let mut kind = serde_json::to_value(&event.kind).ok()?;
    let data = kind.get_mut("data").map(Value::take);
    let reported = EventMessage {
        id: event.id,
        call_id: event.call_id,
        node: event.node,
        unix_ms: event.unix_ms,
        kind: event.kind.name().to_owned(),
        data,
    };
    serde_json::to_value(reported).ok()
}
