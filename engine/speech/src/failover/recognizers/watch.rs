//! One recognition that changes its recogniser where one fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use super::Listed;
use super::kept::Kept;
use crate::fault::{Fault, Loss};
use crate::recognition::{Expectation, HEARINGS, Hearing, Recognition, RecognitionError};

/// How soon audio is offered again to a recogniser that had no room for it.
const FEED_AGAIN: Duration = Duration::from_millis(20);
/// How far in the future a time is that never comes.
const NEVER: Duration = Duration::from_secs(3_600);

/// What the call's side and the watching task share.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    expectation: Expectation,
    /// Who may still be asked, in order.
    order: std::vec::IntoIter<Arc<Listed>>,
    current: Option<Box<dyn Recognition>>,
    kept: Kept,
    /// The recogniser had no room: audio waits here.
    is_behind: bool,
    is_dropped: bool,
}

/// The call's side.
pub(super) struct Listening(pub(super) Arc<Shared>);

impl Shared {
    pub(super) fn new(expectation: Expectation, order: Vec<Arc<Listed>>) -> Self {
        let state = State {
            expectation,
            order: order.into_iter(),
            current: None,
            kept: Kept::default(),
            is_behind: false,
            is_dropped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// No code panics while holding the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pass_on(&mut self) {
        if let Some(current) = &mut self.current {
            // a recogniser that fails says so by its hearings
            self.is_behind = self.kept.pass_on(current.as_mut()).is_err();
        }
    }
}

impl Recognition for Listening {
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        let mut state = self.0.state();
        let added = state.kept.add(samples);
        state.pass_on();
        if state.is_behind {
            self.0.changed.notify_one();
        }
        added
    }

    fn finish(&mut self) {
        let mut state = self.0.state();
        state.kept.finish();
        state.pass_on();
        self.0.changed.notify_one();
    }

    fn reset(&mut self) {
        let mut state = self.0.state();
        state.kept.reset();
        if let Some(current) = &mut state.current {
            current.reset();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_dropped = true;
        state.current = None;
        self.0.changed.notify_one();
    }
}

/// Asks one recogniser after the other until the recognition is dropped or all have failed.
pub(super) async fn run(shared: Arc<Shared>, hearings: mpsc::Sender<Hearing>) {
    let mut lost: Vec<(String, RecognitionError)> = Vec::new();
    loop {
        let Some((listed, own)) = begin(&shared, &mut lost) else {
            let last = lost.pop().map_or_else(
                || RecognitionError::Unavailable("no recogniser is left".to_owned()),
                |(_, error)| error,
            );
            if !shared.state().is_dropped {
                // the call may be over
                let _ = hearings.send(Hearing::Failed(last)).await;
            }
            return;
        };
        for (provider, error) in lost.drain(..) {
            let loss = Loss {
                provider,
                reason: error.to_string(),
                next: listed.name().to_owned(),
            };
            let _ = hearings.send(Hearing::Lost(loss)).await;
        }
        match forward(&shared, &listed, own, &hearings).await {
            None => return,
            Some(error) => {
                listed.failed(&error);
                lost.push((listed.name().to_owned(), error));
            }
        }
    }
}

/// Begins with the next recogniser that can, and passes on what was kept.
fn begin(
    shared: &Shared,
    lost: &mut Vec<(String, RecognitionError)>,
) -> Option<(Arc<Listed>, mpsc::Receiver<Hearing>)> {
    let mut state = shared.state();
    state.current = None;
    while !state.is_dropped {
        let listed = state.order.next()?;
        let (sender, own) = mpsc::channel(HEARINGS);
        match listed.recognizer.listen(state.expectation.clone(), sender) {
            Ok(recognition) => {
                state.current = Some(recognition);
                state.kept.rewind();
                state.pass_on();
                return Some((listed, own));
            }
            Err(error) => {
                listed.failed(&error);
                lost.push((listed.name().to_owned(), error));
            }
        }
    }
    None
}

/// Passes on what one recogniser hears. Returns why it failed; nothing if the recognition was
/// dropped.
async fn forward(
    shared: &Shared,
    listed: &Listed,
    mut own: mpsc::Receiver<Hearing>,
    hearings: &mpsc::Sender<Hearing>,
) -> Option<RecognitionError> {
    loop {
        let (deadline, wake) = {
            let state = shared.state();
            if state.is_dropped {
                return None;
            }
            let now = Instant::now();
            let deadline = state
                .kept
                .awaited_since()
                .map(|since| since + listed.limits.result);
            let again = state.is_behind.then(|| now + FEED_AGAIN);
            let wake = deadline.into_iter().chain(again).min();
            (deadline, wake.unwrap_or(now + NEVER))
        };
        tokio::select! {
            biased;
            hearing = own.recv() => match hearing {
                Some(Hearing::Partial(recognized)) => {
                    // as in the contract: they are dropped where nobody takes them
                    let _ = hearings.try_send(Hearing::Partial(recognized));
                }
                Some(Hearing::Final(recognized)) => {
                    listed.breaker.ended(false);
                    shared.state().kept.understood();
                    if hearings.send(Hearing::Final(recognized)).await.is_err() {
                        return None;
                    }
                }
                Some(Hearing::Failed(error)) => return Some(error),
                Some(Hearing::Lost(_)) => {}
                // the call's side drops the recogniser and with it the channel
                None if shared.state().is_dropped => return None,
                None => return Some(RecognitionError::Unavailable(format!("`{}` ended without words", listed.name()))),
            },
            () = shared.changed.notified() => {}
            () = hearings.closed() => return None,
            () = sleep_until(wake) => {
                let mut state = shared.state();
                state.pass_on();
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    let waited = u64::try_from(listed.limits.result.as_millis()).unwrap_or(u64::MAX);
                    return Some(RecognitionError::Provider { name: listed.name().to_owned(), fault: Fault::Slow(waited) });
                }
            }
        }
    }
}
