//! The requests of a recognition to its worker, in order: samples, ends of utterances, resets.
//!
//! Adding one takes a short lock and, once the buffers have grown, no allocation. An inbox is in
//! its worker's queue at most once, which bounds the queue by the number of recognitions; the audio
//! in an inbox is bounded by [`QUEUED_SAMPLES`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ghanti_model::Language;
use tokio::sync::mpsc;

use super::ffi::Model;
use crate::recognition::{Hearing, RATE_HZ};

/// The most audio that may wait for one recognition: fifteen seconds, which is the longest turn of a
/// caller with its pre-roll. A worker that is behind with others leaves it all for the end of the
/// turn, and decodes it then at once. Further samples are dropped and the caller of `feed` gets an
/// error.
const QUEUED_SAMPLES: usize = 240_000;
const _: () = assert!(QUEUED_SAMPLES == 15 * RATE_HZ as usize);

/// The parameters of a recognition.
pub(super) struct Request {
    pub(super) model: Arc<Model>,
    pub(super) language: Language,
    /// Empty for free speech.
    pub(super) phrases: Arc<[String]>,
    /// Added to the grammar besides the phrases.
    pub(super) decoys: Arc<[String]>,
    pub(super) hearings: mpsc::Sender<Hearing>,
}

/// The mailbox between a recognition and its worker.
pub(super) struct Inbox {
    /// Identifies the recognition within its worker.
    pub(super) id: u64,
    pub(super) request: Request,
    backlog: Mutex<Backlog>,
    /// Samples of all inboxes that are still to be decoded.
    undecoded: Arc<AtomicUsize>,
}

impl Inbox {
    /// An empty inbox, of which its worker knows nothing yet. `undecoded` counts the samples of all
    /// inboxes.
    pub(super) fn new(id: u64, request: Request, undecoded: Arc<AtomicUsize>) -> Self {
        Self {
            id,
            request,
            undecoded,
            backlog: Mutex::default(),
        }
    }

    /// Accesses the backlog.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Backlog) -> T) -> T {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let before = backlog.undecoded();
        let result = act(&mut backlog);
        let after = backlog.undecoded();
        // released after the hearings of what was decoded were sent, so that who sees the count
        // fall finds them
        self.undecoded
            .fetch_add(after.saturating_sub(before), Ordering::Release);
        self.undecoded
            .fetch_sub(before.saturating_sub(after), Ordering::Release);
        result
    }
}

/// The next task of a recognition.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Decode the samples placed in the buffer.
    Decode,
    /// Finish the utterance.
    Finish,
    /// Discard the utterance.
    Reset,
    /// Free everything: the recognition was dropped.
    Close,
    /// Nothing to do.
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Samples(usize),
    Finish,
    Reset,
}

/// Pending requests, in order.
#[derive(Default)]
pub(super) struct Backlog {
    entries: VecDeque<Entry>,
    samples: VecDeque<i16>,
    /// How many samples the worker took last, and is decoding.
    taken: usize,
    /// When the oldest finished utterance that has no result yet was finished.
    over_since: Option<Instant>,
    /// It is in the worker's queue, or the worker is serving it.
    queued: bool,
    /// The worker has received it, and must be notified when it is closed.
    known: bool,
    closed: bool,
}

impl Backlog {
    /// Adds all samples, or returns `false` and adds none if there is not enough room.
    pub(super) fn push(&mut self, samples: &[i16]) -> bool {
        if self.samples.len() + samples.len() > QUEUED_SAMPLES {
            return false;
        }
        self.samples.extend(samples);
        match self.entries.back_mut() {
            Some(Entry::Samples(count)) => *count += samples.len(),
            _ if samples.is_empty() => {}
            _ => self.entries.push_back(Entry::Samples(samples.len())),
        }
        true
    }

    /// Adds the end of an utterance.
    pub(super) fn finish(&mut self) {
        self.entries.push_back(Entry::Finish);
        self.over_since.get_or_insert_with(Instant::now);
    }

    /// Since when a finished utterance has been waiting for its words; `None` if there is none.
    pub(super) fn over_since(&self) -> Option<Instant> {
        self.over_since
    }

    /// Discards what came after the last finish, and makes the worker discard what it has of it.
    pub(super) fn reset(&mut self) {
        if let Some(&Entry::Samples(count)) = self.entries.back() {
            self.entries.pop_back();
            self.samples.truncate(self.samples.len() - count);
        }
        if self.entries.back() != Some(&Entry::Reset) {
            self.entries.push_back(Entry::Reset);
        }
    }

    /// Discards everything; the worker frees the decoder.
    pub(super) fn close(&mut self) {
        self.entries.clear();
        self.samples.clear();
        self.taken = 0;
        self.closed = true;
    }

    /// How many samples wait or are being decoded.
    fn undecoded(&self) -> usize {
        self.samples.len() + self.taken
    }

    /// Whether the recognition was dropped.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the caller has to put it into the worker's queue now; marks it as queued.
    pub(super) fn enqueue(&mut self) -> bool {
        if self.closed && !self.known {
            return false;
        }
        self.known = true;
        !std::mem::replace(&mut self.queued, true)
    }

    /// The next task. Samples, at most `limit`, replace the content of `buffer`. After
    /// [`Task::Rest`] it is no longer queued.
    pub(super) fn take(&mut self, buffer: &mut Vec<i16>, limit: usize) -> Task {
        // what was taken before has been decoded: its worker asks for more
        self.taken = 0;
        if self.closed {
            return Task::Close;
        }
        match self.entries.pop_front() {
            Some(Entry::Samples(count)) => {
                let taken = count.min(limit);
                buffer.clear();
                buffer.extend(self.samples.drain(..taken));
                self.taken = taken;
                if taken < count {
                    self.entries.push_front(Entry::Samples(count - taken));
                }
                Task::Decode
            }
            Some(Entry::Finish) => {
                // a later finish keeps the urgency of this one, since it is served next
                self.over_since = self
                    .over_since
                    .filter(|_| self.entries.contains(&Entry::Finish));
                Task::Finish
            }
            Some(Entry::Reset) => Task::Reset,
            None => {
                self.queued = false;
                Task::Rest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(backlog: &mut Backlog) -> Vec<(Task, usize)> {
        let mut buffer = Vec::new();
        std::iter::from_fn(|| match backlog.take(&mut buffer, 100) {
            Task::Rest => None,
            task => Some((task, std::mem::take(&mut buffer).len())),
        })
        .collect()
    }

    #[test]
    fn order_is_kept_and_samples_are_cut_to_slices() {
        let mut backlog = Backlog::default();
        backlog.push(&[1; 70]);
        backlog.push(&[2; 70]);
        backlog.finish();
        backlog.push(&[3; 10]);
        assert_eq!(
            tasks(&mut backlog),
            [
                (Task::Decode, 100),
                (Task::Decode, 40),
                (Task::Finish, 0),
                (Task::Decode, 10)
            ]
        );
    }

    #[test]
    fn a_reset_drops_what_came_after_the_last_finish_only() {
        let mut backlog = Backlog::default();
        backlog.push(&[1; 50]);
        backlog.finish();
        backlog.push(&[2; 50]);
        backlog.reset();
        backlog.push(&[3; 20]);
        assert_eq!(
            tasks(&mut backlog),
            [
                (Task::Decode, 50),
                (Task::Finish, 0),
                (Task::Reset, 0),
                (Task::Decode, 20)
            ]
        );
    }

    #[test]
    fn a_full_backlog_refuses_samples_but_takes_the_finish() {
        let mut backlog = Backlog::default();
        assert!(backlog.push(&vec![1; QUEUED_SAMPLES]));
        assert!(!backlog.push(&[1]));
        backlog.finish();
        assert_eq!(tasks(&mut backlog).last(), Some(&(Task::Finish, 0)));
        assert!(backlog.push(&[1]), "there is room again");
    }

    #[test]
    fn an_utterance_that_is_over_waits_until_its_words_are_asked_for() {
        let mut backlog = Backlog::default();
        backlog.push(&[1; 50]);
        assert_eq!(backlog.over_since(), None);
        backlog.finish();
        let since = backlog.over_since();
        assert!(since.is_some());
        assert_eq!(backlog.take(&mut Vec::new(), 100), Task::Decode);
        assert_eq!(
            backlog.over_since(),
            since,
            "its samples are part of the wait"
        );
        assert_eq!(backlog.take(&mut Vec::new(), 100), Task::Finish);
        assert_eq!(backlog.over_since(), None);
    }

    #[test]
    fn it_is_queued_once_until_it_rests() {
        let mut backlog = Backlog::default();
        assert!(backlog.enqueue());
        assert!(!backlog.enqueue());
        tasks(&mut backlog);
        assert!(backlog.enqueue());
    }

    #[test]
    fn samples_count_as_undecoded_until_more_is_asked_for() {
        let mut backlog = Backlog::default();
        backlog.push(&[1; 50]);
        backlog.finish();
        backlog.push(&[2; 30]);
        assert_eq!(backlog.undecoded(), 80);
        assert_eq!(backlog.take(&mut Vec::new(), 100), Task::Decode);
        assert_eq!(backlog.undecoded(), 80, "they are being decoded");
        assert_eq!(backlog.take(&mut Vec::new(), 100), Task::Finish);
        assert_eq!(backlog.undecoded(), 30);
        backlog.reset();
        assert_eq!(backlog.undecoded(), 0);
        backlog.push(&[3; 30]);
        backlog.close();
        assert_eq!(backlog.undecoded(), 0);
    }

    #[test]
    fn one_that_was_never_fed_is_no_matter_of_its_worker() {
        let mut backlog = Backlog::default();
        backlog.close();
        assert!(!backlog.enqueue());

        let mut backlog = Backlog::default();
        assert!(backlog.enqueue());
        tasks(&mut backlog);
        backlog.close();
        assert!(backlog.enqueue(), "its decoder is to be freed");
    }

    #[test]
    fn closing_drops_what_waits() {
        let mut backlog = Backlog::default();
        backlog.push(&[1; 50]);
        backlog.finish();
        backlog.close();
        assert_eq!(backlog.take(&mut Vec::new(), 100), Task::Close);
    }
}
