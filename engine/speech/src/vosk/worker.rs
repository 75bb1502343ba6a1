//! The threads that decode: each serves its recognitions in turns of one slice of audio, so that a
//! long utterance of one call does not hold up the short answer of another. Callers who have
//! finished are served before those who still speak, who has waited longest first: when many answer
//! at once, as many as possible are understood in time.
//!
//! A decoder is made, used and freed on its worker's thread. A worker never waits for a listener:
//! when a final hearing finds the channel full, that recognition alone rests until there is room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;

use super::ffi::Decoder;
use super::grammar;
use super::inbox::{Inbox, Request, Task};
use super::words::Words;
use crate::recognition::{Hearing, RATE_HZ, RecognitionError};

/// How much is decoded before the next recognition has its turn: 200 ms of audio, at most about 60
/// ms of work.
const SLICE_SAMPLES: usize = RATE_HZ as usize / 5;

/// How soon a full channel is tried again; a listener that is this far behind does not notice the
/// difference.
const FULL_RETRY: Duration = Duration::from_millis(20);

/// What wakes a worker.
pub(super) enum Wake {
    /// Something waits in this inbox.
    Inbox(Arc<Inbox>),
    /// The recogniser is being closed.
    Stop,
}

/// One worker's state.
pub(super) struct Worker {
    wakes: Receiver<Wake>,
    /// Puts an inbox with more to do behind the others.
    again: Sender<Wake>,
    stop: Arc<AtomicBool>,
    decodings: HashMap<u64, Decoding>,
    /// Those that something is to be done for.
    ready: VecDeque<Arc<Inbox>>,
    /// Those whose listener has no room for a final hearing.
    waiting: Vec<Arc<Inbox>>,
}

impl Worker {
    /// A worker without recognitions, made on the thread that it will run on. `again` is the other
    /// end of `wakes`.
    pub(super) fn new(wakes: Receiver<Wake>, again: Sender<Wake>, stop: Arc<AtomicBool>) -> Self {
        Self {
            wakes,
            again,
            stop,
            decodings: HashMap::new(),
            ready: VecDeque::new(),
            waiting: Vec::new(),
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut slice = Vec::with_capacity(SLICE_SAMPLES);
        while !self.stop.load(Ordering::Acquire) {
            let wake = match (self.ready.is_empty(), self.waiting.is_empty()) {
                (true, true) => self
                    .wakes
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                (true, false) => self.wakes.recv_timeout(FULL_RETRY),
                (false, _) => self.wakes.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                }),
            };
            match wake {
                Ok(Wake::Inbox(inbox)) => {
                    self.ready.push_back(inbox);
                    continue;
                }
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(inbox) = self.most_urgent() {
                self.serve(inbox, &mut slice);
            }
            for inbox in std::mem::take(&mut self.waiting) {
                self.serve(inbox, &mut slice);
            }
        }
        self.close();
    }

    /// Takes out whoever has waited longest since they finished, or else whose turn it is.
    fn most_urgent(&mut self) -> Option<Arc<Inbox>> {
        let over_since = |inbox: &Arc<Inbox>| inbox.with(|backlog| backlog.over_since());
        let finished = self
            .ready
            .iter()
            .enumerate()
            .filter_map(|(at, inbox)| Some((over_since(inbox)?, at)));
        let at = finished.min().map_or(0, |(_, at)| at);
        self.ready.remove(at)
    }

    /// One turn of one recognition.
    fn serve(&mut self, inbox: Arc<Inbox>, slice: &mut Vec<i16>) {
        if inbox.with(|backlog| backlog.is_closed()) {
            self.decodings.remove(&inbox.id);
            return;
        }
        let decoding = self
            .decodings
            .entry(inbox.id)
            .or_insert_with(|| Decoding::new(Arc::clone(&inbox)));
        if !decoding.deliver() {
            return self.waiting.push(inbox);
        }
        match inbox.with(|backlog| backlog.take(slice, SLICE_SAMPLES)) {
            Task::Decode => decoding.decode(slice),
            Task::Finish => decoding.finish(),
            Task::Reset => decoding.reset(),
            Task::Close => {
                self.decodings.remove(&inbox.id);
                return;
            }
            Task::Rest => return,
        }
        // fails only when the worker itself is gone
        let _ = self.again.send(Wake::Inbox(inbox));
    }

    /// Tells all who still listen that nothing further comes.
    fn close(self) {
        let unserved = self.wakes.try_iter().filter_map(|wake| match wake {
            Wake::Inbox(inbox) => Some(inbox),
            Wake::Stop => None,
        });
        let served = self
            .decodings
            .into_values()
            .map(|decoding| decoding.inbox)
            .chain(self.ready);
        let inboxes: HashMap<u64, Arc<Inbox>> = served
            .chain(unserved)
            .map(|inbox| (inbox.id, inbox))
            .collect();
        for inbox in inboxes.into_values() {
            let _ = inbox.request.hearings.try_send(Hearing::Failed(closed()));
        }
    }
}

/// One recognition on its worker.
struct Decoding {
    inbox: Arc<Inbox>,
    /// Nothing after a failure.
    decoder: Option<Decoder>,
    words: Words,
    /// Samples were decoded since the utterance began.
    fed: bool,
    /// A hearing that must not be lost and found the channel full.
    undelivered: Option<Hearing>,
}

impl Decoding {
    fn new(inbox: Arc<Inbox>) -> Self {
        let Request {
            model,
            phrases,
            decoys,
            ..
        } = &inbox.request;
        let grammar = (!phrases.is_empty()).then(|| grammar::compile(model, phrases, decoys));
        let decoder = Decoder::new(model, RATE_HZ, grammar.as_deref());
        let undelivered = decoder
            .is_none()
            .then(|| failed("vosk could not make a recogniser of this grammar"));
        Self {
            inbox,
            decoder,
            words: Words::default(),
            fed: false,
            undelivered,
        }
    }

    fn decode(&mut self, samples: &[i16]) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let request = &self.inbox.request;
        self.fed = true;
        match decoder.accept(samples) {
            Ok(true) => self.words.close(&decoder.segment()),
            Ok(false) => {}
            Err(()) => {
                self.decoder = None;
                self.undelivered = Some(failed("vosk failed while decoding"));
                return;
            }
        }
        if let Some(partial) = self.words.partial(&decoder.partial(), &request.language) {
            // dropped when the channel is full: the next one says more
            let _ = request.hearings.try_send(Hearing::Partial(partial));
        }
    }

    fn finish(&mut self) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        if std::mem::take(&mut self.fed) {
            self.words.close(&decoder.finish());
        }
        self.undelivered = Some(Hearing::Final(
            self.words.take(&self.inbox.request.language),
        ));
        self.deliver();
    }

    fn reset(&mut self) {
        self.words.clear();
        if let Some(decoder) = self
            .decoder
            .as_mut()
            .filter(|_| std::mem::take(&mut self.fed))
        {
            // not `vosk_recognizer_reset`: that keeps the last tenths of a second, which the
            // decoder has not looked at yet
            decoder.finish();
        }
    }

    /// Hands over the hearing that waits, if there is one: false when there is still no room. When
    /// nobody listens it is dropped.
    fn deliver(&mut self) -> bool {
        let Some(hearing) = self.undelivered.take() else {
            return true;
        };
        match self.inbox.request.hearings.try_send(hearing) {
            Err(TrySendError::Full(hearing)) => {
                self.undelivered = Some(hearing);
                false
            }
            Ok(()) | Err(TrySendError::Closed(_)) => true,
        }
    }
}

fn failed(reason: &str) -> Hearing {
    Hearing::Failed(RecognitionError::Unavailable(reason.to_owned()))
}

/// What is told once the recogniser was dropped.
pub(super) fn closed() -> RecognitionError {
    RecognitionError::Unavailable("the recogniser was closed".to_owned())
}
