//! Decides when changed files are taken, and when missing ones are given up. Pure: time is an
//! argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ghanti_model::FlowName;

use crate::scan::{Place, Stamp};

/// Files are taken when they have looked the same for so long: a copy in progress grows within it.
pub(crate) const STILL: Duration = Duration::from_millis(200);

/// A flow takes no further calls when its files have been away for so long: a folder that is being
/// replaced is away for a moment.
pub(crate) const AWAY: Duration = Duration::from_secs(1);

/// What the watcher remembers of the folder.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    flows: BTreeMap<FlowName, Watched>,
    away: BTreeMap<FlowName, Instant>,
    /// How many loads were begun.
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
    /// It has changed, and has to stand still. A load that runs is of files that are no longer
    /// there: it is not waited for, since it may take long, and what is there now may take
    /// milliseconds.
    Changed,
    /// It is being loaded, by this load.
    Loading(u64),
    /// It was judged as it is.
    Judged,
}

/// What is to be done after a look at the folder.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Flows to be loaded, each with the load's number, by which [`Debounce::loaded`] has to be
    /// told of it.
    pub(crate) load: Vec<(FlowName, Place, u64)>,
    /// Flows whose files are gone.
    pub(crate) gone: Vec<FlowName>,
    /// When to look again, where something is in motion.
    pub(crate) again: Option<Duration>,
}

impl Debounce {
    /// Compares what lies in the folder with what lay there before. `known` are the flows that the
    /// catalogue knows files of.
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

    /// A load has ended; `judged` tells whether the flow's files stood still meanwhile. One that
    /// was overtaken by a change says nothing.
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

/// What a load says of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They were judged as they were found.
    AsFound,
    /// They changed while they were read.
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

    /// A clock that goes by the test's hand, over a real folder.
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
        // what the first load says is of files that are gone
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
