//! Offline speech recognition: Vosk, loaded at run time, decoding on its own threads.
//!
//! `libvosk.so` is not linked, so the engine builds and runs without it; a missing library is
//! reported by [`Vosk::open`]. Closed questions are recognised with a grammar of their phrases and
//! decoys and `[unk]` for everything else; free speech with the model's full language model. Models
//! need 16 kHz; telephone audio has to be resampled to that, not merely relabelled.
//!
//! After [`Vosk::open`] nothing blocks an async thread, and callers' words are never logged. A
//! [`Hearing::Partial`] has confidence 0, because Vosk only rates words when they are final. Words
//! recognised next to `[unk]` are in the text, with `unknown` set.
//!
//! [`Hearing::Partial`]: crate::Hearing::Partial

mod ffi;
mod grammar;
mod inbox;
mod words;
mod worker;
mod workers;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ghanti_model::Language;
use tokio::sync::mpsc;

use self::ffi::{Model, VoskLibrary};
use self::inbox::Request;
use self::workers::Workers;
use crate::recognition::{Expectation, Hearing, Recognition, RecognitionError, Recognizer};

/// The location of Vosk, and its share of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoskSettings {
    /// Path of `libvosk.so`.
    pub library: PathBuf,
    /// The model folder of each supported language. A model serves all regions of its language.
    pub models: BTreeMap<Language, PathBuf>,
    /// Number of decoding threads. Free speech takes 0.3 to 0.5 of a core per speaking caller, a
    /// closed question a tenth of that.
    pub workers: usize,
}

/// Why Vosk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum VoskError {
    /// The file does not exist, or is not Vosk's library.
    #[error(
        "cannot open the speech recogniser `{path}`: {reason}; run `make setup`, or set [speech] recognizer"
    )]
    Library {
        /// The configured path.
        path: PathBuf,
        /// The loader's message.
        reason: String,
    },
    /// A model folder is missing or incomplete.
    #[error(
        "cannot read the `{language}` speech model `{path}`: {reason}; run `make setup`, or fix [speech] models"
    )]
    Model {
        /// The language it is configured for.
        language: Language,
        /// The configured path.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The system could not start threads.
    #[error("cannot start threads for speech recognition: {0}")]
    Threads(#[from] std::io::Error),
}

/// Vosk as a [`Recognizer`].
pub struct Vosk {
    workers: Workers,
    models: BTreeMap<Language, Arc<Model>>,
}

impl Vosk {
    /// Loads the library and the models, some tenths of a second each: call it at startup, or on a
    /// blocking thread.
    pub fn open(settings: VoskSettings) -> Result<Self, VoskError> {
        let library = VoskLibrary::open(&settings.library).map_err(|error| VoskError::Library {
            path: settings.library.clone(),
            reason: reason_of(&error),
        })?;
        let mut loaded: BTreeMap<PathBuf, Arc<Model>> = BTreeMap::new();
        let mut models = BTreeMap::new();
        for (language, path) in settings.models {
            let model = match loaded.get(&path) {
                Some(model) => Arc::clone(model),
                None => load(&library, &language, &path)?,
            };
            loaded.insert(path, Arc::clone(&model));
            models.insert(language, model);
        }
        Ok(Self {
            workers: Workers::start(settings.workers)?,
            models,
        })
    }

    /// The model of a language: of its own region, else of another one.
    fn model_for(&self, language: &Language) -> Option<&Arc<Model>> {
        let related = || {
            self.models
                .iter()
                .find(|(other, _)| other.primary() == language.primary())
                .map(|(_, model)| model)
        };
        self.models.get(language).or_else(related)
    }
}

/// The system's message is in the source of the loader's error.
fn reason_of(error: &libloading::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn load(
    library: &Arc<VoskLibrary>,
    language: &Language,
    path: &Path,
) -> Result<Arc<Model>, VoskError> {
    let refuse = |reason| VoskError::Model {
        language: language.clone(),
        path: path.to_path_buf(),
        reason,
    };
    if !path.is_dir() {
        return Err(refuse("there is no such folder"));
    }
    // Vosk models have the acoustic model in one of two places; without it the library would print
    // errors that bypass our log
    if !["am/final.mdl", "final.mdl"]
        .iter()
        .any(|file| path.join(file).is_file())
    {
        return Err(refuse("it has no `am/final.mdl`"));
    }
    Model::load(library, path).ok_or_else(|| refuse("it is not a whole Vosk model"))
}

impl Recognizer for Vosk {
    fn name(&self) -> &str {
        "vosk"
    }

    fn understands(&self, language: &Language) -> bool {
        self.model_for(language).is_some()
    }

    fn hears_phrases_only(&self, _languages: &[Language]) -> bool {
        true
    }

    fn is_helped_by_suppression(&self, _languages: &[Language]) -> bool {
        true
    }

    fn backlog(&self) -> Duration {
        self.workers.backlog()
    }

    fn listen(
        &self,
        expectation: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError> {
        let found = expectation
            .languages
            .iter()
            .find_map(|language| Some((language, self.model_for(language)?)));
        let Some((language, model)) = found else {
            return Err(RecognitionError::NoModel(
                expectation
                    .languages
                    .into_iter()
                    .next()
                    .unwrap_or_else(Language::english),
            ));
        };
        let (language, model) = (language.clone(), Arc::clone(model));
        let listening = self.workers.begin(Request {
            model,
            language,
            phrases: expectation.phrases,
            decoys: expectation.decoys,
            hearings,
        })?;
        Ok(Box::new(listening))
    }
}
