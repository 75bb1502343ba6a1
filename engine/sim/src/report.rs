//! The result of a simulated call, and the folder that it is written to: recording, transcript,
//! journal, wire log and this report.

use std::fmt::Write as _;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ghanti_audio::StereoRecording;
use ghanti_model::{CallRecord, Extent, Line, PhoneNumber, Speaker};
use serde::Serialize;

use crate::conversation::Played;
use crate::fault::WireFault;

/// The result of a simulated call.
#[derive(Debug, Serialize)]
pub struct CallReport {
    /// The scenario's title.
    pub title: String,
    /// The outcome in the call's record.
    pub outcome: Option<String>,
    /// The outcome that the scenario expects.
    pub expected: String,
    /// Whether everything went as expected, that is, there are no complaints.
    pub ok: bool,
    /// The complaints, one sentence each.
    pub complaints: Vec<String>,
    /// The first of the agents' numbers that Connect received.
    pub agent: Option<PhoneNumber>,
    /// Time from `start` to the bot's first audible sample, in ms.
    pub first_audio_ms: Option<u64>,
    /// Times from the caller's last audible sample to the bot's next one, in ms, for each response
    /// that could be measured.
    pub response_ms: Vec<u64>,
    /// How often the bot's speech ran dry within an utterance.
    pub gaps: u32,
    /// Duration of the stream, in ms.
    pub lasted_ms: u64,
    /// Violations of Exotel's rules.
    pub wire_faults: Vec<WireFault>,
    /// The transcript in the engine's record.
    pub transcript: Vec<Line>,
    /// The bot's words as recognised from its audio, by turn; empty if there was no recognizer.
    pub bot_words: Vec<String>,
    /// The files written.
    pub files: Files,
}

/// The files in a call's folder.
#[derive(Debug, Clone, Serialize)]
pub struct Files {
    /// Stereo recording: the caller on the left, the bot as the caller heard it on the right.
    pub recording: PathBuf,
    /// The transcript in readable form.
    pub transcript: PathBuf,
    /// The flow's journal, or `null`.
    pub journal: PathBuf,
    /// All messages of the stream, one per line.
    pub wire: PathBuf,
    /// The report itself.
    pub report: PathBuf,
}

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {reason}")]
pub struct WriteError {
    /// The file.
    pub path: String,
    /// The reason.
    pub reason: String,
}

impl Files {
    /// The paths in a folder, which is created if necessary.
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

    /// Writes all files. Blocks, which is acceptable because the call is over.
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

/// Formats a transcript: time, speaker, text, and how much of it was heard.
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
