//! Work shared among the recognisers, in the order in which it is given.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::hearer::{self, Hearer};

/// What each item comes to, in the items' order.
pub fn each<I: Sync, O: Send>(items: &[I], act: impl Fn(&Hearer, &I) -> O + Sync) -> Vec<O> {
    let next = Mutex::new(items.iter().enumerate());
    let mut results: Vec<(usize, O)> = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = hearer::hearers()
            .iter()
            .map(|hearer| {
                let (next, act) = (&next, &act);
                scope.spawn(move || {
                    let hearer = hearer.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut results = Vec::new();
                    loop {
                        let item = next.lock().unwrap().next();
                        let Some((index, item)) = item else {
                            return results;
                        };
                        results.push((index, act(&hearer, item)));
                    }
                })
            })
            .collect();
        results.extend(
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap()),
        );
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
