//! The agent whom the Connect applet dials: how they respond, and what Exotel reports of their leg.

use std::time::Duration;

use ghanti_model::PhoneNumber;
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use crate::exotel_http::ExotelHttp;
use crate::facts::Facts;
use crate::fault::WireFault;

/// How the agent responds when the phone rings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Default duration of a conversation with an agent.
pub const AGENT_TALKS: Duration = Duration::from_secs(20);

impl AgentAnswer {
    /// Exotel's status of the agent's leg.
    pub fn status(self) -> &'static str {
        match self {
            AgentAnswer::Answers => "completed",
            AgentAnswer::Busy => "busy",
            AgentAnswer::NoAnswer => "no-answer",
        }
    }

    /// The seconds of conversation that Exotel reports, of which an agent who answers talks
    /// `talks`.
    pub fn talked_s(self, talks: Duration) -> u64 {
        match self {
            AgentAnswer::Answers => talks.as_secs(),
            AgentAnswer::Busy | AgentAnswer::NoAnswer => 0,
        }
    }

    /// The events of the agent's leg, in order (support article 3000106308).
    pub fn events(self) -> &'static [&'static str] {
        match self {
            AgentAnswer::Answers => &["Dial", "Ringing", "Answered", "Terminal"],
            AgentAnswer::Busy | AgentAnswer::NoAnswer => &["Dial", "Ringing", "Terminal"],
        }
    }
}

/// Reports one event of an agent's leg to the event URL of Connect. The answer has to be 200.
pub async fn agent_event(
    http: &ExotelHttp,
    url: &Url,
    facts: &Facts,
    agent: &PhoneNumber,
    event: &'static str,
) -> Result<(), WireFault> {
    let request = "dial_passthru_event_url";
    let is_over = event == "Terminal";
    let mut parameters = facts.parameters();
    parameters.extend([
        ("DialWhomNumber", agent.expose().to_owned()),
        ("EventType", event.to_owned()),
        ("Status", if is_over { "free" } else { "busy" }.to_owned()),
    ]);
    let answer = http.get(request, url.clone(), &parameters).await?;
    if answer.status == StatusCode::OK {
        return Ok(());
    }
    Err(WireFault::Applet {
        request,
        problem: format!("status {}, not 200", answer.status),
    })
}
