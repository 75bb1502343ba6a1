//! Warnings about a flow's files: they do not prevent calls, but are probably mistakes.

use std::path::Path;

use ghanti_host::Step;
use ghanti_language::{PromptBook, Severity as PromptSeverity, TemplateProblem};
use ghanti_manifest::question::Expects;
use ghanti_manifest::{Manifest, ManifestError, OnFailureThen};
use ghanti_model::Language;

use crate::finding::{Finding, Severity};
use crate::languages::languages;
use crate::scan::{Form, Place, passing};
use crate::source::{Parts, Source};

/// Warnings about the files in a flow's folder, except its component. Errors in them are not reported here.
pub fn advice(folder: &Path) -> Vec<Finding> {
    let Ok(place) = Place::alone(folder) else {
        return Vec::new();
    };
    if place.form == Form::Bare {
        return Vec::new();
    }
    let mut found = not_read(folder);
    let parts = Source::read_all(&place).0.parts;
    let text = parts.manifest.clone().unwrap_or_default();
    if let Ok(manifest) = Manifest::parse(&text)
        && let Ok(languages) = languages(&manifest, &parts.prompts)
    {
        if let Ok(book) = PromptBook::parse(&parts.prompts) {
            found.extend(of_prompts(&book.check(&languages)));
        }
        found.extend(of_manifest(&manifest, &parts, &languages, &text));
    }
    found
}

/// Warnings of prompt files.
pub(crate) fn of_prompts(problems: &[TemplateProblem]) -> impl Iterator<Item = Finding> {
    problems
        .iter()
        .filter(|problem| problem.severity == PromptSeverity::Warning)
        .cloned()
        .map(Finding::prompts)
}

/// Warnings about a manifest, given the flow's other files. `text` is that of the manifest.
pub(crate) fn of_manifest(
    manifest: &Manifest,
    parts: &Parts,
    languages: &[Language],
    text: &str,
) -> Vec<Finding> {
    let mut found: Vec<_> = unused_prompts(parts, languages).collect();
    found.extend(unsayable(manifest, languages, text));
    let granted = manifest.grants.transfer.as_ref();
    let grants_none =
        granted.is_none_or(|targets| targets.is_empty()) && manifest.samples.transfer.is_empty();
    if manifest.on_failure.then == OnFailureThen::Transfer && grants_none {
        let message = "after a failure the call is to go to an agent, and no transfer is granted: it ends with a goodbye, unless `agents` of ghanti.toml's `[calls]` has a number";
        let hint = "add `transfer = [\"default\"]` to `[grants]`, or write `then = \"goodbye\"`";
        found.push(warning(
            text,
            &["on-failure", "then"],
            message.to_owned(),
            hint,
        ));
    }
    found
}

/// Choices that can be said in some of the flow's languages, and in the others only be pressed.
fn unsayable(manifest: &Manifest, languages: &[Language], text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, question) in &manifest.questions {
        let Expects::Choices(choices) = &question.expects else {
            continue;
        };
        for choice in choices {
            let Some(key) = choice.key else { continue };
            if choice.lexicon.is_some() || choice.phrases.is_empty() {
                continue;
            }
            let has = |language: &Language| {
                let mut phrases = choice.phrases.iter();
                phrases.any(|phrases| phrases.language.primary() == language.primary())
            };
            let without = languages.iter().filter(|language| !has(language));
            let without: Vec<_> = without.map(|language| format!("`{language}`")).collect();
            if without.is_empty() {
                continue;
            }
            let message = format!(
                "the choice `{}` of the question `{name}` has no phrases in {}: there callers cannot say it, but only press {key}",
                choice.id,
                without.join(", ")
            );
            let keys = ["questions", name, "choices"];
            found.push(warning(text, &keys, message, "add them to `phrases`"));
        }
    }
    found
}

fn warning(text: &str, keys: &[&str], message: String, hint: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        hint: hint.to_owned(),
        ..Finding::manifest(ManifestError::at(text, keys, None, message))
    }
}

/// Prompts in languages that the flow does not have.
fn unused_prompts<'a>(
    parts: &'a Parts,
    languages: &'a [Language],
) -> impl Iterator<Item = Finding> + 'a {
    let unused = parts
        .prompts
        .keys()
        .filter(|language| !languages.contains(language));
    unused.map(|language| Finding {
        file: Some(format!("prompts/{language}.ftl")),
        ..Finding::of(
            Severity::Warning,
            Step::Prompts,
            format!("these prompts are never said: `[flow] languages` does not have `{language}`"),
            "add it there, or move the file away",
        )
    })
}

/// Files of a flow's folder that are ignored because of their names.
pub(crate) fn not_read(folder: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for (part, ending, what) in [
        (
            "prompts",
            "ftl",
            "a language's prompts are in `TAG.ftl`, such as `en-IN.ftl`",
        ),
        (
            "audio",
            "wav",
            "a recording is in `NAME.wav`, which is WAV, PCM of 16 bits, mono",
        ),
        ("tests", "toml", "a test is in `NAME.toml`"),
    ] {
        let entries = std::fs::read_dir(folder.join(part));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !passing(name) && !name.ends_with(&format!(".{ending}")))
            .collect();
        names.sort();
        found.extend(names.into_iter().map(|name| Finding {
            file: Some(format!("{part}/{name}")),
            ..Finding::of(
                Severity::Warning,
                Step::Read,
                "this file is not read".to_owned(),
                &format!("{what}: rename it, or move it away"),
            )
        }));
    }
    found
}
