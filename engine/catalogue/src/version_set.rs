//! The versions of one flow: candidate, active, previous and rejected.
//!
//! A version is a *candidate* (it takes a share of the new calls, to be tried), *active*, then
//! *previous* (still loaded, so that it can return at once) or *draining* (kept only by its calls)
//! and dropped with its last call. A version that was withdrawn is *rolled back*. No I/O, no
//! waiting.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use ghanti_host::{FlowVersion, Rejection, SplitMix64};
use ghanti_model::{CallId, FlowName, VersionId};

use crate::kept::{Share, Withdrawn};
use crate::states::{FlowState, Rejected, SetWeight, Stage, VersionState};

/// How many previous versions stay loaded.
const BEFORE: usize = 2;
/// How many rejected candidates are remembered, the newest.
const REJECTED: usize = 8;

/// The last verdict on the files in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// There are none.
    Gone,
    /// They could not be read.
    Unread,
    Taken(VersionId),
    Rejected(VersionId),
}

#[derive(Debug)]
struct RolledBack {
    version: Arc<FlowVersion>,
    reason: String,
    at_ms: u64,
}

/// The versions of one flow.
#[derive(Debug)]
pub(crate) struct VersionSet {
    /// Held while a candidate is read and compiled, so that components are compiled one at a time,
    /// each from its current files.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// Like `turn`, for candidates whose component is already loaded; they do not wait for
    /// compilations.
    pub(crate) light_turn: Arc<tokio::sync::Mutex<()>>,
    /// How many times the files have been looked at. The verdict of a look before `judged`, the
    /// latest look with a verdict, is discarded.
    looks: u64,
    judged: u64,
    seen: Seen,
    /// The digest of the tests last run on those files, and whether they passed.
    tests: Option<(String, bool)>,
    candidate: Option<Arc<FlowVersion>>,
    /// The share that the candidate has in place of its manifest's.
    weight: Option<SetWeight>,
    active: Option<Arc<FlowVersion>>,
    /// Newest first.
    before: Vec<Arc<FlowVersion>>,
    rolled_back: Option<RolledBack>,
    draining: Vec<Weak<FlowVersion>>,
    rejected: VecDeque<Rejected>,
    /// The version that was restored from disk at startup, as the files in the folder were rejected or
    /// are not to take all calls.
    restored: Option<VersionId>,
}

impl Default for VersionSet {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            light_turn: Arc::default(),
            looks: 0,
            judged: 0,
            seen: Seen::Gone,
            tests: None,
            candidate: None,
            weight: None,
            active: None,
            before: Vec::new(),
            rolled_back: None,
            draining: Vec::new(),
            rejected: VecDeque::new(),
            restored: None,
        }
    }
}

impl VersionSet {
    pub(crate) fn active(&self) -> Option<&Arc<FlowVersion>> {
        self.active.as_ref()
    }

    /// The version for a new call: the candidate for its share of the calls, by a number derived
    /// from the call's id so that the choice is repeatable.
    pub(crate) fn pick(&self, call: CallId) -> Option<&Arc<FlowVersion>> {
        let lot = SplitMix64(call.seed()).draw() % 100;
        self.candidate
            .as_ref()
            .filter(|candidate| {
                let set = self.weight.as_ref().map(|set| set.weight);
                lot < u64::from(set.unwrap_or(candidate.manifest().update.weight))
            })
            .or(self.active.as_ref())
    }

    /// The candidate.
    pub(crate) fn candidate(&self) -> Option<&Arc<FlowVersion>> {
        self.candidate.as_ref()
    }

    /// Gives the candidate another share of the new calls than its manifest's, until it is none any
    /// more.
    pub(crate) fn set_weight(&mut self, weight: SetWeight) {
        self.weight = self.candidate.is_some().then_some(weight);
    }

    /// The share that was set for the candidate, if one was.
    pub(crate) fn share(&self) -> Option<Share> {
        let (candidate, set) = self.candidate.as_ref().zip(self.weight.clone())?;
        Some(Share {
            version: candidate.id.clone(),
            set,
        })
    }

    /// Takes the candidate out of its stage; the share that was set for it goes with it.
    fn take_candidate(&mut self) -> Option<Arc<FlowVersion>> {
        self.weight = None;
        self.candidate.take()
    }

    /// Starts a new look at the files and returns its number.
    pub(crate) fn begin_look(&mut self) -> u64 {
        self.looks += 1;
        self.looks
    }

    /// Whether a later look already has a verdict.
    pub(crate) fn is_overtaken(&self, look: u64) -> bool {
        look < self.judged
    }

    /// Records that a look has a verdict.
    pub(crate) fn judge(&mut self, look: u64) {
        self.judged = self.judged.max(look);
    }

    /// Whether these files, with these tests, already have a verdict.
    pub(crate) fn knows(&self, id: &VersionId, tests: &str) -> bool {
        let is_seen = matches!(&self.seen, Seen::Taken(seen) | Seen::Rejected(seen) if seen == id);
        is_seen && self.tests.as_ref().is_some_and(|(seen, _)| seen == tests)
    }

    /// Whether this version is the one last taken from the folder, even if it was rolled back
    /// since.
    pub(crate) fn has_taken(&self, id: &VersionId) -> bool {
        matches!(&self.seen, Seen::Taken(seen) if seen == id)
    }

    /// Whether the flow's files were in the folder when it was last scanned.
    pub(crate) fn is_present(&self) -> bool {
        self.seen != Seen::Gone
    }

    /// Allows rejected files to be tried again.
    pub(crate) fn pardon(&mut self) {
        if matches!(self.seen, Seen::Rejected(_)) {
            self.seen = Seen::Unread;
        }
        self.tests.take_if(|(_, held)| !*held);
    }

    /// Records that the changed tests of the taken version pass.
    pub(crate) fn tested(&mut self, tests: String) {
        self.tests = Some((tests, true));
    }

    /// Records that the changed tests of the taken version fail. The version keeps its stage.
    pub(crate) fn fail_tests(
        &mut self,
        id: VersionId,
        tests: String,
        rejection: Rejection,
        at_ms: u64,
    ) {
        self.tests = Some((tests, false));
        self.keep_rejected(Some(id), rejection, at_ms);
    }

    fn loaded(&self) -> impl Iterator<Item = Arc<FlowVersion>> {
        let held = self
            .candidate
            .iter()
            .chain(&self.active)
            .chain(&self.before)
            .chain(self.rolled_back.iter().map(|gone| &gone.version));
        held.cloned()
            .chain(self.draining.iter().filter_map(Weak::upgrade))
    }

    pub(crate) fn with_id(&self, id: &VersionId) -> Option<Arc<FlowVersion>> {
        self.loaded().find(|version| version.id == *id)
    }

    pub(crate) fn with_component(&self, digest: &str) -> Option<Arc<FlowVersion>> {
        self.loaded()
            .find(|version| version.component_digest == digest)
    }

    /// All loaded versions.
    pub(crate) fn ids(&self) -> BTreeSet<VersionId> {
        self.loaded().map(|version| version.id.clone()).collect()
    }

    /// Whether this version would become active if it were published now.
    pub(crate) fn becomes_active(&self, version: &FlowVersion) -> bool {
        let is_active = self
            .active
            .as_ref()
            .is_some_and(|active| active.id == version.id);
        version.manifest().update.weight == 100 || self.active.is_none() || is_active
    }

    /// Activates the version that was saved before the restart. The verdict on the files in the
    /// folder remains.
    pub(crate) fn restore(&mut self, version: Arc<FlowVersion>) {
        self.restored = Some(version.id.clone());
        self.activate(version);
    }

    /// Takes a version from the folder that was taken back before the restart: it takes no calls until it
    /// is promoted.
    pub(crate) fn shelve(
        &mut self,
        version: Arc<FlowVersion>,
        tests: String,
        Withdrawn { reason, at_ms, .. }: Withdrawn,
    ) {
        self.tests = Some((tests, true));
        self.seen = Seen::Taken(version.id.clone());
        self.rolled_back = Some(RolledBack {
            version,
            reason,
            at_ms,
        });
    }

    /// The version that was taken back, if one was.
    pub(crate) fn withdrawn(&self) -> Option<Withdrawn> {
        self.rolled_back.as_ref().map(|gone| Withdrawn {
            version: gone.version.id.clone(),
            reason: gone.reason.clone(),
            at_ms: gone.at_ms,
        })
    }

    /// Whether the active version was restored from disk because those in the folder were not taken.
    pub(crate) fn is_restored(&self) -> bool {
        let active = self.active.as_ref().map(|active| &active.id);
        active.is_some() && self.restored.as_ref() == active && !matches!(self.seen, Seen::Taken(_))
    }

    /// Publishes a version from the folder: as a candidate if it asks for a share of the calls and
    /// another version is active for the rest, otherwise as the active version.
    pub(crate) fn publish(&mut self, version: Arc<FlowVersion>, tests: String) -> Stage {
        self.tests = Some((tests, true));
        self.seen = Seen::Taken(version.id.clone());
        if !self.becomes_active(&version) {
            let stays = self
                .candidate
                .as_ref()
                .is_some_and(|candidate| candidate.id == version.id);
            if !stays {
                self.forget(&version.id);
                let earlier = self.take_candidate();
                self.leave(earlier);
                self.candidate = Some(version);
            }
            return Stage::Candidate;
        }
        self.activate(version);
        Stage::Active
    }

    fn activate(&mut self, version: Arc<FlowVersion>) {
        self.forget(&version.id);
        let candidate = self.take_candidate();
        self.leave(candidate);
        if self
            .active
            .as_ref()
            .is_some_and(|active| active.id == version.id)
        {
            return;
        }
        let earlier = self.active.replace(version);
        self.before.splice(0..0, earlier);
        while self.before.len() > BEFORE {
            let oldest = self.before.pop();
            self.leave(oldest);
        }
    }

    /// Removes a version from its current stage, before it is given another.
    fn forget(&mut self, id: &VersionId) {
        if self
            .candidate
            .as_ref()
            .is_some_and(|version| version.id == *id)
        {
            self.take_candidate();
        }
        self.before.retain(|version| version.id != *id);
        self.rolled_back.take_if(|gone| gone.version.id == *id);
        self.draining
            .retain(|version| version.upgrade().is_some_and(|version| version.id != *id));
    }

    /// Lets a version drain: from now on only its calls hold it.
    fn leave(&mut self, version: Option<Arc<FlowVersion>>) {
        self.draining.extend(version.as_ref().map(Arc::downgrade));
        self.draining.retain(|version| version.strong_count() > 0);
    }

    /// Activates the candidate, or else the version that was rolled back. Returns `None` if there
    /// is neither.
    pub(crate) fn promote(&mut self) -> Option<Arc<FlowVersion>> {
        let version = self
            .take_candidate()
            .or_else(|| self.rolled_back.take().map(|gone| gone.version))?;
        self.activate(Arc::clone(&version));
        Some(version)
    }

    /// Withdraws the candidate or, if there is none, the active version in favour of the previous
    /// one. Returns the version that is now active, or `None` if there is nothing to return to.
    pub(crate) fn roll_back(&mut self, reason: String, at_ms: u64) -> Option<Arc<FlowVersion>> {
        let (back, version) = match (self.take_candidate(), &self.active) {
            (Some(candidate), Some(active)) => (Arc::clone(active), Some(candidate)),
            _ if self.before.is_empty() => return None,
            _ => {
                let back = self.before.remove(0);
                let active = self.active.replace(Arc::clone(&back));
                (back, active)
            }
        };
        if let Some(version) = version {
            let earlier = self.rolled_back.replace(RolledBack {
                version,
                reason,
                at_ms,
            });
            self.leave(earlier.map(|gone| gone.version));
        }
        Some(back)
    }

    /// Whether a version takes new calls.
    pub(crate) fn takes_calls(&self, id: &VersionId) -> bool {
        self.candidate
            .iter()
            .chain(&self.active)
            .any(|version| version.id == *id)
    }

    /// Withdraws one of the versions that take calls. If it is the active one, the candidate is
    /// withdrawn as well: calls go back to the version with the longest record. Returns the version
    /// that is now active, or `None` if there is no previous version.
    pub(crate) fn withdraw(
        &mut self,
        id: &VersionId,
        reason: String,
        at_ms: u64,
    ) -> Option<Arc<FlowVersion>> {
        let is_candidate = self
            .candidate
            .as_ref()
            .is_some_and(|candidate| candidate.id == *id);
        if !is_candidate && !self.before.is_empty() {
            let candidate = self.take_candidate();
            self.leave(candidate);
        }
        if is_candidate || self.candidate.is_none() {
            self.roll_back(reason, at_ms)
        } else {
            None
        }
    }

    /// Records a candidate's rejection. `judged` is the version and the digest of its tests, or
    /// `None` if its files could not be read.
    pub(crate) fn reject(
        &mut self,
        judged: Option<(VersionId, String)>,
        rejection: Rejection,
        at_ms: u64,
    ) {
        let (id, tests) = judged.unzip();
        self.seen = id.clone().map_or(Seen::Unread, Seen::Rejected);
        self.tests = tests.map(|tests| (tests, false));
        self.keep_rejected(id, rejection, at_ms);
    }

    /// The stage of a loaded version.
    pub(crate) fn stage(&self, id: &VersionId) -> Option<Stage> {
        let has = |version: &Arc<FlowVersion>| version.id == *id;
        if self.candidate.as_ref().is_some_and(has) {
            Some(Stage::Candidate)
        } else if self.active.as_ref().is_some_and(has) {
            Some(Stage::Active)
        } else if self.before.iter().any(has) {
            Some(Stage::Previous)
        } else {
            let gone = self.rolled_back.as_ref()?;
            has(&gone.version).then_some(Stage::RolledBack)
        }
    }

    /// Whether the last attempt could not read the files either, for the same reason.
    pub(crate) fn was_unread_for(&self, rejection: &Rejection) -> bool {
        self.seen == Seen::Unread
            && self
                .rejected
                .front()
                .is_some_and(|newest| newest.version.is_none() && newest.rejection == *rejection)
    }

    /// Remembers a rejection. The verdict on the files in the folder stays.
    pub(crate) fn keep_rejected(
        &mut self,
        id: Option<VersionId>,
        rejection: Rejection,
        at_ms: u64,
    ) {
        self.rejected
            .retain(|earlier| (&earlier.version, &earlier.rejection) != (&id, &rejection));
        self.rejected.push_front(Rejected {
            version: id,
            rejection,
            at_ms,
        });
        self.rejected.truncate(REJECTED);
    }

    /// Stops new calls because the flow's files are gone. Returns whether any version remains
    /// loaded.
    pub(crate) fn retire(&mut self) -> bool {
        self.seen = Seen::Gone;
        let candidate = self.take_candidate();
        self.leave(candidate);
        if let Some(active) = self.active.take() {
            // stays loaded, so that the flow can return at once
            self.before.insert(0, active);
        }
        !self.before.is_empty()
    }

    pub(crate) fn state(&self, name: &FlowName) -> FlowState {
        let candidate = self.candidate.iter().map(|version| VersionState {
            set: self.weight.clone(),
            ..VersionState::of(version, Stage::Candidate)
        });
        let active = self
            .active
            .iter()
            .map(|version| VersionState::of(version, Stage::Active));
        let before = self
            .before
            .iter()
            .map(|version| VersionState::of(version, Stage::Previous));
        let rolled_back = self.rolled_back.iter().map(|gone| VersionState {
            reason: Some(gone.reason.clone()),
            rolled_back_ms: Some(gone.at_ms),
            ..VersionState::of(&gone.version, Stage::RolledBack)
        });
        let draining = self
            .draining
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|version| version.calls() > 0);
        let draining = draining.map(|version| VersionState::of(&version, Stage::Draining));
        FlowState {
            name: name.clone(),
            versions: candidate
                .chain(active)
                .chain(before)
                .chain(rolled_back)
                .chain(draining)
                .collect(),
            rejected: self.rejected.iter().cloned().collect(),
            warnings: Vec::new(),
        }
    }
}
