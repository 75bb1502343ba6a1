//! A flow as the engine documents it, at the engine's own paths: Passthru, the dynamic stream URL,
//! Connect and the status callback; and the engine's API for storing a customer and reading a
//! record.

use std::fmt;
use std::time::Duration;

use ghanti_model::{CallId, CallRecord, CallState, PhoneNumber};
use percent_encoding::percent_decode_str;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value as Json;

use crate::agent::{AGENT_TALKS, AgentAnswer, agent_event};
use crate::exotel_http::{Answer, Connected, ExotelHttp, send, without_url};
use crate::facts::{EndedBy, Facts};
use crate::fault::WireFault;
use crate::scenario::Customer;

/// How long to wait for the record of a finished call to be completed.
const RECORD_LIMIT: Duration = Duration::from_secs(10);

/// Poll interval for a call's record.
pub const RECORD_EVERY: Duration = Duration::from_millis(250);

/// The engine cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The base URL is invalid.
    #[error(
        "`{base_url}` is not a URL: give the engine's address, such as `http://127.0.0.1:8000`"
    )]
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
    http: ExotelHttp,
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
        let http = ExotelHttp::new().map_err(|_| wrong())?;
        Ok(Self {
            http,
            base,
            applet_token,
            api_token,
        })
    }

    /// `POST /api/calls`: stores the customer's record for a call to be made, and returns the engine's
    /// id of the call.
    pub async fn store_customer(&self, customer: &Customer) -> Result<CallId, EngineError> {
        let url = self.url("api/calls");
        let unreachable = |error: reqwest::Error| EngineError::Unreachable {
            url: url.to_string(),
            reason: without_url(&error),
        };
        let response = self
            .to_api(self.client().post(url.clone()))
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
        let Answer { status, body, .. } = self
            .applet(request, "passthru", &facts.parameters())
            .await?;
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
        let parameters = facts.parameters();
        let answer = self.applet(request, "voicebot-url", &parameters).await?;
        answer.stream_url(request)
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
        let parameters = facts.after_stream(ended_by, lasted_s);
        let answer = self.applet(request, "passthru/after", &parameters).await?;
        match answer.status {
            StatusCode::FOUND => Ok(true),
            StatusCode::OK => Ok(answer.select().is_some_and(|case| case == "transfer")),
            other => Err(WireFault::Applet {
                request,
                problem: format!("status {other}: Exotel branches only on 200 and 302"),
            }),
        }
    }

    /// `GET /connect`: the numbers to dial.
    pub async fn connect(&self, facts: &Facts) -> Result<Connected, WireFault> {
        let request = "GET /connect";
        let parameters = facts.parameters();
        let answer = self.applet(request, "connect", &parameters).await?;
        answer.connected(request)
    }

    /// Connect's events of an agent's leg, in order.
    pub async fn agent_events(
        &self,
        url: &Url,
        facts: &Facts,
        agent: &PhoneNumber,
        answer: AgentAnswer,
    ) -> Result<(), WireFault> {
        let url = self.with_applet_token(url.clone());
        for event in answer.events() {
            agent_event(&self.http, &url, facts, agent, event).await?;
        }
        Ok(())
    }

    /// `GET /passthru/after` after Connect: reports how the agent's leg ended. The Exotel flow ends
    /// there; an answer that selects Connect again is a fault.
    pub async fn passthru_after_connect(
        &self,
        facts: &Facts,
        agent: &PhoneNumber,
        answer: AgentAnswer,
    ) -> Result<(), WireFault> {
        let request = "GET /passthru/after, after Connect";
        let parameters = facts.after_agent(agent, answer, AGENT_TALKS);
        let Answer { status, body, .. } =
            self.applet(request, "passthru/after", &parameters).await?;
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
            let seconds = answer.talked_s(AGENT_TALKS);
            form.query_pairs_mut().extend_pairs([
                ("Legs[1][Status]", answer.status()),
                ("Legs[1][OnCallDuration]", &seconds.to_string()),
            ]);
        }
        let body = form.query().unwrap_or_default().to_owned();
        let post = self
            .client()
            .post(self.with_applet_token(self.url("status")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = send(request, post).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(WireFault::Applet {
            request,
            problem: format!("status {}", answer.status),
        })
    }

    /// `GET /api/calls/{id}`: the current record, if it can be read. The id is the engine's own or
    /// Exotel's CallSid.
    pub async fn record(&self, id: &str) -> Option<CallRecord> {
        let request = self.to_api(self.client().get(self.url(&format!("api/calls/{id}"))));
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

    /// The record of a call that has ended: the first one read that is ended and satisfies `so`, or the
    /// last one before `RECORD_LIMIT`.
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
        parameters: &[(&'static str, String)],
    ) -> Result<Answer, WireFault> {
        let url = self.with_applet_token(self.url(path));
        self.http.get(request, url, parameters).await
    }

    fn client(&self) -> &Client {
        self.http.client()
    }

    /// Adds the token of Exotel's requests to a URL, as an operator does when pasting it.
    fn with_applet_token(&self, mut url: Url) -> Url {
        if let Some(token) = &self.applet_token {
            url.query_pairs_mut().append_pair("token", token);
        }
        url
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
