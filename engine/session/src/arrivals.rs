//! Requests of Passthru applets that are answered and not recorded yet.
//!
//! Passthru is answered at once, and its call is looked up after the answer. Exotel opens the
//! call's stream upon the answer: it waits here for a moment, so that the events of a call are in
//! the order in which they happened.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::CallSid;
use tokio::sync::watch;

/// The requests that are being recorded by this node, by the CallSid of their call. There are at
/// most as many as are processed after answers.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Mutex<HashMap<CallSid, Unrecorded>>>);

#[derive(Debug)]
struct Unrecorded {
    requests: usize,
    /// Dropped when the last of them is recorded.
    recorded: watch::Sender<()>,
}

/// A request that has arrived. Dropping it says that it is recorded.
#[derive(Debug)]
pub struct Arrival {
    arrivals: Arrivals,
    sid: CallSid,
}

impl Arrivals {
    fn unrecorded(&self) -> MutexGuard<'_, HashMap<CallSid, Unrecorded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a request has arrived, before it is answered.
    pub fn arrive(&self, sid: &CallSid) -> Arrival {
        let mut unrecorded = self.unrecorded();
        let of_call = unrecorded.entry(sid.clone()).or_insert_with(|| Unrecorded {
            requests: 0,
            recorded: watch::Sender::new(()),
        });
        of_call.requests += 1;
        Arrival {
            arrivals: self.clone(),
            sid: sid.clone(),
        }
    }

    /// Waits until the requests of a call are recorded that have arrived at this node, at most
    /// `within`. The caller hears nothing meanwhile; without them the stores, which do not answer,
    /// are asked again for the stream.
    pub async fn recorded(&self, sid: &CallSid, within: Duration) {
        let receiver = self
            .unrecorded()
            .get(sid)
            .map(|of_call| of_call.recorded.subscribe());
        if let Some(mut receiver) = receiver {
            // an error says that the sender is gone, which is what is waited for
            let _ = tokio::time::timeout(within, receiver.changed()).await;
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if let Entry::Occupied(mut of_call) = self.arrivals.unrecorded().entry(self.sid.clone()) {
            match of_call.get().requests {
                ..=1 => drop(of_call.remove()),
                requests => of_call.get_mut().requests = requests - 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const MOST: Duration = Duration::from_millis(300);

    fn sid(text: &str) -> CallSid {
        CallSid::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_waits_until_the_passthru_of_its_call_is_recorded_and_not_for_ever() {
        let (arrivals, began) = (Arrivals::default(), Instant::now());
        arrivals.recorded(&sid("c1"), MOST).await;
        let others = arrivals.arrive(&sid("c2"));
        arrivals.recorded(&sid("c1"), MOST).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        arrivals.recorded(&sid("c2"), MOST).await;
        assert_eq!(began.elapsed(), MOST);
        drop(others);

        let (first, second) = (arrivals.arrive(&sid("c1")), arrivals.arrive(&sid("c1")));
        let began = Instant::now();
        let recorded = async {
            drop(first);
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(second);
        };
        let c1 = sid("c1");
        tokio::join!(arrivals.recorded(&c1, MOST), recorded);
        assert_eq!(began.elapsed(), Duration::from_millis(20));
        assert!(arrivals.unrecorded().is_empty());
    }
}
