//! The real recogniser, waited for: whoever feeds it goes on when it has decoded what it was fed,
//! so that what is heard does not depend on how busy the machine is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// One of the hearers, for work in a row.
pub fn one() -> MutexGuard<'static, Hearer> {
    HEARERS[0].lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each item comes to, in the items' order: all hearers share the work.
pub fn each<I: Sync, O: Send>(items: &[I], act: impl Fn(&Hearer, &I) -> O + Sync) -> Vec<O> {
    let next = Mutex::new(items.iter().enumerate());
    let mut results: Vec<(usize, O)> = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = HEARERS
            .iter()
            .map(|hearer| {
                let (next, act) = (&next, &act);
                scope.spawn(move || {
                    let hearer = hearer.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut results = Vec::new();
                    loop {
                        let item = next.lock().unwrap().next();
                        let Some((index, item)) = item else {
                            return results;
                        };
                        results.push((index, act(&hearer, item)));
                    }
                })
            })
            .collect();
        results.extend(
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap()),
        );
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// How long a turn may take to be decoded on the slowest machine, before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_micros(200);

/// A recogniser with one worker, for one recognition at a time.
pub struct Hearer {
    vosk: Vosk,
}

impl Hearer {
    fn open() -> Self {
        Self { vosk: open(1) }
    }

    /// Begins to listen.
    pub fn listen(&self, expectation: Expectation) -> Listening {
        let (sender, hearings) = mpsc::channel(HEARINGS);
        Listening {
            recognition: self.vosk.listen(expectation, sender).unwrap(),
            hearings,
        }
    }

    /// Feeds, waits until it is decoded, and gives what was heard meanwhile.
    pub fn feed(&self, listening: &mut Listening, samples: &[i16]) -> Vec<Hearing> {
        for turn in samples.chunks(TURN_SAMPLES) {
            listening.recognition.feed(turn).unwrap();
            let begun = Instant::now();
            while !self.vosk.backlog().is_zero() {
                assert!(begun.elapsed() < PATIENCE, "the recogniser has stopped");
                std::thread::sleep(POLL);
            }
        }
        std::iter::from_fn(|| listening.hearings.try_recv().ok()).collect()
    }
}

/// The recogniser, with so many threads; its model hears the same in the same clip each time.
pub fn open(workers: usize) -> Vosk {
    let folder = std::env::var_os("GHANTI_TOOLS")
        .map_or_else(|| root().join(".tools"), PathBuf::from)
        .join("vosk");
    let model = without_dither(&folder.join("vosk-model-small-en-us-0.15"));
    let models = [(Language::english(), model.path().to_owned())];
    let settings = VoskSettings {
        library: folder.join("libvosk.so"),
        models: models.into(),
        workers,
    };
    Vosk::open(settings).unwrap_or_else(|error| panic!("{error}\nrun `make setup`"))
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
