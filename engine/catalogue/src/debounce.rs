//! Debounces the flows folder: decides when changed files are loaded, and when missing ones count
//! as removed. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ghanti_model::FlowName;

use crate::scan::{Place, Stamp};

/// Files are loaded once they have been unchanged for this long: a copy in progress grows within
/// it.
pub(crate) const STILL: Duration = Duration::from_millis(200);

/// A flow takes no more calls once its files have been missing for this long: a folder that is
/// being replaced is missing for a moment.
pub(crate) const AWAY: Duration = Duration::from_secs(1);

/// What is known of the folder from previous scans.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    flows: BTreeMap<FlowName, Watched>,
    away: BTreeMap<FlowName, Instant>,
    /// How many loads have been started.
    loads: u64,
}

#[derive(Debug)]
struct Watched {
    stamp: Stamp,
    since: Instant,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Changed, and has to stay unchanged for [`STILL`]. If an older load is still running, it is
    /// not waited for: its files are gone, it may take long, and the current files may load within
    /// milliseconds.
    Changed,
    /// Being loaded, by the load with this number.
    Loading(u64),
    /// Loaded or rejected, and unchanged since.
    Judged,
}

/// What to do after a scan of the folder.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Flows to load, each with the load's number, to be passed to [`Debounce::loaded`].
    pub(crate) load: Vec<(FlowName, Place, u64)>,
    /// Flows whose files are gone.
    pub(crate) gone: Vec<FlowName>,
    /// When to scan again, if files are still changing.
    pub(crate) again: Option<Duration>,
}

impl Debounce {
    /// Compares the folder with the previous scan. `known` are the flows whose files the catalogue
    /// considers present.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        places: BTreeMap<FlowName, Place>,
        known: &BTreeSet<FlowName>,
    ) -> Due {
        let mut due = Due::default();
        self.flows.retain(|name, _| places.contains_key(name));
        self.away
            .retain(|name, _| known.contains(name) && !places.contains_key(name));
        for name in known.iter().filter(|name| !places.contains_key(*name)) {
            let since = *self.away.entry(name.clone()).or_insert(now);
            match AWAY
                .checked_sub(now.duration_since(since))
                .filter(|left| !left.is_zero())
            {
                Some(left) => due.again(left),
                None => due.gone.push(name.clone()),
            }
        }
        for (name, place) in places {
            let fresh = || Watched {
                stamp: place.stamp.clone(),
                since: now,
                step: Step::Changed,
            };
            let watched = self.flows.entry(name.clone()).or_insert_with(fresh);
            if watched.stamp != place.stamp {
                *watched = fresh();
            }
            match STILL
                .checked_sub(now.duration_since(watched.since))
                .filter(|left| !left.is_zero())
            {
                Some(left) if watched.step == Step::Changed => due.again(left),
                None if watched.step == Step::Changed => {
                    self.loads += 1;
                    watched.step = Step::Loading(self.loads);
                    due.load.push((name, place, self.loads));
                }
                _ => {}
            }
        }
        due
    }

    /// Records that a load has ended, and whether the files changed while they were read. Ignored
    /// if the files have changed since and the load is outdated.
    pub(crate) fn loaded(&mut self, now: Instant, name: &FlowName, load: u64, judged: Judged) {
        let Some(watched) = self
            .flows
            .get_mut(name)
            .filter(|watched| watched.step == Step::Loading(load))
        else {
            return;
        };
        match judged {
            Judged::AsFound => watched.step = Step::Judged,
            Judged::Moving => (watched.step, watched.since) = (Step::Changed, now),
        }
    }
}

/// What a load found out about the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They were loaded or rejected as found.
    AsFound,
    /// They changed while they were being read.
    Moving,
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
    use crate::scan::scan;

    /// A clock set by the test, and a real folder.
    struct Bench {
        debounce: Debounce,
        folder: tempfile::TempDir,
        now: Instant,
        known: BTreeSet<FlowName>,
        load: u64,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self {
                debounce: Debounce::default(),
                folder,
                now: Instant::now(),
                known: BTreeSet::new(),
                load: 0,
            }
        }

        fn file(&self) -> std::path::PathBuf {
            Path::new(self.folder.path()).join("emi.wasm")
        }

        fn after(&mut self, ms: u64) -> Due {
            self.now += Duration::from_millis(ms);
            self.debounce.look(
                self.now,
                scan(self.folder.path()).unwrap().places,
                &self.known,
            )
        }

        fn loads(&mut self, ms: u64) -> usize {
            let load = self.after(ms).load;
            self.load = load.last().map_or(self.load, |(.., number)| *number);
            load.len()
        }

        fn loaded(&mut self, judged: Judged) {
            self.loaded_by(self.load, judged);
        }

        fn loaded_by(&mut self, load: u64, judged: Judged) {
            let name = FlowName::parse("emi").unwrap();
            self.debounce.loaded(self.now, &name, load, judged);
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
    fn a_change_during_a_load_is_loaded_beside_it() {
        let mut bench = Bench::new();
        fs::write(bench.file(), "a").unwrap();
        assert_eq!((bench.loads(0), bench.loads(200)), (0, 1));
        let overtaken = bench.load;
        fs::write(bench.file(), "ab").unwrap();
        assert_eq!(
            (bench.loads(10), bench.loads(199), bench.loads(1)),
            (0, 0, 1)
        );
        // the first load's result is about files that are gone
        bench.loaded_by(overtaken, Judged::Moving);
        assert_eq!(bench.loads(500), 0);
        bench.loaded(Judged::Moving);
        assert_eq!((bench.loads(199), bench.loads(1)), (0, 1));
        bench.loaded(Judged::AsFound);
        assert_eq!(bench.loads(500), 0);
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
        assert_eq!(
            (bench.after(50).gone, bench.after(999).gone),
            (vec![], vec![])
        );
        assert_eq!(bench.after(1).gone.len(), 1);
    }
}
