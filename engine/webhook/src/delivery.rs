//! Sends the messages that wait in the database: one task for each endpoint, with a bounded number
//! of attempts at once, so that an endpoint that is slow or down delays no other one, no call and
//! no writing of events.
//!
//! A message is claimed for [`CLAIM`] before it is sent; if the engine dies, any engine sends it again
//! after that time. So a message arrives at least once, and no two engines send it at the same time
//! as long as their clocks differ by less than [`CLAIM`] less the longest attempt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ghanti_model::unix_ms;
use ghanti_store::{Claimed, SqlRecords, StoreError};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backoff::Next;
use crate::endpoint::Endpoint;
use crate::http::{Failure, Post};
use crate::outbox::CallMessages;

/// Maximum number of endpoints: each has a task, and its messages are rows of the database.
pub const ENDPOINTS: usize = 16;
/// Maximum number of concurrent attempts at an endpoint.
pub const AT_ONCE: usize = 4;
/// For how long an engine claims a message.
pub const CLAIM: Duration = Duration::from_secs(40);
/// Maximum of the configured timeout: half of [`CLAIM`], since the clocks of engines differ.
pub const LONGEST_ATTEMPT: Duration = Duration::from_secs(20);
/// Poll interval for messages that other engines have written.
const POLL: Duration = Duration::from_secs(2);
/// Minimum poll interval.
const SHORTEST_POLL: Duration = Duration::from_millis(50);
/// After this many failures in a row, only one message at a time is tried.
const FAILURES: u32 = 4;
/// Maximum pause between two attempts at a failing endpoint.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Maximum number of attempts to save the result of a delivery.
const REPORTS: u32 = 10;
/// The pause between them.
const REPORT_AGAIN: Duration = Duration::from_secs(1);
/// How long attempts may continue once the engine stops.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);
/// Interval at which old dead letters are deleted.
const CLEAN_UP: Duration = Duration::from_secs(3_600);
/// Interval at which pending messages are counted for the metrics.
const COUNT: Duration = Duration::from_secs(15);

/// Numbers of attempts by result, and of messages.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Counted>);

#[derive(Debug, Default, Clone)]
struct Counted {
    attempts: BTreeMap<(String, &'static str), u64>,
    waiting: BTreeMap<String, u64>,
    dead: BTreeMap<String, u64>,
}

impl Counts {
    /// Returns the attempts since the engine started, by endpoint and result: `delivered`,
    /// `failed`, or `given-up` for the last failed attempt.
    pub fn attempts(&self) -> BTreeMap<(String, &'static str), u64> {
        self.lock().attempts.clone()
    }

    /// Returns the numbers of pending messages and dead letters by endpoint, as counted in the database
    /// some seconds ago.
    pub fn backlog(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let counted = self.lock();
        (counted.waiting.clone(), counted.dead.clone())
    }

    fn count(&self, endpoint: &str, result: &'static str) {
        let mut counted = self.lock();
        let key = (endpoint.to_owned(), result);
        *counted.attempts.entry(key).or_default() += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends messages once it is started.
pub struct Delivery {
    messages: Arc<CallMessages>,
    posts: Vec<Post>,
    records: Arc<SqlRecords>,
    counts: Arc<Counts>,
}

impl Delivery {
    /// Creates the clients of all endpoints. `tls` has the configuration of each endpoint's
    /// connections.
    ///
    /// # Errors
    /// The system has no resolver.
    pub fn new(
        messages: Arc<CallMessages>,
        tls: Vec<ClientConfig>,
        records: Arc<SqlRecords>,
    ) -> Result<Self, reqwest::Error> {
        let endpoints = messages.endpoints().iter().zip(tls);
        let posts = endpoints.map(|(endpoint, tls)| Post::new(endpoint, tls));
        let posts = posts.collect::<Result<_, _>>()?;
        Ok(Self {
            messages,
            posts,
            records,
            counts: Arc::default(),
        })
    }

    /// Returns what is counted.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Sends messages until `stop` is cancelled. Without endpoints it does nothing, so that an engine
    /// without a configuration does not give up another engine's messages.
    pub fn start(self, tasks: &TaskTracker, stop: &CancellationToken) {
        let endpoints = Arc::clone(self.messages.endpoints());
        if endpoints.is_empty() {
            return;
        }
        let names = endpoints.iter().map(|endpoint| endpoint.name.clone());
        let names: Vec<_> = names.collect();
        tasks.spawn(clean_up(
            names,
            Arc::clone(&self.records),
            Arc::clone(&self.counts),
            stop.clone(),
        ));
        for (endpoint, post) in endpoints.iter().cloned().zip(self.posts) {
            let sender = Arc::new(Sender {
                endpoint,
                post,
                records: Arc::clone(&self.records),
                counts: Arc::clone(&self.counts),
            });
            tasks.spawn(run(sender, self.messages.subscribe(), stop.clone()));
        }
    }
}

/// The shared state of all attempts at one endpoint.
struct Sender {
    endpoint: Endpoint,
    post: Post,
    records: Arc<SqlRecords>,
    counts: Arc<Counts>,
}

/// The recent results of an endpoint. After some failures in a row it is tried less often, and one
/// message at a time: its other messages wait.
#[derive(Debug, Default)]
struct Health {
    failures: u32,
    not_before: Option<Instant>,
    is_database_down: bool,
}

impl Health {
    fn free_slots(&self, in_flight: usize, now: Instant) -> usize {
        if self.not_before.is_some_and(|at| now < at) {
            return 0;
        }
        let most = if self.failures < FAILURES { AT_ONCE } else { 1 };
        most.saturating_sub(in_flight)
    }

    /// Logs the first of consecutive failures, and the next success.
    fn note(&mut self, endpoint: &str, result: Result<(), Failure>, now: Instant) {
        match result {
            Ok(()) => {
                if self.failures > 0 {
                    tracing::info!(endpoint, "webhook messages are delivered again");
                }
                (self.failures, self.not_before) = (0, None);
            }
            Err(failure) => {
                if self.failures == 0 {
                    tracing::warn!(
                        endpoint,
                        reason = failure.reason,
                        "a webhook message was not delivered and will be sent again"
                    );
                }
                self.failures = self.failures.saturating_add(1);
                let beyond = self.failures.checked_sub(FAILURES);
                self.not_before = beyond.map(|beyond| {
                    let pause = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(beyond));
                    now + pause.min(LONGEST_PAUSE)
                });
            }
        }
    }
}

async fn run(sender: Arc<Sender>, mut saved: watch::Receiver<()>, stop: CancellationToken) {
    let name = sender.endpoint.name.as_str();
    let (mut health, mut in_flight) = (Health::default(), JoinSet::new());
    loop {
        let free_slots = health.free_slots(in_flight.len(), Instant::now());
        let mut wait = POLL;
        if free_slots > 0 {
            saved.mark_unchanged();
            match sender.claim(free_slots).await {
                Ok((claimed, due)) => {
                    wait = due.clamp(SHORTEST_POLL, POLL);
                    if claimed.is_empty() && due.is_zero() {
                        // due messages wait for an earlier message of their call
                        wait = POLL;
                    }
                    for message in claimed {
                        let sender = Arc::clone(&sender);
                        let taken = Instant::now();
                        in_flight.spawn(async move { sender.deliver(message, taken).await });
                    }
                    if std::mem::take(&mut health.is_database_down) {
                        tracing::info!(
                            endpoint = name,
                            "webhook messages can be read from the database again"
                        );
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut health.is_database_down, true) {
                        tracing::warn!(endpoint = name, %error, "no webhook messages are sent: they cannot be read from the database; trying again");
                    }
                }
            }
        }
        let has_places = health.free_slots(in_flight.len(), Instant::now()) > 0;
        let paused = health.not_before.filter(|_| in_flight.is_empty());
        tokio::select! {
            () = stop.cancelled() => break,
            Some(done) = in_flight.join_next() => {
                if let Ok(result) = done {
                    health.note(name, result, Instant::now());
                }
            }
            Ok(()) = saved.changed(), if has_places => {}
            () = tokio::time::sleep(wait), if has_places => {}
            () = tokio::time::sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => {}
        }
    }
    let last = async { while in_flight.join_next().await.is_some() {} };
    // the next engine repeats cancelled attempts
    let _ = tokio::time::timeout(LAST_ATTEMPTS, last).await;
}

impl Sender {
    /// Claims messages that are due. Also returns the time until the next one is due.
    async fn claim(&self, free_slots: usize) -> Result<(Vec<Claimed>, Duration), StoreError> {
        let now_ms = unix_ms();
        let name = &self.endpoint.name;
        let Some(next_ms) = self.records.next_delivery(name).await? else {
            return Ok((Vec::new(), POLL));
        };
        if next_ms > now_ms {
            return Ok((Vec::new(), Duration::from_millis(next_ms - now_ms)));
        }
        let claim_ms = u64::try_from(CLAIM.as_millis()).unwrap_or(u64::MAX);
        let limit = u32::try_from(free_slots).unwrap_or(1);
        let until_ms = now_ms.saturating_add(claim_ms);
        let claimed = self
            .records
            .claim_deliveries(name, now_ms, until_ms, limit)
            .await?;
        Ok((claimed, Duration::ZERO))
    }

    async fn deliver(&self, message: Claimed, taken: Instant) -> Result<(), Failure> {
        if taken.elapsed() + self.endpoint.timeout >= CLAIM {
            // this process was delayed, and another one may have claimed the message
            return Ok(());
        }
        let unix_s = unix_ms() / 1_000;
        let result = self.post.send(&self.endpoint, &message, unix_s).await;
        self.report(&message, &result).await;
        result
    }

    /// Saves a result, with retries while the database does not answer.
    async fn report(&self, message: &Claimed, result: &Result<(), Failure>) {
        let Endpoint { name, backoff, .. } = &self.endpoint;
        let now_ms = unix_ms();
        let age_ms = now_ms.saturating_sub(message.created_ms);
        let next = result.as_ref().err().map(|failure| {
            if failure.is_final {
                Next::GiveUp
            } else {
                backoff.next(message.attempts, age_ms, failure.again_ms, fastrand::f64())
            }
        });
        let call = message.call_id.map(tracing::field::display);
        let (id, kind, attempts) = (&message.id, &message.kind, message.attempts);
        match (&next, result) {
            (None, _) => {
                self.counts.count(name, "delivered");
                tracing::info!(
                    call,
                    endpoint = name,
                    id,
                    kind,
                    attempts,
                    "webhook message delivered"
                );
            }
            (Some(Next::After(_)), _) => self.counts.count(name, "failed"),
            (Some(Next::GiveUp), Err(failure)) => {
                self.counts.count(name, "given-up");
                tracing::error!(
                    call,
                    endpoint = name,
                    id,
                    kind,
                    attempts,
                    reason = failure.reason,
                    "a webhook message was given up: GET /api/webhooks/dead lists it, POST /api/webhooks/dead/ID sends it again"
                );
            }
            (Some(Next::GiveUp), Ok(())) => {}
        }
        for _ in 0..REPORTS {
            let reason = result
                .as_ref()
                .err()
                .map_or("", |failure| failure.reason.as_str());
            let done = match next {
                None => self.records.delivered(message, now_ms).await,
                Some(Next::After(pause_ms)) => {
                    let again_ms = now_ms.saturating_add(pause_ms);
                    self.records.failed(message, reason, again_ms).await
                }
                Some(Next::GiveUp) => self.records.give_up(message, reason, now_ms).await,
            };
            match done {
                Ok(()) => return,
                Err(_) => tokio::time::sleep(REPORT_AGAIN).await,
            }
        }
        tracing::warn!(
            endpoint = name,
            id,
            "the result of a webhook message cannot be saved; the message will be sent again"
        );
    }
}

/// Counts messages, and deletes old dead letters.
async fn clean_up(
    known: Vec<String>,
    records: Arc<SqlRecords>,
    counts: Arc<Counts>,
    stop: CancellationToken,
) {
    let mut tidy_at = Instant::now();
    loop {
        if Instant::now() >= tidy_at {
            match records.tidy_deliveries(&known, unix_ms()).await {
                Ok(()) => tidy_at = Instant::now() + CLEAN_UP,
                Err(error) => {
                    tracing::debug!(%error, "webhook messages were not counted and cleaned up")
                }
            }
        }
        if let Ok(backlog) = records.backlog().await {
            let mut counted = counts.lock();
            (counted.waiting, counted.dead) = (BTreeMap::new(), BTreeMap::new());
            for endpoint in backlog {
                counted
                    .waiting
                    .insert(endpoint.endpoint.clone(), endpoint.waiting);
                counted.dead.insert(endpoint.endpoint, endpoint.dead);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(COUNT) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Result<(), Failure> {
        Err(Failure {
            reason: "the receiver answered 500".to_owned(),
            again_ms: None,
            is_final: false,
        })
    }

    #[test]
    fn a_failing_endpoint_is_tried_less_often_until_it_answers() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(health.free_slots(0, now), AT_ONCE);
        assert_eq!(health.free_slots(AT_ONCE, now), 0);
        for _ in 0..FAILURES {
            health.note("crm", failure(), now);
        }
        assert_eq!(health.free_slots(0, now), 0);
        let later = now + Duration::from_secs(1);
        assert_eq!(
            (health.free_slots(0, later), health.free_slots(1, later)),
            (1, 0)
        );
        for _ in 0..40 {
            health.note("crm", failure(), now);
        }
        assert_eq!(health.free_slots(0, now + LONGEST_PAUSE), 1);
        health.note("crm", Ok(()), now);
        assert_eq!(health.free_slots(0, now), AT_ONCE);
    }

    #[test]
    fn no_two_engines_send_a_message_at_once_despite_clock_differences() {
        assert!(LONGEST_ATTEMPT * 2 <= CLAIM);
    }
}
