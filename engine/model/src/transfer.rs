//! A transfer to an agent, as Exotel's requests show it: what was decided is not yet what happened.

use serde::{Deserialize, Serialize};

/// A record keeps so many questions of the Connect applet; with `fetch_after_attempt` it asks again
/// after each agent.
const ASKED: usize = 16;

/// What is known of a transfer that was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// When the Passthru after the bot asked for the first time, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_after_ms: Option<u64>,
    /// Each time that the Connect applet asked for the agents' numbers.
    #[serde(default)]
    pub asked: Vec<ConnectAsked>,
    /// The agent's leg, as far as Exotel has reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<AgentLeg>,
}

/// The Connect applet asked whom to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAsked {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The numbers that were answered, masked, in the order of dialling.
    pub numbers: Vec<String>,
}

/// An agent's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLeg {
    /// How far it came.
    pub state: AgentLegState,
    /// When that was reported, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The agent's number, masked, where it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// How far an agent's leg came. Later ones weigh more: an answer is final, and ringing is no news
/// once the leg is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentLegState {
    /// An agent's number is dialled.
    Dialled,
    /// It rings.
    Ringing,
    /// It could not be reached.
    Failed,
    /// The caller left while it rang.
    Cancelled,
    /// It rang, and nobody answered.
    NotAnswered,
    /// It was busy.
    Busy,
    /// An agent answered.
    Answered,
}

impl AgentLegState {
    /// Whether it says how the attempt ended.
    pub fn is_final(self) -> bool {
        self >= AgentLegState::Failed
    }
}

impl Transfer {
    /// The Connect applet asked.
    pub fn ask(&mut self, asked: ConnectAsked) {
        if self.asked.len() < ASKED {
            self.asked.push(asked);
        }
    }

    /// Something was reported of an agent's leg. Of two ends the later one counts, as one agent is
    /// dialled after another; an answer stays.
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
