//! The real recogniser, waited for: whoever feeds it goes on when it has decoded what it was fed, so that what is heard does not depend on
//! how busy the machine is.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use samvaad_model::Language;
use samvaad_speech::recognition::HEARINGS;
use samvaad_speech::{Expectation, Hearing, Recognition, Recognizer, Vosk, VoskSettings};
use tokio::sync::mpsc;

use crate::root;

/// What a worker decodes in one turn.
const TURN_SAMPLES: usize = 3_200;

/// As many as work at once; each has a model of its own, of 130 MB.
static HEARERS: LazyLock<Vec<Mutex<Hearer>>> = LazyLock::new(|| (0..2).map(|_| Mutex::new(Hearer::open())).collect());

/// All hearers, to share work among.
pub fn hearers() -> &'static [Mutex<Hearer>] {
    &HEARERS
}

/// A recogniser with one worker, and a second recognition there by whose answers one sees that the worker has been at the first.
pub struct Hearer {
    vosk: Vosk,
    bell: (Box<dyn Recognition>, mpsc::Receiver<Hearing>),
}

impl Hearer {
    fn open() -> Self {
        let folder = std::env::var_os("SAMVAAD_TOOLS").map_or_else(|| root().join(".tools"), PathBuf::from).join("vosk");
        let models = [(Language::english(), folder.join("vosk-model-small-en-us-0.15"))];
        let settings = VoskSettings { library: folder.join("libvosk.so"), models: models.into(), workers: 1 };
        let vosk = Vosk::open(settings).unwrap_or_else(|error| panic!("{error}\nrun `make setup`"));
        let expectation = Expectation { languages: vec![Language::english()], phrases: vec!["yes".to_owned()] };
        let bell = begin(&vosk, expectation);
        Self { vosk, bell }
    }

    /// Begins to listen.
    pub fn listen(&self, expectation: Expectation) -> Listening {
        let (recognition, hearings) = begin(&self.vosk, expectation);
        Listening { recognition, hearings }
    }

    /// Feeds, waits until it is decoded, and gives what was heard meanwhile.
    pub fn feed(&mut self, listening: &mut Listening, samples: &[i16]) -> Vec<Hearing> {
        for turn in samples.chunks(TURN_SAMPLES) {
            listening.recognition.feed(turn).unwrap();
            self.await_turn();
        }
        std::iter::from_fn(|| listening.hearings.try_recv().ok()).collect()
    }

    /// Waits until the worker, which takes its recognitions one after the other, has been at every one that had something to do. The first
    /// answer may come from before, the second cannot.
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

fn begin(vosk: &Vosk, expectation: Expectation) -> (Box<dyn Recognition>, mpsc::Receiver<Hearing>) {
    let (sender, hearings) = mpsc::channel(HEARINGS);
    (vosk.listen(expectation, sender).unwrap(), hearings)
}
