//! How far campaigns have come, for the page of all of them: each is counted over all customers of its
//! list, so that what was counted is kept for a while, and a page counts only for a moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ghanti_console::Funnel;

/// Maximum number of campaigns whose funnels are on the page, and are kept.
const FUNNELS: usize = 10;
/// How long a count is shown without being made again.
const FRESH: Duration = Duration::from_secs(15);
/// How long a page counts. What is not counted then has its last count, or none; the next page goes on.
const COUNTING: Duration = Duration::from_millis(80);

/// The last counts by the campaign's name.
#[derive(Debug, Default)]
pub struct Funnels(Mutex<BTreeMap<String, (Instant, Funnel)>>);

impl Funnels {
    /// The funnels of these campaigns, in their order; `None` of those beyond [`FUNNELS`] and those that
    /// there was no time for.
    ///
    /// # Errors
    /// A count failed.
    pub(super) async fn of<T, E, F: Future<Output = Result<Funnel, E>>>(
        &self,
        campaigns: Vec<(String, T)>,
        count: impl Fn(T) -> F,
    ) -> Result<Vec<Option<Funnel>>, E> {
        let begun = Instant::now();
        let all = campaigns.len();
        let mut found = Vec::with_capacity(all);
        for (name, campaign) in campaigns.into_iter().take(FUNNELS) {
            let known = self.known(&name);
            let is_fresh = known.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
            if is_fresh || begun.elapsed() >= COUNTING {
                found.push(known.map(|(_, funnel)| funnel));
            } else {
                let funnel = count(campaign).await?;
                self.keep(&name, funnel.clone());
                found.push(Some(funnel));
            }
        }
        found.resize_with(all, || None);
        Ok(found)
    }

    fn known(&self, name: &str) -> Option<(Instant, Funnel)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).cloned()
    }

    /// Keeps a count in the place of the oldest, if there are too many.
    fn keep(&self, name: &str, funnel: Funnel) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.to_owned(), (Instant::now(), funnel));
        if kept.len() > FUNNELS {
            let oldest = kept.iter().min_by_key(|(_, (at, _))| *at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                kept.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;

    use super::*;

    fn named<'n>(names: &[&'n str]) -> Vec<(String, &'n str)> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), *name))
            .collect()
    }

    fn funnel(listed: u64) -> Funnel {
        Funnel {
            steps: [listed, 0, 0, 0, 0],
            goals: Vec::new(),
            attempts_left: 0,
            pace: (0, 0),
            calls_per_minute: 0,
            in_progress: (0, 0),
            hours: Vec::new(),
            customers: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_was_counted_is_not_counted_again_at_once_and_few_are_kept() {
        let (funnels, counted) = (Funnels::default(), RefCell::new(Vec::new()));
        let count = |name: &str| {
            counted.borrow_mut().push(name.to_owned());
            ready(Ok::<_, ()>(funnel(7)))
        };
        for _ in 0..2 {
            let found = funnels.of(named(&["a", "b"]), &count).await.unwrap();
            let listed = found.iter().flatten().map(|funnel| funnel.steps[0]);
            assert_eq!(listed.collect::<Vec<_>>(), [7, 7]);
        }
        assert_eq!(*counted.borrow(), ["a", "b"]);
        let many: Vec<_> = (0..FUNNELS + 3).map(|nth| format!("c{nth}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let found = funnels.of(named(&many), &count).await.unwrap();
        assert_eq!(
            (found.len(), found.iter().flatten().count()),
            (FUNNELS + 3, FUNNELS)
        );
        assert_eq!(funnels.0.lock().unwrap().len(), FUNNELS);
    }

    #[tokio::test]
    async fn a_page_counts_for_a_moment_and_the_next_one_goes_on() {
        let funnels = Funnels::default();
        let slow = |_: &str| async {
            tokio::time::sleep(COUNTING).await;
            Ok::<_, ()>(funnel(1))
        };
        let mut counted = Vec::new();
        for _ in 0..2 {
            let found = funnels.of(named(&["a", "b", "c"]), &slow).await.unwrap();
            counted.push(found.iter().flatten().count());
        }
        assert_eq!(counted, [1, 2]);
    }

    #[tokio::test]
    async fn a_count_that_fails_is_reported_and_not_kept() {
        let funnels = Funnels::default();
        let fails = |_: &str| ready(Err::<Funnel, _>("the database is away"));
        assert_eq!(
            funnels.of(named(&["a"]), fails).await.err(),
            Some("the database is away")
        );
        assert!(funnels.known("a").is_none());
    }
}
