//! Exotel's HTTP requests around a call: Passthru, the dynamic stream URL, Connect and the status
//! callback; and the engine's own API for storing a customer and reading a record.
//!
//! Every request has a timeout of [`APPLET_LIMIT`], like Exotel's. Nothing is retried.

use std::fmt;
use std::time::Duration;

use ghanti_exotel::applet::{ConnectReply, Destination};
use ghanti_model::{CallId, CallRecord, CallState, PhoneNumber};
use percent_encoding::percent_decode_str;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::facts::Facts;
use crate::fault::WireFault;
use crate::scenario::Customer;

/// Timeout of Exotel's requests to an applet's URL.
pub const APPLET_LIMIT: Duration = Duration::from_secs(5);

/// How long to wait for the record of a finished call to be completed.
const RECORD_LIMIT: Duration = Duration::from_secs(10);

/// Poll interval for a call's record.
pub const RECORD_EVERY: Duration = Duration::from_millis(250);

/// Who ended the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The bot closed it, so the Exotel flow continues.
    Bot,
    /// The caller hung up.
    User,
    /// There was no stream.
    Nobody,
}

/// The answer to the Connect applet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// The agents' numbers, in the order of dialling.
    pub numbers: Vec<PhoneNumber>,
    /// The URL for events of the agents' legs.
    pub events: Option<Url>,
}

/// How the agent responds when the phone rings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentAnswer {
    /// The agent answers and talks for a moment.
    #[default]
    Answers,
    /// The agent's line is busy.
    Busy,
    /// The agent does not answer.
    NoAnswer,
}

/// How long an agent talks, as reported by Exotel. Nothing waits for this time.
const AGENT_TALKS_S: u64 = 20;

impl AgentAnswer {
    /// Exotel's status of the agent's leg.
    fn status(self) -> &'static str {
        match self {
            AgentAnswer::Answers => "completed",
            AgentAnswer::Busy => "busy",
            AgentAnswer::NoAnswer => "no-answer",
        }
    }
}

/// The engine cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The base URL is invalid.
    #[error("`{base_url}` is no URL: give the engine's address, such as `http://127.0.0.1:8000`")]
    BaseUrl {
        /// The given URL, without the tokens.
        base_url: String,
    },
    /// The engine does not answer.
    #[error("the engine at `{url}` does not answer: start it with `ghanti serve` ({reason})")]
    Unreachable {
        /// The requested URL.
        url: String,
        /// The client's error.
        reason: String,
    },
    /// The engine does not store the customer.
    #[error("the engine does not store the customer: status {status}, `{body}`")]
    Refused {
        /// The response's status.
        status: u16,
        /// The beginning of its body.
        body: String,
    },
}

/// A client for the engine's HTTP interface.
#[derive(Clone)]
pub struct Applets {
    http: Client,
    base: Url,
    /// The token of Exotel's requests.
    applet_token: Option<String>,
    /// The token of API requests.
    api_token: Option<String>,
}

/// Omits the tokens.
impl fmt::Debug for Applets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applets")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Applets {
    /// Creates a client for the engine at a base URL. Tokens, if required, are given as its user
    /// information: `http://APPLET-TOKEN:API-TOKEN@…`, percent-encoded.
    pub fn new(base_url: &str) -> Result<Self, EngineError> {
        let wrong = || EngineError::BaseUrl {
            base_url: base_url.rsplit('@').next().unwrap_or_default().to_owned(),
        };
        let mut base = Url::parse(base_url)
            .ok()
            .filter(|url| !url.cannot_be_a_base())
            .ok_or_else(wrong)?;
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .filter(|text| !text.is_empty())
                .map(String::from)
        };
        let (applet_token, api_token) =
            (decoded(base.username()), base.password().and_then(decoded));
        base.set_username("")
            .and_then(|()| base.set_password(None))
            .map_err(|()| wrong())?;
        let http = crate::http::client()
            .map_err(|_| wrong())?
            .timeout(APPLET_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| wrong())?;
        Ok(Self {
            http,
            base,
            applet_token,
            api_token,
        })
    }

    /// `POST /api/calls`: stores the customer's record for a coming call, and returns the engine's
    /// id of the call.
    pub async fn store_customer(&self, customer: &Customer) -> Result<CallId, EngineError> {
        let url = self.url("api/calls");
        let unreachable = |error: reqwest::Error| EngineError::Unreachable {
            url: url.to_string(),
            reason: told(&error),
        };
        let response = self
            .to_api(self.http.post(url.clone()))
            .json(customer)
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let body = response.text().await.map_err(unreachable)?;
        let id = serde_json::from_str::<Json>(&body)
            .ok()
            .and_then(|body| CallId::parse(body.get("call_id")?.as_str()?));
        let refused = || EngineError::Refused {
            status: status.as_u16(),
            body: body.chars().take(400).collect(),
        };
        id.filter(|_| status.is_success()).ok_or_else(refused)
    }

    /// `GET /passthru`, before the stream. Anything but `OK` is a fault; 302 is the branch for
    /// refused calls.
    pub async fn passthru(&self, facts: &Facts) -> Result<(), WireFault> {
        let request = "GET /passthru";
        let (status, body) = self.applet(request, "passthru", facts.parameters()).await?;
        if status == StatusCode::OK && body.trim() == "OK" {
            return Ok(());
        }
        if status == StatusCode::FOUND {
            return Err(WireFault::Refused {
                words: body.trim().chars().take(200).collect(),
            });
        }
        Err(WireFault::Applet {
            request,
            problem: format!("status {status} and `{}`, not 200 and `OK`", body.trim()),
        })
    }

    /// `GET /voicebot-url`: the URL to connect to.
    pub async fn voicebot_url(&self, facts: &Facts) -> Result<Url, WireFault> {
        let request = "GET /voicebot-url";
        let (status, body) = self
            .applet(request, "voicebot-url", facts.parameters())
            .await?;
        let url = serde_json::from_str::<Json>(&body)
            .ok()
            .and_then(|body| Url::parse(body.get("url")?.as_str()?).ok());
        match url.filter(|url| status == StatusCode::OK && matches!(url.scheme(), "ws" | "wss")) {
            Some(url) => Ok(url),
            None => Err(WireFault::Applet {
                request,
                problem: format!("status {status} without `{{\"url\": \"wss://…\"}}`"),
            }),
        }
    }

    /// `GET /passthru/after`: whether the Exotel flow continues to Connect. By status (302 is the
    /// branch to the agents), or by a SwitchCase whose `select` is `transfer`.
    pub async fn passthru_after(
        &self,
        facts: &Facts,
        ended_by: EndedBy,
        lasted_s: u64,
    ) -> Result<bool, WireFault> {
        let request = "GET /passthru/after";
        let (status, by) = match ended_by {
            EndedBy::Bot => ("completed", "bot"),
            EndedBy::User => ("cancelled", "user"),
            EndedBy::Nobody => ("failed", "NA"),
        };
        let mut parameters = facts.parameters();
        parameters.extend([
            ("Stream[StreamSID]", facts.stream_sid.to_string()),
            ("Stream[Status]", status.to_owned()),
            ("Stream[Duration]", lasted_s.to_string()),
            ("Stream[DisconnectedBy]", by.to_owned()),
        ]);
        let (status, body) = self.applet(request, "passthru/after", parameters).await?;
        match status {
            StatusCode::FOUND => Ok(true),
            StatusCode::OK => {
                let select = serde_json::from_str::<Json>(&body)
                    .ok()
                    .and_then(|body| Some(body.get("select")?.as_str()?.to_owned()));
                Ok(select.is_some_and(|case| case == "transfer"))
            }
            other => Err(WireFault::Applet {
                request,
                problem: format!("status {other}: Exotel branches on 200 and 302 alone"),
            }),
        }
    }

    /// `GET /connect`: the numbers to dial.
    pub async fn connect(&self, facts: &Facts) -> Result<Connected, WireFault> {
        let request = "GET /connect";
        let fault = |problem: String| WireFault::Applet { request, problem };
        let (status, body) = self.applet(request, "connect", facts.parameters()).await?;
        if status != StatusCode::OK {
            return Err(fault(format!("status {status}, not 200")));
        }
        let reply = ConnectReply::parse(&body).map_err(|error| fault(error.to_string()))?;
        let Destination::Numbers(numbers) = reply.destination else {
            return Err(fault("a trunk, and no numbers".to_owned()));
        };
        let events =
            match reply.dial_passthru_event_url {
                Some(url) => Some(Url::parse(&url).map_err(|error| {
                    fault(format!("`dial_passthru_event_url` is no URL: {error}"))
                })?),
                None => None,
            };
        Ok(Connected { numbers, events })
    }

    /// Connect's events of an agent's leg, in order (support article 3000106308).
    pub async fn agent_events(
        &self,
        url: &Url,
        facts: &Facts,
        agent: &PhoneNumber,
        answer: AgentAnswer,
    ) -> Result<(), WireFault> {
        let request = "dial_passthru_event_url";
        let answered: &[&str] = if answer == AgentAnswer::Answers {
            &["Answered"]
        } else {
            &[]
        };
        for event in ["Dial", "Ringing"]
            .iter()
            .chain(answered)
            .chain(&["Terminal"])
        {
            let mut parameters = facts.parameters();
            parameters.extend([
                ("DialWhomNumber", agent.expose().to_owned()),
                ("EventType", (*event).to_owned()),
                (
                    "Status",
                    if *event == "Terminal" { "free" } else { "busy" }.to_owned(),
                ),
            ]);
            let (status, _) = self.get(request, url.clone(), parameters).await?;
            if status != StatusCode::OK {
                return Err(WireFault::Applet {
                    request,
                    problem: format!("status {status}, not 200"),
                });
            }
        }
        Ok(())
    }

    /// `GET /passthru/after` after Connect: reports how the agent's leg ended. The Exotel flow ends
    /// there; an answer that selects Connect again is a fault.
    pub async fn passthru_behind_connect(
        &self,
        facts: &Facts,
        agent: &PhoneNumber,
        answer: AgentAnswer,
    ) -> Result<(), WireFault> {
        let request = "GET /passthru/after, behind Connect";
        let mut parameters = facts.parameters();
        parameters.retain(|(name, _)| {
            !matches!(
                *name,
                "DialCallStatus" | "DialCallDuration" | "DialWhomNumber" | "CallType"
            )
        });
        let (call_type, seconds) = if answer == AgentAnswer::Answers {
            ("completed", AGENT_TALKS_S)
        } else {
            ("incomplete", 0)
        };
        parameters.extend([
            ("DialCallStatus", answer.status().to_owned()),
            ("DialCallDuration", seconds.to_string()),
            ("DialWhomNumber", agent.expose().to_owned()),
            ("CallType", call_type.to_owned()),
        ]);
        let (status, body) = self.applet(request, "passthru/after", parameters).await?;
        if status == StatusCode::OK && !body.contains("transfer") {
            return Ok(());
        }
        Err(WireFault::Applet {
            request,
            problem: format!("status {status}: it leads back to Connect"),
        })
    }

    /// `POST /status`: reports the end of the call.
    pub async fn status(
        &self,
        facts: &Facts,
        lasted_s: u64,
        agent: Option<AgentAnswer>,
    ) -> Result<(), WireFault> {
        let request = "POST /status";
        let mut form = self.url("status");
        form.query_pairs_mut().extend_pairs([
            ("CallSid", facts.call_sid.as_str()),
            ("EventType", "terminal"),
            ("Status", "completed"),
            ("ConversationDuration", &lasted_s.to_string()),
            ("RecordingUrl", "null"),
            ("Legs[0][Status]", "completed"),
            ("Legs[0][OnCallDuration]", &lasted_s.to_string()),
        ]);
        if let Some(answer) = agent {
            let seconds = if answer == AgentAnswer::Answers {
                AGENT_TALKS_S
            } else {
                0
            };
            form.query_pairs_mut().extend_pairs([
                ("Legs[1][Status]", answer.status()),
                ("Legs[1][OnCallDuration]", &seconds.to_string()),
            ]);
        }
        let body = form.query().unwrap_or_default().to_owned();
        let post = self
            .of_exotel(self.http.post(self.url("status")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let response = post.send().await.map_err(|error| WireFault::Applet {
            request,
            problem: told(&error),
        })?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(WireFault::Applet {
            request,
            problem: format!("status {}", response.status()),
        })
    }

    /// `GET /api/calls/{id}`: the current record, if it can be read. The id is the engine's own or
    /// Exotel's CallSid.
    pub async fn record(&self, id: &str) -> Option<CallRecord> {
        let request = self.to_api(self.http.get(self.url(&format!("api/calls/{id}"))));
        let response = request
            .send()
            .await
            .and_then(Response::error_for_status)
            .ok()?;
        response
            .json()
            .await
            .inspect_err(|error| tracing::warn!(%error, "the call's record cannot be read"))
            .ok()
    }

    /// The record of a call that is over: the first that is ended and satisfies `so`, or the last
    /// one read before `RECORD_LIMIT`.
    pub async fn final_record(
        &self,
        id: &str,
        so: impl Fn(&CallRecord) -> bool,
    ) -> Option<CallRecord> {
        let mut newest = None;
        let ended = async {
            loop {
                newest = self.record(id).await.or(newest.take());
                if newest.as_ref().is_some_and(|record: &CallRecord| {
                    record.state == CallState::Ended && so(record)
                }) {
                    return;
                }
                tokio::time::sleep(RECORD_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(RECORD_LIMIT, ended).await;
        newest
    }

    async fn applet(
        &self,
        request: &'static str,
        path: &str,
        parameters: Vec<(&str, String)>,
    ) -> Result<(StatusCode, String), WireFault> {
        self.get(request, self.url(path), parameters).await
    }

    async fn get(
        &self,
        request: &'static str,
        url: Url,
        parameters: Vec<(&str, String)>,
    ) -> Result<(StatusCode, String), WireFault> {
        let fault = |error: reqwest::Error| WireFault::Applet {
            request,
            problem: told(&error),
        };
        let get = self
            .of_exotel(self.http.get(url))
            .header("exotel-version", "1.0")
            .query(&parameters);
        let response = get.send().await.map_err(fault)?;
        Ok((response.status(), response.text().await.map_err(fault)?))
    }

    fn of_exotel(&self, request: RequestBuilder) -> RequestBuilder {
        self.applet_token
            .iter()
            .fold(request, |request, token| request.query(&[("token", token)]))
    }

    fn to_api(&self, request: RequestBuilder) -> RequestBuilder {
        self.api_token
            .iter()
            .fold(request, |request, token| request.bearer_auth(token))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
        url
    }
}

/// The error without the URL, whose query contains a phone number.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", APPLET_LIMIT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
