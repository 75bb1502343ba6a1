//! Parses the parts of a manifest about the flow's versions.

use ghanti_model::DifferenceKind;

use crate::reader::{Item, Reader};
use crate::rules;
use crate::{FailureBudget, ReplayGate, Running, Update};

/// The most recorded calls that a gate may ask for: each replay takes about a millisecond, and a
/// new version should not be held up for long.
const GATE_CALLS_MAX: u64 = 10_000;

impl Reader<'_> {
    pub(super) fn update(&mut self, item: &Item<'_>) -> Update {
        let mut update = Update::default();
        self.section(
            "update",
            item,
            &["running", "weight", "drops-rules"],
            |reader, name, item| {
                match name {
                    "running" => {
                        update.running = reader.one_of(
                            name,
                            item,
                            &[("finish", Running::Finish), ("move", Running::Move)],
                        )
                    }
                    "drops-rules" => update.drops_rules = reader.each(name, item, rules::named),
                    "weight" => {
                        let weight = reader
                            .integer(name, item, 0..=100)
                            .and_then(|weight| u8::try_from(weight).ok());
                        update.weight = weight.unwrap_or(update.weight);
                    }
                    _ => return false,
                }
                true
            },
        );
        update
    }

    pub(super) fn replay(&mut self, item: &Item<'_>) -> Option<ReplayGate> {
        let mut gate = None;
        self.section("replay", item, &["gate"], |reader, name, item| {
            let known = name == "gate";
            if known {
                gate = reader.gate(name, item);
            }
            known
        });
        gate
    }

    fn gate(&mut self, name: &str, item: &Item<'_>) -> Option<ReplayGate> {
        let (mut calls, mut kinds) = (None, None);
        let before = self.errors.len();
        self.section(name, item, &["calls", "kinds"], |reader, name, item| {
            match name {
                "calls" => {
                    calls = reader
                        .integer(name, item, 1..=GATE_CALLS_MAX)
                        .and_then(|calls| u32::try_from(calls).ok())
                }
                "kinds" => kinds = Some(reader.each(name, item, gate_kind)),
                _ => return false,
            }
            true
        });
        match (calls, kinds) {
            (Some(calls), Some(kinds)) if !kinds.is_empty() => Some(ReplayGate { calls, kinds }),
            _ => {
                if self.errors.len() == before {
                    self.expect(name, item, "`calls` and at least one of `kinds`, such as { calls = 50, kinds = [\"amounts\"] }");
                }
                None
            }
        }
    }

    pub(super) fn budget(&mut self, name: &str, item: &Item<'_>) -> Option<FailureBudget> {
        self.each(name, item, FailureBudget::parse).first().copied()
    }
}

fn gate_kind(text: &str) -> Result<DifferenceKind, String> {
    match text {
        "wording" => Ok(DifferenceKind::Wording),
        "amounts" => Ok(DifferenceKind::Amounts),
        "dates" => Ok(DifferenceKind::Dates),
        "decisions" => Ok(DifferenceKind::Decisions),
        _ => Err("give `wording`, `amounts`, `dates` or `decisions`".to_owned()),
    }
}
