//! What callers do: the built-in kinds, and those of scenarios; and in which shares.
//!
//! All are steps as in a scenario, so that one [`Director`](ghanti_sim::director::Director) plays them.

use std::sync::Arc;

use ghanti_sim::Scenario;
use ghanti_sim::scenario::{Action, Customer, Direction, Step, When};
use ghanti_sim::voice::Voice;

/// What a caller who talks says, after each turn of the bot.
const TALKS: &str = "yes, speaking";
/// What a caller who interrupts says, in each turn of the bot. The shipped flows stop for it at any moment.
const INTERRUPTS: &str = "wrong number";
/// When, from the beginning of the turn.
const INTERRUPTS_AFTER_MS: u64 = 1_500;
/// What a caller with keys presses after each turn of the bot.
const PRESSES: &str = "1";

/// The shortest turn of both sides together, by which the number of steps of a call is bounded.
const TURN_MS: u64 = 1_000;

/// A caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What they are called in `--mix` and in the report.
    pub name: String,
    /// Their steps, in order.
    pub steps: Vec<Step>,
    /// Their voice.
    pub voice: Voice,
    /// Whom the bot calls, or who calls it.
    pub customer: Customer,
    /// Whether the customer is stored in the engine before the call.
    pub known: bool,
    /// The direction of the call.
    pub direction: Direction,
    /// After how many milliseconds they hang up.
    pub holds_ms: u64,
    /// What is expected of their calls; without it, only that the engine holds them.
    pub scenario: Option<Arc<Scenario>>,
}

impl Caller {
    /// A built-in caller: `silent`, `talking`, `interrupting` or `keys`.
    pub fn built_in(name: &str, customer: &Customer, holds_ms: u64) -> Option<Self> {
        let step = match name {
            "silent" => None,
            "talking" => Some((When::AfterTurn, Action::Say(TALKS.to_owned()))),
            "interrupting" => Some((
                When::During {
                    ms: INTERRUPTS_AFTER_MS,
                },
                Action::Say(INTERRUPTS.to_owned()),
            )),
            "keys" => Some((When::AfterTurn, Action::Keys(PRESSES.to_owned()))),
            _ => return None,
        };
        let turns = (holds_ms / TURN_MS) as usize + 1;
        let steps = step.map_or_else(Vec::new, |(when, action)| {
            vec![Step { when, action }; turns]
        });
        Some(Self {
            name: name.to_owned(),
            steps,
            voice: Voice::default(),
            customer: customer.clone(),
            known: true,
            direction: Direction::Outbound,
            holds_ms,
            scenario: None,
        })
    }

    /// The caller of a scenario.
    pub fn of_scenario(name: &str, scenario: Scenario) -> Self {
        Self {
            name: name.to_owned(),
            steps: scenario.caller.clone(),
            voice: scenario.voice.clone(),
            customer: scenario.customer.clone(),
            known: scenario.known,
            direction: scenario.direction,
            holds_ms: scenario.max_seconds * 1_000,
            scenario: Some(Arc::new(scenario)),
        }
    }

    /// All that they may say.
    pub fn says(&self) -> impl Iterator<Item = (Voice, String)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Say(words) => Some((self.voice.clone(), words.clone())),
            Action::Keys(_) | Action::HangUp | Action::Silence => None,
        })
    }
}

/// A caller's kind, and its share of all calls by weight.
#[derive(Debug, Clone)]
pub struct Share {
    /// The caller.
    pub caller: Arc<Caller>,
    /// The weight.
    pub weight: u32,
}

/// Deals out callers, so that after any number of calls each kind has its share to within one.
#[derive(Debug)]
pub struct Deal {
    shares: Vec<Share>,
    /// What each is owed, in the unit of its weight.
    owed: Vec<i64>,
}

impl Deal {
    /// Deals from these shares.
    pub fn new(shares: Vec<Share>) -> Self {
        let owed = vec![0; shares.len()];
        Self { shares, owed }
    }
}

impl Iterator for Deal {
    type Item = Arc<Caller>;

    fn next(&mut self) -> Option<Self::Item> {
        let all: i64 = self
            .shares
            .iter()
            .map(|share| i64::from(share.weight))
            .sum();
        for (owed, share) in self.owed.iter_mut().zip(&self.shares) {
            *owed += i64::from(share.weight);
        }
        // the first of those that are owed most
        let most = self.owed.iter().copied().max()?;
        let at = self.owed.iter().position(|owed| *owed == most)?;
        *self.owed.get_mut(at)? -= all;
        self.shares.get(at).map(|share| Arc::clone(&share.caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Customer {
        toml::from_str("phone = \"+919876500001\"").unwrap()
    }

    #[test]
    fn callers_are_dealt_by_their_shares_and_not_in_blocks() {
        let shares =
            [("silent", 80), ("talking", 15), ("interrupting", 5)].map(|(name, weight)| {
                let caller = Caller::built_in(name, &customer(), 60_000).unwrap();
                Share {
                    caller: Arc::new(caller),
                    weight,
                }
            });
        let dealt: Vec<String> = Deal::new(shares.to_vec())
            .take(40)
            .map(|caller| caller.name.clone())
            .collect();
        let of = |name: &str, dealt: &[String]| dealt.iter().filter(|other| *other == name).count();
        assert_eq!(
            ["silent", "talking", "interrupting"].map(|name| of(name, &dealt)),
            [32, 6, 2]
        );
        assert_eq!(of("talking", &dealt[..20]), 3);
    }

    #[test]
    fn built_in_callers_say_one_thing_again_and_again() {
        let talking = Caller::built_in("talking", &customer(), 10_000).unwrap();
        assert_eq!(talking.steps.len(), 11);
        assert!(talking.says().all(|(_, words)| words == TALKS));
        let silent = Caller::built_in("silent", &customer(), 10_000).unwrap();
        assert_eq!(silent.says().count(), 0);
        assert!(Caller::built_in("angry", &customer(), 1).is_none());
    }
}
