//! Decides what to build next. Pure: time and the state of the sources are arguments.
//!
//! One build runs at a time. A plugin is built once its sources have been unchanged for [`DEBOUNCE`];
//! changes during its build lead to one more build after it. Only contents count, so saving a file
//! unchanged does nothing.
//!
//! A build may write into its own source folder: what it writes the same each time is no change. One
//! that writes something else each time looks like an author who saves during each build, so that
//! builds that follow from such changes are not dropped but come later and later, and end at last.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ghanti_model::FlowName;

use super::sources::Sources;

/// Debounce time: how long sources must stay unchanged before they are built. An editor saves all
/// its files in less.
pub const DEBOUNCE: Duration = Duration::from_millis(100);

/// How many builds in a row follow at once from changes during a build. A change while no build is
/// running resets the count.
const FOLLOWING: u32 = 2;

/// How long the sources must stay unchanged before the next build after [`FOLLOWING`] ones; it
/// doubles with each. No author waits for it: their next save is built at once.
const FOLLOWING_PAUSE: Duration = Duration::from_secs(10);

/// How many builds in a row follow at all: the last comes ten minutes after the first.
const FOLLOWING_MAX: u32 = 8;

/// A build to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The plugin.
    pub plugin: FlowName,
    /// When its last change was seen; `None` for the first build since the start.
    pub changed: Option<Instant>,
}

/// The plugins, with the state of their sources as last seen and last built.
#[derive(Debug, Clone)]
pub struct Builds {
    plugins: BTreeMap<FlowName, Watched>,
    running: Option<FlowName>,
    /// Whether a build may change the sources; if not, all changes are an author's.
    write_there: bool,
}

#[derive(Debug, Clone)]
struct Watched {
    seen: Sources,
    changed: Instant,
    /// The sources at the start of the last build.
    built: Option<Sources>,
    /// Whether the last change was seen while a build was running that may have made it.
    during: bool,
    /// How many builds in a row followed from such changes.
    following: u32,
}

impl Watched {
    /// Whether the sources have changed since the last build began.
    fn has_changed(&self) -> bool {
        self.built != Some(self.seen)
    }

    /// Whether it is certain that the plugin changes only because it is built.
    fn is_self_triggering(&self) -> bool {
        self.during && self.following >= FOLLOWING_MAX
    }

    fn is_old(&self) -> bool {
        self.has_changed() && !self.is_self_triggering()
    }

    /// How long its sources must stay unchanged before it is built.
    fn pause(&self) -> Duration {
        match self.following.checked_sub(FOLLOWING) {
            Some(doubled) if self.during => FOLLOWING_PAUSE.saturating_mul(1 << doubled.min(16)),
            _ => DEBOUNCE,
        }
    }
}

/// What follows a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Nothing, until something changes.
    Nothing,
    /// Another build: the sources have changed since it began.
    Build,
    /// Another build after this time: the sources have changed since it began, as they did in the
    /// builds before, so that the build itself may be writing there.
    BuildLater(Duration),
    /// Nothing, although the sources have changed since it began, as they did in all the builds
    /// before.
    Rest,
}

impl Builds {
    /// No plugins yet. `write_there`: whether a build may write into the sources.
    pub fn new(write_there: bool) -> Self {
        Self {
            plugins: BTreeMap::new(),
            running: None,
            write_there,
        }
    }

    /// Records the current state of the sources.
    pub fn update(&mut self, now: Instant, found: impl IntoIterator<Item = (FlowName, Sources)>) {
        let mut before = std::mem::take(&mut self.plugins);
        for (name, sources) in found {
            let mut watched = before.remove(&name).unwrap_or(Watched {
                seen: sources,
                changed: now,
                built: None,
                during: false,
                following: 0,
            });
            if watched.seen != sources {
                let during = self.running.is_some() && self.write_there;
                (watched.seen, watched.changed, watched.during) = (sources, now, during);
            }
            self.plugins.insert(name, watched);
        }
    }

    /// The next build to start: of the plugins waiting, the one changed last. `None` while a build
    /// runs.
    pub fn next(&mut self, now: Instant) -> Option<Task> {
        if self.running.is_some() {
            return None;
        }
        let due = |watched: &Watched| {
            watched.is_old() && now.duration_since(watched.changed) >= watched.pause()
        };
        let waiting = self
            .plugins
            .iter_mut()
            .rev()
            .filter(|(_, watched)| due(watched));
        let (plugin, watched) = waiting.max_by_key(|(_, watched)| watched.changed)?;
        let changed = watched.built.map(|_| watched.changed);
        watched.following = if watched.during {
            watched.following + 1
        } else {
            0
        };
        watched.built = Some(watched.seen);
        self.running = Some(plugin.clone());
        Some(Task {
            plugin: plugin.clone(),
            changed,
        })
    }

    /// Marks the running build as ended. [`Builds::update`] must be called first, so that changes
    /// during the build are known.
    pub fn ended(&mut self) -> Follows {
        match self
            .running
            .take()
            .and_then(|plugin| self.plugins.get(&plugin))
        {
            Some(watched) if watched.is_old() && watched.pause() > DEBOUNCE => {
                Follows::BuildLater(watched.pause())
            }
            Some(watched) if watched.is_old() => Follows::Build,
            Some(watched) if watched.has_changed() => Follows::Rest,
            _ => Follows::Nothing,
        }
    }

    /// How long until a waiting plugin is due; `None` if none is waiting or a build is running.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        let waiting = self
            .plugins
            .values()
            .filter(|watched| self.running.is_none() && watched.is_old());
        waiting
            .map(|watched| {
                watched
                    .pause()
                    .saturating_sub(now.duration_since(watched.changed))
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manual clock and two plugins.
    #[derive(Clone)]
    struct Fixture {
        builds: Builds,
        now: Instant,
        emi: Sources,
        kyc: Sources,
    }

    impl Fixture {
        /// Starts with both plugins built.
        fn new() -> Self {
            let sources = Sources { digest: [0; 32] };
            let mut fixture = Self {
                builds: Builds::new(true),
                now: Instant::now(),
                emi: sources,
                kyc: sources,
            };
            assert_eq!(
                (fixture.after(0), fixture.after(100)),
                (None, Some("emi".to_owned()))
            );
            assert_eq!(fixture.builds.ended(), Follows::Nothing);
            assert_eq!(fixture.after(0), Some("kyc".to_owned()));
            assert_eq!(fixture.builds.ended(), Follows::Nothing);
            fixture
        }

        /// The build started after this many ms.
        fn after(&mut self, ms: u64) -> Option<String> {
            self.after_time(Duration::from_millis(ms))
        }

        fn after_time(&mut self, time: Duration) -> Option<String> {
            self.now += time;
            let name = |name: &str| FlowName::parse(name).unwrap();
            self.builds
                .update(self.now, [(name("emi"), self.emi), (name("kyc"), self.kyc)]);
            self.builds
                .next(self.now)
                .map(|task| task.plugin.to_string())
        }

        fn edit_emi(&mut self) {
            self.emi.digest[0] += 1;
        }
    }

    #[test]
    fn an_edit_is_built_once_after_the_debounce_time() {
        let mut fixture = Fixture::new();
        assert_eq!(
            (fixture.after(1_000), fixture.builds.due_in(fixture.now)),
            (None, None)
        );
        fixture.edit_emi();
        assert_eq!(
            (fixture.after(0), fixture.builds.due_in(fixture.now)),
            (None, Some(DEBOUNCE))
        );
        fixture.edit_emi();
        assert_eq!(fixture.after(99), None);
        assert_eq!(fixture.after(99), None);
        assert_eq!(fixture.after(1).as_deref(), Some("emi"));
        assert_eq!(fixture.builds.ended(), Follows::Nothing);
        assert_eq!(
            (fixture.after(1_000), fixture.builds.due_in(fixture.now)),
            (None, None)
        );
    }

    #[test]
    fn changes_during_a_build_are_built_once_more_after_it() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        assert_eq!(
            (fixture.after(0), fixture.after(100).as_deref()),
            (None, Some("emi"))
        );
        for _ in 0..3 {
            fixture.edit_emi();
            assert_eq!(
                (fixture.after(500), fixture.builds.due_in(fixture.now)),
                (None, None)
            );
        }
        assert_eq!(fixture.builds.ended(), Follows::Build);
        assert_eq!(fixture.after(0), None);
        assert_eq!(fixture.after(100).as_deref(), Some("emi"));
        assert_eq!(fixture.builds.ended(), Follows::Nothing);
        assert_eq!(fixture.after(1_000), None);
    }

    #[test]
    fn the_newest_change_is_built_first() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        fixture.after(0);
        fixture.kyc.digest[0] += 1;
        assert_eq!(fixture.after(10), None);
        assert_eq!(fixture.after(90).as_deref(), Some("emi"));
        fixture.edit_emi();
        fixture.after(50);
        fixture.builds.ended();
        assert_eq!(fixture.after(200).as_deref(), Some("emi"));
        fixture.builds.ended();
        assert_eq!(fixture.after(0).as_deref(), Some("kyc"));
    }

    #[test]
    fn a_failed_build_is_repeated_on_the_next_change_but_not_on_an_unchanged_save() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        fixture.after(0);
        assert_eq!(fixture.after(100).as_deref(), Some("emi"));
        fixture.builds.ended();
        // files rewritten with the same content are no change
        assert_eq!((fixture.after(0), fixture.after(60_000)), (None, None));
        fixture.edit_emi();
        assert_eq!(
            (fixture.after(0), fixture.after(100).as_deref()),
            (None, Some("emi"))
        );
    }

    #[test]
    fn a_build_that_writes_something_else_each_time_comes_later_and_later_and_to_rest() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        fixture.after(0);
        let mut pauses_s = Vec::new();
        let mut pause = DEBOUNCE;
        loop {
            assert_eq!(fixture.builds.due_in(fixture.now), Some(pause));
            assert_eq!(fixture.after_time(pause).as_deref(), Some("emi"));
            // such as a log with a timestamp, written at the end of each build
            fixture.edit_emi();
            assert_eq!(fixture.after(0), None);
            pause = match fixture.builds.ended() {
                Follows::Build => DEBOUNCE,
                Follows::BuildLater(pause) => pause,
                Follows::Rest => break,
                Follows::Nothing => panic!("its sources have changed"),
            };
            pauses_s.push(pause.as_secs());
        }
        assert_eq!(pauses_s, [0, 0, 10, 20, 40, 80, 160, 320]);
        assert_eq!(fixture.after(3_600_000), None);
        // a change by the author is built at once, and its count begins anew
        fixture.edit_emi();
        assert_eq!(
            (fixture.after(0), fixture.after(100).as_deref()),
            (None, Some("emi"))
        );
        fixture.edit_emi();
        assert_eq!(fixture.after(0), None);
        assert_eq!(fixture.builds.ended(), Follows::Build);
    }

    #[test]
    fn the_last_save_of_an_author_who_saves_during_each_build_is_built() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        fixture.after(0);
        assert_eq!(fixture.after(100).as_deref(), Some("emi"));
        for follows in [Follows::Build, Follows::Build] {
            fixture.edit_emi();
            fixture.after(0);
            assert_eq!(fixture.builds.ended(), follows);
            assert_eq!(fixture.after(100).as_deref(), Some("emi"));
        }
        fixture.edit_emi();
        fixture.after(0);
        assert_eq!(fixture.builds.ended(), Follows::BuildLater(FOLLOWING_PAUSE));
        // a save while it waits makes it due at once
        let mut saving = fixture.clone();
        saving.edit_emi();
        assert_eq!(saving.after(1_000), None);
        assert_eq!(saving.after(100).as_deref(), Some("emi"));
        // without one it is built all the same
        assert_eq!(fixture.after_time(FOLLOWING_PAUSE).as_deref(), Some("emi"));
        assert_eq!(fixture.builds.ended(), Follows::Nothing);
    }

    #[test]
    fn changes_during_builds_that_write_elsewhere_are_all_an_authors() {
        let mut fixture = Fixture::new();
        fixture.builds.write_there = false;
        fixture.edit_emi();
        fixture.after(0);
        for _ in 0..20 {
            assert_eq!(fixture.after(100).as_deref(), Some("emi"));
            fixture.edit_emi();
            fixture.after(0);
            assert_eq!(fixture.builds.ended(), Follows::Build);
        }
    }

    #[test]
    fn a_plugin_that_is_removed_during_its_build_is_forgotten() {
        let mut fixture = Fixture::new();
        fixture.edit_emi();
        fixture.after(0);
        assert_eq!(fixture.after(100).as_deref(), Some("emi"));
        fixture.builds.update(fixture.now, []);
        assert_eq!(fixture.builds.ended(), Follows::Nothing);
        assert_eq!(fixture.builds.next(fixture.now), None);
    }
}
