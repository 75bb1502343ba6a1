//! Opens what speaks and what listens: in order, on this machine or over the network.

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
use ghanti_speech::hibari::{Hibari, HibariError, HibariSettings};
use ghanti_speech::providers::{Connections, Remote};
use ghanti_speech::voices::OfflineVoices;
use ghanti_speech::vosk::{Vosk, VoskError, VoskSettings};
use ghanti_speech::{Limits, Recognizer, Recognizers, Synthesizer, Voices};

use crate::config::{Config, Listens, Provider, Speaks, Speech, SynthesizerKind};

/// Speech cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// Vosk cannot be opened.
    #[error("{}", unheard(.0))]
    Vosk(#[from] VoskError),
    /// The natural English voice cannot be opened.
    #[error(transparent)]
    Voice(#[from] HibariError),
    /// A provider cannot be used.
    #[error("cannot ask `[speech.providers.{name}]`: {reason}")]
    Provider {
        /// Its name.
        name: String,
        /// Why, with a hint.
        reason: SetupError,
    },
    /// There is no client of HTTP.
    #[error("cannot ask providers of speech: {0}; see whether the system can resolve names")]
    Client(String),
    /// A background thread panicked.
    #[error("a thread died while the recogniser or the voice was opened")]
    Thread,
}

/// What an operator can do without a recogniser, who may have nothing but the program.
fn unheard(error: &VoskError) -> String {
    const NONE: &str = "or set `recognizer = \"none\"` there (GHANTI_SPEECH_RECOGNIZER=none), and callers answer by keys";
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
    /// The natural English voice, where this machine speaks.
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
            // a configuration that was read has no provider without a kind
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

    /// Who speaks.
    pub fn voices(&self) -> Voices {
        let voices = self.speech.who_speaks().into_iter();
        Voices::new(voices.filter_map(|who| self.voice(who)))
    }

    /// One of those that speak; `None` for a provider that does not.
    pub fn voice(&self, who: Speaks<'_>) -> Option<(Arc<dyn Synthesizer>, Limits)> {
        match who {
            Speaks::Local(kind) => Some((self.local(kind), Limits::local())),
            Speaks::Provider(name) => {
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

    /// Who listens; `None` if callers answer with keys.
    ///
    /// # Errors
    /// Vosk is configured and cannot be opened.
    pub async fn recognizer(&self) -> Result<Option<Arc<dyn Recognizer>>, SpeechError> {
        let mut opened = Vec::new();
        let listeners = self.speech.who_listens();
        for who in &listeners {
            opened.extend(self.listener(*who).await?);
        }
        Ok(match (&listeners[..], opened.pop()) {
            (_, None) => {
                tracing::warn!("no recogniser is configured: callers answer by keys");
                None
            }
            // there is nobody to take over, and Vosk says itself when it cannot go on
            ([Listens::Vosk], Some((vosk, _))) => Some(vosk),
            (_, Some(last)) => Some(Arc::new(Recognizers::new(opened.into_iter().chain([last])))),
        })
    }

    /// One of those that listen; `None` for a provider that is not there.
    ///
    /// # Errors
    /// Vosk cannot be opened.
    pub async fn listener(
        &self,
        who: Listens<'_>,
    ) -> Result<Option<(Arc<dyn Recognizer>, Limits)>, SpeechError> {
        Ok(match who {
            Listens::Vosk => Some((self.vosk().await?, Limits::local())),
            Listens::Provider(name) => {
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
        Ok(Arc::new(vosk.map_err(|_| SpeechError::Thread)??))
    }
}

/// Opens the natural English voice, where this machine speaks. Without it espeak-ng speaks English,
/// which is logged.
async fn natural_voice(speech: &Speech) -> Result<Option<Arc<Hibari>>, SpeechError> {
    let is_local = |who: &Speaks<'_>| matches!(who, Speaks::Local(_));
    if !speech.who_speaks().iter().any(is_local) {
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
    };
    let natural = tokio::task::spawn_blocking(move || Hibari::open(&settings)).await;
    Ok(Some(Arc::new(natural.map_err(|_| SpeechError::Thread)??)))
}

fn connections(
    name: &str,
    provider: &Provider,
    speech: &Speech,
) -> Result<Connections, SpeechError> {
    // the usual addresses are reached with TLS
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
