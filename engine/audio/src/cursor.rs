//! A prompt being sent: the samples still to be framed, and the last ones that were, so that a prompt
//! that was paused goes on from where it was.

use std::collections::VecDeque;
use std::sync::Arc;

/// How many framed samples can be gone back to: two seconds at 24 kHz.
const KEPT: usize = 48_000;

/// A prompt being sent: pieces of PCM16 at the wire's rate, to which more may still be appended.
/// Pieces are shared by all calls that play them, and released once they lie [`KEPT`] samples back.
/// Positions are samples from the start of the prompt.
#[derive(Debug, Clone, Default)]
pub struct PromptCursor {
    pieces: VecDeque<Arc<[i16]>>,
    /// The position of the first piece.
    kept_from: usize,
    position: usize,
    end: usize,
    complete: bool,
}

impl PromptCursor {
    /// A prompt without audio yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A complete prompt, from a cache.
    pub fn whole(pieces: impl IntoIterator<Item = Arc<[i16]>>) -> Self {
        let mut prompt = Self::new();
        pieces
            .into_iter()
            .for_each(|piece| prompt.push_piece(piece));
        prompt.complete();
        prompt
    }

    /// Appends a piece. Ignored if the prompt is complete.
    pub fn push_piece(&mut self, piece: Arc<[i16]>) {
        if self.complete || piece.is_empty() {
            return;
        }
        self.end += piece.len();
        self.pieces.push_back(piece);
    }

    /// Declares that the last piece has been pushed.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether the last piece has been pushed.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Samples not yet framed.
    pub fn available(&self) -> usize {
        self.end - self.position
    }

    /// Whether everything has been framed and no more will come.
    pub fn is_drained(&self) -> bool {
        self.complete && self.available() == 0
    }

    /// The position of the next sample to be framed.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes back to an earlier position, or to the first sample that is kept.
    pub fn go_back(&mut self, position: usize) {
        self.position = position.clamp(self.kept_from, self.position);
    }

    /// The samples before a position, at most `samples` of them, as far as they are kept.
    pub fn before(&self, position: usize, samples: usize) -> Vec<i16> {
        let until = position.clamp(self.kept_from, self.end);
        let from = until.saturating_sub(samples).max(self.kept_from);
        let mut before = Vec::with_capacity(until - from);
        self.read(from, until, |run| before.extend_from_slice(run));
        before
    }

    /// Takes up to `samples` samples, in runs.
    pub(crate) fn take(&mut self, samples: usize, run: impl FnMut(&[i16])) {
        let until = self.position + samples.min(self.available());
        self.read(self.position, until, run);
        self.position = until;
        while let Some(first) = self.pieces.front()
            && self.kept_from + first.len() + KEPT <= self.position
        {
            self.kept_from += first.len();
            self.pieces.pop_front();
        }
    }

    fn read(&self, from: usize, until: usize, mut run: impl FnMut(&[i16])) {
        let mut begins = self.kept_from;
        for piece in &self.pieces {
            let ends = begins + piece.len();
            if begins >= until {
                return;
            }
            let (first, last) = (from.max(begins), until.min(ends));
            if first < last {
                run(piece.get(first - begins..last - begins).unwrap_or_default());
            }
            begins = ends;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(prompt: &mut PromptCursor, samples: usize) -> Vec<i16> {
        let mut taken = Vec::new();
        prompt.take(samples, |run| taken.extend_from_slice(run));
        taken
    }

    fn counting(from: i16, until: i16) -> Arc<[i16]> {
        (from..until).collect()
    }

    #[test]
    fn what_was_framed_can_be_gone_back_to() {
        let mut prompt = PromptCursor::new();
        prompt.push_piece(counting(0, 100));
        prompt.push_piece(counting(100, 250));
        assert_eq!(taken(&mut prompt, 180), (0..180).collect::<Vec<_>>());
        assert_eq!(prompt.before(120, 40), (80..120).collect::<Vec<_>>());
        assert_eq!(prompt.before(20, 40), (0..20).collect::<Vec<_>>());
        prompt.go_back(90);
        assert_eq!((prompt.position(), prompt.available()), (90, 160));
        prompt.push_piece(counting(250, 260));
        prompt.complete();
        assert_eq!(taken(&mut prompt, 1_000), (90..260).collect::<Vec<_>>());
        assert!(prompt.is_drained());
        prompt.go_back(300);
        assert!(prompt.is_drained(), "nothing lies ahead");
    }

    #[test]
    fn one_copy_of_a_piece_serves_all_calls_and_is_let_go_two_seconds_later() {
        let piece: Arc<[i16]> = Arc::from([3; 1_600]);
        let rest: Arc<[i16]> = Arc::from(vec![4; 2 * KEPT]);
        let mut first = PromptCursor::whole([Arc::clone(&piece), rest]);
        let second = PromptCursor::whole([Arc::clone(&piece)]);
        assert_eq!(Arc::strong_count(&piece), 3);
        drop(second);
        taken(&mut first, KEPT);
        assert_eq!(Arc::strong_count(&piece), 2);
        taken(&mut first, 1_600);
        assert_eq!(Arc::strong_count(&piece), 1);
        first.go_back(0);
        assert_eq!(first.position(), 1_600);
    }
}
