//! A transfer to an agent as Exotel's requests report it. A decided transfer has not necessarily
//! happened.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most agents kept in a record; Connect is given fewer numbers.
const AGENTS: usize = 16;
/// Most Connect requests kept in a record; with `fetch_after_attempt` the applet asks again after
/// each agent.
const ASKED: usize = 16;

/// The progress of a decided transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    /// When the Passthru applet after the bot made its first request, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_after_ms: Option<u64>,
    /// Each request of the Connect applet for the agents' numbers.
    #[serde(default)]
    pub asked: Vec<ConnectAsked>,
    /// The agent's leg, as far as Exotel has reported it: the one that was answered, else the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<AgentLeg>,
    /// How long it took from the Connect applet's first request until an agent answered, in
    /// milliseconds. Absent unless an event of the leg, or the duration of the conversation, shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_after_ms: Option<u64>,
    /// How far the leg of each agent got whose number was reported, in the order of dialling.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentLeg>,
}

/// A request of the Connect applet for the numbers to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectAsked {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The numbers returned, masked, in dialling order.
    pub numbers: Vec<String>,
}

/// The agent's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentLeg {
    /// How far the leg got.
    pub state: AgentLegState,
    /// When that was reported, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The agent's number, masked, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How long the agent talked with the caller, in seconds, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_s: Option<u32>,
}

impl AgentLeg {
    /// Applies a later report about the same leg. An answer is kept; reports of dialling or ringing
    /// that come after the end are ignored.
    fn update(&mut self, reported: &AgentLeg) {
        let is_news = match self.state {
            AgentLegState::Answered => false,
            known if known.is_final() => reported.state.is_final(),
            known => reported.state >= known,
        };
        if is_news {
            (self.state, self.unix_ms) = (reported.state, reported.unix_ms);
        }
        self.talked_s = self.talked_s.max(reported.talked_s);
    }
}

/// How far an agent's leg got. Ordered by precedence: an answer is final, and late reports of
/// dialling or ringing are ignored once the leg has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentLegState {
    /// An agent's number is being dialled.
    Dialled,
    /// It is ringing.
    Ringing,
    /// It could not be reached.
    Failed,
    /// The caller hung up while it was ringing.
    Cancelled,
    /// It rang and nobody answered.
    NotAnswered,
    /// It was busy.
    Busy,
    /// An agent answered.
    Answered,
}

impl AgentLegState {
    /// Whether this is the end of an attempt rather than a stage of it.
    pub fn is_final(self) -> bool {
        self >= AgentLegState::Failed
    }
}

impl Transfer {
    /// Adds a request of the Connect applet. Those beyond the limit are dropped.
    pub fn ask(&mut self, asked: ConnectAsked) {
        if self.asked.len() < ASKED {
            self.asked.push(asked);
        }
    }

    /// Applies a report about an agent's leg. `Answered` is kept; otherwise the last final state
    /// counts, because agents are dialled one after another.
    pub fn report(&mut self, leg: AgentLeg) {
        if leg.agent.is_some() {
            let has_room = self.agents.len() < AGENTS;
            match self
                .agents
                .iter_mut()
                .find(|known| known.agent == leg.agent)
            {
                Some(known) => known.update(&leg),
                None if has_room => self.agents.push(leg.clone()),
                None => {}
            }
        }
        let known = self.leg.as_ref().map(|known| known.state);
        let is_news = match known {
            None => true,
            Some(AgentLegState::Answered) => false,
            Some(known) if known.is_final() => leg.state.is_final(),
            Some(known) => leg.state >= known,
        };
        if is_news {
            let agent = leg
                .agent
                .or_else(|| self.leg.take().and_then(|known| known.agent));
            self.leg = Some(AgentLeg { agent, ..leg });
        } else if let Some(known) = &mut self.leg {
            // the duration is known only once the conversation is over
            let is_same = leg.agent.is_none() || known.agent.is_none() || known.agent == leg.agent;
            if is_same && leg.state == AgentLegState::Answered {
                known.talked_s = known.talked_s.max(leg.talked_s);
                known.agent = known.agent.take().or(leg.agent);
            }
        }
    }

    /// Sets when an agent answered, unless it is known. `unix_ms` is in milliseconds since
    /// 1970-01-01T00:00:00Z; a time before the Connect applet asked is ignored.
    pub fn answered(&mut self, unix_ms: u64) {
        let asked_ms = self.asked.first().map(|asked| asked.unix_ms);
        if let (None, Some(asked_ms)) = (self.answered_after_ms, asked_ms) {
            self.answered_after_ms = unix_ms.checked_sub(asked_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(states: &[AgentLegState]) -> Option<AgentLegState> {
        let mut transfer = Transfer::default();
        states.iter().for_each(|state| {
            transfer.report(AgentLeg {
                state: *state,
                unix_ms: 1,
                agent: None,
                talked_s: None,
            })
        });
        transfer.leg.map(|leg| leg.state)
    }

    #[test]
    fn an_agent_who_answered_has_answered() {
        use AgentLegState::{Answered, Busy, Dialled, NotAnswered, Ringing};
        assert_eq!(
            after(&[Dialled, Ringing, Answered, NotAnswered, Ringing, Busy]),
            Some(Answered)
        );
        assert_eq!(
            after(&[Busy, Answered]),
            Some(Answered),
            "the next agent answered"
        );
    }

    #[test]
    fn each_agent_is_kept_with_how_far_their_leg_got() {
        use AgentLegState::{Answered, Busy, Ringing};
        let mut transfer = Transfer::default();
        transfer.ask(ConnectAsked {
            unix_ms: 1_000,
            numbers: Vec::new(),
        });
        let reported = [
            ("xxxxxx0001", Ringing, None),
            ("xxxxxx0001", Busy, None),
            ("xxxxxx0002", Ringing, None),
            ("xxxxxx0002", Answered, None),
            ("xxxxxx0001", Ringing, None),
            ("xxxxxx0002", Answered, Some(45)),
        ];
        for (agent, state, talked_s) in reported {
            let agent = Some(agent.to_owned());
            transfer.report(AgentLeg {
                state,
                unix_ms: 9_000,
                agent,
                talked_s,
            });
        }
        transfer.answered(9_000);
        transfer.answered(60_000);
        let kept: Vec<_> = transfer.agents.iter().map(|leg| leg.state).collect();
        assert_eq!(kept, [Busy, Answered]);
        let leg = transfer.leg.unwrap();
        assert_eq!(
            (
                leg.agent.as_deref(),
                leg.talked_s,
                transfer.answered_after_ms
            ),
            (Some("xxxxxx0002"), Some(45), Some(8_000))
        );
        for at in 0..100 {
            let agent = Some(format!("xxxxxx1{at:03}"));
            let (state, unix_ms, talked_s) = (Ringing, 9_001, None);
            transfer.leg = None;
            transfer.report(AgentLeg {
                state,
                unix_ms,
                agent,
                talked_s,
            });
        }
        assert_eq!(transfer.agents.len(), AGENTS);
    }

    #[test]
    fn late_news_of_ringing_does_not_undo_an_end_and_the_last_end_counts() {
        use AgentLegState::{Busy, Dialled, NotAnswered, Ringing};
        assert_eq!(after(&[NotAnswered, Ringing, Dialled]), Some(NotAnswered));
        assert_eq!(after(&[Busy, NotAnswered]), Some(NotAnswered));
        assert_eq!(after(&[Ringing, Dialled]), Some(Ringing));
    }
}
