//! Checks a flow's prompt files against each other.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::description::Kind;
use ghanti_model::{Language, TemplateUse};

use super::length::Length;
use super::{MAX_PROMPT_BYTES, Pages, Severity, TemplateProblem};

/// The templates that all these languages have, with the declared variables of all files.
pub(super) fn templates(
    pages: &BTreeMap<Language, Pages>,
    kinds: &BTreeMap<String, Kind>,
    languages: &[Language],
) -> Vec<TemplateUse> {
    let mut variables: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, needs) in pages.values().flat_map(|page| &page.messages) {
        variables
            .entry(name)
            .or_default()
            .extend(needs.keys().map(String::as_str));
    }
    let argument = |variable: &str| Some((variable.to_owned(), kinds.get(variable).copied()?));
    let is_everywhere = |name: &str| {
        let mut pages = languages.iter().map(|language| pages.get(language));
        pages.all(|page| page.is_some_and(|page| page.messages.contains_key(name)))
    };
    variables
        .into_iter()
        .filter(|(name, _)| is_everywhere(name))
        .map(|(name, variables)| TemplateUse {
            name: name.to_owned(),
            arguments: variables.into_iter().filter_map(argument).collect(),
        })
        .collect()
}

/// Checks the files of these languages. Files of others are only checked for what they have.
pub(super) fn check(
    pages: &BTreeMap<Language, Pages>,
    kinds: &BTreeMap<String, Kind>,
    languages: &[Language],
) -> Vec<TemplateProblem> {
    let mut problems = Vec::new();
    for page in pages.values() {
        problems.extend(undeclared(page, kinds));
        problems.extend(too_long(page));
        problems.extend(silent(page));
    }
    let names: BTreeSet<&str> = pages
        .values()
        .flat_map(|page| {
            let whole = |name: &&String| !page.parts.contains(*name);
            page.messages.keys().filter(whole).map(String::as_str)
        })
        .collect();
    for page in languages.iter().filter_map(|language| pages.get(language)) {
        problems.extend(missing(page, &names, pages));
    }
    problems.extend(unused(pages));
    problems
}

/// Messages that another language has.
fn missing(
    page: &Pages,
    names: &BTreeSet<&str>,
    pages: &BTreeMap<Language, Pages>,
) -> Vec<TemplateProblem> {
    if page.messages.is_empty() && !names.is_empty() {
        let language = page
            .file
            .trim_start_matches("prompts/")
            .trim_end_matches(".ftl");
        return vec![TemplateProblem::error(
            &page.file,
            None,
            format!(
                "the file has no message, and the other languages have {}",
                names.len()
            ),
            format!(
                "write them here, or take `{language}` out of `[flow] languages` and the file away"
            ),
        )];
    }
    names
        .iter()
        .filter(|name| !page.messages.contains_key(**name))
        .map(|name| {
            let other = pages
                .values()
                .find(|other| other.messages.contains_key(*name))
                .map_or("", |other| other.file.as_str());
            TemplateProblem::error(
                &page.file,
                None,
                format!("there is no message `{name}`, which `{other}` has"),
                format!("add a line `{name} = …`"),
            )
        })
        .collect()
}

fn undeclared(page: &Pages, kinds: &BTreeMap<String, Kind>) -> Vec<TemplateProblem> {
    let mut reported = BTreeSet::new();
    let mut problems = Vec::new();
    for (name, needs) in &page.messages {
        for (variable, line) in needs {
            if !kinds.contains_key(variable) && reported.insert((variable, line)) {
                problems.push(TemplateProblem::error(
                    &page.file,
                    Some(*line),
                    format!("message `{name}` uses `${variable}`, whose type no comment declares"),
                    format!(
                        "correct the name, or add the line `# ${variable} (text) what it is` above the message; types are {}",
                        Kind::ALL.map(Kind::as_str).join(", ")
                    ),
                ));
            }
        }
    }
    problems
}

/// Messages too long for any call.
fn too_long(page: &Pages) -> Vec<TemplateProblem> {
    page.lengths
        .iter()
        .filter(|(name, length)| {
            length.bytes > MAX_PROMPT_BYTES && page.messages.contains_key(*name)
        })
        .map(|(name, length)| {
            TemplateProblem::error(
                &page.file,
                Some(length.line),
                format!(
                    "message `{name}` has {} bytes, and a prompt at most {MAX_PROMPT_BYTES}",
                    length.bytes
                ),
                "shorten it, or let the flow say it in several messages".to_owned(),
            )
        })
        .collect()
}

/// Messages that say nothing, whatever their variables are.
fn silent(page: &Pages) -> Vec<TemplateProblem> {
    let is_silent = |(name, length): &(&String, &Length)| {
        let needs = page.messages.get(*name);
        length.spoken == 0 && needs.is_some_and(BTreeMap::is_empty)
    };
    page.lengths
        .iter()
        .filter(is_silent)
        .map(|(name, length)| {
            TemplateProblem::error(
                &page.file,
                Some(length.line),
                format!("of message `{name}` nothing is spoken: it has neither words nor numbers"),
                format!("write some: `{name} = …`"),
            )
        })
        .collect()
}

/// Declared variables that no language uses.
fn unused(pages: &BTreeMap<Language, Pages>) -> Vec<TemplateProblem> {
    let used: BTreeSet<&str> = pages
        .values()
        .flat_map(|page| page.messages.values())
        .flat_map(|needs| needs.keys().map(String::as_str))
        .collect();
    pages
        .values()
        .flat_map(|page| {
            page.declared
                .iter()
                .map(move |(name, (_, line))| (page, name, *line))
        })
        .filter(|(_, name, _)| !used.contains(name.as_str()))
        .map(|(page, name, line)| TemplateProblem {
            severity: Severity::Warning,
            file: page.file.clone(),
            line: Some(line),
            message: format!("`${name}` is declared, and no message of any language uses it"),
            hint: "use it, or take the line out".to_owned(),
        })
        .collect()
}
