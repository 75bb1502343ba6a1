//! A transfer to an agent as Exotel's requests report it. A decided transfer has not necessarily
//! happened.

use serde::{Deserialize, Serialize};

/// Most Connect requests kept in a record; with `fetch_after_attempt` the applet asks again after
/// each agent.
const ASKED: usize = 16;

/// The progress of a decided transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// When the Passthru applet after the bot made its first request, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_after_ms: Option<u64>,
    /// Each request of the Connect applet for the agents' numbers.
    #[serde(default)]
    pub asked: Vec<ConnectAsked>,
    /// The agent's leg, as far as Exotel has reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<AgentLeg>,
}

/// A request of the Connect applet for the numbers to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAsked {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The numbers returned, masked, in dialling order.
    pub numbers: Vec<String>,
}

/// The agent's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLeg {
    /// How far the leg got.
    pub state: AgentLegState,
    /// When that was reported, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The agent's number, masked, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// How far an agent's leg got. Ordered by precedence: an answer is final, and late reports of
/// dialling or ringing are ignored once the leg has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    fn late_news_of_ringing_does_not_undo_an_end_and_the_last_end_counts() {
        use AgentLegState::{Busy, Dialled, NotAnswered, Ringing};
        assert_eq!(after(&[NotAnswered, Ringing, Dialled]), Some(NotAnswered));
        assert_eq!(after(&[Busy, NotAnswered]), Some(NotAnswered));
        assert_eq!(after(&[Ringing, Dialled]), Some(Ringing));
    }
}
