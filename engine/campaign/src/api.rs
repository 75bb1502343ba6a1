//! The client of Exotel's REST API: dials, and reads data about calls and the account.
//!
//! Every request has its own connection. If the server had just closed a reused connection, it would be
//! unknown whether it read the request, and the HTTP library would send it again; at 200 requests a
//! minute new connections cost little.
//!
//! Source: Exotel, "Make a call", "Call details", "Rate limits".

mod error;
mod settings;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ghanti_exotel::rest::{
    ActiveStreams, Answer, Call, CallDetails, ConnectToBot, ConnectToFlow, ExoPhone, Form,
    ReplyError, RequestError, Resource,
};
use ghanti_model::{CallSid, PhoneNumber, unix_ms};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url, redirect, retry};
// Tokio's clock, so that tests can pause and advance it
use tokio::time::{Instant, sleep};

pub use error::{ApiError, Dialled};
pub use settings::{
    ApiSettings, CONNECT, Credentials, DIAL_TURN, Endpoint, SetupError, TURN, WHOLE,
};
pub use tls::config as tls_config;

use crate::rate::RequestBudget;

/// A builder for HTTP clients that trust the system's certificates, for requests that do not concern
/// the account. Redirects are not followed, and nothing is sent twice.
///
/// # Errors
/// The system has no certificates, or no usable TLS.
pub fn trusting_client() -> Result<reqwest::ClientBuilder, SetupError> {
    let tls = tls::config(true, None)?;
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0))
}

/// Maximum size of a response body in bytes. Exotel's longest page has 100 calls of about 1 kB.
pub const BODY_BYTES: usize = 256 * 1024;

/// Number of attempts of a read. A dial is attempted once.
pub const READ_ATTEMPTS: u32 = 3;

/// The pause after a failed read; it doubles each time.
pub const READ_AGAIN: Duration = Duration::from_millis(500);

/// How many calls of a number are listed: those of the last hours, even of a busy number.
pub const RECENT: usize = 20;

/// Minimum interval between two checks whether a pause has ended.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Minimum length of a secret that is masked in replies: a shorter one would occur in any text.
const SECRET_BYTES: usize = 8;

/// A request to dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialRequest {
    /// A number, to be connected to a flow of applets.
    ToFlow(ConnectToFlow),
    /// A number, to be connected to a WebSocket.
    ToBot(ConnectToBot),
}

impl DialRequest {
    fn form(&self) -> Result<Form, RequestError> {
        match self {
            DialRequest::ToFlow(request) => request.form(),
            DialRequest::ToBot(request) => request.form(),
        }
    }
}

impl From<ConnectToFlow> for DialRequest {
    fn from(request: ConnectToFlow) -> Self {
        Self::ToFlow(request)
    }
}

impl From<ConnectToBot> for DialRequest {
    fn from(request: ConnectToBot) -> Self {
        Self::ToBot(request)
    }
}

/// The client. Many tasks may share it.
pub struct ExotelApi {
    http: Client,
    base: Url,
    settings: ApiSettings,
    budget: Arc<dyn RequestBudget>,
}

/// A permit for one request, from the rate limit.
#[must_use]
pub struct Turn(());

/// The time left until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A reply, as it was received.
struct Received {
    status: u16,
    retry_after: Option<String>,
    body: String,
    unix_s: u64,
}

impl ExotelApi {
    /// Creates a client. Nothing is sent yet.
    ///
    /// # Errors
    /// The address, the credentials or the certificates cannot be used.
    pub fn new(settings: ApiSettings, budget: Arc<dyn RequestBudget>) -> Result<Self, SetupError> {
        settings.credentials.check()?;
        let base = settings::base_url(&settings.endpoint)?;
        let is_https = base.scheme() == "https";
        let tls = tls::config(is_https, settings.ca_file.as_deref())?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(settings.connect)
            .timeout(settings.whole)
            .user_agent(concat!("ghanti/", env!("CARGO_PKG_VERSION")));
        if !is_https {
            // a simulated Exotel on this machine: the environment's proxy cannot reach it
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| SetupError::Client {
            reason: reason(error),
        })?;
        Ok(Self {
            http,
            base,
            settings,
            budget,
        })
    }

    /// Dials once, after waiting for its turn. The request is never repeated, and the caller must not do
    /// so either unless it was [`Dialled::Refused`]. If the future is dropped before it is done, the
    /// result is as unknown as with [`Dialled::Unknown`].
    pub async fn dial(&self, request: &DialRequest) -> Dialled {
        match self.dial_turn().await {
            Ok(turn) => self.dial_now(turn, request).await,
            Err(error) => Dialled::Refused(error),
        }
    }

    /// Waits until the rate limit allows a dial, including pauses that Exotel asks for meanwhile.
    ///
    /// # Errors
    /// The limit allows none within the time that a dial may wait.
    pub async fn dial_turn(&self) -> Result<Turn, ApiError> {
        self.turn_until(Instant::now() + self.settings.dial_turn)
            .await
    }

    async fn turn_until(&self, deadline: Instant) -> Result<Turn, ApiError> {
        loop {
            let over = match self.budget.take(left(deadline)).await {
                Ok(()) => return Ok(Turn(())),
                Err(over) => over,
            };
            if over.retry_in > left(deadline) || left(deadline).is_zero() {
                return Err(over.into());
            }
            sleep(over.retry_in.max(SHORTEST_PAUSE)).await;
        }
    }

    /// Like [`dial`](Self::dial), with a turn from [`dial_turn`](Self::dial_turn). If Exotel answers 429,
    /// which certainly dials nobody, it waits for another turn, as long as for the first.
    pub async fn dial_now(&self, turn: Turn, request: &DialRequest) -> Dialled {
        let deadline = Instant::now() + self.settings.dial_turn;
        let mut turn = turn;
        loop {
            let error = match self.connect(turn, request).await {
                Ok(call) => return Dialled::Accepted(call),
                Err(error) if error.is_refusal() => error,
                Err(error) => return Dialled::Unknown(error),
            };
            let retry_in = error.retry_in();
            if retry_in.is_none_or(|retry_in| retry_in > left(deadline)) {
                return Dialled::Refused(error);
            }
            turn = match self.turn_until(deadline).await {
                Ok(turn) => turn,
                Err(_) => return Dialled::Refused(error),
            };
        }
    }

    async fn connect(&self, turn: Turn, request: &DialRequest) -> Result<Call, ApiError> {
        let form = request.form()?;
        let received = self.ask(turn, Resource::Connect, &[], Some(&form)).await?;
        Ok(received.answer().accepted()?)
    }

    /// The details of a call. Its end and duration are final about two minutes after the end.
    ///
    /// # Errors
    /// See [`ApiError`]; [`ReplyError::NotFound`] for a call that Exotel does not know.
    pub async fn call(&self, sid: &CallSid) -> Result<CallDetails, ApiError> {
        self.read(Resource::Call(sid), &[], |answer| answer.details())
            .await
    }

    /// The newest 20 calls of the last 31 days whose first leg was this number, newest first. Calls that
    /// have not ended are missing, and so is `CustomField`: which call belongs to a dial of unknown
    /// result can be recognised only by its time.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn recent_calls(&self, number: &PhoneNumber) -> Result<Vec<CallDetails>, ApiError> {
        let page_size = RECENT.to_string();
        let query = [("From", number.expose()), ("PageSize", &page_size)];
        self.read(Resource::Calls, &query, |answer| answer.calls())
            .await
    }

    /// The number of media streams of the account, and its limit.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn active_streams(&self) -> Result<ActiveStreams, ApiError> {
        self.read(Resource::ActiveStreams, &[], |answer| {
            answer.active_streams()
        })
        .await
    }

    /// The account's ExoPhones, the first 50.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn exophones(&self) -> Result<Vec<ExoPhone>, ApiError> {
        self.read(Resource::ExoPhones, &[], |answer| answer.exophones())
            .await
    }

    async fn read<T>(
        &self,
        resource: Resource<'_>,
        query: &[(&str, &str)],
        parse: impl Fn(Answer<'_>) -> Result<T, ReplyError>,
    ) -> Result<T, ApiError> {
        let mut pause = READ_AGAIN;
        let mut attempt = 1;
        loop {
            let deadline = Instant::now() + self.settings.turn;
            let received = match self.turn_until(deadline).await {
                Ok(turn) => self.ask(turn, resource, query, None).await,
                Err(error) => Err(error),
            };
            let read = received.and_then(|received| Ok(parse(received.answer())?));
            match read {
                Err(error) if attempt < READ_ATTEMPTS && error.is_temporary() => {
                    tracing::debug!(%error, ?resource, attempt, "a read of Exotel's API is repeated");
                }
                result => return result,
            }
            sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    /// Waits for a turn and sends one request.
    async fn ask(
        &self,
        Turn(()): Turn,
        resource: Resource<'_>,
        query: &[(&str, &str)],
        form: Option<&Form>,
    ) -> Result<Received, ApiError> {
        let received = self.send(self.request(resource, query, form)).await?;
        if let Some(retry_after) = received.asks_for_pause() {
            self.budget.pause(retry_after).await;
        }
        Ok(received)
    }

    fn request(
        &self,
        resource: Resource<'_>,
        query: &[(&str, &str)],
        form: Option<&Form>,
    ) -> RequestBuilder {
        let Credentials {
            account_sid,
            api_key,
            api_token,
        } = &self.settings.credentials;
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(resource.segments(account_sid));
        }
        let request = match form {
            None => self.http.get(url).query(query),
            Some(form) => self
                .http
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.encoded()),
        };
        request.basic_auth(api_key, Some(api_token))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Received, ApiError> {
        let mut response = request.send().await.map_err(|error| self.fault(error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        let read = loop {
            match response.chunk().await {
                Ok(None) => break Ok(()),
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES => {
                    break Err(ApiError::TooLong {
                        host: self.host(),
                        limit: BODY_BYTES,
                    });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => break Err(self.fault(error)),
            }
        };
        if let Err(error) = read {
            // for an error the status is enough, and a partial body would be misleading
            if status.is_success() {
                return Err(error);
            }
            body.clear();
        }
        Ok(Received {
            status: status.as_u16(),
            retry_after,
            body: self.without_secrets(&String::from_utf8_lossy(&body)),
            unix_s: unix_ms() / 1_000,
        })
    }

    /// Masks the credentials in a reply that repeats them, such as a proxy's page, so that no error
    /// contains them.
    fn without_secrets(&self, body: &str) -> String {
        let credentials = &self.settings.credentials;
        [&credentials.api_key, &credentials.api_token]
            .into_iter()
            .filter(|secret| secret.len() >= SECRET_BYTES)
            .fold(body.to_owned(), |body, secret| {
                body.replace(secret.as_str(), "‹secret›")
            })
    }

    fn fault(&self, error: reqwest::Error) -> ApiError {
        let host = self.host();
        // a timeout while connecting is both; a request that could not be built was not sent either
        if error.is_connect() || error.is_builder() {
            ApiError::NotConnected {
                host,
                reason: reason(error),
            }
        } else if error.is_timeout() {
            ApiError::TimedOut {
                host,
                after: self.settings.whole,
            }
        } else {
            ApiError::Broken {
                host,
                reason: reason(error),
            }
        }
    }

    fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Debug for ExotelApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExotelApi")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Received {
    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            retry_after: self.retry_after.as_deref(),
            body: &self.body,
            unix_s: self.unix_s,
        }
    }

    /// For how long to send no request, if the reply is a 429.
    fn asks_for_pause(&self) -> Option<Duration> {
        match self.answer().accepted() {
            Err(ReplyError::RateLimited { retry_after, .. }) => Some(retry_after),
            _ => None,
        }
    }
}

/// The innermost cause of an error: the outer ones only say "error sending request" and contain the URL,
/// which has a customer's number in its query.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
