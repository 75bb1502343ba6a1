//! Every path through a conversation, within bounds.
//!
//! A flow is deterministic: what it was answered decides what it does. So a path is a list of
//! answers, and exploring is running the flow from its beginning with one answer more, wherever it
//! waited when the list ended. Ending there is itself a path: the caller hung up.
//!
//! Paths are explored by the number of their disturbances, which lead to the same answers in a
//! roundabout way: first those with none, then those with one, and so on. A bound that is reached
//! is reported, together with what was not explored.

mod explorer;
mod findings;
mod options;
mod situations;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_host::{Event, Fault, FlowVersion, RunEnd, Step};
use ghanti_manifest::Observed;
use ghanti_model::Decision;

pub use options::Examples;
pub use situations::Situation;
pub(crate) use steps::shape;

use crate::flow_tests::FlowTest;

use explorer::Explorer;
use steps::answers_in_words;

/// How far an exploration goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most disturbances in one path.
    pub disturbances: usize,
    /// The most conversations held.
    pub runs: usize,
    /// The most answers in one path; one with more counts as never ending.
    pub turns: usize,
    /// How often one question branches in a path; asked more often, it gets the same answer again.
    pub asked: usize,
    /// The time limit of all.
    pub within: Duration,
    /// How many conversations are held at once.
    pub at_once: usize,
    /// Whether every path without disturbances is held a second time, which has to go the same.
    pub repeats: bool,
}

impl Bounds {
    /// The most conversations held, where nothing else is said.
    pub const RUNS_MAX: usize = 20_000;
    /// The most answers in one path.
    pub const TURNS_MAX: usize = 100;
    /// How often one question branches in a path: a flow that repeats something three times, as
    /// most do, is explored in full.
    pub const ASKED_MAX: usize = 4;
    /// How many conversations are held at once: the same on every machine, as it decides in which
    /// order paths are found.
    pub const AT_ONCE: usize = 8;
    /// The time limit of an exploration, where nothing else is said.
    pub const WITHIN: Duration = Duration::from_secs(60);
    /// The most conversations that the gate holds.
    pub const GATE_RUNS_MAX: usize = 2_000;
    /// The time limit of the gate: a version should not be held up for long.
    pub const GATE_WITHIN: Duration = Duration::from_secs(20);

    /// For an author: one disturbance in a path.
    pub fn usual() -> Self {
        Self {
            disturbances: 1,
            runs: Self::RUNS_MAX,
            turns: Self::TURNS_MAX,
            asked: Self::ASKED_MAX,
            within: Self::WITHIN,
            at_once: Self::AT_ONCE,
            repeats: true,
        }
    }

    /// Before a version takes calls: one conversation at a time, as calls come first.
    fn gate() -> Self {
        Self {
            runs: Self::GATE_RUNS_MAX,
            within: Self::GATE_WITHIN,
            ..Self::beside_calls()
        }
    }

    /// For the map of a version that takes calls: as far as for an author, one conversation at a
    /// time.
    pub fn beside_calls() -> Self {
        Self {
            at_once: 1,
            repeats: false,
            ..Self::usual()
        }
    }
}

/// A path that the caller does not leave.
#[derive(Debug, Clone)]
pub struct Path {
    /// The index of its situation.
    pub situation: usize,
    /// What happened.
    pub events: Vec<Event>,
    /// How the flow ended; `None` where it did not within the bounds.
    pub end: Option<RunEnd>,
    /// Why it is an improper end, if it is one.
    pub failure: Option<String>,
    /// How long the call takes, in milliseconds, with speech.
    pub ms: u64,
}

impl Path {
    /// What was answered, in words.
    pub fn answers(&self) -> String {
        answers_in_words(&self.events)
    }

    /// The disposition that it ends with.
    pub fn outcome(&self) -> Option<&str> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Outcome(outcome) => Some(outcome.as_str()),
            _ => None,
        })
    }

    /// How it ends: its disposition, the target of a transfer, and whether it is an improper end.
    pub(crate) fn ending(&self) -> (Option<&str>, Option<&str>, bool) {
        (self.outcome(), self.transfer(), self.failure.is_some())
    }

    /// The target that it transfers to.
    pub fn transfer(&self) -> Option<&str> {
        let decided = self.events.iter().rev().find_map(|event| match event {
            Event::Decided(decision) => Some(decision),
            _ => None,
        });
        match decided {
            Some(Decision::Transfer { target, .. }) => Some(target),
            Some(Decision::HangUp) | None => None,
        }
    }
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The flow is at fault.
    Error,
    /// Unusual; an author should check it.
    Warning,
}

/// Something that an exploration found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// A property's line in the manifest, if it is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// The path that shows it, in words.
    pub path: Option<String>,
    /// On how many paths it was found.
    pub count: usize,
    /// What happened on the path that shows it.
    pub events: Vec<Event>,
    /// The index of that path's situation.
    pub situation: usize,
}

/// All paths with the same number of disturbances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How many disturbances they have.
    pub disturbances: usize,
    /// How many there are.
    pub paths: usize,
    /// How many conversations were not held because of a bound.
    pub left: usize,
}

/// What an exploration found.
#[derive(Debug, Default)]
pub struct Exploration {
    /// The customers and calls.
    pub situations: Vec<Situation>,
    /// The paths without disturbances.
    pub paths: Vec<Path>,
    /// One path for each end that no path without disturbances has: an action fails, the caller hangs
    /// up, or answers in a roundabout way.
    pub side_ends: Vec<Path>,
    /// How many paths there are, by disturbances.
    pub levels: Vec<Level>,
    /// How many conversations were held.
    pub runs: usize,
    /// In how many of them the caller hung up.
    pub hang_ups: usize,
    /// How many were held a second time, with the same result.
    pub repeated: usize,
    /// The longest call, in milliseconds.
    pub longest_ms: u64,
    /// What was not explored, and why, one sentence each.
    pub limits: Vec<String>,
    /// What is wrong, errors first.
    pub findings: Vec<Finding>,
    /// What the flow asked and established.
    pub observed: Observed,
    /// How long it took in real time.
    pub took: Duration,
}

impl Exploration {
    /// Whether every path within the bounds was explored.
    pub fn is_whole(&self) -> bool {
        self.levels.iter().all(|level| level.left == 0)
    }
}

/// Explores a version's conversation with the customers of its tests.
pub async fn explore(
    version: &Arc<FlowVersion>,
    tests: &[(String, FlowTest)],
    bounds: Bounds,
) -> Exploration {
    let began = Instant::now();
    let (situations, examples, left_out) = situations::situations(version, tests);
    let mut explorer = Explorer::new(version, bounds, situations, examples);
    if left_out > 0 {
        explorer.found.limits.push(format!(
            "{left_out} more customers of the tests are not tried: the first few are enough for one exploration"
        ));
    }
    explorer.all(began).await;
    explorer.leave_out_main_ends();
    explorer.conclude();
    let mut found = explorer.found;
    found.took = began.elapsed();
    found
}

/// Explores a version before it takes calls, if its manifest asks for it. Rejects it if a path
/// breaks a property. `alike` is a loaded version with the same component: where the manifest is
/// the same, too, its paths are those that were explored before.
pub async fn gate(
    version: &Arc<FlowVersion>,
    tests: &BTreeMap<String, String>,
    alike: Option<&FlowVersion>,
) -> Result<(), Fault> {
    let properties = &version.manifest().properties;
    // other words take another time
    let is_known = properties.longest_call_ms.is_none()
        && alike.is_some_and(|alike| alike.manifest() == version.manifest());
    if !properties.gate || properties.is_empty() || is_known {
        return Ok(());
    }
    let (tests, _) = crate::flow_tests::read(version, tests);
    let found = explore(version, &tests, Bounds::gate()).await;
    let broken: Vec<_> = found
        .findings
        .iter()
        .filter(|finding| finding.line.is_some())
        .collect();
    if !found.is_whole() {
        tracing::warn!(flow = %version.name, version = %version.id, runs = found.runs, "the properties hold on the paths explored; there are more: `ghanti flow test` explores further");
    }
    let Some(first) = broken.first() else {
        tracing::info!(flow = %version.name, version = %version.id, runs = found.runs, "the properties hold");
        return Ok(());
    };
    let reasons: Vec<_> = broken
        .iter()
        .map(|finding| {
            let path = finding.path.as_deref().unwrap_or_default();
            let line = finding.line.unwrap_or(1);
            format!("line {line}: {}, on the path {path}", finding.message)
        })
        .collect();
    let hint = "fix the flow; `ghanti flow test` shows the conversation. Remove a property that is outdated, and name it in `[update] drops-rules`";
    Err(Fault::new(Step::Properties, reasons.join("\n"), hint).at(first.line))
}
