//! Sends the traces of calls that have ended to a collector. It reads their events from the database, so
//! that nothing is kept of a live call and no call waits for it. What a collector that is away for long
//! does not take is dropped, and counted.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ghanti_model::fold::network::final_status_of;
use ghanti_model::{CallEvent, CallId, EventKind};
use ghanti_store::CallRecords;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, StatusCode, Url, redirect, retry};
use rustls::ClientConfig;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::otlp::Request;
use crate::spans::{Span, spans};

/// How many calls may wait until they are due. Further ones are dropped.
const WAITING: usize = 10_000;
/// How many calls are sent in one request.
const AT_ONCE: usize = 64;
/// How many requests may wait to be sent. Further ones are dropped, with their calls.
const BATCHES: usize = 256;
/// How many events of a call are read.
const EVENTS: u32 = 4_096;
/// Of how many calls it is remembered that they were taken, since more is reported of a call later.
const REMEMBERED: usize = 20_000;
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request is tried, with a pause after each attempt that doubles.
const ATTEMPTS: u32 = 6;
/// The first of these pauses.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long further calls are taken once the engine stops, which ends them.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// How long sending may go on after that.
const LAST: Duration = Duration::from_secs(3);

/// Where traces are sent, and which.
pub struct Collector {
    /// The address, with its path: usually `/v1/traces`.
    pub url: Url,
    /// Further headers of each request, which may be secrets.
    pub headers: HeaderMap,
    /// The engine's name, `service.name`.
    pub service: String,
    /// Of how many calls in a hundred a trace is sent.
    pub percent: u64,
    /// How long after a call's end its trace is made, so that what Exotel reports then is in it.
    pub after: Duration,
}

/// Numbers of calls since the engine started.
#[derive(Debug, Default)]
pub struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// How many calls' traces the collector has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many calls' traces are lost: the collector did not take them, or too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Sends traces once it is [run](Exporter::run).
pub struct Exporter {
    http: Client,
    collector: Collector,
    records: Arc<dyn CallRecords>,
    counts: Arc<Counts>,
    is_failing: bool,
}

/// The calls that were taken, the oldest first.
#[derive(Default)]
struct Taken {
    calls: HashSet<CallId>,
    order: VecDeque<CallId>,
}

impl Taken {
    /// Whether a call was not taken before.
    fn is_new(&mut self, call: CallId) -> bool {
        if !self.calls.insert(call) {
            return false;
        }
        self.order.push_back(call);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.calls.remove(&oldest);
        }
        true
    }
}

/// Whether an event is one of a call's last. The last one of an unanswered call, which has no stream, is
/// the status callback with its end.
fn is_last(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::StreamClosed
            | EventKind::Refused { .. }
            | EventKind::StreamOverdue { .. }
            | EventKind::Abandoned
    ) || matches!(kind, EventKind::StatusReported(status) if final_status_of(&status.parameters).is_some())
}

impl Exporter {
    /// Sends to this collector what these records have.
    ///
    /// # Errors
    /// The system has no resolver.
    pub fn new(
        collector: Collector,
        tls: ClientConfig,
        records: Arc<dyn CallRecords>,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .timeout(TIMEOUT)
            .user_agent(concat!("ghanti/", env!("CARGO_PKG_VERSION")));
        if collector.url.scheme() == "http" {
            // a collector near by: the environment's proxy cannot reach it
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build()?,
            collector,
            records,
            counts: Arc::default(),
            is_failing: false,
        })
    }

    /// The numbers of calls whose traces were sent, or not.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Sends the traces of calls that end from now on, until `stop`, and then of those that wait.
    pub async fn run(
        mut self,
        events: broadcast::Receiver<Arc<CallEvent>>,
        stop: CancellationToken,
    ) {
        let (batches, mut due) = mpsc::channel(BATCHES);
        let ended = Ended {
            percent: self.collector.percent,
            after: self.collector.after,
            counts: Arc::clone(&self.counts),
            taken: Taken::default(),
            waiting: VecDeque::new(),
            batches,
        };
        let sending = async move {
            while let Some(calls) = due.recv().await {
                self.send(&calls).await;
            }
        };
        let mut sending = std::pin::pin!(sending);
        tokio::select! {
            () = ended.follow(events, stop) => {}
            () = &mut sending => {}
        }
        let _ = tokio::time::timeout(LAST, sending).await;
    }

    /// Sends the traces of some calls, or counts them as dropped.
    async fn send(&mut self, calls: &[CallId]) {
        let (mut pause, mut attempt) = (FIRST_PAUSE, 1);
        let why = loop {
            match self.try_to_send(calls).await {
                Ok(()) => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::info!("traces are taken again");
                    }
                    self.counts
                        .sent
                        .fetch_add(calls.len() as u64, Ordering::Relaxed);
                    return;
                }
                Err(failure) if failure.is_final || attempt == ATTEMPTS => break failure.why,
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            (pause, attempt) = (pause * 2, attempt + 1);
        };
        self.counts
            .dropped
            .fetch_add(calls.len() as u64, Ordering::Relaxed);
        // once for an outage, not for each batch of it
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                calls = calls.len(),
                "traces of calls are lost: {why}; check `url` and `headers` of [traces]"
            );
        }
    }

    async fn try_to_send(&self, calls: &[CallId]) -> Result<(), Failure> {
        let mut all: Vec<Span> = Vec::new();
        for call in calls {
            let events = self.records.events(*call, None, EVENTS).await;
            let events = events.map_err(|error| Failure::passing(error.to_string()))?;
            all.extend(spans(*call, &events));
        }
        let request = Request::new(&self.collector.service, all);
        let body = serde_json::to_vec(&request).map_err(|error| Failure {
            why: error.to_string(),
            is_final: true,
        })?;
        let request = self
            .http
            .post(self.collector.url.clone())
            .headers(self.collector.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = request.send().await.map_err(|error| {
            // without the URL, which may contain a secret
            Failure::passing(if error.is_timeout() {
                "the collector did not answer in time"
            } else if error.is_connect() {
                "the collector cannot be reached"
            } else {
                "the connection to the collector broke"
            })
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        // OTLP 1.x, "Retryable Response Codes"
        let is_passing = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(Failure {
            why: format!("the collector answered {}", status.as_u16()),
            is_final: !is_passing,
        })
    }
}

/// Why traces were not taken.
struct Failure {
    why: String,
    /// Whether another attempt would fail, too.
    is_final: bool,
}

impl Failure {
    fn passing(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_final: false,
        }
    }
}

/// The calls that have ended, until their traces are due.
struct Ended {
    percent: u64,
    after: Duration,
    counts: Arc<Counts>,
    taken: Taken,
    /// In the order in which they are due.
    waiting: VecDeque<(Instant, CallId)>,
    batches: mpsc::Sender<Vec<CallId>>,
}

impl Ended {
    /// Follows events until some time after `stop`, and passes calls on when they are due.
    async fn follow(
        mut self,
        mut events: broadcast::Receiver<Arc<CallEvent>>,
        stop: CancellationToken,
    ) {
        let stopped = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_EVENTS).await;
        };
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let due = self.waiting.front().map(|(due, _)| *due);
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.take(&event),
                    // of a call whose last event is missed a later one may still be seen
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.pass_on(Some(Instant::now()));
                }
                () = &mut stopped => break,
            }
        }
        while !self.waiting.is_empty() {
            self.pass_on(None);
        }
    }

    fn take(&mut self, event: &CallEvent) {
        let call = event.call_id;
        if !is_last(&event.kind) || call.seed() % 100 >= self.percent || !self.taken.is_new(call) {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            self.waiting.push_back((Instant::now() + self.after, call));
        }
    }

    /// Passes the first calls on that are due by then.
    fn pass_on(&mut self, by: Option<Instant>) {
        let mut calls = Vec::new();
        while calls.len() < AT_ONCE
            && let Some((_, call)) = self
                .waiting
                .pop_front_if(|(due, _)| by.is_none_or(|by| *due <= by))
        {
            calls.push(call);
        }
        let count = calls.len() as u64;
        if count > 0 && self.batches.try_send(calls).is_err() {
            self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}
