//! The network's playback buffer: the bot's audio and marks in order of arrival, played in real
//! time.
//!
//! Pure: each call of [`Playback::play`] is one frame's time. A mark is returned when the frame
//! with the last sample before it has been played. `clear` drops everything not yet played,
//! including its marks. Whether Exotel returns those marks is not known; an engine that waits for
//! them would wait forever, so the harder case is simulated.

use std::collections::VecDeque;

use crate::heard::is_audible;

/// An item to be played.
#[derive(Debug)]
enum Queued {
    Audio { samples: Vec<i16>, played: usize },
    Mark(String),
}

/// The playback buffer of one stream.
#[derive(Debug, Default)]
pub struct Playback {
    queue: VecDeque<Queued>,
    reached: Vec<String>,
    /// Whether speech was queued with no mark after it, so that running dry is heard as a gap.
    mid_utterance: bool,
    ran_dry: bool,
    gaps: u32,
}

impl Playback {
    /// Queues audio.
    pub fn media(&mut self, samples: Vec<i16>) {
        if self.ran_dry && self.mid_utterance {
            self.gaps += 1;
        }
        self.ran_dry = false;
        self.mid_utterance = true;
        self.queue.push_back(Queued::Audio { samples, played: 0 });
    }

    /// Queues a mark after everything queued so far.
    pub fn mark(&mut self, name: String) {
        self.mid_utterance = false;
        self.queue.push_back(Queued::Mark(name));
    }

    /// Drops everything not yet played, with its marks. Returns the number of samples dropped.
    pub fn clear(&mut self) -> usize {
        let dropped = self.waiting_samples();
        self.queue.clear();
        self.mid_utterance = false;
        dropped
    }

    /// The number of samples not yet played.
    pub fn waiting_samples(&self) -> usize {
        self.waiting().count()
    }

    /// The number of samples not yet played, up to the last audible one: what the caller would
    /// miss.
    pub fn audible_waiting_samples(&self) -> usize {
        self.waiting()
            .enumerate()
            .filter(|(_, sample)| is_audible(*sample))
            .last()
            .map_or(0, |(at, _)| at + 1)
    }

    fn waiting(&self) -> impl Iterator<Item = i16> {
        self.queue.iter().flat_map(|queued| match queued {
            Queued::Audio { samples, played } => {
                samples.get(*played..).unwrap_or_default().iter().copied()
            }
            Queued::Mark(_) => [].iter().copied(),
        })
    }

    /// How often the buffer ran dry within an utterance, which the caller hears as a gap.
    pub fn gaps(&self) -> u32 {
        self.gaps
    }

    /// Plays the next frame into `frame`, filling up with silence. Returns the marks that the
    /// previous frame reached.
    pub fn play(&mut self, frame: &mut [i16]) -> Vec<String> {
        let returned = std::mem::take(&mut self.reached);
        let mut places = frame.iter_mut();
        loop {
            match self.queue.front_mut() {
                Some(Queued::Audio { samples, played }) => {
                    let rest = samples.get(*played..).unwrap_or_default();
                    *played += rest
                        .iter()
                        .zip(places.by_ref())
                        .map(|(sample, place)| *place = *sample)
                        .count();
                    if *played < samples.len() {
                        return returned;
                    }
                    self.queue.pop_front();
                }
                Some(Queued::Mark(_)) => {
                    if let Some(Queued::Mark(name)) = self.queue.pop_front() {
                        self.reached.push(name);
                    }
                }
                None => break,
            }
        }
        self.ran_dry = places.len() > 0;
        places.for_each(|place| *place = 0);
        returned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(playback: &mut Playback) -> (Vec<i16>, Vec<String>) {
        let mut frame = [7; 4];
        let marks = playback.play(&mut frame);
        (frame.to_vec(), marks)
    }

    #[test]
    fn audio_is_played_in_order_and_then_silence() {
        let mut playback = Playback::default();
        playback.media(vec![1, 2, 3]);
        playback.media(vec![4, 5]);
        assert_eq!(play(&mut playback).0, [1, 2, 3, 4]);
        assert_eq!(play(&mut playback).0, [5, 0, 0, 0]);
        assert_eq!(play(&mut playback).0, [0, 0, 0, 0]);
    }

    #[test]
    fn a_mark_comes_back_when_the_audio_before_it_was_played() {
        let mut playback = Playback::default();
        playback.media(vec![1; 4]);
        playback.mark("a".to_owned());
        playback.media(vec![1; 6]);
        playback.mark("b".to_owned());
        assert!(play(&mut playback).1.is_empty());
        assert_eq!(play(&mut playback).1, ["a"]);
        assert!(play(&mut playback).1.is_empty());
        assert_eq!(play(&mut playback).1, ["b"]);
    }

    #[test]
    fn clear_drops_audio_and_marks() {
        let mut playback = Playback::default();
        playback.media(vec![1; 10]);
        playback.mark("a".to_owned());
        play(&mut playback);
        assert_eq!(playback.clear(), 6);
        assert_eq!(play(&mut playback), (vec![0; 4], vec![]));
        assert!(play(&mut playback).1.is_empty());
    }

    #[test]
    fn running_dry_is_a_gap_only_within_an_utterance() {
        let mut playback = Playback::default();
        playback.media(vec![1; 2]);
        play(&mut playback);
        playback.media(vec![1; 4]);
        assert_eq!(playback.gaps(), 1);
        playback.mark("end".to_owned());
        play(&mut playback);
        play(&mut playback);
        playback.media(vec![1; 4]);
        assert_eq!(playback.gaps(), 1);
    }
}
