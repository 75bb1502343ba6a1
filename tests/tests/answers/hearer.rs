//! The real recogniser, waited for: whoever feeds it goes on when it has decoded what it was fed,
//! so that what is heard does not depend on how busy the machine is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use ghanti_model::Language;
use ghanti_speech::recognition::HEARINGS;
use ghanti_speech::{Expectation, Hearing, Recognition, Recognizer, Vosk, VoskSettings};
use tokio::sync::mpsc;

use crate::root;

/// What a worker decodes in one turn.
const TURN_SAMPLES: usize = 3_200;

/// As many as work at once; each has a model of its own, of 130 MB.
static HEARERS: LazyLock<Vec<Mutex<Hearer>>> =
    LazyLock::new(|| (0..2).map(|_| Mutex::new(Hearer::open())).collect());

/// All hearers, to share work among.
pub fn hearers() -> &'static [Mutex<Hearer>] {
    &HEARERS
}

/// A recogniser with one worker, and a second recognition there by whose answers one sees that the
/// worker has been at the first.
pub struct Hearer {
    vosk: Vosk,
    bell: (Box<dyn Recognition>, mpsc::Receiver<Hearing>),
}

impl Hearer {
    fn open() -> Self {
        let folder = std::env::var_os("GHANTI_TOOLS")
            .map_or_else(|| root().join(".tools"), PathBuf::from)
            .join("vosk");
        let model = without_dither(&folder.join("vosk-model-small-en-us-0.15"));
        let models = [(Language::english(), model.path().to_owned())];
        let settings = VoskSettings {
            library: folder.join("libvosk.so"),
            models: models.into(),
            workers: 1,
        };
        let vosk = Vosk::open(settings).unwrap_or_else(|error| panic!("{error}\nrun `make setup`"));
        let expectation = Expectation {
            languages: vec![Language::english()],
            phrases: vec!["yes".to_owned()],
            decoys: Vec::new(),
        };
        let bell = begin(&vosk, expectation);
        Self { vosk, bell }
    }

    /// Begins to listen.
    pub fn listen(&self, expectation: Expectation) -> Listening {
        let (recognition, hearings) = begin(&self.vosk, expectation);
        Listening {
            recognition,
            hearings,
        }
    }

    /// Feeds, waits until it is decoded, and gives what was heard meanwhile.
    pub fn feed(&mut self, listening: &mut Listening, samples: &[i16]) -> Vec<Hearing> {
        for turn in samples.chunks(TURN_SAMPLES) {
            listening.recognition.feed(turn).unwrap();
            self.await_turn();
        }
        std::iter::from_fn(|| listening.hearings.try_recv().ok()).collect()
    }

    /// Waits until the worker, which takes its recognitions one after the other, has been at every
    /// one that had something to do. The first answer may come from before, the second cannot.
    fn await_turn(&mut self) {
        let (recognition, hearings) = &mut self.bell;
        for _ in 0..2 {
            recognition.finish();
            assert!(matches!(hearings.blocking_recv(), Some(Hearing::Final(_))));
        }
    }
}

/// A recognition in progress.
pub struct Listening {
    recognition: Box<dyn Recognition>,
    hearings: mpsc::Receiver<Hearing>,
}

impl Listening {
    /// Ends the utterance, and gives what was heard to its end.
    pub fn finish(&mut self) -> Vec<Hearing> {
        self.recognition.finish();
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Hearing::Final(_) | Hearing::Failed(_))) {
            heard.push(self.hearings.blocking_recv().unwrap());
        }
        heard
    }

    /// Forgets the utterance.
    pub fn reset(&mut self) {
        self.recognition.reset();
    }
}

/// The model as it is, but that no random noise is added to what it hears: the same clip is heard
/// as the same words each time. The line has noise of its own.
fn without_dither(model: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let missing = |error| panic!("`{}`: {error}\nrun `make setup`", model.display());
    let parts = fs::read_dir(model.canonicalize().unwrap_or_else(missing)).unwrap();
    for part in parts
        .map(Result::unwrap)
        .filter(|part| part.file_name() != "conf")
    {
        symlink(part.path(), folder.path().join(part.file_name())).unwrap();
    }
    let conf = folder.path().join("conf");
    fs::create_dir(&conf).unwrap();
    for part in fs::read_dir(model.join("conf"))
        .unwrap()
        .map(Result::unwrap)
    {
        fs::copy(part.path(), conf.join(part.file_name())).unwrap();
    }
    let mut settings = fs::read_to_string(conf.join("mfcc.conf")).unwrap();
    settings.push_str("\n--dither=0\n");
    fs::write(conf.join("mfcc.conf"), settings).unwrap();
    folder
}

fn begin(vosk: &Vosk, expectation: Expectation) -> (Box<dyn Recognition>, mpsc::Receiver<Hearing>) {
    let (sender, hearings) = mpsc::channel(HEARINGS);
    (vosk.listen(expectation, sender).unwrap(), hearings)
}
