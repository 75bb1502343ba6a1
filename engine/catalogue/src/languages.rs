//! Which languages a flow has.

use std::collections::BTreeMap;

use ghanti_host::{Fault, Step};
use ghanti_manifest::Manifest;
use ghanti_model::Language;

/// The flow's languages: those of the manifest, else that of its only prompt file. Each needs a
/// prompt file, where there are any.
pub(crate) fn languages(
    manifest: &Manifest,
    prompts: &BTreeMap<Language, String>,
) -> Result<Vec<Language>, Fault> {
    let mut languages = manifest.languages.clone();
    if languages.is_empty() {
        languages.extend(prompts.keys().cloned());
        if languages.len() > 1 {
            let names = languages.iter().map(|language| format!("\"{language}\""));
            let reason = format!(
                "the flow has prompts in {} languages, and nothing says which is the default",
                languages.len()
            );
            let hint = format!(
                "add `languages = [{}]` to `[flow]` of flow.toml, the default first",
                names.collect::<Vec<_>>().join(", ")
            );
            return Err(Fault::new(Step::Manifest, reason, &hint));
        }
        if languages.is_empty() {
            languages.push(Language::english());
        }
    }
    // a flow without prompts says plain texts or plays audio files
    let needs_prompts =
        !prompts.is_empty() || !manifest.questions.is_empty() || !manifest.prompts.is_empty();
    let missing = languages
        .iter()
        .filter(|language| needs_prompts && !prompts.contains_key(language));
    let missing = missing
        .map(|language| format!("`prompts/{language}.ftl` is missing"))
        .collect::<Vec<_>>();
    if missing.is_empty() {
        Ok(languages)
    } else {
        Err(Fault::new(
            Step::Prompts,
            missing.join("\n"),
            "add the file, or take the language away",
        ))
    }
}
