//! What is known of versions without a call: example values of their prompts' variables, and the
//! map of their conversations. Both come from conversations that are held on a thread of its own,
//! at low priority, one version at a time; what was found is kept by the version's digest.
//!
//! An exploration goes on when nobody waits for it any more, within its bounds, and is there for
//! whoever asks next.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_explore::examples::{self, Values};
use ghanti_explore::flow_tests;
use ghanti_explore::paths::{Bounds, Exploration, explore};
use ghanti_host::{FlowVersion, yield_to_calls};
use ghanti_model::{FlowName, VersionId};
use time::Date;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many versions are explored at once: calls come first.
const AT_ONCE: usize = 1;
/// How many versions' maps are kept, the newest.
const MAPS: usize = 4;
/// How many versions' example values are kept, the newest.
const EXAMPLES: usize = 16;
/// How long a request waits for a map before it is answered that it is being drawn.
const MAP_WAIT: Duration = Duration::from_secs(3);
/// How long a request waits for example values: longer than their conversations are held.
const EXAMPLES_WAIT: Duration = Duration::from_secs(8);

/// A version of a flow, with the digest of its tests.
type Key = (FlowName, VersionId, String);
type Found<T> = watch::Receiver<Option<Arc<T>>>;

/// A map, or why there is none yet.
#[derive(Debug)]
pub enum Map {
    /// It is drawn.
    Drawn(Arc<Exploration>),
    /// It is being drawn: ask again.
    Drawing,
    /// Another version is being explored: ask again.
    Busy,
    /// The exploration panicked.
    Failed,
}

/// What was found. Clones share it.
#[derive(Debug, Clone)]
pub struct Explored {
    turns: Arc<Semaphore>,
    maps: Arc<Mutex<Kept<Exploration>>>,
    examples: Arc<Mutex<Kept<Values>>>,
}

/// What was found of the versions that were asked for last, newest first.
#[derive(Debug)]
struct Kept<T>(VecDeque<(Key, Found<T>)>);

impl<T> Kept<T> {
    fn get(&self, key: &Key) -> Option<Found<T>> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, found)| found.clone())
    }

    fn put(&mut self, key: Key, found: Found<T>, most: usize) {
        self.0.retain(|(known, _)| *known != key);
        self.0.push_front((key, found));
        self.0.truncate(most);
    }
}

impl Default for Explored {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            maps: Arc::new(Mutex::new(Kept(VecDeque::new()))),
            examples: Arc::new(Mutex::new(Kept(VecDeque::new()))),
        }
    }
}

impl Explored {
    /// The paths of a version, with the customers of its tests (given by file name, with their
    /// digest). Begins to look for them if nobody has.
    pub async fn map(
        &self,
        version: &Arc<FlowVersion>,
        tests: &BTreeMap<String, String>,
        tests_digest: &str,
    ) -> Map {
        let key = key(version, tests_digest);
        let known = locked(&self.maps).get(&key);
        let found = match known {
            Some(found) => found,
            None => {
                let Some(turn) = self.turn() else {
                    return Map::Busy;
                };
                let (version, tests) = (Arc::clone(version), tests.clone());
                let look = async move {
                    let (tests, _) = flow_tests::read(&version, &tests);
                    explore(&version, &tests, Bounds::beside_calls()).await
                };
                let found = begin(turn, look);
                locked(&self.maps).put(key.clone(), found.clone(), MAPS);
                found
            }
        };
        match wait(found, MAP_WAIT).await {
            Waited::Found(map) => Map::Drawn(map),
            Waited::NotYet => Map::Drawing,
            Waited::Failed => {
                locked(&self.maps).0.retain(|(known, _)| *known != key);
                Map::Failed
            }
        }
    }

    /// Example values for the variables of a version's prompts, from its tests where nothing else is
    /// being explored.
    pub async fn examples(
        &self,
        version: &Arc<FlowVersion>,
        tests: &BTreeMap<String, String>,
        tests_digest: &str,
        today: Date,
    ) -> Arc<Values> {
        let key = key(version, tests_digest);
        let known = locked(&self.examples).get(&key);
        let found = match known {
            Some(found) => Some(found),
            None => self.turn().map(|turn| {
                let (version, tests) = (Arc::clone(version), tests.clone());
                let look = async move { examples::values(&version, &tests, today).await };
                let found = begin(turn, look);
                locked(&self.examples).put(key.clone(), found.clone(), EXAMPLES);
                found
            }),
        };
        if let Some(found) = found {
            match wait(found, EXAMPLES_WAIT).await {
                Waited::Found(values) => return values,
                Waited::NotYet => {}
                Waited::Failed => locked(&self.examples).0.retain(|(known, _)| *known != key),
            }
        }
        Arc::new(examples::usual(version, &BTreeMap::new(), today))
    }

    fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }
}

fn key(version: &FlowVersion, tests_digest: &str) -> Key {
    (
        version.name.clone(),
        version.id.clone(),
        tests_digest.to_owned(),
    )
}

fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Waited<T> {
    Found(Arc<T>),
    NotYet,
    Failed,
}

async fn wait<T>(mut found: Found<T>, at_most: Duration) -> Waited<T> {
    match tokio::time::timeout(at_most, found.wait_for(Option::is_some)).await {
        Ok(Ok(found)) => found.clone().map_or(Waited::NotYet, Waited::Found),
        // its thread is gone
        Ok(Err(_)) => Waited::Failed,
        Err(_) => Waited::NotYet,
    }
}

/// Runs work on a thread of its own, with what it spawns. What it holds is free again when it ends.
fn begin<T: Send + Sync + 'static>(
    turn: OwnedSemaphorePermit,
    look: impl Future<Output = T> + Send + 'static,
) -> Found<T> {
    let (found, reported) = watch::channel(None);
    let work = move || {
        let _turn = turn;
        yield_to_calls("flows are explored");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        match runtime {
            Ok(runtime) => drop(found.send(Some(Arc::new(runtime.block_on(look))))),
            Err(error) => tracing::error!(%error, "a flow cannot be explored: no timer is left"),
        }
    };
    let thread = std::thread::Builder::new()
        .name("flow-explorer".to_owned())
        .spawn(work);
    if let Err(error) = thread {
        tracing::error!(%error, "a flow cannot be explored: no thread can be started");
    }
    reported
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_waited_for_no_longer_than_its_bound_and_is_there_afterwards() {
        let explored = Explored::default();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let found = begin(explored.turn().unwrap(), async move {
            gone.await.unwrap();
            7
        });
        assert!(explored.turn().is_none(), "one at a time");
        let waited = wait(found.clone(), Duration::ZERO).await;
        assert!(matches!(waited, Waited::NotYet));
        go.send(()).unwrap();
        let waited = wait(found, EXAMPLES_WAIT).await;
        assert!(matches!(waited, Waited::Found(seven) if *seven == 7));
        // the turn is given back when the thread ends, right after
        let again = Arc::clone(&explored.turns).acquire_owned();
        assert!(tokio::time::timeout(EXAMPLES_WAIT, again).await.is_ok());
    }

    #[tokio::test]
    async fn work_that_panics_is_reported() {
        let explored = Explored::default();
        let found = begin(explored.turn().unwrap(), async {
            assert!(std::hint::black_box(false), "as asked");
        });
        let waited = wait(found, EXAMPLES_WAIT).await;
        assert!(matches!(waited, Waited::Failed));
    }

    #[test]
    fn the_newest_are_kept() {
        let mut kept = Kept(VecDeque::new());
        let key = |number: usize| {
            let name = FlowName::parse(format!("flow-{number}")).unwrap();
            let id = VersionId::parse("0".repeat(64)).unwrap();
            (name, id, String::new())
        };
        for number in 0..3 {
            let (_, reported) = watch::channel(Some(Arc::new(number)));
            kept.put(key(number), reported, 2);
        }
        assert!(kept.get(&key(0)).is_none() && kept.get(&key(2)).is_some());
    }
}
