//! What a load is to do: its stages, how calls are begun, who calls.

use std::time::Duration;

use serde::Serialize;

use crate::callers::Share;
use crate::speech::Frames;

/// A load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The stages, one after another. All calls of one have ended before the next begins.
    pub stages: Vec<Stage>,
    /// The most calls that are begun in a second.
    pub calls_per_s: f64,
    /// The form of the callers' audio.
    pub frames: Frames,
    /// Who calls.
    pub shares: Vec<Share>,
}

/// A stage of a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stage {
    /// Number of concurrent calls. One that ends is followed by another.
    pub calls: u64,
    /// For how long, after the last of them was begun.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub lasts: Duration,
    /// Whether slopes are wanted, however short it is.
    pub soak: bool,
}

/// A duration as seconds.
pub fn seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// Nothing to do.
    #[error("`{0}` calls: choose 1 to {CALLS}")]
    Calls(u64),
    /// No rate.
    #[error("a rate of `{0}` calls a second: choose 0.01 to 10,000")]
    Rate(String),
    /// Calls end sooner than others are begun.
    #[error(
        "calls of {hold_s} s at {rate} a second are never `{calls}` at once: raise --rate or --hold"
    )]
    NeverReached {
        /// The calls of a stage.
        calls: u64,
        /// The rate.
        rate: String,
        /// How long the longest call is held.
        hold_s: u64,
    },
    /// A call without a duration.
    #[error("calls of no length: choose a `--hold` of a second or more")]
    Hold,
}

/// The most calls of a stage: each has a socket, and the numbers of customers are eight digits.
pub const CALLS: u64 = 50_000;

impl Plan {
    /// Checks that it can be carried out.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), PlanError> {
        let rate = self.calls_per_s;
        if !(0.01..=10_000.0).contains(&rate) {
            return Err(PlanError::Rate(rate.to_string()));
        }
        let holds = self.shares.iter().map(|share| share.caller.holds_ms);
        let hold_s = holds.max().unwrap_or_default() / 1_000;
        if hold_s == 0 {
            return Err(PlanError::Hold);
        }
        for Stage { calls, .. } in &self.stages {
            if !(1..=CALLS).contains(calls) {
                return Err(PlanError::Calls(*calls));
            }
            if rate * (hold_s as f64) < *calls as f64 {
                return Err(PlanError::NeverReached {
                    calls: *calls,
                    rate: rate.to_string(),
                    hold_s,
                });
            }
        }
        Ok(())
    }

    /// How long it takes until all calls of a stage have been begun.
    pub fn ramp(&self, stage: &Stage) -> Duration {
        Duration::from_secs_f64(stage.calls as f64 / self.calls_per_s)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::callers::Caller;

    fn plan(calls: u64, calls_per_s: f64, holds_ms: u64) -> Plan {
        let customer = toml::from_str("phone = \"+919876500001\"").unwrap();
        let caller = Caller::built_in("silent", &customer, holds_ms).unwrap();
        Plan {
            stages: vec![Stage {
                calls,
                lasts: Duration::from_secs(60),
                soak: false,
            }],
            calls_per_s,
            frames: Frames {
                ms: 20,
                rate_hz: 8_000,
            },
            shares: vec![Share {
                caller: Arc::new(caller),
                weight: 1,
            }],
        }
    }

    #[test]
    fn a_plan_that_never_reaches_its_calls_is_refused() {
        assert_eq!(plan(50, 10.0, 60_000).check(), Ok(()));
        assert_eq!(
            plan(50, 10.0, 60_000)
                .ramp(&plan(50, 1.0, 1).stages[0])
                .as_secs(),
            5
        );
        let error = plan(50, 1.0, 20_000).check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "calls of 20 s at 1 a second are never `50` at once: raise --rate or --hold"
        );
        assert!(matches!(
            plan(0, 1.0, 1_000).check(),
            Err(PlanError::Calls(0))
        ));
        assert!(matches!(
            plan(1, 0.0, 1_000).check(),
            Err(PlanError::Rate(_))
        ));
        assert_eq!(plan(1, 1.0, 0).check(), Err(PlanError::Hold));
    }
}
