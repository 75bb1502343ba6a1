//! Flows of applets, as they are set up in Exotel's App Bazaar. A flow may be wrong, as an
//! operator's can be: neither a Voicebot applet nor the right order is required.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Address;
use crate::agent::AgentAnswer;

/// A flow: its applets in order. The first one runs when the call is answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flow {
    /// The applets.
    pub applets: Vec<Applet>,
}

/// An applet.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "applet", rename_all = "kebab-case")]
pub enum Applet {
    /// Tells a URL about the call, and branches by its answer.
    Passthru(Passthru),
    /// Connects the caller to a bot by a WebSocket, both ways.
    Voicebot(Voicebot),
    /// Sends the caller's audio to a WebSocket; what comes back is ignored.
    Stream(Stream),
    /// Dials agents.
    Connect(Connect),
    /// Branches by the answer to the previous Passthru.
    SwitchCase(SwitchCase),
    /// Ends the call.
    Hangup(Hangup),
}

/// The Passthru applet (support article 48283): a GET with the call's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Passthru {
    /// The applet's name, for branches that lead to it.
    #[serde(default)]
    pub name: Option<String>,
    /// The URL to request. The call's parameters are added to the query.
    pub url: Address,
    /// "Make Passthru Async": the flow goes on at once, and the answer does not matter.
    #[serde(default, rename = "async")]
    pub is_async: bool,
    /// How long after the flow has gone on an asynchronous request is sent, in milliseconds.
    #[serde(default)]
    pub async_after_ms: u64,
    /// The branch after 200.
    #[serde(default, rename = "on-200")]
    pub on_200: Go,
    /// The branch after 302. Without it, nothing is connected to that branch, which ends the call.
    #[serde(default = "hang_up", rename = "on-302")]
    pub on_302: Go,
    /// The branch after any other answer, or none. What Exotel does then is not documented.
    #[serde(default)]
    pub otherwise: Go,
}

/// The Voicebot applet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Voicebot {
    /// The applet's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The stream's own URL (`ws`, `wss`), or one that is asked for it (`http`, `https`).
    pub url: Address,
    /// The sample rate in Hz that is added to the stream's URL, whatever that asks for.
    #[serde(default)]
    pub sample_rate_hz: Option<u32>,
    /// The sample rate in Hz that `start` states, whatever is sent.
    #[serde(default)]
    pub announced_sample_rate_hz: Option<u32>,
    /// The encoding that is sent, whatever `start` states.
    #[serde(default)]
    pub sends: Sends,
    /// What comes when the bot has closed the stream, or there was none.
    #[serde(default)]
    pub then: Go,
}

/// How the caller's audio is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sends {
    /// 16-bit linear PCM, as Exotel does.
    #[default]
    Pcm,
    /// μ-law.
    MuLaw,
}

/// The Stream applet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stream {
    /// The applet's name.
    #[serde(default)]
    pub name: Option<String>,
    /// As for the Voicebot applet.
    pub url: Address,
    /// As for the Voicebot applet.
    #[serde(default)]
    pub then: Go,
}

/// The Connect applet with a dynamic URL (support article 3000096873).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connect {
    /// The applet's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The URL that returns the agents' numbers.
    pub url: Address,
    /// The URL to request if the first one has no usable answer.
    #[serde(default)]
    pub fallback_url: Option<Address>,
    /// How the agents respond, in the order in which they are dialled; the last one counts for all
    /// further ones. When empty, the caller's scenario says it, or they answer.
    #[serde(default)]
    pub agents: Vec<AgentAnswer>,
    /// How long an agent's phone rings before it is answered, in seconds.
    #[serde(default = "rings_s")]
    pub rings_s: f64,
    /// How long an agent talks, in seconds.
    #[serde(default = "talks_s")]
    pub talks_s: f64,
    /// "After the call conversation ends".
    #[serde(default)]
    pub after_talk: Go,
    /// "If nobody answers".
    #[serde(default)]
    pub nobody_answers: Go,
    /// "We didn't dial anyone".
    #[serde(default)]
    pub nobody_dialled: Go,
}

/// The SwitchCase applet (support article 3000052018).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SwitchCase {
    /// The applet's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The branches, by the value of `select`.
    pub cases: BTreeMap<String, Go>,
    /// The branch without a case for it.
    #[serde(default = "hang_up")]
    pub otherwise: Go,
}

/// The Hangup applet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hangup {
    /// The applet's name.
    #[serde(default)]
    pub name: Option<String>,
}

/// Where a branch leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Go {
    /// `next`: to the applet after this one; after the last one the call ends.
    #[default]
    Next,
    /// `hang-up`: nowhere, which ends the call.
    HangUp,
    /// To the applet of this name.
    To(String),
}

impl From<String> for Go {
    fn from(text: String) -> Self {
        match text.as_str() {
            "next" => Go::Next,
            "hang-up" => Go::HangUp,
            _ => Go::To(text),
        }
    }
}

fn hang_up() -> Go {
    Go::HangUp
}

fn rings_s() -> f64 {
    5.0
}

fn talks_s() -> f64 {
    crate::agent::AGENT_TALKS.as_secs_f64()
}

impl Flow {
    /// The flow of a call that was asked for with `StreamUrl`: a bot, and nothing else.
    pub fn of_stream(url: Address) -> Self {
        let name = None;
        let then = Go::HangUp;
        Self {
            applets: vec![Applet::Voicebot(Voicebot {
                name,
                url,
                sample_rate_hz: None,
                announced_sample_rate_hz: None,
                sends: Sends::Pcm,
                then,
            })],
        }
    }

    /// The position that a branch at `from` leads to; `None` ends the call.
    pub fn position(&self, from: usize, go: &Go) -> Option<usize> {
        match go {
            Go::Next => Some(from + 1).filter(|next| *next < self.applets.len()),
            Go::HangUp => None,
            Go::To(name) => self
                .applets
                .iter()
                .position(|applet| applet.name() == Some(name)),
        }
    }

    pub(super) fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        for name in self.applets.iter().filter_map(Applet::name) {
            if !names.insert(name) {
                errors.push(format!("two applets are named `{name}`"));
            }
        }
        for applet in &self.applets {
            for go in applet.branches() {
                if let Go::To(name) = go
                    && !names.contains(name.as_str())
                {
                    errors.push(format!(
                        "a branch of `{}` leads to `{name}`, which is not the `name` of an applet; use such a name, `next` or `hang-up`",
                        applet.kind()
                    ));
                }
            }
            errors.extend(applet.error());
        }
        errors
    }
}

impl Applet {
    /// The kind of applet, as it is written in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Applet::Passthru(_) => "passthru",
            Applet::Voicebot(_) => "voicebot",
            Applet::Stream(_) => "stream",
            Applet::Connect(_) => "connect",
            Applet::SwitchCase(_) => "switch-case",
            Applet::Hangup(_) => "hangup",
        }
    }

    /// The applet's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        let name = match self {
            Applet::Passthru(applet) => &applet.name,
            Applet::Voicebot(applet) => &applet.name,
            Applet::Stream(applet) => &applet.name,
            Applet::Connect(applet) => &applet.name,
            Applet::SwitchCase(applet) => &applet.name,
            Applet::Hangup(applet) => &applet.name,
        };
        name.as_deref()
    }

    fn branches(&self) -> Vec<&Go> {
        match self {
            Applet::Passthru(applet) => vec![&applet.on_200, &applet.on_302, &applet.otherwise],
            Applet::Voicebot(applet) => vec![&applet.then],
            Applet::Stream(applet) => vec![&applet.then],
            Applet::Connect(applet) => vec![
                &applet.after_talk,
                &applet.nobody_answers,
                &applet.nobody_dialled,
            ],
            Applet::SwitchCase(applet) => {
                applet.cases.values().chain([&applet.otherwise]).collect()
            }
            Applet::Hangup(_) => Vec::new(),
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Applet::Voicebot(Voicebot {
                sample_rate_hz: Some(rate_hz),
                ..
            }) if !matches!(rate_hz, 8_000 | 16_000 | 24_000) => Some(format!(
                "`sample-rate-hz = {rate_hz}`: Exotel supports 8000, 16000 and 24000"
            )),
            Applet::Connect(connect) if !(is_time(connect.rings_s) && is_time(connect.talks_s)) => {
                Some("`rings-s` and `talks-s` of `connect` are 0 to 3600 seconds".to_owned())
            }
            _ => None,
        }
    }
}

/// Whether a number is a usable time in seconds.
pub(super) fn is_time(seconds: f64) -> bool {
    (0.0..=3_600.0).contains(&seconds)
}
