//! The replay gate: recorded calls that a candidate must replay between loading and publication, if
//! its manifest asks for it.
//!
//! The catalogue has neither records nor prompts; the [`ReplayCheck`] has both. Which differences
//! reject a candidate is decided here. A replay that breaks off before the record's end always
//! does, whatever kinds are named: what the version would have said and decided after that point is
//! unknown, so it cannot be shown to agree.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ghanti_host::{Fault, FlowVersion, Step};
use ghanti_manifest::ReplayGate;
use ghanti_model::{CallId, DifferenceKind};

/// The time limit of a gate. Ten thousand calls of a flow in Rust took 12 s, one at a time on a
/// busy machine.
const GATE: Duration = Duration::from_secs(60);

/// Replays recorded calls against candidates. Must not speak or change anything, nor delay any
/// call.
#[async_trait]
pub trait ReplayCheck: Send + Sync {
    /// Replays the flow's newest recorded calls, as many as the gate asks for or as there are, up
    /// to the first difference that rejects the candidate ([`ReplayGate::rejects`]). The
    /// error says in one sentence why this is not possible.
    async fn check(
        &self,
        candidate: &Arc<FlowVersion>,
        gate: &ReplayGate,
    ) -> Result<ReplayVerdict, String>;
}

/// The result of a replay check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// Nothing was replayed, since calls have been taken on this version before, so it has already
    /// passed. This way a restarted engine has its flows, whatever has been recorded since.
    HeldBefore,
    /// No difference rejects the candidate.
    Agrees {
        /// How many calls were replayed; fewer than asked for if there are not enough, 0 on the
        /// first day.
        calls: u32,
    },
    /// This difference rejects the candidate.
    Differs(Obstacle),
}

/// A difference that rejects a candidate, without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The recorded call.
    pub call: CallId,
    /// The recorded entry's number, from 1.
    pub seq: u32,
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// What was recorded.
    pub expected: String,
    /// What the candidate does.
    pub got: String,
    /// Whether the replay ended there, before the record's end.
    pub breaks_off: bool,
}

/// Runs a candidate's replay gate. The error says why it did not pass.
pub(crate) async fn pass(
    replay_check: Option<&dyn ReplayCheck>,
    candidate: &Arc<FlowVersion>,
) -> Result<(), Fault> {
    let (Some(gate), Some(replay_check)) = (&candidate.manifest().replay_gate, replay_check) else {
        return Ok(());
    };
    let (flow, version) = (&candidate.name, &candidate.id);
    let verdict = tokio::time::timeout(GATE, replay_check.check(candidate, gate)).await;
    match verdict {
        Ok(Ok(ReplayVerdict::HeldBefore)) => {
            tracing::info!(%flow, %version, "replay gate: calls ran on this version before")
        }
        Ok(Ok(ReplayVerdict::Agrees { calls })) => {
            tracing::info!(%flow, %version, calls, asked_for = gate.calls, "replay gate: recorded calls come out the same");
        }
        Ok(Ok(ReplayVerdict::Differs(obstacle))) => return Err(fault_of(gate, &obstacle)),
        Ok(Err(reason)) => {
            let hint = "fix that, then POST /api/flows/reload; or take `[replay] gate` away";
            return Err(Fault::new(
                Step::Replay,
                format!("the recorded calls cannot be replayed: {reason}"),
                hint,
            ));
        }
        Err(_) => {
            let reason = format!(
                "its {} recorded calls could not be replayed within {} s",
                gate.calls,
                GATE.as_secs()
            );
            return Err(Fault::new(
                Step::Replay,
                reason,
                "ask for fewer `calls` in `[replay] gate`, or POST /api/flows/reload when there is less to do",
            ));
        }
    }
    Ok(())
}

fn fault_of(gate: &ReplayGate, obstacle: &Obstacle) -> Fault {
    let Obstacle {
        call,
        seq,
        kind,
        expected,
        got,
        breaks_off,
    } = obstacle;
    let reason = format!(
        "call {call} would go otherwise at entry {seq} ({kind}): expected {expected}; got {got}"
    );
    if *breaks_off {
        let named = gate
            .kinds
            .iter()
            .map(|kind| kind.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let reason = format!(
            "{reason}; its replay ends there, so that what follows cannot be shown to agree in {named}"
        );
        let hint = format!(
            "`ghanti replay {call}` shows both sides; if it is intended, take `[replay] gate` away for this version, and put it back when calls of it are recorded"
        );
        return Fault::new(Step::Replay, reason, &hint);
    }
    let hint = format!(
        "`ghanti replay {call}` shows both sides; if it is intended, take `{kind}` out of `[replay] gate` for this version"
    );
    Fault::new(Step::Replay, reason, &hint)
}
