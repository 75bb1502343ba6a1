//! The parts of a manifest about the flow's versions: `[update]`, `[replay]`, and the budget of
//! `[on-failure]`.

use std::fmt;

use ghanti_model::DifferenceKind;

/// `[update]`: how a new version is introduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// `weight`: the share of the flow's new calls, in percent, that this version takes as a
    /// candidate while another is active. 100 activates it at once; 0 makes it wait for promotion.
    /// A flow without an active version activates the new one whatever its weight.
    pub weight: u8,
    /// `running`: what happens to running calls; `None` uses the engine's configured mode.
    pub running: Option<Running>,
    /// `drops-rules`: rules of the previous version that this one deliberately omits, named as in
    /// the rejection of a manifest with fewer rules, such as
    /// `prompts.emi-details.requires.identity`.
    pub drops_rules: Vec<String>,
}

impl Default for Update {
    fn default() -> Self {
        Self {
            weight: 100,
            running: None,
            drops_rules: Vec::new(),
        }
    }
}

/// What happens to running calls when a new version becomes active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Running {
    /// `finish`: they end on the version they began with.
    #[default]
    Finish,
    /// `move`: they migrate to the new version if it can reach the same point of the conversation.
    Move,
}

/// `[replay] gate`: recorded calls that a candidate must replay before it takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayGate {
    /// How many of the flow's newest calls are replayed.
    pub calls: u32,
    /// The kinds of differences that reject the candidate, as do differences after which the record
    /// says nothing more. Never empty.
    pub kinds: Vec<DifferenceKind>,
}

impl ReplayGate {
    /// Whether a difference of this kind rejects the candidate. A replay that breaks off before the
    /// record's end always does, whatever kinds are named: what the version would have said and
    /// decided after that point is unknown, so it cannot be shown to agree.
    pub fn rejects(&self, kind: DifferenceKind, breaks_off: bool) -> bool {
        breaks_off || self.kinds.contains(&kind)
    }
}

/// `[on-failure] budget`: how many failures of a version are tolerated within a period; one more
/// rolls it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureBudget {
    /// How many failures are tolerated.
    pub failures: u32,
    /// The period, in milliseconds.
    pub within_ms: u64,
}

impl FailureBudget {
    /// The most failures a budget may tolerate.
    pub const FAILURES_MAX: u32 = 1_000;
    /// The longest period of a budget: a day.
    pub const WITHIN_MS_MAX: u64 = 24 * 3_600_000;

    /// Parses `3/10m`: a number, then a period in `s`, `m` or `h`. The error is a hint.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let (failures, within) = text.split_once('/')?;
            let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
            let (number, unit_ms) = units
                .into_iter()
                .find_map(|(unit, ms)| Some((within.strip_suffix(unit)?, ms)))?;
            let within_ms = number.trim().parse::<u64>().ok()?.checked_mul(unit_ms)?;
            let failures = failures.trim().parse().ok()?;
            let fits =
                failures <= Self::FAILURES_MAX && (1..=Self::WITHIN_MS_MAX).contains(&within_ms);
            fits.then_some(Self {
                failures,
                within_ms,
            })
        };
        read().ok_or_else(|| {
            format!(
                "give a number up to {} and a time up to a day, such as `3/10m`",
                Self::FAILURES_MAX
            )
        })
    }
}

impl fmt::Display for FailureBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.within_ms {
            ms if ms % 3_600_000 == 0 => (ms / 3_600_000, "h"),
            ms if ms % 60_000 == 0 => (ms / 60_000, "m"),
            ms => (ms / 1_000, "s"),
        };
        write!(f, "{}/{number}{unit}", self.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    #[test]
    fn budgets_are_read_as_they_are_written() {
        for text in ["3/10m", "0/30s", "12/2h"] {
            assert_eq!(FailureBudget::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            FailureBudget::parse("3/10m").unwrap(),
            FailureBudget {
                failures: 3,
                within_ms: 600_000
            }
        );
        for text in [
            "",
            "3",
            "3/10",
            "3/m",
            "-1/10m",
            "3/0m",
            "3/25h",
            "1001/1h",
            "3/99999999999999999h",
        ] {
            assert!(FailureBudget::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_sections_about_versions_are_read() {
        let manifest = Manifest::parse(
            "[update]\nrunning = \"move\"\nweight = 10\n[replay]\ngate = { calls = 50, kinds = [\"amounts\", \"decisions\"] }\n\
             [on-failure]\nbudget = \"3/10m\"\n",
        )
        .unwrap();
        assert_eq!(
            manifest.update,
            Update {
                weight: 10,
                running: Some(Running::Move),
                drops_rules: Vec::new()
            }
        );
        assert_eq!(
            manifest.replay_gate,
            Some(ReplayGate {
                calls: 50,
                kinds: vec![DifferenceKind::Amounts, DifferenceKind::Decisions]
            })
        );
        assert_eq!(
            manifest.on_failure.budget,
            FailureBudget::parse("3/10m").ok()
        );
        let plain = Manifest::default();
        assert_eq!(
            (
                plain.update.weight,
                plain.update.running,
                plain.replay_gate,
                plain.on_failure.budget
            ),
            (100, None, None, None)
        );
    }

    #[test]
    fn errors_in_the_sections_about_versions_have_lines() {
        let errors = Manifest::parse(
            "[update]\nrunning = \"stop\"\nweight = 101\n[replay]\ngate = { calls = 0, kinds = [\"tone\"] }\n[on-failure]\nbudget = \"often\"\n",
        )
        .unwrap_err();
        let reported: Vec<_> = errors.iter().map(ToString::to_string).collect();
        for (at, words) in [
            (0, "line 2: `running`"),
            (1, "line 3: `weight`"),
            (2, "line 5: `calls`"),
            (3, "line 5: `kinds`"),
            (4, "line 7: `budget`"),
        ] {
            assert!(reported[at].starts_with(words), "{reported:#?}");
        }
        assert!(
            Manifest::parse("[replay]\ngate = { calls = 5 }\n").unwrap_err()[0]
                .message
                .contains("`kinds`")
        );
    }

    #[test]
    fn a_gate_minds_the_kinds_it_names_and_whatever_hides_the_rest() {
        let gate = ReplayGate {
            calls: 1,
            kinds: vec![DifferenceKind::Amounts, DifferenceKind::Decisions],
        };
        for (kind, breaks_off, rejects) in [
            (DifferenceKind::Amounts, false, true),
            (DifferenceKind::Decisions, false, true),
            (DifferenceKind::Wording, false, false),
            (DifferenceKind::Dates, false, false),
            (DifferenceKind::Structure, true, true),
            (DifferenceKind::Dates, true, true),
        ] {
            assert_eq!(
                gate.rejects(kind, breaks_off),
                rejects,
                "{kind} {breaks_off}"
            );
        }
    }
}
