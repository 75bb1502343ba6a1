//! The shared state of all calls of the simulated Exotel: the set-up, the log, the account's limits, and
//! the stop signal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ghanti_model::PhoneNumber;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calls::Calls;
use super::rate::Rate;
use super::setup::{Caller, Setup};
use super::speech::Speech;
use crate::applets::Applets;
use crate::exotel_http::ExotelHttp;

/// The state of the server.
#[derive(Debug)]
pub struct Exchange {
    /// What is played.
    pub setup: Setup,
    /// The log of all calls.
    pub calls: Calls,
    /// Exotel's HTTP client.
    pub http: ExotelHttp,
    /// The engine's API, if scenarios need it.
    pub engine: Option<Applets>,
    /// The callers' speech.
    pub(super) speech: Speech,
    /// Cancelled when the server stops: callers hang up, nothing waits any more.
    pub stop: CancellationToken,
    /// Calls and late callbacks.
    pub tasks: TaskTracker,
    callers: Vec<Arc<Caller>>,
    nobody: Arc<Caller>,
    rate: Mutex<Rate>,
    streams: Semaphore,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The HTTP client cannot be created.
    #[error("cannot make HTTP requests: {0}")]
    Http(#[from] crate::http::HttpClientError),
    /// `[engine] url` is wrong.
    #[error("`[engine] url`: {0}")]
    Engine(#[from] crate::applets::EngineError),
}

impl Exchange {
    /// Prepares everything.
    ///
    /// # Errors
    /// There is no HTTP client, or the engine's URL is wrong.
    pub fn new(setup: Setup) -> Result<Self, ExchangeError> {
        let engine = setup.engine.as_ref();
        Ok(Self {
            http: ExotelHttp::new()?.through(setup.proxy.clone()),
            engine: engine
                .map(|engine| Applets::new(engine.url.expose()))
                .transpose()?,
            calls: Calls::default(),
            speech: Speech::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            callers: setup.callers.iter().cloned().map(Arc::new).collect(),
            nobody: Arc::default(),
            rate: Mutex::new(Rate::new(setup.account.requests_per_minute)),
            streams: Semaphore::new(setup.account.streams),
            setup,
        })
    }

    /// The caller's behaviour for the nth call to a number.
    pub fn caller(&self, number: &PhoneNumber, nth_call: u32) -> Arc<Caller> {
        let fits = |caller: &&Arc<Caller>| caller.fits(number, nth_call);
        Arc::clone(self.callers.iter().find(fits).unwrap_or(&self.nobody))
    }

    /// Takes a request from the account's limit.
    ///
    /// # Errors
    /// The limit is reached: the time until the next one is taken.
    pub fn take_request(&self) -> Result<(), Duration> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(Instant::now())
    }

    /// Takes one of the account's streams, if it has one left.
    pub fn take_stream(&self) -> Option<SemaphorePermit<'_>> {
        self.streams.try_acquire().ok()
    }

    /// How many streams are open.
    pub fn active_streams(&self) -> usize {
        let limit = self.setup.account.streams;
        limit.saturating_sub(self.streams.available_permits())
    }

    /// Waits for a time as Exotel counts it, which the set-up's `speed` shortens; until the stop at
    /// the latest.
    pub async fn wait(&self, time: Duration) {
        self.wait_until(Instant::now() + self.setup.scaled(time))
            .await;
    }

    /// Waits until a moment, or the stop.
    pub async fn wait_until(&self, moment: Instant) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep_until(moment) => {}
        }
    }
}
