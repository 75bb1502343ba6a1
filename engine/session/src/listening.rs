//! Those who listen in on a live call, and how loud its sides are for those who watch it.
//!
//! Both cost a call something only while somebody wants them. What was heard goes to listeners as
//! pieces of stereo audio, through queues of a bounded size: a listener who does not take them in
//! time is dropped, so that the call never waits for one. Sans-I/O but for these queues; time is an
//! argument, in milliseconds since the stream's start.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ghanti_audio::level::power_dbfs;
use ghanti_audio::{RECORDING_HZ, ResampleError};
use tokio::sync::mpsc;

use crate::both_sides::BothSides;

/// The most who listen to one call: a supervisor, and whoever is shown how.
pub const LISTENERS: usize = 4;
/// How many pieces wait for a listener: a browser that takes none for this long will not keep up.
const PIECES: usize = 50;
/// How long a piece is, in milliseconds: that of a frame of Exotel's.
const PIECE_MS: u64 = 100;
/// How far listeners are behind the call, in milliseconds: the caller's audio may come in bursts.
const BEHIND_MS: u64 = 500;
/// For how long levels go on after they were asked for, in milliseconds: longer than between two looks of
/// a page that runs along.
const WATCHED_MS: u64 = 5_000;
/// A side that is this loud, in dBFS, has the level 0.
const FAINTEST_DBFS: f32 = -60.0;

/// How loud both sides are, each from 0 (-60 dBFS and below) to 100 (full scale).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    /// The caller.
    pub caller: u8,
    /// What is played to them.
    pub bot: u8,
}

/// Why nobody can listen in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// The call is over.
    #[error("the call is over")]
    Over,
    /// As many listen as may.
    #[error("{LISTENERS} are listening to this call already")]
    Crowded,
}

/// Who listens to a call, and who watches it. Shared by the call's task and those who ask.
#[derive(Debug, Default)]
pub struct Monitor {
    listeners: Mutex<Vec<mpsc::Sender<Bytes>>>,
    /// How many there are, so that a call that nobody listens to locks nothing.
    count: AtomicUsize,
    watched_until_ms: AtomicU64,
    /// The levels of the last piece: 1, the caller's, the bot's.
    levels: AtomicU32,
    is_over: AtomicBool,
}

impl Monitor {
    fn listeners(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Bytes>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen: pieces of 16-bit little-endian PCM at the rate of recordings, the caller left,
    /// until the call is over, or pieces were not taken in time.
    ///
    /// # Errors
    /// The call is over, or too many listen.
    pub fn listen(&self) -> Result<mpsc::Receiver<Bytes>, NotHeard> {
        let mut listeners = self.listeners();
        if self.is_over.load(Ordering::Acquire) {
            return Err(NotHeard::Over);
        }
        listeners.retain(|listener| !listener.is_closed());
        if listeners.len() >= LISTENERS {
            return Err(NotHeard::Crowded);
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        listeners.push(sender);
        self.count.store(listeners.len(), Ordering::Release);
        Ok(pieces)
    }

    /// The last levels of both sides, which are measured for a while from now on; `None` if they
    /// are not known yet.
    pub fn levels(&self, now_ms: u64) -> Option<Levels> {
        let was_watched = self.is_wanted(now_ms);
        self.watched_until_ms
            .store(now_ms.saturating_add(WATCHED_MS), Ordering::Release);
        let [is_known, caller, bot, _] = self.levels.load(Ordering::Acquire).to_be_bytes();
        (was_watched && is_known == 1).then_some(Levels { caller, bot })
    }

    /// Whether somebody listens or watches.
    pub(crate) fn is_wanted(&self, now_ms: u64) -> bool {
        self.count.load(Ordering::Acquire) > 0
            || now_ms < self.watched_until_ms.load(Ordering::Acquire)
    }

    /// Passes a piece on to those who have room for it, and drops the others.
    fn pass(&self, piece: &[i16]) {
        let Levels { caller, bot } = levels_of(piece);
        let levels = u32::from_be_bytes([1, caller, bot, 0]);
        self.levels.store(levels, Ordering::Release);
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let bytes: Bytes = piece
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let mut listeners = self.listeners();
        listeners.retain(|listener| listener.try_send(bytes.clone()).is_ok());
        self.count.store(listeners.len(), Ordering::Release);
    }

    /// Ends all listening: the call is over.
    pub(crate) fn close(&self) {
        let mut listeners = self.listeners();
        self.is_over.store(true, Ordering::Release);
        listeners.clear();
        self.count.store(0, Ordering::Release);
    }
}

/// The levels of a stereo piece.
fn levels_of(piece: &[i16]) -> Levels {
    let level = |side: usize| {
        let samples = piece.iter().skip(side).step_by(2);
        let (mut energy, mut count) = (0.0_f32, 0.0_f32);
        for sample in samples {
            energy += f32::from(*sample).powi(2);
            count += 1.0;
        }
        let share = 1.0 - power_dbfs(energy / count.max(1.0)) / FAINTEST_DBFS;
        // within 0 and 100
        (share.clamp(0.0, 1.0) * 100.0).round() as u8
    };
    Levels {
        caller: level(0),
        bot: level(1),
    }
}

/// What is heard of a call while somebody listens or watches; held by the call's task.
pub(crate) struct Overheard {
    sides: BothSides,
    piece: Vec<i16>,
}

impl Overheard {
    /// Begins now, at the call's rate.
    ///
    /// # Errors
    /// The rate cannot be resampled, so that there is no call either.
    pub(crate) fn begin(rate_hz: u32, now_ms: u64) -> Result<Self, ResampleError> {
        Ok(Self {
            sides: BothSides::new(rate_hz, now_ms.saturating_sub(BEHIND_MS))?,
            piece: Vec::new(),
        })
    }

    /// Takes what the caller said, which has arrived by now.
    pub(crate) fn caller(&mut self, now_ms: u64, samples: &[i16]) {
        self.sides.caller(now_ms, samples);
    }

    /// Takes what was sent, and is played from `at_ms` on.
    pub(crate) fn bot(&mut self, at_ms: u64, samples: &[i16]) {
        self.sides.bot(at_ms, samples);
    }

    /// What was sent and not played by now never will be.
    pub(crate) fn cleared(&mut self, now_ms: u64) {
        self.sides.cleared(now_ms);
    }

    /// When there is another piece.
    pub(crate) fn next_ms(&self, now_ms: u64) -> u64 {
        now_ms + PIECE_MS
    }

    /// Passes on what is due.
    pub(crate) fn pass_on(&mut self, now_ms: u64, monitor: &Monitor) {
        let before_ms = now_ms.saturating_sub(BEHIND_MS) / PIECE_MS * PIECE_MS;
        let most = (u64::from(RECORDING_HZ) * PIECE_MS / 1_000) as usize;
        loop {
            self.piece.clear();
            if self.sides.take(before_ms, most, &mut self.piece) == 0 {
                return;
            }
            monitor.pass(&self.piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call at 8 kHz of which the caller is heard at one loudness, the bot at another.
    fn play(overheard: &mut Overheard, monitor: &Monitor, from_ms: u64, until_ms: u64) {
        for now_ms in (from_ms..until_ms).step_by(20) {
            overheard.caller(now_ms + 20, &[3_000; 160]);
            overheard.bot(now_ms, &[300; 160]);
            overheard.pass_on(now_ms + 20, monitor);
        }
    }

    fn heard(pieces: &mut mpsc::Receiver<Bytes>) -> (Vec<i16>, Vec<i16>) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        while let Ok(piece) = pieces.try_recv() {
            for frame in piece.chunks(4) {
                left.push(i16::from_le_bytes([frame[0], frame[1]]));
                right.push(i16::from_le_bytes([frame[2], frame[3]]));
            }
        }
        (left, right)
    }

    #[test]
    fn a_listener_hears_both_sides_from_when_they_came() {
        let monitor = Monitor::default();
        assert!(!monitor.is_wanted(10_000));
        let mut pieces = monitor.listen().unwrap();
        assert!(monitor.is_wanted(10_000));
        let mut overheard = Overheard::begin(8_000, 10_000).unwrap();
        play(&mut overheard, &monitor, 10_000, 12_000);
        let (left, right) = heard(&mut pieces);
        // half a second behind, and silent until they came
        assert_eq!(left.len(), 2_000 * 8);
        for (side, level) in [(&left, 3_000), (&right, 300)] {
            let at = |ms: usize| i32::from(side[ms * 8]);
            assert_eq!(at(200), 0, "{level}");
            for ms in [700, 1_300, 1_900] {
                assert!(
                    (at(ms) - level).abs() <= level / 10,
                    "{level} at {ms}: {}",
                    at(ms)
                );
            }
        }
        let levels = monitor.levels(12_000).unwrap();
        assert!(levels.caller > levels.bot && levels.bot > 20, "{levels:?}");
        monitor.close();
        assert!(pieces.try_recv().is_err() && !monitor.is_wanted(20_000));
        assert_eq!(monitor.listen().map(drop), Err(NotHeard::Over));
    }

    #[test]
    fn who_takes_nothing_is_dropped_and_costs_the_others_nothing() {
        let monitor = Monitor::default();
        let (mut slow, mut quick) = (monitor.listen().unwrap(), monitor.listen().unwrap());
        let mut overheard = Overheard::begin(8_000, 0).unwrap();
        let mut taken = 0;
        for second in 0..10 {
            play(
                &mut overheard,
                &monitor,
                second * 1_000,
                (second + 1) * 1_000,
            );
            taken += heard(&mut quick).0.len();
        }
        assert_eq!(taken, 9_500 * 8);
        assert_eq!(heard(&mut slow).0.len(), PIECES * 800);
        assert_eq!(
            slow.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
        assert_eq!(quick.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    }

    #[test]
    fn so_many_may_listen_and_a_place_is_free_again() {
        let monitor = Monitor::default();
        let mut all: Vec<_> = (0..LISTENERS).map(|_| monitor.listen().unwrap()).collect();
        assert_eq!(monitor.listen().map(drop), Err(NotHeard::Crowded));
        all.pop();
        assert!(monitor.listen().is_ok());
    }

    #[test]
    fn levels_are_known_while_somebody_looks() {
        let monitor = Monitor::default();
        assert_eq!(monitor.levels(1_000), None);
        let mut overheard = Overheard::begin(8_000, 1_000).unwrap();
        play(&mut overheard, &monitor, 1_000, 2_000);
        let loud = monitor.levels(2_000).unwrap();
        assert!((55..75).contains(&loud.caller), "{loud:?}");
        assert!(
            monitor.is_wanted(2_000 + WATCHED_MS - 1) && !monitor.is_wanted(2_000 + WATCHED_MS)
        );
        // they are of then
        assert_eq!(monitor.levels(60_000), None);
        assert_eq!(levels_of(&[0; 1_600]), Levels::default());
    }
}
