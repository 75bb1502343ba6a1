//! The versions of one flow: which takes calls, which wait, which came before, which were turned
//! away.
//!
//! A version is a *candidate* (it takes a share of the new calls, to be tried), *active*, then
//! *before* (loaded, so that it can come back at once) or *draining* (only its calls keep it) and
//! gone with its last call. One that was brought back from is *rolled back*. No I/O, no waiting.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use ghanti_model::{CallId, FlowName, VersionId};

use crate::host::SplitMix64;
use crate::load::Rejection;
use crate::states::{FlowState, Rejected, Stage, VersionState};
use crate::version::FlowVersion;

/// So many versions before the active one stay loaded.
const BEFORE: usize = 2;
/// So many rejected candidates are remembered, the newest.
const REJECTED: usize = 8;

/// What became of the files that lie in the folder.
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
struct RolledBack<P> {
    version: Arc<FlowVersion<P>>,
    reason: String,
    at_ms: u64,
}

/// The versions of one flow.
#[derive(Debug)]
pub(crate) struct VersionSet<P> {
    /// Whose turn it is to compile a component: one candidate at a time, each with the files as
    /// they are by then.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// The same of candidates whose component is loaded. They do not wait for what is compiled.
    pub(crate) light_turn: Arc<tokio::sync::Mutex<()>>,
    /// How many looks at the files there were, and of which the newest verdict is: a load that was
    /// overtaken says nothing any more.
    looks: u64,
    judged: u64,
    seen: Seen,
    /// The digest of the flow's tests by which that was judged last, and whether they held.
    tests: Option<(String, bool)>,
    candidate: Option<Arc<FlowVersion<P>>>,
    active: Option<Arc<FlowVersion<P>>>,
    /// The newest first.
    before: Vec<Arc<FlowVersion<P>>>,
    rolled_back: Option<RolledBack<P>>,
    draining: Vec<Weak<FlowVersion<P>>>,
    rejected: VecDeque<Rejected>,
    /// The version that came from what was kept, since the files in the folder were rejected at the
    /// start.
    restored: Option<VersionId>,
}

impl<P> Default for VersionSet<P> {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            light_turn: Arc::default(),
            looks: 0,
            judged: 0,
            seen: Seen::Gone,
            tests: None,
            candidate: None,
            active: None,
            before: Vec::new(),
            rolled_back: None,
            draining: Vec::new(),
            rejected: VecDeque::new(),
            restored: None,
        }
    }
}

impl<P> VersionSet<P> {
    pub(crate) fn active(&self) -> Option<&Arc<FlowVersion<P>>> {
        self.active.as_ref()
    }

    /// The version for a new call: the candidate for its share, chosen by the call's id so that the
    /// choice can be repeated.
    pub(crate) fn pick(&self, call: CallId) -> Option<&Arc<FlowVersion<P>>> {
        let lot = SplitMix64(call.seed()).next() % 100;
        self.candidate
            .as_ref()
            .filter(|candidate| lot < u64::from(candidate.manifest().update.weight))
            .or(self.active.as_ref())
    }

    /// The number of a look at the files that begins now.
    pub(crate) fn begin_look(&mut self) -> u64 {
        self.looks += 1;
        self.looks
    }

    /// Whether a later look has come to a verdict.
    pub(crate) fn is_overtaken(&self, look: u64) -> bool {
        look < self.judged
    }

    /// A look has come to a verdict.
    pub(crate) fn judge(&mut self, look: u64) {
        self.judged = self.judged.max(look);
    }

    /// Whether these files were judged already, by these tests.
    pub(crate) fn knows(&self, id: &VersionId, tests: &str) -> bool {
        let is_seen = matches!(&self.seen, Seen::Taken(seen) | Seen::Rejected(seen) if seen == id);
        is_seen && self.tests.as_ref().is_some_and(|(seen, _)| seen == tests)
    }

    /// Whether this version was taken from the folder, whatever became of it since.
    pub(crate) fn has_taken(&self, id: &VersionId) -> bool {
        matches!(&self.seen, Seen::Taken(seen) if seen == id)
    }

    /// Whether files of the flow lay in the folder when it was last looked at.
    pub(crate) fn is_present(&self) -> bool {
        self.seen != Seen::Gone
    }

    /// Lets files that were rejected be tried again.
    pub(crate) fn pardon(&mut self) {
        if matches!(self.seen, Seen::Rejected(_)) {
            self.seen = Seen::Unread;
        }
        self.tests.take_if(|(_, held)| !*held);
    }

    /// The tests of the version that was taken have changed, and hold for it.
    pub(crate) fn tested(&mut self, tests: String) {
        self.tests = Some((tests, true));
    }

    /// They do not. The version stays what it is.
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

    fn loaded(&self) -> impl Iterator<Item = Arc<FlowVersion<P>>> {
        let held = self
            .candidate
            .iter()
            .chain(&self.active)
            .chain(&self.before)
            .chain(self.rolled_back.iter().map(|gone| &gone.version));
        held.cloned()
            .chain(self.draining.iter().filter_map(Weak::upgrade))
    }

    pub(crate) fn with_id(&self, id: &VersionId) -> Option<Arc<FlowVersion<P>>> {
        self.loaded().find(|version| version.id == *id)
    }

    pub(crate) fn with_component(&self, digest: &str) -> Option<Arc<FlowVersion<P>>> {
        self.loaded()
            .find(|version| version.component_digest == digest)
    }

    /// The versions that take calls or may come back.
    pub(crate) fn ids(&self) -> BTreeSet<VersionId> {
        self.loaded().map(|version| version.id.clone()).collect()
    }

    /// Whether a version that is published now becomes active.
    pub(crate) fn becomes_active(&self, version: &FlowVersion<P>) -> bool {
        let is_active = self
            .active
            .as_ref()
            .is_some_and(|active| active.id == version.id);
        version.manifest().update.weight == 100 || self.active.is_none() || is_active
    }

    /// Makes the version that was kept active. What lies in the folder stays what it was judged to
    /// be.
    pub(crate) fn restore(&mut self, version: Arc<FlowVersion<P>>) {
        self.restored = Some(version.id.clone());
        self.activate(version);
    }

    /// Whether the version that takes calls is the kept one, and not what lies in the folder.
    pub(crate) fn is_restored(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            self.restored.as_ref() == Some(&active.id) && !self.has_taken(&active.id)
        })
    }

    /// Takes a version that lies in the folder: as a candidate where it asks for a share of the
    /// calls and there is another for the rest.
    pub(crate) fn publish(&mut self, version: Arc<FlowVersion<P>>, tests: String) -> Stage {
        self.tests = Some((tests, true));
        self.seen = Seen::Taken(version.id.clone());
        if !self.becomes_active(&version) {
            self.forget(&version.id);
            let earlier = self.candidate.replace(version);
            self.leave(earlier);
            return Stage::Candidate;
        }
        self.activate(version);
        Stage::Active
    }

    fn activate(&mut self, version: Arc<FlowVersion<P>>) {
        self.forget(&version.id);
        let candidate = self.candidate.take();
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

    /// Takes a version that is about to become another thing out of what it was.
    fn forget(&mut self, id: &VersionId) {
        self.candidate.take_if(|version| version.id == *id);
        self.before.retain(|version| version.id != *id);
        self.rolled_back.take_if(|gone| gone.version.id == *id);
        self.draining
            .retain(|version| version.upgrade().is_some_and(|version| version.id != *id));
    }

    /// From here on only calls hold it.
    fn leave(&mut self, version: Option<Arc<FlowVersion<P>>>) {
        self.draining.extend(version.as_ref().map(Arc::downgrade));
        self.draining.retain(|version| version.strong_count() > 0);
    }

    /// Makes the candidate active, or else the version that was rolled_back. None where there is
    /// neither.
    pub(crate) fn promote(&mut self) -> Option<Arc<FlowVersion<P>>> {
        let version = self
            .candidate
            .take()
            .or_else(|| self.rolled_back.take().map(|gone| gone.version))?;
        self.activate(Arc::clone(&version));
        Some(version)
    }

    /// Withdraws the candidate; without one, the active version, and brings the version before
    /// back. Gives the version that now is active.
    pub(crate) fn roll_back(&mut self, reason: String, at_ms: u64) -> Option<Arc<FlowVersion<P>>> {
        let (back, version) = match (self.candidate.take(), &self.active) {
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

    /// Withdraws one of the versions that take calls. When it is the active one, a candidate gives
    /// way with it: the calls are to go back to what was tried longest. Gives the version that now
    /// is active; none where there is no version before.
    pub(crate) fn withdraw(
        &mut self,
        id: &VersionId,
        reason: String,
        at_ms: u64,
    ) -> Option<Arc<FlowVersion<P>>> {
        let is_candidate = self
            .candidate
            .as_ref()
            .is_some_and(|candidate| candidate.id == *id);
        if !is_candidate && !self.before.is_empty() {
            let candidate = self.candidate.take();
            self.leave(candidate);
        }
        if is_candidate || self.candidate.is_none() {
            self.roll_back(reason, at_ms)
        } else {
            None
        }
    }

    /// Keeps a candidate's rejection. `judged` is the version with the digest of its tests; none
    /// where its files could not be read.
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

    /// Whether the files could not be read before either, for the same reason.
    pub(crate) fn was_unread_for(&self, rejection: &Rejection) -> bool {
        self.seen == Seen::Unread
            && self
                .rejected
                .front()
                .is_some_and(|newest| newest.version.is_none() && newest.rejection == *rejection)
    }

    fn keep_rejected(&mut self, id: Option<VersionId>, rejection: Rejection, at_ms: u64) {
        self.rejected
            .retain(|earlier| (&earlier.version, &earlier.rejection) != (&id, &rejection));
        self.rejected.push_front(Rejected {
            version: id,
            rejection,
            at_ms,
        });
        self.rejected.truncate(REJECTED);
    }

    /// The flow's files are gone: it takes no further calls. Tells whether anything of it is left.
    pub(crate) fn retire(&mut self) -> bool {
        self.seen = Seen::Gone;
        let candidate = self.candidate.take();
        self.leave(candidate);
        if let Some(active) = self.active.take() {
            self.before.insert(0, active);
        }
        !self.before.is_empty()
    }

    pub(crate) fn state(&self, name: &FlowName) -> FlowState {
        let candidate = self
            .candidate
            .iter()
            .map(|version| VersionState::of(version, Stage::Candidate));
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
