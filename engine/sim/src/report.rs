//! What came of a played call, and the folder it is written to: recording, transcript, journal,
//! wire log and this report.

use std::fmt::Write as _;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ghanti_audio::StereoRecording;
use ghanti_model::{CallRecord, Extent, Line, PhoneNumber, Speaker};
use serde::Serialize;

use crate::conversation::Played;
use crate::fault::WireFault;

/// A played call.
#[derive(Debug, Serialize)]
pub struct CallReport {
    /// The scenario's title.
    pub title: String,
    /// The record's outcome.
    pub outcome: Option<String>,
    /// The outcome that the scenario expects.
    pub expected: String,
    /// Whether all is as the scenario expects: exactly when there are no complaints.
    pub ok: bool,
    /// What is not, one sentence each.
    pub complaints: Vec<String>,
    /// The first agent's number that Connect was given.
    pub agent: Option<PhoneNumber>,
    /// From `start` to the bot's first audible sample, as the caller heard it.
    pub first_audio_ms: Option<u64>,
    /// From the caller's last audible sample to the bot's next one, for each answer that could be
    /// timed.
    pub response_ms: Vec<u64>,
    /// How often the bot's speech ran dry in the middle of an utterance.
    pub gaps: u32,
    /// How long the stream was.
    pub lasted_ms: u64,
    /// Breaches of Exotel's rules.
    pub wire_faults: Vec<WireFault>,
    /// Who said what, by the engine's record.
    pub transcript: Vec<Line>,
    /// The bot's words by a recogniser, a turn each; empty where none listened.
    pub bot_words: Vec<String>,
    /// What was written.
    pub files: Files,
}

/// The files of a call's folder.
#[derive(Debug, Clone, Serialize)]
pub struct Files {
    /// Stereo: the caller left, the bot as he heard it right.
    pub recording: PathBuf,
    /// Who said what, to be read.
    pub transcript: PathBuf,
    /// The flow's journal, or `null`.
    pub journal: PathBuf,
    /// Every message of the stream, a line each.
    pub wire: PathBuf,
    /// The report itself.
    pub report: PathBuf,
}

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {reason}")]
pub struct WriteError {
    /// Which.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Files {
    /// The names in a folder, which is made if it is not there.
    pub fn in_folder(folder: &Path) -> Result<Self, WriteError> {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        Ok(Self {
            recording: folder.join("call.wav"),
            transcript: folder.join("transcript.txt"),
            journal: folder.join("journal.json"),
            wire: folder.join("wire.jsonl"),
            report: folder.join("report.json"),
        })
    }

    /// Writes all of them. Blocks: a call is over by then.
    pub fn write(
        &self,
        report: &CallReport,
        record: Option<&CallRecord>,
        played: Option<&Played>,
    ) -> Result<(), WriteError> {
        if let Some(played) = played {
            self.write_recording(played)?;
            write(&self.wire, &played.wire_log)?;
        }
        write(&self.transcript, &readable(&report.transcript))?;
        write(
            &self.journal,
            &json(&record.and_then(|record| record.journal.as_ref())),
        )?;
        write(&self.report, &json(report))
    }

    fn write_recording(&self, played: &Played) -> Result<(), WriteError> {
        let mut recording = StereoRecording::new(played.rate_hz);
        recording.caller(0, &played.caller_audio);
        recording.bot(0, &played.bot_audio);
        let file = std::fs::File::create(&self.recording)
            .map_err(|error| failed(&self.recording, &error))?;
        recording
            .write_wav(BufWriter::new(file))
            .map_err(|error| failed(&self.recording, &error))
    }
}

/// A transcript as a page: time, speaker, words, how they were heard.
fn readable(lines: &[Line]) -> String {
    let mut page = String::new();
    for line in lines {
        let speaker = match line.speaker {
            Speaker::Bot => "bot",
            Speaker::Caller => "caller",
            Speaker::Keys => "keys",
        };
        let heard = match line.heard {
            None | Some(Extent::Whole) => "",
            Some(Extent::Assumed) => " (assumed: no mark came back)",
            Some(Extent::Partial) => " (interrupted)",
            Some(Extent::Unheard) => " (unheard)",
        };
        let seconds = line.at_ms as f64 / 1000.0;
        let _ = writeln!(
            page,
            "{seconds:6.1}  {speaker:6}  {}{heard}  [{} {}]",
            line.text.expose(),
            line.name,
            line.language
        );
    }
    page
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
}

fn write(path: &Path, text: &str) -> Result<(), WriteError> {
    std::fs::write(path, text).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, reason: &dyn std::fmt::Display) -> WriteError {
    WriteError {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}
