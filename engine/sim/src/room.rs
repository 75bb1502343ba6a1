//! The sound around the caller: a telephone that echoes the bot's voice, and people talking in the
//! background.
//!
//! Pure: samples are arguments, and a room sounds the same in every run.

use std::sync::Arc;

use ghanti_audio::level::{gain, rms_dbfs};
use serde::Deserialize;

use crate::voice::{Voice, VoiceError};

/// What the people in the background say, each with a flite voice.
const BACKGROUND: [(&str, &str); 3] = [
    (
        "rms",
        "And in the other match this evening the home side won by three wickets, with four balls to spare, after a slow start.",
    ),
    (
        "kal16",
        "Did you put the milk into the fridge? I told you twice that the guests are coming at seven, and nothing is ready yet.",
    ),
    (
        "awb",
        "The minister said on Tuesday that the new line will open before the monsoon, and that the fares stay as they are.",
    ),
];

/// Other sound on the line, from a scenario's `[line]`. Without it there is only the telephone's
/// own low noise.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// Level of the bot's echo relative to what it sent, in decibels, such as -20: from a
    /// loudspeaker or a hybrid in the network.
    #[serde(default)]
    pub echo_db: Option<f32>,
    /// Delay of the echo, in milliseconds.
    #[serde(default)]
    pub echo_ms: u32,
    /// Level of people talking in the background, or of a television, in dBFS. The caller speaks at
    /// -20.
    #[serde(default)]
    pub background_dbfs: Option<f32>,
}

/// Mixes the room's sound into the caller's audio.
#[derive(Debug, Clone, Default)]
pub struct Room {
    echo: Option<Echo>,
    background: Vec<Arc<[i16]>>,
    background_gain: f32,
    at: usize,
}

#[derive(Debug, Clone)]
struct Echo {
    gain: f32,
    delay_samples: usize,
}

impl Room {
    /// Prepares the sound of a line, at the stream's sample rate.
    pub async fn new(line: &Line, rate_hz: u32) -> Result<Self, VoiceError> {
        let mut room = Self {
            echo: line.echo_db.map(|db| Echo {
                gain: gain(db),
                delay_samples: (u64::from(line.echo_ms) * u64::from(rate_hz) / 1_000) as usize,
            }),
            ..Self::default()
        };
        let Some(dbfs) = line.background_dbfs else {
            return Ok(room);
        };
        for (voice, words) in BACKGROUND {
            room.background
                .push(Voice::Flite(voice.to_owned()).speak(words, rate_hz).await?);
        }
        room.background_gain = gain(dbfs - rms_dbfs(&room.all_voices()));
        Ok(room)
    }

    /// Whether the bot's voice comes back, so that [`Room::fill`] needs its earlier audio.
    pub fn has_echo(&self) -> bool {
        self.echo.is_some()
    }

    /// Mixes the room into a frame of the caller's audio. The last frame of `bot` is the one being
    /// played at the same time.
    pub fn fill(&mut self, bot: &[i16], frame: &mut [i16]) {
        let first = bot.len().saturating_sub(frame.len());
        for (nth, sample) in frame.iter_mut().enumerate() {
            let echo = self.echo.as_ref().and_then(|echo| {
                Some(
                    echo.gain
                        * f32::from(*bot.get((first + nth).checked_sub(echo.delay_samples)?)?),
                )
            });
            let background = self.background_gain * self.voices(self.at);
            self.at += 1;
            *sample = sample.saturating_add((echo.unwrap_or_default() + background) as i16);
        }
    }

    /// The sum of all voices, each repeating when it ends.
    fn voices(&self, at: usize) -> f32 {
        self.background
            .iter()
            .filter_map(|voice| voice.get(at % voice.len()))
            .map(|sample| f32::from(*sample))
            .sum()
    }

    fn all_voices(&self) -> Vec<i16> {
        let longest = self
            .background
            .iter()
            .map(|voice| voice.len())
            .max()
            .unwrap_or_default();
        (0..longest)
            .map(|at| {
                self.voices(at)
                    .clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_room_adds_nothing() {
        let mut frame = [7; 4];
        Room::new(&Line::default(), 8_000)
            .await
            .unwrap()
            .fill(&[1_000; 8], &mut frame);
        assert_eq!(frame, [7; 4]);
    }

    #[tokio::test]
    async fn the_bots_voice_comes_back_later_and_quieter() {
        let line = Line {
            echo_db: Some(-20.0),
            echo_ms: 1,
            background_dbfs: None,
        };
        let mut room = Room::new(&line, 8_000).await.unwrap();
        let mut frame = [0; 10];
        let bot: Vec<i16> = (0..30).map(|at| at * 100).collect();
        room.fill(&bot[..10], &mut frame);
        assert_eq!(frame, [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
        let mut frame = [5; 10];
        room.fill(&bot[..20], &mut frame);
        assert_eq!(frame[..3], [25, 35, 45]);
    }

    #[tokio::test]
    async fn people_talk_at_the_configured_level_without_end() {
        let line = Line {
            background_dbfs: Some(-40.0),
            ..Line::default()
        };
        let mut room = Room::new(&line, 8_000).await.unwrap();
        for _ in 0..3 {
            let mut frame = vec![0; 80_000];
            room.fill(&[], &mut frame);
            assert!(
                (rms_dbfs(&frame) + 40.0).abs() < 2.0,
                "{} dBFS",
                rms_dbfs(&frame)
            );
        }
    }
}
