//! A provider that speaks, as a [`Synthesizer`].

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::Language;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::mpsc;

use super::connections::unsent;
use crate::fault::Fault;
use crate::shaping::Shaping;
use crate::synthesis::{PIECES, Samples, SynthesisError, Synthesizer, Utterance};

/// The most bytes of audio of one text: five minutes at 24 kHz.
const SPEECH_BYTES: usize = 5 * 60 * 24_000 * 2;

/// Turns a text into audio.
#[async_trait]
pub(super) trait Speaker: Send + Sync + 'static {
    /// The provider's name in the configuration.
    fn name(&self) -> &str;

    /// The voice for a language; `None` if it does not speak it.
    fn voice(&self, language: &Language) -> Option<String>;

    /// The model, or whatever else makes its speech another one.
    fn model(&self) -> &str;

    /// Speaks; what is heard goes into `speech`.
    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault>;
}

/// What is to be spoken.
pub(super) struct Text<'t> {
    pub(super) words: &'t str,
    pub(super) language: &'t Language,
    pub(super) voice: &'t str,
    /// The rate of the call, in hertz.
    pub(super) rate_hz: u32,
}

/// A [`Speaker`] as a synthesizer.
pub(super) struct RemoteSynthesizer<S>(Arc<S>);

impl<S: Speaker> RemoteSynthesizer<S> {
    pub(super) fn of(speaker: S) -> Arc<dyn Synthesizer> {
        Arc::new(Self(Arc::new(speaker)))
    }
}

#[async_trait]
impl<S: Speaker> Synthesizer for RemoteSynthesizer<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn speaks(&self, language: &Language) -> bool {
        self.0.voice(language).is_some()
    }

    fn voice(&self, utterance: &Utterance) -> String {
        let voice = utterance.voice.clone();
        let voice = voice.or_else(|| self.0.voice(&utterance.language));
        format!("{} {}", self.0.model(), voice.unwrap_or_default())
    }

    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        let own = self.0.voice(&utterance.language);
        let own = own.ok_or_else(|| SynthesisError::NoVoice(utterance.language.clone()))?;
        let voice = utterance.voice.clone().unwrap_or(own);
        let (pieces, receiver) = mpsc::channel(PIECES);
        if !utterance.text.expose().chars().any(char::is_alphanumeric) {
            return Ok(receiver);
        }
        let (speaker, utterance) = (Arc::clone(&self.0), utterance.clone());
        tokio::spawn(async move {
            let text = Text {
                words: utterance.text.expose(),
                language: &utterance.language,
                voice: &voice,
                rate_hz,
            };
            let mut speech = Speech::new(rate_hz, pieces.clone());
            let speaking = async {
                speaker.speak(&text, &mut speech).await?;
                speech.finish().await
            };
            tokio::select! {
                spoken = speaking => if let Err(fault) = spoken {
                    let name = speaker.name().to_owned();
                    // fails only if the receiver is gone, and then nobody needs the error
                    let _ = pieces.send(Err(SynthesisError::Provider { name, fault })).await;
                },
                () = pieces.closed() => {}
            }
        });
        Ok(receiver)
    }
}

/// Takes a provider's audio and passes it on at the call's rate.
pub(super) struct Speech {
    to_hz: u32,
    pieces: mpsc::Sender<Result<Samples, SynthesisError>>,
    shaping: Option<Shaping>,
    made: Vec<Samples>,
    bytes: usize,
    is_heard: bool,
}

impl Speech {
    fn new(to_hz: u32, pieces: mpsc::Sender<Result<Samples, SynthesisError>>) -> Self {
        Self {
            to_hz,
            pieces,
            shaping: None,
            made: Vec::new(),
            bytes: 0,
            is_heard: false,
        }
    }

    /// What follows is PCM16 mono at this rate, without a header.
    pub(super) fn is_pcm(&mut self, rate_hz: u32) -> Result<(), Fault> {
        self.shaping = Some(Shaping::of_pcm(rate_hz, self.to_hz).map_err(Fault::Nonsense)?);
        Ok(())
    }

    /// What follows is a WAV, PCM16 mono.
    pub(super) fn is_wav(&mut self) {
        self.shaping = Some(Shaping::of_wav(self.to_hz));
    }

    /// Takes audio, cut anywhere.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.bytes += bytes.len();
        if self.bytes > SPEECH_BYTES {
            return Err(Fault::Nonsense(format!(
                "more than {SPEECH_BYTES} bytes of audio"
            )));
        }
        let shaping = self
            .shaping
            .as_mut()
            .ok_or_else(|| Fault::Nonsense("audio without its format".to_owned()))?;
        shaping
            .push(bytes, &mut self.made)
            .map_err(Fault::Nonsense)?;
        self.pass_on().await;
        Ok(())
    }

    /// Takes the audio that is a response's body. A body of text is an error that came as a success.
    pub(super) async fn pour(&mut self, mut response: Response) -> Result<(), Fault> {
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/") || kind.starts_with("application/json") {
            return Err(Fault::Nonsense("text in the place of audio".to_owned()));
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| unsent(&error))? {
            self.push(&chunk).await?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Fault> {
        if let Some(shaping) = self.shaping.take() {
            shaping.finish(&mut self.made).map_err(Fault::Nonsense)?;
        }
        self.pass_on().await;
        if self.is_heard {
            Ok(())
        } else {
            Err(Fault::Nonsense("no sound for a text".to_owned()))
        }
    }

    async fn pass_on(&mut self) {
        for piece in self.made.drain(..) {
            self.is_heard = true;
            // a closed channel cancels this future from outside
            let _ = self.pieces.send(Ok(piece)).await;
        }
    }
}
