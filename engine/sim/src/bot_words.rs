//! Recognises what was really said from the audio: of the bot, independently of the transcript in the
//! record, or of a recorded caller.

use std::time::Duration;

use ghanti_model::Language;
use ghanti_speech::{Expectation, Hearing, RecognitionError, Recognizer, recognition};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::heard::{TURN_SILENCE_MS, is_audible};

/// Timeout of the recognizer for one turn of the bot.
const LIMIT: Duration = Duration::from_secs(60);

/// Audio is fed in pieces of 100 ms, as in a call.
const PIECE: usize = recognition::RATE_HZ as usize / 10;

/// Pause before feeding an overloaded recognizer again.
const RETRY: Duration = Duration::from_millis(50);

/// The bot's audio could not be recognised.
#[derive(Debug, thiserror::Error)]
pub enum BotWordsError {
    /// The recognizer returned an error.
    #[error(transparent)]
    Recognition(#[from] RecognitionError),
    /// The file cannot be read.
    #[error(transparent)]
    Wav(#[from] ghanti_audio::wav::WavError),
    /// The audio cannot be converted to the recognizer's sample rate.
    #[error(transparent)]
    Rate(#[from] ghanti_audio::ResampleError),
    /// The recognizer returned nothing in time.
    #[error("the recogniser `{0}` returned no words within {seconds} s", seconds = LIMIT.as_secs())]
    Silent(String),
}

/// Recognises each turn of a WAV file (PCM of 16 bits, mono), as [`recognize`] does.
pub async fn recognize_wav(
    recognizer: &dyn Recognizer,
    language: &Language,
    wav: &[u8],
) -> Result<Vec<String>, BotWordsError> {
    let samples = ghanti_audio::wav::decode(wav, recognition::RATE_HZ)?;
    recognize(recognizer, language, &samples, recognition::RATE_HZ).await
}

/// Recognises each turn of the speaker as free speech. Returns the words of each turn, in lower case
/// and in the recognizer's spelling.
pub async fn recognize(
    recognizer: &dyn Recognizer,
    language: &Language,
    samples: &[i16],
    rate_hz: u32,
) -> Result<Vec<String>, BotWordsError> {
    let samples = ghanti_audio::convert(samples, rate_hz, recognition::RATE_HZ)?;
    let (sender, mut hearings) = mpsc::channel(recognition::HEARINGS);
    let free_speech = Expectation {
        languages: vec![language.clone()],
        ..Expectation::default()
    };
    let mut listening = recognizer.listen(free_speech, sender)?;
    let mut words = Vec::new();
    for turn in turns(&samples) {
        let heard = async {
            for piece in turn.chunks(PIECE) {
                while let Err(error) = listening.feed(piece) {
                    if error != RecognitionError::Overloaded {
                        return Err(error);
                    }
                    // unread partial results would keep the recognizer overloaded
                    while hearings.try_recv().is_ok() {}
                    tokio::time::sleep(RETRY).await;
                }
            }
            listening.finish();
            loop {
                match hearings.recv().await {
                    Some(Hearing::Final(recognized)) => return Ok(recognized.text.into_exposed()),
                    Some(Hearing::Partial(_) | Hearing::Lost(_)) => {}
                    Some(Hearing::Failed(error)) => return Err(error),
                    None => {
                        return Err(RecognitionError::Unavailable(recognizer.name().to_owned()));
                    }
                }
            }
        };
        let heard = timeout(LIMIT, heard)
            .await
            .map_err(|_| BotWordsError::Silent(recognizer.name().to_owned()))??;
        if !heard.is_empty() {
            words.push(heard);
        }
    }
    Ok(words)
}

/// The pieces of audio between long silences, with 300 ms of the silence around them.
fn turns(samples: &[i16]) -> Vec<&[i16]> {
    let silence = recognition::RATE_HZ as usize * TURN_SILENCE_MS as usize / 1000;
    let margin = PIECE * 3;
    let mut turns = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (at, _) in samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| is_audible(**sample))
    {
        match &mut open {
            Some((_, last)) if at - *last < silence => *last = at,
            _ => turns.extend(open.replace((at, at))),
        }
    }
    turns.extend(open);
    turns
        .into_iter()
        .filter_map(|(first, last)| {
            samples.get(first.saturating_sub(margin)..(last + margin).min(samples.len()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_silences_divide_turns_and_short_ones_do_not() {
        let mut samples = vec![0; 20_000];
        samples.extend([5_000; 1_000]);
        samples.extend([0; 8_000]);
        samples.extend([5_000; 1_000]);
        samples.extend([0; 16_000]);
        samples.extend([5_000; 100]);
        let turns = turns(&samples);
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].len(), 10_000 + 2 * PIECE * 3 - 1);
        assert_eq!(turns[1].len(), 100 + PIECE * 3);
    }
}
