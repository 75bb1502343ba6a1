//! Warnings about flows, and who takes the calls that no flow claims.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ghanti_host::FlowVersion;
use ghanti_manifest::NoFlow;
use ghanti_manifest::choose::{open, unclaimed};
use ghanti_manifest::claims::overlaps;
use ghanti_manifest::question::Expects;
use ghanti_model::{FlowName, Language};

use super::{Catalogue, Flows, taking};
use crate::states::Unclaimed;

type Hears = Box<dyn Fn(&Language) -> bool + Send + Sync>;

/// The warnings that were logged, and what is needed to decide on them.
#[derive(Default)]
pub(super) struct Notices {
    /// How many batches of changes are in progress; warnings are logged after the last.
    quiet: AtomicUsize,
    said: Mutex<BTreeSet<String>>,
    hears: OnceLock<Hears>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices")
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

/// While it is held, nothing is logged.
pub(super) struct Quiet<'n>(&'n AtomicUsize);

impl Notices {
    pub(super) fn quiet(&self) -> Quiet<'_> {
        self.quiet.fetch_add(1, Ordering::AcqRel);
        Quiet(&self.quiet)
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Catalogue {
    /// Sets which languages the engine can recognise, so that flows in other languages get a
    /// warning. Only the first call has an effect.
    pub fn hears(&self, understands: impl Fn(&Language) -> bool + Send + Sync + 'static) {
        if self.notices.hears.set(Box::new(understands)).is_ok() {
            self.look_over();
        }
    }

    /// Where the calls that no flow claims go.
    pub fn unclaimed(&self) -> Unclaimed {
        let flows = self.flows();
        let taking = taking(&flows);
        match unclaimed(
            &taking,
            self.default_flow.as_ref(),
            self.kept.home().as_ref(),
        ) {
            Ok((flow, because)) => Unclaimed {
                flow: Some(flow.clone()),
                because: because.as_str().to_owned(),
                is_problem: false,
            },
            Err(NoFlow::Unknown { wanted, .. }) => {
                let because = if self.default_flow.is_some() {
                    format!(
                        "`flow` of `[calls]` names `{wanted}`, which is not loaded: correct the name, or see why it was rejected"
                    )
                } else {
                    format!(
                        "`{wanted}` took them and is not loaded: see why it was rejected, or name another by `flow` of `[calls]`"
                    )
                };
                Unclaimed {
                    flow: None,
                    because,
                    is_problem: true,
                }
            }
            Err(NoFlow::Unmatched { .. }) => {
                let catch_alls: Vec<_> = open(&taking)
                    .filter(|(_, takes)| takes.conditions() == 0)
                    .map(|(name, _)| name.as_str())
                    .collect();
                let because = match catch_alls.as_slice() {
                    [] => "every flow takes only the calls that it claims by `[match]`, or those that ask for it".to_owned(),
                    several => format!(
                        "`{}` have no conditions in `[match]`, and none of them took these calls before: name one by `flow` of `[calls]`, or say in each `[match]` which calls it takes",
                        several.join("`, `")
                    ),
                };
                Unclaimed {
                    flow: None,
                    because,
                    is_problem: !catch_alls.is_empty(),
                }
            }
        }
    }

    /// Why calls are not served as they should be, one sentence each: flows that took calls and no
    /// longer do although their files are there, and calls that end because it is ambiguous which
    /// flow takes them.
    pub fn problems(&self) -> Vec<String> {
        let flows = self.flows();
        let missing = flows
            .iter()
            .filter(|(_, set)| set.is_present() && set.active().is_none())
            .map(|(name, _)| name);
        let missing = missing.filter(|name| self.kept.last(name).is_some());
        let missing =
            missing.map(|name| format!("flow `{name}` took calls before and takes none now: see in /api/flows why it was rejected"));
        let mut problems: Vec<_> = missing.collect();
        let is_empty = taking(&flows).is_empty();
        drop(flows);
        let Unclaimed {
            because,
            is_problem,
            ..
        } = self.unclaimed();
        if is_problem && !is_empty {
            problems.push(format!(
                "calls that no flow claims are not taken: {because}"
            ));
        }
        problems
    }

    /// All warnings, by flow name.
    pub(super) fn warnings(&self, flows: &Flows) -> BTreeMap<FlowName, Vec<String>> {
        let mut warnings: BTreeMap<FlowName, Vec<String>> = BTreeMap::new();
        for (name, set) in flows {
            let own = warnings.entry(name.clone()).or_default();
            if set.is_restored() {
                own.push(
                    "the files in the folder were rejected, so that the version that took calls last goes on: see what was rejected"
                        .to_owned(),
                );
            }
            if let Some(version) = set.active() {
                own.extend(version.warnings.iter().cloned());
            }
            if let (Some(hears), Some(version)) = (self.notices.hears.get(), set.active()) {
                let unheard: Vec<_> = version
                    .languages
                    .iter()
                    .filter(|language| !hears(language))
                    .map(Language::as_str)
                    .collect();
                if !unheard.is_empty() {
                    let without_keys = questions_without_keys(version);
                    let keys = if without_keys.is_empty() {
                        String::new()
                    } else {
                        format!(
                            ", or give every choice a key: {} has some without",
                            without_keys.join(", ")
                        )
                    };
                    own.push(format!("no recogniser here understands {}: in it callers can answer by keys alone; add a model{keys}", unheard.join(", ")));
                }
            }
        }
        for (first, second, sentence) in overlaps(&taking(flows)) {
            warnings.entry(first).or_default().push(sentence.clone());
            warnings.entry(second).or_default().push(sentence);
        }
        warnings
    }

    /// After a change: decides which flow takes unclaimed calls, and logs each new warning once.
    pub(super) fn look_over(&self) {
        if self.notices.quiet.load(Ordering::Acquire) > 0 {
            return;
        }
        self.fix_home();
        let unclaimed = self.unclaimed();
        let flows = self.flows();
        let own = self
            .warnings(&flows)
            .into_iter()
            .flat_map(|(name, warnings)| {
                warnings
                    .into_iter()
                    .map(move |warning| (name.clone(), warning))
            });
        let own: Vec<_> = own.collect();
        drop(flows);
        let mut said = self
            .notices
            .said
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *said);
        // a warning about two flows is logged once
        let mut says = |warning: String| {
            let is_new = !before.contains(&warning) && !said.contains(&warning);
            said.insert(warning);
            is_new
        };
        for (flow, warning) in own {
            if says(warning.clone()) {
                tracing::warn!(%flow, warning, "flow has a warning");
            }
        }
        if unclaimed.is_problem && says(unclaimed.because.clone()) {
            tracing::warn!(
                because = unclaimed.because,
                "calls that no flow claims are not taken"
            );
        }
    }

    /// Keeps unclaimed calls with the flow that has them as long as its files are there: another
    /// flow takes them only by a `[match]` that claims them, or by the operator's configuration.
    fn fix_home(&self) {
        if self.default_flow.is_some() {
            return;
        }
        let is_new = {
            let flows = self.flows();
            let stays = |home: &FlowName| {
                flows.get(home).is_some_and(|set| match set.active() {
                    Some(version) => version.manifest().takes.weight > 0,
                    None => set.is_present(),
                })
            };
            let home = self.kept.home().filter(stays);
            let home = home.or_else(|| {
                unclaimed(&taking(&flows), None, None)
                    .ok()
                    .map(|(name, _)| name.clone())
            });
            self.kept.note_home(home.clone()).then_some(home)
        };
        if let Some(home) = is_new {
            match home {
                Some(flow) => tracing::info!(%flow, "flow takes the calls that no flow claims"),
                None => tracing::info!("nobody takes the calls that no flow claims"),
            }
            let kept = Arc::clone(&self.kept);
            self.loader
                .engine()
                .loader_pool()
                .spawn_light(move || kept.write_home());
        }
    }
}

/// The questions of a manifest with choices that no key selects.
fn questions_without_keys(version: &FlowVersion) -> Vec<String> {
    let questions = version.manifest().questions.iter();
    let without = questions.filter(|(_, question)| match &question.expects {
        Expects::Choices(choices) => choices.iter().any(|choice| choice.key.is_none()),
        Expects::Text | Expects::Digits(_) | Expects::Value(_) => false,
    });
    without.map(|(name, _)| format!("`{name}`")).collect()
}
