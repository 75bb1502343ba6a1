//! The decoding threads. Each serves its recognitions one slice of audio at a time, so that a long
//! utterance in one call does not hold up a short answer in another. Callers who have finished are
//! served before those still speaking, longest-waiting first: under load, as many answers as
//! possible are recognised in time.
//!
//! A decoder is created, used and freed on its worker's thread. A worker never waits for a
//! receiver: if a final hearing finds the channel full, only that recognition pauses until there is
//! room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;

use super::ffi::Decoder;
use super::grammar::Grammars;
use super::inbox::{Inbox, Task};
use super::words::Words;
use crate::recognition::{Hearing, RATE_HZ, RecognitionError};
use crate::upper_band::UpperBand;

/// How much is decoded before the next recognition is served: 200 ms of audio, at most about 60 ms
/// of work.
const SLICE_SAMPLES: usize = RATE_HZ as usize / 5;

/// How soon a full channel is tried again. A receiver this far behind does not notice the delay.
const FULL_RETRY: Duration = Duration::from_millis(20);

/// What wakes a worker.
pub(super) enum Wake {
    /// This inbox has work.
    Inbox(Arc<Inbox>),
    /// The recogniser is shutting down.
    Stop,
}

/// One worker's state.
pub(super) struct Worker {
    wakes: Receiver<Wake>,
    /// Requeues an inbox that has more to do.
    again: Sender<Wake>,
    stop: Arc<AtomicBool>,
    decodings: HashMap<u64, Decoding>,
    grammars: Grammars,
    /// Inboxes with work to do.
    ready: VecDeque<Arc<Inbox>>,
    /// Inboxes whose channel has no room for a final hearing.
    waiting: Vec<Arc<Inbox>>,
}

impl Worker {
    /// A worker without recognitions, created on the thread it runs on. `again` is the sender of
    /// `wakes`.
    pub(super) fn new(wakes: Receiver<Wake>, again: Sender<Wake>, stop: Arc<AtomicBool>) -> Self {
        Self {
            wakes,
            again,
            stop,
            decodings: HashMap::new(),
            grammars: Grammars::default(),
            ready: VecDeque::new(),
            waiting: Vec::new(),
        }
    }

    /// Runs until stopped.
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

    /// Removes the inbox that has waited longest since its utterance finished, else the next in
    /// line.
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

    /// Serves one recognition once.
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
            Task::Decode => decoding.decode(slice, &mut self.grammars),
            Task::Finish => decoding.finish(),
            Task::Reset => decoding.reset(),
            Task::Close => {
                self.decodings.remove(&inbox.id);
                return;
            }
            Task::Rest => return,
        }
        // fails only if the worker itself is gone
        let _ = self.again.send(Wake::Inbox(inbox));
    }

    /// Reports to every open recognition that it has failed.
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

/// A recognition on its worker.
struct Decoding {
    inbox: Arc<Inbox>,
    decoder: Lazy,
    words: Words,
    upper_band: UpperBand,
    /// Whether samples were decoded since the utterance started.
    fed: bool,
    /// A hearing that must not be lost and found the channel full.
    undelivered: Option<Hearing>,
}

/// A decoder that is created when the caller says something: to many questions nothing is said, and
/// one with a grammar takes milliseconds.
enum Lazy {
    Unmade,
    Made(Decoder),
    Failed,
}

impl Decoding {
    fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            upper_band: UpperBand::of_answer(!inbox.request.phrases.is_empty()),
            inbox,
            decoder: Lazy::Unmade,
            words: Words::default(),
            fed: false,
            undelivered: None,
        }
    }

    fn fail(&mut self, reason: &str) {
        self.decoder = Lazy::Failed;
        self.undelivered = Some(failed(reason));
    }

    fn decode(&mut self, samples: &mut [i16], grammars: &mut Grammars) {
        if matches!(self.decoder, Lazy::Unmade) {
            let request = &self.inbox.request;
            let grammar = grammars.of(request);
            match Decoder::new(&request.model, RATE_HZ, grammar.as_deref()) {
                Some(decoder) => self.decoder = Lazy::Made(decoder),
                None => return self.fail("vosk could not make a recogniser of this grammar"),
            }
        }
        let Lazy::Made(decoder) = &mut self.decoder else {
            return;
        };
        let request = &self.inbox.request;
        self.fed = true;
        self.upper_band.fill(samples);
        match decoder.accept(samples) {
            Ok(true) => self.words.close(&decoder.segment()),
            Ok(false) => {}
            Err(()) => return self.fail("vosk failed while decoding"),
        }
        if let Some(partial) = self.words.partial(&decoder.partial(), &request.language) {
            // dropped if the channel is full: the next one supersedes it
            let _ = request.hearings.try_send(Hearing::Partial(partial));
        }
    }

    fn finish(&mut self) {
        let is_fed = std::mem::take(&mut self.fed);
        match &mut self.decoder {
            Lazy::Made(decoder) if is_fed => self.words.close(&decoder.finish()),
            Lazy::Made(_) | Lazy::Unmade => {}
            Lazy::Failed => return,
        }
        self.undelivered = Some(Hearing::Final(
            self.words.take(&self.inbox.request.language),
        ));
        self.deliver();
    }

    fn reset(&mut self) {
        self.words.clear();
        let is_fed = std::mem::take(&mut self.fed);
        if let Lazy::Made(decoder) = &mut self.decoder
            && is_fed
        {
            // not `vosk_recognizer_reset`: that keeps the last tenths of a second, which have not
            // been decoded yet
            decoder.finish();
        }
    }

    /// Sends the pending hearing, if any. `false` if there is still no room; dropped if the
    /// receiver is gone.
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

/// The error once the recogniser has been dropped.
pub(super) fn closed() -> RecognitionError {
    RecognitionError::Unavailable("the recogniser was closed".to_owned())
}
