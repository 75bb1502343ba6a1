//! Runs the applets of a flow, one after another, by Exotel's rules for branches.
//!
//! When the caller has hung up, only Passthru and SwitchCase applets still run: so the Passthru
//! after the bot learns that it was the caller (support article 3000132269).

use std::sync::Arc;
use std::time::Duration;

use ghanti_model::{CallStatus, PhoneNumber};
use reqwest::StatusCode;
use tokio::time::Instant;

use super::agents;
use super::call::{Call, Ending};
use super::calls::AppletLog;
use super::exchange::Exchange;
use super::setup::{Address, Applet, Flow, Go, Passthru, Sends, SwitchCase};
use super::stream::{self, Carried, Streamed};
use crate::agent::AgentAnswer;
use crate::conversation::Carries;
use crate::exotel_http::Answer;
use crate::fault::WireFault;

/// Maximum number of applets that a call runs through, since branches may lead back.
const APPLETS_MAX: usize = 100;

/// A call that runs through a flow.
#[derive(Debug)]
pub struct FlowRun<'a> {
    /// What all calls share.
    pub(super) exchange: &'a Arc<Exchange>,
    /// The call.
    pub(super) call: &'a Call,
    /// When the customer is gone at the latest.
    pub(super) gone_at: Instant,
    flow: &'a Flow,
    stage: Stage,
    /// Whether the caller has hung up.
    has_hung_up: bool,
    /// What the newest synchronous Passthru selected for a SwitchCase.
    selected: Option<String>,
    agent: Option<(AgentAnswer, Duration)>,
}

/// The previous applet, which determines the parameters of a request.
#[derive(Debug)]
enum Stage {
    Beginning,
    AfterStream(Streamed),
    AfterAgent(PhoneNumber, AgentAnswer, Duration),
}

impl<'a> FlowRun<'a> {
    /// Starts at the first applet; the call was answered at `answered`.
    pub fn new(
        exchange: &'a Arc<Exchange>,
        call: &'a Call,
        flow: &'a Flow,
        answered: Instant,
    ) -> Self {
        let patience = call.caller.hangs_up_after();
        Self {
            exchange,
            call,
            flow,
            gone_at: answered + patience.min(call.request.lasts_at_most),
            stage: Stage::Beginning,
            has_hung_up: false,
            selected: None,
            agent: None,
        }
    }

    /// Runs the flow to its end.
    pub async fn run(mut self) -> Ending {
        let mut at = Some(0);
        for _ in 0..APPLETS_MAX {
            let Some((position, applet)) = at.and_then(|at| Some((at, self.flow.applets.get(at)?)))
            else {
                let words = if self.is_gone() {
                    "the caller hung up"
                } else {
                    "the flow ended"
                };
                return self.ending(words);
            };
            let still_runs = matches!(applet, Applet::Passthru(_) | Applet::SwitchCase(_));
            if self.is_gone() && !still_runs {
                return self.ending("the caller hung up");
            }
            let mut log = AppletLog::new(applet.kind(), applet.name());
            let go = self.step(applet, &mut log).await;
            log.branch = match &go {
                Go::Next => "next".to_owned(),
                Go::HangUp => "hang-up".to_owned(),
                Go::To(name) => name.clone(),
            };
            self.exchange
                .calls
                .update(&self.call.facts.call_sid, |call| call.applets.push(log));
            at = self.flow.position(position, &go);
        }
        self.ending("the flow has an endless loop")
    }

    async fn step(&mut self, applet: &Applet, log: &mut AppletLog) -> Go {
        match applet {
            Applet::Passthru(passthru) => self.passthru(passthru, log).await,
            Applet::SwitchCase(switch) => self.switch_case(switch, log),
            Applet::Hangup(_) => Go::HangUp,
            Applet::Voicebot(bot) => {
                let carried = Carried {
                    rate_hz: self.call.caller.sample_rate_hz.or(bot.sample_rate_hz),
                    announced_rate_hz: bot.announced_sample_rate_hz,
                    sends: bot.sends,
                    carries: Carries::BothWays,
                };
                let streamed = stream::run(self, &bot.url, carried, log).await;
                self.after_stream(streamed);
                bot.then.clone()
            }
            Applet::Stream(applet) => {
                let carried = Carried {
                    rate_hz: None,
                    announced_rate_hz: None,
                    sends: Sends::Pcm,
                    carries: Carries::CallerOnly,
                };
                let streamed = stream::run(self, &applet.url, carried, log).await;
                self.after_stream(streamed);
                applet.then.clone()
            }
            Applet::Connect(connect) => {
                let dialled = agents::run(self, connect, log).await;
                if let Some((number, answer, talks)) = dialled.last {
                    self.agent = Some((answer, talks));
                    self.stage = Stage::AfterAgent(number, answer, talks);
                }
                dialled.go
            }
        }
    }

    /// Requests an applet's URL, with the parameters of the call at this stage.
    pub(super) async fn ask(
        &self,
        request: &'static str,
        url: &Address,
        log: &mut AppletLog,
    ) -> Result<Answer, WireFault> {
        log.url = Some(url.to_string());
        let answer = self
            .exchange
            .http
            .get(request, url.0.clone(), &self.parameters())
            .await;
        match &answer {
            Ok(answer) => log.answered(answer.status.as_u16(), &answer.body),
            Err(fault) => log.problem = Some(fault.to_string()),
        }
        answer
    }

    async fn passthru(&mut self, passthru: &Passthru, log: &mut AppletLog) -> Go {
        let request = "the Passthru applet";
        if passthru.is_async {
            log.url = Some(passthru.url.to_string());
            let (exchange, url, parameters) = (
                Arc::clone(self.exchange),
                passthru.url.0.clone(),
                self.parameters(),
            );
            let after = Duration::from_millis(passthru.async_after_ms);
            self.exchange.tasks.spawn(async move {
                exchange.wait_until(Instant::now() + after).await;
                // its answer is ignored
                let _ = exchange.http.get(request, url, &parameters).await;
            });
            self.selected = None;
            return Go::Next;
        }
        let answer = self.ask(request, &passthru.url, log).await;
        self.selected = None;
        let Ok(answer) = answer else {
            return passthru.otherwise.clone();
        };
        match answer.status {
            StatusCode::OK => {
                self.selected = self.selection(&answer, log);
                passthru.on_200.clone()
            }
            StatusCode::FOUND => passthru.on_302.clone(),
            other => {
                log.problem = Some(format!(
                    "status {other}: Exotel branches only on 200 and 302"
                ));
                passthru.otherwise.clone()
            }
        }
    }

    fn selection(&self, answer: &Answer, log: &mut AppletLog) -> Option<String> {
        let case = answer.select()?;
        if !answer.is_plain_text() {
            log.problem = Some(format!(
                "`select` has the content type `{}`: SwitchCase reads only `text/plain`",
                answer.content_type
            ));
            return None;
        }
        Some(case)
    }

    fn switch_case(&self, switch: &SwitchCase, log: &mut AppletLog) -> Go {
        log.answer.clone_from(&self.selected);
        let selected = self.selected.as_deref();
        let go = selected.and_then(|case| switch.cases.get(case));
        if go.is_none() {
            log.problem = Some(match selected {
                Some(case) => format!("there is no case `{case}`"),
                None => "no Passthru selected a case".to_owned(),
            });
        }
        go.unwrap_or(&switch.otherwise).clone()
    }

    fn after_stream(&mut self, streamed: Streamed) {
        self.has_hung_up |= streamed.has_hung_up();
        self.stage = Stage::AfterStream(streamed);
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let facts = &self.call.facts;
        match &self.stage {
            Stage::Beginning => facts.parameters(),
            Stage::AfterStream(streamed) => streamed.parameters(facts),
            Stage::AfterAgent(number, answer, talks) => facts.after_agent(number, *answer, *talks),
        }
    }

    /// Whether the customer has left the line.
    pub(super) fn is_gone(&self) -> bool {
        self.has_hung_up || self.exchange.stop.is_cancelled() || Instant::now() >= self.gone_at
    }

    fn ending(self, words: &str) -> Ending {
        Ending {
            status: CallStatus::Completed,
            words: words.to_owned(),
            agent: self.agent,
        }
    }
}
