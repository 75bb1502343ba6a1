//! Decides when changed files are taken, and when missing ones are given up. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use samvaad_model::FlowName;

use crate::places::{Place, Stamp};

/// Files are taken when they have looked the same for so long: a copy in progress grows within it.
pub(crate) const STILL: Duration = Duration::from_millis(200);

/// A flow takes no further calls when its files have been away for so long: a folder that is being replaced is away for a moment.
pub(crate) const AWAY: Duration = Duration::from_secs(1);

/// What the watcher remembers of the folder.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    flows: BTreeMap<FlowName, Watched>,
    away: BTreeMap<FlowName, Instant>,
}

#[derive(Debug)]
struct Watched {
    stamp: Stamp,
    since: Instant,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It has changed, and has to stand still.
    Changed,
    /// It is being loaded.
    Loading,
    /// It has changed while it was being loaded.
    ChangedAgain,
    /// It was judged as it is.
    Judged,
}

/// What is to be done after a look at the folder.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Flows to be loaded. Each has to be told of by [`Settling::loaded`].
    pub(crate) load: Vec<(FlowName, Place)>,
    /// Flows whose files are gone.
    pub(crate) gone: Vec<FlowName>,
    /// When to look again, where something is in motion.
    pub(crate) again: Option<Duration>,
}

impl Settling {
    /// Compares what lies in the folder with what lay there before. `known` are the flows that the catalogue knows files of.
    pub(crate) fn look(&mut self, now: Instant, places: BTreeMap<FlowName, Place>, known: &BTreeSet<FlowName>) -> Due {
        let mut due = Due::default();
        self.flows.retain(|name, watched| places.contains_key(name) || watched.step == Step::Loading);
        self.away.retain(|name, _| known.contains(name) && !places.contains_key(name));
        for name in known.iter().filter(|name| !places.contains_key(*name)) {
            let since = *self.away.entry(name.clone()).or_insert(now);
            match AWAY.checked_sub(now.duration_since(since)).filter(|left| !left.is_zero()) {
                Some(left) => due.again(left),
                None => due.gone.push(name.clone()),
            }
        }
        for (name, place) in places {
            let fresh = || Watched { stamp: place.stamp.clone(), since: now, step: Step::Changed };
            let watched = self.flows.entry(name.clone()).or_insert_with(fresh);
            if watched.stamp != place.stamp {
                let step = if watched.is_loading() { Step::ChangedAgain } else { Step::Changed };
                *watched = Watched { step, ..fresh() };
            }
            match STILL.checked_sub(now.duration_since(watched.since)).filter(|left| !left.is_zero()) {
                Some(left) if watched.step == Step::Changed => due.again(left),
                None if watched.step == Step::Changed => {
                    watched.step = Step::Loading;
                    due.load.push((name, place));
                }
                _ => {}
            }
        }
        due
    }

    /// A flow was loaded or rejected; `judged` tells whether its files stood still meanwhile.
    pub(crate) fn loaded(&mut self, now: Instant, name: &FlowName, judged: Judged) {
        let Some(watched) = self.flows.get_mut(name) else { return };
        watched.step = match (watched.step, judged) {
            (Step::Loading, Judged::AsFound) => Step::Judged,
            _ => Step::Changed,
        };
        if judged == Judged::Moving {
            watched.since = now;
        }
    }
}

/// What a load says of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They were judged as they were found.
    AsFound,
    /// They changed while they were read.
    Moving,
}

impl Watched {
    fn is_loading(&self) -> bool {
        matches!(self.step, Step::Loading | Step::ChangedAgain)
    }
}

impl Due {
    fn again(&mut self, left: Duration) {
        self.again = Some(self.again.map_or(left, |again| again.min(left)));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::places::lying;

    /// A clock that goes by the test's hand, over a real folder.
    struct Bench {
        settling: Settling,
        folder: tempfile::TempDir,
        now: Instant,
        known: BTreeSet<FlowName>,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { settling: Settling::default(), folder, now: Instant::now(), known: BTreeSet::new() }
        }

        fn file(&self) -> std::path::PathBuf {
            Path::new(self.folder.path()).join("emi.wasm")
        }

        fn after(&mut self, ms: u64) -> Due {
            self.now += Duration::from_millis(ms);
            self.settling.look(self.now, lying(self.folder.path()).unwrap().places, &self.known)
        }

        fn loads(&mut self, ms: u64) -> usize {
            self.after(ms).load.len()
        }

        fn loaded(&mut self, judged: Judged) {
            let name = FlowName::parse("emi").unwrap();
            self.settling.loaded(self.now, &name, judged);
            self.known.insert(name);
        }
    }

    #[test]
    fn a_file_is_taken_once_when_it_has_stood_still() {
        let mut bench = Bench::new();
        assert_eq!(bench.after(0).again, None);
        fs::write(bench.file(), "a").unwrap();
        assert_eq!(bench.after(0).again, Some(STILL));
        assert_eq!(bench.after(150).again, Some(Duration::from_millis(50)));
        assert_eq!(bench.loads(50), 1);
        bench.loaded(Judged::AsFound);
        assert_eq!((bench.loads(1_000), bench.after(1_000).again), (0, None));
    }

    #[test]
    fn a_file_that_grows_is_waited_for() {
        let mut bench = Bench::new();
        for half in ["a", "ab", "abc", "abcd"] {
            fs::write(bench.file(), half).unwrap();
            assert_eq!(bench.loads(199), 0);
        }
        assert_eq!((bench.loads(199), bench.loads(1)), (0, 1));
    }

    #[test]
    fn a_change_during_a_load_is_loaded_after_it() {
        let mut bench = Bench::new();
        fs::write(bench.file(), "a").unwrap();
        assert_eq!((bench.loads(0), bench.loads(200)), (0, 1));
        fs::write(bench.file(), "ab").unwrap();
        assert_eq!((bench.loads(10), bench.loads(500)), (0, 0));
        bench.loaded(Judged::AsFound);
        assert_eq!(bench.loads(0), 1);
        bench.loaded(Judged::Moving);
        assert_eq!((bench.loads(199), bench.loads(1)), (0, 1));
    }

    #[test]
    fn missing_files_are_given_up_after_a_while_and_not_before() {
        let mut bench = Bench::new();
        fs::write(bench.file(), "a").unwrap();
        assert_eq!((bench.loads(0), bench.loads(200)), (0, 1));
        bench.loaded(Judged::AsFound);
        fs::remove_file(bench.file()).unwrap();
        assert_eq!(bench.after(0).again, Some(AWAY));
        assert_eq!(bench.after(900).gone, []);
        fs::write(bench.file(), "a").unwrap();
        assert_eq!(bench.after(50).gone, []);
        fs::remove_file(bench.file()).unwrap();
        assert_eq!((bench.after(50).gone, bench.after(999).gone), (vec![], vec![]));
        assert_eq!(bench.after(1).gone.len(), 1);
    }
}
