//! Transfer targets as the operator sets them: who is dialled when. Pure.
//!
//! A flow names a target; whether it is open is decided at that moment. One that is closed is
//! replaced by its fallback or, without one that is open, refused, so that the flow can say so.

use std::collections::BTreeMap;

use ghanti_model::{Decision, PhoneNumber};

use crate::opening_hours::OpenSpan;

/// A target's numbers and hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferTarget {
    /// The numbers, in the order of dialling, for a transfer that falls back to this target.
    pub numbers: Vec<PhoneNumber>,
    /// When they may be dialled; empty for always.
    pub hours: Vec<OpenSpan>,
    /// The target instead of this one while it is closed.
    pub fallback: Option<String>,
}

impl TransferTarget {
    fn is_open(&self, unix_ms: u64, offset_minutes: i16) -> bool {
        let holds = |span: &OpenSpan| span.contains(unix_ms, offset_minutes);
        self.hours.is_empty() || self.hours.iter().any(holds)
    }
}

/// All targets with hours or fallbacks, by name. Any other target is always open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferTargets(pub BTreeMap<String, TransferTarget>);

/// Nobody is to be dialled now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the transfer target `{target}` is closed now (its hours: {hours}), and none that it falls back to is open: say when it is open, or offer \
     another call"
)]
pub struct Closed {
    /// The target.
    pub target: String,
    /// Its hours.
    pub hours: String,
}

fn transfer(target: String, numbers: Vec<PhoneNumber>) -> Decision {
    Decision::Transfer {
        target,
        numbers,
        words: None,
    }
}

impl TransferTargets {
    /// Returns whom to dial for a target at a time: `numbers` or, while it is closed, those of its
    /// fallback. `unix_ms` is in milliseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// The target and all that it falls back to are closed.
    pub fn open(
        &self,
        target: String,
        numbers: Vec<PhoneNumber>,
        unix_ms: u64,
        offset_minutes: i16,
    ) -> Result<Decision, Closed> {
        let Some(asked) = self.0.get(&target) else {
            return Ok(transfer(target, numbers));
        };
        if asked.is_open(unix_ms, offset_minutes) {
            return Ok(transfer(target, numbers));
        }
        let mut name = asked.fallback.as_ref();
        // a chain has at most all targets; the configuration refuses a longer one as a circle
        for _ in 0..self.0.len() {
            let Some(found) = name.and_then(|name| self.0.get_key_value(name)) else {
                break;
            };
            let (name_of_found, target) = found;
            if target.is_open(unix_ms, offset_minutes) && !target.numbers.is_empty() {
                return Ok(transfer(name_of_found.clone(), target.numbers.clone()));
            }
            name = target.fallback.as_ref();
        }
        let hours: Vec<_> = asked.hours.iter().map(ToString::to_string).collect();
        Err(Closed {
            target,
            hours: hours.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T06:00:00Z, a Friday.
    const FRIDAY_MS: u64 = 1_795_759_200_000;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn targets(rows: &[(&str, &str, Option<&str>)]) -> TransferTargets {
        let rows = rows.iter().zip(1..).map(|((name, hours, fallback), at)| {
            let target = TransferTarget {
                numbers: vec![number(&format!("+9180000000{at:02}"))],
                hours: hours
                    .split(';')
                    .filter(|span| !span.is_empty())
                    .map(|span| span.parse().unwrap())
                    .collect(),
                fallback: fallback.map(str::to_owned),
            };
            ((*name).to_owned(), target)
        });
        TransferTargets(rows.collect())
    }

    fn open(targets: &TransferTargets, target: &str) -> Result<(String, String), Closed> {
        let own = vec![number("+918111111111")];
        let decision = targets.open(target.to_owned(), own, FRIDAY_MS, 0)?;
        let Decision::Transfer {
            target, numbers, ..
        } = decision
        else {
            panic!("no transfer");
        };
        Ok((target, numbers[0].expose().to_owned()))
    }

    #[test]
    fn an_open_target_is_dialled_by_its_own_numbers() {
        let targets = targets(&[
            ("day", "fri 06:00-07:00", Some("night")),
            ("night", "", None),
        ]);
        let own = "+918111111111".to_owned();
        assert_eq!(open(&targets, "day"), Ok(("day".to_owned(), own.clone())));
        assert_eq!(open(&targets, "legal"), Ok(("legal".to_owned(), own)));
    }

    #[test]
    fn a_closed_target_falls_back_to_the_next_that_is_open() {
        let targets = targets(&[
            ("day", "sat 06:00-07:00", Some("evening")),
            ("evening", "fri 18:00-19:00", Some("night")),
            ("night", "", None),
        ]);
        let night = ("night".to_owned(), "+918000000003".to_owned());
        assert_eq!(open(&targets, "day"), Ok(night));
    }

    #[test]
    fn without_one_that_is_open_the_transfer_is_refused_with_its_hours() {
        let closed = [
            targets(&[("day", "sat 06:00-07:00", None)]),
            targets(&[("day", "sat 06:00-07:00", Some("day"))]),
            targets(&[("day", "sat 06:00-07:00", Some("gone"))]),
        ];
        for targets in closed {
            let reported = open(&targets, "day").unwrap_err().to_string();
            assert!(
                reported.contains("`day` is closed now (its hours: sat 06:00-07:00)"),
                "{reported}"
            );
        }
    }
}
