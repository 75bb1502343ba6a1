//! The offline voice: espeak-ng, one process per utterance.
//!
//! espeak-ng is licensed under the GPL, so it is never linked: its program gets the text on
//! standard input (never as an argument, where other users of the machine could read it) and
//! returns a WAV stream, which is resampled and passed on while it is being produced.
//!
//! It fails with [`SynthesisError::NoVoice`] for an unsupported language, `Unavailable` if the
//! program is missing or fails, and `TooSlow` if it exceeds its deadline. Dropping the receiver
//! kills the process.
//!
//! Level: without pauses its speech measured -17.7 to -20.3 dBFS at 8 kHz in the eleven languages,
//! with peaks just below full scale (`cargo run --release -p ghanti-speech --example measure`).
//! That suits a telephone line and more would clip, so the level is not changed.

mod voices;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::Language;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;

use crate::failover::AT_ONCE;
use crate::patience::Patience;
use crate::shaping::Shaping;
use crate::synthesis::{PIECES, Samples, SynthesisError, Synthesizer, Utterance};

/// The most concurrent processes, whoever asks for them.
const PROCESSES: usize = AT_ONCE;

/// The total time an utterance may wait for a free process and for that process's output. Waiting
/// for the player does not count.
const DEADLINE: Duration = Duration::from_secs(5);

/// Bytes read from the pipe at once: 93 ms of speech, so that resampling never holds up the thread.
const READ_BYTES: usize = 4_096;

/// How much of the program's standard error is reported.
const COMPLAINT_BYTES: u64 = 512;

/// The location and settings of espeak-ng.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EspeakSettings {
    /// The program: a path, or a name looked up in `PATH`.
    pub program: PathBuf,
    /// Speaking rate. The program's default of 175 is too fast for a telephone.
    pub words_per_minute: u16,
    /// Voices by language, overriding the built-in choice.
    pub voices: BTreeMap<Language, String>,
}

impl Default for EspeakSettings {
    fn default() -> Self {
        Self {
            program: "espeak-ng".into(),
            words_per_minute: 155,
            voices: BTreeMap::new(),
        }
    }
}

/// espeak-ng as a [`Synthesizer`].
#[derive(Debug)]
pub struct Espeak {
    settings: EspeakSettings,
    processes: Arc<Semaphore>,
}

impl Espeak {
    /// A synthesizer with these settings. Nothing is started before the first utterance.
    pub fn new(settings: EspeakSettings) -> Self {
        Self {
            settings,
            processes: Arc::new(Semaphore::new(PROCESSES)),
        }
    }

    fn voice_for<'a>(&'a self, utterance: &'a Utterance) -> Result<&'a str, SynthesisError> {
        let configured = utterance
            .voice
            .as_ref()
            .or_else(|| self.settings.voices.get(&utterance.language))
            .map(String::as_str);
        let voice = configured.or_else(|| voices::voice_for(&utterance.language));
        let voice = voice.ok_or_else(|| SynthesisError::NoVoice(utterance.language.clone()))?;
        if !voices::is_voice_name(voice) {
            return Err(SynthesisError::Unavailable(format!(
                "`{voice}` is not the name of an espeak-ng voice; see `espeak-ng --voices`"
            )));
        }
        Ok(voice)
    }

    async fn start(&self, voice: &str) -> Result<Child, SynthesisError> {
        let mut command = Command::new(&self.settings.program);
        command
            .args(["--stdin", "--stdout", "-b", "1", "-v", voice, "-s"])
            .arg(self.settings.words_per_minute.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // spawning a process takes up to a millisecond, too long for an async thread
        let started = spawn_blocking(move || command.spawn())
            .await
            .map_err(|error| broken(&error.to_string()))?;
        started.map_err(|error| not_started(&self.settings.program, &error))
    }
}

impl Default for Espeak {
    fn default() -> Self {
        Self::new(EspeakSettings::default())
    }
}

#[async_trait]
impl Synthesizer for Espeak {
    fn name(&self) -> &str {
        "espeak-ng"
    }

    fn speaks(&self, language: &Language) -> bool {
        self.settings.voices.contains_key(language) || voices::voice_for(language).is_some()
    }

    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        let voice = self.voice_for(utterance)?;
        let text = plain(utterance.text.expose());
        if text.trim().is_empty() {
            return Ok(mpsc::channel(1).1);
        }
        let mut patience = Patience::new(DEADLINE);
        let free = patience
            .wait(Arc::clone(&self.processes).acquire_owned())
            .await?;
        let permit =
            free.map_err(|_| SynthesisError::Unavailable("espeak-ng was shut down".to_owned()))?;
        let child = self.start(voice).await?;
        let (pieces, receiver) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            tokio::select! {
                spoken = speak(child, &text, rate_hz, patience, &pieces) => if let Err(error) = spoken {
                    // fails only if the receiver is gone, and then nobody needs the error
                    let _ = pieces.send(Err(error)).await;
                },
                () = pieces.closed() => {}
            }
            drop(permit);
        });
        Ok(receiver)
    }
}

/// Speaks one text: writes it to the process and passes on its output. Dropping this future kills
/// the process.
async fn speak(
    mut child: Child,
    text: &str,
    rate_hz: u32,
    mut patience: Patience,
    pieces: &mpsc::Sender<Result<Samples, SynthesisError>>,
) -> Result<(), SynthesisError> {
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(SynthesisError::Unavailable(
            "`espeak-ng` was started without pipes".to_owned(),
        ));
    };
    // if the process died before reading everything, its exit status shows it
    let _ = patience.wait(stdin.write_all(text.as_bytes())).await?;
    drop(stdin);

    let mut shaping = Shaping::of_wav(rate_hz);
    let mut made = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut streamed = false;
    loop {
        let read = patience
            .wait(stdout.read(&mut buffer))
            .await?
            .map_err(|error| broken(&error.to_string()))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        streamed = true;
        shaping
            .push(bytes, &mut made)
            .map_err(|error| broken(&error))?;
        hand_over(&mut made, pieces).await;
    }

    let mut complaint = String::new();
    let _ = patience
        .wait(stderr.take(COMPLAINT_BYTES).read_to_string(&mut complaint))
        .await?;
    let status = patience
        .wait(child.wait())
        .await?
        .map_err(|error| broken(&error.to_string()))?;
    if !status.success() || !streamed {
        return Err(SynthesisError::Unavailable(format!(
            "`espeak-ng` ended with {status}: {}",
            complaint.trim()
        )));
    }
    shaping.finish(&mut made).map_err(|error| broken(&error))?;
    hand_over(&mut made, pieces).await;
    Ok(())
}

async fn hand_over(
    made: &mut Vec<Samples>,
    pieces: &mpsc::Sender<Result<Samples, SynthesisError>>,
) {
    for piece in made.drain(..) {
        // a closed channel cancels this future from outside
        let _ = pieces.send(Ok(piece)).await;
    }
}

/// The text without what espeak-ng would interpret: `[[` starts phoneme names, and control
/// characters end or hide text.
fn plain(text: &str) -> String {
    text.replace("[[", "[ [")
        .replace(|character: char| character.is_control(), " ")
}

fn not_started(program: &Path, error: &std::io::Error) -> SynthesisError {
    let program = program.display();
    SynthesisError::Unavailable(match error.kind() {
        ErrorKind::NotFound => {
            format!(
                "there is no program `{program}`: install the `espeak-ng` package, or set [speech] synthesizer"
            )
        }
        _ => format!("cannot start `{program}`: {error}"),
    })
}

fn broken(reason: &str) -> SynthesisError {
    SynthesisError::Unavailable(format!("`espeak-ng` gave no speech: {reason}"))
}
