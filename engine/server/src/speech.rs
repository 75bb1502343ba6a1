//! Opens synthesizers and recognizers, on this machine or over the network, in order of failover.

pub mod check;
pub mod hear;
pub mod say;
pub mod warm;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ghanti_campaign::SetupError;
use ghanti_campaign::api::tls_config;
use ghanti_speech::espeak::{Espeak, EspeakSettings};
use ghanti_speech::hibari::{self, Hibari, HibariError, HibariSettings};
use ghanti_speech::providers::{Connections, Remote};
use ghanti_speech::voices::OfflineVoices;
use ghanti_speech::vosk::{Vosk, VoskError, VoskSettings};
use ghanti_speech::{Limits, Recognizer, Recognizers, Synthesizer, Voices};

use crate::config::{
    Config, Provider, RecognizerChoice, Speech, SynthesizerChoice, SynthesizerKind,
};

/// Speech cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// Vosk cannot be opened.
    #[error("{}", vosk_error(.0))]
    Vosk(VoskError),
    /// The natural English voice cannot be opened.
    #[error(transparent)]
    Voice(#[from] HibariError),
    /// A provider cannot be used.
    #[error("cannot use `[speech.providers.{name}]`: {reason}")]
    Provider {
        /// Its name.
        name: String,
        /// Why, with a hint.
        reason: SetupError,
    },
    /// The HTTP client cannot be created.
    #[error("cannot use providers of speech: {0}; check that the system can resolve names")]
    Client(String),
    /// A background thread panicked.
    #[error("a thread panicked while the recogniser or the voice was opened")]
    Thread,
}

/// The error for Vosk, with a fix for an operator who has only the program.
fn vosk_error(error: &VoskError) -> String {
    const NONE: &str = "or set `recognizer = \"none\"` there (GHANTI_SPEECH_RECOGNIZER=none), so that callers answer with keys";
    match error {
        VoskError::Library { path, reason } => format!(
            "cannot open the speech recogniser `{}`: {reason}; name the file of Vosk's library as `vosk-library` of `[speech]` \
             (GHANTI_SPEECH_VOSK_LIBRARY), {NONE}",
            path.display()
        ),
        VoskError::Model {
            language,
            path,
            reason,
        } => format!(
            "cannot read the `{language}` speech model `{}`: {reason}; name the folder of a Vosk model of the language in `vosk-models` of \
             `[speech]`, {NONE}",
            path.display()
        ),
        other => other.to_string(),
    }
}

/// The providers that are configured, with the connections that they share.
pub struct Providers<'c> {
    speech: &'c Speech,
    remotes: BTreeMap<&'c str, (Remote, Limits)>,
    /// The natural English voice, if this machine synthesizes speech.
    natural: Option<Arc<Hibari>>,
}

impl<'c> Providers<'c> {
    /// Reads certificates and the natural voice. Nothing is connected to yet.
    ///
    /// # Errors
    /// A file of certificates or of the voice cannot be read, or the system cannot resolve names.
    pub async fn open(config: &'c Config) -> Result<Self, SpeechError> {
        let mut pools: BTreeMap<Option<&PathBuf>, Arc<Connections>> = BTreeMap::new();
        let mut remotes = BTreeMap::new();
        for (name, provider) in &config.speech.providers {
            let pool = match pools.get(&provider.ca_file.as_ref()) {
                Some(pool) => Arc::clone(pool),
                None => Arc::new(connections(name, provider, &config.speech)?),
            };
            pools.insert(provider.ca_file.as_ref(), Arc::clone(&pool));
            // every provider of a checked configuration has a kind
            if let Some(settings) = provider.settings(name) {
                let remote = Remote::new(settings, pool);
                remotes.insert(name.as_str(), (remote, provider.limits()));
            }
        }
        Ok(Self {
            speech: &config.speech,
            remotes,
            natural: natural_voice(&config.speech).await?,
        })
    }

    /// All configured synthesizers, in order of failover.
    pub fn voices(&self) -> Voices {
        let voices = self.speech.synthesizer_order().into_iter();
        Voices::new(voices.filter_map(|who| self.voice(who)))
    }

    /// One synthesizer; `None` for a provider that only recognizes.
    pub fn voice(&self, who: SynthesizerChoice<'_>) -> Option<(Arc<dyn Synthesizer>, Limits)> {
        match who {
            SynthesizerChoice::Local(kind) => Some((self.local(kind), Limits::local())),
            SynthesizerChoice::Provider(name) => {
                let (remote, limits) = self.remotes.get(name)?;
                Some((remote.synthesizer()?, *limits))
            }
        }
    }

    fn local(&self, kind: SynthesizerKind) -> Arc<dyn Synthesizer> {
        match kind {
            SynthesizerKind::Espeak => {
                let espeak = Espeak::new(EspeakSettings {
                    words_per_minute: self.speech.words_per_minute(),
                    ..EspeakSettings::default()
                });
                Arc::new(OfflineVoices::new(self.natural.clone(), espeak))
            }
        }
    }

    /// All configured recognizers; `None` if callers answer with keys.
    ///
    /// # Errors
    /// Vosk is configured and cannot be opened.
    pub async fn recognizer(&self) -> Result<Option<Arc<dyn Recognizer>>, SpeechError> {
        let mut opened = Vec::new();
        let listeners = self.speech.recognizer_order();
        for who in &listeners {
            opened.extend(self.listener(*who).await?);
        }
        Ok(match (&listeners[..], opened.pop()) {
            (_, None) => {
                tracing::warn!("no recogniser is configured: callers answer with keys");
                None
            }
            // there is no other recognizer, and Vosk reports its failures itself
            ([RecognizerChoice::Vosk], Some((vosk, _))) => Some(vosk),
            (_, Some(last)) => Some(Arc::new(Recognizers::new(opened.into_iter().chain([last])))),
        })
    }

    /// One recognizer; `None` for an unknown provider.
    ///
    /// # Errors
    /// Vosk cannot be opened.
    pub async fn listener(
        &self,
        who: RecognizerChoice<'_>,
    ) -> Result<Option<(Arc<dyn Recognizer>, Limits)>, SpeechError> {
        Ok(match who {
            RecognizerChoice::Vosk => Some((self.vosk().await?, Limits::local())),
            RecognizerChoice::Provider(name) => {
                let remote = self.remotes.get(name);
                remote.map(|(remote, limits)| (remote.recognizer(), *limits))
            }
        })
    }

    async fn vosk(&self) -> Result<Arc<dyn Recognizer>, SpeechError> {
        let settings = VoskSettings {
            library: self.speech.vosk_library.clone(),
            models: self.speech.vosk_models.clone(),
            workers: self.speech.recognizer_threads,
        };
        let vosk = tokio::task::spawn_blocking(move || Vosk::open(settings)).await;
        let vosk = vosk.map_err(|_| SpeechError::Thread)?;
        Ok(Arc::new(vosk.map_err(SpeechError::Vosk)?))
    }
}

/// Opens the natural English voice, if this machine synthesizes speech. Without it espeak-ng speaks
/// English, which is logged.
async fn natural_voice(speech: &Speech) -> Result<Option<Arc<Hibari>>, SpeechError> {
    let is_local = |who: &SynthesizerChoice<'_>| matches!(who, SynthesizerChoice::Local(_));
    if !speech.synthesizer_order().iter().any(is_local) {
        return Ok(None);
    }
    if let Some(folder) = speech.missing_voice() {
        tracing::warn!(folder = %folder.display(), "the natural English voice is not installed, and espeak-ng speaks English: see docs/speech.md, or set `english-voice = \"\"` in [speech]");
        return Ok(None);
    }
    let Some(folder) = speech.natural_voice() else {
        return Ok(None);
    };
    let settings = HibariSettings {
        folder: folder.to_owned(),
        words_per_minute: speech.words_per_minute(),
        deadline: hibari::DEADLINE,
    };
    let natural = tokio::task::spawn_blocking(move || Hibari::open(&settings)).await;
    Ok(Some(Arc::new(natural.map_err(|_| SpeechError::Thread)??)))
}

fn connections(
    name: &str,
    provider: &Provider,
    speech: &Speech,
) -> Result<Connections, SpeechError> {
    // providers' usual addresses use TLS
    let urls = speech.providers.values().map(|provider| &provider.url);
    let is_tls = urls.into_iter().any(|url| {
        url.as_ref()
            .is_none_or(|url| url.starts_with("https://") || url.starts_with("wss://"))
    });
    let tls = tls_config(is_tls, provider.ca_file.as_deref());
    let tls = tls.map_err(|reason| SpeechError::Provider {
        name: name.to_owned(),
        reason,
    })?;
    Connections::new(tls).map_err(SpeechError::Client)
}

/// Opens the configured recognizer; `None` if callers answer with keys.
///
/// # Errors
/// See [`Providers::open`] and [`Providers::recognizer`].
pub async fn open_recognizer(config: &Config) -> Result<Option<Arc<dyn Recognizer>>, SpeechError> {
    Providers::open(config).await?.recognizer().await
}
