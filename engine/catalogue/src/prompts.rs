//! Reads and checks a flow's prompt files and audio files.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_audio::wav;
use ghanti_host::{Fault, Step};
use ghanti_language::{PromptBook, Severity, TemplateProblem};
use ghanti_model::Language;

/// Reads the prompt files, by language, and checks them against each other; those of `languages`
/// must have every template. `audio` are the flow's WAV files by name. Returns the warnings, too; on
/// failure all problems with the first one's line.
pub(crate) fn read(
    prompts: &BTreeMap<Language, String>,
    languages: &[Language],
    audio: &BTreeMap<String, Arc<[u8]>>,
) -> Result<(PromptBook, Vec<TemplateProblem>), Fault> {
    match checked(prompts, languages, audio) {
        (Some(book), problems, unplayable) => {
            let (errors, warnings): (Vec<_>, Vec<_>) = problems
                .into_iter()
                .partition(|problem| problem.severity == Severity::Error);
            if !errors.is_empty() {
                return Err(of_templates(&errors));
            }
            if unplayable.is_empty() {
                Ok((book, warnings))
            } else {
                Err(fault(&unplayable, None))
            }
        }
        (None, problems, _) => Err(of_templates(&problems)),
    }
}

/// The prompts, unless a file cannot be read; all problems of their files, and the audio files that
/// cannot be played.
pub(crate) fn checked(
    prompts: &BTreeMap<Language, String>,
    languages: &[Language],
    audio: &BTreeMap<String, Arc<[u8]>>,
) -> (Option<PromptBook>, Vec<TemplateProblem>, Vec<String>) {
    let unplayable = audio
        .iter()
        .filter_map(|(name, file)| {
            let reason = wav::check(file).err()?;
            Some(format!("`audio/{name}.wav` cannot be played: {reason}"))
        })
        .collect();
    match PromptBook::parse(prompts) {
        Ok(book) => {
            let problems = book.check(languages);
            (Some(book), problems, unplayable)
        }
        Err(problems) => (None, problems, unplayable),
    }
}

fn of_templates(problems: &[TemplateProblem]) -> Fault {
    let line = problems.first().and_then(|problem| problem.line);
    let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let hint = match problems {
        [] => String::new(),
        [only] => only.hint.clone(),
        [first, ..] => format!("correct each of these; the first: {}", first.hint),
    };
    Fault::new(Step::Prompts, reasons.join("\n"), &hint).at(line)
}

fn fault(reasons: &[String], line: Option<usize>) -> Fault {
    Fault::new(
        Step::Prompts,
        reasons.join("\n"),
        "save each as WAV, PCM of 16 bits, mono",
    )
    .at(line)
}
