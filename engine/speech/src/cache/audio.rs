//! The audio of one prompt: complete from memory, or growing while it is read or synthesized.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::fault::Loss;
use crate::synthesis::{Samples, SynthesisError};
use crate::turns::Interest;

/// All pieces of a prompt, in order, shared by all calls.
pub(super) type Speech = Arc<[Samples]>;

/// The audio of a prompt, for one call.
///
/// [`PromptAudio::next`] is cancel-safe: dropping it in a `select!` loses no piece. Dropping this
/// does not stop the synthesis, which continues for other calls and for the cache.
pub struct PromptAudio {
    source: Source,
    next: usize,
    /// How many losses were reported.
    reported: usize,
}

enum Source {
    Whole(Speech),
    Growing(Follower),
    Over,
}

impl PromptAudio {
    pub(super) fn whole(speech: Speech) -> Self {
        Self {
            source: Source::Whole(speech),
            next: 0,
            reported: 0,
        }
    }

    pub(super) fn growing(follower: Follower) -> Self {
        Self {
            source: Source::Growing(follower),
            next: 0,
            reported: 0,
        }
    }

    pub(super) fn failed(error: SynthesisError) -> Self {
        let growth = Arc::<Growth>::default();
        growth.end(Err(error));
        let interest = Interest::default();
        Self::growing(Follower::new(&growth, watch::channel(()).1, interest))
    }

    /// The next piece, waiting for it if necessary; `None` after the last one or after an error.
    pub async fn next(&mut self) -> Option<Result<Samples, SynthesisError>> {
        loop {
            if let Some(ready) = self.ready() {
                return ready;
            }
            let Source::Growing(follower) = &mut self.source else {
                return None;
            };
            if follower.grown.changed().await.is_err() {
                follower.growth.end(Err(SynthesisError::Unavailable(
                    "the synthesis was given up".to_owned(),
                )));
            }
        }
    }

    /// Synthesizers that were lost since this was last asked, each with the one that went on.
    pub fn losses(&mut self) -> Vec<Loss> {
        let Source::Growing(follower) = &self.source else {
            return Vec::new();
        };
        let losses = follower.growth.losses(self.reported);
        self.reported += losses.len();
        losses
    }

    /// The next piece without waiting: `None` if it is not ready yet, `Some(None)` at the end.
    pub fn ready(&mut self) -> Option<Option<Result<Samples, SynthesisError>>> {
        let piece = match &mut self.source {
            Source::Over => None,
            Source::Whole(speech) => speech.get(self.next).cloned().map(Ok),
            Source::Growing(follower) => {
                // pieces added after this are noticed by `changed`
                follower.grown.borrow_and_update();
                follower.growth.piece(self.next)?
            }
        };
        self.next += 1;
        if !matches!(piece, Some(Ok(_))) {
            self.source = Source::Over;
        }
        Some(piece)
    }
}

/// A prompt being read or synthesized, shared by everyone waiting for it.
#[derive(Default)]
pub(super) struct Growth {
    state: Mutex<Grown>,
}

#[derive(Default)]
struct Grown {
    pieces: Vec<Samples>,
    losses: Vec<Loss>,
    end: Option<Result<(), SynthesisError>>,
}

/// A reader of a growing prompt.
pub(super) struct Follower {
    growth: Arc<Growth>,
    grown: watch::Receiver<()>,
    _interest: Interest,
}

impl Follower {
    pub(super) fn new(
        growth: &Arc<Growth>,
        grown: watch::Receiver<()>,
        interest: Interest,
    ) -> Self {
        Self {
            growth: Arc::clone(growth),
            grown,
            _interest: interest,
        }
    }
}

impl Growth {
    fn with<T>(&self, act: impl FnOnce(&mut Grown) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn push(&self, piece: Samples) {
        self.with(|grown| grown.pieces.push(piece));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// How many pieces there are.
    pub(super) fn length(&self) -> usize {
        self.with(|grown| grown.pieces.len())
    }

    pub(super) fn lose(&self, loss: Loss) {
        self.with(|grown| grown.losses.push(loss));
    }

    fn losses(&self, after: usize) -> Vec<Loss> {
        self.with(|grown| grown.losses.iter().skip(after).cloned().collect())
    }

    /// Ends the prompt. Only the first end counts.
    pub(super) fn end(&self, end: Result<(), SynthesisError>) {
        self.with(|grown| grown.end.get_or_insert(end).is_ok());
    }

    /// All pieces so far.
    pub(super) fn speech(&self) -> Speech {
        self.with(|grown| grown.pieces.as_slice().into())
    }

    fn piece(&self, number: usize) -> Option<Option<Result<Samples, SynthesisError>>> {
        self.with(|grown| match (grown.pieces.get(number), &grown.end) {
            (Some(piece), _) => Some(Some(Ok(Arc::clone(piece)))),
            (None, Some(Ok(()))) => Some(None),
            (None, Some(Err(error))) => Some(Some(Err(error.clone()))),
            (None, None) => None,
        })
    }
}
