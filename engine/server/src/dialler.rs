//! Dials customers through Exotel's API.
//!
//! That a call is about to be dialled is saved before the request is sent, and no request is sent
//! twice: if the engine dies in between, the record says that the customer may have been called.
//! `follow` finds out what became of a call without reports.

mod follow;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ghanti_campaign::{
    DialRequest, Dialled, ExotelApi, LocalBudget, RequestBudget, SetupError, SharedBudget,
};
use ghanti_exotel::rest::{CallOptions, CallbackEvent, ConnectToBot, ConnectToFlow, Recording};
use ghanti_model::event::DialAnswer;
use ghanti_model::{CallId, CustomerRecord, EventKind, Masked, PhoneNumber, unix_ms};
use ghanti_session::Services;
use ghanti_store::RedisSessions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use follow::look_up;

use crate::config::Config;
use crate::unknown_dial::UnknownDial;
use follow::{Followed, follow};

/// Maximum number of calls being dialled or waiting to be: what the account's limit allows in a minute.
pub const DIALS: usize = 200;
/// How long saving may take before a call is dialled.
const SAVING: Duration = Duration::from_secs(5);

/// After how long, once the phone has stopped ringing, Exotel has reported a call's end.
const REPORTED: Duration = Duration::from_secs(30);

/// The reason recorded for a call that was withdrawn before it was dialled.
const WITHDRAWN: &str = "the order was withdrawn before it was dialled";
/// The reason recorded for a call that was not dialled because the engine stopped.
const STOPPED: &str = "the engine stopped before the call was dialled: order it again";

/// The URLs of this engine that Exotel is given for a call.
#[derive(Debug, Clone)]
pub struct CallUrls {
    /// Where it reports the call's status.
    pub status: Masked,
    /// The media stream, for an account without a flow.
    pub stream: Masked,
}

/// How a call is placed.
#[derive(Debug, Clone)]
pub struct CallFrom {
    /// The number to call from; when absent, the account's.
    pub caller_id: Option<PhoneNumber>,
    /// The URLs that Exotel is given.
    pub urls: CallUrls,
}

/// Dials from the account of `[exotel]`.
#[derive(Debug)]
pub struct Dialler {
    api: ExotelApi,
    caller_id: PhoneNumber,
    flow_url: Option<String>,
    ring_s: u32,
    record: bool,
    permits: Arc<Semaphore>,
    /// Calls that wait to be dialled, each with the token that withdraws it.
    waiting: Mutex<HashMap<CallId, CancellationToken>>,
}

impl Dialler {
    /// Makes the dialler of a configuration; `None` if it has no account. The account's limit of
    /// requests is shared by all engines that use the same Redis.
    ///
    /// # Errors
    /// The account's address, credentials or certificates cannot be used.
    pub fn new(config: &Config, redis: Option<&RedisSessions>) -> Result<Option<Self>, SetupError> {
        let exotel = &config.exotel;
        let (Some(settings), Some(caller_id)) = (exotel.account(), &exotel.caller_id) else {
            return Ok(None);
        };
        let requests = exotel.requests_per_minute;
        let budget: Arc<dyn RequestBudget> = match redis {
            Some(redis) => {
                let account_sid = &settings.credentials.account_sid;
                Arc::new(SharedBudget::new(redis, account_sid, requests))
            }
            None => Arc::new(LocalBudget::new(requests)),
        };
        Ok(Some(Self {
            api: ExotelApi::new(settings, budget)?,
            caller_id: caller_id.clone(),
            flow_url: exotel.flow_url(),
            ring_s: exotel.ring_s,
            record: exotel.record,
            permits: Arc::new(Semaphore::new(DIALS)),
            waiting: Mutex::default(),
        }))
    }

    /// Takes one of the [`DIALS`] permits; `None` if all are taken.
    pub fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// How many more calls may be dialled at once.
    pub fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// How long a phone rings at the most, and Exotel takes to report its end.
    pub fn rings_for(&self) -> Duration {
        Duration::from_secs(self.ring_s.into()) + REPORTED
    }

    /// Withdraws a call that waits for its turn: it will not be dialled. Returns whether it did.
    pub fn withdraw(&self, call: CallId) -> bool {
        let withdrawn = self.remove_waiting(call);
        if let Some(withdrawn) = &withdrawn {
            withdrawn.cancel();
        }
        withdrawn.is_some()
    }

    /// Removes a call from those that wait. Whoever removes it decides what happens to it.
    fn remove_waiting(&self, call: CallId) -> Option<CancellationToken> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&call)
    }

    fn add_waiting(&self, call: CallId) -> CancellationToken {
        let withdrawn = CancellationToken::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(call, withdrawn.clone());
        withdrawn
    }

    /// The request for a customer's call. Without a flow at Exotel the call is connected to the bot
    /// directly, and ends with its stream.
    fn request(&self, customer: &CustomerRecord, from: CallFrom) -> DialRequest {
        let CallFrom { caller_id, urls } = from;
        let options = CallOptions {
            custom_field: Some(Masked::new(customer.call_id.to_string())),
            status_callback: Some(urls.status),
            status_callback_events: vec![CallbackEvent::Terminal],
            time_out_s: Some(self.ring_s),
            record: self.record.then_some(Recording::Dual),
            ..CallOptions::new(
                customer.phone.clone(),
                caller_id.unwrap_or_else(|| self.caller_id.clone()),
            )
        };
        match &self.flow_url {
            Some(url) => DialRequest::ToFlow(ConnectToFlow {
                options,
                url: url.clone(),
            }),
            None => DialRequest::ToBot(ConnectToBot {
                options,
                stream_url: urls.stream,
                stream_name: None,
            }),
        }
    }
}

/// The API of the account in `[exotel]`, for reading, and the ExoPhone that calls are made from;
/// `None` without an account.
///
/// # Errors
/// As [`Dialler::new`].
pub fn account(config: &Config) -> Result<Option<(ExotelApi, PhoneNumber)>, SetupError> {
    let exotel = &config.exotel;
    let (Some(settings), Some(caller_id)) = (exotel.account(), &exotel.caller_id) else {
        return Ok(None);
    };
    let budget = Arc::new(LocalBudget::new(exotel.requests_per_minute));
    Ok(Some((ExotelApi::new(settings, budget)?, caller_id.clone())))
}

/// What a dial needs of the engine.
#[derive(Clone)]
pub struct DialContext {
    /// Where its events go.
    pub services: Arc<Services>,
    /// The engine's background tasks.
    pub tasks: TaskTracker,
    /// Cancelled when the engine takes no new calls.
    pub draining: CancellationToken,
    /// Cancelled when everything must end.
    pub stop: CancellationToken,
}

/// Dials a customer whose record is stored, in the background. The result is in the call's events.
pub fn dial(
    engine: DialContext,
    dialler: Arc<Dialler>,
    permit: OwnedSemaphorePermit,
    customer: CustomerRecord,
    from: CallFrom,
) {
    // before `dial` returns, so that the call can be withdrawn from then on
    let withdrawn = dialler.add_waiting(customer.call_id);
    engine.tasks.clone().spawn(async move {
        let call = customer.call_id;
        let caller_id = from
            .caller_id
            .as_ref()
            .unwrap_or(&dialler.caller_id)
            .clone();
        let request = dialler.request(&customer, from);
        let (answer, asked_ms) = ask(&engine, &dialler, call, &request, withdrawn).await;
        drop(permit);
        let followed = match &answer {
            DialAnswer::Accepted { call_sid } => Some(Followed::Accepted(call_sid.clone())),
            DialAnswer::Unknown { reason } => {
                let dial = UnknownDial {
                    customer: customer.phone.clone(),
                    caller_id,
                    asked_ms,
                };
                Some(Followed::Unknown(dial, reason.clone()))
            }
            DialAnswer::Refused { .. } => None,
        };
        match &answer {
            DialAnswer::Accepted { call_sid } => {
                tracing::info!(%call, sid = %call_sid, number = %customer.phone, "dialled");
            }
            DialAnswer::Refused { reason } => {
                tracing::warn!(%call, number = %customer.phone, reason, "not dialled");
            }
            DialAnswer::Unknown { reason } => {
                tracing::warn!(%call, number = %customer.phone, reason, "perhaps dialled");
            }
        }
        let registry = &engine.services.registry;
        registry.append(call, EventKind::Dialled(answer)).await;
        if let Some(followed) = followed {
            follow(&engine, &dialler, call, followed).await;
        }
    });
}

/// Asks Exotel to dial, when it is this call's turn. Returns the result and the time of the request,
/// in milliseconds since 1970-01-01T00:00:00Z.
async fn ask(
    engine: &DialContext,
    dialler: &Dialler,
    call: CallId,
    request: &DialRequest,
    withdrawn: CancellationToken,
) -> (DialAnswer, u64) {
    let refused = |reason: &str| {
        let reason = reason.to_owned();
        (DialAnswer::Refused { reason }, unix_ms())
    };
    let turn = tokio::select! {
        turn = dialler.api.dial_turn() => turn,
        () = withdrawn.cancelled() => return refused(WITHDRAWN),
        () = engine.stop.cancelled() => {
            dialler.remove_waiting(call);
            return refused(STOPPED);
        }
    };
    if dialler.remove_waiting(call).is_none() {
        return refused(WITHDRAWN);
    }
    let turn = match turn {
        Ok(turn) => turn,
        Err(error) => return refused(&format!("{error}: {}", error.hint())),
    };
    let registry = &engine.services.registry;
    registry.append(call, EventKind::Dialling).await;
    if !registry.writer().saved(call, SAVING).await {
        return refused(
            "that the call is dialled can be saved neither in the database nor in the spool: see /readyz, then order the call again",
        );
    }
    let asked_ms = unix_ms();
    let dialled = tokio::select! {
        dialled = dialler.api.dial_now(turn, request) => dialled,
        () = engine.stop.cancelled() => {
            let reason = "the engine stopped while it waited for Exotel's reply: look for the call in Exotel's call log before you dial it again".to_owned();
            return (DialAnswer::Unknown { reason }, asked_ms);
        }
    };
    let answer = match dialled {
        Dialled::Accepted(accepted) => DialAnswer::Accepted {
            call_sid: accepted.sid,
        },
        Dialled::Refused(error) => DialAnswer::Refused {
            reason: format!("{error}: {}", error.hint()),
        },
        Dialled::Unknown(error) => DialAnswer::Unknown {
            reason: format!("{error}: {}", error.hint()),
        },
    };
    (answer, asked_ms)
}
