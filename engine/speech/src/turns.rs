//! Turns at a synthesiser that speaks a few texts at once: whose text is next.
//!
//! Calls are served by what they have had: of all that wait, the text of the call that has used the
//! synthesiser least is next, and what was used counts half after [`HALF_LIFE`]. So a call that
//! asks for more than can be spoken waits for itself, and the greeting of a new call waits for the
//! texts that are being spoken and for no other. No call has more than [`OF_A_CALL`] at once.
//!
//! A text that is spoken ahead, before anybody is to hear it, comes after all others, and only while
//! more than half of the turns are free: whoever waits for a prompt finds one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::synthesis::SynthesisError;

/// How many texts of one call are spoken at once: the one that plays next, and the one after it.
const OF_A_CALL: usize = 2;

/// After how long what a call has used counts half: a few prompts, so that a long call does not
/// pay for its beginning.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// How long a text may wait for its turn: longer than calls wait for a prompt that is to play now,
/// as what follows in their queues waits too.
const TURN: Duration = Duration::from_secs(30);

/// What one call has used of the synthesisers. Clones are of the same call.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    used: Arc<Mutex<Used>>,
    /// Whether its texts are spoken ahead of their call.
    is_ahead: bool,
}

#[derive(Debug)]
struct Used {
    /// Seconds of turns, as of `at`.
    s: f64,
    at: Instant,
    running: usize,
}

impl Default for Used {
    fn default() -> Self {
        Self {
            s: 0.0,
            at: Instant::now(),
            running: 0,
        }
    }
}

impl Used {
    fn s(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.at).as_secs_f64();
        self.s * 0.5_f64.powf(age / HALF_LIFE.as_secs_f64())
    }
}

impl Usage {
    /// That of texts that are spoken ahead of their call: those that calls wait for come first.
    pub fn ahead() -> Self {
        Self {
            is_ahead: true,
            ..Self::default()
        }
    }

    fn locked(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, taken: Duration, now: Instant) {
        let mut used = self.locked();
        used.s = used.s(now) + taken.as_secs_f64();
        used.at = now;
        used.running = used.running.saturating_sub(1);
    }
}

/// The calls that want one text spoken: those that share a prompt have the turn of the one that is
/// served first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim(Arc<Mutex<Wanted>>);

#[derive(Debug, Default)]
struct Wanted {
    calls: Vec<Usage>,
    interest: Weak<()>,
}

/// That somebody waits for a text. A text that nobody waits for any more gets no turn.
pub(crate) type Interest = Arc<()>;

impl Claim {
    /// Another call wants it, as long as it keeps what is returned.
    pub(crate) fn join(&self, usage: &Usage) -> Interest {
        let mut wanted = self.locked();
        wanted.calls.push(usage.clone());
        let interest = wanted.interest.upgrade().unwrap_or_default();
        wanted.interest = Arc::downgrade(&interest);
        interest
    }

    fn is_wanted(&self) -> bool {
        self.locked().interest.strong_count() > 0
    }

    fn locked(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that is served first, and what it has used; none while all have as many turns as
    /// they may. Those that wait come before those that are ahead.
    fn first(&self, now: Instant) -> Option<(f64, Usage)> {
        let wanted = self.locked();
        let free = wanted.calls.iter().filter_map(|usage| {
            let used = usage.locked();
            (used.running < OF_A_CALL).then(|| (used.s(now), usage.clone()))
        });
        free.min_by(|one, other| rank(one).cmp(&rank(other)).then(one.0.total_cmp(&other.0)))
    }
}

/// Whether a text is spoken ahead of its call.
fn rank((_, usage): &(f64, Usage)) -> bool {
    usage.is_ahead
}

/// The turns of one synthesiser. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    at_once: usize,
    free: usize,
    /// In the order in which they came. Bounded by the calls and their queues of prompts.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    claim: Claim,
    granted: oneshot::Sender<Turn>,
    /// Whether there was no turn for it when it came. What is spoken at once is kept for the next
    /// call, whether or not anybody waits for it.
    had_to_wait: bool,
}

impl Turns {
    /// So many at once.
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue {
            at_once,
            free: at_once,
            waiting: Vec::new(),
        })))
    }

    /// Waits for a turn, which lasts until it is dropped.
    pub(crate) async fn turn(&self, claim: &Claim) -> Result<Turn, SynthesisError> {
        let (granted, grant) = oneshot::channel();
        self.locked().waiting.push(Waiting {
            claim: claim.clone(),
            granted,
            had_to_wait: false,
        });
        self.serve();
        let waited = timeout(TURN, grant).await;
        waited
            .ok()
            .and_then(Result::ok)
            .ok_or(SynthesisError::NoTurn(TURN.as_secs()))
    }

    /// Grants what can be granted: also to a text that another call wants since it came.
    pub(crate) fn serve(&self) {
        while let Some((granted, turn)) = self.next() {
            // where nobody waits any more it comes back to us, and ends here
            drop(granted.send(turn));
        }
    }

    /// The next text, with its turn.
    fn next(&self) -> Option<(oneshot::Sender<Turn>, Turn)> {
        let now = Instant::now();
        let mut queue = self.locked();
        queue.waiting.retain(|waiting| {
            !waiting.granted.is_closed() && (!waiting.had_to_wait || waiting.claim.is_wanted())
        });
        if queue.free == 0 {
            for waiting in &mut queue.waiting {
                waiting.had_to_wait = true;
            }
            return None;
        }
        let is_idle = queue.free * 2 > queue.at_once;
        let waiting = queue.waiting.iter().enumerate();
        let ready = waiting.filter_map(|(at, waiting)| {
            let first = waiting.claim.first(now)?;
            (is_idle || !rank(&first)).then_some((at, first))
        });
        // of equals, the one that came first
        let (at, (_, usage)) = ready.min_by(|(_, one), (_, other)| {
            rank(one).cmp(&rank(other)).then(one.0.total_cmp(&other.0))
        })?;
        let Waiting { granted, .. } = queue.waiting.remove(at);
        queue.free -= 1;
        usage.locked().running += 1;
        let turn = Turn {
            turns: self.clone(),
            usage,
            since: now,
        };
        Some((granted, turn))
    }

    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    usage: Usage,
    since: Instant,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        self.usage
            .add(now.saturating_duration_since(self.since), now);
        self.turns.locked().free += 1;
        self.turns.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that is wanted for as long as the test runs.
    fn claim(usage: &Usage) -> Claim {
        let claim = Claim::default();
        std::mem::forget(claim.join(usage));
        claim
    }

    /// The texts of calls in the order in which they get the only turn, each for a second.
    async fn order(texts: &[(&'static str, &Usage)]) -> Vec<&'static str> {
        let turns = Turns::new(1);
        let held = turns.turn(&claim(&Usage::default())).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = texts
            .iter()
            .map(|&(text, usage)| {
                let (turns, claim, order) = (turns.clone(), claim(usage), Arc::clone(&order));
                tokio::spawn(async move {
                    let turn = turns.turn(&claim).await;
                    order.lock().unwrap().push(text);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    drop(turn);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        for text in waiting {
            text.await.unwrap();
        }
        Arc::into_inner(order).unwrap().into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_greeting_of_a_new_call_goes_before_what_another_call_has_piled_up() {
        let (flood, honest) = (Usage::default(), Usage::default());
        let texts = [
            ("1", &flood),
            ("2", &flood),
            ("3", &flood),
            ("hello", &honest),
        ];
        assert_eq!(order(&texts).await, ["1", "hello", "2", "3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_spoken_ahead_comes_last() {
        let (ahead, busy) = (Usage::ahead(), Usage::default());
        busy.add(Duration::from_secs(9), Instant::now());
        let texts = [("ahead", &ahead), ("now", &busy)];
        assert_eq!(order(&texts).await, ["now", "ahead"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_spoken_ahead_leaves_half_of_the_turns_until_a_call_waits_for_it() {
        let turns = Turns::new(4);
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(turns.turn(&claim(&Usage::ahead())).await.unwrap());
        }
        let third = claim(&Usage::ahead());
        let mut waiting = Box::pin(turns.turn(&third));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        // whoever waits for a prompt has a turn, also for this one
        held.push(turns.turn(&claim(&Usage::default())).await.unwrap());
        let _interest = third.join(&Usage::default());
        turns.serve();
        assert!(futures_util::poll!(&mut waiting).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_call_has_used_is_forgotten() {
        let (long, short) = (Usage::default(), Usage::default());
        long.add(Duration::from_secs(4), Instant::now());
        tokio::time::advance(Duration::from_secs(40)).await;
        short.add(Duration::from_secs(1), Instant::now());
        assert_eq!(
            order(&[("short", &short), ("long", &long)]).await,
            ["long", "short"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_has_all_turns() {
        let turns = Turns::new(OF_A_CALL + 1);
        let flood = Usage::default();
        let mut held = Vec::new();
        for _ in 0..OF_A_CALL {
            held.push(turns.turn(&claim(&flood)).await.unwrap());
        }
        let refused = turns.turn(&claim(&flood)).await.unwrap_err();
        assert_eq!(refused, SynthesisError::NoTurn(TURN.as_secs()));
        let honest = turns.turn(&claim(&Usage::default())).await;
        assert!(honest.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_that_two_calls_share_goes_with_the_one_that_has_used_less() {
        let (flood, honest) = (Usage::default(), Usage::default());
        flood.add(Duration::from_secs(9), Instant::now());
        let shared = claim(&flood);
        let turns = Turns::new(1);
        let held = turns.turn(&claim(&Usage::default())).await.unwrap();
        let other = Usage::default();
        other.add(Duration::from_secs(1), Instant::now());
        let other = claim(&other);
        let (mut first, mut second) = (Box::pin(turns.turn(&other)), Box::pin(turns.turn(&shared)));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        let _interest = shared.join(&honest);
        drop(held);
        assert!(futures_util::poll!(&mut second).is_ready());
        assert!(
            futures_util::poll!(&mut first).is_ready(),
            "the turn was dropped with its future"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_that_nobody_waits_for_any_more_takes_no_turn() {
        let turns = Turns::new(1);
        let held = turns.turn(&claim(&Usage::default())).await.unwrap();
        let (over, usage) = (Claim::default(), Usage::default());
        let interest = over.join(&usage);
        let mut waiting = Box::pin(turns.turn(&over));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(interest);
        drop(held);
        assert!(waiting.await.is_err());
        assert!(turns.turn(&claim(&usage)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_takes_no_turn_along() {
        let turns = Turns::new(1);
        let usage = Usage::default();
        let held = turns.turn(&claim(&usage)).await.unwrap();
        let claimed = claim(&usage);
        let mut waiting = Box::pin(turns.turn(&claimed));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(held);
        // it was granted and never taken
        drop(waiting);
        assert!(turns.turn(&claim(&usage)).await.is_ok());
        assert_eq!(usage.locked().running, 0);
    }
}
