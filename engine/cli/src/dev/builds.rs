//! Decides what is built next. Pure: time and what was seen are arguments.
//!
//! One build at a time. A plugin is built when its sources have stood still; what changes while it is built is built once more after it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use samvaad_model::FlowName;

use super::sources::Sources;

/// Sources are built when they have looked the same for so long: an editor that saves all its files takes less.
pub const STILL: Duration = Duration::from_millis(100);

/// What is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which plugin.
    pub plugin: FlowName,
    /// When its last change was seen; none where it is built only because nothing is known of its component yet.
    pub changed: Option<Instant>,
}

/// The plugins with what was seen and built of them.
#[derive(Debug, Default)]
pub struct Builds {
    plugins: BTreeMap<FlowName, Watched>,
    running: Option<FlowName>,
}

#[derive(Debug)]
struct Watched {
    seen: Sources,
    changed: Instant,
    /// Of the last build that was begun.
    built: Option<Sources>,
    failed: bool,
}

impl Watched {
    /// Whether it has changed since its last build. After a failure a save of the same text counts: its author has mended something else.
    fn is_old(&self) -> bool {
        self.built.is_none_or(|built| built.digest != self.seen.digest || (self.failed && built.newest != self.seen.newest))
    }
}

impl Builds {
    /// Takes note of how the sources look now.
    pub fn look(&mut self, now: Instant, found: impl IntoIterator<Item = (FlowName, Sources)>) {
        let mut before = std::mem::take(&mut self.plugins);
        for (name, sources) in found {
            let mut watched = before.remove(&name).unwrap_or(Watched { seen: sources, changed: now, built: None, failed: false });
            if watched.seen != sources {
                (watched.seen, watched.changed) = (sources, now);
            }
            self.plugins.insert(name, watched);
        }
    }

    /// What to begin now: of what waits, the newest change. Nothing while a build runs.
    pub fn next(&mut self, now: Instant) -> Option<Task> {
        if self.running.is_some() {
            return None;
        }
        let due = |watched: &Watched| watched.is_old() && now.duration_since(watched.changed) >= STILL;
        let waiting = self.plugins.iter_mut().rev().filter(|(_, watched)| due(watched));
        let (plugin, watched) = waiting.max_by_key(|(_, watched)| watched.changed)?;
        let changed = watched.built.map(|_| watched.changed);
        (watched.built, watched.failed) = (Some(watched.seen), false);
        self.running = Some(plugin.clone());
        Some(Task { plugin: plugin.clone(), changed })
    }

    /// The build that ran has ended. Tells whether its sources have changed since it began, so that another follows.
    pub fn ended(&mut self, ok: bool) -> bool {
        let Some(watched) = self.running.take().and_then(|plugin| self.plugins.get_mut(&plugin)) else { return false };
        let is_old = watched.is_old();
        watched.failed = !ok;
        is_old
    }

    /// When to look again, where something is about to be built.
    pub fn again(&self, now: Instant) -> Option<Duration> {
        let waiting = self.plugins.values().filter(|watched| self.running.is_none() && watched.is_old());
        waiting.map(|watched| STILL.saturating_sub(now.duration_since(watched.changed))).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A clock that goes by the test's hand, over two plugins.
    struct Bench {
        builds: Builds,
        now: Instant,
        emi: Sources,
        kyc: Sources,
    }

    impl Bench {
        /// Both plugins are built.
        fn new() -> Self {
            let sources = Sources { digest: [0; 32], newest: SystemTime::UNIX_EPOCH };
            let mut bench = Self { builds: Builds::default(), now: Instant::now(), emi: sources, kyc: sources };
            assert_eq!((bench.after(0), bench.after(100)), (None, Some("emi".to_owned())));
            assert!(!bench.builds.ended(true));
            assert_eq!(bench.after(0), Some("kyc".to_owned()));
            assert!(!bench.builds.ended(true));
            bench
        }

        /// What is begun after a while.
        fn after(&mut self, ms: u64) -> Option<String> {
            self.now += Duration::from_millis(ms);
            let name = |name: &str| FlowName::parse(name).unwrap();
            self.builds.look(self.now, [(name("emi"), self.emi), (name("kyc"), self.kyc)]);
            self.builds.next(self.now).map(|task| task.plugin.to_string())
        }

        fn edit_emi(&mut self) {
            self.emi.digest[0] += 1;
        }
    }

    #[test]
    fn an_edit_is_built_once_when_it_has_stood_still() {
        let mut bench = Bench::new();
        assert_eq!((bench.after(1_000), bench.builds.again(bench.now)), (None, None));
        bench.edit_emi();
        assert_eq!((bench.after(0), bench.builds.again(bench.now)), (None, Some(STILL)));
        bench.edit_emi();
        assert_eq!(bench.after(99), None);
        assert_eq!(bench.after(99), None);
        assert_eq!(bench.after(1).as_deref(), Some("emi"));
        assert!(!bench.builds.ended(true));
        assert_eq!((bench.after(1_000), bench.builds.again(bench.now)), (None, None));
    }

    #[test]
    fn changes_during_a_build_are_built_once_more_after_it() {
        let mut bench = Bench::new();
        bench.edit_emi();
        assert_eq!((bench.after(0), bench.after(100).as_deref()), (None, Some("emi")));
        for _ in 0..3 {
            bench.edit_emi();
            assert_eq!((bench.after(500), bench.builds.again(bench.now)), (None, None));
        }
        assert!(bench.builds.ended(false), "another follows");
        assert_eq!(bench.after(0), None);
        assert_eq!(bench.after(100).as_deref(), Some("emi"));
        assert!(!bench.builds.ended(true));
        assert_eq!(bench.after(1_000), None);
    }

    #[test]
    fn the_newest_change_is_built_first() {
        let mut bench = Bench::new();
        bench.edit_emi();
        bench.after(0);
        bench.kyc.digest[0] += 1;
        assert_eq!(bench.after(10), None);
        assert_eq!(bench.after(90).as_deref(), Some("emi"));
        bench.edit_emi();
        bench.after(50);
        bench.builds.ended(true);
        assert_eq!(bench.after(200).as_deref(), Some("emi"));
        bench.builds.ended(true);
        assert_eq!(bench.after(0).as_deref(), Some("kyc"));
    }

    #[test]
    fn a_failure_is_tried_again_with_the_next_save_and_not_before() {
        let mut bench = Bench::new();
        bench.edit_emi();
        bench.after(0);
        assert_eq!(bench.after(100).as_deref(), Some("emi"));
        bench.builds.ended(false);
        assert_eq!(bench.after(60_000), None);
        bench.emi.newest += Duration::from_secs(1);
        assert_eq!((bench.after(0), bench.after(100).as_deref()), (None, Some("emi")));
        bench.builds.ended(true);
        bench.emi.newest += Duration::from_secs(1);
        assert_eq!((bench.after(0), bench.after(100)), (None, None), "what is built needs no second time");
    }

    #[test]
    fn a_plugin_that_goes_away_during_its_build_is_forgotten() {
        let mut bench = Bench::new();
        bench.edit_emi();
        bench.after(0);
        assert_eq!(bench.after(100).as_deref(), Some("emi"));
        bench.builds.look(bench.now, []);
        assert!(!bench.builds.ended(true));
        assert_eq!(bench.builds.next(bench.now), None);
    }
}
